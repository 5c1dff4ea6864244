import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import {
  formatCount,
  formatDuration,
  formatPoints,
  formatScore,
  formatTokens,
  formatUsd,
} from "../../format";
import type { RunSummary } from "../../generated/view-model";
import { hasEnded } from "../../model/follow";
import { useNow } from "../../model/hooks";
import { intervalText } from "../base/IntervalBar";
import { counted } from "../drill/counted";
import { SpendGauge } from "./SpendGauge";

interface VitalsProps {
  readonly summary: RunSummary;
  /** Time passes for the run, as far as is known. */
  readonly working: boolean;
}

/** The numbers that one looks at first: score, progress, cost. */
export function Vitals({ summary, working }: VitalsProps) {
  const { spend, caps, estimate } = summary;
  const taken = takenBy(summary);
  return (
    <dl class="mipro-vitals">
      {!summary.measured_rows && <BestScore summary={summary} />}
      {summary.test ? <TestScore test={summary.test} /> : null}
      <Progress summary={summary} working={working} />
      <SpendGauge
        label="Cost"
        spent={spend.usd}
        estimate={estimate?.total.usd ?? null}
        cap={caps.max_usd}
        format={formatUsd}
        about={spend.about}
        note={summary.lost?.billed ?? undefined}
      />
      <SpendGauge
        label="LM calls"
        spent={caps.max_calls === null ? spend.calls : taken.requests}
        estimate={estimate?.total.calls ?? null}
        cap={caps.max_calls}
        format={(calls) => formatCount(calls ?? 0)}
        note={callsNote(summary)}
      />
      {caps.max_tokens !== null && (
        <SpendGauge
          label="Tokens"
          spent={taken.tokens}
          estimate={null}
          cap={caps.max_tokens}
          format={(tokens) => formatTokens(tokens ?? 0)}
          about={spend.about}
        />
      )}
    </dl>
  );
}

function BestScore({ summary }: { readonly summary: RunSummary }) {
  const { best, baseline } = summary;
  return (
    <Vital label="Best score">
      <span class="mipro-vital-value mipro-vital-value--large">
        {formatScore(best?.score ?? null)}
      </span>
      {best !== null && baseline !== null && (
        <Gain
          points={best.score - baseline}
          interval={summary.gain}
          over={hasEnded(summary.state)}
        />
      )}
      <span class="mipro-vital-note">
        {baseline === null ? "student not scored yet" : `student ${formatScore(baseline)}`}
        {best !== null && best.trial > 0 && ` · trial ${best.trial}`}
      </span>
      {best?.rests && <span class="mipro-vital-note">{best.rests}: no full evaluation</span>}
    </Vital>
  );
}

/** What the returned program scored on rows that no phase had seen, and all that follows of it. */
function TestScore({ test }: { readonly test: NonNullable<RunSummary["test"]> }) {
  return (
    <Vital label="Test score">
      <span class="mipro-vital-value mipro-vital-value--large">{formatScore(test.score)}</span>
      <span class="mipro-vital-note">{testText(test)}</span>
      {/* The first sentence tells what stands above it. */}
      {test.told.slice(1).map((sentence) => (
        <span key={sentence} class="mipro-vital-note">
          {sentence}
        </span>
      ))}
    </Vital>
  );
}

function testText({ low, high, student, examples }: NonNullable<RunSummary["test"]>): string {
  const interval = intervalText(low, high);
  return [
    ...(interval === undefined ? [] : [`95 %: ${interval}`]),
    `student ${formatScore(student)}`,
    counted(examples, "row"),
  ].join(" · ");
}

interface GainProps {
  readonly points: number;
  readonly interval: RunSummary["gain"];
  /** Nothing more will be gained. */
  readonly over: boolean;
}

function Gain({ points, interval, over }: GainProps) {
  // Chance may have made it: then it does not have the colour of a gain.
  // An older notebook does not say so itself.
  const unclear = interval?.unclear ?? ((interval?.low ?? 1) > 0 ? "" : "no clear gain");
  const tone = points > 0 && unclear === "" ? "good" : "none";
  const written = formatPoints(points);
  return (
    <>
      <span class={`mipro-gain mipro-gain--${tone}`}>
        {/* Beside a score, "±0.0" would read like its error. */}
        {written === "±0.0" ? (over ? "no gain" : "no gain yet") : written}
      </span>
      {interval !== null && (
        <span class="mipro-vital-note">
          95 %: {formatPoints(interval.low)} to {formatPoints(interval.high)}
          {unclear !== "" && `, ${unclear}`}
        </span>
      )}
    </>
  );
}

function Progress({ summary, working }: VitalsProps) {
  const { done, total, in_flight, num_threads } = summary;
  const passed = usePassed(summary, working);
  const share = total === null || total === 0 ? null : Math.min(1, done / total);
  const eta = summary.eta === null ? null : Math.max(0, summary.eta - passed);
  return (
    <Vital label="Progress">
      <span class="mipro-vital-value">
        {share === null ? formatCount(done) : `${Math.floor(share * 100)} %`}
      </span>
      <span class="mipro-muted">
        {share === null
          ? ` example${done === 1 ? "" : "s"}`
          : ` · ${formatCount(done)} of ${counted(total ?? 0, "example")}`}
      </span>
      <div class="mipro-gauge mipro-gauge--progress" aria-hidden="true">
        <span class="mipro-gauge-spent" style={`width:${(share ?? 0) * 100}%`} />
      </div>
      <span class="mipro-vital-note">
        {timeText(summary, passed, working ? eta : null)}
        {working && in_flight !== null && (
          <>
            {" · "}
            <InFlight now={in_flight} most={num_threads} />
          </>
        )}
      </span>
    </Vital>
  );
}

function InFlight({ now, most }: { readonly now: number; readonly most: number }) {
  return (
    <span class="mipro-number" title="Programs in flight now, and at most">
      {formatCount(now)}/{formatCount(most)} in flight
    </span>
  );
}

function timeText(summary: RunSummary, passed: number, eta: number | null): string {
  const worked = formatDuration(Math.max(0, Math.round(summary.seconds + passed)));
  const cap = summary.caps.max_seconds;
  const so = cap === null ? worked : `${worked} of ${formatDuration(cap)}`;
  return eta === null ? so : `${so} · ${formatDuration(Math.round(eta))} to go`;
}

/** What a run has taken as its caps count it: all that was sent, lost tokens at their worst. */
function takenBy({ spend, lost }: RunSummary) {
  return {
    requests: (spend.attempts ?? spend.calls) + (lost?.calls ?? 0),
    tokens: spend.input_tokens + spend.output_tokens + (lost?.tokens ?? 0),
  };
}

/** What else there is to say of the calls: those cached or sent twice, and what failed. */
export function callsNote(summary: RunSummary): string | undefined {
  const { spend, caps, errors } = summary;
  const { requests } = takenBy(summary);
  const parts = [];
  if (requests > spend.calls) {
    parts.push(
      caps.max_calls === null
        ? counted(requests, "request")
        : `${formatCount(spend.calls)} answered`,
    );
  }
  if (spend.cached_calls > 0) {
    parts.push(`${formatCount(spend.cached_calls)} cached`);
  }
  const hedged = spend.hedged_calls ?? 0;
  if (hedged > 0) {
    parts.push(`${formatCount(hedged)} slow, sent twice`);
  }
  if (spend.failed_calls > 0) {
    parts.push(`${formatCount(spend.failed_calls)} failed`);
  }
  if (errors > 0) {
    parts.push(`${counted(errors, "example")} failed`);
  }
  return parts.length === 0 ? undefined : parts.join(" · ");
}

interface VitalProps {
  readonly label: string;
  readonly children: ComponentChildren;
}

function Vital({ label, children }: VitalProps) {
  return (
    <div class="mipro-vital">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Seconds since this summary came; the kernel's clock need not agree with this machine's. */
function usePassed(summary: RunSummary, working: boolean): number {
  const now = useNow(working);
  const came = useRef({ summary, at: now });
  if (came.current.summary !== summary) {
    came.current = { summary, at: Date.now() / 1000 };
  }
  return working ? Math.max(0, now - came.current.at) : 0;
}
