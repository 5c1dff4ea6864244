/** Sorting and column choice of a table, by TanStack's headless table. */

import {
  type ColumnDef,
  columnVisibilityFeature,
  constructTable,
  createSortedRowModel,
  functionalUpdate,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
} from "@tanstack/table-core";
import { storeReactivityBindings } from "@tanstack/table-core/store-reactivity-bindings";
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";

/** A column as its table describes it. */
export interface Column<Row> {
  readonly id: string;
  /** What stands above it. */
  readonly header: string;
  /** Its full name, where the header is short for it. */
  readonly title?: string;
  /** What it is sorted by; null comes last in either order. Without it, it cannot be sorted. */
  readonly value?: (row: Row) => number | string | null;
  /** What is drawn; without it, the value. */
  readonly cell?: (row: Row) => ComponentChildren;
  /** What stands for it in a file, if that is not the value; it need not be short. */
  readonly text?: (row: Row) => string;
  readonly align?: "start" | "end";
  /** Its width, as a track of a CSS grid: "64px", "minmax(130px, 2fr)". */
  readonly width: string;
  /** It is not shown until it is chosen. */
  readonly hidden?: boolean;
  /** Sorted for the first time, its largest comes first. */
  readonly largestFirst?: boolean;
}

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

export interface TableModel<Row> {
  readonly rows: readonly Row[];
  readonly shown: readonly Column<Row>[];
  readonly sort: Sort | null;
  isShown(column: Column<Row>): boolean;
  toggleSort(column: Column<Row>): void;
  show(column: Column<Row>, on: boolean): void;
}

const features = tableFeatures({
  coreReactivityFeature: storeReactivityBindings(),
  columnVisibilityFeature,
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
});

type Definition<Row extends object> = ColumnDef<typeof features, Row, unknown>;

export function useTableModel<Row extends object>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  initialSort: Sort | null,
): TableModel<Row> {
  const [sorting, setSorting] = useState(
    initialSort === null ? [] : [{ id: initialSort.column, desc: initialSort.descending }],
  );
  const [columnVisibility, setColumnVisibility] = useState<Record<string, boolean>>(() =>
    Object.fromEntries(columns.filter((column) => column.hidden).map(({ id }) => [id, false])),
  );
  const definitions = useMemo(() => columns.map((column) => definition(column)), [columns]);
  const state = useMemo(() => ({ sorting, columnVisibility }), [sorting, columnVisibility]);
  const table = useMemo(
    () =>
      constructTable<typeof features, Row>({ features, columns: definitions, data: rows, state }),
    // The options are set again below, whenever they change.
    [],
  );
  table.setOptions((options) => ({
    ...options,
    columns: definitions,
    data: rows,
    state,
    onSortingChange: (update) => setSorting((known) => functionalUpdate(update, known)),
    onColumnVisibilityChange: (update) =>
      setColumnVisibility((known) => functionalUpdate(update, known)),
  }));
  const sorted = table.getRowModel().rows;
  const sortedBy = sorting[0];
  return {
    rows: useMemo(() => sorted.map((row) => row.original), [sorted]),
    shown: useMemo(
      () => columns.filter((column) => columnVisibility[column.id] !== false),
      [columns, columnVisibility],
    ),
    sort: sortedBy === undefined ? null : { column: sortedBy.id, descending: sortedBy.desc },
    isShown: (column) => columnVisibility[column.id] !== false,
    toggleSort: (column) => table.getColumn(column.id)?.toggleSorting(),
    show: (column, on) => table.getColumn(column.id)?.toggleVisibility(on),
  };
}

function definition<Row extends object>(column: Column<Row>): Definition<Row> {
  const { id, value } = column;
  return {
    id,
    accessorFn: (row) => value?.(row) ?? undefined,
    enableSorting: value !== undefined,
    sortDescFirst: column.largestFirst ?? false,
    sortFn: sortFn_basic,
    sortUndefined: "last",
  };
}
