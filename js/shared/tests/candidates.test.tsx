import { render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { DemoSetCards } from "../src/components/candidates/DemoSetCards";
import { InstructionCards } from "../src/components/candidates/InstructionCards";
import type { InstructionCard } from "../src/generated/view-model";
import { faults } from "./drill-axe";
import {
  clip,
  demo,
  demoSetCards,
  hostile,
  instructionCard,
  instructionCards,
  kernelWith,
  later,
  RUN,
  summary,
} from "./drill-fixtures";

const card = (name: string) => screen.getByRole("article", { name });
const inCard = (name: string) => within(card(name));
const titles = () =>
  screen.getAllByRole("article").map((each) => each.querySelector("h4")?.textContent);
const nobody = kernelWith({}).kernel;

describe("InstructionCards", () => {
  it("shows of each candidate what it is and how it does", () => {
    render(<InstructionCards kernel={nobody} summary={summary()} cards={instructionCards()} />);
    const text = card("Instruction 2").textContent;
    expect(text).toContain("Proposed");
    expect(text).toContain("In the best program");
    expect(text).toContain("Tip: persona");
    expect(text).toContain("Written after seeing demo set 2");
    expect(text).toContain("85.2");
    expect(text).toContain("+15.2 points from the student’s score");
    expect(text).toContain("9 trials · 250 examples");
    expect(text).toContain("You filter text messages for a phone company");
    expect(card("Instruction 0").textContent).toContain("Yours");
    expect(card("Instruction 3").textContent).toContain("Not tried yet");
  });

  it("is in the order that is chosen", async () => {
    render(<InstructionCards kernel={null} summary={summary()} cards={instructionCards()} />);
    const numbers = () => titles().map((title) => title?.replace("Instruction ", ""));
    expect(numbers()).toEqual(["2", "5", "1", "4", "0", "3"]);
    const order = screen.getByRole("combobox", { name: "Order of the instructions" });
    await userEvent.selectOptions(order, "By number");
    expect(numbers()).toEqual(["0", "1", "2", "3", "4", "5"]);
    await userEvent.selectOptions(order, "Most tried first");
    expect(numbers()).toEqual(["2", "5", "1", "0", "4", "3"]);
  });

  it("does not move a card away from under the keyboard", () => {
    const view = (cards: ReturnType<typeof instructionCards>) => (
      <InstructionCards kernel={nobody} summary={summary()} cards={cards} />
    );
    const { rerender } = render(view(instructionCards()));
    const before = titles();
    const copy = inCard("Instruction 5").getByRole("button", { name: /^Copy/ });
    copy.focus();
    const better = instructionCards().map((each) =>
      each.index === 5 ? { ...each, score: 99 } : each,
    );
    rerender(view(better));
    expect(titles()).toEqual(before);
    copy.blur();
    rerender(view([...better]));
    expect(titles()[0]).toBe("Instruction 5");
  });

  it("groups them by predictor when there are several", () => {
    const predictors = { query: "question -> query", answer: "passages -> answer" };
    const cards = [
      instructionCard(0, { predictor: "answer" }),
      instructionCard(0, { predictor: "query" }),
    ];
    render(<InstructionCards kernel={null} summary={summary({ predictors })} cards={cards} />);
    const headings = screen.getAllByRole("heading", { level: 3 }).map((each) => each.textContent);
    expect(headings).toEqual(["queryquestion -> query", "answerpassages -> answer"]);
  });

  it("says what a repaired one comes of", () => {
    const repaired: Partial<InstructionCard> = {
      source: "repaired",
      based_on: 3,
      evidence: [4, 17],
    };
    const cards = [instructionCard(0, {}), instructionCard(1, repaired)];
    render(<InstructionCards kernel={null} summary={summary()} cards={cards} />);
    const shown = card("Instruction 1").textContent;
    expect(shown).toContain("Repaired from instruction 3, by training rows 4, 17");
  });

  it("shows what changed from the student's instruction", async () => {
    render(<InstructionCards kernel={null} summary={summary()} cards={instructionCards()} />);
    await userEvent.click(inCard("Instruction 1").getByRole("button", { name: /^Diff/ }));
    const diff = screen.getByRole("region", {
      name: "Changes from your instruction to instruction 1",
    });
    expect(diff.querySelector("ins")?.textContent).toContain("added: ");
    expect(inCard("Instruction 0").queryByRole("button", { name: /^Diff/ })).toBeNull();
  });

  it("has nothing to steer with when the run cannot be steered", () => {
    const over = summary({ steerable: false });
    render(
      <InstructionCards
        kernel={nobody}
        summary={over}
        cards={instructionCards().map((each) => ({
          ...each,
          pinned: each.index === 1,
          banned: each.index === 4,
        }))}
      />,
    );
    expect(screen.queryByRole("button", { name: /^(Pin|Ban|Edit|Add)/ })).toBeNull();
    expect(card("Instruction 1").textContent).toContain("Pinned");
    expect(card("Instruction 4").textContent).toContain("Banned");
    expect(screen.getByText(/1 pinned: only this one is tried · 1 banned/)).not.toBeNull();
  });

  it("pins at once, says so while the kernel has not answered, and stays pinned", async () => {
    const answer = later<null>();
    const { kernel, asked } = kernelWith({ pin: () => answer.promise });
    const view = (pinned: boolean) => (
      <InstructionCards
        kernel={kernel}
        summary={summary()}
        cards={[instructionCard(1, { pinned })]}
      />
    );
    const { rerender } = render(view(false));
    await userEvent.click(screen.getByRole("button", { name: "Pin instruction 1" }));
    expect(asked).toEqual([
      {
        what: "pin",
        ask: { run: RUN, predictor: "classify", part: "instruction", index: 1, on: true },
      },
    ]);
    const pending = screen.getByRole("button", { name: "Pinning… instruction 1" });
    expect(pending.getAttribute("aria-pressed")).toBe("true");
    // A second click asks nothing while the first is under way.
    await userEvent.click(pending);
    expect(asked).toHaveLength(1);
    answer.resolve(null);
    const pin = await screen.findByRole("button", { name: "Pin instruction 1" });
    expect(pin.getAttribute("aria-pressed")).toBe("true");
    rerender(view(true));
    expect(pin.getAttribute("aria-pressed")).toBe("true");
    rerender(view(false)); // unpinned in another view
    await waitFor(() => expect(pin.getAttribute("aria-pressed")).toBe("false"));
  });

  it("goes back and says why when the kernel refuses", async () => {
    const { kernel } = kernelWith({
      ban: () => {
        throw new Error("The last instruction cannot be banned.");
      },
    });
    render(<InstructionCards kernel={kernel} summary={summary()} cards={[instructionCard(1)]} />);
    const ban = screen.getByRole("button", { name: "Ban instruction 1" });
    await userEvent.click(ban);
    expect((await screen.findByRole("alert")).textContent).toBe(
      "The last instruction cannot be banned.",
    );
    expect(ban.getAttribute("aria-pressed")).toBe("false");
  });

  it("takes an instruction of one's own, once something is written", async () => {
    const { kernel, asked } = kernelWith({ add: () => ({ index: 6 }) });
    render(<InstructionCards kernel={kernel} summary={summary()} cards={instructionCards()} />);
    const open = screen.getByRole("button", { name: "Add my own" });
    await userEvent.click(open);
    const field = screen.getByRole("textbox", { name: "Your instruction" });
    await waitFor(() => expect(document.activeElement).toBe(field));
    await userEvent.click(screen.getByRole("button", { name: "Add" }));
    expect(screen.getByRole("alert").textContent).toBe("Write an instruction first.");
    await userEvent.type(field, "Label it.");
    expect(screen.getByRole("alert").textContent).toBe(
      "This is instruction 3 already; change a word of it.",
    );
    expect(asked).toEqual([]);
    await userEvent.type(field, " Be quick.");
    await userEvent.click(screen.getByRole("button", { name: "Add" }));
    expect((await screen.findByText("Instruction 6 was added.")).getAttribute("role")).toBe(
      "status",
    );
    expect(asked).toEqual([
      {
        what: "add",
        ask: {
          run: RUN,
          predictor: "classify",
          instruction: "Label it. Be quick.",
          based_on: null,
          replaces: false,
        },
      },
    ]);
    expect(screen.queryByRole("textbox")).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(open));
  });

  it("edits an instruction, beginning with the whole of it", async () => {
    const long = `Begin. ${"word ".repeat(1000)}`;
    const { kernel, asked } = kernelWith({
      text: () => long,
      add: () => ({ index: 7 }),
    });
    render(
      <InstructionCards
        kernel={kernel}
        summary={summary()}
        cards={[instructionCard(2, { instruction: clip(long) })]}
      />,
    );
    await userEvent.click(screen.getByRole("button", { name: "Edit instruction 2" }));
    const field = await screen.findByRole<HTMLTextAreaElement>("textbox", {
      name: "In the place of instruction 2",
    });
    expect(field.value).toBe(long);
    await userEvent.clear(field);
    await userEvent.type(field, "Short.");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await screen.findByText("Instruction 7 was added in the place of instruction 2.");
    expect(asked.at(-1)).toEqual({
      what: "add",
      ask: { run: RUN, predictor: "classify", instruction: "Short.", based_on: 2, replaces: true },
    });
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Edit instruction 2"));
  });

  it("adds an edit beside the original where that is chosen", async () => {
    const { kernel, asked } = kernelWith({ add: () => ({ index: 7 }) });
    render(<InstructionCards kernel={kernel} summary={summary()} cards={[instructionCard(2)]} />);
    await userEvent.click(screen.getByRole("button", { name: "Edit instruction 2" }));
    const kept = await screen.findByRole("checkbox", { name: "Stop trying instruction 2" });
    expect((kept as HTMLInputElement).checked).toBe(true);
    await userEvent.click(kept);
    const field = screen.getByRole("textbox", { name: "Beside instruction 2" });
    await userEvent.clear(field);
    await userEvent.type(field, "Short.");
    await userEvent.click(screen.getByRole("button", { name: "Add as a new one" }));
    await screen.findByText("Instruction 7 was added beside instruction 2.");
    expect(asked.at(-1)).toMatchObject({ what: "add", ask: { based_on: 2, replaces: false } });
  });

  it("shows what an edit changed in the instruction that it comes from", async () => {
    const cards = [
      instructionCard(0, { source: "student", instruction: clip("Classify it.") }),
      instructionCard(1, { instruction: clip("Label the text with a topic.") }),
      instructionCard(2, {
        instruction: clip("Label the text with one topic."),
        source: "user",
        based_on: 1,
      }),
    ];
    render(<InstructionCards kernel={null} summary={summary()} cards={cards} />);
    await userEvent.click(
      screen.getByRole("button", { name: "Diff of instruction 2 to instruction 1" }),
    );
    const shown = screen.getByLabelText("Changes from instruction 1 to instruction 2");
    expect(shown.textContent).toContain("one");
    expect(shown.textContent).not.toContain("Classify");
  });

  it("keeps what was written when the kernel refuses it, or Escape is pressed", async () => {
    const { kernel } = kernelWith({
      add: () => {
        throw new Error("The run is over.");
      },
    });
    render(<InstructionCards kernel={kernel} summary={summary()} cards={instructionCards()} />);
    await userEvent.click(screen.getByRole("button", { name: "Add my own" }));
    const field = screen.getByRole<HTMLTextAreaElement>("textbox");
    await userEvent.type(field, "Mine.");
    await userEvent.click(screen.getByRole("button", { name: "Add" }));
    expect((await screen.findByRole("alert")).textContent).toBe("The run is over.");
    await userEvent.type(field, "{Escape}");
    expect(field.value).toBe("Mine.");
    await userEvent.clear(field);
    await userEvent.type(field, "{Escape}");
    expect(screen.queryByRole("textbox")).toBeNull();
  });

  it("shows what is new in an instruction that waits, and takes yes or no", async () => {
    const { kernel, asked } = kernelWith({ approve: () => null, ban: () => null });
    const waiting = summary({ approval: "2 new instructions wait for your decision." });
    const { container } = render(
      <InstructionCards
        kernel={kernel}
        summary={waiting}
        cards={instructionCards().map((each) => ({
          ...each,
          undecided: [1, 2].includes(each.index),
        }))}
      />,
    );
    expect(screen.getByRole("note").textContent).toContain("2 new instructions wait");
    expect(inCard("Instruction 1").getByRole("region", { name: /^Changes from/ })).not.toBeNull();
    expect(card("Instruction 2").textContent).toContain("Not decided yet");
    expect(inCard("Instruction 2").queryByRole("button", { name: /^(Pin|Ban)/ })).toBeNull();
    expect(await faults(container)).toEqual([]);
    await userEvent.click(screen.getByRole("button", { name: "Approve instruction 2" }));
    const next = screen.getByRole("button", { name: "Approve instruction 1" });
    await waitFor(() => expect(document.activeElement).toBe(next));
    await userEvent.click(screen.getByRole("button", { name: "Reject instruction 1" }));
    await waitFor(() => expect(card("Instruction 1").textContent).toContain("Banned"));
    expect(screen.queryByRole("button", { name: /^(Approve|Reject) instruction/ })).toBeNull();
    expect(asked).toEqual([
      { what: "approve", ask: { run: RUN, predictor: "classify", index: 2 } },
      {
        what: "ban",
        ask: { run: RUN, predictor: "classify", part: "instruction", index: 1, on: true },
      },
    ]);
  });

  it("approves all that wait at once, and says why that cannot be done", async () => {
    const { kernel, asked } = kernelWith({
      approve: () => {
        throw new Error("The run has ended.");
      },
    });
    const waiting = summary({ approval: "1 new instruction waits for your decision." });
    const cards = [instructionCard(1, { undecided: true })];
    render(<InstructionCards kernel={kernel} summary={waiting} cards={cards} />);
    await userEvent.click(screen.getByRole("button", { name: "Approve all" }));
    await screen.findByText(/The run has ended\./);
    expect(asked).toEqual([{ what: "approve", ask: { run: RUN, predictor: null, index: null } }]);
  });

  it("shows hostile instructions, tips and names as text", () => {
    const cards = Object.values(hostile).map((text, index) =>
      instructionCard(index, { instruction: clip(text), tip: hostile.tags }),
    );
    const predictors = { [hostile.tags]: hostile.ansi, classify: "a -> b" };
    const { container } = render(
      <InstructionCards kernel={nobody} summary={summary({ predictors })} cards={cards} />,
    );
    expect(container.querySelector("b, script, img, a")).toBeNull();
    expect(container.textContent).toContain(hostile.tags);
    expect(container.textContent).toContain(hostile.markdown);
    expect(container.textContent).toContain("ESC[31mred");
    for (const unseen of ["\x1b", "\u202e", "\u200b"]) {
      expect(container.textContent).not.toContain(unseen);
    }
    expect(container.textContent?.length).toBeLessThan(10_000);
  });

  it("has no fault that axe finds", async () => {
    const { container } = render(
      <InstructionCards
        kernel={nobody}
        summary={summary()}
        cards={instructionCards().map((each) => ({ ...each, banned: each.index === 4 }))}
      />,
    );
    await userEvent.click(screen.getByRole("button", { name: "Add my own" }));
    await userEvent.click(screen.getByRole("button", { name: "Diff of instruction 1 to yours" }));
    expect(await faults(container)).toEqual([]);
  });
});

describe("DemoSetCards", () => {
  it("tells what is in each set and how it does", () => {
    render(<DemoSetCards kernel={null} summary={summary()} cards={demoSetCards()} />);
    const text = card("Demo set 2").textContent;
    expect(text).toContain("8 demos3 bootstrapped5 labelled");
    expect(text).toContain("82.4");
    expect(text).toContain("reasoningIt offers a prize");
    expect(text).toContain(`6 more demos: %mipro show ${RUN}`);
    expect(card("Demo set 3").textContent).toContain("In the best program");
    expect(card("Demo set 0").textContent).toContain("The prompt has the instruction alone.");
  });

  it("fetches all demos of a set", async () => {
    const all = Array.from({ length: 8 }, (_, place) => ({
      ...demo(place),
      text: clip(`message ${place}`),
    }));
    const { kernel, asked } = kernelWith({ demos: () => all });
    render(<DemoSetCards kernel={kernel} summary={summary()} cards={demoSetCards()} />);
    await userEvent.click(screen.getByRole("button", { name: "Show all 8 demos of demo set 2" }));
    await screen.findByText("message 7");
    expect(asked).toEqual([{ what: "demos", ask: { run: RUN, predictor: "classify", index: 2 } }]);
    await userEvent.click(screen.getByRole("button", { name: "Show fewer of demo set 2" }));
    expect(screen.queryByText("message 7")).toBeNull();
  });

  it("bans a set", async () => {
    const { kernel, asked } = kernelWith({ ban: () => null });
    render(<DemoSetCards kernel={kernel} summary={summary()} cards={demoSetCards()} />);
    await userEvent.click(screen.getByRole("button", { name: "Ban demo set 1" }));
    expect(asked).toEqual([
      { what: "ban", ask: { run: RUN, predictor: "classify", part: "demos", index: 1, on: true } },
    ]);
    await waitFor(() => expect(card("Demo set 1").textContent).toContain("Banned"));
  });

  it("shows hostile demos as text and has no fault that axe finds", async () => {
    const preview = [{ [hostile.tags]: clip(hostile.tags), text: clip(hostile.direction) }];
    const cards = demoSetCards().map((each) => ({
      ...each,
      preview: each.demos > 0 ? preview : [],
    }));
    const { container } = render(
      <DemoSetCards kernel={nobody} summary={summary()} cards={cards} />,
    );
    expect(container.querySelector("b, script, img")).toBeNull();
    expect(container.textContent).toContain(hostile.tags);
    expect(container.textContent).toContain("U+202E");
    expect(await faults(container)).toEqual([]);
  });
});
