/** Where in the chart of several runs everything goes. */

import type { RunComparison } from "../../generated/view-model";
import { niceStep, ticks } from "../../model/axis";
import { type Place, round, type Size } from "../../model/chart";

export type Run = RunComparison["runs"][number];
export type Axis = "calls" | "usd" | "seconds";

export interface Curve {
  /** Place of its run in the comparison. */
  readonly run: number;
  /** Steps: the best score holds until a better one is found. */
  readonly path: string;
  readonly points: readonly Place[];
}

export interface CurveGeometry {
  readonly curves: readonly Curve[];
  readonly xTicks: readonly { readonly x: number; readonly value: number }[];
  readonly yTicks: readonly { readonly y: number; readonly value: number }[];
}

export const margin = { top: 12, right: 16, bottom: 34, left: 42 } as const;

/** The curves of all runs whose every point is known on this axis. */
export function curveGeometry(
  runs: readonly Run[],
  axis: Axis,
  { width, height }: Size,
): CurveGeometry {
  const known = runs.flatMap((run, place) => {
    const points = run.curve.flatMap((point) => {
      const spent = point[axis];
      return spent === null ? [] : [{ spent, score: point.score }];
    });
    return points.length > 0 && points.length === run.curve.length ? [{ place, points }] : [];
  });
  const all = known.flatMap(({ points }) => points);
  const most = Math.max(...all.map(({ spent }) => spent), 0) || 1;
  const scores = all.map(({ score }) => score);
  const [low, high] = scores.length === 0 ? [0, 100] : scoreRange(scores);
  const [left, right] = [margin.left, width - margin.right];
  const [top, bottom] = [margin.top, height - margin.bottom];
  const x = (spent: number) => round(left + (spent / most) * (right - left));
  const y = (score: number) => round(bottom - ((score - low) / (high - low)) * (bottom - top));

  return {
    curves: known.map(({ place, points }) => {
      const placed = points.map(({ spent, score }) => ({ x: x(spent), y: y(score) }));
      const path = placed.map((point, nth) =>
        nth === 0 ? `M${point.x} ${point.y}` : `H${point.x}V${point.y}`,
      );
      return { run: place, path: path.join(""), points: placed };
    }),
    xTicks: ticks(0, most, Math.max(2, Math.floor(width / 110))).map((value) => ({
      x: x(value),
      value,
    })),
    yTicks: ticks(low, high, 5).map((value) => ({ y: y(value), value })),
  };
}

function scoreRange(scores: readonly number[]): [number, number] {
  const [least, most] = [Math.min(...scores), Math.max(...scores)];
  const step = niceStep(Math.max(most - least, 4) / 4);
  const low = Math.floor((least - step / 4) / step) * step;
  const high = Math.ceil((most + step / 4) / step) * step;
  return least >= 0 && most <= 100 ? [Math.max(0, low), Math.min(100, high)] : [low, high];
}
