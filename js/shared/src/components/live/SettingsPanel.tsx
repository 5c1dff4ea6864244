import type { ComponentChildren } from "preact";
import { formatCount, formatDateTime, formatDuration, formatTokens, formatUsd } from "../../format";
import type { CapsView, RunSummary, SpendView } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { settingText } from "../../model/words";
import { memo } from "../base/memo";
import { Notes } from "../base/Notes";
import { SafeText } from "../base/SafeText";
import { counted } from "../drill/counted";
import { EstimateTable } from "../permission/EstimateTable";
import { FormatsTable } from "./FormatsTable";

/** What the run came to against its estimate. */
export const SpentPanel = memo(function DrawnSpent({ summary }: { readonly summary: RunSummary }) {
  const { estimate } = summary;
  return (
    <section class="mipro-settings">
      <h3>Actual against estimate</h3>
      {estimate === null ? (
        <p class="mipro-muted">There is no estimate of this run.</p>
      ) : (
        <EstimateTable estimate={estimate} actual={actualOf(summary)} />
      )}
    </section>
  );
});

/** What the run was started with. */
export const SettingsPanel = memo(function DrawnSettings({
  kernel,
  summary,
}: {
  /** Null where the run cannot be steered. */
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
}) {
  return (
    <div class="mipro-settings">
      <Notes notes={summary.notes} />
      {summary.formats != null && (
        <FormatsTable kernel={kernel} summary={summary} formats={summary.formats} />
      )}
      <div class="mipro-settings-columns">
        <section>
          <h3>Run</h3>
          <dl class="mipro-facts">
            <Fact name="program">
              <SafeText text={summary.program} />
            </Fact>
            {Object.entries(summary.predictors).map(([name, signature]) => (
              <Fact key={name} name={<SafeText text={name} />}>
                <SafeText text={signature} />
              </Fact>
            ))}
            {Object.entries(summary.models).map(([role, model]) => (
              <Fact key={role} name={<SafeText text={role.replaceAll("_", " ")} />}>
                <SafeText text={model} />
              </Fact>
            ))}
            <Fact name="training rows">{formatCount(summary.trainset_size)}</Fact>
            {summary.measured_rows ? (
              <Fact name="of them asked">{formatCount(summary.measured_rows)}</Fact>
            ) : (
              <Fact name="validation rows">{formatCount(summary.valset_size)}</Fact>
            )}
            {summary.testset_size ? (
              <Fact name="test rows">{formatCount(summary.testset_size)}</Fact>
            ) : null}
            <Fact name="caps">{capsText(summary.caps)}</Fact>
            <Fact name="started">{formatDateTime(summary.created)}</Fact>
            {summary.ended !== null && <Fact name="ended">{formatDateTime(summary.ended)}</Fact>}
          </dl>
        </section>
        <section>
          <h3>Settings</h3>
          <dl class="mipro-facts">
            {Object.entries(summary.settings).map(([name, value]) => (
              <Fact key={name} name={<code>{name}</code>}>
                <code>
                  <SafeText text={settingText(value)} />
                </code>
              </Fact>
            ))}
          </dl>
        </section>
      </div>
    </div>
  );
});

interface FactProps {
  readonly name: ComponentChildren;
  readonly children: ComponentChildren;
}

function Fact({ name, children }: FactProps) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** The caps of a run in words: "$2.00, 500 calls"; "none". */
export function capsText({ max_usd, max_calls, max_tokens, max_seconds }: CapsView): string {
  const parts = [];
  if (max_usd !== null) {
    parts.push(formatUsd(max_usd));
  }
  if (max_calls !== null) {
    parts.push(counted(max_calls, "call"));
  }
  if (max_tokens !== null) {
    parts.push(`${formatTokens(max_tokens)} tokens`);
  }
  if (max_seconds !== null) {
    parts.push(formatDuration(max_seconds));
  }
  return parts.length === 0 ? "none" : parts.join(", ");
}

function actualOf({ phases, spend }: RunSummary): ReadonlyMap<string, SpendView> {
  return new Map<string, SpendView>([
    ...phases.map((phase) => [phase.phase, phase.spend] as const),
    ["total", spend],
  ]);
}
