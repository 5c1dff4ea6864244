import { formatCount } from "../../format";
import type { PhaseProgress } from "../../generated/view-model";
import { phaseNames } from "../../model/words";
import { classes } from "../base/classes";
import { Icon } from "../base/Icon";
import { memo } from "../base/memo";
import { counted } from "../drill/counted";

interface PhaseStepperProps {
  readonly phases: readonly PhaseProgress[];
  /** Nothing moves: the run is paused, has ended or is lost. */
  readonly still: boolean;
}

const stateWords = { waiting: "not started", running: "under way", done: "done" } as const;

/** The phases of a run, in order, and how far each has come. */
export const PhaseStepper = memo(function DrawnStepper({ phases, still }: PhaseStepperProps) {
  // "Other" is not a phase of the algorithm: its calls show in the spend only.
  const steps = phases.filter(({ phase }) => phase !== "other");
  return (
    <ol class="mipro-steps" aria-label="Phases">
      {steps.map((step) => (
        <li
          key={step.phase}
          class={classes(
            "mipro-step",
            `mipro-step--${step.state}`,
            still && step.state === "running" && "mipro-step--still",
          )}
          aria-current={step.state === "running" ? "step" : undefined}
        >
          <span class="mipro-step-bar" aria-hidden="true">
            <span class="mipro-step-done" style={`width:${share(step) * 100}%`} />
          </span>
          <span class="mipro-step-name">
            {step.state === "done" && <Icon name="check" />}
            {phaseNames[step.phase]}
            <span class="mipro-only-read">
              , {still && step.state === "running" ? "not complete" : stateWords[step.state]}
            </span>
          </span>
          <span class="mipro-step-count">{countText(step)}</span>
        </li>
      ))}
    </ol>
  );
});

function share({ state, done, total }: PhaseProgress): number {
  if (state === "done") {
    return 1;
  }
  return total === null || total === 0 ? 0 : Math.min(1, done / total);
}

function countText({ state, done, total, unit }: PhaseProgress): string {
  if (state === "waiting" && done === 0) {
    return total === null ? "" : countOf(total, unit);
  }
  if (total === null || (state === "done" && done === total)) {
    return countOf(done, unit);
  }
  // A phase may be done before all is: so much was its most.
  return `${formatCount(done)} of ${state === "done" ? "at most " : ""}${countOf(total, unit)}`;
}

/** A number of units, whose name is that of several. */
function countOf(count: number, unit: string): string {
  return counted(count, unit.replace(/s$/, ""));
}
