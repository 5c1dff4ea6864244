/** Two trials on the examples that both have scored. */

import type { ExampleRow } from "../../generated/view-model";

export interface Pair {
  readonly example: number;
  readonly a: ExampleRow;
  readonly b: ExampleRow;
  /** What b scored above a, from −1 to 1. */
  readonly difference: number;
}

export interface PairedDifference {
  readonly pairs: readonly Pair[];
  /** Mean of b above a in points; null where there is no common example. */
  readonly mean: number | null;
  /** 95 % interval of it; null where there are too few pairs to tell. */
  readonly interval: { readonly low: number; readonly high: number } | null;
}

/** Pairs below which an interval would be a guess. */
const FEWEST = 5;

export function pairedDifference(
  a: readonly ExampleRow[],
  b: readonly ExampleRow[],
): PairedDifference {
  const others = new Map(b.map((row) => [row.example, row]));
  const pairs = a.flatMap((row): Pair[] => {
    const other = others.get(row.example);
    return other === undefined || row.score === null || other.score === null
      ? []
      : [{ example: row.example, a: row, b: other, difference: other.score - row.score }];
  });
  const n = pairs.length;
  if (n === 0) {
    return { pairs, mean: null, interval: null };
  }
  const mean = pairs.reduce((sum, { difference }) => sum + difference, 0) / n;
  if (n < FEWEST) {
    return { pairs, mean: 100 * mean, interval: null };
  }
  const squares = pairs.reduce((sum, { difference }) => sum + (difference - mean) ** 2, 0);
  const half = studentsT(n - 1) * Math.sqrt(squares / (n - 1) / n);
  return {
    pairs,
    mean: 100 * mean,
    interval: { low: 100 * (mean - half), high: 100 * (mean + half) },
  };
}

/** The 97.5 % point of Student's distribution, to within 0.3 % from 4 degrees of freedom on. */
function studentsT(degrees: number): number {
  return 1.96 + 2.3724 / degrees + 2.8227 / degrees ** 2 + 2.556 / degrees ** 3;
}
