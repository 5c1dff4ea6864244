/** Questions to the kernel as the state of a component. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What became of a question. Of one that is asked again, the last answer stays. */
export interface Asked<T> {
  readonly state: "asking" | "answered" | "refused";
  readonly value: T | null;
  /** A sentence, where it was refused. */
  readonly error: string | null;
}

/**
 * The answer to a question that is asked at once, and again whenever `key` is another one.
 *
 * Nothing is asked while `ask` is null. The second value asks again.
 */
export function useAnswer<T>(
  ask: (() => Promise<T>) | null,
  key: string,
): [Asked<T> | null, () => void] {
  const [asked, setAsked] = useState<(Asked<T> & { key: string }) | null>(null);
  const [times, setTimes] = useState(0);
  const able = ask !== null;

  useEffect(() => {
    if (ask === null) {
      return;
    }
    let current = true;
    setAsked((last) => ({
      state: "asking",
      value: last !== null && last.key === key ? last.value : null,
      error: null,
      key,
    }));
    ask().then(
      (value) => current && setAsked({ state: "answered", value, error: null, key }),
      (reason: unknown) =>
        current &&
        setAsked((last) => ({
          state: "refused",
          value: last?.value ?? null,
          error: sentence(reason),
          key,
        })),
    );
    return () => {
      current = false;
    };
  }, [key, able, times]);

  const again = useCallback(() => setTimes((count) => count + 1), []);
  // Between a change of the key and its effect, the answer to the old question must not show.
  return [asked !== null && asked.key === key ? asked : null, again];
}

/** Something that a person sets going and whose end they want to know. */
export interface Action {
  readonly pending: boolean;
  /** Why it did not come about, as a sentence. */
  readonly error: string | null;
  /** Whether it came about. While one is under way, no other starts. */
  start(work: () => Promise<void>): Promise<boolean>;
  forget(): void;
}

export function useAction(): Action {
  const [state, setState] = useState<{ pending: boolean; error: string | null }>(idle);
  const underWay = useRef(false);

  const start = useCallback(async (work: () => Promise<void>): Promise<boolean> => {
    if (underWay.current) {
      return false;
    }
    underWay.current = true;
    setState({ pending: true, error: null });
    try {
      await work();
      setState(idle);
      return true;
    } catch (reason) {
      setState({ pending: false, error: sentence(reason) });
      return false;
    } finally {
      underWay.current = false;
    }
  }, []);
  const forget = useCallback(() => setState(idle), []);
  return { ...state, start, forget };
}

const idle = { pending: false, error: null };

/** What is said to the person about a question that failed. */
export function sentence(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
