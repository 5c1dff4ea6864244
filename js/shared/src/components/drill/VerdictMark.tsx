import type { ExampleRow } from "../../generated/view-model";
import { Icon, type IconName } from "../base/Icon";
import { metricText, type Verdict, verdictNames, verdictOf } from "./verdict";

const icons: Readonly<Record<Verdict, IconName>> = {
  right: "check",
  wrong: "close",
  error: "warning",
  running: "clock",
};

/** The score of an example, with a sign of what it means. */
export function VerdictMark({
  row,
}: {
  readonly row: Pick<ExampleRow, "score" | "points" | "error">;
}) {
  const verdict = verdictOf(row);
  return (
    <span class={`mipro-verdict mipro-verdict--${verdict}`} title={verdictNames[verdict]}>
      <Icon name={icons[verdict]} />
      {row.score === null ? (
        verdictNames[verdict]
      ) : (
        <>
          <span class="mipro-only-read">{verdictNames[verdict]}, score </span>
          {metricText(row.points ?? row.score)}
        </>
      )}
    </span>
  );
}
