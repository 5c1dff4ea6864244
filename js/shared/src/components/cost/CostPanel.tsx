import { formatCount, formatDuration, formatScore, formatUsd } from "../../format";
import type { ObjectiveRow, ObjectivesView } from "../../generated/view-model";
import { type Column, DataTable } from "../base/DataTable";
import { memo } from "../base/memo";
import { numberColumn } from "../base/numberColumn";
import { SafeText } from "../base/SafeText";
import { CostChart } from "./CostChart";

interface CostPanelProps {
  readonly objectives: ObjectivesView;
  readonly onOpen: (trial: number) => void;
}

/** Score against cost of the fully evaluated configurations: the Pareto front, and the rest. */
export const CostPanel = memo(DrawnCostPanel);

function DrawnCostPanel({ objectives, onOpen }: CostPanelProps) {
  const { told, rows } = objectives;
  return (
    <section class="mipro-cost">
      <h3>Score vs. cost</h3>
      <p>
        <SafeText text={told} />
      </p>
      <CostChart objectives={objectives} />
      <DataTable
        label="What one example takes, by configuration"
        rows={rows}
        columns={columns}
        rowKey={(row) => row.trial}
        initialSort={{ column: "score", descending: true }}
        onOpen={(row) => onOpen(row.trial)}
        rowClass={(row) => (row.best ? "mipro-table-row--best" : null)}
        empty="No configuration was scored on the whole valset."
      />
    </section>
  );
}

const columns: readonly Column<ObjectiveRow>[] = [
  {
    id: "trial",
    header: "Configuration",
    value: (row) => row.trial,
    text: nameOf,
    cell: (row) => (
      <>
        {nameOf(row)}
        {row.best && <span class="mipro-only-read">, the best</span>}
      </>
    ),
    width: "minmax(120px, 2fr)",
  },
  numberColumn({
    id: "score",
    header: "Score",
    value: (row) => row.score,
    cell: (row) => <span class="mipro-score-number">{formatScore(row.score)}</span>,
    width: "minmax(64px, 1fr)",
    largestFirst: true,
  }),
  numberColumn({
    id: "usd",
    header: "USD",
    value: (row) => row.usd,
    format: formatUsd,
    width: "minmax(96px, 1fr)",
  }),
  numberColumn({
    id: "tokens",
    header: "Tokens",
    value: (row) => row.tokens,
    format: formatCount,
    width: "minmax(72px, 1fr)",
  }),
  numberColumn({
    id: "seconds",
    header: "LM time",
    value: (row) => row.seconds,
    format: formatDuration,
    width: "minmax(76px, 1fr)",
  }),
  numberColumn({
    id: "characters",
    header: "Characters",
    title: "Characters of instructions",
    value: (row) => row.characters,
    format: formatCount,
    width: "minmax(84px, 1fr)",
  }),
  {
    id: "front",
    header: "On the Pareto front",
    value: (row) => (row.on_front ? "yes" : null),
    width: "minmax(140px, 1fr)",
  },
];

function nameOf({ trial }: ObjectiveRow): string {
  return trial === 0 ? "Student as given" : `Trial ${formatCount(trial)}`;
}
