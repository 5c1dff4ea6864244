/** The list of runs where there is little room: one wide column, up to three lines a run. */

import { formatAbout, formatClock, formatDateTime, formatScore, formatUsd } from "../../format";
import type { HistoryRow } from "../../generated/view-model";
import { stateNames, titleOf } from "../../model/words";
import { excerpt } from "../../text";
import type { Column } from "../base/DataTable";
import { SafeText } from "../base/SafeText";

/** Pixels that three lines need: names that begin alike differ in the second. */
export const compactRowHeight = 64;

export const compactColumns: readonly Column<HistoryRow>[] = [
  {
    id: "created",
    header: "Run",
    title: "Run, by when it started",
    value: (row) => row.created,
    cell: (row) => <Run row={row} />,
    width: "minmax(120px, 1fr)",
    largestFirst: true,
  },
  {
    id: "score",
    header: "Score",
    title: "Score, and cost",
    value: (row) => row.score,
    cell: (row) => <ScoreAndCost row={row} />,
    width: "64px",
    align: "end",
    largestFirst: true,
  },
];

function Run({ row }: { readonly row: HistoryRow }) {
  return (
    <span class="mipro-compact">
      <span class="mipro-history-name" title={titleOf(row)}>
        <SafeText text={excerpt(titleOf(row))} />
      </span>
      <span
        class="mipro-compact-facts"
        title={[formatDateTime(row.created), ...row.tags].join(" · ")}
      >
        {stateNames[row.state]} · {dayOf(row.created)}
        {row.tags.length > 0 && (
          <>
            {" · "}
            <SafeText text={excerpt(row.tags.join(", "), 80)} />
          </>
        )}
      </span>
    </span>
  );
}

function ScoreAndCost({ row }: { readonly row: HistoryRow }) {
  const cost = formatAbout(formatUsd(row.usd), row.about);
  return (
    <span class="mipro-compact">
      <span title={row.rests ?? undefined}>
        {formatScore(row.score)}
        {row.rests && <span aria-hidden="true">*</span>}
        {row.rests && <span class="mipro-only-read"> {row.rests}</span>}
      </span>
      <span class="mipro-compact-facts" title={row.billed ?? `Cost: ${cost}`}>
        {cost}
      </span>
    </span>
  );
}

/** The time of a run of today, the day of an older one: what fits. */
function dayOf(unixSeconds: number): string {
  const isToday = new Date(unixSeconds * 1000).toDateString() === new Date().toDateString();
  return isToday ? formatClock(unixSeconds) : formatDateTime(unixSeconds).slice(0, 10);
}
