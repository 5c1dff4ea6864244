/** Finding runs in the history. */

import type { HistoryRow } from "../../generated/view-model";
import { stateNames } from "../../model/words";

/**
 * The runs in which every word of the query occurs: in name, tags, note, program, state, models, settings
 * as `name=value`, or id. Python's `matches` says the same.
 */
export function search(rows: readonly HistoryRow[], query: string): readonly HistoryRow[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return rows;
  }
  return rows.filter((row) => {
    const text = searchable(row);
    return words.every((word) => text.includes(word));
  });
}

function searchable(row: HistoryRow): string {
  const { name, tags, note = "", program, models, settings, id, state } = row;
  const told = Object.entries(settings).map(([key, value]) => `${key}=${value ?? "None"}`);
  return [
    ...[name, ...tags, note, program, id, state, stateNames[state]],
    ...Object.values(models),
    ...told,
  ]
    .join("\n")
    .toLowerCase();
}
