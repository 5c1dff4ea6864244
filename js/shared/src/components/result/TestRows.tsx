import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ReplyDetail, TestsetDetail, TestsetRow } from "../../generated/view-model";
import type { Kernel } from "../../model/kernel";
import { Button, IconButton } from "../base/Button";
import { type Column, DataTable } from "../base/DataTable";
import { Notice } from "../base/Notice";
import { numberColumn } from "../base/numberColumn";
import { SafeText } from "../base/SafeText";
import { useAnswer } from "../drill/asking";
import { Calls } from "../drill/Calls";
import { CellFields, predictionText } from "../drill/CellFields";
import { fieldColumns } from "../drill/fieldColumns";
import { OpenedBelow } from "../drill/OpenedBelow";
import { Predicted } from "../drill/Predicted";
import { RowFields } from "../drill/RowFields";
import { NONE_FITS, useFilterChoice } from "../drill/useFilterChoice";
import { VerdictMark } from "../drill/VerdictMark";
import { verdictOf } from "../drill/verdict";

interface TestRowsProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  /** How many are scored by now, each program's counted. */
  readonly scored: number;
  /** What the notebook has saved; null where it has nothing. */
  readonly saved: TestsetDetail | null;
}

/** Milliseconds between two looks at a test that goes on. */
const LOOK_AGAIN = 1500;

/** The rows of the testset, each with what student and result made of it. */
export function TestRows({ kernel, run, scored, saved }: TestRowsProps) {
  const [asked, again] = useAnswer(
    kernel === null ? null : () => kernel.ask("tested", { run }),
    run,
  );
  useLookAgain(scored, again);
  const tested = asked?.value ?? saved;
  return (
    <>
      {asked?.state === "refused" && (
        <Notice
          tone="danger"
          action={
            <Button kind="quiet" onClick={again}>
              Try again
            </Button>
          }
        >
          <SafeText text={asked.error ?? ""} />
          {tested !== null && " What was there before is shown."}
        </Notice>
      )}
      {tested !== null ? (
        <TestTable kernel={kernel} run={run} tested={tested} />
      ) : kernel === null ? (
        <Notice>
          The test rows are not saved in this notebook. They are in the record; with a kernel,{" "}
          <code>%mipro show {run}</code> opens them.
        </Notice>
      ) : (
        asked?.state !== "refused" && (
          <p class="mipro-drill-empty" role="status">
            Fetching the test rows…
          </p>
        )
      )}
    </>
  );
}

/** Asks again, not too often, while more rows are scored. */
function useLookAgain(scored: number, again: () => void): void {
  const [seen, setSeen] = useState(scored);
  const newest = useRef(scored);
  newest.current = scored;
  const stale = scored !== seen;
  useEffect(() => {
    if (!stale) {
      return undefined;
    }
    const timer = setTimeout(() => {
      setSeen(newest.current);
      again();
    }, LOOK_AGAIN);
    return () => clearTimeout(timer);
  }, [stale, again]);
}

interface TestTableProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly tested: TestsetDetail;
}

const kinds = [
  { id: "right", label: "Right" },
  { id: "wrong", label: "Wrong" },
  { id: "error", label: "Errors" },
  { id: "won", label: "Won" },
  { id: "lost", label: "Lost" },
] as const;

function TestTable({ kernel, run, tested }: TestTableProps) {
  const { changed } = tested;
  const [opened, setOpened] = useState<number | null>(null);
  const columns = useMemo(() => columnsFor(changed), [changed]);
  const { rows, choice } = useFilterChoice(
    tested.rows,
    changed ? kinds : kinds.slice(0, 3),
    changed ? kindsOfBoth : kindsOfStudent,
  );
  const openedRow = tested.rows.find((row) => row.example === opened);
  const close = () => setOpened(null);
  return (
    <>
      <p class="mipro-muted mipro-small">{tested.told}</p>
      <OpenedBelow
        name={openedRow === undefined ? null : `Test row ${openedRow.example}`}
        onClose={close}
        detail={openedRow && <TestRow kernel={kernel} run={run} row={openedRow} onClose={close} />}
      >
        <DataTable
          label="Test rows"
          rows={rows}
          columns={columns}
          rowKey={(row) => row.example}
          maxHeight={330}
          onOpen={(row) => setOpened(row.example === opened ? null : row.example)}
          opened={opened}
          toolbar={choice}
          empty={NONE_FITS}
        />
      </OpenedBelow>
    </>
  );
}

function kindsOfStudent({ student }: TestsetRow): readonly string[] {
  return student === null ? [] : [verdictOf(student)];
}

function kindsOfBoth({ student, result }: TestsetRow): readonly string[] {
  if (student === null || result === null) {
    return [];
  }
  const gained = (result.score ?? 0) - (student.score ?? 0);
  return [verdictOf(result), ...(gained > 0 ? ["won"] : gained < 0 ? ["lost"] : [])];
}

function columnsFor(changed: boolean): readonly Column<TestsetRow>[] {
  const reply = (
    header: string,
    title: string,
    of: (row: TestsetRow) => ReplyDetail | null,
  ): Column<TestsetRow> => ({
    id: header,
    header,
    title,
    value: (row) => of(row)?.score ?? null,
    text: (row) => {
      const made = of(row);
      return made === null ? "" : predictionText(made);
    },
    cell: (row) => <Reply reply={of(row)} only={Object.keys(row.expected)} />,
    width: "minmax(110px, 1.6fr)",
  });
  return [
    numberColumn({
      id: "example",
      header: "#",
      title: "Number in the testset",
      width: "52px",
      value: (row) => row.example,
    }),
    ...fieldColumns<TestsetRow>("minmax(80px, 1fr)"),
    reply("Student", "Prediction of the student as given", (row) => row.student),
    ...(changed
      ? [reply("Result", "Prediction of the returned program", (row) => row.result)]
      : []),
  ];
}

interface ReplyProps {
  readonly reply: ReplyDetail | null;
  readonly only: readonly string[];
}

function Reply({ reply, only }: ReplyProps) {
  if (reply === null) {
    return <span class="mipro-muted">–</span>;
  }
  return (
    <span class="mipro-pair-side">
      <VerdictMark row={reply} />
      <CellFields
        fields={reply.error === null ? reply.prediction : { error: reply.error }}
        only={only}
      />
    </span>
  );
}

interface TestRowProps {
  readonly kernel: Kernel | null;
  readonly run: string;
  readonly row: TestsetRow;
  readonly onClose: () => void;
}

/** One row of the testset in full, and the calls behind it. */
function TestRow({ kernel, run, row, onClose }: TestRowProps) {
  const name = `test row ${row.example}`;
  const shown = { kernel, run };
  return (
    <section class="mipro-example" aria-label={`Test row ${row.example}`}>
      <header class="mipro-example-head">
        <h4>Test row {row.example}</h4>
        <IconButton icon="close" label={`Close ${name}`} onClick={onClose} />
      </header>
      <div class="mipro-example-columns mipro-example-columns--two">
        <RowFields row={row} name={name} {...shown} />
        {row.student !== null && (
          <Predicted reply={row.student} by="Student" name={`${name}, student`} {...shown} />
        )}
        {row.result !== null && (
          <Predicted reply={row.result} by="Result" name={`${name}, result`} {...shown} />
        )}
      </div>
      <Calls kernel={kernel} run={run} trial={null} example={row.example} />
    </section>
  );
}
