/** Runs that ended early: which can be resumed, with what, and what was lost in flight. */

import { formatCount, formatTokens, formatUsd } from "../format";
import type { Lost, RunState } from "../generated/view-model";

const RESUMABLE: ReadonlySet<RunState> = new Set(["cut off", "stopped", "capped", "failed"]);

export function canBeResumed(state: RunState): boolean {
  return RESUMABLE.has(state);
}

/** A run, or a line of the history, as far as it tells how it is resumed. */
export interface Resumable {
  readonly id: string;
  /** Of a cell, and of Python; none for a run of a `%%mipro` cell. Absent from older notebooks. */
  readonly resume_lines?: readonly string[];
}

/** The lines of code that resume a run, that of a cell first. */
export function resumeLines({ id, resume_lines }: Resumable): readonly string[] {
  return (
    resume_lines ?? [
      `%mipro resume ${id} PROGRAM --metric METRIC`,
      `MIPROv2(metric=METRIC).resume("${id}", PROGRAM)`,
    ]
  );
}

/** How a run is resumed that no line can resume: the program is declared in the cell itself. */
export const CELL_AGAIN = "run its %%mipro cell again with --resume";

/** What is told beneath a cost: what calls may have cost that nobody has an answer of. */
export function billedText(usd: number): string {
  return `up to ${formatUsd(usd)} more may have been billed`;
}

/** What is to be said of calls that were given up in flight; null if none was. */
export function lostText(lost: Lost | undefined): string | null {
  if (lost === undefined || lost.calls === 0) {
    return null;
  }
  const one = lost.calls === 1;
  const text =
    `${one ? "1 call was" : `${formatCount(lost.calls)} calls were`} in flight when the run was ` +
    `interrupted: ${one ? "it" : "they"} may have been billed; carrying the run on sends ` +
    `${one ? "it" : "them"} again.`;
  if (lost.tokens === 0) {
    return text;
  }
  const worst = one ? "it counts at its worst" : "they count at their worst";
  return `${text} For the caps ${worst}: ${formatTokens(lost.tokens)} tokens.`;
}
