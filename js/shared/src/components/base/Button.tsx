import type { ComponentChildren } from "preact";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: (event: MouseEvent) => void;
  /** `primary` for the one thing that a view is about, `danger` for what cannot be undone. */
  readonly kind?: "primary" | "plain" | "quiet" | "danger";
  readonly icon?: IconName;
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly title?: string;
  /** For a button that stays pressed. */
  readonly pressed?: boolean;
  /** For a button that opens something. */
  readonly expanded?: boolean;
}

export function Button({
  children,
  kind = "plain",
  icon,
  type = "button",
  pressed,
  expanded,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      class={`mipro-button mipro-button--${kind}`}
      aria-pressed={pressed}
      aria-expanded={expanded}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonProps, "children" | "kind" | "title" | "type"> {
  readonly icon: IconName;
  /** What it does: read aloud, and shown as its tip. */
  readonly label: string;
}

export function IconButton({ icon, label, pressed, expanded, ...rest }: IconButtonProps) {
  return (
    <button
      {...rest}
      type="button"
      class={classes("mipro-button", "mipro-button--icon")}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      aria-expanded={expanded}
    >
      <Icon name={icon} />
    </button>
  );
}
