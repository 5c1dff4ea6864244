import { formatScore } from "../../format";

interface IntervalBarProps {
  readonly score: number;
  /** 95 % interval, where it is known. */
  readonly low: number | null;
  readonly high: number | null;
}

/** A score with its interval on a scale from 0 to 100. Decoration beside the number. */
export function IntervalBar({ score, low, high }: IntervalBarProps) {
  const [from, to] = [onScale(low ?? score), onScale(high ?? score)];
  return (
    <span class="mipro-interval" aria-hidden="true" title={intervalText(low, high)}>
      <span class="mipro-interval-range" style={`left:${from}%;width:${to - from}%`} />
      <span class="mipro-interval-point" style={`left:${onScale(score)}%`} />
    </span>
  );
}

/** An interval in words: "82.1 to 96.0"; undefined where there is none. */
export function intervalText(low: number | null, high: number | null): string | undefined {
  return low === null || high === null ? undefined : `${formatScore(low)} to ${formatScore(high)}`;
}

function onScale(score: number): number {
  // Metrics may give what they like; the scale ends at 0 and 100 all the same.
  return Math.min(100, Math.max(0, score));
}
