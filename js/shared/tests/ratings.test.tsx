import { render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { TrialDrillDown } from "../src/components/drill/TrialDrillDown";
import type { TrialDetail } from "../src/generated/view-model";
import type { Kernel } from "../src/model/kernel";
import { faults } from "./drill-axe";
import {
  clip,
  exampleRow,
  hostile,
  kernelWith,
  RUN,
  trialDetail,
  trialRow,
} from "./drill-fixtures";

function shown(kernel: Kernel | null, detail: TrialDetail = trialDetail(7)) {
  return render(
    <TrialDrillDown
      kernel={kernel}
      run={RUN}
      row={trialRow(7)}
      predictors={["solve"]}
      details={[detail]}
      onClose={() => {}}
    />,
  );
}

function rating(refused: string | null = null, detail = trialDetail(7), accepted = 0) {
  let given = 0;
  const { kernel, asked } = kernelWith({
    trial: () => detail,
    calls: () => [],
    rate: () => {
      given += 1;
      if (refused !== null && given > accepted) {
        throw new Error(refused);
      }
      return null;
    },
  });
  const rated = () => asked.filter(({ what }) => what === "rate").map(({ ask }) => ask);
  return { kernel, rated };
}

const grid = () => screen.getByRole("grid", { name: "Examples of trial 7" });
const row = (number: number) =>
  within(grid())
    .getAllByRole("row")
    .find((each) => within(each).queryAllByRole("gridcell")[0]?.textContent === `${number}`);
const example = (number: number) => screen.findByRole("region", { name: `Example ${number}` });
const asks = (number: number, rate: "good" | "bad" | null, reason = "") => ({
  run: RUN,
  trial: 7,
  example: number,
  rating: rate,
  reason,
});

describe("Ratings of replies", () => {
  it("are given by keyboard from row to row, without waiting for the kernel", async () => {
    const { kernel, rated } = rating();
    shown(kernel);
    await screen.findByText(/rates a reply good/);
    grid().focus();
    await userEvent.keyboard("{Home}g{ArrowDown}b{ArrowDown}gg");
    await waitFor(() =>
      expect(rated()).toEqual([asks(0, "good"), asks(1, "bad"), asks(2, "good"), asks(2, null)]),
    );
    expect(row(0)?.textContent).toContain("Good");
    expect(row(1)?.textContent).toContain("Bad");
    expect(row(2)?.textContent).not.toContain("Good");
    expect(screen.getByText("Example 2: not rated.")).toBeTruthy();
  });

  it("are given by mouse with a reason, changed and withdrawn", async () => {
    const { kernel, rated } = rating();
    const { container } = shown(kernel);
    await screen.findByText(/rates a reply good/);
    await userEvent.click(within(grid()).getByText("4"));
    const opened = within(await example(4));
    await userEvent.type(opened.getByRole("textbox", { name: "Reason" }), "too long");
    await userEvent.click(opened.getByRole("button", { name: "Bad" }));
    expect(opened.getByRole("button", { name: "Bad" }).getAttribute("aria-pressed")).toBe("true");
    expect(await faults(container)).toEqual([]);
    await userEvent.type(opened.getByRole("textbox", { name: "Reason" }), "!{Enter}");
    await userEvent.click(opened.getByRole("button", { name: "Good" }));
    await userEvent.click(opened.getByRole("button", { name: "Good" }));
    await waitFor(() =>
      expect(rated()).toEqual([
        asks(4, "bad", "too long"),
        asks(4, "bad", "too long!"),
        asks(4, "good"), // the reason was that for the other one
        asks(4, null),
      ]),
    );
  });

  it("are taken back where the kernel refuses them, with its reason", async () => {
    const { kernel } = rating("The record is locked.");
    shown(kernel);
    await screen.findByText(/rates a reply good/);
    grid().focus();
    await userEvent.keyboard("{Home}g");
    expect(await screen.findByText("Example 0: The record is locked.")).toBeTruthy();
    expect(row(0)?.textContent).not.toContain("Good");
  });

  it("leave the one before in place where the kernel refuses another", async () => {
    const { kernel } = rating("The record is locked.", trialDetail(7), 1);
    shown(kernel);
    await screen.findByText(/rates a reply good/);
    grid().focus();
    await userEvent.keyboard("{Home}gb");
    expect(await screen.findByText("Example 0: The record is locked.")).toBeTruthy();
    expect(row(0)?.textContent).toContain("Good");
  });

  it("are not given to an example without a reply", async () => {
    const { kernel, rated } = rating();
    shown(kernel);
    await screen.findByText(/rates a reply good/);
    await userEvent.click(within(grid()).getByText("5"));
    expect(within(await example(5)).queryByRole("button", { name: "Good" })).toBeNull();
    grid().focus();
    await userEvent.keyboard("g");
    expect(rated()).toEqual([]);
  });

  it("are shown without a kernel, as text", async () => {
    const rated = exampleRow(3, { rating: { rating: "bad", reason: clip(hostile.tags) } });
    const { container } = shown(null, { ...trialDetail(7), examples: [rated, exampleRow(4)] });
    expect(row(3)?.textContent).toContain("Bad");
    await userEvent.click(within(grid()).getByText("3"));
    expect((await example(3)).textContent).toContain(hostile.tags);
    expect(container.querySelector("b, script, img")).toBeNull();
    await userEvent.click(within(grid()).getByText("4"));
    expect((await example(4)).textContent).not.toContain("Your rating");
  });

  it("say why they cannot be given where the run goes on elsewhere", async () => {
    const { kernel, rated } = rating(null, { ...trialDetail(7), unrateable: "Rate them there." });
    shown(kernel, { ...trialDetail(7), unrateable: "Rate them there." });
    await userEvent.click(await within(grid()).findByText("4"));
    expect((await example(4)).textContent).toContain("Rate them there.");
    grid().focus();
    await userEvent.keyboard("g");
    expect(rated()).toEqual([]);
  });
});
