import { useEffect } from "preact/hooks";
import type { TrialDetail, TrialRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { type Asked, useAnswer } from "./asking";

export interface TrialAsked extends Asked<TrialDetail> {
  again(): void;
}

/** Milliseconds between two looks at a trial that is still running. */
const LOOK_AGAIN = 1500;

/** All of a trial: what the notebook has saved of it, until the kernel's answer is there. */
export function useTrial(
  kernel: Kernel | null,
  run: string,
  row: TrialRow,
  details: readonly TrialDetail[],
): TrialAsked {
  const [asked, again] = useAnswer(
    kernel === null ? null : () => kernel.ask("trial", { run, trial: row.trial }),
    `${run} ${row.trial}`,
  );
  const saved = details.find((detail) => detail.trial.trial === row.trial) ?? null;
  const seen = asked?.state === "answered" ? asked.value?.trial : undefined;
  const stale =
    seen !== undefined &&
    (seen.scored < row.scored || (seen.state === "running" && row.state !== "running"));

  useEffect(() => {
    if (stale) {
      const timer = setTimeout(again, LOOK_AGAIN);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [stale, again]);

  if (asked === null) {
    const state = kernel === null ? "answered" : "asking";
    return { state, value: saved, error: null, again };
  }
  return { ...asked, value: asked.value ?? saved, again };
}
