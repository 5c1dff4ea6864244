import { describe, expect, it } from "vitest";
import { ticks } from "../../src/model/axis";

describe("the marks of an axis", () => {
  it.each([
    [0, 100, 5, [0, 20, 40, 60, 80, 100]],
    [-0.3, 0.3, 6, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]],
    [0, 2_400_000, 3, [0, 1_000_000, 2_000_000]],
    [1.05e-6, 1.35e-6, 5, [1.1e-6, 1.2e-6, 1.3e-6]],
    [0, 3e-9, 3, [0, 1e-9, 2e-9, 3e-9]],
  ])("from %s to %s, about %s of them, are round numbers", (low, high, count, marks) => {
    expect(ticks(low, high, count)).toEqual(marks);
  });
});
