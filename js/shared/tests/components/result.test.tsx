import { act, render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { resultOf } from "../../../dev/result";
import { App } from "../../src/components/App";
import type { ResultView, RunSnapshot } from "../../src/generated/view-model";
import { csvOf } from "../../src/model/download";
import { Kernel } from "../../src/model/kernel";
import { faults } from "../drill-axe";
import { RUN, snapshot, summary, trial } from "../runs";
import { FakeWire } from "../wire";

const texts = {
  before: "Answer the question.",
  after: "Answer the question in one word.",
  question: "Which river?",
};

function result(change: Partial<ResultView> = {}): ResultView {
  const found = { trial: 2, baseline: 60, score: 90, predictors: ["solve"], texts };
  return { ...resultOf(found), ...change };
}

function ended(change: Partial<ResultView> = {}): RunSnapshot {
  return snapshot({
    summary: summary({
      state: "finished",
      lives: "ended",
      result: result(change),
      testset_size: 200,
    }),
    trials: [trial(0), trial(1), trial(2, { kind: "full", score: 90 })],
  });
}

async function opened(start: RunSnapshot, answering = true) {
  const wire = new FakeWire();
  const kernel = answering ? new Kernel(wire, { patience: 50, limit: 10_000 }) : null;
  const state = { permission: null, snapshot: start, history: null, comparison: null };
  const { container } = render(
    <App state={{ kind: "run", ...state }} kernel={kernel} keep={() => {}} />,
  );
  if (answering) {
    await act(async () => wire.answer("snapshot", start));
  }
  return { wire, container, user: userEvent.setup() };
}

const demoSet = {
  predictor: "solve",
  index: 2,
  score: 80,
  trials: 3,
  examples: 60,
  pinned: false,
  banned: false,
  source: "labelled" as const,
  bootstrapped: 0,
  labelled: 16,
  preview: [{ question: { text: "first?", characters: 6, more: null } }],
  demos: 16,
};

const card = () => screen.getByRole("region", { name: "Result" });
const button = (name: string | RegExp) => screen.getByRole("button", { name });

describe("a run that has ended", () => {
  it("begins with the student's score and the result's, on valset and testset", async () => {
    await opened(ended());
    const [, student, labelled, found] = within(card()).getAllByRole("row");
    expect(student?.textContent).toContain("student as given60.0");
    expect(labelled?.textContent).toContain("student as given with 16 labelled demos77.0");
    expect(labelled?.textContent).toContain("1,650 tokens, $0.00031");
    expect(labelled?.textContent).toContain(" on 50 rows");
    expect(found?.textContent).not.toContain(" on ");
    expect(student?.textContent).toContain("56.0");
    expect(found?.textContent).toContain("best program90.0");
    expect(found?.textContent).toContain("81.0 to 97.0");
    expect(found?.textContent).toContain("86.0");
  });

  it("tells what each instruction and demo set adds, in words, numbers and shades", async () => {
    const { container, user } = await opened(ended());
    await user.click(screen.getByRole("tab", { name: "Effects" }));
    expect(screen.getByText(/^Instruction 4 adds 10\.0 ± 6\.0 points/)).not.toBeNull();
    const table = screen.getByRole("table", {
      name: "Scores of solve by instruction and demo set",
    });
    const [head, own, first] = within(table).getAllByRole("row");
    expect(head?.textContent).toContain("No demosDemos 1 +12.0 ± 4.5");
    expect(own?.textContent).toContain("Your instruction64.0 ± 5.0not tried");
    expect(first?.textContent).toContain("Instruction 1 +8.0 ± 4.5");
    expect(within(table).getByText(/result, 100 scored/)).not.toBeNull();
    expect(await faults(container)).toEqual([]);
  });

  it("tells what prompt formats add, and which one each trial had", async () => {
    const start = ended();
    const effects = result().effects;
    if (effects == null) {
      throw new Error("The fixture has effects.");
    }
    const formats = {
      formats: [
        { format: "json", adds: null, margin: null },
        { format: "tags", adds: 6.2, margin: 3.1 },
        { format: "lines", adds: null, margin: null },
      ],
      told: ["Format tags adds 6.2 ± 3.1 points over json, whatever instructions and demos."],
    };
    const { container, user } = await opened({
      ...start,
      trials: start.trials.map((row) => ({ ...row, format: row.trial === 0 ? null : "tags" })),
      summary: { ...start.summary, result: result({ effects: { ...effects, formats } }) },
    });
    expect(screen.getByRole("columnheader", { name: /^Format/ })).not.toBeNull();
    expect(screen.getByRole("grid").textContent).toContain("tags");
    await user.click(screen.getByRole("tab", { name: "Effects" }));
    expect(screen.getByText(/^Format tags adds 6\.2/)).not.toBeNull();
    const table = screen.getByRole("table", { name: "What each prompt format adds to the score" });
    const [head, adds] = within(table).getAllByRole("row");
    expect(head?.textContent).toBe("jsontagslines");
    expect(adds?.textContent).toBe("the student’s+6.2 ± 3.1not tried");
    expect(await faults(container)).toEqual([]);
  });

  it("of an older version has no effects to show", async () => {
    const { effects: _, ...older } = result();
    await opened({ ...ended(), summary: { ...ended().summary, result: older } });
    expect(screen.queryByRole("tab", { name: "Effects" })).toBeNull();
  });

  it("says how to test it on held-out rows, unless it was tested", async () => {
    const { user } = await opened(ended());
    await user.click(button("Test on held-out rows"));
    expect(screen.getByText(`%mipro test ${RUN} held_out_rows`)).not.toBeNull();
  });

  it("says so in the side panel and in a saved notebook as well", async () => {
    const { user } = await opened(ended(), false);
    await user.click(button("Test on held-out rows"));
    const later = `optimizer.resume("${RUN}", student, testset=held_out_rows)`;
    expect(screen.getByText(later)).not.toBeNull();
  });

  it("tells gain, price, and why this one won", async () => {
    await opened(ended());
    for (const sentence of [
      ...result().gain,
      ...result().test,
      result().cost ?? "",
      ...result().why,
    ]) {
      expect(card().textContent).toContain(sentence);
    }
  });

  it("shows what changed in the instruction", async () => {
    await opened(ended());
    const diff = within(card()).getByRole("region", { name: /^Changes from your instruction/ });
    expect(diff.querySelector("ins")?.textContent).toContain("in one word");
    expect(diff.textContent).toContain("Answer the question");
  });

  it("says of a prompt that nothing beat that it is the best", async () => {
    await opened(
      ended(resultOf({ trial: 0, baseline: 60, score: 60, predictors: ["solve"], texts })),
    );
    expect(card().textContent).toContain("The student as given is the best");
    expect(card().textContent).toContain("The instruction is yours, unchanged.");
  });

  it("does not call a prompt the best where the run ended early", async () => {
    const start = ended(
      resultOf({ trial: 0, baseline: 60, score: 60, predictors: ["solve"], texts }),
    );
    await opened({ ...start, summary: { ...start.summary, state: "failed" } });
    expect(
      within(card()).getByRole("heading", { name: "No better program was found" }),
    ).toBeTruthy();
  });

  it("has the instruction found as it is, to be copied", async () => {
    const { user } = await opened(ended());
    await user.click(
      within(card()).getByRole("button", { name: "Copy the instruction found for solve" }),
    );
    expect(await navigator.clipboard.readText()).toBe("Answer the question in one word.");
  });

  it("has its phases and vitals in one line that unfolds", async () => {
    const { user } = await opened(ended());
    expect(screen.queryByRole("list", { name: "Phases" })).toBeNull();
    await user.click(button("Phases and cost"));
    expect(screen.getByRole("list", { name: "Phases" })).toBeTruthy();
  });

  it("says in that line what failed and that the cost is not known", async () => {
    const start = ended();
    const spend = { ...start.summary.spend, cached_calls: 53, failed_calls: 3, usd: null };
    const phases = start.summary.phases.filter(({ phase }) => phase !== "propose");
    const { container } = await opened({
      ...start,
      summary: { ...start.summary, spend, phases, errors: 2, estimate: null },
    });
    expect(container.querySelector(".mipro-over-line")?.textContent).toContain(
      "Ended during the search phase · 2 min · 120 LM calls · 53 cached · 3 failed · 2 examples failed" +
        " · cost unknown",
    );
  });

  it("leads from the number of failing examples to them, and from one to the trial", async () => {
    const { user } = await opened(ended());
    await user.click(button("24 examples of 100 still fail"));
    const table = screen.getByRole("grid", { name: "What still fails" });
    expect(within(table).getAllByText("Never right").length).toBeGreaterThan(0);
    expect(within(table).queryByText("Won")).toBeNull(); // only what fails, until more is asked for
    expect(button(/^Failing/).getAttribute("aria-pressed")).toBe("true");
    await user.click(within(table).getAllByRole("row")[1] as HTMLElement);
    await waitFor(() => expect(screen.getByRole("heading", { name: "Trial 2" })).toBeTruthy());
  });

  it("lets only the examples of one outcome through", async () => {
    const { user } = await opened(ended());
    await user.click(screen.getByRole("tab", { name: /What still fails/ }));
    await user.click(button(/^Lost/));
    const table = screen.getByRole("grid", { name: "What still fails" });
    expect(within(table).queryByText("Never right")).toBeNull();
    expect(within(table).getAllByText("Lost").length).toBe(8);
  });

  it("fetches the demos when they are unfolded", async () => {
    const start = ended();
    const { user, wire } = await opened({ ...start, demo_sets: [demoSet] });
    await user.click(within(card()).getByRole("button", { name: /^16 demos/ }));
    expect(card().textContent).toContain("first?");
    expect(card().textContent).toContain("Fetching 15 more demos…");
    await act(async () =>
      wire.answer("demos", [{ question: { text: "all of them?", characters: 12, more: null } }]),
    );
    expect(card().textContent).toContain("all of them?");
    expect(card().textContent).not.toContain("Fetching");
  });

  it("says why demos cannot be fetched, and where they are", async () => {
    const start = ended();
    const { user, wire } = await opened({ ...start, demo_sets: [demoSet] });
    await user.click(within(card()).getByRole("button", { name: /^16 demos/ }));
    await act(async () => wire.refuse("demos", "The record is locked."));
    await waitFor(() =>
      expect(within(card()).getByRole("alert").textContent).toBe("The record is locked."),
    );
    expect(card().textContent).toContain(`15 more demos: %mipro show ${RUN}`);
  });

  it("has no serious findings of axe", async () => {
    const { container } = await opened(ended());
    expect(await faults(container)).toEqual([]);
  });
});

describe("the program of a trial", () => {
  it("is copied as it is asked for, and what the kernel refuses is said", async () => {
    const { user, wire } = await opened(ended());
    await user.click(within(card()).getByRole("button", { name: "Copy prompt" }));
    await user.click(button("Python, openai client"));
    const asked = wire.sent.at(-1);
    expect(asked).toMatchObject({
      what: "prompt",
      ask: { run: RUN, trial: 2, form: "openai", predictor: "solve" },
    });
    await act(async () => wire.answer("prompt", "from openai import OpenAI"));
    await waitFor(() => expect(card().textContent).toContain("Copied."));
    expect(await navigator.clipboard.readText()).toBe("from openai import OpenAI");
    await user.click(button("LangChain"));
    await act(async () => wire.refuse("prompt", "There is no LM."));
    await waitFor(() => expect(card().textContent).toContain("There is no LM."));
  });

  it("goes into a variable whose name the person gives", async () => {
    const { user, wire } = await opened(ended());
    await user.click(within(card()).getByRole("button", { name: "Use here" }));
    const name = screen.getByRole("textbox", { name: "Variable of this notebook" });
    expect((name as HTMLInputElement).value).toBe("trial_2"); // not the one of the run's result
    await user.clear(name);
    await user.type(name, "better{Enter}");
    expect(wire.sent.at(-1)).toMatchObject({ what: "use", ask: { trial: 2, name: "better" } });
    await act(async () => wire.answer("use", "better is now the program of trial 2."));
    await waitFor(() =>
      expect(card().textContent).toContain("better is now the program of trial 2."),
    );
  });

  it("is saved or used from any trial that is opened", async () => {
    const { user, wire } = await opened(ended());
    await user.click(within(screen.getByRole("grid", { name: "Trials" })).getByText("minibatch"));
    const drill = screen.getByRole("region", { name: "Trial 1" });
    await user.click(within(drill).getByRole("button", { name: "Save" }));
    await user.click(button("Save trial 1"));
    expect(wire.sent.at(-1)).toMatchObject({
      what: "save",
      ask: { trial: 1, name: "trial-1.json" },
    });
  });

  it("is copied of the student too, whose trial chose nothing, and by any predictor", async () => {
    const start = ended();
    const predictors = { rewrite: "question -> query", solve: "query -> answer" };
    const { user, wire } = await opened({
      ...start,
      summary: { ...start.summary, predictors },
      trials: start.trials.map((row) => (row.trial === 0 ? { ...row, configuration: {} } : row)),
    });
    await user.click(within(screen.getByRole("grid", { name: "Trials" })).getByText("baseline"));
    const drill = screen.getByRole("region", { name: "Trial 0" });
    await user.click(within(drill).getByRole("button", { name: "Copy prompt" }));
    await user.click(button("Text"));
    const asked = { run: RUN, trial: 0, form: "text" };
    expect(wire.sent.at(-1)?.ask).toEqual({ ...asked, predictor: "rewrite" });
    await act(async () => wire.answer("prompt", "Rewrite the question."));
    await user.selectOptions(screen.getByRole("combobox", { name: "Predictor" }), "solve");
    await user.click(button("Text"));
    expect(wire.sent.at(-1)?.ask).toEqual({ ...asked, predictor: "solve" });
  });

  it("without a kernel comes with the lines to run", async () => {
    const { user } = await opened(ended(), false);
    await user.click(within(card()).getByRole("button", { name: "Copy, use, save, share" }));
    for (const line of [
      `program.load_state(mipro_nb.runs.load("${RUN}").program_state(2))`,
      'print(program.export("openai"))',
      `mipro_nb.share("${RUN}", "report.html")`,
    ]) {
      expect(card().textContent).toContain(line);
    }
  });
});

describe("a table as a file", () => {
  it("has what spreadsheets would take for a formula as text, and quotes what needs it", () => {
    const csv = csvOf([
      ["a", "b"],
      ['=1+1, "x"', -3],
      ["@cmd\nnext", null],
      ["plain", 0.5],
    ]);
    expect(csv).toBe('\ufeffa,b\r\n"\'=1+1, ""x""",-3\r\n"\'@cmd\nnext",\r\nplain,0.5\r\n');
  });

  it.each(["", " ", "\n", "\r\n\t", "\u200b", "\ufeff", "\u00a0\u0000"])(
    "takes no sign of a formula for one behind %j",
    (before) => {
      for (const sign of ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]) {
        const quoted = /[\r\n]/.test(before) ? '"' : "";
        const cell = `${before}${sign}1`;
        expect(csvOf([[cell]])).toBe(`\ufeff${quoted}'${cell}${quoted}\r\n`);
      }
      expect(csvOf([["a = 1"], [" plain"], ["·-1"]])).toBe("\ufeffa = 1\r\n plain\r\n·-1\r\n");
    },
  );

  it("has the columns in the order of the table", async () => {
    const files: Blob[] = [];
    URL.createObjectURL = (file) => `blob:${files.push(file as Blob)}`;
    URL.revokeObjectURL = () => {};
    const { user } = await opened(ended());
    await user.click(screen.getByRole("tab", { name: /What still fails/ }));
    await user.click(button("CSV"));
    const [head, first] = (await files[0]?.text())?.split("\r\n") ?? [];
    expect(head).toContain("Number,Outcome,Inputs,Expected");
    expect(first).toContain("1,never right,question: Which river?");
  });
});

describe("a run without a result", () => {
  it("of an older version keeps the numbers that it has", async () => {
    const { result: _, ...older } = summary({ state: "finished", lives: "ended" });
    await opened(snapshot({ summary: older }));
    expect(screen.queryByRole("region", { name: "Result" })).toBeNull();
    expect(screen.getByRole("list", { name: "Phases" })).toBeTruthy();
    expect(screen.getByRole("region", { name: `Run ${RUN}` }).textContent).toContain("Best score");
  });
});
