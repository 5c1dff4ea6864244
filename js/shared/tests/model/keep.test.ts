import { expect, it } from "vitest";
import { bounded } from "../../src/model/keep";
import { snapshot, trial } from "../runs";

it("keeps a short run whole", () => {
  const short = snapshot({ trials: [trial(0), trial(1)] });
  expect(bounded(short)).toBe(short);
});

it("keeps of a long run the full evaluations and the best, and says how many it left out", () => {
  const trials = Array.from({ length: 2_500 }, (_, number) => ({
    ...trial(number),
    kind: number % 10 === 0 ? ("full" as const) : ("minibatch" as const),
    score: number / 25,
  }));
  const kept = bounded(snapshot({ trials }));
  expect(kept.trials).toHaveLength(1_000);
  expect(kept.left_out).toBe(1_500);
  expect(kept.trials.filter(({ kind }) => kind === "full")).toHaveLength(250);
  expect(kept.trials.at(-1)?.trial).toBe(2_499);
  const numbers = kept.trials.map((row) => row.trial);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(bounded(kept).left_out).toBe(1_500);
});
