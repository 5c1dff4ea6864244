/** Handing the newest snapshot of a run to the page that keeps it. */

import type { RunSnapshot, TrialRow } from "../generated/view-model";
import { hasEnded } from "./follow";
import type { RunStore } from "./store";

/** Of more trials than this, a notebook keeps the full evaluations and the best. */
const mostTrials = 1_000;

/**
 * Calls `keep` at once, so that a run that has begun is never taken for a question; then after
 * changes of the store, at most every so many milliseconds, and at the end of the run at once.
 * Returns how to stop that.
 */
export function keepNewest(
  store: RunStore,
  keep: (snapshot: RunSnapshot) => void,
  every = 2_000,
): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let kept: RunSnapshot | null = null;

  function keepNow(): void {
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
    if (store.snapshot !== kept) {
      kept = store.snapshot;
      keep(bounded(kept));
    }
  }

  keepNow();
  const unsubscribe = store.subscribe(() => {
    if (hasEnded(store.snapshot.summary.state)) {
      keepNow();
    } else {
      timer ??= setTimeout(keepNow, every);
    }
  });
  return () => {
    unsubscribe();
    keepNow();
  };
}

/** A snapshot that a notebook can bear to be saved with, however long the run. */
export function bounded(snapshot: RunSnapshot): RunSnapshot {
  const { trials } = snapshot;
  if (trials.length <= mostTrials) {
    return snapshot;
  }
  const kept = new Set([...trials].sort(byWorth).slice(0, mostTrials));
  return {
    ...snapshot,
    trials: trials.filter((row) => kept.has(row)),
    left_out: trials.length - mostTrials + (snapshot.left_out ?? 0),
  };
}

function byWorth(a: TrialRow, b: TrialRow): number {
  const full = Number(b.kind !== "minibatch") - Number(a.kind !== "minibatch");
  return full || (b.score ?? -1) - (a.score ?? -1) || a.trial - b.trial;
}
