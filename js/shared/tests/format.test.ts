import { describe, expect, it } from "vitest";
import cases from "../../../tests/amounts.json";
import {
  formatAbout,
  formatClock,
  formatCost,
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

const forms = {
  usd: formatUsd,
  score: formatScore,
  points: formatPoints,
  count: formatCount,
  tokens: formatTokens,
  duration: formatDuration,
  about: ([text, about]: [string, boolean]) => formatAbout(text, about),
  cost: ([usd, about]: [number | null, boolean]) => formatCost(usd, about),
} as Readonly<Record<string, (value: never) => string>>;

describe("amounts", () => {
  it("have the same forms here as in Python", () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(forms).sort());
  });

  it.each(
    Object.entries(cases).flatMap(([form, rows]) =>
      rows.map(([value, text]) => [form, value, text] as const),
    ),
  )("%s: %s is written %s", (form, value, text) => {
    expect(forms[form]?.(value as never)).toBe(text);
  });

  it.each([
    ["$0.00", formatUsd],
    ["0.0", formatScore],
    ["0", formatCount],
    ["0", formatTokens],
    ["0 s", formatDuration],
  ] as const)("lose the sign of nothing: %s", (text, form) => {
    expect(form(-0)).toBe(text);
  });

  it.each([formatUsd, formatCount, formatTokens, formatDuration])(
    "that no run can have are refused: %o",
    (form) => {
      for (const value of impossible) {
        expect(() => form(value)).toThrow(RangeError);
      }
    },
  );

  it("that are extreme are written", () => {
    expect(formatUsd(Number.MIN_VALUE)).toBe("<$0.00001");
    expect(formatUsd(1e21)).toBe("$1,000,000,000,000,000,000,000.00");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "that a metric may give are told in words: %s",
    (score) => {
      expect(formatScore(score)).toBe("not a number");
      expect(formatPoints(score)).toBe("not a number");
    },
  );
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

  it("is unknown where there is none", () => {
    expect(formatRange(null, formatUsd)).toBe("unknown");
  });

  it.each([
    { low: 2, expected: 1, high: 3 },
    { low: 1, expected: 3, high: 2 },
    { low: Number.NaN, expected: 1, high: 2 },
    { low: 1, expected: Number.NaN, high: 2 },
    { low: 1, expected: 2, high: Number.NaN },
  ])("refuses $low, $expected, $high, whatever writes them", (range) => {
    expect(() => formatRange(range, String)).toThrow(RangeError);
  });

  it.each([
    { low: -1, expected: 1, high: 2 },
    { low: 0, expected: 1, high: Number.POSITIVE_INFINITY },
  ])("refuses what its format refuses: $low, $expected, $high", (range) => {
    expect(() => formatRange(range, formatUsd)).toThrow(RangeError);
  });
});
