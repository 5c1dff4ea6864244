import { useState } from "preact/hooks";
import { formatAbout, formatCount, formatDuration, formatUsd } from "../../format";
import type { PhaseProgress, RunSummary } from "../../generated/view-model";
import { phaseNames } from "../../model/words";
import { Button } from "../base/Button";
import { counted } from "../drill/counted";
import { PhaseStepper } from "./PhaseStepper";
import { Vitals } from "./Vitals";

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
  const { spend, estimate, seconds, errors } = summary;
  const expected = estimate?.total.usd?.expected;
  const usd = formatAbout(formatUsd(spend.usd), spend.about);
  const unfinished = phases.filter(({ phase, state }) => phase !== "other" && state !== "done");
  const [first] = unfinished;
  return [
    first === undefined ? "All phases done" : `Ended in ${phaseNames[first.phase].toLowerCase()}`,
    formatDuration(Math.max(0, Math.round(seconds))),
    counted(spend.calls, "LM call"),
    ...(spend.cached_calls > 0 ? [`${formatCount(spend.cached_calls)} cached`] : []),
    expected === undefined ? usd : `${usd} of ${formatUsd(expected)} expected`,
    ...(errors > 0 ? [`${counted(errors, "example")} failed`] : []),
  ];
}
