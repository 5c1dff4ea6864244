import { render, screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { pairedDifference } from "../src/components/drill/pairs";
import { TrialComparison } from "../src/components/drill/TrialComparison";
import { faults } from "./drill-axe";
import { clip, exampleRow, kernelWith, RUN, trialDetail, trialRow } from "./drill-fixtures";

const both = [trialDetail(0), trialDetail(7)];

function view(
  kernel = kernelWith({ trial: ({ trial }) => trialDetail(trial) }).kernel,
  details = both,
) {
  return (
    <TrialComparison
      kernel={kernel}
      run={RUN}
      rows={[trialRow(0), trialRow(7)]}
      details={details}
      onClose={() => {}}
    />
  );
}

const grid = () => screen.getByRole("grid", { name: "Examples of trials 0 and 7" });
const numbers = () =>
  within(grid())
    .getAllByRole("row")
    .slice(1)
    .map((row) => within(row).getAllByRole("gridcell")[0]?.textContent);

describe("TrialComparison", () => {
  it("compares the trials on the examples that both have scored", () => {
    const { container } = render(view());
    expect(screen.getByRole("region", { name: "Trial 0" }).textContent).toContain("50.0");
    expect(screen.getByRole("region", { name: "Trial 7" }).textContent).toContain("75.0");
    expect(container.textContent).toContain(
      "On the 12 examples that both have scored, trial 7 scores 25.0 points more than trial 0 " +
        "(95 % interval −3.7 to +53.7): no clear difference.",
    );
  });

  it("tells which examples were won and which were lost", async () => {
    const details = [
      trialDetail(0),
      {
        ...trialDetail(7),
        examples: trialDetail(7).examples.map((row) =>
          row.example === 2 ? { ...row, score: 0 } : row,
        ),
      },
    ];
    render(
      view(
        kernelWith({ trial: ({ trial }) => details[trial === 0 ? 0 : 1] as never }).kernel,
        details,
      ),
    );
    const filters = within(screen.getByRole("group", { name: "Which examples" }));
    await userEvent.click(filters.getByRole("button", { name: "Trial 7 better 3" }));
    expect(numbers()).toEqual(["1", "6", "9"]);
    await userEvent.click(filters.getByRole("button", { name: "Trial 0 better 1" }));
    expect(numbers()).toEqual(["2"]);
    await userEvent.click(filters.getByRole("button", { name: "Alike 8" }));
    expect(numbers()).toHaveLength(8);
  });

  it("shows both predictions of an example", async () => {
    render(view());
    await userEvent.click(within(grid()).getByText("6"));
    const opened = await screen.findByRole("region", { name: "Example 6" });
    expect(opened.textContent).toContain("Trial 0 Wrong, score 0");
    expect(opened.textContent).toContain("Nothing in it asks for money.");
    expect(opened.textContent).toContain("Trial 7 Right, score 1");
    expect(opened.textContent).toContain("It offers a prize and asks for a costly call.");
  });

  it("shows how the replies of each were read", async () => {
    const noted = {
      ...trialDetail(7),
      examples: trialDetail(7).examples.map((row) => ({
        ...row,
        notes: [clip("'sports' was read as 'sport'")],
      })),
    };
    const details = [trialDetail(0), noted];
    const { kernel } = kernelWith({ trial: ({ trial }) => details[trial === 0 ? 0 : 1] as never });
    render(view(kernel, details));
    await userEvent.click(within(grid()).getByText("6"));
    const notes = await screen.findAllByRole("list", { name: /How the replies for example 6/ });
    expect(notes.map((each) => each.textContent)).toEqual(["'sports' was read as 'sport'"]);
  });

  it("shows what changed in each prompt", async () => {
    render(view());
    await userEvent.click(screen.getByRole("tab", { name: "Prompts" }));
    const diff = screen.getByRole("region", {
      name: "Changes in the prompt of classify from trial 0 to 7",
    });
    const removed = [...diff.querySelectorAll("del")].map((each) => each.textContent);
    const added = [...diff.querySelectorAll("ins")].map((each) => each.textContent).join("\n");
    expect(removed).toEqual(["removed: Decide whether"]);
    expect(added).toContain("twice. Decide whether it");
    expect(added).toContain("[assistant]\nreasoning: Friends make plans.");
  });

  it("says which trial is not to be had", () => {
    render(
      <TrialComparison
        kernel={null}
        run={RUN}
        rows={[trialRow(0), trialRow(7)]}
        details={[trialDetail(0)]}
        onClose={() => {}}
      />,
    );
    expect(screen.getByRole("note").textContent).toContain("The examples of trial 7 are not saved");
    expect(screen.queryByRole("grid")).toBeNull();
  });

  it("has no fault that axe finds", async () => {
    const { container } = render(view());
    await userEvent.click(within(grid()).getByText("6"));
    expect(await faults(container)).toEqual([]);
    await userEvent.click(screen.getByRole("tab", { name: "Prompts" }));
    expect(await faults(container)).toEqual([]);
  });
});

describe("pairedDifference", () => {
  const scored = (scores: readonly (number | null)[]) =>
    scores.map((score, example) => exampleRow(example, { score }));

  it("leaves out what only one has scored", () => {
    const { pairs, mean } = pairedDifference(scored([1, 0, null]), scored([0, 0, 1, 1]));
    expect(pairs.map(({ example }) => example)).toEqual([0, 1]);
    expect(mean).toBe(-50);
    expect(pairedDifference(scored([1]), []).mean).toBeNull();
  });

  it("gives the interval of Student's t, and none for fewer than five pairs", () => {
    const { interval } = pairedDifference(
      scored([0, 0, 0, 0, 1, 1, 0, 0, 0, 0]),
      scored([1, 1, 1, 0, 0, 1, 1, 0, 1, 1]),
    );
    // Mean 0.5, standard error 0.2236, 9 degrees of freedom: 0.5 ± 2.262 · 0.2236.
    expect(interval?.low).toBeCloseTo(-0.58, 1);
    expect(interval?.high).toBeCloseTo(100.58, 1);
    expect(pairedDifference(scored([0, 0, 0, 0]), scored([1, 1, 1, 0])).interval).toBeNull();
  });

  it("counts an example that failed as scored", () => {
    const failed = [exampleRow(0, { score: 0, error: clip("failed") })];
    expect(pairedDifference(failed, scored([1])).mean).toBe(100);
  });

  it("shows how the replies were rated", async () => {
    const rated = { rating: "bad", reason: clip("It guesses.") } as const;
    const details = [
      { ...trialDetail(0), examples: [exampleRow(3, { rating: rated })] },
      { ...trialDetail(7), examples: [exampleRow(3)] },
    ];
    render(view(kernelWith({}).kernel, details));
    await userEvent.click(within(grid()).getByText("3"));
    const opened = await screen.findByRole("region", { name: "Example 3" });
    expect(opened.textContent).toContain("Bad It guesses.");
  });
});
