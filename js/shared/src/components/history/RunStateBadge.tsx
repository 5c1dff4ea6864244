import { stateNames } from "../../model/words";
import type { RunState } from "../../run";
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

export function RunStateBadge({ state }: { readonly state: RunState }) {
  return <Badge tone={tones[state]}>{stateNames[state]}</Badge>;
}
