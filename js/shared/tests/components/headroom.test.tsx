import { act, render, screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { App } from "../../src/components/App";
import type { HeadroomView, RunSnapshot, RunSummary } from "../../src/generated/view-model";
import { Kernel } from "../../src/model/kernel";
import { faults } from "../drill-axe";
import { instruction, permission, RUN, snapshot, summary } from "../runs";
import { FakeWire } from "../wire";

const headroom: HeadroomView = {
  rows: 30,
  repeats: 2,
  prompts: [
    ["student as given", 40, 0],
    ["<b>instruction 1</b>", 65, 25],
  ].map(([prompt, score, lead]) => ({
    prompt: String(prompt),
    score: Number(score),
    low: null,
    high: null,
    lead: Number(lead),
    unreadable: 3,
    errors: 0,
  })),
  floor: 12,
  spread: 25,
  expected: "Expect a gain from a run.",
  told: ["Noise floor: 12.0 points.", "Expect a gain from a run."],
};

function measuring(change: Partial<RunSummary> = {}): RunSnapshot {
  const none = { baseline: null, best: null, gain: null, result: null };
  return snapshot({
    summary: summary({ ...none, measured_rows: 30, ...change }),
    trials: [],
    instructions: [instruction(1)],
  });
}

async function opened(start: RunSnapshot) {
  const wire = new FakeWire();
  const state = { permission: null, snapshot: start, history: null, comparison: null };
  const { container } = render(
    <App state={{ kind: "run", ...state }} kernel={new Kernel(wire)} keep={() => {}} />,
  );
  await act(async () => wire.answer("snapshot", start));
  return container;
}

const shown = () => screen.getByRole("region", { name: `Run ${RUN}` }).textContent ?? "";

describe("a run that measures headroom", () => {
  it("opens on the rows, and leads to those that no prompt gets right", async () => {
    const text = (shown: string) => ({ text: shown, characters: shown.length, more: null });
    const examples = [
      [0, 0],
      [1, 0.5],
    ].map((scores, example) => ({
      example,
      inputs: { question: text(`<i>question ${example}</i>`) },
      expected: { answer: text("yes") },
      scores,
    }));
    const measured = { ...headroom, rows: 2, examples };
    await opened(measuring({ state: "finished", lives: "ended", headroom: measured }));
    const rows = () =>
      within(screen.getByRole("grid", { name: "Measured rows" })).getAllByRole("row");
    expect(rows().map((row) => row.textContent)).toEqual([
      expect.stringContaining("<b>instruction 1</b>"),
      expect.stringContaining("<i>question 0</i>"),
      expect.stringMatching(/<i>question 1<\/i>.*0\.5/),
    ]);
    await userEvent.click(screen.getByRole("button", { name: /^No full score/ }));
    expect(rows()).toHaveLength(2);
  });

  it("tells scores and what to expect, once they are there", async () => {
    const container = await opened(measuring({ state: "finished", lives: "ended", headroom }));
    const card = screen.getByRole("region", { name: "Headroom" });
    const [, student, other] = within(card).getAllByRole("row");
    expect(student?.textContent).toContain("40.0");
    expect(other?.textContent).toContain("<b>instruction 1</b>");
    expect(other?.textContent).toContain("+25.0");
    expect(card.textContent).toContain("Score on 30 training rows, each asked 2 times");
    expect(
      within(card)
        .getAllByRole("listitem")
        .map((each) => each.textContent),
    ).toEqual(headroom.told);
    expect(await faults(container)).toEqual([]);
  });

  it("has no trials, no best score and nothing to steer", async () => {
    await opened(measuring({ state: "running", steerable: true }));
    expect(screen.queryByRole("tab", { name: /Trials/ })).toBeNull();
    expect(screen.queryByRole("region", { name: "Headroom" })).toBeNull();
    expect(screen.queryByRole("button", { name: /Pin|Ban|Add/ })).toBeNull();
    expect(screen.getByRole("button", { name: "Pause" })).toBeTruthy();
    expect(shown()).not.toMatch(/student not scored|Not tried yet/);
  });

  it("is asked about as what it is", () => {
    const request = permission({ measured_rows: 20 });
    const state = { permission: request, snapshot: null, history: null, comparison: null };
    render(<App state={{ kind: "run", ...state }} kernel={null} keep={() => {}} />);
    const dialog = screen.getByRole("form", { name: "Measure headroom of MultiHop?" });
    expect(dialog.textContent).toContain("25 training rows, 20 of them asked");
    expect(dialog.textContent).not.toContain("best program");
  });
});

describe("the question of a run", () => {
  function asked(measurement: "offered" | "first") {
    const wire = new FakeWire();
    const state = { permission: permission({ measurement }), snapshot: null };
    render(
      <App
        state={{ kind: "run", history: null, comparison: null, ...state }}
        kernel={new Kernel(wire)}
        keep={() => {}}
      />,
    );
    return { wire, user: userEvent.setup() };
  }

  it("can wait for a measurement", async () => {
    const { wire, user } = asked("offered");
    await user.click(screen.getByRole("button", { name: "Measure headroom first" }));
    expect(wire.asked("measure")).toHaveLength(1);
    expect(screen.getByRole("button", { name: "Cancel" })).toBeTruthy();
  });

  it("is come back to from that of the measurement", () => {
    asked("first");
    expect(screen.queryByRole("button", { name: /Measure|Cancel/ })).toBeNull();
    expect(screen.getByRole("button", { name: "Back" })).toBeTruthy();
  });
});

describe("a gain", () => {
  const best = { trial: 2, score: 90, configuration: {}, rests: null };

  it.each([
    [{ low: 2, high: 30, unclear: "" }, "mipro-gain--good"],
    [{ low: 2, high: 30, unclear: "no clear gain" }, "mipro-gain--none"],
  ])("that chance may have made, %o, is not shown as one", async (gain, tone) => {
    const container = await opened(
      snapshot({ summary: summary({ baseline: 80, best, gain, state: "finished" }) }),
    );
    expect(container.querySelector(".mipro-gain")?.className).toContain(tone);
  });
});
