/** Pinning and banning candidates from their cards. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Part } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { sentence } from "../drill/asking";

/** What of a candidate can be switched, and how it stands in the record. */
export interface Switched {
  readonly predictor: string;
  readonly index: number;
  readonly pinned: boolean;
  readonly banned: boolean;
}

export type SwitchName = "pin" | "ban";

export interface Switch {
  /** As the person wants it; as the record has it where nothing was asked. */
  readonly on: boolean;
  /** The kernel has not said yes yet. */
  readonly pending: boolean;
  /** Why it could not be done, as a sentence. */
  readonly error: string | null;
  toggle(): void;
}

interface Asked {
  readonly on: boolean;
  /** The card that was seen when the kernel said yes; null while it has not. */
  readonly grantedAt: Switched | null;
}

/**
 * One switch of a card.
 *
 * It moves at once, and is pending until the kernel has said yes; then it stays where it is until
 * the record tells how the candidate stands now.
 */
export function useSwitch(
  kernel: Kernel | null,
  run: string,
  part: Part,
  card: Switched,
  name: SwitchName,
): Switch {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [error, setError] = useState<string | null>(null);
  const latest = useRef(card);
  latest.current = card;
  const recorded = name === "pin" ? card.pinned : card.banned;
  const settled =
    asked !== null &&
    asked.grantedAt !== null &&
    (asked.on === recorded || asked.grantedAt !== card);

  useEffect(() => {
    if (settled) {
      setAsked(null);
    }
  }, [settled]);

  async function toggle(): Promise<void> {
    if (kernel === null || (asked !== null && asked.grantedAt === null)) {
      return;
    }
    const on = !(asked?.on ?? recorded);
    const { predictor, index } = card;
    setAsked({ on, grantedAt: null });
    setError(null);
    try {
      await kernel.ask(name, { run, predictor, part, index, on });
      setAsked({ on, grantedAt: latest.current });
    } catch (reason) {
      setAsked(null);
      setError(sentence(reason));
    }
  }

  return {
    on: asked !== null && !settled ? asked.on : recorded,
    pending: asked !== null && asked.grantedAt === null,
    error,
    toggle: () => void toggle(),
  };
}
