import { useContext, useState } from "preact/hooks";
import { type Resumable, resumeLines } from "../../model/resume";
import { Button } from "../base/Button";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { CodeLine } from "../drill/CodeLine";
import { PutCell } from "./cells";

/** How a run which ended early is resumed. */
export function ResumeHint({ run }: { readonly run: Resumable }) {
  const [magic, python] = resumeLines(run);
  if (magic === undefined) {
    return (
      <div class="mipro-carry-on">
        <span>To resume it, without paying again for what was answered, {run.resume_hint}.</span>
      </div>
    );
  }
  return (
    <div class="mipro-carry-on">
      <span>To resume it, without paying again for what was answered:</span>
      <CodeLine code={magic} name="the line of a cell" />
      {python !== undefined && (
        <>
          <span class="mipro-muted">or, in Python:</span>
          <CodeLine code={python} name="the line of Python" />
        </>
      )}
      <IntoNotebook line={magic} />
    </div>
  );
}

/** Puts the line into a cell of a notebook, where one can be reached. */
function IntoNotebook({ line }: { readonly line: string }) {
  const putCell = useContext(PutCell);
  const [said, setSaid] = useState("");
  const action = useAction();
  if (putCell === null) {
    return null;
  }
  return (
    <>
      <Button
        icon="plus"
        disabled={action.pending}
        onClick={() => action.start(async () => setSaid(await putCell(line)))}
      >
        Put into a notebook
      </Button>
      <span class="mipro-small" role="status">
        <SafeText text={action.error ?? said} />
      </span>
    </>
  );
}
