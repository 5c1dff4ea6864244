import { formatCost, formatDuration, formatScore } from "../../format";
import type { RunSummary } from "../../generated/view-model";
import { phaseNames } from "../../model/words";
import { excerpt } from "../../text";
import { SafeText } from "../base/SafeText";
import { StateBadge } from "../live/RunHeader";

interface LiveRunsProps {
  readonly runs: readonly RunSummary[];
  readonly onOpenRun: (id: string) => void;
}

/** The runs that go on, each with how far it is. */
export function LiveRuns({ runs, onOpenRun }: LiveRunsProps) {
  return runs.length === 0 ? null : (
    <section class="mipro-live-runs" aria-label="Runs that go on">
      {runs.map((run) => (
        <LiveRun key={run.id} run={run} onOpen={() => onOpenRun(run.id)} />
      ))}
    </section>
  );
}

function LiveRun({ run, onOpen }: { readonly run: RunSummary; readonly onOpen: () => void }) {
  const share = run.total ? Math.min(1, run.done / run.total) : 0;
  const facts = [
    phaseOf(run),
    run.best === null ? null : `score ${formatScore(run.best.score)}`,
    formatCost(run.spend.usd, run.spend.about),
  ];
  const rest = run.eta === null ? undefined : `${formatDuration(run.eta)} to go`;
  return (
    <button type="button" class="mipro-live-run" title={rest} onClick={onOpen}>
      <span class="mipro-live-run-title">
        <span class="mipro-history-name">
          <SafeText text={excerpt(run.name || run.program, 60)} />
        </span>
        <StateBadge state={run.state} />
      </span>
      <span class="mipro-live-run-bar" aria-hidden="true">
        <span style={`width:${100 * share}%`} />
      </span>
      <span class="mipro-compact-facts">{facts.filter(Boolean).join(" · ")}</span>
    </button>
  );
}

/** What it is at: the last phase that has begun and is not over. */
function phaseOf({ phases, done, total }: RunSummary): string | null {
  const phase = phases.filter(({ state }) => state === "running").at(-1);
  const share = total ? ` ${Math.round((100 * done) / total)} %` : "";
  return phase === undefined ? null : `${phaseNames[phase.phase]}${share}`;
}
