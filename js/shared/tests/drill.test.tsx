import { act, render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { TrialDrillDown } from "../src/components/drill/TrialDrillDown";
import type { TrialDetail, TrialRow } from "../src/generated/view-model";
import type { Kernel } from "../src/model/kernel";
import { faults } from "./drill-axe";
import {
  callDetail,
  clip,
  exampleRow,
  hostile,
  kernelWith,
  later,
  RUN,
  trialDetail,
  trialRow,
} from "./drill-fixtures";

interface Shown {
  kernel?: Kernel | null;
  row?: TrialRow;
  details?: readonly TrialDetail[];
  onClose?: () => void;
}

function view({ kernel = null, row = trialRow(7), details = [], onClose = () => {} }: Shown) {
  return (
    <TrialDrillDown
      kernel={kernel}
      run={RUN}
      row={row}
      predictors={["solve"]}
      details={details}
      onClose={onClose}
    />
  );
}

const saved = { details: [trialDetail(7)] };
const grid = () => screen.getByRole("grid", { name: "Examples of trial 7" });
/** The numbers of the examples in the table, as they stand. */
const numbers = () =>
  within(grid())
    .getAllByRole("row")
    .slice(1)
    .map((row) => within(row).getAllByRole("gridcell")[0]?.textContent);
const example = (number: number) => screen.findByRole("region", { name: `Example ${number}` });

/** Goes by in steps, for nothing is drawn within one. */
async function tenSeconds(): Promise<void> {
  for (let step = 0; step < 20; step += 1) {
    await act(async () => {
      await vi.advanceTimersByTimeAsync(500);
    });
  }
}

describe("TrialDrillDown", () => {
  it("tells what the trial tried, how it came out and what it took", () => {
    const { container } = render(view(saved));
    const text = container.textContent;
    expect(text).toContain("Trial 7Full evaluation");
    expect(text).toContain("75.0 46.8 to 91.1");
    expect(text).toContain("instr 1 · demos 3");
    expect(text).toContain("12, 3 scored before, 1 failed");
    expect(text).toContain("14, 2 from the cache");
    expect(text).toContain("11.5k in, 1,036 out");
    expect(text).toContain("$0.0023");
    expect(text).toContain("8.4 s");
  });

  it("gives the line that makes its program, to be copied, without a kernel", async () => {
    const user = userEvent.setup();
    render(view(saved));
    const line = `program.load_state(mipro_nb.runs.load("${RUN}").program_state(7))`;
    await user.click(screen.getByRole("button", { name: "Copy, use, save, share" }));
    expect(screen.getByText(line)).toBeTruthy();
    await user.click(screen.getByRole("button", { name: /the line to use it/ }));
    expect(await navigator.clipboard.readText()).toBe(line);
  });

  it("shows what the notebook has saved until the kernel answers", async () => {
    const answer = later<TrialDetail>();
    const { kernel } = kernelWith({ trial: () => answer.promise });
    const { container } = render(view({ ...saved, kernel }));
    expect(numbers()).toHaveLength(12);
    answer.resolve({
      ...trialDetail(7),
      examples: [exampleRow(77, { inputs: { text: clip("fresh") } })],
    });
    await waitFor(() => expect(numbers()).toEqual(["77"]));
    expect(container.textContent).toContain("fresh");
  });

  it("looks again at a trial that goes on, once more of it is scored", async () => {
    vi.useFakeTimers();
    try {
      let scored = 1;
      const { kernel, asked } = kernelWith({
        trial: () => ({
          trial: trialRow(7, { state: "running", scored }),
          prompts: [],
          examples: trialDetail(7).examples.slice(0, scored),
        }),
      });
      const running = () => view({ kernel, row: trialRow(7, { state: "running", scored }) });
      const { rerender } = render(running());
      await tenSeconds();
      expect(numbers()).toHaveLength(1);
      expect(asked).toHaveLength(1);
      scored = 3;
      rerender(running());
      await tenSeconds();
      expect(numbers()).toHaveLength(3);
      expect(asked).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it("says that it is fetching, and why it cannot, and tries again", async () => {
    let refusals = 1;
    const { kernel } = kernelWith({
      trial: () => {
        if (refusals-- > 0) {
          throw new Error("The record is locked by another program.");
        }
        return trialDetail(7);
      },
    });
    render(view({ kernel }));
    expect(screen.getByRole("status").textContent).toBe("Fetching trial 7…");
    expect((await screen.findByRole("alert")).textContent).toContain("The record is locked");
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("grid");
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("says where the examples are when neither notebook nor kernel has them", () => {
    render(view({}));
    expect(screen.getByRole("note").textContent).toContain(`%mipro show ${RUN}`);
    expect(screen.queryByRole("grid")).toBeNull();
  });

  it("lets through right, wrong and failed examples", async () => {
    render(view(saved));
    const filters = within(screen.getByRole("group", { name: "Which examples" }));
    await userEvent.click(filters.getByRole("button", { name: "Wrong 2" }));
    expect(numbers()).toEqual(["4", "8"]);
    await userEvent.click(filters.getByRole("button", { name: "Errors 1" }));
    expect(numbers()).toEqual(["5"]);
    await userEvent.click(filters.getByRole("button", { name: "Right 9" }));
    expect(numbers()).toHaveLength(9);
    await userEvent.click(filters.getByRole("button", { name: "All 12" }));
    expect(numbers()).toHaveLength(12);
  });

  it("sorts by score", async () => {
    render(view(saved));
    await userEvent.click(within(grid()).getByRole("button", { name: "Score" }));
    expect(numbers().slice(0, 3)).toEqual(["4", "5", "8"]);
  });

  it("draws only the examples in sight of a thousand", () => {
    const examples = Array.from({ length: 1000 }, (_, number) => exampleRow(number));
    render(view({ details: [{ ...trialDetail(7), examples }] }));
    expect(grid().getAttribute("aria-rowcount")).toBe("1001");
    expect(numbers().length).toBeLessThan(50);
  });

  it("opens an example with its values, its feedback and its calls", async () => {
    const { kernel, asked } = kernelWith({
      trial: () => trialDetail(7),
      calls: () => [callDetail(), callDetail({ from_cache: true, truncated: true, usd: null })],
    });
    render(view({ ...saved, kernel }));
    await userEvent.click(await within(grid()).findByText("4"));
    const opened = await example(4);
    expect(opened.textContent).toContain("reasoningNothing in it asks for money.");
    expect(opened.textContent).toContain("Feedback of the metricThe label is spam");
    const first = await within(opened).findByRole("article", { name: "call 1 of 2" });
    expect(asked.at(-1)).toEqual({ what: "calls", ask: { run: RUN, trial: 7, example: 4 } });
    expect(first.textContent).toContain("openai/gpt-4o-mini");
    expect(first.textContent).toContain("812 tokens in · 41 out · $0.00015 · 840 ms");
    expect(first.textContent).toContain("Sent");
    expect(first.textContent).toContain("system");
    expect(first.textContent).toContain("reasoning: It offers a prize");
    expect(first.textContent).toContain("max_tokens250");
    const second = within(opened).getByRole("article", { name: "call 2 of 2" });
    expect(second.textContent).toContain("From the cache");
    expect(second.textContent).toContain("Cut off");
    expect(second.textContent).toContain("nothing to pay");
  });

  it("tells beside the prediction how the replies were read", async () => {
    const notes = [
      clip("'sports' was read as 'sport'"),
      clip("'answer' was read without its mark"),
    ];
    const detail = { ...trialDetail(7), examples: [exampleRow(41, { notes }), exampleRow(42)] };
    render(view({ details: [detail] }));
    await userEvent.click(within(grid()).getByText("41"));
    const list = within(await example(41)).getByRole("list", { name: /were read/ });
    expect(within(list).getAllByRole("listitem")).toHaveLength(2);
    expect(list.parentElement?.textContent).toContain("Prediction");
    await userEvent.click(within(grid()).getByText("42"));
    expect(within(await example(42)).queryByRole("list", { name: /were read/ })).toBeNull();
  });

  it("folds what the model thought, and says why a reply cannot be used and what nobody counted", async () => {
    const refusal = callDetail({
      reply: clip("I will not."),
      thoughts: clip("Shall I answer this?"),
      error: clip("It is a refusal."),
      counted: false,
    });
    const { kernel } = kernelWith({ trial: () => trialDetail(7), calls: () => [refusal] });
    render(view({ ...saved, kernel }));
    await userEvent.click(await within(grid()).findByText("4"));
    const call = await screen.findByRole("article", { name: "the call" });
    const thoughts = within(call).getByText("Thoughts").closest("details");
    expect(thoughts?.open).toBe(false);
    expect(thoughts?.textContent).toContain("Shall I answer this?");
    expect(call.textContent).toContain("It is a refusal.");
    expect(call.textContent).toContain("about 812 tokens in · about 41 out · about $0.00015");
  });

  it("says of an example what failed, and that an earlier trial scored it", async () => {
    render(view(saved));
    await userEvent.click(within(grid()).getByText("5"));
    expect((await example(5)).textContent).toContain("it has no field `label`");
    await userEvent.click(within(grid()).getByText("2"));
    expect((await example(2)).textContent).toContain("scored before, in trial 0");
    expect((await example(2)).textContent).toContain(`They are in the record: %mipro show ${RUN}`);
  });

  it("goes by keyboard: arrows, Enter, and Escape out of the example and out of the trial", async () => {
    let closed = 0;
    render(view({ ...saved, onClose: () => (closed += 1) }));
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Trial 7"));
    grid().focus();
    await userEvent.keyboard("{Home}{ArrowDown}{ArrowDown}{Enter}");
    const opened = await example(2);
    within(opened).getByRole("button", { name: "Close example 2" }).focus();
    await userEvent.keyboard("{Escape}");
    expect(screen.queryByRole("region", { name: "Example 2" })).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(grid()));
    expect(closed).toBe(0);
    await userEvent.keyboard("{Escape}");
    expect(closed).toBe(1);
  });

  it("shows the prompt as it was sent, message by message", async () => {
    render(view(saved));
    await userEvent.click(screen.getByRole("tab", { name: "Prompt as sent" }));
    const messages = screen.getByRole("list", { name: "Messages of the prompt of classify" });
    const roles = within(messages)
      .getAllByRole("listitem")
      .map((item) => /^(system|user|assistant)/.exec(item.textContent ?? "")?.[0]);
    expect(roles).toEqual(["system", "user", "assistant", "user"]);
    expect(messages.textContent).toContain("Read the text message twice.");
  });

  it("shows hostile values as text", async () => {
    const bad = {
      [hostile.tags]: clip(hostile.tags),
      a: clip(hostile.markdown),
      b: clip(hostile.ansi),
      c: clip(hostile.direction),
      d: clip(hostile.line),
    };
    const { kernel } = kernelWith({
      trial: () => detail,
      calls: () => [
        callDetail({
          model: hostile.tags,
          messages: [{ role: hostile.tags, content: clip(hostile.tags) }],
          reply: clip(hostile.line),
          thoughts: clip(hostile.tags),
          error: clip(hostile.ansi),
          parameters: { [hostile.tags]: hostile.direction },
        }),
      ],
    });
    const detail: TrialDetail = {
      ...trialDetail(7),
      prompts: [{ predictor: hostile.tags, example: 1, messages: [] }],
      examples: [
        exampleRow(1, {
          inputs: bad,
          expected: bad,
          prediction: bad,
          feedback: clip(hostile.tags),
          error: clip(hostile.tags),
          notes: [clip(hostile.tags), clip(hostile.direction)],
        }),
      ],
    };
    const { container } = render(view({ kernel, details: [detail] }));
    grid().focus();
    await userEvent.keyboard("{Enter}");
    await screen.findByRole("article", { name: "the call" });
    expect(container.querySelector("b, script, img, a")).toBeNull();
    expect(window).not.toHaveProperty("broken");
    for (const unseen of ["\x1b", "\u202e"]) {
      expect(container.textContent).not.toContain(unseen);
    }
    expect(container.textContent?.length).toBeLessThan(40_000);
  });

  it("has no fault that axe finds", async () => {
    const { kernel } = kernelWith({ trial: () => trialDetail(7), calls: () => [callDetail()] });
    const { container } = render(view({ ...saved, kernel }));
    await userEvent.click(within(grid()).getByText("4"));
    await screen.findByRole("article", { name: "the call" });
    expect(await faults(container)).toEqual([]);
    await userEvent.click(screen.getByRole("tab", { name: "Prompt as sent" }));
    expect(await faults(container)).toEqual([]);
  });
});
