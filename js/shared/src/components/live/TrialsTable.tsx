import { useMemo, useState } from "preact/hooks";
import type { EvaluationKind, TrialRow } from "../../generated/view-model";
import { triedText } from "../../model/words";
import { Button } from "../base/Button";
import { DataTable } from "../base/DataTable";
import { Select, TextField } from "../base/Field";
import { type Begun, trialColumns } from "./trialColumns";

interface TrialsTableProps {
  readonly trials: readonly TrialRow[];
  /** The same array at each drawing. */
  readonly predictors: readonly string[];
  /** How trials stand that have not ended. */
  readonly begun: Begun;
  readonly best: number | null;
  readonly opened: number | null;
  readonly onOpen: (trial: number) => void;
  readonly onCompare: (trials: readonly [number, number]) => void;
}

type Shown = "all" | EvaluationKind | TrialRow["state"];

const filters = [
  { value: "all", label: "All trials" },
  { value: "minibatch", label: "Minibatch" },
  { value: "full", label: "Full evaluation" },
  { value: "baseline", label: "Baseline" },
  { value: "running", label: "Running" },
  { value: "done", label: "Done" },
  { value: "given up", label: "Given up" },
] as const;

export function TrialsTable({
  trials,
  predictors,
  begun,
  best,
  opened,
  onOpen,
  onCompare,
}: TrialsTableProps) {
  const [text, setText] = useState("");
  const [shown, setShown] = useState<Shown>("all");
  const [marked, setMarked] = useState<readonly number[]>([]);
  const formats = trials.some((row) => row.format != null);
  const columns = useMemo(
    () => trialColumns(predictors, begun, formats),
    [predictors, begun, formats],
  );
  const rows = useMemo(() => filtered(trials, text, shown), [trials, text, shown]);
  const [first, second] = marked;

  function mark({ trial }: TrialRow): void {
    setMarked((known) =>
      known.includes(trial)
        ? known.filter((other) => other !== trial)
        : // Of three the first marked gives way: only two can be compared.
          [...known.slice(-1), trial],
    );
  }

  return (
    <DataTable
      label="Trials"
      rows={rows}
      columns={columns}
      rowKey={(row) => row.trial}
      initialSort={{ column: "trial", descending: true }}
      onOpen={(row) => onOpen(row.trial)}
      opened={opened}
      onMark={mark}
      marked={useMemo(() => new Set(marked), [marked])}
      markLabel={(row) => `Mark trial ${row.trial} for comparison`}
      rowClass={(row) => (row.trial === best ? "mipro-table-row--best" : null)}
      empty={trials.length === 0 ? "No trial yet." : "No trial fits the filter."}
      toolbar={
        <>
          <TextField
            label="Filter trials"
            hideLabel
            value={text}
            onInput={setText}
            placeholder="Filter: instr 3, full, 12 …"
          />
          <Select label="Kind or state" value={shown} options={filters} onChange={setShown} />
          {first !== undefined && second !== undefined ? (
            <Button
              kind="primary"
              icon="compare"
              onClick={() => onCompare([Math.min(first, second), Math.max(first, second)])}
            >
              Compare {Math.min(first, second)} and {Math.max(first, second)}
            </Button>
          ) : (
            <span class="mipro-muted mipro-small">
              {first === undefined
                ? countText(rows.length, trials.length)
                : `Trial ${first} is marked: mark another to compare`}
            </span>
          )}
        </>
      }
    />
  );
}

function filtered(trials: readonly TrialRow[], text: string, shown: Shown): readonly TrialRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && shown === "all") {
    return trials;
  }
  return trials.filter(
    (row) =>
      (shown === "all" || row.kind === shown || row.state === shown) &&
      (words.length === 0 || fits(row, words)),
  );
}

/** All words occur; a number alone is that of a trial. "instr 3" stays together. */
function fits(row: TrialRow, words: readonly string[]): boolean {
  const haystack = `${row.kind} ${row.state} ${triedText(row)}`.toLowerCase();
  const phrase = words.join(" ");
  return (
    phrase === String(row.trial) ||
    containsWord(haystack, phrase) ||
    (!/\d/.test(phrase) && words.every((word) => haystack.includes(word)))
  );
}

/** "instr 1" is not in "instr 12". */
function containsWord(haystack: string, phrase: string): boolean {
  for (let at = haystack.indexOf(phrase); at !== -1; at = haystack.indexOf(phrase, at + 1)) {
    if (!/\d/.test(haystack[at + phrase.length] ?? "")) {
      return true;
    }
  }
  return false;
}

function countText(shown: number, all: number): string {
  return shown === all ? "" : `${shown} of ${all}`;
}
