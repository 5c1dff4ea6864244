import { type Resumable, resumeLines } from "../../model/resume";
import { SafeText } from "../base/SafeText";
import { CopyButton } from "../drill/CopyButton";

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
      <Line code={magic} name="the line of a cell" />
      {python !== undefined && (
        <>
          <span class="mipro-muted">or, in Python:</span>
          <Line code={python} name="the line of Python" />
        </>
      )}
    </div>
  );
}

function Line({ code, name }: { readonly code: string; readonly name: string }) {
  return (
    <span class="mipro-carry-on-line">
      <code>
        <SafeText text={code} />
      </code>
      <CopyButton name={name} text={async () => code} />
    </span>
  );
}
