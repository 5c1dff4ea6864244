/** What came of a made-up run. */

import type {
  Clip,
  ExampleOutcome,
  PredictorEffects,
  ResultView,
  Verdict,
} from "../shared/src/generated/view-model";
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
        call: "212 tokens, $0.0000040",
      },
      {
        what: "student as given with 16 labelled demos",
        score: baseline + 17,
        ...interval(baseline + 17),
        examples: 50,
        ...tested(baseline + 17),
        call: "1,650 tokens, $0.000310",
      },
      ...(changed
        ? [
            {
              what: "best program",
              score,
              ...interval(score),
              examples: 100,
              ...tested(score),
              call: "1,704 tokens, $0.000320",
            },
          ]
        : []),
    ],
    gain: changed
      ? [
          "+30.0 points over the student; 95 % interval of the gain +19.0 to +39.0.",
          "+13.0 points over the student with plain labelled demos on the 50 rows scored with both " +
            "(66.0 → 79.0; the student as given: 50.0); 95 % interval of the gain +2.0 to +24.0.",
        ]
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
    effects: { told: howToRead, by_predictor: predictors.map(effectsOf), left_out: 0 },
  };
}

const howToRead =
  "Scores by instruction and demo set, all else as in the result; ± is half of the 95 % interval. " +
  "A score that is not from the whole valset is drawn towards what its parts scored elsewhere: " +
  "the fewer its examples, the more.";

/** Effects of seven instructions and six demo sets; trial 43 is instruction 4 with demos 2. */
function effectsOf(predictor: string): PredictorEffects {
  const added = (index: number, most: number) => ((index * 5) % 7) * most - most;
  const effect = (index: number, most: number) => ({
    index,
    adds: index === 0 || index === 5 ? null : added(index, most),
    margin: index === 0 || index === 5 ? null : 4 + index / 2,
  });
  const instructions = [0, 1, 2, 3, 4, 5, 6].map((index) => effect(index, 2));
  const demoSets = [0, 1, 2, 3, 4, 5].map((index) => effect(index, 3));
  return {
    predictor,
    instructions: instructions.map((row) => ({
      ...row,
      cells: demoSets.map((column) => {
        const result = row.index === 4 && column.index === 2;
        return {
          score: 64 + (row.adds ?? 0) + (column.adds ?? 0),
          margin: 5 + ((row.index + column.index) % 5),
          examples: result ? 100 : ((row.index + column.index) % 3) * 25,
          result,
        };
      }),
    })),
    demo_sets: demoSets,
    told: [
      "Instruction 4 adds 10.0 ± 6.0 points over your own, whatever the demos.",
      "Demo set 4 adds 15.0 ± 6.0 points over no demos, whatever the instruction.",
    ],
    left_out: 0,
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
