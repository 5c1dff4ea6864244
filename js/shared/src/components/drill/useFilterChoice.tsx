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

/** Examples of one kind or of all, as a person chooses; `kindOf` is the same at each drawing. */
export function useFilterChoice<Row, Id extends string>(
  all: readonly Row[],
  kinds: readonly Kind<Id>[],
  kindOf: (row: Row) => string,
): Filtered<Row> {
  const [selected, setSelected] = useState<Id | "all">("all");
  const counts = useMemo(() => countsOf(all, kindOf), [all, kindOf]);
  const rows = useMemo(
    () => (selected === "all" ? all : all.filter((row) => kindOf(row) === selected)),
    [all, kindOf, selected],
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
  kindOf: (row: Row) => string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const kind = kindOf(row);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}
