import { formatCost, formatDuration, formatScore } from "../../format";
import type { LiveRunRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { phaseNames, shareText, titleOf } from "../../model/words";
import { excerpt } from "../../text";
import { Refusal } from "../base/Refusal";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { RunControls } from "../live/RunControls";
import { StateBadge } from "../live/RunHeader";

interface LiveRunsProps {
  readonly kernel: Kernel;
  readonly runs: readonly LiveRunRow[];
  readonly onOpenRun: (id: string) => void;
}

/** The runs that go on, each with how far it is, and how to pause and stop it. */
export function LiveRuns({ kernel, runs, onOpenRun }: LiveRunsProps) {
  return runs.length === 0 ? null : (
    <section class="mipro-live-runs" aria-label="Runs in progress">
      {runs.map((run) => (
        <LiveRun key={run.id} kernel={kernel} run={run} onOpen={() => onOpenRun(run.id)} />
      ))}
    </section>
  );
}

interface LiveRunProps {
  readonly kernel: Kernel;
  readonly run: LiveRunRow;
  readonly onOpen: () => void;
}

function LiveRun({ kernel, run, onOpen }: LiveRunProps) {
  const action = useAction();
  return (
    <div class="mipro-live-run">
      <LiveRunButton run={run} onOpen={onOpen} />
      <RunControls
        kernel={kernel}
        run={run}
        disabled={action.pending}
        start={action.start}
        compact
      />
      {action.error !== null && (
        <div class="mipro-live-run-refusal">
          <Refusal reason={action.error} />
        </div>
      )}
    </div>
  );
}

function LiveRunButton({ run, onOpen }: Omit<LiveRunProps, "kernel">) {
  const done = shareText(run);
  const share = run.total ? Math.min(1, run.done / run.total) : null;
  const facts = [
    run.phase === null ? null : phaseNames[run.phase],
    done === null ? null : `${done} in all`,
    run.score === null ? null : `score ${formatScore(run.score)}`,
    formatCost(run.usd, run.about),
  ];
  const rest = run.eta === null ? undefined : `${formatDuration(run.eta)} to go`;
  return (
    <button type="button" class="mipro-live-run-open" title={rest} onClick={onOpen}>
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
