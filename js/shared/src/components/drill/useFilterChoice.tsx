import type { ComponentChild } from "preact";
import { useMemo, useState } from "preact/hooks";
import { FilterChoice } from "./FilterChoice";

export interface Filtered<Row> {
  /** The rows that the choice lets through. */
  readonly rows: readonly Row[];
  /** What one chooses with. */
  readonly choice: ComponentChild;
}

interface Kind<Id extends string> {
  readonly id: Id;
  readonly label: string;
}

/** What is said where the choice lets no example through. */
export const NONE_FITS = "No example fits the filter.";

/**
 * Examples of one kind or of all, as a person chooses.
 *
 * `kindsOf` has the kinds of an example, the same function at each drawing; `first` is what is
 * chosen until a person does.
 */
export function useFilterChoice<Row, Id extends string>(
  all: readonly Row[],
  kinds: readonly Kind<Id>[],
  kindsOf: (row: Row) => readonly string[],
  first: Id | "all" = "all",
): Filtered<Row> {
  const [selected, setSelected] = useState<Id | "all">(first);
  const counts = useMemo(() => countsOf(all, kindsOf), [all, kindsOf]);
  const rows = useMemo(
    () => (selected === "all" ? all : all.filter((row) => kindsOf(row).includes(selected))),
    [all, kindsOf, selected],
  );
  const filters = [
    { id: "all" as const, label: "All", count: all.length },
    ...kinds.map((kind) => ({ ...kind, count: counts.get(kind.id) ?? 0 })),
  ];
  const choice = (
    <FilterChoice
      label="Which examples"
      filters={filters}
      selected={selected}
      onSelect={setSelected}
    />
  );
  return { rows, choice };
}

function countsOf<Row>(
  rows: readonly Row[],
  kindsOf: (row: Row) => readonly string[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    for (const kind of kindsOf(row)) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  return counts;
}
