import type { RunState, RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { canBeResumed } from "../../model/resume";
import type { Standing } from "../../model/standing";
import { stateNames, titleOf } from "../../model/words";
import { Badge, type Tone } from "../base/Badge";
import { Button } from "../base/Button";
import { Notice } from "../base/Notice";
import { SafeText } from "../base/SafeText";
import { useAction } from "../drill/asking";
import { ResumeHint } from "./ResumeHint";
import { RunControls } from "./RunControls";

interface RunHeaderProps {
  readonly kernel: Kernel | null;
  readonly summary: RunSummary;
  readonly standing: Standing;
  /** Where there is something to go back to. */
  readonly onBack: (() => void) | null;
}

const tones: Record<RunState, Tone> = {
  planned: "neutral",
  running: "info",
  paused: "warning",
  finished: "good",
  stopped: "neutral",
  capped: "warning",
  failed: "danger",
  "cut off": "warning",
};

export function RunHeader({ kernel, summary, standing, onBack }: RunHeaderProps) {
  const action = useAction();
  const lost = summary.lost?.told ?? null;
  const reached = summary.steerable || summary.lives === "elsewhere";
  const controls = kernel?.canChange && reached && standing.going;
  return (
    <header class="mipro-run-head">
      <div class="mipro-run-title">
        {onBack && (
          <Button kind="quiet" icon="chevronLeft" onClick={onBack}>
            Back
          </Button>
        )}
        <h2>
          <SafeText text={titleOf(summary)} />
        </h2>
        <StateBadge state={summary.state} lost={standing.lost} />
        <span class="mipro-run-origin">
          {summary.name !== "" && summary.name !== summary.program && (
            <>
              <SafeText text={summary.program} /> ·{" "}
            </>
          )}
          <code>{summary.id}</code>
        </span>
        {summary.tags.map((tag) => (
          <Badge key={tag}>
            <SafeText text={tag} />
          </Badge>
        ))}
        {controls && (
          <RunControls
            kernel={kernel}
            run={summary}
            disabled={action.pending || !standing.reachable}
            start={action.start}
          />
        )}
      </div>
      {action.error !== null && <Notice tone="danger">{action.error}</Notice>}
      {standing.notice !== null && (
        <Notice tone={standing.notice.tone}>
          <SafeText text={standing.notice.text} />
        </Notice>
      )}
      {canBeResumed(summary.state) && <ResumeHint run={summary} />}
      {lost !== null && <Notice>{lost}</Notice>}
    </header>
  );
}

/** The state of a run in a word; what is lost was in that state when it was last heard of. */
export function StateBadge({ state, lost = false }: { readonly state: RunState; lost?: boolean }) {
  if (lost) {
    return <Badge>Last seen {stateNames[state].toLowerCase()}</Badge>;
  }
  return (
    <Badge tone={tones[state]}>
      {state === "running" && <span class="mipro-pulse" aria-hidden="true" />}
      {stateNames[state]}
    </Badge>
  );
}
