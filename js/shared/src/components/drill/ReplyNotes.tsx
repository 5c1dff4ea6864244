import type { Clip } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { ClipText } from "./ClipText";

interface ReplyNotesProps {
  readonly notes: readonly Clip[] | undefined;
  /** Whose replies they are about, read aloud: "example 2". */
  readonly name: string;
  readonly kernel: Kernel | null;
  readonly run: string;
}

/** What of the replies was not written as asked and was read all the same. */
export function ReplyNotes({ notes = [], name, kernel, run }: ReplyNotesProps) {
  return notes.length === 0 ? null : (
    <ul class="mipro-notes" aria-label={`How the replies for ${name} were read`}>
      {notes.map((note, place) => (
        <li key={place}>
          <ClipText clip={note} name={`note ${place + 1} on ${name}`} kernel={kernel} run={run} />
        </li>
      ))}
    </ul>
  );
}
