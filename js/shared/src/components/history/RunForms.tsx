import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { formatCount, formatDateTime } from "../../format";
import type { HistoryRow } from "../../generated/view-model";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Button } from "../base/Button";
import { TextField } from "../base/Field";
import { SafeText } from "../base/SafeText";
import type { Action } from "../drill/asking";
import { counted } from "../drill/counted";

interface FormFrameProps {
  readonly label: string;
  readonly action: Action;
  /** The button that does it, and what it says meanwhile. */
  readonly submit: string;
  readonly busy: string;
  readonly dangerous?: boolean;
  readonly cancel?: string;
  readonly children: ComponentChildren;
  readonly onSubmit: () => void;
  readonly onCancel: () => void;
}

/** A small form below the bar of the marked runs. Escape takes it away. */
function FormFrame({
  label,
  action,
  submit,
  busy,
  dangerous = false,
  cancel = "Cancel",
  children,
  onSubmit,
  onCancel,
}: FormFrameProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // Where there is nothing to type, the focus begins at the button that changes nothing.
    const field = form.current?.querySelector<HTMLElement>("input, textarea");
    (field ?? form.current?.querySelector<HTMLElement>("button[type=button]"))?.focus();
  }, []);
  return (
    <form
      ref={form}
      class="mipro-runform"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      {children}
      {action.error !== null && (
        <p class="mipro-field-error" role="alert">
          <SafeText text={action.error} />
        </p>
      )}
      <div class="mipro-runform-buttons">
        <Button kind={dangerous ? "danger" : "primary"} type="submit">
          {action.pending ? busy : submit}
        </Button>
        <Button disabled={action.pending} onClick={onCancel}>
          {cancel}
        </Button>
      </div>
    </form>
  );
}

interface RunFormProps {
  readonly row: HistoryRow;
  readonly action: Action;
  readonly onCancel: () => void;
}

interface RenameFormProps extends RunFormProps {
  readonly onRename: (name: string) => void;
}

export function RenameForm({ row, action, onRename, onCancel }: RenameFormProps) {
  const [name, setName] = useState(row.name);
  const [tried, setTried] = useState(false);
  const wrong = nameError(name.trim());
  return (
    <FormFrame
      label="Rename the run"
      action={action}
      submit="Rename"
      busy="Renaming…"
      onCancel={onCancel}
      onSubmit={() => {
        setTried(true);
        if (wrong === null) {
          onRename(name.trim());
        }
      }}
    >
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        error={tried ? wrong : null}
      />
    </FormFrame>
  );
}

function nameError(name: string): string | null {
  if (name === "") {
    return "Give the run a name.";
  }
  // As Python counts them.
  const characters = [...name].length;
  return characters <= LONGEST_NAME
    ? null
    : `A name has at most ${LONGEST_NAME} characters: this one has ${formatCount(characters)}.`;
}

interface TagFormProps extends RunFormProps {
  readonly onTag: (tags: readonly string[]) => void;
}

export function TagForm({ row, action, onTag, onCancel }: TagFormProps) {
  const [text, setText] = useState(row.tags.join(", "));
  return (
    <FormFrame
      label="Tag the run"
      action={action}
      submit="Save tags"
      busy="Saving…"
      onCancel={onCancel}
      onSubmit={() => onTag(tagsIn(text))}
    >
      <TextField label="Tags" value={text} onInput={setText} hint="With commas between them." />
    </FormFrame>
  );
}

function tagsIn(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter(Boolean);
}

interface NoteFormProps extends RunFormProps {
  readonly onNote: (note: string) => void;
}

export function NoteForm({ row, action, onNote, onCancel }: NoteFormProps) {
  const [note, setNote] = useState(row.note ?? "");
  return (
    <FormFrame
      label="Note on the run"
      action={action}
      submit="Save note"
      busy="Saving…"
      onCancel={onCancel}
      onSubmit={() => onNote(note)}
    >
      <textarea
        class="mipro-note"
        aria-label="Note"
        rows={4}
        maxLength={LONGEST_NOTE}
        value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            onNote(note);
          }
        }}
      />
    </FormFrame>
  );
}

/** Characters, as the record has it. */
const LONGEST_NOTE = 10_000;
const LONGEST_NAME = 200;

interface DeleteFormProps {
  readonly rows: readonly HistoryRow[];
  readonly action: Action;
  readonly onDelete: () => void;
  readonly onCancel: () => void;
}

/** Runs that are named one by one before they are deleted. */
const NAMED = 5;

export function DeleteForm({ rows, action, onDelete, onCancel }: DeleteFormProps) {
  const what = rows.length === 1 ? "this run" : `these ${formatCount(rows.length)} runs`;
  return (
    <FormFrame
      label={`Delete ${what}?`}
      action={action}
      submit={`Delete ${what}`}
      busy="Deleting…"
      dangerous
      cancel="Keep"
      onSubmit={onDelete}
      onCancel={onCancel}
    >
      <p>
        <strong>Delete {what} from the record?</strong> All trials, texts and calls go with{" "}
        {rows.length === 1 ? "it" : "them"}, and cannot be brought back. Programs that you saved
        stay.
      </p>
      <ul class="mipro-runform-runs">
        {rows.slice(0, NAMED).map((row) => (
          <li key={row.id}>
            <SafeText text={excerpt(titleOf(row), 80)} />
            <span class="mipro-muted">
              {" "}
              · {formatDateTime(row.created)} · {counted(row.trials, "trial")} · {row.id}
            </span>
          </li>
        ))}
        {rows.length > NAMED && <li class="mipro-muted">and {rows.length - NAMED} more</li>}
      </ul>
    </FormFrame>
  );
}
