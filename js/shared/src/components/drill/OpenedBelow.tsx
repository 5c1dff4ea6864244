import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isFocusLost } from "../base/focus";

interface OpenedBelowProps {
  /** The table. */
  readonly children: ComponentChildren;
  /** What of the table's rows is shown in full: "Example 12"; null where none is. */
  readonly name: string | null;
  readonly detail: ComponentChildren;
  readonly onClose: () => void;
}

/** A table, and below it one of its rows in full. The focus stays in the table meanwhile. */
export function OpenedBelow({ children, name, detail, onClose }: OpenedBelowProps) {
  const root = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLDivElement>(null);
  const wasOpen = useRef(false);

  useEffect(() => {
    if (name !== null) {
      below.current?.scrollIntoView?.({ block: "nearest" });
    } else if (wasOpen.current && isFocusLost(root.current)) {
      root.current?.querySelector<HTMLElement>("[role=grid]")?.focus();
    }
    wasOpen.current = name !== null;
  }, [name]);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes it from wherever the focus is
    <div
      ref={root}
      onKeyDown={(event) => {
        if (event.key === "Escape" && name !== null) {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      {children}
      <p class="mipro-only-read" role="status">
        {name === null ? "" : `${name} is shown below the table.`}
      </p>
      {name !== null && <div ref={below}>{detail}</div>}
    </div>
  );
}
