/** The line above a saved view. The view itself tells how its run stood. */

import { formatClock, formatDateTime } from "../../shared/src/format";
import type { RunBundle } from "../../shared/src/generated/view-model";
import { hasEnded } from "../../shared/src/model/follow";
import { resumeLines } from "../../shared/src/model/resume";

export interface Note {
  readonly text: string;
  /** A line of code for a cell; it completes the text. */
  readonly command: string | null;
}

/** Null where the view says all there is to say. */
export function noteOn(bundle: RunBundle, now = new Date()): Note | null {
  if (bundle.kind === "history") {
    return { text: "A saved list of runs. For the present one:", command: "%mipro history" };
  }
  if (bundle.kind === "comparison") {
    const runs = bundle.comparison?.runs.map(({ row }) => row.id) ?? [];
    const command = ["%mipro compare", ...runs].join(" ");
    return { text: "A saved comparison. To compare again:", command };
  }
  const summary = bundle.snapshot?.summary;
  if (summary === undefined || summary.state === "cut off") {
    return null;
  }
  if (hasEnded(summary.state)) {
    return {
      text: `A saved view, as of ${timeText(summary.as_of, now)}. For a live one:`,
      command: `%mipro show ${summary.id}`,
    };
  }
  const [command = null] = resumeLines(summary);
  const how = command === null ? `To resume it, ${summary.resume_hint}.` : "To resume it:";
  return {
    text:
      `A saved view, as of ${timeText(summary.as_of, now)}. If the kernel of this run is gone, it ` +
      `was cut off. ${how}`,
    command,
  };
}

function timeText(unixSeconds: number, now: Date): string {
  const isToday = new Date(unixSeconds * 1000).toDateString() === now.toDateString();
  return isToday ? formatClock(unixSeconds) : formatDateTime(unixSeconds);
}
