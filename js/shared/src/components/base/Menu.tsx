import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { usePageId } from "../../model/ids";
import { Button } from "./Button";
import type { IconName } from "./Icon";

interface MenuProps {
  readonly label: string;
  readonly icon?: IconName;
  /** Checkboxes or buttons. */
  readonly children: ComponentChildren;
}

/** A button that opens a small panel below it; Escape or a click elsewhere closes it. */
export function Menu({ label, icon, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const id = usePageId();
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) {
      return;
    }
    function closeOutside(event: Event): void {
      // Where the view lives in a shadow root, only the path tells what was clicked.
      if (box.current !== null && !event.composedPath().includes(box.current)) {
        setOpen(false);
      }
    }
    function closeOnEscape(event: KeyboardEvent): void {
      if (event.key === "Escape") {
        event.stopPropagation();
        setOpen(false);
        box.current?.querySelector("button")?.focus();
      }
    }
    const opened = box.current;
    document.addEventListener("pointerdown", closeOutside);
    opened?.addEventListener("keydown", closeOnEscape);
    return () => {
      document.removeEventListener("pointerdown", closeOutside);
      opened?.removeEventListener("keydown", closeOnEscape);
    };
  }, [open]);

  return (
    <div class="mipro-menu" ref={box}>
      <Button
        kind="quiet"
        expanded={open}
        onClick={() => setOpen(!open)}
        {...(icon ? { icon } : {})}
      >
        {label}
      </Button>
      {open && (
        <fieldset class="mipro-menu-panel" id={id} aria-label={label}>
          {children}
        </fieldset>
      )}
    </div>
  );
}
