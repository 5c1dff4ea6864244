import { useMemo } from "preact/hooks";
import type { TrialDetail, TrialRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { TrialComparison } from "../drill/TrialComparison";
import { TrialDrillDown } from "../drill/TrialDrillDown";

/** A trial, with one of its examples if that is what was wanted, or two trials side by side. */
export type Opened =
  | { readonly trial: number; readonly example?: number }
  | { readonly compared: readonly [number, number] };

interface OpenedTrialsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly opened: Opened;
  readonly trials: readonly TrialRow[];
  readonly predictors: readonly string[];
  readonly details: readonly TrialDetail[];
  readonly onClose: () => void;
}

/** What stands below the trial table once one of its rows is opened, or two are compared. */
export function OpenedTrials({ opened, trials, predictors, ...shared }: OpenedTrialsProps) {
  const rows = useMemo(() => new Map(trials.map((row) => [row.trial, row])), [trials]);
  if ("trial" in opened) {
    const row = rows.get(opened.trial);
    return row === undefined ? null : (
      <TrialDrillDown
        key={`${row.trial} ${opened.example}`}
        {...shared}
        row={row}
        predictors={predictors}
        example={opened.example ?? null}
      />
    );
  }
  const [a, b] = opened.compared.map((trial) => rows.get(trial));
  return a === undefined || b === undefined ? null : (
    <TrialComparison key={opened.compared.join()} {...shared} rows={[a, b]} />
  );
}
