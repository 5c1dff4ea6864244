import { type Resumable, resumeLines } from "../../model/resume";
import { CodeLine } from "../drill/CodeLine";

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
    </div>
  );
}
