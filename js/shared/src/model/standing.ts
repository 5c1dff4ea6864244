/** How much of what a view shows still holds, now that its kernel answers or does not. */

import { formatClock } from "../format";
import type { RunSummary } from "../generated/view-model";
import { hasEnded } from "./follow";
import { BUSY, type Presence, UNHEARD } from "./kernel";

export interface Standing {
  /** The run goes on, as far as can be known. */
  readonly going: boolean;
  /** It went on when it was last heard of, and nothing is known since. */
  readonly lost: boolean;
  /** Questions will be answered. */
  readonly reachable: boolean;
  /** What the person should know about it; null where all is as it seems. */
  readonly notice: { readonly tone: "info" | "warning" | "danger"; readonly text: string } | null;
}

/** `busy` is what to say where an answer is overdue. */
export function standing(summary: RunSummary, presence: Presence, busy = BUSY): Standing {
  const ended = hasEnded(summary.state);
  const reachable = presence === "live" || presence === "busy" || presence === "unheard";
  const lost = !ended && (presence === "absent" || presence === "gone");
  return {
    going: !ended && !lost,
    lost,
    reachable,
    notice: ended ? noticeOfEnded(summary) : noticeOfGoing(summary, presence, busy),
  };
}

function noticeOfEnded(summary: RunSummary): Standing["notice"] {
  const { state, reason } = summary;
  if (state === "cut off") {
    return {
      tone: "warning",
      text:
        `This run was cut off; last event ${formatClock(summary.as_of)}. All answers so far are ` +
        "kept.",
    };
  }
  if (state === "failed") {
    return { tone: "danger", text: reason ?? "The run failed." };
  }
  if (state === "capped" || state === "stopped") {
    return { tone: "info", text: reason ?? "The best program so far is kept." };
  }
  return reason === null ? null : { tone: "info", text: reason };
}

function noticeOfGoing(summary: RunSummary, presence: Presence, busy: string): Standing["notice"] {
  const asOf = `This view shows the run as of ${formatClock(summary.as_of)}`;
  switch (presence) {
    case "gone":
      return {
        tone: "warning",
        text:
          `The kernel is gone. ${asOf}; to see what has become of it, run ` +
          `%mipro show ${summary.id} in a new kernel.`,
      };
    case "absent":
      return {
        tone: "info",
        text:
          `No kernel answers. ${asOf}, when it was still going on; to see what has become of it, ` +
          `run %mipro show ${summary.id}.`,
      };
    case "busy":
      return { tone: "info", text: busy };
    case "unheard":
      return { tone: "warning", text: UNHEARD };
    default:
      return noticeOfHeard(summary);
  }
}

/** What there is to say of a run whose news arrive. */
function noticeOfHeard({ state, reason, lives }: RunSummary): Standing["notice"] {
  const elsewhere =
    lives === "elsewhere"
      ? "This run goes on in another kernel. Its candidates are steered there."
      : null;
  if (state === "paused" && reason !== null) {
    return {
      tone: "warning",
      text: `The run has paused by itself. ${reason}${elsewhere === null ? "" : ` ${elsewhere}`}`,
    };
  }
  const told = [reason, elsewhere].filter((each) => each !== null).join(" ");
  return told === "" ? null : { tone: "info", text: told };
}
