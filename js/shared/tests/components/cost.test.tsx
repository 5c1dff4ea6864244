import { act, render, screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { CostPanel } from "../../src/components/cost/CostPanel";
import type { ObjectiveRow, ObjectivesView } from "../../src/generated/view-model";
import { faults } from "../drill-axe";

function row(trial: number, score: number, change: Partial<ObjectiveRow> = {}): ObjectiveRow {
  return {
    ...{ trial, score, usd: 0.0001 * (trial + 1), tokens: 300, seconds: 0.5, characters: 90 },
    ...{ on_front: true, best: false },
    ...change,
  };
}

const objectives: ObjectivesView = {
  cost: "usd",
  told: "3 configurations were scored on the whole valset.",
  rows: [row(7, 90, { best: true }), row(0, 60), row(3, 50, { on_front: false, usd: null })],
};

function shown() {
  const opened: number[] = [];
  const { container } = render(
    <CostPanel objectives={objectives} onOpen={(trial) => opened.push(trial)} />,
  );
  const grid = screen.getByRole("grid", { name: "What one example takes, by configuration" });
  const rows = () => within(grid).getAllByRole("row").slice(1);
  const names = () => rows().map((each) => within(each).getAllByRole("gridcell")[0]?.textContent);
  return { container, grid, rows, names, opened, user: userEvent.setup() };
}

describe("score and cost", () => {
  it("stand in a table, the best score first, that can be sorted by anything", async () => {
    const { names, user } = shown();
    expect(names()).toEqual(["Trial 7, the best", "Student as given", "Trial 3"]);
    await user.click(screen.getByRole("button", { name: "USD" }));
    expect(names()).toEqual(["Student as given", "Trial 7, the best", "Trial 3"]);
  });

  it("say which configurations are on the Pareto front, and what is not known", () => {
    const cells = shown()
      .rows()
      .map((each) => each.textContent);
    expect(cells[0]).toBe("Trial 7, the best90.0$0.00080300500 ms90yes");
    expect(cells[2]).toBe("Trial 350.0–300500 ms90");
    expect(screen.getByRole("img").getAttribute("aria-label")).toBe(
      "Score against USD per example: 90.0 for $0.00080, 60.0 for $0.00010",
    );
  });

  it("lead to the trial of a configuration, with keys as well", async () => {
    const { grid, opened, user } = shown();
    await user.click(within(grid).getByText("Trial 3"));
    await act(() => grid.focus());
    await user.keyboard("{ArrowUp}{Enter}");
    expect(opened).toEqual([3, 0]);
  });

  it("have no fault that axe finds", async () => {
    expect(await faults(shown().container)).toEqual([]);
  });
});
