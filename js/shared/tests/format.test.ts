import { describe, expect, it } from "vitest";
import {
  formatClock,
  formatCount,
  formatDateTime,
  formatDuration,
  formatPoints,
  formatRange,
  formatScore,
  formatTokens,
  formatUsd,
} from "../src/format";

const impossible = [-1, -1e-6, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

describe("formatUsd", () => {
  it.each([
    [null, "unknown"],
    [0, "$0.00"],
    [-0, "$0.00"],
    [Number.MIN_VALUE, "<$0.00001"],
    [0.0000099, "<$0.00001"],
    [0.00001, "$0.000010"],
    [0.000523, "$0.00052"],
    [0.0034, "$0.0034"],
    [0.002, "$0.0020"],
    [0.0099999, "$0.010"],
    [0.01, "$0.01"],
    [0.0123, "$0.0123"],
    [0.12345, "$0.1235"],
    [0.123, "$0.123"],
    [0.5, "$0.50"],
    [0.99994, "$0.9999"],
    [0.99996, "$1.00"],
    [1, "$1.00"],
    [1.239, "$1.24"],
    [999.996, "$1,000.00"],
    [1234.5, "$1,234.50"],
    [1e21, "$1,000,000,000,000,000,000,000.00"],
  ])("writes %s as %s", (value, text) => {
    expect(formatUsd(value)).toBe(text);
  });

  it.each(impossible)("refuses %s", (value) => {
    expect(() => formatUsd(value)).toThrow(RangeError);
  });
});

describe("formatScore", () => {
  it.each([
    [null, "no score"],
    [0, "0.0"],
    [-0, "0.0"],
    [0.04, "<0.1"],
    [0.0999, "<0.1"],
    [0.1, "0.1"],
    [33.333333333, "33.3"],
    [87.5, "87.5"],
    [41.25, "41.3"],
    [41.35, "41.4"],
    [-41.25, "−41.3"],
    [99.9, "99.9"],
    [99.91, ">99.9"],
    [99.999, ">99.9"],
    [100, "100.0"],
  ])("writes %s as %s", (score, text) => {
    expect(formatScore(score)).toBe(text);
  });

  it("forgives the rounding error of a mean", () => {
    expect(formatScore(100.00000000000001)).toBe("100.0");
    expect(formatScore(99.99999999999999)).toBe("100.0");
    expect(formatScore(-1e-15)).toBe("0.0");
  });

  it.each([
    [100.04, "100.0"],
    [101, "101.0"],
    [1234.56, "1,234.6"],
    [-0.04, "−0.0"],
    [-20, "−20.0"],
  ])("writes %s, of a metric with a scale of its own, as %s", (score, text) => {
    expect(formatScore(score)).toBe(text);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "writes %s in words",
    (score) => {
      expect(formatScore(score)).toBe("not a number");
    },
  );
});

describe("formatPoints", () => {
  it.each([
    [12.5, "+12.5"],
    [-3, "−3.0"],
    [0, "±0.0"],
    [0.04, "±0.0"],
    [-0.04, "±0.0"],
    [Number.NaN, "not a number"],
  ])("writes %s as %s", (points, text) => {
    expect(formatPoints(points)).toBe(text);
  });
});

describe("formatCount", () => {
  it.each([
    [0, "0"],
    [-0, "0"],
    [7, "7"],
    [1234567, "1,234,567"],
  ])("writes %s as %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });

  it.each(impossible)("refuses %s", (count) => {
    expect(() => formatCount(count)).toThrow(RangeError);
  });
});

describe("times", () => {
  // In the zone of the machine that runs the test.
  const seconds = new Date(2026, 10, 4, 9, 5).getTime() / 1000;

  it("are written with leading zeros, in the clock of 24 hours", () => {
    expect(formatClock(seconds)).toBe("09:05");
    expect(formatDateTime(seconds)).toBe("2026-11-04 09:05");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuse %s", (time) => {
    expect(() => formatClock(time)).toThrow(RangeError);
    expect(() => formatDateTime(time)).toThrow(RangeError);
  });
});

describe("formatTokens", () => {
  it.each([
    [0, "0"],
    [-0, "0"],
    [0.4, "0"],
    [999, "999"],
    [1234, "1,234"],
    [1234.5, "1,235"],
    [9999, "9,999"],
    [9999.6, "10.0k"],
    [10_000, "10.0k"],
    [12_345, "12.3k"],
    [999_949, "999.9k"],
    [999_950, "1.00M"],
    [4_560_000, "4.56M"],
    [999_994_999, "999.99M"],
    [999_995_000, "1.00B"],
    [1_234_560_000_000, "1,234.56B"],
  ])("writes %s as %s", (tokens, text) => {
    expect(formatTokens(tokens)).toBe(text);
  });

  it.each(impossible)("refuses %s", (tokens) => {
    expect(() => formatTokens(tokens)).toThrow(RangeError);
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0 s"],
    [-0, "0 s"],
    [0.0004, "<1 ms"],
    [0.00099, "<1 ms"],
    [0.001, "1 ms"],
    [0.35, "350 ms"],
    [0.9994, "999 ms"],
    [0.9996, "1.0 s"],
    [4.25, "4.3 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [42.4, "42 s"],
    [59.4, "59 s"],
    [59.6, "1 min"],
    [60, "1 min"],
    [185, "3 min 5 s"],
    [3599.4, "59 min 59 s"],
    [3599.6, "1 h"],
    [7500, "2 h 5 min"],
    [7199, "2 h"],
    [86_369, "23 h 59 min"],
    [86_371, "1 d"],
    [97_200, "1 d 3 h"],
    [86_400_000, "1,000 d"],
  ])("writes %s as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it.each(impossible)("refuses %s", (seconds) => {
    expect(() => formatDuration(seconds)).toThrow(RangeError);
  });
});

describe("formatRange", () => {
  it("writes the likely value first", () => {
    const range = { low: 0.08, expected: 0.12, high: 0.2 };
    expect(formatRange(range, formatUsd)).toBe("$0.12 ($0.08 to $0.20)");
    expect(formatRange({ low: 60, expected: 90, high: 120 }, formatDuration)).toBe(
      "1 min 30 s (1 min to 2 min)",
    );
    expect(formatRange({ low: 900, expected: 12_345, high: 2e6 }, formatTokens)).toBe(
      "12.3k (900 to 2.00M)",
    );
  });

  it("writes values that read alike once", () => {
    expect(formatRange({ low: 5, expected: 5, high: 5 }, formatTokens)).toBe("5");
    expect(formatRange({ low: 1e-7, expected: 2e-7, high: 3e-7 }, formatUsd)).toBe("<$0.00001");
  });

  it("keeps bounds that read unlike the likely value on one side only", () => {
    expect(formatRange({ low: 0, expected: 0, high: 2 }, formatUsd)).toBe("$0.00 ($0.00 to $2.00)");
    expect(formatRange({ low: 0, expected: 2, high: 2 }, formatUsd)).toBe("$2.00 ($0.00 to $2.00)");
  });

  it("lets values be unknown", () => {
    expect(formatRange({ low: null, expected: null, high: null }, formatUsd)).toBe("unknown");
    expect(formatRange<number | null>({ low: 0.5, expected: 1, high: null }, formatUsd)).toBe(
      "$1.00 ($0.50 to unknown)",
    );
  });

  it.each([
    { low: 2, expected: 1, high: 3 },
    { low: 1, expected: 3, high: 2 },
    { low: Number.NaN, expected: 1, high: 2 },
    { low: 1, expected: Number.NaN, high: 2 },
    { low: 1, expected: 2, high: Number.NaN },
    { low: 3, expected: null, high: 2 },
  ])("refuses $low, $expected, $high, whatever writes them", (range) => {
    expect(() => formatRange<number | null>(range, String)).toThrow(RangeError);
  });

  it.each([
    { low: -1, expected: 1, high: 2 },
    { low: 0, expected: 1, high: Number.POSITIVE_INFINITY },
  ])("refuses what its format refuses: $low, $expected, $high", (range) => {
    expect(() => formatRange(range, formatUsd)).toThrow(RangeError);
  });
});
