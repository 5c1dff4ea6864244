/** The ends of runs: each is told once, to who may be looking at something else. */

import { formatCost, formatScore } from "../../../shared/src/format";
import type { HistoryRow } from "../../../shared/src/generated/view-model";
import { hasEnded } from "../../../shared/src/model/follow";
import { stateNames, titleOf } from "../../../shared/src/model/words";
import { excerpt } from "../../../shared/src/text";
import type { RunsFeed } from "./feed";

/** Calls back with each run that was seen to go on and has ended. */
export function onEnds(feed: RunsFeed, tell: (row: HistoryRow) => void): void {
  const going = new Set<string>();
  feed.changed.connect(() => {
    for (const run of going) {
      const row = feed.row(run);
      if (row === null || hasEnded(row.state)) {
        going.delete(run);
      }
      if (row !== null && hasEnded(row.state)) {
        tell(row);
      }
    }
    for (const { id } of feed.live) {
      going.add(id);
    }
  });
}

/** How a run ended, with its score and what it cost. */
export function endText(row: HistoryRow): string {
  const state = stateNames[row.state].toLowerCase();
  const score = row.score === null ? "no score" : `score ${formatScore(row.score)}`;
  return `${excerpt(titleOf(row), 60)}: ${state} · ${score} · ${formatCost(row.usd, row.about)}`;
}
