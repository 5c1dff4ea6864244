import { render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { App } from "../../src/components/App";
import { parseCap, suggestedThreshold, typedCaps } from "../../src/components/permission/limits";
import type { PermissionRequest } from "../../src/generated/view-model";
import { Kernel } from "../../src/model/kernel";
import { estimate, permission, RUN, unpriced } from "../runs";
import { FakeWire } from "../wire";

function asked(change: Partial<PermissionRequest> = {}) {
  const wire = new FakeWire();
  const kernel = new Kernel(wire);
  const show = (request: PermissionRequest) => (
    <App
      state={{ kind: "run", permission: request, snapshot: null, history: null, comparison: null }}
      kernel={kernel}
      keep={() => {}}
    />
  );
  const view = render(show(permission(change)));
  return {
    wire,
    user: userEvent.setup(),
    become: (next: Partial<PermissionRequest>) => view.rerender(show(permission(next))),
  };
}

const button = (name: string) => screen.getByRole<HTMLButtonElement>("button", { name });
const field = (name: string) => screen.getByRole<HTMLInputElement>("textbox", { name });

describe("the question", () => {
  it("names the run that goes on or can be joined, as it is called", () => {
    const hostile = "<img src=x> the good one";
    const first = asked({ resumes: RUN, run_name: hostile });
    expect(screen.getByText(`${hostile} (${RUN})`)).not.toBeNull();
    first.become({ joins: "20261129-first", run_name: "the first" });
    expect(screen.getByText("the first (20261129-first)")).not.toBeNull();
    first.become({});
    expect(screen.queryByText("run")).toBeNull();
  });

  it("says what will run and what it will take", () => {
    asked();
    const dialog = screen.getByRole("form", { name: "Optimize MultiHop?" });
    expect(dialog.textContent).toContain("question -> answer");
    expect(dialog.textContent).toContain("25 rows to learn from, 100 to validate on");
    expect(dialog.textContent).toContain("openai/gpt-4o-mini");
    expect(dialog.textContent).toContain("About 430 LM calls for $0.43 ($0.215 to $0.86)");
    expect(dialog.textContent).toContain("below the recommended minimum");
  });

  it("tells first what is left to pay, and how long that takes", () => {
    const range = (low: number, expected: number, high: number) => ({ low, expected, high });
    asked({
      resumes: RUN,
      left: {
        calls: range(10, 30, 60),
        usd: range(0.01, 0.03, 0.06),
        told: "400 calls are answered in the record already.",
      },
      seconds: range(60, 120, 240),
      seconds_told: "The time is that of the last 3 runs of these models.",
    });
    const dialog = screen.getByRole("form").textContent;
    expect(dialog).toContain("About 30 LM calls left for $0.03 ($0.01 to $0.06)");
    expect(dialog).toContain("2 min (1 min to 4 min)");
    expect(dialog).toContain("400 calls are answered in the record already.");
    expect(dialog).toContain("The time is that of the last 3 runs of these models.");
  });

  it("says so where nothing is left to pay", () => {
    const none = { low: 0, expected: 0, high: 0 };
    asked({ left: { calls: none, usd: none, told: "All is answered." } });
    const dialog = screen.getByRole("form").textContent;
    expect(dialog).toContain("Nothing left to pay");
    expect(dialog).toContain("All is answered.");
    expect(dialog).not.toContain("About");
  });

  it("has a row for each phase, from low to high, and the total", () => {
    asked();
    const rows = within(screen.getByRole("table")).getAllByRole("row");
    expect(rows.map((row) => within(row).getAllByRole(/header/)[0]?.textContent)).toEqual([
      "Phase",
      "Baseline",
      "Bootstrap",
      "Propose",
      "Search",
      "Total",
    ]);
    expect(rows[4]?.textContent).toContain("300150 – 600");
  });

  it("never shows an unknown price as if it were zero", () => {
    asked({ estimate: unpriced });
    expect(screen.getByRole("form").textContent).toContain("an unknown price");
    const cells = within(screen.getByRole("table")).getAllByText("unknown");
    expect(cells).toHaveLength(5);
    expect(screen.getByRole("form").textContent).not.toContain("$0.00");
  });
});

it("tells no dollars where every model is free", () => {
  const none = { low: 0, expected: 0, high: 0 };
  const free = {
    phases: estimate.phases.map((phase) => ({ ...phase, usd: none })),
    total: { ...estimate.total, usd: none },
  };
  asked({ estimate: free });
  expect(screen.getAllByText("no cost")).toHaveLength(1);
  expect(screen.queryByText(/\$0\.00/)).toBeNull();
  expect(screen.queryByRole("columnheader", { name: "USD" })).toBeNull();
  expect(screen.getByRole("columnheader", { name: "LM calls" })).toBeTruthy();
});

describe("running", () => {
  it("sends the caps as they were proposed", async () => {
    const { wire, user } = asked();
    await user.click(button("Run"));
    expect(wire.asked("permit").map(({ ask }) => ask)).toEqual([
      {
        caps: { max_usd: 0.5, max_calls: null, max_tokens: null, max_seconds: null },
        below_usd: null,
        settings: {},
      },
    ]);
  });

  it("sends the caps as they were changed, and none where a field is empty", async () => {
    const { wire, user } = asked();
    await user.clear(field("US dollars"));
    await user.type(field("LM calls"), "1,500");
    await user.type(field("Seconds"), "90.5");
    await user.click(button("Run"));
    expect(wire.asked("permit")[0]?.ask.caps).toEqual({
      max_usd: null,
      max_calls: 1_500,
      max_tokens: null,
      max_seconds: 90.5,
    });
  });

  it("is not possible while a cap is wrong, and the field says why", async () => {
    const { wire, user } = asked();
    await user.type(field("LM calls"), "12.5");
    expect(field("LM calls").getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByText("Write a whole number.")).toBeTruthy();
    expect(button("Run").disabled).toBe(true);
    await user.clear(field("LM calls"));
    await user.type(field("LM calls"), "12");
    await user.click(button("Run"));
    expect(wire.asked("permit")[0]?.ask.caps.max_calls).toBe(12);
  });

  it("does not begin by Enter in a field, and Escape does nothing", async () => {
    const { wire, user } = asked();
    await user.type(field("US dollars"), "{Enter}{Escape}");
    await user.type(field("LM calls"), "7{Enter}");
    expect(wire.sent).toEqual([]);
    expect(field("LM calls").value).toBe("7");
  });

  it("can be asked for once only", async () => {
    const { wire, user } = asked();
    await user.click(button("Run"));
    expect(button("Run").disabled).toBe(true);
    await user.click(button("Run"));
    expect(wire.asked("permit")).toHaveLength(1);
  });

  it("tells when the kernel refuses", async () => {
    const { wire, user } = asked();
    await user.click(button("Run"));
    wire.refuse("permit", "Nobody waits for this answer any more.");
    expect((await screen.findByRole("alert")).textContent).toContain("Nobody waits");
    expect(button("Run").disabled).toBe(false);
  });
});

describe("settings", () => {
  const setting = (name: string, label: string, value: unknown, more = {}) => ({
    name,
    label,
    value,
    default: value,
    differs: false,
    changeable: false,
    changed: false,
    ...more,
  });
  const groupsOf = (trials: number, changed = false) => [
    {
      title: "Search",
      settings: [
        setting("num_trials", "trials", trials, {
          default: 30,
          differs: true,
          changeable: true,
          changed,
        }),
        setting("seed", "seed", 9),
      ],
    },
    {
      title: "Data",
      settings: [
        setting("minibatch", "score on minibatches", true, { changeable: true }),
        setting("minibatch_size", "rows in a minibatch", 25, { changeable: true }),
      ],
    },
  ];
  const answered = (wire: FakeWire) =>
    waitFor(() => {
      expect(wire.asked("change").length).toBeGreaterThan(0);
      wire.answer("change", null);
    });

  it("stand in groups, and those that are not the defaults are told first", () => {
    asked({ groups: groupsOf(40) });
    const region = screen.getByRole("region", { name: "Settings" });
    expect(region.textContent).toContain("Not the defaults: trials 40 (default 30)");
    expect(region.textContent?.indexOf("trials 40 (default 30)")).toBeLessThan(
      region.textContent?.indexOf("All settings") ?? 0,
    );
    const titles = within(region).getAllByRole("heading", { hidden: true });
    expect(titles.map((title) => title.textContent)).toEqual(["Search", "Data"]);
  });

  it("that may be none are empty then, and can be emptied again", async () => {
    const patience = (value: unknown) => [
      {
        title: "Search",
        settings: [setting("patience", "patience", value, { default: null, changeable: true })],
      },
    ];
    const { wire, user, become } = asked({ groups: patience(null), changes: {} });
    expect((field("patience") as HTMLInputElement).value).toBe("");
    expect(button("Run").disabled).toBe(false);
    await user.type(field("patience"), "4");
    await waitFor(() => expect(wire.asked("change").at(-1)?.ask.settings).toEqual({ patience: 4 }));
    await answered(wire);
    become({ groups: patience(4), changes: { patience: 4 } });
    await user.clear(field("patience"));
    await waitFor(() =>
      expect(wire.asked("change").at(-1)?.ask.settings).toEqual({ patience: null }),
    );
    expect(screen.queryByText("Write a whole number.")).toBeNull();
  });

  it("have a new estimate as they are typed, and the run begins with what was estimated", async () => {
    const { wire, user, become } = asked({ groups: groupsOf(40), changes: {} });
    await user.clear(field("trials"));
    await user.type(field("trials"), "20");
    expect(button("Run").disabled).toBe(true);
    await waitFor(() =>
      expect(wire.asked("change").at(-1)?.ask.settings).toEqual({ num_trials: 20 }),
    );
    expect(button("Run").disabled).toBe(true);
    become({ groups: groupsOf(20, true), changes: { num_trials: 20 } });
    await answered(wire);
    await waitFor(() => expect(button("Run").disabled).toBe(false));
    await user.click(button("Run"));
    expect(wire.asked("permit")[0]?.ask.settings).toEqual({ num_trials: 20 });
    become({ state: "permitted", settings: { num_trials: 20 }, changes: { num_trials: 20 } });
    expect(screen.getByText(/Permitted/).textContent).toContain("num_trials=20");
  });

  it("that the kernel refuses say so with the remedy, and nothing can be sent", async () => {
    const { wire, user } = asked({ groups: groupsOf(40), changes: {} });
    await user.clear(field("rows in a minibatch"));
    await user.type(field("rows in a minibatch"), "200");
    await waitFor(() => expect(wire.asked("change")).toHaveLength(1));
    wire.refuse("change", "minibatch_size=200: the valset has only 100 rows: give at most that.");
    expect((await screen.findByRole("alert")).textContent).toContain("give at most that");
    expect(button("Run").disabled).toBe(true);
    expect(field("rows in a minibatch").value).toBe("200");
    await user.clear(field("rows in a minibatch"));
    await user.type(field("rows in a minibatch"), "25");
    await waitFor(() => expect(button("Run").disabled).toBe(false));
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("are not asked about while what is typed is not a number", async () => {
    const { wire, user } = asked({ groups: groupsOf(40) });
    await user.clear(field("trials"));
    await user.type(field("trials"), "-1");
    expect(screen.getByText("Write a whole number.")).toBeTruthy();
    expect(button("Run").disabled).toBe(true);
    expect(wire.asked("change")).toHaveLength(0);
  });

  it("can be made those of the code again", async () => {
    const [search, ...others] = groupsOf(20, true);
    const settings = search?.settings.map((each) => ({ ...each, changed_from: 40 })) ?? [];
    const groups = [{ title: "Search", settings }, ...others];
    const { wire, user } = asked({ groups, changes: { num_trials: 20 } });
    expect(screen.getByRole("region", { name: "Settings" }).textContent).toContain(
      "Changed here, not in the code: trials 20 (40 in the code)",
    );
    await user.click(button("As in the code"));
    expect(wire.asked("change")[0]?.ask.settings).toEqual({});
  });

  it("of a run that is resumed are fixed, but for those that do not matter to it", () => {
    const fixed = groupsOf(40).map((group) => ({
      ...group,
      settings: group.settings.map((one) => ({ ...one, changeable: false })),
    }));
    asked({ resumes: RUN, groups: fixed });
    expect(screen.queryByRole("textbox", { name: "trials" })).toBeNull();
    expect(screen.getByText(/keeps its other settings/)).toBeTruthy();
  });

  it("that an older version saved are still shown", () => {
    asked({ settings: { num_trials: 12 } });
    const region = screen.getByRole("region", { name: "Settings" });
    expect(region.textContent).toContain("num_trials12");
  });
});

describe("not asking again", () => {
  it("sends the amount only if it was ticked", async () => {
    const { wire, user } = asked();
    await user.click(screen.getByRole("checkbox", { name: /Don't ask again/ }));
    const amount = field("Amount below which not to ask, in US dollars");
    await user.clear(amount);
    await user.type(amount, "0.75");
    await user.click(button("Run"));
    expect(wire.asked("permit")[0]?.ask.below_usd).toBe(0.75);
  });

  it("needs an amount", async () => {
    const { user } = asked();
    await user.click(screen.getByRole("checkbox", { name: /Don't ask again/ }));
    await user.clear(field("Amount below which not to ask, in US dollars"));
    expect(screen.getByText("Write an amount.")).toBeTruthy();
    expect(button("Run").disabled).toBe(true);
  });

  it("is not offered where a price is unknown, and says so", () => {
    asked({ estimate: unpriced });
    const box = screen.getByRole<HTMLInputElement>("checkbox", { name: /Don't ask again/ });
    expect(box.disabled).toBe(true);
    expect(screen.getByText(/the price of a model is unknown/)).toBeTruthy();
  });

  it("proposes a little more than this run is expected to cost", () => {
    const proposed = (usd: number) =>
      Number(
        suggestedThreshold({
          ...estimate,
          total: { ...estimate.total, usd: { low: 0, expected: usd, high: usd * 2 } },
        }),
      );
    for (const usd of [0.0004, 0.009, 0.0974, 0.43, 3, 27.5, 812]) {
      expect(proposed(usd)).toBeGreaterThan(usd);
    }
    expect(proposed(0.43)).toBe(0.55);
    expect(proposed(27.5)).toBe(35);
  });
});

describe("a run that is resumed", () => {
  const changed =
    "The metric's code changed:\n@@ -1,2 +1,2 @@\n def exact(example, prediction):\n" +
    "-    return a == b\n+    return <b>a</b> in b";

  it("is asked about as such, with the caps that it had", async () => {
    const { wire, user } = asked({ resumes: RUN });
    const dialog = screen.getByRole("form", { name: "Resume optimizing MultiHop?" });
    expect(dialog.textContent).toContain("in all, with what was answered already");
    expect(dialog.textContent).toContain("What it has spent already counts.");
    expect(screen.queryByRole("checkbox")).toBeNull();
    expect(field("US dollars").value).toBe("0.50");
    await user.clear(field("US dollars"));
    await user.type(field("US dollars"), "2");
    await user.click(button("Resume"));
    expect(wire.asked("permit")[0]?.ask).toEqual({
      caps: { max_usd: 2, max_calls: null, max_tokens: null, max_seconds: null },
      below_usd: null,
      settings: {},
    });
  });

  it("is asked about as a test where a finished run is only tested", async () => {
    const { wire, user } = asked({ resumes: RUN, tests: true, testset_size: 50 });
    const dialog = screen.getByRole("form", { name: "Test MultiHop?" });
    expect(dialog.textContent).toContain("50 rows that the run has not seen");
    expect(dialog.textContent).not.toContain("answered already");
    expect(dialog.textContent).not.toContain("best program so far");
    await user.click(button("Test"));
    expect(wire.asked("permit")).toHaveLength(1);
  });

  it("says of the table that it has more than what is left", () => {
    const left = {
      calls: { low: 20, expected: 30, high: 40 },
      usd: { low: 0.02, expected: 0.03, high: 0.04 },
      told: "400 calls are answered already.",
    };
    asked({ resumes: RUN, left });
    const dialog = screen.getByRole("form", { name: "Resume optimizing MultiHop?" });
    expect(dialog.textContent).toContain("30 LM calls left for $0.03");
    expect(dialog.textContent).toContain(
      "The estimate of the whole run, with what was answered already:",
    );
  });

  it("shows what changed of the code line by line, and as text", () => {
    asked({ resumes: RUN, notes: [changed] });
    const code = screen.getByText(/The metric's code changed/).parentElement?.querySelector("pre");
    expect(code?.textContent?.split("\n")).toEqual([
      "@@ -1,2 +1,2 @@",
      " def exact(example, prediction):",
      "-    return a == b",
      "+    return <b>a</b> in b",
      "",
    ]);
    expect(code?.querySelector("b")).toBeNull();
    expect(code?.querySelector(".mipro-note-added")?.textContent).toContain("<b>a</b>");
  });

  it("stays as it is where the answer is no", () => {
    const { become } = asked({ resumes: RUN });
    become({ resumes: RUN, state: "declined" });
    expect(screen.getByText("Cancelled. No LM call was made; the run is as it was.")).toBeTruthy();
  });
});

describe("afterwards", () => {
  it("one line says what was permitted", () => {
    const { become } = asked();
    become({
      state: "permitted",
      caps: { max_usd: 0.5, max_calls: 900, max_tokens: null, max_seconds: 60 },
    });
    expect(screen.queryByRole("form")).toBeNull();
    expect(screen.getByText(/Permitted/).textContent).toBe(
      "Permitted: MultiHop, caps: $0.50, 900 calls, 1 min.",
    );
    expect(screen.getByRole("status").textContent).toContain("starting");
  });

  it("it has the focus that the button had", async () => {
    const { user, become } = asked();
    await user.click(button("Run"));
    (document.activeElement as HTMLElement).blur(); // it is disabled by now
    become({ state: "permitted" });
    await waitFor(() => expect(document.activeElement?.textContent).toContain("Permitted"));
  });

  it("one line says that it was cancelled, at no cost", async () => {
    const { wire, user, become } = asked();
    await user.click(button("Cancel"));
    expect(wire.asked("decline")).toHaveLength(1);
    become({ state: "declined" });
    expect(screen.getByText("Cancelled. No LM call was made.")).toBeTruthy();
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("one line says which run was joined, and that run is waited for", async () => {
    const { wire, user, become } = asked({ joins: "20261129-first" });
    await user.click(button("Join"));
    expect(wire.asked("join")).toHaveLength(1);
    expect(button("Run").disabled).toBe(true);
    become({ joins: "20261129-first", state: "joined" });
    expect(screen.getByText(/^Joined run 20261129-first, which is already running/)).toBeTruthy();
    expect(screen.getByRole("status").textContent).toContain("starting");
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("there is nothing to join unless a run of the plan goes on", () => {
    asked();
    expect(screen.queryByRole("button", { name: "Join" })).toBeNull();
  });

  it("says when the run to join has ended meanwhile, and that a new one may begin", async () => {
    const { wire, user } = asked({ joins: "20261129-first" });
    await user.click(button("Join"));
    wire.refuse("join", "Run 20261129-first has ended meanwhile.");
    expect((await screen.findByRole("alert")).textContent).toContain("ended meanwhile");
    expect(button("Run").disabled).toBe(false);
  });

  it("a question without a kernel cannot be answered", async () => {
    const { wire } = asked();
    wire.connect(false);
    await waitFor(() => expect(button("Run").disabled).toBe(true));
    expect(screen.getByText(/Run the cell again/)).toBeTruthy();
  });
});

describe("a cap as typed", () => {
  it.each([
    ["max_usd", "", null],
    ["max_usd", " 2 ", 2],
    ["max_usd", ".5", 0.5],
    ["max_calls", "12 000", 12_000],
    ["max_tokens", "1,000,000", 1_000_000],
    ["max_seconds", "0.5", 0.5],
  ] as const)("%s %j is %s", (name, typed, value) => {
    expect(parseCap(name, typed)).toEqual({ value, error: null });
  });

  it.each([
    ["max_usd", "0"],
    ["max_usd", "-1"],
    ["max_usd", "1e3"],
    ["max_usd", "0x10"],
    ["max_usd", "two"],
    ["max_usd", "."],
    ["max_usd", "1.2.3"],
    ["max_usd", "Infinity"],
    ["max_calls", "1.5"],
    ["max_tokens", "0.1"],
  ] as const)("%s %j is refused", (name, typed) => {
    expect(parseCap(name, typed).error).toMatch(/\.$/);
  });

  it("reads back as what it was", () => {
    const typed = typedCaps({ max_usd: 0.5, max_calls: 7, max_tokens: null, max_seconds: 0.125 });
    expect(typed).toEqual({
      max_usd: "0.50",
      max_calls: "7",
      max_tokens: "",
      max_seconds: "0.125",
    });
    expect(typedCaps({ ...permission().caps, max_usd: 0.0123 }).max_usd).toBe("0.0123");
  });
});
