import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { usePageId } from "../../model/ids";
import { Button } from "../base/Button";
import { SafeText } from "../base/SafeText";
import type { Action } from "../drill/asking";

interface InstructionFormProps {
  /** What the text is for: "Your instruction". */
  readonly label: string;
  readonly initial: string;
  readonly submit: string;
  /** Instructions that are there already. */
  readonly taken: readonly { readonly index: number; readonly text: string }[];
  readonly action: Action;
  /** Below the text: what else there is to choose. */
  readonly children?: ComponentChildren;
  readonly onSubmit: (instruction: string) => void;
  readonly onCancel: () => void;
}

/** A place to write an instruction. */
export function InstructionForm({
  label,
  initial,
  submit,
  taken,
  action,
  children,
  onSubmit,
  onCancel,
}: InstructionFormProps) {
  const id = usePageId();
  const [text, setText] = useState(initial);
  const [tried, setTried] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);

  const wrong = fault(text, taken);
  const error = tried ? (wrong ?? action.error) : action.error;

  function send(event: Event): void {
    event.preventDefault();
    setTried(true);
    if (wrong === null) {
      onSubmit(text.trim());
    } else {
      field.current?.focus();
    }
  }

  function press(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      // JupyterLab would run the cell.
      event.stopPropagation();
      send(event);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      // What was written is not thrown away by one key.
      if (text === initial) {
        onCancel();
      }
    }
  }

  return (
    <form class="mipro-instruction-form" onSubmit={send} onKeyDown={press}>
      <label for={id} class="mipro-field-label">
        {label}
      </label>
      <textarea
        id={id}
        ref={field}
        class="mipro-textarea"
        dir="auto"
        rows={Math.min(14, Math.max(4, Math.ceil(text.length / 60)))}
        value={text}
        placeholder="Tell the model what to do with the inputs, and how to write each output."
        readOnly={action.pending}
        onInput={(event) => setText(event.currentTarget.value)}
        aria-invalid={error !== null}
        aria-describedby={error === null ? undefined : `${id}-error`}
      />
      {error !== null && (
        <span class="mipro-field-error" id={`${id}-error`} role="alert">
          <SafeText text={error} />
        </span>
      )}
      {children}
      <div class="mipro-instruction-form-buttons">
        <Button kind="primary" type="submit">
          {action.pending ? "Adding…" : submit}
        </Button>
        <Button kind="plain" disabled={action.pending} onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** What is wrong with an instruction; null while nothing is. */
function fault(
  text: string,
  taken: readonly { readonly index: number; readonly text: string }[],
): string | null {
  const instruction = text.trim();
  if (instruction === "") {
    return "Write an instruction first.";
  }
  const same = taken.find((other) => other.text.trim() === instruction);
  return same === undefined
    ? null
    : `This is instruction ${same.index} already; change a word of it.`;
}
