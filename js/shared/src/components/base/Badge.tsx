import type { ComponentChildren } from "preact";

export type Tone = "neutral" | "info" | "good" | "warning" | "danger";

interface BadgeProps {
  readonly children: ComponentChildren;
  readonly tone?: Tone;
  readonly title?: string;
}

/** A word or two about the state of something. */
export function Badge({ children, tone = "neutral", title }: BadgeProps) {
  return (
    <span class={`mipro-badge mipro-badge--${tone}`} title={title}>
      {children}
    </span>
  );
}
