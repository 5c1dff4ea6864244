import type { ComponentChildren } from "preact";
import {
  formatAbout,
  formatCount,
  formatDuration,
  formatScore,
  formatTokens,
  formatUsd,
} from "../../format";
import type { TrialRow } from "../../generated/view-model";
import { choices, choiceText, formatText } from "../../model/words";
import { intervalText } from "../base/IntervalBar";
import { SafeText } from "../base/SafeText";

/** What a trial tried, how it came out and what it took. */
export function TrialFacts({ row }: { readonly row: TrialRow }) {
  const tried = choices(row.configuration);
  const interval = intervalText(row.low, row.high);
  return (
    <dl class="mipro-drill-facts">
      <Fact name={interval === undefined ? "Score" : "Score, 95 % interval"}>
        <strong class="mipro-drill-score">{formatScore(row.score)}</strong> {interval}
      </Fact>
      <Fact name="Tried">
        {tried.length === 0 ? (
          "the student as it is"
        ) : (
          <ul>
            {tried.map((choice) => (
              <li key={choice.predictor}>
                {tried.length > 1 && (
                  <>
                    <SafeText text={choice.predictor} />:{" "}
                  </>
                )}
                {choiceText(choice)}
              </li>
            ))}
            {row.format != null && (
              <li>
                <SafeText text={formatText(row.format)} />
              </li>
            )}
          </ul>
        )}
      </Fact>
      <Fact name="Examples">
        {row.state === "done"
          ? formatCount(row.examples)
          : `${formatCount(row.scored)} of ${formatCount(row.examples)}`}
        {row.reused > 0 && `, ${formatCount(row.reused)} scored before`}
        {row.errors > 0 && `, ${formatCount(row.errors)} failed`}
      </Fact>
      {row.reason != null && (
        <Fact name="First failure">
          <SafeText text={row.reason.text} />
        </Fact>
      )}
      <Fact name="LM calls">
        {formatCount(row.calls)}
        {row.cached_calls > 0 && `, ${formatCount(row.cached_calls)} from the cache`}
      </Fact>
      <Fact name="Tokens">
        {formatAbout(formatTokens(row.input_tokens), row.about)} in,{" "}
        {formatAbout(formatTokens(row.output_tokens), row.about)} out
      </Fact>
      <Fact name="Cost">{formatAbout(formatUsd(row.usd), row.about)}</Fact>
      <Fact name="Time">{row.seconds === null ? "running" : formatDuration(row.seconds)}</Fact>
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly children: ComponentChildren;
}

function Fact({ name, children }: FactProps) {
  return (
    <div class="mipro-drill-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
