/** Handing the newest snapshot of a run to whoever keeps it. */

import type { RunSnapshot } from "../run";
import { hasEnded } from "./follow";
import type { RunStore } from "./store";

/**
 * Calls `keep` after changes of the store, at most every so many milliseconds, and at the end of the
 * run at once. Returns how to stop that.
 */
export function keepNewest(
  store: RunStore,
  keep: (snapshot: RunSnapshot) => void,
  every = 2_000,
): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let kept = store.snapshot;

  function keepNow(): void {
    if (timer !== null) {
      clearTimeout(timer);
      timer = null;
    }
    if (store.snapshot !== kept) {
      kept = store.snapshot;
      keep(kept);
    }
  }

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
