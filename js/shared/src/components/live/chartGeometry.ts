/** Where in the score chart everything goes. */

import type { TrialRow } from "../../generated/view-model";
import { niceStep, ticks } from "../../model/axis";
import { dot, margin, type Place, round, type Size } from "../../model/chart";

export interface Point extends Place {
  readonly row: ScoredRow;
}

export type ScoredRow = TrialRow & { readonly score: number };

export interface ChartGeometry {
  readonly points: readonly Point[];
  /** Paths: as many points in one as there are, so that 2,000 of them cost no more than 20. */
  readonly minibatches: string;
  readonly fulls: string;
  readonly whiskers: string;
  readonly bestLine: string;
  readonly baselineY: number | null;
  readonly yTicks: readonly { readonly y: number; readonly value: number }[];
  readonly xTicks: readonly { readonly x: number; readonly value: number }[];
}

export function scored(trials: readonly TrialRow[]): ScoredRow[] {
  return trials.filter(
    (row): row is ScoredRow =>
      row.state === "done" && row.score !== null && Number.isFinite(row.score),
  );
}

export function geometry(
  rows: readonly ScoredRow[],
  baseline: number | null,
  { width, height }: Size,
  planned: number | null = null,
): ChartGeometry {
  const bottom = height - margin.bottom;
  const right = Math.max(margin.left + 1, width - margin.right);
  const yScale = scoreScale(rows, baseline);
  // Room for what is planned from the beginning: or the axis would be stretched at every trial.
  const last = Math.max(1, planned ?? 1, rows.at(-1)?.trial ?? 1);
  // Some air left and right, so that no point lies on the frame.
  const air = Math.min(12, (right - margin.left) / (last + 1) / 2);
  const x = (trial: number) =>
    round(margin.left + air + (trial / last) * (right - margin.left - 2 * air));
  const y = (score: number) =>
    round(bottom - ((score - yScale.low) / (yScale.high - yScale.low)) * (bottom - margin.top));

  const points: Point[] = [];
  let minibatches = "";
  let fulls = "";
  let whiskers = "";
  let bestLine = "";
  let best: number | null = null;
  for (const row of rows) {
    const point = { x: x(row.trial), y: y(row.score), row };
    points.push(point);
    if (row.kind === "minibatch") {
      minibatches += dot(point);
      continue;
    }
    fulls += dot(point);
    if (row.low !== null && row.high !== null) {
      whiskers += `M${point.x} ${y(row.low)}V${y(row.high)}`;
    }
    if (best === null) {
      bestLine = `M${point.x} ${point.y}`;
      best = row.score;
    } else if (row.score > best) {
      bestLine += `H${point.x}V${point.y}`;
      best = row.score;
    }
  }
  if (best !== null) {
    bestLine += `H${right}`;
  }
  return {
    points,
    minibatches,
    fulls,
    whiskers,
    bestLine,
    baselineY: baseline === null || !Number.isFinite(baseline) ? null : y(baseline),
    yTicks: ticks(yScale.low, yScale.high, height < 160 ? 3 : 5).map((value) => ({
      y: y(value),
      value,
    })),
    xTicks: ticks(0, last, Math.max(2, Math.floor(width / 90)))
      .filter(Number.isInteger)
      .map((value) => ({ x: x(value), value })),
  };
}

/** The point nearest to a place, if one is near at all. */
export function nearest(points: readonly Point[], x: number, y: number): Point | null {
  let found: Point | null = null;
  let least = 28 ** 2;
  for (const point of points) {
    const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
    if (distance <= least) {
      least = distance;
      found = point;
    }
  }
  return found;
}

interface Scale {
  readonly low: number;
  readonly high: number;
}

/**
 * From a little below the lowest score to a little above the highest, in steps that read well.
 *
 * The intervals that are drawn are also within it: cut off, one would look narrower than it is.
 */
function scoreScale(rows: readonly ScoredRow[], baseline: number | null): Scale {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    const drawn = row.kind === "minibatch" ? null : row;
    low = Math.min(low, row.score, drawn?.low ?? row.score);
    high = Math.max(high, row.score, drawn?.high ?? row.score);
  }
  if (baseline !== null && Number.isFinite(baseline)) {
    low = Math.min(low, baseline);
    high = Math.max(high, baseline);
  }
  if (low > high) {
    return { low: 0, high: 100 };
  }
  const pad = Math.max((high - low) * 0.08, 2);
  const usual = low >= 0 && high <= 100;
  const step = niceStep((high - low + 2 * pad) / 5);
  const from = Math.floor((low - pad) / step) * step;
  const to = Math.ceil((high + pad) / step) * step;
  return usual ? { low: Math.max(0, from), high: Math.min(100, to) } : { low: from, high: to };
}
