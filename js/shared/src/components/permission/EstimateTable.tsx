import { formatAbout, formatCount, formatTokens, formatUsd } from "../../format";
import type { EstimateView, PhaseEstimateView, Range, SpendView } from "../../generated/view-model";
import { phaseNames } from "../../model/words";
import { SafeText } from "../base/SafeText";

interface EstimateTableProps {
  readonly estimate: EstimateView;
  /** What each phase, and `total`, came to; absent before a run. */
  readonly actual?: ReadonlyMap<string, SpendView>;
}

/** Every model is known to be free, a local one perhaps. */
export function costsNothing({ total }: EstimateView): boolean {
  return total.usd?.high === 0;
}

/** Calls, tokens and money by phase: what is expected, between what bounds, and what it came to. */
export function EstimateTable({ estimate, actual }: EstimateTableProps) {
  const { phases, total } = estimate;
  // The bars show money where its price is known, else calls: both tell where the bulk lies.
  const inUsd = phases.every((phase) => phase.usd !== null) && (total.usd?.high ?? 0) > 0;
  const free =
    costsNothing(estimate) && [...(actual?.values() ?? [])].every(({ usd }) => usd === 0);
  const end = Math.max(...phases.map((phase) => rangeOf(phase, inUsd).high), 0);
  return (
    // It can be scrolled where it is narrow, so the keyboard must get there.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: for that
    <section class="mipro-estimate-scroll" aria-label="Estimate by phase" tabIndex={0}>
      <table class="mipro-estimate">
        <caption class="mipro-only-read">
          Estimate by phase: expected, and from the low to the high bound
        </caption>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col">LM calls</th>
            <th scope="col">Input tokens</th>
            <th scope="col">Output tokens</th>
            {!free && <th scope="col">USD</th>}
            <td class="mipro-estimate-bar" aria-hidden="true">
              {inUsd ? "USD" : "calls"}: low – high{actual && ", dot: actual"}
            </td>
          </tr>
        </thead>
        <tbody>
          {phases.map((phase) => (
            <Row
              key={phase.phase}
              name={phaseNames[phase.phase]}
              estimate={phase}
              actual={actual?.get(phase.phase)}
              range={rangeOf(phase, inUsd)}
              reached={reached(actual?.get(phase.phase), inUsd)}
              end={end}
              free={free}
            />
          ))}
        </tbody>
        <tfoot>
          <Row
            name="Total"
            estimate={total}
            actual={actual?.get("total")}
            range={null}
            reached={null}
            end={end}
            free={free}
          />
        </tfoot>
      </table>
      {estimate.hedging && (
        <p class="mipro-muted">
          <SafeText text={estimate.hedging} />
        </p>
      )}
      {estimate.guess && (
        <p class="mipro-muted">
          A guess, since <SafeText text={estimate.guess} />.
        </p>
      )}
    </section>
  );
}

interface RowProps {
  readonly name: string;
  readonly estimate: PhaseEstimateView;
  readonly actual: SpendView | undefined;
  /** What its bar shows, none for a total, and how far it came of it. */
  readonly range: Range | null;
  readonly reached: number | null;
  readonly end: number;
  /** No money is told of. */
  readonly free: boolean;
}

function Row({ name, estimate, actual, range, reached, end, free }: RowProps) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <Amount range={estimate.calls} actual={actual?.calls} format={formatCount} />
      <Amount
        range={estimate.input_tokens}
        actual={actual?.input_tokens}
        about={actual?.about}
        format={formatTokens}
      />
      <Amount
        range={estimate.output_tokens}
        actual={actual?.output_tokens}
        about={actual?.about}
        format={formatTokens}
      />
      {!free && (
        <Amount
          range={estimate.usd}
          actual={actual?.usd}
          about={actual?.about}
          format={formatUsd}
        />
      )}
      <td class="mipro-estimate-bar" aria-hidden="true">
        {range && end > 0 && (
          <span class="mipro-range">
            <span
              class="mipro-range-band"
              style={`left:${(range.low / end) * 100}%;width:${((range.high - range.low) / end) * 100}%`}
            />
            <span class="mipro-range-expected" style={`left:${(range.expected / end) * 100}%`} />
            {reached !== null && (
              <span
                class="mipro-range-actual"
                style={`left:${Math.min(1, reached / end) * 100}%`}
              />
            )}
          </span>
        )}
      </td>
    </tr>
  );
}

interface AmountProps {
  readonly range: Range | null;
  /** Undefined before the run; null where it cannot be known. */
  readonly actual: number | null | undefined;
  /** The actual amount is about right. */
  readonly about?: boolean | undefined;
  readonly format: (value: number) => string;
}

function Amount({ range, actual, about, format }: AmountProps) {
  return (
    <td>
      {actual !== undefined && (
        <strong class="mipro-estimate-actual">
          {actual === null ? "unknown" : formatAbout(format(actual), about)}
        </strong>
      )}
      {range === null ? (
        <span class="mipro-estimate-expected">unknown</span>
      ) : (
        <>
          <span class="mipro-estimate-expected">
            {actual !== undefined && <span class="mipro-muted">est. </span>}
            {format(range.expected)}
          </span>
          <span class="mipro-estimate-bounds">
            {format(range.low)} – {format(range.high)}
          </span>
        </>
      )}
    </td>
  );
}

function reached(actual: SpendView | undefined, inUsd: boolean): number | null {
  return actual === undefined ? null : inUsd ? actual.usd : actual.calls;
}

function rangeOf(phase: PhaseEstimateView, inUsd: boolean): Range {
  return inUsd && phase.usd !== null ? phase.usd : phase.calls;
}
