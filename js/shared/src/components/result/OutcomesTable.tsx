import { formatCount } from "../../format";
import type { ExampleOutcome, ResultView, Verdict } from "../../generated/view-model";
import { type Column, DataTable } from "../base/DataTable";
import { numberColumn } from "../base/numberColumn";
import { counted } from "../drill/counted";
import { fieldColumns } from "../drill/fieldColumns";
import { NONE_FITS, useFilterChoice } from "../drill/useFilterChoice";
import { metricText } from "../drill/verdict";

interface OutcomesTableProps {
  readonly run: string;
  readonly result: ResultView;
  /** Opens an example in the trial that was returned. */
  readonly onOpen: (example: number) => void;
}

interface Meaning {
  readonly label: string;
  readonly title: string;
}

const meanings: Readonly<Record<Verdict, Meaning>> = {
  "never right": {
    label: "Never right",
    title: "No configuration that was tried gets it right",
  },
  lost: { label: "Lost", title: "The student as given gets it right, the result does not" },
  "still wrong": {
    label: "Still wrong",
    title: "Neither gets it right, another configuration does",
  },
  won: { label: "Won", title: "The result gets it right, the student as given does not" },
};

const kinds = [
  { id: "failing", label: "Failing" },
  ...Object.entries(meanings).map(([id, { label }]) => ({ id, label })),
];

const columns: readonly Column<ExampleOutcome>[] = [
  numberColumn({
    id: "example",
    header: "#",
    title: "Number",
    width: "52px",
    value: (row) => row.example,
  }),
  {
    id: "verdict",
    header: "Outcome",
    width: "104px",
    value: (row) => row.verdict,
    cell: (row) => (
      <span
        class={`mipro-outcome mipro-outcome--${row.verdict.replace(" ", "-")}`}
        title={meanings[row.verdict].title}
      >
        {meanings[row.verdict].label}
      </span>
    ),
  },
  ...fieldColumns<ExampleOutcome>(),
  numberColumn({
    id: "student",
    header: "Student",
    title: "Score of the student",
    width: "72px",
    value: (row) => row.student,
    format: metricText,
  }),
  numberColumn({
    id: "result",
    header: "Result",
    title: "Score of the result",
    width: "66px",
    value: (row) => row.result,
    format: metricText,
  }),
  numberColumn({
    id: "right",
    header: "Right in",
    title: "Configurations that get it right, of those that were tried on it",
    width: "84px",
    value: (row) => (row.tried === 0 ? null : row.right / row.tried),
    format: (_, row) => `${formatCount(row.right)} of ${formatCount(row.tried)}`,
  }),
];

const kindsOf = ({ verdict }: ExampleOutcome): readonly string[] =>
  verdict === "won" ? [verdict] : ["failing", verdict];

/** The examples that the student or the result fail, over all configurations. */
export function OutcomesTable({ run, result, onOpen }: OutcomesTableProps) {
  const { outcomes, outcomes_left_out: leftOut } = result;
  const { rows, choice } = useFilterChoice(
    outcomes,
    kinds,
    kindsOf,
    result.failing > 0 ? "failing" : "all",
  );
  return (
    <>
      <DataTable
        label="What still fails"
        rows={rows}
        columns={columns}
        rowKey={(row) => row.example}
        onOpen={(row) => onOpen(row.example)}
        empty={
          outcomes.length === 0
            ? "The student as given and the result get every example right."
            : NONE_FITS
        }
        toolbar={choice}
      />
      {leftOut > 0 && (
        <p class="mipro-cliptext-note">
          {counted(leftOut, "more example")}:{" "}
          <code>mipro_nb.runs.load("{run}").outcomes_dataframe()</code>
        </p>
      )}
    </>
  );
}
