import { act, render, screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { TestRows } from "../src/components/result/TestRows";
import type { ReplyDetail, TestsetDetail, TestsetRow } from "../src/generated/view-model";
import { faults } from "./drill-axe";
import { callDetail, clip, hostile, kernelWith, RUN } from "./drill-fixtures";

function reply(label: string, score: number, change: Partial<ReplyDetail> = {}): ReplyDetail {
  return {
    prediction: { label: clip(label) },
    score,
    feedback: null,
    error: null,
    seconds: 0.5,
    ...change,
  };
}

function row(example: number, change: Partial<TestsetRow> = {}): TestsetRow {
  return {
    example,
    inputs: { text: clip(`message ${example}`) },
    expected: { label: clip("spam") },
    student: reply("ham", 0, { feedback: clip("Look at the number.") }),
    result: reply("spam", 1),
    ...change,
  };
}

const both: TestsetDetail = {
  changed: true,
  told: "If you change a program by what these rows show, test it on others.",
  rows: [
    row(0),
    row(1, { student: reply("spam", 1), result: reply("ham", 0) }),
    row(2, { result: reply("", 0, { prediction: null, error: clip("It has no field `label`.") }) }),
  ],
};

const grid = () => screen.getByRole("grid", { name: "Test rows" });
const numbers = () =>
  within(grid())
    .getAllByRole("row")
    .slice(1)
    .map((each) => within(each).getAllByRole("gridcell")[0]?.textContent);

async function pass(milliseconds: number): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(milliseconds);
  });
}

describe("TestRows", () => {
  it("shows each row with what student and result made of it, and what not to do with it", async () => {
    const { container } = render(<TestRows kernel={null} run={RUN} scored={6} saved={both} />);
    expect(screen.getByText(both.told)).toBeTruthy();
    expect(numbers()).toEqual(["0", "1", "2"]);
    const [, first, , third] = within(grid()).getAllByRole("row");
    expect(first?.textContent).toContain("message 0");
    expect(first?.textContent).toContain("ham");
    expect(third?.textContent).toContain("It has no field `label`.");
    expect(await faults(container)).toEqual([]);
  });

  it("filters by how the result came out, and what it won and lost", async () => {
    const user = userEvent.setup();
    render(<TestRows kernel={null} run={RUN} scored={6} saved={both} />);
    for (const [name, left] of [
      [/^Won/, ["0"]],
      [/^Lost/, ["1"]],
      [/^Errors/, ["2"]],
    ] as const) {
      await user.click(screen.getByRole("button", { name }));
      expect(numbers()).toEqual(left);
    }
  });

  it("has the student alone where it is what is returned", () => {
    const rows = both.rows.map((each) => ({ ...each, result: null }));
    const alone = { ...both, changed: false, rows };
    render(<TestRows kernel={null} run={RUN} scored={3} saved={alone} />);
    expect(within(grid()).queryByRole("columnheader", { name: /Result/ })).toBeNull();
    expect(screen.queryByRole("button", { name: /^Won/ })).toBeNull();
  });

  it("opens a row in full, with the calls of both programs", async () => {
    const user = userEvent.setup();
    const { kernel, asked } = kernelWith({
      tested: () => both,
      tested_calls: () => [callDetail({ program: "student" }), callDetail({ program: "result" })],
    });
    render(<TestRows kernel={kernel} run={RUN} scored={6} saved={null} />);
    await user.click(await screen.findByText("message 0"));
    const opened = await screen.findByRole("region", { name: "Test row 0" });
    expect(opened.textContent).toContain("Look at the number.");
    const calls = await within(opened).findAllByRole("article");
    expect(calls[0]?.textContent).toContain("Student");
    expect(calls[1]?.textContent).toContain("Result");
    expect(asked.at(-1)).toEqual({ what: "tested_calls", ask: { run: RUN, example: 0 } });
    expect(within(opened).queryByRole("button", { name: /good/i })).toBeNull();
  });

  it("draws hostile texts as texts", () => {
    const harmful = { ...both, rows: [row(0, { inputs: { text: clip(hostile.tags) } })] };
    const { container } = render(<TestRows kernel={null} run={RUN} scored={2} saved={harmful} />);
    expect(container.querySelector("img, script")).toBeNull();
  });

  it("says where the rows are if neither notebook nor kernel has them", () => {
    render(<TestRows kernel={null} run={RUN} scored={6} saved={null} />);
    expect(screen.getByText(/are not saved in this notebook/).textContent).toContain(
      `%mipro show ${RUN}`,
    );
  });

  it("looks again while more rows are scored, and keeps what it has if that is refused", async () => {
    vi.useFakeTimers();
    try {
      let refused = false;
      const { kernel, asked } = kernelWith({
        tested: () => {
          if (refused) {
            throw new Error("The record is locked.");
          }
          return both;
        },
      });
      const at = (scored: number) => (
        <TestRows kernel={kernel} run={RUN} scored={scored} saved={null} />
      );
      const { rerender } = render(at(2));
      await pass(100);
      expect(numbers()).toEqual(["0", "1", "2"]);
      refused = true;
      for (const scored of [3, 4, 5]) {
        rerender(at(scored));
        await pass(100);
      }
      expect(asked.length).toBe(1);
      for (let step = 0; step < 5; step += 1) {
        await pass(500);
      }
      expect(asked.length).toBe(2);
      expect(numbers()).toEqual(["0", "1", "2"]);
      expect(screen.getByText(/The record is locked/)).toBeTruthy();
    } finally {
      vi.useRealTimers();
    }
  });
});
