import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../base/Button";

interface CopyButtonProps {
  /** What is copied, read aloud: "instruction 3". */
  readonly name: string;
  /** The raw text, with all that is shown as marks. */
  readonly text: () => Promise<string>;
}

const words = {
  idle: "Copy",
  copying: "Copying…",
  copied: "Copied",
  failed: "Not copied",
} as const;

const SHOWN_FOR = 2500;

export function CopyButton({ name, text }: CopyButtonProps) {
  const [state, setState] = useState<keyof typeof words>("idle");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  async function copy(): Promise<void> {
    clearTimeout(timer.current);
    setState("copying");
    try {
      await toClipboard(await text());
      setState("copied");
    } catch {
      setState("failed");
    }
    timer.current = setTimeout(() => setState("idle"), SHOWN_FOR);
  }

  return (
    <Button kind="quiet" icon={state === "copied" ? "check" : "copy"} onClick={() => void copy()}>
      <span aria-live="polite">{words[state]}</span> <span class="mipro-only-read">{name}</span>
    </Button>
  );
}

export async function toClipboard(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    return navigator.clipboard.writeText(text);
  }
  // A page that came over plain http has no clipboard of its own.
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  if (!done) {
    throw new Error("The browser did not let the text be copied.");
  }
}
