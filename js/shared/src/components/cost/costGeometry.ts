/** Where in the chart of score and cost everything goes. */

import type { ObjectiveRow, ObjectivesView } from "../../generated/view-model";
import { ticks } from "../../model/axis";
import { dot, margin, type Place, round, type Size } from "../../model/chart";

/** Paths of dots, the step line of the Pareto front, the marks of both axes. */
export interface CostGeometry {
  readonly front: string;
  readonly others: string;
  readonly line: string;
  readonly best: Place | null;
  readonly xTicks: readonly { readonly x: number; readonly value: number }[];
  readonly yTicks: readonly { readonly y: number; readonly value: number }[];
}

export function costOf(row: ObjectiveRow, cost: ObjectivesView["cost"]): number {
  return (cost === "usd" ? row.usd : row.tokens) ?? 0;
}

export function costGeometry(
  rows: readonly ObjectiveRow[],
  cost: ObjectivesView["cost"],
  size: Size,
): CostGeometry {
  const drawn = rows.filter((row) => Number.isFinite(row.score));
  const across = range(
    drawn.map((row) => costOf(row, cost)),
    0.06,
  );
  const up = range(
    drawn.map((row) => row.score),
    0.1,
  );
  const right = size.width - margin.right;
  const bottom = size.height - margin.bottom;
  const x = (value: number) => round(margin.left + share(value, across) * (right - margin.left));
  const y = (value: number) => round(bottom - share(value, up) * (bottom - margin.top));
  const place = (row: ObjectiveRow) => ({ x: x(costOf(row, cost)), y: y(row.score) });
  const front = drawn
    .filter((row) => row.on_front)
    .map(place)
    .sort((a, b) => a.x - b.x || b.y - a.y);
  const best = drawn.find((row) => row.best);
  return {
    front: front.map(dot).join(""),
    others: drawn
      .filter((row) => !row.on_front)
      .map((row) => dot(place(row)))
      .join(""),
    line: front.map((at, nth) => (nth === 0 ? `M${at.x} ${at.y}` : `H${at.x}V${at.y}`)).join(""),
    best: best === undefined ? null : place(best),
    xTicks: ticks(across.low, across.high, 5).map((value) => ({ x: x(value), value })),
    yTicks: ticks(up.low, up.high, 4).map((value) => ({ y: y(value), value })),
  };
}

interface Range {
  readonly low: number;
  readonly high: number;
}

/** From a little below the least value to a little above the largest; never below 0. */
function range(values: readonly number[], air: number): Range {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const pad = (high - low) * air || Math.abs(high) * air || 1;
  return { low: low >= 0 ? Math.max(0, low - pad) : low - pad, high: high + pad };
}

function share(value: number, { low, high }: Range): number {
  return (value - low) / (high - low);
}
