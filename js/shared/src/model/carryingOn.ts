/** Runs that ended early: which can be carried on, with what, and what was lost in flight. */

import { formatCount, formatTokens, formatUsd } from "../format";
import type { Lost, RunState } from "../run";

const RESUMABLE: ReadonlySet<RunState> = new Set(["cut off", "stopped", "capped", "failed"]);

export function canBeCarriedOn(state: RunState): boolean {
  return RESUMABLE.has(state);
}

/** The line of a cell that carries a run on; the names are to be put one's own for. */
export function resumeMagic(run: string): string {
  return `%mipro resume ${run} student --metric metric`;
}

/** The same in Python. */
export function resumeCode(run: string): string {
  return `MIPROv2(metric=metric).resume("${run}", student)`;
}

/** What is to be said of calls that were given up in flight; null if none was. */
export function lostText(lost: Lost | undefined): string | null {
  if (lost === undefined || lost.calls === 0) {
    return null;
  }
  const calls = lost.calls === 1 ? "1 call was" : `${formatCount(lost.calls)} calls were`;
  const text = `${calls} in flight when the run was interrupted: paid for perhaps, and sent again.`;
  if (lost.tokens === 0) {
    return text;
  }
  const usd = lost.usd > 0 ? `, ${formatUsd(lost.usd)}` : "";
  return `${text} For the caps they count at their worst: ${formatTokens(lost.tokens)} tokens${usd}.`;
}
