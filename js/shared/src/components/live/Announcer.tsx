import { useEffect, useRef, useState } from "preact/hooks";
import { formatScore } from "../../format";
import type { RunSummary } from "../../generated/view-model";
import { stateNames } from "../../model/words";

interface AnnouncerProps {
  readonly summary: RunSummary;
  /** Milliseconds between two new bests that are worth a word. */
  readonly pause?: number;
}

/** Tells a screen reader, sparingly, that the state has changed or that there is a new best. */
export function Announcer({ summary, pause = 15_000 }: AnnouncerProps) {
  const { state, best } = summary;
  const [said, setSaid] = useState("");
  const last = useRef({ state, best: best?.score ?? null, at: Number.NEGATIVE_INFINITY });

  useEffect(() => {
    const known = last.current;
    const score = best?.score ?? null;
    const now = Date.now();
    if (state !== known.state) {
      last.current = { state, best: score, at: now };
      const outcome = score === null ? "" : ` Best score ${formatScore(score)}.`;
      setSaid(`Run ${stateNames[state].toLowerCase()}.${outcome}`);
    } else if (score !== null && score > (known.best ?? score) && now - known.at > pause) {
      last.current = { state, best: score, at: now };
      setSaid(`New best score ${formatScore(score)}, trial ${best?.trial}.`);
    } else if (known.best === null) {
      last.current = { ...known, best: score };
    }
  }, [state, best, pause]);

  return (
    <output class="mipro-only-read" aria-live="polite">
      {said}
    </output>
  );
}
