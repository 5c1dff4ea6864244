import { resumeCode, resumeMagic } from "../../model/carryingOn";
import { CopyButton } from "../drill/CopyButton";

/** The lines of code that carry on a run which ended early. */
export function CarryOn({ run }: { readonly run: string }) {
  return (
    <div class="mipro-carry-on">
      <span>To carry it on, without paying again for what was answered:</span>
      <Line code={resumeMagic(run)} name="the line of a cell" />
      <span class="mipro-muted">or, in Python:</span>
      <Line code={resumeCode(run)} name="the line of Python" />
    </div>
  );
}

function Line({ code, name }: { readonly code: string; readonly name: string }) {
  return (
    <span class="mipro-carry-on-line">
      <code>{code}</code>
      <CopyButton name={name} text={async () => code} />
    </span>
  );
}
