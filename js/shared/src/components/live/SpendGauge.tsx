import { formatAbout } from "../../format";
import type { Range } from "../../generated/view-model";

interface SpendGaugeProps {
  readonly label: string;
  /** Null where it is not known. */
  readonly spent: number | null;
  readonly estimate: Range | null;
  readonly cap: number | null;
  readonly format: (value: number | null) => string;
  /** What was spent is about right: a server did not count it. */
  readonly about?: boolean | undefined;
  /** What else there is to say about it. */
  readonly note?: string | undefined;
}

const legend = "Band: estimate from low to high. Black: expected. Red: cap.";

/** What was spent, against what was expected and what is allowed. */
export function SpendGauge({ label, spent, estimate, cap, format, about, note }: SpendGaugeProps) {
  const end = Math.max(spent ?? 0, estimate?.high ?? 0, cap ?? 0) * 1.04 || 1;
  const at = (value: number) => `${Math.min(100, (value / end) * 100)}%`;
  const over = spent !== null && estimate !== null && spent > estimate.high;
  return (
    <div class="mipro-vital">
      <dt>{label}</dt>
      <dd>
        <span class="mipro-vital-value">{formatAbout(format(spent), about)}</span>
        {estimate && <span class="mipro-muted"> of {format(estimate.expected)} expected</span>}
        <div class="mipro-gauge" aria-hidden="true" title={legend}>
          {estimate && (
            <span
              class="mipro-gauge-band"
              style={`left:${at(estimate.low)};width:${((estimate.high - estimate.low) / end) * 100}%`}
            />
          )}
          <span
            class={`mipro-gauge-spent${over ? " mipro-gauge-spent--over" : ""}`}
            style={`width:${at(spent ?? 0)}`}
          />
          {estimate && (
            <span class="mipro-gauge-expected" style={`left:${at(estimate.expected)}`} />
          )}
          {cap !== null && <span class="mipro-gauge-cap" style={`left:${at(cap)}`} />}
        </div>
        <span class="mipro-vital-note">
          {estimate && `est. ${format(estimate.low)} – ${format(estimate.high)}`}
          {cap !== null && `${estimate ? " · " : ""}cap ${format(cap)}`}
          {note && `${estimate || cap !== null ? " · " : ""}${note}`}
        </span>
      </dd>
    </div>
  );
}
