import { act, render, screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { App } from "../../src/components/App";
import type { HistoryRow, WidgetState } from "../../src/generated/view-model";
import { Kernel } from "../../src/model/kernel";
import { delta, FIVE_PAST_TWO, permission, RUN, snapshot, summary, trial } from "../runs";
import { FakeWire } from "../wire";

const nothing: WidgetState = {
  kind: "run",
  permission: null,
  snapshot: null,
  history: null,
  comparison: null,
};

function shown(state: Partial<WidgetState>) {
  const wire = new FakeWire();
  const kernel = new Kernel(wire, { patience: 20, limit: 10_000 });
  const app = (next: Partial<WidgetState>) => (
    <App state={{ ...nothing, ...next }} kernel={kernel} keep={() => {}} />
  );
  const view = render(app(state));
  return {
    wire,
    user: userEvent.setup(),
    become: (next: Partial<WidgetState>) => view.rerender(app(next)),
  };
}

function row(id: string, change: Partial<HistoryRow> = {}): HistoryRow {
  return {
    id,
    name: `name of ${id}`,
    tags: [],
    program: "MultiHop",
    state: "finished",
    created: FIVE_PAST_TWO,
    seconds: 60,
    baseline: 50,
    score: 70,
    trials: 12,
    calls: 300,
    usd: 0.1,
    models: { task_model: "openai/gpt-4o-mini" },
    settings: {},
    here: false,
    ...change,
  };
}

describe("a widget that asks and then runs", () => {
  it("shows the run below the permission as soon as there is one", async () => {
    const { wire, become } = shown({ permission: permission() });
    expect(screen.getByRole("form")).toBeTruthy();
    become({ permission: permission({ state: "permitted" }) });
    expect(screen.getByRole("status").textContent).toContain("The run is starting");
    become({ permission: permission({ state: "permitted" }), snapshot: snapshot() });
    expect(screen.getByText(/Permitted/)).toBeTruthy();
    expect(screen.getByRole("grid", { name: "Trials" })).toBeTruthy();
    expect(wire.asked("snapshot")[0]?.ask).toEqual({ run: RUN });
  });

  it("takes a snapshot that the kernel sets, unless it knows better", async () => {
    const { wire, become } = shown({ snapshot: snapshot() });
    const rows = () => screen.getByRole("grid").getAttribute("aria-rowcount");
    become({ snapshot: snapshot({ seq: 120, trials: [0, 1, 2, 3].map((at) => trial(at)) }) });
    await waitFor(() => expect(rows()).toBe("5"));
    wire.tell({
      kind: "delta",
      run: RUN,
      delta: delta(130, { trials: [trial(4)], summary: summary({ name: "newest" }) }),
    });
    await screen.findByRole("heading", { name: "newest" });
    become({ snapshot: snapshot({ seq: 125, trials: [trial(0)] }) });
    await act(async () => {});
    expect(rows()).toBe("6");
  });

  it("says that the kernel may be busy while there is nothing to show", async () => {
    shown({});
    expect(screen.getByRole("status").textContent).toContain("starting");
  });
});

describe("the history", () => {
  it("is shown as saved, then as the kernel knows it", async () => {
    const { wire } = shown({ kind: "history", history: [row("a")] });
    expect(screen.getByText("name of a")).toBeTruthy();
    await act(async () => wire.answer("history", [row("a"), row("b")]));
    expect(screen.getByText("name of b")).toBeTruthy();
  });

  it("opens a run in the same view, and comes back", async () => {
    const { wire, user } = shown({ kind: "history", history: [row(RUN)] });
    await act(async () => wire.answer("history", [row(RUN)]));
    await user.click(screen.getByText(`name of ${RUN}`));
    expect(wire.asked("snapshot")[0]?.ask).toEqual({ run: RUN });
    const ended = summary({ state: "finished", steerable: false, name: "an old one" });
    await act(async () => wire.answer("snapshot", snapshot({ summary: ended })));
    expect(screen.getByRole("heading", { name: "an old one" })).toBeTruthy();
    await waitFor(() => expect(document.activeElement?.textContent).toContain("Back"));
    await user.click(screen.getByRole("button", { name: "Back" }));
    expect(screen.getByText(`name of ${RUN}`)).toBeTruthy();
    expect(wire.asked("history")).toHaveLength(2);
    await waitFor(() => expect(document.activeElement?.getAttribute("role")).toBe("grid"));
  });

  it("says why a run cannot be opened", async () => {
    const { wire, user } = shown({ kind: "history", history: [row(RUN)] });
    await user.click(screen.getByText(`name of ${RUN}`));
    await act(async () => wire.refuse("snapshot", "There is no run of this name any more."));
    expect(screen.getByRole("alert").textContent).toContain("no run of this name");
    expect(screen.getByRole("button", { name: "Back" })).toBeTruthy();
  });
});

it("a comparison opens its runs", async () => {
  const runs = ["a", "b"].map((id) => ({ row: row(id), curve: [], instructions: {} }));
  const { user, wire } = shown({ kind: "comparison", comparison: { runs } });
  expect(screen.queryByRole("button", { name: /Back|Close/ })).toBeNull();
  const [open] = screen.getAllByRole("button", { name: /name of a/ });
  await user.click(open as HTMLElement);
  expect(wire.asked("snapshot")[0]?.ask).toEqual({ run: "a" });
});
