/** What a run's events need not tell of, made whole. */

import type { Caps, Estimate, ToldCaps, ToldEstimate } from "../run";

/** All caps: null where the events have none. */
export function wholeCaps(told: ToldCaps | undefined): Caps {
  return {
    max_usd: told?.max_usd ?? null,
    max_calls: told?.max_calls ?? null,
    max_tokens: told?.max_tokens ?? null,
    max_seconds: told?.max_seconds ?? null,
  };
}

/** The estimate; null where the events have none. */
export function wholeEstimate(told: ToldEstimate | undefined): Estimate | null {
  const { phases, total, guess = null } = told ?? {};
  return phases === undefined || total === undefined ? null : { phases, total, guess };
}
