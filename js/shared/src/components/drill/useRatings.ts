import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import type { ExampleRow, ReplyRating } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { sentence } from "./asking";

type Rating = ReplyRating["rating"];

export interface Ratings {
  /** The examples as they were rated here meanwhile. */
  readonly rows: readonly ExampleRow[];
  /** What was done last, to be read aloud. */
  readonly said: string;
  /** Why a rating was refused; null if the last one was not. */
  readonly error: string | null;
  /** Rates a reply, or withdraws its rating. Null where replies cannot be rated. */
  readonly rate: ((row: ExampleRow, rating: Rating | null, reason: string) => void) | null;
}

/**
 * The examples of a trial, and what rates their replies.
 *
 * A rating is shown at once, so that one can go on to the next reply; if it is refused, it is taken
 * back.
 */
export function useRatings(
  kernel: Kernel | null,
  run: string,
  trial: number,
  examples: readonly ExampleRow[],
): Ratings {
  const [own, setOwn] = useState<ReadonlyMap<number, ReplyRating | null>>(new Map());
  const [said, setSaid] = useState("");
  const [error, setError] = useState<string | null>(null);
  const sent = useRef<Promise<unknown>>(Promise.resolve());
  // What the kernel has taken: a rating that is refused leaves the one before.
  const taken = useRef(new Map<number, ReplyRating | null>());

  const rate = useCallback(
    ({ example }: ExampleRow, rating: Rating | null, reason: string) => {
      const text = reason.trim();
      const rated =
        rating === null ? null : { rating, reason: { text, characters: text.length, more: null } };
      setOwn((known) => new Map(known).set(example, rated));
      setError(null);
      setSaid(`Example ${example}: ${rating === null ? "not rated" : `rated ${rating}`}.`);
      // One after the other: the last one counts.
      sent.current = sent.current
        .then(() => kernel?.ask("rate", { run, trial, example, rating, reason: text }))
        .then(() => taken.current.set(example, rated))
        .catch((refused: unknown) => {
          setError(`Example ${example}: ${sentence(refused)}`);
          setSaid("");
          const before = taken.current.get(example);
          setOwn((known) => {
            if (known.get(example) !== rated) {
              return known;
            }
            return before === undefined
              ? without(known, example)
              : new Map(known).set(example, before);
          });
        });
    },
    [kernel, run, trial],
  );

  const rows = useMemo(
    () =>
      own.size === 0
        ? examples
        : examples.map((row) => {
            const rated = own.get(row.example);
            return rated === undefined ? row : withRating(row, rated);
          }),
    [examples, own],
  );
  return { rows, said, error, rate: kernel?.canChange ? rate : null };
}

function withRating({ rating: _, ...row }: ExampleRow, rated: ReplyRating | null): ExampleRow {
  return rated === null ? row : { ...row, rating: rated };
}

function without<Value>(known: ReadonlyMap<number, Value>, key: number): Map<number, Value> {
  const rest = new Map(known);
  rest.delete(key);
  return rest;
}
