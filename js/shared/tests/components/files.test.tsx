import { render, screen } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import type { ComponentChild } from "preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resultOf } from "../../../dev/result";
import { CostPanel } from "../../src/components/cost/CostPanel";
import { ExampleTable } from "../../src/components/drill/ExampleTable";
import { PairTable } from "../../src/components/drill/PairTable";
import { pairedDifference } from "../../src/components/drill/pairs";
import { compactColumns } from "../../src/components/history/compact";
import { HistoryExplorer } from "../../src/components/history/HistoryExplorer";
import { TrialsTable } from "../../src/components/live/TrialsTable";
import { OutcomesTable } from "../../src/components/result/OutcomesTable";
import { formatDateTime } from "../../src/format";
import { clip, exampleRow, historyRow, RUN } from "../drill-fixtures";
import { trial } from "../runs";

const files: Blob[] = [];
const { createObjectURL, revokeObjectURL } = URL;

beforeEach(() => {
  files.length = 0;
  URL.createObjectURL = (file) => `blob:${files.push(file as Blob)}`;
  URL.revokeObjectURL = () => {};
});
afterEach(() => Object.assign(URL, { createObjectURL, revokeObjectURL }));

/** The rows of the file that the table gives, each with its cells by the names of the columns. */
async function fileOf(table: ComponentChild): Promise<Record<string, string>[]> {
  render(table);
  await userEvent.setup().click(screen.getByRole("button", { name: "CSV" }));
  const [head = [], ...rows] = parsed((await files[0]?.text()) ?? "");
  return rows.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at] ?? ""])));
}

/** The cells of a CSV file without line breaks in cells. */
function parsed(csv: string): string[][] {
  return csv
    .replace("\ufeff", "")
    .trimEnd()
    .split("\r\n")
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
      ),
    );
}

const nothing = () => {};
const long = { text: "The beginning", characters: 5_000, more: "text:1" };

describe("the file of a table", () => {
  it("of runs has names as they are written, times, tags and notes", async () => {
    const run = historyRow(0, {
      name: "HotPotQA, two hops",
      note: "the one for the paper",
      tags: ["paper", "v2"],
      program: "MultiHop",
      models: { task_model: "local/SmolLM2" },
      baseline: 50,
      score: 68,
    });
    const shared = { rows: [run], initialQuery: "", onOpenRun: nothing, onCompare: nothing };
    const [row] = await fileOf(<HistoryExplorer kernel={null} {...shared} />);
    expect(row).toMatchObject({
      Name: "HotPotQA, two hops",
      "Id of the run": run.id,
      State: "finished",
      "Score of the student": "50",
      "Score of the result": "68",
      "Gain in points": "18",
      Started: formatDateTime(run.created),
      Program: "MultiHop",
      Models: "local/SmolLM2",
      Tags: "paper, v2",
      Note: "the one for the paper",
    });
  });

  it("is not to be had where the runs are listed in two lines each", () => {
    render(
      <HistoryExplorer
        kernel={null}
        rows={[historyRow(0)]}
        initialQuery=""
        columns={compactColumns}
        onOpenRun={nothing}
        onCompare={nothing}
      />,
    );
    expect(screen.queryByRole("button", { name: "CSV" })).toBeNull();
  });

  it("of trials has the interval of the score and how a trial stands", async () => {
    const trials = [trial(2, { state: "running", score: null, low: null, high: null }), trial(1)];
    const [first, second] = await fileOf(
      <TrialsTable
        trials={trials}
        predictors={["solve"]}
        begun="paused"
        best={null}
        opened={null}
        onOpen={nothing}
        onCompare={nothing}
      />,
    );
    expect(first).toMatchObject({ Trial: "2", State: "paused" });
    expect(second).toMatchObject({
      Trial: "1",
      Kind: "minibatch",
      Configuration: "solve: instr 1 · demos 1",
      State: "done",
      "Lower end of the 95 % interval": "50",
      "Upper end of the 95 % interval": "80",
      "Asked at": formatDateTime(trial(1).asked_at),
    });
  });

  it("of examples has inputs, what was expected, and what came of them, cut texts as such", async () => {
    const examples = [
      exampleRow(1, { inputs: { text: long }, expected: { label: clip("ham") } }),
      exampleRow(2, { prediction: null, score: 0, error: clip("No field `label`.") }),
    ];
    const [first, second] = await fileOf(
      <ExampleTable kernel={null} run={RUN} trial={7} examples={examples} />,
    );
    expect(first).toMatchObject({ Inputs: "text: The beginning …", Expected: "label: ham" });
    expect(second).toMatchObject({ Score: "0", Prediction: "error: No field `label`." });
  });

  it("of two trials has what both predicted and scored, and which did better", async () => {
    const example = { inputs: { text: clip("Win!") }, expected: { label: clip("spam") } };
    const { pairs } = pairedDifference(
      [exampleRow(3, { ...example, prediction: { label: clip("ham") }, score: 0.25 })],
      [exampleRow(3, { ...example, prediction: { label: clip("spam") }, score: 1 })],
    );
    const [row] = await fileOf(<PairTable pairs={pairs} a={0} b={7} kernel={null} run={RUN} />);
    expect(row).toMatchObject({
      Number: "3",
      "Which did better": "trial 7",
      Inputs: "text: Win!",
      Expected: "label: spam",
      "Prediction of trial 0": "label: ham",
      "Prediction of trial 7": "label: spam",
      "Score of trial 0": "0.25",
      "Score of trial 7": "1",
    });
  });

  it("of score and cost has what one example takes", async () => {
    const measured = { usd: 0.0001, tokens: 300.4, seconds: 0.5, characters: 90 };
    const rows = [{ trial: 0, score: 60, ...measured, on_front: true, best: true }];
    const [row] = await fileOf(
      <CostPanel objectives={{ cost: "usd", told: "", rows }} onOpen={nothing} />,
    );
    expect(row).toEqual({
      Configuration: "Student as given",
      Score: "60",
      USD: "0.0001",
      Tokens: "300.4",
      "LM time": "0.5",
      "Characters of instructions": "90",
      "On the Pareto front": "yes",
    });
  });

  it("of outcomes has the texts, and says which were cut", async () => {
    const texts = { before: "", after: "", question: "Which river?" };
    const result = resultOf({ trial: 2, baseline: 60, score: 90, predictors: ["solve"], texts });
    const [first, ...others] = result.outcomes;
    const outcomes =
      first === undefined ? [] : [{ ...first, inputs: { question: long } }, ...others];
    const [cut, whole] = await fileOf(
      <OutcomesTable run={RUN} result={{ ...result, outcomes }} onOpen={nothing} />,
    );
    expect(cut).toMatchObject({ Outcome: "never right", Inputs: "question: The beginning …" });
    expect(whole).toMatchObject({ Inputs: "question: Which river?", Expected: "answer: Vltava" });
  });
});
