/** What is said about each run in a comparison, line by line. */

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
import { settingText, stateNames } from "../../model/words";

export interface FactLine {
  readonly name: string;
  /** A value for each run, in their order. */
  readonly values: readonly string[];
  /** Not all runs have the same. */
  readonly differs: boolean;
}

export interface FactGroup {
  readonly name: string;
  readonly lines: readonly FactLine[];
}

const results: readonly (readonly [string, (row: HistoryRow) => string])[] = [
  ["Score", scoreText],
  ["Baseline", (row) => formatScore(row.baseline)],
  [
    "Gain",
    ({ score, baseline }) =>
      score === null || baseline === null ? "–" : formatPoints(score - baseline),
  ],
  ["Cost", costText],
  ["LM calls", (row) => formatCount(row.calls)],
  ["Time", (row) => formatDuration(row.seconds)],
  ["Trials", (row) => formatCount(row.trials)],
  ["State", (row) => stateNames[row.state]],
  ["Started", (row) => formatDateTime(row.created)],
];

export function factGroups(rows: readonly HistoryRow[]): readonly FactGroup[] {
  return [
    { name: "Result", lines: results.map(([name, value]) => line(name, rows.map(value))) },
    {
      name: "Program and models",
      lines: [
        line(
          "program",
          rows.map((row) => row.program),
        ),
        line(
          "metric",
          rows.map(({ metric }) => metric || "–"),
        ),
        ...table(rows.map((row) => row.models)),
      ],
    },
    { name: "Rows", lines: table(rows.map((row) => row.rows ?? {})) },
    { name: "Settings", lines: table(rows.map((row) => row.settings)) },
  ];
}

function scoreText({ score, rests }: HistoryRow): string {
  return rests ? `${formatScore(score)} ${rests}` : formatScore(score);
}

function costText({ usd, about, billed }: HistoryRow): string {
  const cost = formatAbout(formatUsd(usd), about);
  return billed ? `${cost}, ${billed}` : cost;
}

/** A line for each key that any of the objects has. */
function table(objects: readonly Readonly<Record<string, unknown>>[]): FactLine[] {
  const keys = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  return keys.map((key) =>
    line(
      key,
      objects.map((object) => (key in object ? settingText(object[key]) : "–")),
    ),
  );
}

function line(name: string, values: readonly string[]): FactLine {
  return { name, values, differs: new Set(values).size > 1 };
}
