import { formatPoints, formatScore } from "../../format";
import { classes } from "../base/classes";
import { counted } from "../drill/counted";

interface StandingProps {
  /** Mean over all examples scored with the candidate; null while it was never tried. */
  readonly score: number | null;
  readonly baseline: number | null;
  readonly trials: number;
  readonly examples: number;
}

/** How a candidate has done so far, beside the student's score. */
export function Standing({ score, baseline, trials, examples }: StandingProps) {
  if (score === null) {
    return (
      <div class="mipro-standing mipro-standing--none">
        {trials === 0 ? "Not tried yet" : `In ${counted(trials, "trial")}; no example scored yet`}
      </div>
    );
  }
  return (
    <div class="mipro-standing">
      <span class="mipro-standing-score">{formatScore(score)}</span>
      {baseline !== null && <Difference points={score - baseline} />}
      <ScoreBar score={score} baseline={baseline} />
      <span class="mipro-standing-times">
        {trials > 0 && `${counted(trials, "trial")} · `}
        {counted(examples, "example")}
      </span>
    </div>
  );
}

function Difference({ points }: { readonly points: number }) {
  return (
    <span
      class={classes(
        "mipro-standing-difference",
        points > 0 && "mipro-standing-difference--better",
      )}
      title="Points above or below the student’s score"
    >
      {formatPoints(points)} <span class="mipro-only-read">points from the student’s score</span>
    </span>
  );
}

/** Decoration: the numbers stand beside it. */
function ScoreBar({
  score,
  baseline,
}: Pick<StandingProps, "baseline"> & { readonly score: number }) {
  return (
    <span class="mipro-scorebar" aria-hidden="true">
      <span class="mipro-scorebar-fill" style={`width:${onScale(score)}%`} />
      {baseline !== null && (
        <span
          class="mipro-scorebar-baseline"
          style={`left:${onScale(baseline)}%`}
          title={`The student’s score: ${formatScore(baseline)}`}
        />
      )}
    </span>
  );
}

function onScale(score: number): number {
  return Math.min(100, Math.max(0, score));
}
