import { useState } from "preact/hooks";
import { formatDuration } from "../../format";
import type { ExampleRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { type Column, DataTable } from "../base/DataTable";
import { numberColumn } from "../base/numberColumn";
import { CellFields, fieldsText, predictionText } from "./CellFields";
import { ExampleDetail } from "./ExampleDetail";
import { OpenedBelow } from "./OpenedBelow";
import { NONE_FITS, useFilterChoice } from "./useFilterChoice";
import { VerdictMark } from "./VerdictMark";
import { verdictOf } from "./verdict";

interface ExampleTableProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly trial: number;
  readonly examples: readonly ExampleRow[];
  /** The example that is opened at first. */
  readonly first?: number | null;
}

const kinds = [
  { id: "right", label: "Right" },
  { id: "wrong", label: "Wrong" },
  { id: "error", label: "Errors" },
] as const;

const columns: readonly Column<ExampleRow>[] = [
  numberColumn({
    id: "example",
    header: "#",
    title: "Number",
    value: (row) => row.example,
    width: "44px",
  }),
  {
    id: "score",
    header: "Score",
    value: (row) => row.score,
    cell: (row) => <VerdictMark row={row} />,
    width: "74px",
  },
  {
    id: "inputs",
    header: "Inputs",
    text: (row) => fieldsText(row.inputs),
    cell: (row) => <CellFields fields={row.inputs} />,
    width: "minmax(140px, 3fr)",
  },
  {
    id: "expected",
    header: "Expected",
    text: (row) => fieldsText(row.expected),
    cell: (row) => <CellFields fields={row.expected} />,
    width: "minmax(80px, 1.3fr)",
  },
  {
    id: "prediction",
    header: "Prediction",
    text: predictionText,
    cell: (row) =>
      row.error === null ? (
        <CellFields fields={row.prediction} only={Object.keys(row.expected)} />
      ) : (
        <CellFields fields={{ error: row.error }} />
      ),
    width: "minmax(80px, 1.5fr)",
  },
  numberColumn({
    id: "seconds",
    header: "Time",
    value: (row) => row.seconds,
    format: formatDuration,
    width: "72px",
    largestFirst: true,
  }),
];

/** The examples of a trial; one that is chosen is shown in full below. */
export function ExampleTable({ kernel, run, trial, examples, first = null }: ExampleTableProps) {
  const { rows, choice } = useFilterChoice(examples, kinds, verdictOf);
  const [opened, setOpened] = useState<number | null>(first);
  const openedRow = examples.find((row) => row.example === opened);

  return (
    <OpenedBelow
      name={openedRow === undefined ? null : `Example ${openedRow.example}`}
      onClose={() => setOpened(null)}
      detail={
        openedRow && (
          <ExampleDetail
            kernel={kernel}
            run={run}
            trial={trial}
            row={openedRow}
            onClose={() => setOpened(null)}
          />
        )
      }
    >
      <DataTable
        label={`Examples of trial ${trial}`}
        rows={rows}
        columns={columns}
        rowKey={(row) => row.example}
        maxHeight={330}
        onOpen={(row) => setOpened(row.example === opened ? null : row.example)}
        opened={opened}
        toolbar={choice}
        empty={examples.length === 0 ? "No example was started yet." : NONE_FITS}
      />
    </OpenedBelow>
  );
}
