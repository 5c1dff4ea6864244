import type { RunComparison } from "../../generated/view-model";
import { titleOf } from "../../model/words";
import { Notice } from "../base/Notice";
import { counted } from "../drill/counted";
import { DrillFrame } from "../drill/DrillFrame";
import { CurveChart } from "./CurveChart";
import { FactTable } from "./FactTable";
import { InstructionComparison } from "./InstructionComparison";

interface RunComparisonViewProps {
  readonly comparison: RunComparison;
  readonly onOpenRun: (id: string) => void;
  /** Null where the comparison is all there is. */
  readonly onClose: (() => void) | null;
}

/** Runs side by side: what they reached, what it cost, how they were set, what they came to. */
export function RunComparisonView({ comparison, onOpenRun, onClose }: RunComparisonViewProps) {
  const runs = toldApart(comparison.runs);
  return (
    <DrillFrame
      title={`Comparison of ${counted(runs.length, "run")}`}
      name="the comparison"
      onClose={onClose}
    >
      {comparison.note && <Notice tone="warning">{comparison.note}</Notice>}
      <CurveChart runs={runs} />
      <FactTable rows={runs.map(({ row }) => row)} onOpenRun={onOpenRun} />
      <InstructionComparison runs={runs} />
    </DrillFrame>
  );
}

/** Gives runs that are called the same also the end of their ids. */
function toldApart(runs: RunComparison["runs"]): RunComparison["runs"] {
  const titles = runs.map(({ row }) => titleOf(row));
  return runs.map((run, place) => {
    const title = titles[place] ?? "";
    const alone = titles.indexOf(title) === titles.lastIndexOf(title);
    const name = alone ? title : `${title} · ${run.row.id.slice(-6)}`;
    return { ...run, row: { ...run.row, name } };
  });
}
