import { describe, expect, it } from "vitest";
import { geometry, nearest, scored } from "../../src/components/live/chartGeometry";
import { margin } from "../../src/model/chart";
import { trial } from "../runs";

const size = { width: 800, height: 220 };

function draw(rows: Parameters<typeof scored>[0], baseline: number | null = 60) {
  return geometry(scored(rows), baseline, size);
}

describe("the score chart", () => {
  it("draws a point for each scored trial, within its frame", () => {
    const rows = Array.from({ length: 2_000 }, (_, number) => trial(number));
    const { points } = draw([...rows, trial(2_000, { state: "running", score: null })]);
    expect(points).toHaveLength(2_000);
    for (const { x, y } of points) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(size.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThan(size.height);
    }
  });

  it("raises the best line only at full evaluations that are better", () => {
    const { bestLine } = draw([
      trial(0, { score: 60 }),
      trial(1, { score: 99 }),
      trial(2, { kind: "full", score: 55 }),
      trial(3, { kind: "full", score: 80 }),
    ]);
    expect(bestLine.match(/V/g)).toHaveLength(1);
  });

  it("leaves room for the trials that are planned: the axis stays while they come", () => {
    const rows = scored([trial(0), trial(1)]);
    const two = geometry(rows, null, size, 40);
    const three = geometry(scored([trial(0), trial(1), trial(2)]), null, size, 40);
    expect(three.points.slice(0, 2).map(({ x }) => x)).toEqual(two.points.map(({ x }) => x));
    expect(three.xTicks).toEqual(two.xTicks);
    const beyond = geometry(scored([trial(0), trial(50)]), null, size, 40);
    expect(beyond.points.at(-1)?.x).toBeLessThan(size.width);
  });

  it("puts higher scores higher, and the student's among them", () => {
    const { points, baselineY } = draw([trial(0, { score: 60 }), trial(1, { score: 90 })]);
    const [low, high] = points;
    expect(high?.y).toBeLessThan(low?.y ?? 0);
    expect(baselineY).toBe(low?.y);
  });

  it.each([[[50, 50, 50]], [[0, 100]], [[-1_000, 5_000]], [[0.001, 0.002]]])(
    "finds a scale with ticks for scores %j",
    (values) => {
      const { yTicks, points } = draw(
        values.map((score, number) => trial(number, { score })),
        null,
      );
      expect(yTicks.length).toBeGreaterThan(1);
      expect(yTicks.length).toBeLessThan(12);
      expect(points.every(({ y }) => Number.isFinite(y))).toBe(true);
    },
  );

  it("has room for the whole interval of a single full evaluation", () => {
    const { whiskers } = draw([trial(0, { score: 41.3, low: 31, high: 52 })], 41.3);
    const [from = 0, to = 0] = (/^M\S+ (\S+)V(\S+)$/.exec(whiskers) ?? []).slice(1).map(Number);
    expect(from).toBeLessThan(size.height - margin.bottom);
    expect(to).toBeGreaterThan(margin.top);
    expect(from - to).toBeGreaterThan(50);
  });

  it("leaves out scores that are not numbers", () => {
    const rows = [trial(0), trial(1, { score: Number.NaN }), trial(2, { score: Infinity })];
    expect(draw(rows).points).toHaveLength(1);
  });

  it("finds the point below the pointer, and none far from all", () => {
    const { points } = draw([trial(0), trial(1), trial(2)]);
    const middle = points[1];
    expect(nearest(points, (middle?.x ?? 0) + 4, (middle?.y ?? 0) - 5)?.row.trial).toBe(1);
    expect(nearest(points, -500, -500)).toBeNull();
  });
});
