/** Runs that ended early: which can be resumed, and with what. */

import type { RunState, RunSummary } from "../generated/view-model";

const RESUMABLE: ReadonlySet<RunState> = new Set(["cut off", "stopped", "capped", "failed"]);

export function canBeResumed(state: RunState): boolean {
  return RESUMABLE.has(state);
}

/** A run, or a line of the history, as far as it tells how it is resumed. */
export type Resumable = Pick<RunSummary, "id" | "resume_lines" | "resume_hint">;

/** The lines of code that resume a run, that of a cell first; none where only its cell does. */
export function resumeLines({ id, resume_lines }: Resumable): readonly string[] {
  return (
    resume_lines ?? [
      `%mipro resume ${id} PROGRAM --metric METRIC`,
      `MIPROv2(metric=METRIC).resume("${id}", PROGRAM)`,
    ]
  );
}
