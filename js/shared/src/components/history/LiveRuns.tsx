import { formatCost, formatDuration, formatScore } from "../../format";
import type { LiveRunRow } from "../../generated/view-model";
import { phaseNames, titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { SafeText } from "../base/SafeText";
import { StateBadge } from "../live/RunHeader";

interface LiveRunsProps {
  readonly runs: readonly LiveRunRow[];
  readonly onOpenRun: (id: string) => void;
}

/** The runs that go on, each with how far it is. */
export function LiveRuns({ runs, onOpenRun }: LiveRunsProps) {
  return runs.length === 0 ? null : (
    <section class="mipro-live-runs" aria-label="Runs in progress">
      {runs.map((run) => (
        <LiveRunButton key={run.id} run={run} onOpen={() => onOpenRun(run.id)} />
      ))}
    </section>
  );
}

interface LiveRunButtonProps {
  readonly run: LiveRunRow;
  readonly onOpen: () => void;
}

function LiveRunButton({ run, onOpen }: LiveRunButtonProps) {
  const share = run.total ? Math.min(1, run.done / run.total) : null;
  const facts = [
    run.phase === null ? null : phaseNames[run.phase],
    // As in the view of the run, nothing is rounded up to a whole that is not there yet.
    share === null ? null : `${Math.floor(100 * share)} % in all`,
    run.score === null ? null : `score ${formatScore(run.score)}`,
    formatCost(run.usd, run.about),
  ];
  const rest = run.eta === null ? undefined : `${formatDuration(run.eta)} to go`;
  return (
    <button type="button" class="mipro-live-run" title={rest} onClick={onOpen}>
      <span class="mipro-live-run-title">
        <span class="mipro-history-name">
          <SafeText text={excerpt(titleOf(run), 60)} />
        </span>
        <StateBadge state={run.state} />
      </span>
      <span class="mipro-live-run-bar" aria-hidden="true">
        <span style={`width:${100 * (share ?? 0)}%`} />
      </span>
      <span class="mipro-compact-facts">{facts.filter(Boolean).join(" · ")}</span>
    </button>
  );
}
