import { useMemo } from "preact/hooks";
import type { HeadroomExample, HeadroomView } from "../../generated/view-model";
import { type Column, DataTable } from "../base/DataTable";
import { numberColumn } from "../base/numberColumn";
import { fieldColumns } from "../drill/fieldColumns";
import { NONE_FITS, useFilterChoice } from "../drill/useFilterChoice";
import { metricText } from "../drill/verdict";

const kinds = [{ id: "never", label: "No full score" }] as const;

function kindsOf({ scores }: HeadroomExample): readonly string[] {
  return scores.some((score) => score !== null && score >= 1) ? [] : ["never"];
}

interface HeadroomRowsProps {
  readonly examples: readonly HeadroomExample[];
  readonly prompts: HeadroomView["prompts"];
}

/** The rows that headroom was measured on, and what each prompt scores on them. */
export function HeadroomRows({ examples, prompts }: HeadroomRowsProps) {
  const { rows, choice } = useFilterChoice(examples, kinds, kindsOf);
  const columns = useMemo(() => columnsOf(prompts), [prompts]);
  return (
    <DataTable
      label="Measured rows"
      rows={rows}
      columns={columns}
      rowKey={(row) => row.example}
      toolbar={choice}
      empty={NONE_FITS}
    />
  );
}

function columnsOf(prompts: HeadroomView["prompts"]): readonly Column<HeadroomExample>[] {
  return [
    numberColumn({
      id: "example",
      header: "#",
      title: "Number among the measured rows",
      width: "52px",
      value: (row) => row.example,
    }),
    ...fieldColumns<HeadroomExample>(),
    ...prompts.map(({ prompt }, place) =>
      numberColumn<HeadroomExample>({
        id: `prompt-${place}`,
        header: prompt,
        title: `Score with: ${prompt}`,
        width: "116px",
        value: (row) => row.scores[place] ?? null,
        format: metricText,
      }),
    ),
  ];
}
