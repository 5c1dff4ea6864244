import type { Clip, ReplyDetail } from "../../generated/view-model";
import { excerpt } from "../../text";
import { SafeText } from "../base/SafeText";
import { isCut } from "./cutTexts";

interface CellFieldsProps {
  readonly fields: Readonly<Record<string, Clip>> | null;
  /** Only these are shown where there are any of them. */
  readonly only?: readonly string[];
}

/** Fields and their values in the one line of a table's cell. */
export function CellFields({ fields, only = [] }: CellFieldsProps) {
  if (fields === null) {
    return <span class="mipro-muted">–</span>;
  }
  const all = Object.entries(fields);
  const some = all.filter(([field]) => only.includes(field));
  const shown = some.length > 0 ? some : all;
  const [first] = shown;
  if (first !== undefined && shown.length === 1) {
    return <SafeText text={oneLine(first[1])} />;
  }
  return (
    <>
      {shown.map(([field, clip]) => (
        <span key={field} class="mipro-cellfield">
          <span class="mipro-muted">
            <SafeText text={field} />{" "}
          </span>
          <SafeText text={oneLine(clip)} />
        </span>
      ))}
    </>
  );
}

function oneLine(clip: Clip): string {
  return excerpt(clip.text).replace(/\s*\n\s*/g, " ⏎ ");
}

/** Fields and their values as the text of a cell in a file; of one that was cut, " …" is the end. */
export function fieldsText(fields: CellFieldsProps["fields"]): string {
  return Object.entries(fields ?? {})
    .map(([field, clip]) => `${field}: ${clip.text}${isCut(clip) ? " …" : ""}`)
    .join("; ");
}

/** What came of an example as the text of a cell in a file: its prediction, or why there is none. */
export function predictionText({ prediction, error }: ReplyDetail): string {
  return fieldsText(error === null ? prediction : { error });
}
