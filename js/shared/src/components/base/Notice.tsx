import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

interface NoticeProps {
  readonly children: ComponentChildren;
  readonly tone?: "info" | "good" | "warning" | "danger";
  /** A button or two. */
  readonly action?: ComponentChildren;
}

const icons: Record<NonNullable<NoticeProps["tone"]>, IconName> = {
  info: "info",
  good: "check",
  warning: "warning",
  danger: "warning",
};

/** A sentence that the person should read before going on. */
export function Notice({ children, tone = "info", action }: NoticeProps) {
  return (
    <div class={`mipro-notice mipro-notice--${tone}`} role={tone === "danger" ? "alert" : "note"}>
      <Icon name={icons[tone]} />
      <div class="mipro-notice-text">{children}</div>
      {action && <div class="mipro-notice-action">{action}</div>}
    </div>
  );
}
