/** What came of a made-up run. */

import type { Clip, ExampleOutcome, ResultView, Verdict } from "../shared/src/generated/view-model";
import { clip } from "../shared/tests/drill-fixtures";

const verdicts: readonly Verdict[] = ["never right", "lost", "still wrong", "won"];

interface Found {
  readonly trial: number;
  readonly baseline: number;
  readonly score: number;
  readonly predictors: readonly string[];
  /** Texts that are shown where a model's own words are. */
  readonly texts: { readonly before: string; readonly after: string; readonly question: string };
}

export function resultOf({ trial, baseline, score, predictors, texts }: Found): ResultView {
  const interval = (mean: number) => ({
    low: Math.max(0, mean - 9),
    high: Math.min(100, mean + 7),
  });
  const tested = (mean: number) => ({
    test: mean - 4,
    test_low: Math.max(0, mean - 12),
    test_high: Math.min(100, mean + 3),
  });
  const changed = trial > 0;
  return {
    trial,
    changed,
    scores: [
      {
        what: "student as given",
        score: baseline,
        ...interval(baseline),
        examples: 100,
        ...tested(baseline),
      },
      ...(changed
        ? [{ what: "best program", score, ...interval(score), examples: 100, ...tested(score) }]
        : []),
    ],
    gain: changed
      ? ["+30.0 points over the student; 95 % interval of the gain +19.0 to +39.0."]
      : [],
    test: changed ? ["Gain on the testset: +17.0 to +41.0 (95 % interval)."] : [],
    cost: changed
      ? "16 demos make a call 8 times as expensive: 212 → 1,704 tokens a call, $0.00004 → $0.00032."
      : null,
    why: [
      `Trial ${trial} has the highest score of 9 configurations scored on the whole valset.`,
      "Trials 31 and 40 scored the same: of equals, the earliest is returned.",
      "The same instruction without demos scores 70.0 over 25 examples.",
    ],
    prompts: predictors.map((predictor, place) => ({
      predictor,
      instruction: changed && place === 0 ? 4 : null,
      before: clip(texts.before),
      after: clip(changed && place === 0 ? texts.after : texts.before, 8_000),
      demo_set: changed ? 2 : null,
      demos: changed ? 16 : 0,
    })),
    failing: 24,
    failing_told: "24 examples of 100 still fail",
    outcomes: Array.from({ length: 30 }, (_, place) => outcome(place, clip(texts.question))),
    outcomes_left_out: 3,
  };
}

function outcome(place: number, question: Clip): ExampleOutcome {
  const verdict = verdicts[Math.floor(place / 8)] ?? "won";
  return {
    example: place * 3 + 1,
    verdict,
    inputs: { question },
    expected: { answer: clip("Vltava") },
    student: verdict === "lost" ? 1 : 0,
    result: verdict === "won" ? 1 : 0,
    tried: 9,
    right: verdict === "never right" ? 0 : 1 + (place % 5),
  };
}
