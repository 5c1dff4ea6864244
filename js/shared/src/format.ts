/**
 * How amounts are written, the same in every view, and as in Python's texts: `mipro_nb/amounts.py`
 * has the same functions, and both pass the cases of `tests/amounts.json`.
 *
 * Functions for money, tokens and time throw a RangeError for a value that no run can have
 * (negative, not a number, infinite), so that a wrong amount is never shown as if it were a right
 * one. Scores are the user's own: whatever a metric gives can be written.
 */

import type { Range } from "./generated/view-model";

const UNKNOWN = "unknown";
const MISSING = "–";

/** Sums of floating-point numbers may leave their range by this much. */
const ROUNDING_ERROR = 1e-9;

const MINUS = "−";

const usdOfOneOrMore = fixed(2, 2);
const usdBelowOne = fixed(2, 4);
const usdBelowCent = new Intl.NumberFormat("en-US", {
  minimumSignificantDigits: 2,
  maximumSignificantDigits: 2,
});
const integer = fixed(0, 0);
const oneDecimal = fixed(1, 1);
const twoDecimals = fixed(2, 2);

/** US dollars; null means that the price is unknown: "$1,234.50", "$0.0123", "$0.00052". */
export function formatUsd(value: number | null): string {
  if (value === null) {
    return UNKNOWN;
  }
  requireAmount(value, "An amount of dollars");
  if (value === 0) {
    return "$0.00";
  }
  if (value < 0.00001) {
    return "<$0.00001";
  }
  if (value < 0.01) {
    return `$${usdBelowCent.format(value)}`;
  }
  return `$${(value < 1 ? usdBelowOne : usdOfOneOrMore).format(value)}`;
}

/**
 * A score, which is from 0 to 100 unless the metric has a scale of its own: "87.5"; "–" where there
 * is none.
 *
 * Of 0–100 only a perfect one reads "100.0", and only one of nothing "0.0".
 */
export function formatScore(score: number | null): string {
  if (score === null) {
    return MISSING;
  }
  if (!Number.isFinite(score)) {
    return "not a number";
  }
  if (Math.abs(score) <= ROUNDING_ERROR) {
    return "0.0";
  }
  if (Math.abs(score - 100) <= ROUNDING_ERROR) {
    return "100.0";
  }
  if (score > 0 && score < 0.1) {
    return "<0.1";
  }
  if (score > 99.9 && score < 100) {
    return ">99.9";
  }
  const written = oneDecimal.format(Math.abs(score));
  return score < 0 && written !== "0.0" ? `${MINUS}${written}` : written;
}

/** A difference of scores, in points: "+12.5", "−3.0", "±0.0". */
export function formatPoints(points: number): string {
  if (!Number.isFinite(points)) {
    return "not a number";
  }
  const written = oneDecimal.format(Math.abs(points));
  if (written === "0.0") {
    return "±0.0";
  }
  return `${points < 0 ? MINUS : "+"}${written}`;
}

/** A number of things: "1,234". */
export function formatCount(count: number): string {
  requireAmount(count, "A number of things");
  return integer.format(Math.abs(Math.round(count)));
}

/** A time of day on this machine's clock: "14:05". */
export function formatClock(unixSeconds: number): string {
  const date = dateOf(unixSeconds);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

/** A day and a time on this machine's clock: "2026-11-24 14:05". */
export function formatDateTime(unixSeconds: number): string {
  const date = dateOf(unixSeconds);
  const day = [date.getFullYear(), twoDigits(date.getMonth() + 1), twoDigits(date.getDate())];
  return `${day.join("-")} ${formatClock(unixSeconds)}`;
}

/** A number of tokens: "1,234", "12.3k", "4.56M". A mean is rounded to whole tokens. */
export function formatTokens(tokens: number): string {
  requireAmount(tokens, "A number of tokens");
  const whole = Math.abs(Math.round(tokens)); // abs, for -0 would keep its sign
  // The limits lie where rounding would reach the next unit: never "1,000.0k".
  if (whole < 10_000) {
    return integer.format(whole);
  }
  if (whole < 999_950) {
    return `${oneDecimal.format(whole / 1e3)}k`;
  }
  if (whole < 999_995_000) {
    return `${twoDecimals.format(whole / 1e6)}M`;
  }
  return `${twoDecimals.format(whole / 1e9)}B`;
}

/** An amount that no server counted, as such: "about 1,234". What is unknown stays so. */
export function formatAbout(text: string, about: boolean | undefined): string {
  return about && text !== UNKNOWN ? `about ${text}` : text;
}

/** Money where nothing beside it says that it is a cost: "about $0.12", "cost unknown". */
export function formatCost(usd: number | null, about?: boolean): string {
  return usd === null ? `cost ${UNKNOWN}` : formatAbout(formatUsd(usd), about);
}

/** A length of time: "350 ms", "4.2 s", "3 min 5 s", "2 h 5 min"; "–" where it is not known. */
export function formatDuration(seconds: number | null): string {
  if (seconds === null) {
    return MISSING;
  }
  requireAmount(seconds, "A number of seconds");
  if (seconds === 0) {
    return "0 s";
  }
  if (seconds < 0.001) {
    return "<1 ms";
  }
  // Each step rounds before it compares: never "1000 ms", "60 s" or "1 h 60 min".
  const milliseconds = Math.round(seconds * 1e3);
  if (milliseconds < 1000) {
    return `${milliseconds} ms`;
  }
  const tenths = Math.round(seconds * 10);
  if (tenths < 100) {
    return `${oneDecimal.format(tenths / 10)} s`;
  }
  const wholeSeconds = Math.round(seconds);
  if (wholeSeconds < 60) {
    return `${wholeSeconds} s`;
  }
  if (wholeSeconds < 3600) {
    return twoUnits(wholeSeconds, 60, "min", "s");
  }
  const wholeMinutes = Math.round(seconds / 60);
  if (wholeMinutes < 24 * 60) {
    return twoUnits(wholeMinutes, 60, "h", "min");
  }
  return twoUnits(Math.round(seconds / 3600), 24, "d", "h");
}

/**
 * An estimate, written with one of the functions above: "$0.12 ($0.08 to $0.20)".
 *
 * Where all three read alike it is written once.
 */
export function formatRange(range: Range | null, format: (value: number) => string): string {
  if (range === null) {
    return UNKNOWN;
  }
  const { low, expected, high } = range;
  requireOrder(low, expected);
  requireOrder(expected, high);
  requireOrder(low, high);
  const [lowText, text, highText] = [format(low), format(expected), format(high)];
  return lowText === text && text === highText ? text : `${text} (${lowText} to ${highText})`;
}

function fixed(minimumFractionDigits: number, maximumFractionDigits: number): Intl.NumberFormat {
  return new Intl.NumberFormat("en-US", { minimumFractionDigits, maximumFractionDigits });
}

function dateOf(unixSeconds: number): Date {
  const date = new Date(unixSeconds * 1e3);
  if (Number.isNaN(date.getTime())) {
    throw new RangeError(`A time must be a number of seconds, not ${unixSeconds}.`);
  }
  return date;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

function requireAmount(value: number, what: string): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new RangeError(`${what} must be finite and not negative, not ${value}.`);
  }
}

function requireOrder(smaller: number, larger: number): void {
  if (!(smaller <= larger)) {
    throw new RangeError(`A range must be in order, but ${smaller} comes before ${larger}.`);
  }
}

function twoUnits(count: number, size: number, large: string, small: string): string {
  const rest = count % size;
  const whole = `${integer.format((count - rest) / size)} ${large}`;
  return rest === 0 ? whole : `${whole} ${rest} ${small}`;
}
