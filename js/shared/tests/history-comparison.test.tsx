import { render, screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { curveGeometry } from "../src/components/history/curves";
import { RunComparisonView } from "../src/components/history/RunComparisonView";
import type { RunComparison } from "../src/generated/view-model";
import { faults } from "./drill-axe";
import { clip, comparison, historyRow, hostile } from "./drill-fixtures";

function view(of: RunComparison = comparison(), onOpenRun: (id: string) => void = () => {}) {
  return <RunComparisonView comparison={of} onOpenRun={onOpenRun} onClose={() => {}} />;
}

/** A line of the table: what it is about, and a value for each run. */
function line(name: string): (string | null)[] {
  const row = screen.getByRole("rowheader", { name }).closest("tr");
  return [...(row?.querySelectorAll("td") ?? [])].map((cell) => cell.textContent);
}

describe("RunComparisonView", () => {
  it("sets results side by side", () => {
    render(view());
    expect(line("Score")).toEqual(["68.0", "70.5", "75.5"]);
    expect(line("Baseline")).toEqual(["50.0", "53.0", "59.0"]);
    expect(line("Gain")).toEqual(["+18.0", "+17.5", "+16.5"]);
    expect(line("LM calls")).toEqual(["341", "471", "731"]);
    expect(line("Time")).toEqual(["1 min 14 s", "2 min 15 s", "4 min 17 s"]);
  });

  it("says first that the runs were scored on different rows, and on which", () => {
    const note = "These runs were scored on different validation rows.";
    const runs = comparison().runs.map((run, place) => ({
      ...run,
      row: {
        ...run.row,
        rows: { trainset: "12 rows (aa)", valset: `${place + 20} rows (b${place})` },
      },
    }));
    render(view({ runs, note }));
    expect(screen.getByRole("note").textContent).toBe(note);
    expect(line("valset")).toEqual(["20 rows (b0)", "21 rows (b1)", "22 rows (b2)"]);
    expect(screen.queryByRole("rowheader", { name: "trainset" })).toBeNull();
  });

  it("tells runs of the same name apart by their ids", () => {
    const same = comparison();
    const runs = same.runs.map((run, place) => ({
      ...run,
      row: { ...run.row, name: "spam", id: `20261124-09000${place}-abcde${place}` },
    }));
    render(view({ ...same, runs }));
    const heads = screen.getAllByRole("columnheader").map((head) => head.textContent ?? "");
    for (const place of [0, 1, 2]) {
      expect(heads.join(" ")).toContain(`spam · abcde${place}`);
    }
  });

  it("shows the settings that differ, and all of them when asked", async () => {
    render(view());
    expect(line("seed")).toEqual(["9", "10", "12"]);
    expect(screen.queryByRole("rowheader", { name: "minibatch" })).toBeNull();
    await userEvent.click(screen.getByRole("checkbox", { name: "Only settings that differ" }));
    expect(line("minibatch")).toEqual(["True", "True", "True"]);
    expect(line("seed differs")).toEqual(["9", "10", "12"]);
  });

  it("draws a curve for each run, told apart without colour", () => {
    render(view());
    const chart = screen.getByRole("img", { name: /^Best full score so far against LM calls/ });
    expect(chart.getAttribute("aria-label")).toContain("cheap spam from 50.0 to 68.0");
    const lines = [...chart.querySelectorAll(".mipro-run-line")];
    expect(new Set(lines.map((each) => each.getAttribute("stroke-dasharray"))).size).toBe(3);
    const markers = [...chart.querySelectorAll(".mipro-run-marker")];
    expect(new Set(markers.map((each) => each.getAttribute("d"))).size).toBe(3);
  });

  it("says which run cannot be drawn against cost", async () => {
    render(view());
    await userEvent.selectOptions(
      screen.getByRole("combobox", { name: "What the scores are drawn against" }),
      "By cost",
    );
    const chart = screen.getByRole("img", { name: /^Best full score so far against USD/ });
    expect(chart.querySelectorAll(".mipro-run-line")).toHaveLength(2);
    expect(screen.getByText(/^Not drawn, for their cost is not known/).textContent).toContain(
      "GSM8K light",
    );
  });

  it("shows the instructions, and the difference of any two", async () => {
    render(view());
    const instructions = screen.getByRole("region", { name: "Instructions" });
    expect(instructions.textContent).toContain("You filter text messages");
    await userEvent.click(within(instructions).getByRole("button", { name: /^Diff/ }));
    await userEvent.selectOptions(
      screen.getByRole("combobox", { name: "From" }),
      "HotPotQA, two hops",
    );
    const diff = screen.getByRole("region", { name: "Changes in the instruction of classify" });
    expect(diff.querySelector("del")?.textContent).toContain("Think step by step.");
    expect(diff.querySelector("ins")?.textContent).toContain("Read the text message twice.");
  });

  it("opens a run", async () => {
    const opened: string[] = [];
    render(view(comparison(), (id) => opened.push(id)));
    await userEvent.click(screen.getByRole("button", { name: "HotPotQA, two hops" }));
    expect(opened).toEqual([historyRow(1).id]);
  });

  it("shows hostile names, settings and instructions as text", () => {
    const [run] = comparison().runs;
    const bad = {
      runs: [
        {
          row: historyRow(0, { name: hostile.tags, settings: { [hostile.tags]: hostile.ansi } }),
          curve: [],
          instructions: { [hostile.tags]: clip(hostile.tags) },
        },
        ...(run === undefined ? [] : [run]),
      ],
    };
    const { container } = render(view(bad));
    expect(container.querySelector("b, script, img")).toBeNull();
    expect(container.textContent).toContain(hostile.tags);
    expect(container.textContent).toContain("ESC[31mred");
  });

  it("has no fault that axe finds", async () => {
    const { container } = render(view());
    expect(await faults(container)).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: /^Diff/ }));
    expect(await faults(container)).toEqual([]);
  });
});

describe("curveGeometry", () => {
  const size = { width: 400, height: 200 };
  const run = (points: readonly (readonly [number, number])[]) => ({
    row: historyRow(0),
    curve: points.map(([calls, score]) => ({ calls, usd: null, seconds: calls, score })),
    instructions: {},
  });

  it("puts every point within the frame, whatever scale the metric has", () => {
    const runs = [
      run([
        [0, -250],
        [10, 400],
      ]),
      run([[5, 1e-4]]),
      run([[7, 1e-4]]),
    ];
    const { curves, xTicks, yTicks } = curveGeometry(runs, "calls", size);
    const points = curves.flatMap((curve) => curve.points);
    expect(points).toHaveLength(4);
    for (const { x, y } of [
      ...points,
      ...xTicks.map(({ x }) => ({ x, y: 0 })),
      ...yTicks.map(({ y }) => ({ x: 0, y })),
    ]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(size.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(size.height);
    }
  });

  it("draws nothing where nothing is known", () => {
    expect(curveGeometry([run([]), run([[1, 50]])], "usd", size).curves).toEqual([]);
    expect(curveGeometry([], "calls", size).curves).toEqual([]);
  });

  it("gives a run with nothing spent and one score its place", () => {
    const [curve] = curveGeometry([run([[0, 50]])], "calls", size).curves;
    expect(curve?.points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  });
});
