/** The model as preact hooks. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { RunDelta, RunSnapshot } from "../generated/view-model";
import { follow } from "./follow";
import type { Kernel, Presence } from "./kernel";
import { RunStore } from "./store";

/** The newest snapshot of a store; the component is redrawn when it changes. */
export function useSnapshot(store: RunStore): RunSnapshot {
  const [snapshot, setSnapshot] = useState(store.snapshot);
  useEffect(() => {
    const update = () => setSnapshot(store.snapshot);
    update();
    return store.subscribe(update);
  }, [store]);
  return snapshot;
}

/** What is known of a kernel; `absent` where there is none at all. */
export function usePresence(kernel: Kernel | null): Presence {
  const [presence, setPresence] = useState<Presence>(kernel?.presence ?? "absent");
  useEffect(() => {
    setPresence(kernel?.presence ?? "absent");
    return kernel?.onPresence(setPresence);
  }, [kernel]);
  return presence;
}

/**
 * The value of an earlier drawing while it is equal in content: every delta brings all of the summary
 * again, and most of it has not changed.
 */
export function useStable<Value>(value: Value): Value {
  const kept = useRef(value);
  if (kept.current !== value && JSON.stringify(kept.current) !== JSON.stringify(value)) {
    kept.current = value;
  }
  return kept.current;
}

/** Seconds on this machine's clock, refreshed every second while `on`. */
export function useNow(on: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!on) {
      return;
    }
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [on]);
  return now;
}

export interface OpenRun {
  /** Null until the first snapshot. */
  readonly store: RunStore | null;
  /** Why there is no newest state of it; null while there is, or may still come. */
  readonly error: string | null;
  /** Asks for its newest state again. */
  readonly again: () => void;
}

/**
 * A run, followed in the kernel; `saved` is what is known of it without one.
 *
 * For one run as long as the component lives: give the component the run's id as its key.
 */
export function useRun(kernel: Kernel | null, run: string, saved: RunSnapshot | null): OpenRun {
  const [store, setStore] = useState(() => (saved === null ? null : new RunStore(saved)));
  const [error, setError] = useState<string | null>(null);
  const [times, setTimes] = useState(0);
  const newest = useRef(store);

  useEffect(() => {
    // Deltas may overtake the snapshot that they change.
    const early: RunDelta[] = [];
    function take(snapshot: RunSnapshot): void {
      setError(null);
      if (newest.current === null) {
        newest.current = new RunStore(snapshot);
        for (const delta of early) {
          newest.current.apply(delta);
        }
        setStore(newest.current);
      } else {
        newest.current.replace(snapshot);
      }
    }
    return kernel === null
      ? undefined
      : follow(kernel, run, {
          snapshot: take,
          delta: (delta) => {
            if (newest.current === null) {
              early.push(delta);
            } else {
              newest.current.apply(delta);
            }
          },
          failed: setError,
        });
  }, [kernel, run, times]);

  useEffect(() => {
    if (saved === null) {
      return;
    }
    if (newest.current === null) {
      newest.current = new RunStore(saved);
      setStore(newest.current);
    } else {
      newest.current.replace(saved);
    }
  }, [saved]);

  const again = useCallback(() => {
    setError(null);
    setTimes((count) => count + 1);
  }, []);
  return { store, error, again };
}
