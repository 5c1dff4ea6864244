/** Finding runs in the history. */

import type { HistoryRow } from "../../generated/view-model";
import { stateNames } from "../../model/words";

/** The runs in which every word of the query occurs: in name, tags, program, models, id or state. */
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

function searchable({ name, tags, program, models, id, state }: HistoryRow): string {
  return [name, ...tags, program, ...Object.values(models), id, state, stateNames[state]]
    .join("\n")
    .toLowerCase();
}
