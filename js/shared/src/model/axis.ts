/** Values at which an axis is marked. */

/** Multiples of a round step from `low` to `high`, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const step = niceStep((high - low) / count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Multiplied and rounded, for a sum of many steps would drift.
  const decimals = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: last - first + 1 }, (_, nth) =>
    Number(((first + nth) * step).toFixed(decimals)),
  );
}

/** The smallest of 1, 2, 5, 10, 20, … (and 0.5, 0.2, …) that is not below. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5].find((candidate) => candidate * power >= least) ?? 10;
  return factor * power;
}
