import type { Clip } from "../../generated/view-model";
import type { Column } from "../base/DataTable";
import { CellFields, fieldsText } from "./CellFields";

interface RowWithFields {
  readonly inputs: Readonly<Record<string, Clip>>;
  readonly expected: Readonly<Record<string, Clip>>;
}

/** The columns of what a row asks, and of what is right for it. */
export function fieldColumns<Row extends RowWithFields>(
  expectedWidth = "minmax(80px, 1.5fr)",
): readonly Column<Row>[] {
  return [
    {
      id: "inputs",
      header: "Inputs",
      width: "minmax(140px, 3fr)",
      text: (row) => fieldsText(row.inputs),
      cell: (row) => <CellFields fields={row.inputs} />,
    },
    {
      id: "expected",
      header: "Expected",
      width: expectedWidth,
      text: (row) => fieldsText(row.expected),
      cell: (row) => <CellFields fields={row.expected} />,
    },
  ];
}
