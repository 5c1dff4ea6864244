import { useState } from "preact/hooks";
import type { RunSummary } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button, IconButton } from "../base/Button";
import type { IconName } from "../base/Icon";

interface RunControlsProps {
  readonly kernel: Kernel;
  readonly run: Pick<RunSummary, "id" | "state">;
  readonly disabled: boolean;
  readonly start: (work: () => Promise<void>) => Promise<boolean>;
  /** Icons alone, where there is little room. */
  readonly compact?: boolean;
}

/** Pause and resume a run that goes on, and stop it, which is asked about once more. */
export function RunControls({ kernel, run, disabled, start, compact = false }: RunControlsProps) {
  const [stopping, setStopping] = useState(false);

  function ask(what: "pause" | "resume" | "stop"): void {
    setStopping(false);
    start(async () => {
      await kernel.ask(what, { run: run.id });
    });
  }

  if (stopping) {
    return (
      <fieldset class="mipro-run-controls" aria-label="Stop the run?">
        <span>Stop and keep the best so far?</span>
        <Button kind="danger" onClick={() => ask("stop")} disabled={disabled}>
          Stop the run
        </Button>
        <Button onClick={() => setStopping(false)}>Go on</Button>
      </fieldset>
    );
  }
  const shared = { compact, disabled };
  return (
    <div class="mipro-run-controls">
      {run.state === "paused" ? (
        <Control {...shared} icon="play" label="Resume" primary onClick={() => ask("resume")} />
      ) : (
        <Control {...shared} icon="pause" label="Pause" onClick={() => ask("pause")} />
      )}
      <Control {...shared} icon="stop" label="Stop" onClick={() => setStopping(true)} />
    </div>
  );
}

interface ControlProps {
  readonly icon: IconName;
  readonly label: string;
  readonly compact: boolean;
  readonly disabled: boolean;
  readonly primary?: boolean;
  readonly onClick: () => void;
}

function Control({ icon, label, compact, disabled, primary = false, onClick }: ControlProps) {
  return compact ? (
    <IconButton icon={icon} label={label} disabled={disabled} onClick={onClick} />
  ) : (
    <Button icon={icon} kind={primary ? "primary" : "plain"} disabled={disabled} onClick={onClick}>
      {label}
    </Button>
  );
}
