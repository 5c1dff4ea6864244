import type { RunState } from "../../generated/view-model";
import { stateNames } from "../../model/words";
import { Badge, type Tone } from "../base/Badge";

const tones: Readonly<Record<RunState, Tone>> = {
  planned: "neutral",
  running: "info",
  paused: "info",
  finished: "good",
  stopped: "neutral",
  capped: "warning",
  failed: "danger",
  "cut off": "warning",
};

interface RunStateBadgeProps {
  readonly state: RunState;
  /** The run is going on in this kernel. */
  readonly here: boolean;
}

export function RunStateBadge({ state, here }: RunStateBadgeProps) {
  return (
    <Badge tone={tones[state]}>
      {stateNames[state]}
      {here && " here"}
    </Badge>
  );
}
