import { useState } from "preact/hooks";
import { formatDuration } from "../../format";
import type { ExampleRow, ReplyRating } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { type Column, DataTable } from "../base/DataTable";
import { Notice } from "../base/Notice";
import { numberColumn } from "../base/numberColumn";
import { SafeText } from "../base/SafeText";
import { CellFields, predictionText } from "./CellFields";
import { ExampleDetail } from "./ExampleDetail";
import { fieldColumns } from "./fieldColumns";
import { OpenedBelow } from "./OpenedBelow";
import { RatingMark, ratingText } from "./RatingMark";
import { NONE_FITS, useFilterChoice } from "./useFilterChoice";
import { useRatings } from "./useRatings";
import { VerdictMark } from "./VerdictMark";
import { verdictOf } from "./verdict";

interface ExampleTableProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly trial: number;
  readonly examples: readonly ExampleRow[];
  /** Why replies cannot be rated from here; null where they can, if there is a kernel. */
  readonly unrateable?: string | null;
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
  ...fieldColumns<ExampleRow>("minmax(80px, 1.3fr)"),
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

const kindsOf = (row: ExampleRow): readonly string[] => [verdictOf(row)];

const ratingColumn: Column<ExampleRow> = {
  id: "rating",
  header: "Rating",
  title: "Your rating",
  value: (row) => row.rating?.rating ?? null,
  text: (row) => ratingText(row.rating),
  cell: (row) => <RatingMark rating={row.rating} />,
  width: "74px",
};
const ratedColumns = [...columns.slice(0, -1), ratingColumn, ...columns.slice(-1)];
const ratingKeys: Readonly<Record<string, ReplyRating["rating"]>> = { g: "good", b: "bad" };

/** The examples of a trial; one that is chosen is shown in full below. */
export function ExampleTable({
  kernel,
  run,
  trial,
  examples,
  unrateable = null,
  first = null,
}: ExampleTableProps) {
  const ratings = useRatings(unrateable === null ? kernel : null, run, trial, examples);
  const { rows, choice } = useFilterChoice(ratings.rows, kinds, kindsOf);
  const [opened, setOpened] = useState<number | null>(first);
  const openedRow = ratings.rows.find((row) => row.example === opened);
  const { rate } = ratings;

  function rateByKey(row: ExampleRow, key: string): boolean {
    const wanted = ratingKeys[key];
    if (rate === null || wanted === undefined || row.prediction === null) {
      return false;
    }
    rate(row, row.rating?.rating === wanted ? null : wanted, "");
    return true;
  }

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
            rate={rate}
            unrateable={kernel === null ? null : unrateable}
            onClose={() => setOpened(null)}
          />
        )
      }
    >
      <DataTable
        label={`Examples of trial ${trial}`}
        rows={rows}
        columns={rate !== null || ratings.rows.some((row) => row.rating) ? ratedColumns : columns}
        rowKey={(row) => row.example}
        maxHeight={330}
        onOpen={(row) => setOpened(row.example === opened ? null : row.example)}
        opened={opened}
        onKey={rateByKey}
        toolbar={choice}
        empty={examples.length === 0 ? "No example was started yet." : NONE_FITS}
      />
      {rate !== null && (
        <p class="mipro-rating-hint">
          <kbd>g</kbd> rates a reply good, <kbd>b</kbd> bad; the same key again withdraws it.
        </p>
      )}
      {ratings.error !== null && (
        <Notice tone="danger">
          <SafeText text={ratings.error} />
        </Notice>
      )}
      <p class="mipro-only-read" role="status">
        {ratings.said}
      </p>
    </OpenedBelow>
  );
}
