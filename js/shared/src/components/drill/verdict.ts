/** How an example came out. */

import type { ExampleRow } from "../../generated/view-model";

export type Verdict = "right" | "wrong" | "error" | "running";

export const verdictNames: Readonly<Record<Verdict, string>> = {
  right: "Right",
  wrong: "Wrong",
  error: "Error",
  running: "Running",
};

/** Right is the full score, wrong any less. */
export function verdictOf({ score, error }: Pick<ExampleRow, "score" | "error">): Verdict {
  if (error !== null) {
    return "error";
  }
  if (score === null) {
    return "running";
  }
  return score >= 1 ? "right" : "wrong";
}

/** The score that the metric gave: "1", "0.25". */
export function metricText(score: number): string {
  return Number.isFinite(score) ? String(Math.round(score * 1000) / 1000) : "not a number";
}
