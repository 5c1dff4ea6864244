import { act, render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { App } from "../../src/components/App";
import type { PhaseProgress, RunSnapshot } from "../../src/generated/view-model";
import { Kernel } from "../../src/model/kernel";
import { delta, estimate, RUN, snapshot, summary, trial } from "../runs";
import { FakeWire } from "../wire";

/** A run view whose kernel has answered with `start`. */
async function opened(start: RunSnapshot = snapshot()) {
  const wire = new FakeWire();
  const kernel = new Kernel(wire, { patience: 50, limit: 10_000 });
  const kept: RunSnapshot[] = [];
  render(
    <App
      state={{
        kind: "run",
        permission: null,
        snapshot: start,
        history: null,
        comparison: null,
      }}
      kernel={kernel}
      keep={(newest) => kept.push(newest)}
    />,
  );
  await act(async () => wire.answer("snapshot", start));
  return { wire, kept, user: userEvent.setup() };
}

const button = (name: string | RegExp) => screen.getByRole("button", { name });
const grid = () => screen.getByRole("grid", { name: "Trials" });

/** The numbers of the trials shown, from top to bottom. */
function shownTrials(): number[] {
  const [, body] = within(grid()).getAllByRole("rowgroup");
  return within(body as HTMLElement)
    .queryAllByRole("row")
    .map((row) => ({ row, at: Number(row.getAttribute("aria-rowindex")) }))
    .sort((a, b) => a.at - b.at)
    .map(({ row }) => trialOf(row));
}

function trialOf(row: HTMLElement | null): number {
  return Number(row && within(row).getAllByRole("gridcell")[1]?.textContent);
}

const manyTrials = Array.from({ length: 300 }, (_, number) => trial(number));

describe("a run with neither caps nor an estimate", () => {
  const caps = { max_usd: null, max_calls: null, max_tokens: null, max_seconds: null };

  it("is drawn", async () => {
    const { user } = await opened(snapshot({ summary: summary({ caps, estimate: null }) }));
    const shown = () => screen.getByRole("region", { name: `Run ${RUN}` }).textContent ?? "";
    expect(shown()).not.toContain("expected");
    expect(shown()).not.toContain("cap $");
    await user.click(screen.getByRole("tab", { name: "Spending" }));
    expect(shown()).toContain("There is no estimate of this run.");
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(shown()).toContain("capsnone");
  });

  it("is drawn with the one cap that it has", async () => {
    await opened(snapshot({ summary: summary({ caps: { ...caps, max_calls: 500 } }) }));
    const shown = screen.getByRole("region", { name: `Run ${RUN}` }).textContent;
    expect(shown).toContain("cap 500");
  });
});

describe("a run with a testset", () => {
  it("tells the test score beside the best score, once, with what follows of it", async () => {
    const told = ["test score 71.0 (64.4 … 76.8)", "validation score 80.0: 9.0 points above"];
    const test = {
      examples: 200,
      student: 60,
      student_low: 53.1,
      student_high: 66.5,
      score: 71,
      low: 64.4,
      high: 76.8,
      gain: { low: 4, high: 18 },
      validation: 80,
      gap: 9,
      errors: 0,
      told,
    };
    const { user } = await opened(snapshot({ summary: summary({ test, testset_size: 200 }) }));
    const shown = () => screen.getByRole("region", { name: `Run ${RUN}` }).textContent ?? "";
    expect(shown()).toContain("Test score71.0");
    expect(shown()).toContain("95 %: 64.4 to 76.8 · student 60.0 · 200 rows");
    expect(shown()).toContain(told[1]);
    expect(shown()).not.toContain(told[0]);
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(shown()).toContain("test rows200");
  });
});

describe("what one sees at first", () => {
  it("is the state, the best score with its gain, progress, cost and calls", async () => {
    await opened(
      snapshot({
        summary: summary({
          name: "first try",
          best: { trial: 2, score: 72.5, configuration: {} },
          spend: {
            calls: 120,
            cached_calls: 7,
            failed_calls: 0,
            input_tokens: 1,
            output_tokens: 1,
            usd: 0.12,
          },
        }),
      }),
    );
    expect(screen.getByRole("heading", { name: "first try" })).toBeTruthy();
    const shown = screen.getByRole("region", { name: `Run ${RUN}` }).textContent ?? "";
    expect(shown).toContain("Running");
    expect(shown).toContain("72.5+12.5");
    expect(shown).toContain("student 60.0 · trial 2");
    expect(shown).toContain("25 % · 250 of 1,000 examples");
    expect(shown).toMatch(/2 min · 6 min to go · 4\/6 in flight/);
    expect(shown).toContain("$0.12 of $0.43 expected");
    expect(shown).toContain("cap $1.00");
    expect(shown).toContain("7 cached");
  });

  it("is where each phase stands", async () => {
    await opened();
    const steps = within(screen.getByRole("list", { name: "Phases" })).getAllByRole("listitem");
    expect(steps.map((step) => step.textContent)).toEqual([
      "Baseline, done100 examples",
      "Bootstrap, done15 attempts",
      "Propose, under way3 of 8 instructions",
      "Search, not started10 trials",
    ]);
    expect(steps[2]?.getAttribute("aria-current")).toBe("step");
  });

  it("is an unknown price as unknown", async () => {
    const { spend } = summary();
    await opened(
      snapshot({
        summary: summary({
          spend: { ...spend, usd: null },
          estimate: { ...estimate, total: { ...estimate.total, usd: null } },
        }),
      }),
    );
    expect(screen.getAllByText("Cost")[0]?.parentElement?.textContent).toMatch(/^Costunknown/);
  });

  it("says so when the gain over the student is not clear", async () => {
    await opened(
      snapshot({
        summary: summary({
          state: "finished",
          best: { trial: 2, score: 62, configuration: {} },
          gain: { low: -3.2, high: 7.4 },
        }),
      }),
    );
    expect(screen.getByText(/95 %/).textContent).toBe("95 %: −3.2 to +7.4, no clear gain");
  });

  it("does not break over scores that no percentage has", async () => {
    await opened(
      snapshot({
        summary: summary({ baseline: -40, best: { trial: 1, score: 340, configuration: {} } }),
        trials: [
          trial(0, { score: -40, low: -60, high: -20 }),
          trial(1, { score: 340, low: 300, high: 380 }),
          trial(2, { score: Number.NaN, low: null, high: null }),
        ],
      }),
    );
    expect(shownTrials()).toEqual([2, 1, 0]);
    expect(grid().textContent).toContain("340.0");
    expect(grid().textContent).toContain("−40.0");
    expect(screen.getByRole("slider")).toBeTruthy();
  });
});

describe("deltas", () => {
  it("show without a reload", async () => {
    const { wire } = await opened();
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(101, { trials: [trial(3, { state: "running", score: null, scored: 7 })] }),
    });
    await waitFor(() => expect(shownTrials()).toEqual([3, 2, 1, 0]));
    expect(grid().textContent).toContain("7/25");
  });

  it("of instructions that wait for a decision lead to them", async () => {
    const { wire } = await opened();
    const approval = "2 new instructions wait for your decision.";
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(101, { summary: summary({ approval }) }),
    });
    const tab = await screen.findByRole("tab", { name: /^Instructions/ });
    await waitFor(() => expect(tab.getAttribute("aria-selected")).toBe("true"));
    expect(screen.getByText(approval)).not.toBeNull();
  });

  it("of a new best are read aloud, and so is the end", async () => {
    const { wire } = await opened();
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(101, {
        summary: summary({ best: { trial: 3, score: 71, configuration: {} } }),
      }),
    });
    await waitFor(() =>
      expect(document.querySelector("output")?.textContent).toBe("New best score 71.0, trial 3."),
    );
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(102, {
        summary: summary({
          state: "finished",
          best: { trial: 3, score: 71, configuration: {} },
          steerable: false,
        }),
      }),
    });
    await waitFor(() =>
      expect(document.querySelector("output")?.textContent).toBe("Run finished. Best score 71.0."),
    );
    expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
  });

  it("of the end are kept for the notebook", async () => {
    const { wire, kept } = await opened();
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(101, { summary: summary({ state: "finished" }), trials: [trial(9)] }),
    });
    await waitFor(() => expect(kept.at(-1)?.summary.state).toBe("finished"));
    expect(kept.at(-1)?.trials).toHaveLength(4);
  });
});

describe("the buttons", () => {
  it("pause and resume the run", async () => {
    const { wire, user } = await opened();
    await user.click(button("Pause"));
    expect(wire.asked("pause")[0]?.ask).toEqual({ run: RUN });
    await act(async () => wire.answer("pause", null));
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(101, { summary: summary({ state: "paused" }) }),
    });
    await user.click(await screen.findByRole("button", { name: "Resume" }));
    expect(wire.asked("resume")[0]?.ask).toEqual({ run: RUN });
  });

  it("stop the run only after a second click", async () => {
    const { wire, user } = await opened();
    await user.click(button("Stop"));
    expect(wire.asked("stop")).toHaveLength(0);
    await user.click(button("Go on"));
    await user.click(button("Stop"));
    await user.click(button("Stop the run"));
    expect(wire.asked("stop")[0]?.ask).toEqual({ run: RUN });
  });

  it("say why the kernel would not", async () => {
    const { wire, user } = await opened();
    await user.click(button("Pause"));
    await act(async () => wire.refuse("pause", "The run has just ended."));
    expect((await screen.findByRole("alert")).textContent).toContain("The run has just ended.");
  });

  it("are not there for a run that cannot be steered", async () => {
    await opened(snapshot({ summary: summary({ state: "finished", steerable: false }) }));
    expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
  });
});

describe("a run that ended early", () => {
  it.each(["cut off", "stopped", "capped", "failed"] as const)(
    "says how to resume it after it was %s",
    async (state) => {
      const ended = { state, steerable: false, lives: "ended", in_flight: null } as const;
      const line = `%mipro resume ${RUN} qa --metric exact`;
      const python = `MIPROv2(metric=exact).resume("${RUN}", qa)`;
      const { user } = await opened(
        snapshot({ summary: summary({ ...ended, resume_lines: [line, python] }) }),
      );
      expect(screen.getByText(line)).toBeTruthy();
      expect(screen.getByText(python)).toBeTruthy();
      await user.click(button("Copy the line of a cell"));
      expect(await navigator.clipboard.readText()).toBe(line);
    },
  );

  it("says to run its cell again where it was begun by one", async () => {
    await opened(
      snapshot({
        summary: summary({ state: "stopped", resume_lines: [], resume_hint: "run its cell again" }),
      }),
    );
    expect(screen.getByText(/answered, run its cell again\./)).toBeTruthy();
    expect(screen.queryByText(/%mipro resume/)).toBeNull();
  });

  it("has placeholders for names that an older notebook does not tell", async () => {
    await opened(snapshot({ summary: summary({ state: "stopped" }) }));
    expect(screen.getByText(`%mipro resume ${RUN} PROGRAM --metric METRIC`)).toBeTruthy();
  });

  it("does not look complete", async () => {
    await opened(snapshot({ summary: summary({ state: "stopped", eta: null }) }));
    expect(screen.getByText("25 %")).toBeTruthy();
    const steps = within(screen.getByRole("list", { name: "Phases" })).getAllByRole("listitem");
    expect(steps.map((step) => step.textContent)).toEqual([
      "Baseline, done100 examples",
      "Bootstrap, done15 attempts",
      "Propose, not complete3 of 8 instructions",
      "Search, not started10 trials",
    ]);
  });

  it("does not say so of one that is finished, or goes on", async () => {
    await opened(snapshot({ summary: summary({ state: "finished" }) }));
    expect(screen.queryByText(/%mipro resume/)).toBeNull();
  });

  it("tells what was lost with its process once it is resumed, as the kernel says it", async () => {
    const told = "3 calls were in flight when the run was interrupted.";
    const lost = { calls: 3, tokens: 12_300, usd: 0.0123, told };
    await opened(snapshot({ summary: summary({ lost }) }));
    expect(screen.getByText(told)).toBeTruthy();
  });
});

describe("what was sent without an answer", () => {
  const spend = { ...summary().spend, failed_calls: 2, attempts: 130 };

  it("is told beside the calls", async () => {
    await opened(snapshot({ summary: summary({ spend }) }));
    const calls = screen.getAllByText("LM calls")[0]?.parentElement?.textContent;
    expect(calls).toContain("120 of 430 expected");
    expect(calls).toContain("130 requests · 2 failed");
  });

  it("holds slow calls that were sent twice", async () => {
    const hedged = { ...spend, failed_calls: 0, hedged_calls: 10 };
    await opened(snapshot({ summary: summary({ spend: hedged }) }));
    const calls = screen.getAllByText("LM calls")[0]?.parentElement?.textContent;
    expect(calls).toContain("130 requests · 10 slow, sent twice");
  });

  it("counts towards a cap, as do lost calls at their worst", async () => {
    const caps = { max_usd: 1, max_calls: 500, max_tokens: null, max_seconds: null };
    const billed = "up to $0.03 more may have been billed";
    const lost = { calls: 3, tokens: 900, usd: 0.03, billed };
    await opened(snapshot({ summary: summary({ spend, caps, lost }) }));
    expect(screen.getAllByText("LM calls")[0]?.parentElement?.textContent).toContain(
      "133 of 430 expected",
    );
    expect(screen.getAllByText("LM calls")[0]?.parentElement?.textContent).toContain(
      "120 answered",
    );
    expect(screen.getAllByText("Cost")[0]?.parentElement?.textContent).toContain("$0.12 of $0.43");
    expect(screen.getAllByText("Cost")[0]?.parentElement?.textContent).toContain(billed);
  });
});

it("a score that is the student's own has no ±0.0 beside it", async () => {
  await opened();
  expect(screen.getByText("no gain yet")).toBeTruthy();
  expect(screen.queryByText("±0.0")).toBeNull();
});

it("where nothing is gained at the end, it says so", async () => {
  await opened(snapshot({ summary: summary({ state: "finished" }) }));
  expect(screen.getByText("no gain")).toBeTruthy();
});

describe("what a trial tries", () => {
  const heads = () => screen.getAllByRole("columnheader").map((head) => head.textContent);
  const predictors = (...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, "question -> answer"]));

  it("has a column for each of a few predictors, under its name", async () => {
    const row = trial(1, { configuration: { "plan:instruction": 2, "solve:demos": 1 } });
    const names = predictors("plan", "solve", "check");
    await opened(snapshot({ summary: summary({ predictors: names }), trials: [row] }));
    expect(heads()).toEqual(expect.arrayContaining(["plan", "solve", "check"]));
    expect(heads()).not.toContain("Configuration");
    expect(screen.getByText("instr 2")).toBeTruthy();
    expect(screen.getByText("demos 1")).toBeTruthy();
    expect(screen.getByText("as given")).toBeTruthy();
  });

  it("has one column for a single predictor, and for many", async () => {
    await opened(snapshot({ summary: summary({ predictors: predictors("solve") }) }));
    expect(heads()).toContain("Configuration");
    document.body.replaceChildren();
    await opened(snapshot({ summary: summary({ predictors: predictors("a", "b", "c", "d") }) }));
    expect(heads()).toContain("Configuration");
  });
});

it("a run that has paused by itself says why, beside the button that goes on", async () => {
  await opened(
    snapshot({ summary: summary({ state: "paused", reason: "The server does not answer." }) }),
  );
  expect(
    screen.getByText("The run has paused by itself. The server does not answer."),
  ).toBeTruthy();
  expect(button("Resume")).toBeTruthy();
});

describe("a kernel that goes away", () => {
  it("leaves the last state, without a word of running", async () => {
    const { wire } = await opened();
    await act(async () => wire.connect(false));
    const shown = screen.getByRole("region", { name: `Run ${RUN}` });
    expect(shown.textContent).toContain("Last seen running");
    expect(screen.getByRole("note").textContent).toMatch(/The kernel is gone.*14:05.*%mipro show/);
    expect(shown.textContent).not.toContain("to go");
    expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
  });

  it("and one that was never there leaves a saved view", async () => {
    const wire = new FakeWire();
    const kernel = new Kernel(wire, { patience: 20, limit: 10_000 });
    render(
      <App
        state={{
          kind: "run",
          permission: null,
          snapshot: snapshot(),
          history: null,
          comparison: null,
        }}
        kernel={kernel}
        keep={() => {}}
      />,
    );
    expect((await screen.findByRole("note")).textContent).toContain("No kernel answers");
    await act(async () => wire.answer("snapshot", snapshot({ seq: 140 })));
    expect(screen.queryByRole("note")).toBeNull();
    expect(button("Pause")).toBeTruthy();
  });
});

describe("the trial table", () => {
  it("draws a few of many rows, and tells how many there are", async () => {
    await opened(snapshot({ trials: manyTrials }));
    expect(grid().getAttribute("aria-rowcount")).toBe("301");
    expect(shownTrials()[0]).toBe(299);
    expect(shownTrials().length).toBeLessThan(40);
  });

  it("sorts by a header, largest score first, trials without a score last", async () => {
    const { user } = await opened(
      snapshot({
        trials: [
          trial(0, { score: 60 }),
          trial(1, { score: null, state: "running" }),
          trial(2, { score: 90 }),
          trial(3, { score: 75 }),
        ],
      }),
    );
    const header = screen.getByRole("columnheader", { name: /Score/ });
    expect(header.getAttribute("aria-sort")).toBe("none");
    await user.click(within(header).getByRole("button"));
    expect(header.getAttribute("aria-sort")).toBe("descending");
    expect(shownTrials()).toEqual([2, 3, 0, 1]);
    await user.click(within(header).getByRole("button"));
    expect(header.getAttribute("aria-sort")).toBe("ascending");
    expect(shownTrials()).toEqual([0, 3, 2, 1]);
  });

  it("filters by words, numbers, kind and state", async () => {
    const { user } = await opened(snapshot({ trials: manyTrials.slice(0, 20) }));
    const box = screen.getByRole("textbox", { name: "Filter trials" });
    await user.type(box, "instr 1");
    expect(shownTrials()).toEqual([17, 9, 1]);
    await user.clear(box);
    await user.type(box, "12");
    expect(shownTrials()).toEqual([12]);
    await user.clear(box);
    await user.selectOptions(screen.getByRole("combobox", { name: "Kind or state" }), "Baseline");
    expect(shownTrials()).toEqual([0]);
    await user.type(box, "no such trial");
    expect(screen.getByText("No trial fits the filter.")).toBeTruthy();
  });

  it("shows the columns that are chosen", async () => {
    const { user } = await opened();
    expect(screen.queryByRole("columnheader", { name: /Tokens in/ })).toBeNull();
    await user.click(button("Columns"));
    await user.click(screen.getByRole("checkbox", { name: "Input tokens" }));
    await user.click(screen.getByRole("checkbox", { name: "Cost" }));
    expect(screen.getByRole("columnheader", { name: /Tokens in/ })).toBeTruthy();
    expect(screen.queryByRole("columnheader", { name: /Cost/ })).toBeNull();
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("checkbox", { name: "Cost" })).toBeNull();
    expect(document.activeElement).toBe(button("Columns"));
  });

  it("is walked with the arrows; Enter opens a trial", async () => {
    const { wire, user } = await opened(snapshot({ trials: manyTrials.slice(0, 10) }));
    await act(() => grid().focus());
    await user.keyboard("{ArrowDown}{ArrowDown}");
    const active = () =>
      document.getElementById(grid().getAttribute("aria-activedescendant") ?? "");
    expect(trialOf(active())).toBe(7);
    await user.keyboard("{End}{ArrowUp}");
    expect(trialOf(active())).toBe(1);
    await user.keyboard("{Enter}");
    expect(wire.asked("trial")[0]?.ask).toEqual({ run: RUN, trial: 1 });
    expect(document.activeElement?.textContent).toBe("Trial 1");
  });

  it("has the focus again once what was opened from it is closed", async () => {
    const { user } = await opened(snapshot({ trials: manyTrials.slice(0, 10) }));
    await act(() => grid().focus());
    for (const close of [
      () => user.keyboard("{Escape}"),
      () => user.click(button("Close trial 9")),
    ]) {
      await user.keyboard("{Home}{Enter}");
      await waitFor(() => expect(document.activeElement?.textContent).toBe("Trial 9"));
      await close();
      await waitFor(() => expect(document.activeElement).toBe(grid()));
    }
  });

  it("says of trials of a paused run that they are paused", async () => {
    const running = trial(3, { state: "running", score: null, seconds: null });
    await opened(snapshot({ summary: summary({ state: "paused" }), trials: [trial(0), running] }));
    expect(within(grid()).getByText("paused")).toBeTruthy();
  });

  it("marks with Space; two marked trials can be compared", async () => {
    const { wire, user } = await opened(snapshot({ trials: manyTrials.slice(0, 10) }));
    await act(() => grid().focus());
    await user.keyboard(" ");
    expect(screen.getByText("Trial 9 is marked: mark another to compare")).toBeTruthy();
    await user.keyboard("{ArrowDown}{ArrowDown} ");
    await user.click(button("Compare 7 and 9"));
    expect(wire.asked("trial").map(({ ask }) => ask.trial)).toEqual([7, 9]);
  });

  it("says of a trial that no longer runs that it is unfinished", async () => {
    const running = trial(3, { state: "running", score: null, seconds: null });
    const { wire } = await opened(snapshot({ trials: [trial(0), running] }));
    expect(within(grid()).getByText("running")).toBeTruthy();
    await act(async () => wire.connect(false));
    expect(within(grid()).getByText("unfinished")).toBeTruthy();
  });
});

describe("the chart", () => {
  it("is described in words and goes from trial to trial with the arrows", async () => {
    const { wire, user } = await opened(
      snapshot({
        trials: [trial(0), trial(1, { score: 72 }), trial(2, { kind: "full", score: 70 })],
        summary: summary({ best: { trial: 2, score: 70, configuration: {} } }),
      }),
    );
    const chart = screen.getByRole("slider", { name: /Score by trial/ });
    const about = document.getElementById(chart.getAttribute("aria-describedby") ?? "");
    expect(about?.textContent).toBe(
      "3 scored trials, 2 of them on all examples. The student scores 60.0. " +
        "The best so far is trial 2 with 70.0.",
    );
    await act(() => chart.focus());
    await user.keyboard("{Home}{ArrowRight}");
    expect(chart.getAttribute("aria-valuetext")).toBe(
      "Trial 1, minibatch, score 72.0 (50.0 to 80.0), 25 examples, solve: instr 1 · demos 1",
    );
    await user.keyboard("{Enter}");
    expect(wire.asked("trial")[0]?.ask.trial).toBe(1);
  });

  it("waits for the first score", async () => {
    await opened(snapshot({ trials: [] }));
    expect(screen.queryByRole("slider")).toBeNull();
    expect(screen.getByText("No trial yet.")).toBeTruthy();
  });
});

describe("the tabs", () => {
  it("lead to candidates and settings, with the arrows too", async () => {
    const { user } = await opened();
    await user.click(screen.getByRole("tab", { name: /Trials/ }));
    await user.keyboard("{ArrowRight}");
    expect(screen.getByRole("tab", { name: /Instructions/ }).getAttribute("aria-selected")).toBe(
      "true",
    );
    expect(screen.getByRole("tabpanel").textContent).toContain("Instruction text 1");
    await user.keyboard("{End}");
    const panel = screen.getByRole("tabpanel", { name: "Settings" });
    expect(panel.textContent).toContain("num_candidates8");
    expect(panel.textContent).toContain("autoNone");
    expect(panel.textContent).toContain("caps$1.00");
  });

  it("have one that sets what a phase came to against its estimate", async () => {
    const { phases } = summary();
    const { user } = await opened(
      snapshot({
        summary: summary({
          phases: phases.map((phase) => ({ ...phase, spend: { ...phase.spend, calls: 77 } })),
        }),
      }),
    );
    await user.click(screen.getByRole("tab", { name: "Spending" }));
    const row = screen.getByRole("row", { name: /^Baseline/ });
    expect(within(row).getAllByRole("cell")[0]?.textContent).toBe("77est. 10050 – 200");
  });
});

describe("a run that measures prompt formats", () => {
  const one = (format: string, score: number, unreadable = 0) => ({
    format,
    score,
    unreadable,
    errors: 0,
    tokens: 1_200,
  });
  const measured = [one("lines", 15, 12), one("tags", 90), one("json", 40, 3)];
  const chosen = { rows: 20, measured, chosen: "tags", told: "tags: the best mean score" };
  const step = { ...summary().phases[0], phase: "formats", state: "running", done: 1, total: 4 };
  const formatRow = (name: RegExp) =>
    within(screen.getByRole("row", { name }))
      .getAllByRole("cell")
      .map((cell) => cell.textContent);

  it("shows what each came to, which one it goes on in, and why", async () => {
    const { user } = await opened(snapshot({ summary: summary({ formats: chosen }) }));
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(screen.getByRole("tabpanel").textContent).toContain("tags: the best mean score.");
    expect(formatRow(/^lines/).slice(0, 3)).toEqual(["15.0", "12", "0"]);
    expect(formatRow(/^tags, chosen/).slice(0, 3)).toEqual(["90.0", "0", "0"]);
  });

  it("shows as much as is known while it measures", async () => {
    const { user } = await opened(
      snapshot({
        summary: summary({
          phases: [{ ...step, unit: "formats" } as PhaseProgress, ...summary().phases],
          formats: { rows: 20, measured: [one("lines", 15, 12)], chosen: null, told: "on 20 rows" },
        }),
      }),
    );
    const steps = within(screen.getByRole("list", { name: "Phases" })).getAllByRole("listitem");
    expect(steps[0]?.textContent).toContain("Formats");
    expect(steps[0]?.textContent).toContain("1 of 4 formats");
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(screen.getByRole("tabpanel").textContent).toContain("None is chosen yet: on 20 rows.");
  });

  it.each([
    ["null", summary({ formats: null })],
    ["absent", summary()],
  ])("has no table where none were measured: %s", async (_, told) => {
    const { user } = await opened(snapshot({ summary: told }));
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(screen.queryByRole("table", { name: "Prompt formats, measured" })).toBeNull();
  });

  it("pins and bans formats that the search tries, and no others", async () => {
    const searched = { ...chosen, searched: ["tags", "json"], pinned: [], banned: ["json"] };
    const { user, wire } = await opened(snapshot({ summary: summary({ formats: searched }) }));
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(button("Ban format json").getAttribute("aria-pressed")).toBe("true");
    expect(screen.queryByRole("button", { name: "Pin format lines" })).toBeNull();
    await user.click(button("Pin format tags"));
    const asked = wire.asked("pin").map(({ ask }) => ask);
    expect(asked).toEqual([{ run: RUN, predictor: "", part: "format", index: 0, on: true }]);
    await act(async () => wire.refuse("pin", "The run has ended."));
    expect(screen.getByRole("tabpanel").textContent).toContain("The run has ended.");
  });

  it("says which formats were pinned and banned where the run is over", async () => {
    const searched = { ...chosen, searched: ["tags", "json"], pinned: ["tags"], banned: ["json"] };
    const over = summary({
      formats: searched,
      state: "finished",
      steerable: false,
      lives: "ended",
    });
    const { user } = await opened(snapshot({ summary: over }));
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(screen.queryByRole("button", { name: /format/ })).toBeNull();
    expect(formatRow(/^tags, chosen/).at(-1)).toBe("Pinned");
    expect(formatRow(/^json/).at(-1)).toBe("Banned");
    expect(formatRow(/^lines/).at(-1)).toBe("–");
  });

  it("shows hostile names as text", async () => {
    const tags = "<img src=x onerror=alert(1)>";
    const told = { ...chosen, measured: [one(tags, 1)], chosen: tags, told: `${tags}!` };
    const { user } = await opened(snapshot({ summary: summary({ formats: told }) }));
    await user.click(screen.getByRole("tab", { name: "Settings" }));
    expect(document.querySelector("img")).toBeNull();
    expect(screen.getByRole("tabpanel").textContent).toContain(`${tags}!`);
  });
});

describe("text from a model", () => {
  it("is shown as text, with what is invisible made visible", async () => {
    const tags = "<img src=x onerror=alert(1)>";
    await opened(
      snapshot({
        summary: summary({
          name: `${tags} \u202eevil`,
          program: "<b>P</b>",
          state: "failed",
          reason: `\u001b[31m${tags}`,
          steerable: false,
        }),
      }),
    );
    const heading = screen.getByRole("heading", { level: 2 });
    expect(heading.textContent).toBe(`${tags} U+202Eevil`);
    expect(document.querySelector("img, b")).toBeNull();
    expect(screen.getByRole("alert").textContent).toBe(`ESC[31m${tags}`);
  });
});
