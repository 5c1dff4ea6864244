/** Keeping up with a run in the kernel. */

import type { RunDelta, RunSnapshot, RunState } from "../generated/view-model";
import type { Kernel } from "./kernel";

export interface Follower {
  snapshot(snapshot: RunSnapshot): void;
  delta(delta: RunDelta): void;
  /** There is no snapshot, for a reason that the person should read. */
  failed(reason: string): void;
}

/** Whether nothing more will come of a run in this state. */
export function hasEnded(state: RunState): boolean {
  return state !== "planned" && state !== "running" && state !== "paused";
}

/**
 * Asks for a snapshot and then for nothing: the kernel sends deltas.
 *
 * A snapshot is asked for again when the kernel is there after it was not, or was not heard, for
 * deltas may have been lost, and when the run has ended, for only a snapshot brings the details of its best trial.
 */
export function follow(kernel: Kernel, run: string, follower: Follower): () => void {
  let stopped = false;
  let ended: boolean | null = null;
  let missed = false;

  function ask(): void {
    missed = kernel.presence === "unheard";
    kernel.ask("snapshot", { run }).then(
      (snapshot) => {
        if (!stopped) {
          ended = hasEnded(snapshot.summary.state);
          follower.snapshot(snapshot);
        }
      },
      (error: Error) => {
        if (!stopped) {
          missed = true;
          follower.failed(error.message);
        }
      },
    );
  }

  const stops = [
    kernel.onDelta((id, delta) => {
      if (id !== run) {
        return;
      }
      follower.delta(delta);
      const endedBefore = ended;
      ended = hasEnded(delta.summary.state);
      if (ended && endedBefore === false) {
        ask();
      }
    }),
    kernel.onPresence((presence) => {
      if (presence === "gone" || presence === "unheard") {
        missed = true;
      } else if (missed && (presence === "live" || presence === "connecting")) {
        ask();
      }
    }),
  ];
  ask();
  return () => {
    stopped = true;
    for (const stop of stops) {
      stop();
    }
  };
}
