import { useState } from "preact/hooks";
import { formatCost, formatDuration, formatUsd } from "../../format";
import type { PhaseProgress, RunSummary } from "../../generated/view-model";
import { phaseNames } from "../../model/words";
import { Button } from "../base/Button";
import { counted } from "../drill/counted";
import { PhaseStepper } from "./PhaseStepper";
import { callsNote, Vitals } from "./Vitals";

interface RunProgressProps {
  readonly summary: RunSummary;
  readonly phases: readonly PhaseProgress[];
  readonly working: boolean;
  /** The run has ended, and what came of it is told elsewhere: then one line is enough. */
  readonly over: boolean;
}

/** How far a run is and what it has taken; in one line once it is over. */
export function RunProgress({ summary, phases, working, over }: RunProgressProps) {
  const [open, setOpen] = useState(false);
  const whole = (
    <>
      <PhaseStepper phases={phases} still={!working} />
      <Vitals summary={summary} working={working} />
    </>
  );
  if (!over) {
    return whole;
  }
  return (
    <div class="mipro-over">
      <p class="mipro-over-line">
        <span class="mipro-muted">{lineOf(summary, phases).join(" · ")}</span>
        <Button
          kind="quiet"
          icon={open ? "chevronDown" : "chevronRight"}
          expanded={open}
          onClick={() => setOpen(!open)}
        >
          Phases and cost
        </Button>
      </p>
      {open && whole}
    </div>
  );
}

function lineOf(summary: RunSummary, phases: readonly PhaseProgress[]): readonly string[] {
  const { spend, seconds } = summary;
  const note = callsNote(summary);
  const unfinished = phases.filter(({ phase, state }) => phase !== "other" && state !== "done");
  const [first] = unfinished;
  return [
    first === undefined
      ? "All phases done"
      : `Ended during the ${phaseNames[first.phase].toLowerCase()} phase`,
    formatDuration(Math.max(0, Math.round(seconds))),
    counted(spend.calls, "LM call"),
    ...(note === undefined ? [] : [note]),
    costOf(summary),
  ];
}

function costOf({ spend, estimate }: RunSummary): string {
  const cost = formatCost(spend.usd, spend.about);
  const expected = estimate?.total.usd?.expected;
  if (expected === undefined) {
    return cost;
  }
  return `${cost}${spend.usd === null ? "," : " of"} ${formatUsd(expected)} expected`;
}
