/** Finding runs in the history. */

import type { HistoryRow } from "../../generated/view-model";
import { stateNames } from "../../model/words";

/**
 * The runs in which every word of the query occurs: in name, tags, note, program, state, models or id; one
 * with a `=` also in the settings, as `name=value`. Python's `matches` says the same.
 */
export function search(rows: readonly HistoryRow[], query: string): readonly HistoryRow[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return rows;
  }
  return rows.filter((row) => {
    const text = searchable(row);
    const settings = settingsOf(row);
    return words.every(
      (word) => text.includes(word) || (word.includes("=") && settings.includes(word)),
    );
  });
}

function searchable(row: HistoryRow): string {
  const { name, tags, note = "", program, models, id, state } = row;
  const told = [name, ...tags, note, program, id, state, stateNames[state]];
  return [...told, ...Object.values(models)].join("\n").toLowerCase();
}

function settingsOf({ settings }: HistoryRow): string {
  const told = Object.entries(settings).map(([key, value]) => `${key}=${value ?? "None"}`);
  return told.join("\n").toLowerCase();
}
