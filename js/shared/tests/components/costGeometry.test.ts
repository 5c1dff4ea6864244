import { describe, expect, it } from "vitest";
import { costGeometry } from "../../src/components/cost/costGeometry";
import type { ObjectiveRow } from "../../src/generated/view-model";

function row(trial: number, score: number, tokens: number, on_front: boolean): ObjectiveRow {
  const best = trial === 2;
  return { trial, score, tokens, usd: null, seconds: null, characters: 10, on_front, best };
}

const size = { width: 640, height: 220 };

describe("the chart of score and cost", () => {
  it("draws what none beats as steps from the cheapest to the best", () => {
    const rows = [row(2, 90, 300, true), row(0, 50, 100, true), row(1, 40, 200, false)];
    const chart = costGeometry(rows, "tokens", size);
    expect(chart.line).toMatch(/^M[\d.]+ [\d.]+H[\d.]+V[\d.]+$/);
    expect(chart.front.match(/M/g)).toHaveLength(2);
    expect(chart.others.match(/M/g)).toHaveLength(1);
    expect(chart.best?.x).toBeGreaterThan(size.width / 2);
    expect(chart.best?.y).toBeLessThan(size.height / 2);
  });

  it("has finite places where all are alike", () => {
    const rows = [row(0, 50, 100, true), row(2, 50, 100, true)];
    const chart = costGeometry(rows, "tokens", size);
    expect(JSON.stringify(chart)).not.toMatch(/NaN|null.*best|Infinity/);
    expect(chart.best).not.toBeNull();
  });
});
