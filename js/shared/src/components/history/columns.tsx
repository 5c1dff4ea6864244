/** What the history's table shows of a run. */

import {
  formatAbout,
  formatCount,
  formatDateTime,
  formatDuration,
  formatPoints,
  formatScore,
  formatUsd,
} from "../../format";
import type { HistoryRow } from "../../generated/view-model";
import { titleOf } from "../../model/words";
import { excerpt } from "../../text";
import type { Column } from "../base/DataTable";
import { numberColumn } from "../base/numberColumn";
import { SafeText } from "../base/SafeText";
import { RunStateBadge } from "./RunStateBadge";

// Those shown at first fit beside the sidebar of a notebook: the others are for who looks for them.
export const columns: readonly Column<HistoryRow>[] = [
  {
    id: "name",
    header: "Name",
    value: (row) => titleOf(row).toLowerCase(),
    text: titleOf,
    cell: (row) => (
      <span class="mipro-history-run" title={[titleOf(row), ...row.tags].join(" · ")}>
        <span class="mipro-history-name">
          <SafeText text={excerpt(titleOf(row))} />
        </span>
        {row.tags.map((tag) => (
          <span key={tag} class="mipro-tag">
            <SafeText text={excerpt(tag, 40)} />
          </span>
        ))}
      </span>
    ),
    width: "minmax(220px, 4fr)",
  },
  {
    id: "id",
    header: "Run",
    title: "Id of the run",
    value: (row) => row.id,
    cell: (row) => <code>{row.id}</code>,
    width: "178px",
  },
  {
    id: "state",
    header: "State",
    value: (row) => row.state,
    cell: (row) => <RunStateBadge state={row.state} here={row.here} />,
    width: "124px",
  },
  numberColumn({
    id: "baseline",
    header: "Student",
    title: "Score of the student",
    value: (row) => row.baseline,
    format: formatScore,
    width: "72px",
    largestFirst: true,
    hidden: true,
  }),
  numberColumn({
    id: "score",
    header: "Score",
    title: "Score of the result",
    value: (row) => row.score,
    cell: (row) => <BeforeAndAfter row={row} />,
    width: "118px",
    largestFirst: true,
  }),
  numberColumn({
    id: "gain",
    header: "Gain",
    title: "Gain in points",
    value: gainOf,
    format: formatPoints,
    width: "64px",
    largestFirst: true,
  }),
  numberColumn({
    id: "trials",
    header: "Trials",
    value: (row) => row.trials,
    format: formatCount,
    width: "60px",
    largestFirst: true,
    hidden: true,
  }),
  numberColumn({
    id: "calls",
    header: "Calls",
    title: "LM calls",
    value: (row) => row.calls,
    format: formatCount,
    width: "64px",
    largestFirst: true,
    hidden: true,
  }),
  numberColumn({
    id: "usd",
    header: "Cost",
    value: (row) => row.usd,
    cell: (row) => <Cost row={row} />,
    width: "82px",
    largestFirst: true,
  }),
  {
    id: "created",
    header: "Started",
    value: (row) => row.created,
    text: (row) => formatDateTime(row.created),
    cell: (row) => formatDateTime(row.created),
    width: "130px",
    largestFirst: true,
  },
  numberColumn({
    id: "seconds",
    header: "Time",
    value: (row) => row.seconds,
    format: formatDuration,
    width: "90px",
    largestFirst: true,
    hidden: true,
  }),
  {
    id: "program",
    header: "Program",
    value: (row) => row.program.toLowerCase(),
    text: (row) => row.program,
    cell: (row) => <SafeText text={excerpt(row.program)} />,
    width: "minmax(90px, 1fr)",
    hidden: true,
  },
  {
    id: "models",
    header: "Models",
    value: (row) => modelsOf(row).toLowerCase(),
    text: modelsOf,
    cell: (row) => (
      <span title={excerpt(modelsOf(row))}>
        <SafeText text={excerpt(modelsOf(row))} />
      </span>
    ),
    width: "minmax(120px, 1.5fr)",
  },
  {
    id: "tags",
    header: "Tags",
    value: (row) => row.tags.join(", ").toLowerCase(),
    text: (row) => row.tags.join(", "),
    cell: (row) => <SafeText text={excerpt(row.tags.join(", "))} />,
    width: "minmax(90px, 1fr)",
    hidden: true,
  },
  {
    id: "note",
    header: "Note",
    text: noteOf,
    cell: (row) => <SafeText text={excerpt(noteOf(row))} />,
    width: "minmax(120px, 2fr)",
    hidden: true,
  },
];

function BeforeAndAfter({ row }: { readonly row: HistoryRow }) {
  if (row.baseline === null && row.score === null) {
    return <span class="mipro-muted">–</span>;
  }
  return (
    <>
      <span class="mipro-muted">
        <span class="mipro-only-read">before </span>
        {formatScore(row.baseline)}
        <span aria-hidden="true"> → </span>
        <span class="mipro-only-read">, after </span>
      </span>
      {row.rests ? (
        <span title={row.rests}>
          {formatScore(row.score)}
          <span aria-hidden="true">*</span>
          <span class="mipro-only-read"> {row.rests}</span>
        </span>
      ) : (
        formatScore(row.score)
      )}
    </>
  );
}

function Cost({ row }: { readonly row: HistoryRow }) {
  return row.billed ? (
    <span title={row.billed}>
      {formatAbout(formatUsd(row.usd), row.about)}
      <span aria-hidden="true">*</span>
      <span class="mipro-only-read">, {row.billed}</span>
    </span>
  ) : (
    <span>{formatAbout(formatUsd(row.usd), row.about)}</span>
  );
}

function gainOf({ baseline, score }: HistoryRow): number | null {
  return baseline === null || score === null ? null : score - baseline;
}

function noteOf({ note = "" }: HistoryRow): string {
  return note;
}

function modelsOf({ models }: HistoryRow): string {
  return [...new Set(Object.values(models))].join(", ");
}
