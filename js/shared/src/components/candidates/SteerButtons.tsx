import { Button } from "../base/Button";
import type { Switch } from "./steering";

interface SteerButtonsProps {
  readonly pin: Switch;
  readonly ban: Switch;
  /** What is pinned or banned, read aloud: "instruction 3". */
  readonly name: string;
}

export function SteerButtons({ pin, ban, name }: SteerButtonsProps) {
  return (
    <>
      <Button
        kind="quiet"
        icon="pin"
        pressed={pin.on}
        title="While any are pinned, only those are tried"
        onClick={pin.toggle}
      >
        {pin.pending ? (pin.on ? "Pinning…" : "Unpinning…") : "Pin"}{" "}
        <span class="mipro-only-read">{name}</span>
      </Button>
      <Button
        kind="quiet"
        icon="ban"
        pressed={ban.on}
        title="Banned candidates are not tried again"
        onClick={ban.toggle}
      >
        {ban.pending ? (ban.on ? "Banning…" : "Unbanning…") : "Ban"}{" "}
        <span class="mipro-only-read">{name}</span>
      </Button>
    </>
  );
}
