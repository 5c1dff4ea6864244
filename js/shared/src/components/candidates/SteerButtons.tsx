import { Button } from "../base/Button";
import type { Switch, SwitchName } from "./steering";

interface SteerButtonsProps {
  readonly pin: Switch;
  readonly ban: Switch;
  /** What is pinned or banned, read aloud: "instruction 3". */
  readonly name: string;
}

const words = {
  pin: {
    does: "Pin",
    doing: "Pinning…",
    undoing: "Unpinning…",
    title: "While any are pinned, only those are tried",
  },
  ban: {
    does: "Ban",
    doing: "Banning…",
    undoing: "Unbanning…",
    title: "Banned candidates are not tried again",
  },
} as const;

export function SteerButtons({ pin, ban, name }: SteerButtonsProps) {
  return (
    <>
      <SteerButton kind="pin" state={pin} name={name} />
      <SteerButton kind="ban" state={ban} name={name} />
    </>
  );
}

interface SteerButtonProps {
  readonly kind: SwitchName;
  readonly state: Switch;
  readonly name: string;
}

function SteerButton({ kind, state, name }: SteerButtonProps) {
  const { does, doing, undoing, title } = words[kind];
  return (
    <Button kind="quiet" icon={kind} pressed={state.on} title={title} onClick={state.toggle}>
      {state.pending ? (state.on ? doing : undoing) : does}{" "}
      <span class="mipro-only-read">{name}</span>
    </Button>
  );
}
