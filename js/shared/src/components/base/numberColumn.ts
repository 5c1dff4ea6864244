import type { Column } from "./tableModel";

interface NumberColumn<Row> extends Omit<Column<Row>, "align" | "value"> {
  readonly value: (row: Row) => number | null;
  /** How a number is written, if not as it is; where there is none, "–" is. */
  readonly format?: (value: number, row: Row) => string;
}

/** A column of numbers, which stand to the right. */
export function numberColumn<Row>({ format, ...column }: NumberColumn<Row>): Column<Row> {
  const aligned = { ...column, align: "end" } as const;
  if (format === undefined) {
    return aligned;
  }
  const cell = (row: Row) => {
    const value = column.value(row);
    return value === null ? "–" : format(value, row);
  };
  return { ...aligned, cell };
}
