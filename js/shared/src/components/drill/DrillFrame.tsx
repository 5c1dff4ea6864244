import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { usePageId } from "../../model/ids";
import { IconButton } from "../base/Button";
import { useFocusReturn } from "../base/focus";

interface DrillFrameProps {
  readonly title: ComponentChildren;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  /** What is closed: "trial 7". */
  readonly name: string;
  readonly children: ComponentChildren;
  /** Null where it was not opened from anything. */
  readonly onClose: (() => void) | null;
}

/**
 * A view that was opened from another and goes away with Escape.
 *
 * The focus begins at its title, and returns to where it came from.
 */
export function DrillFrame({ title, aside, name, children, onClose }: DrillFrameProps) {
  const id = usePageId();
  const heading = useRef<HTMLHeadingElement>(null);
  const frame = useRef<HTMLElement>(null);
  const opened = onClose !== null;
  useFocusReturn(frame, opened);
  useEffect(() => {
    if (opened) {
      heading.current?.focus();
    }
  }, [name, opened]);

  return (
    <section
      ref={frame}
      class="mipro-drill"
      aria-labelledby={id}
      onKeyDown={(event) => {
        if (event.key === "Escape" && onClose !== null) {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <header class="mipro-drill-head">
        <h3 id={id} ref={heading} tabIndex={-1}>
          {title}
        </h3>
        {aside}
        {onClose !== null && <IconButton icon="close" label={`Close ${name}`} onClick={onClose} />}
      </header>
      {children}
    </section>
  );
}
