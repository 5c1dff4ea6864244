import { useMemo, useState } from "preact/hooks";
import type { Kernel } from "../../model/kernel";
import { IconButton } from "../base/Button";
import { type Column, DataTable } from "../base/DataTable";
import { numberColumn } from "../base/numberColumn";
import { CellFields, fieldsText, predictionText } from "./CellFields";
import { OpenedBelow } from "./OpenedBelow";
import { Predicted } from "./Predicted";
import type { Pair } from "./pairs";
import { RowFields } from "./RowFields";
import { NONE_FITS, useFilterChoice } from "./useFilterChoice";
import { VerdictMark } from "./VerdictMark";
import { metricText } from "./verdict";

interface PairTableProps {
  readonly pairs: readonly Pair[];
  readonly a: number;
  readonly b: number;
  readonly kernel: Kernel | null;
  readonly run: string;
}

type Better = "b" | "a" | "alike";

/** Examples that both trials have scored, and which of the two did better on each. */
export function PairTable({ pairs, a, b, kernel, run }: PairTableProps) {
  const [opened, setOpened] = useState<number | null>(null);
  const columns = useMemo(() => columnsFor(a, b), [a, b]);
  const kinds = [
    { id: "b", label: `Trial ${b} better` },
    { id: "a", label: `Trial ${a} better` },
    { id: "alike", label: "Alike" },
  ] as const;
  const { rows, choice } = useFilterChoice(pairs, kinds, kindsOf);
  const openedPair = pairs.find((pair) => pair.example === opened);

  return (
    <OpenedBelow
      name={openedPair === undefined ? null : `Example ${openedPair.example}`}
      onClose={() => setOpened(null)}
      detail={
        openedPair && (
          <PairDetail
            pair={openedPair}
            a={a}
            b={b}
            kernel={kernel}
            run={run}
            onClose={() => setOpened(null)}
          />
        )
      }
    >
      <DataTable
        label={`Examples of trials ${a} and ${b}`}
        rows={rows}
        columns={columns}
        rowKey={(pair) => pair.example}
        initialSort={{ column: "difference", descending: true }}
        maxHeight={330}
        onOpen={(pair) => setOpened(pair.example === opened ? null : pair.example)}
        opened={opened}
        toolbar={choice}
        empty={pairs.length === 0 ? "No example was scored by both." : NONE_FITS}
      />
    </OpenedBelow>
  );
}

function columnsFor(a: number, b: number): readonly Column<Pair>[] {
  const prediction = (side: "a" | "b", trial: number): Column<Pair> => ({
    id: side,
    header: `Trial ${trial}`,
    title: `Prediction of trial ${trial}`,
    value: (pair) => pair[side].score,
    text: (pair) => predictionText(pair[side]),
    cell: (pair) => (
      <span class="mipro-pair-side">
        <VerdictMark row={pair[side]} />
        <CellFields fields={pair[side].prediction} only={Object.keys(pair[side].expected)} />
      </span>
    ),
    width: "minmax(110px, 1.6fr)",
    largestFirst: true,
  });
  const score = (side: "a" | "b", trial: number): Column<Pair> =>
    numberColumn({
      id: `score ${side}`,
      header: `Score ${trial}`,
      title: `Score of trial ${trial}`,
      value: (pair) => pair[side].score,
      format: metricText,
      width: "72px",
      largestFirst: true,
      hidden: true,
    });
  const betterText = (pair: Pair): string =>
    ({ a: `trial ${a}`, b: `trial ${b}`, alike: "alike" })[better(pair)];
  return [
    numberColumn({
      id: "example",
      header: "#",
      title: "Number",
      value: (pair) => pair.example,
      width: "44px",
    }),
    {
      id: "difference",
      header: "Better",
      title: "Which did better",
      value: (pair) => pair.difference,
      text: betterText,
      cell: (pair) => (
        <span class={better(pair) === "alike" ? "mipro-muted" : undefined}>{betterText(pair)}</span>
      ),
      width: "76px",
      largestFirst: true,
    },
    {
      id: "inputs",
      header: "Inputs",
      text: (pair) => fieldsText(pair.a.inputs),
      cell: (pair) => <CellFields fields={pair.a.inputs} />,
      width: "minmax(140px, 2.4fr)",
    },
    {
      id: "expected",
      header: "Expected",
      text: (pair) => fieldsText(pair.a.expected),
      cell: (pair) => <CellFields fields={pair.a.expected} />,
      width: "minmax(80px, 1fr)",
    },
    prediction("a", a),
    prediction("b", b),
    score("a", a),
    score("b", b),
  ];
}

interface PairDetailProps extends Omit<PairTableProps, "pairs"> {
  readonly pair: Pair;
  readonly onClose: () => void;
}

function PairDetail({ pair, a, b, kernel, run, onClose }: PairDetailProps) {
  const name = `example ${pair.example}`;
  const shown = { kernel, run };
  return (
    <section class="mipro-example" aria-label={`Example ${pair.example}`}>
      <header class="mipro-example-head">
        <h4>Example {pair.example}</h4>
        <IconButton icon="close" label={`Close ${name}`} onClick={onClose} />
      </header>
      <div class="mipro-example-columns mipro-example-columns--two">
        <RowFields row={pair.a} name={name} {...shown} />
        {([pair.a, pair.b] as const).map((row, side) => {
          const trial = side === 0 ? a : b;
          const whose = `${name} in trial ${trial}`;
          return <Predicted key={side} reply={row} by={`Trial ${trial}`} name={whose} {...shown} />;
        })}
      </div>
    </section>
  );
}

function kindsOf(pair: Pair): readonly string[] {
  return [better(pair)];
}

function better({ difference }: Pair): Better {
  if (difference === 0) {
    return "alike";
  }
  return difference > 0 ? "b" : "a";
}
