import { render, screen, waitFor, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { HistoryExplorer } from "../src/components/history/HistoryExplorer";
import type { HistoryRow } from "../src/generated/view-model";
import type { Kernel } from "../src/model/kernel";
import { faults } from "./drill-axe";
import { historyRow, hostile, kernelWith } from "./drill-fixtures";

const rows = [0, 1, 2, 3].map((place) => historyRow(place));

interface Shown {
  kernel?: Kernel | null;
  rows?: readonly HistoryRow[];
  initialQuery?: string;
  onOpenRun?: (id: string) => void;
  onCompare?: (ids: readonly string[]) => void;
}

function view({ kernel = kernelWith({}).kernel, onOpenRun, onCompare, ...rest }: Shown) {
  return (
    <HistoryExplorer
      kernel={kernel}
      rows={rest.rows ?? rows}
      initialQuery={rest.initialQuery ?? ""}
      onOpenRun={onOpenRun ?? (() => {})}
      onCompare={onCompare ?? (() => {})}
    />
  );
}

const grid = () => screen.getByRole("grid", { name: "Runs" });
const names = () =>
  [...grid().querySelectorAll(".mipro-history-name")].map((each) => each.textContent);
const press = (name: string | RegExp) => userEvent.click(screen.getByRole("button", { name }));
const mark = (name: string) =>
  userEvent.click(screen.getByRole("checkbox", { name: `Mark ${name}` }));

describe("HistoryExplorer", () => {
  it("lists the runs, newest first, the unnamed by their program", () => {
    render(view({}));
    expect(names()).toEqual(["cheap spam", "HotPotQA, two hops", "Predict", "GSM8K light"]);
    const first = within(grid()).getAllByRole("row")[1]?.textContent;
    expect(first).toContain("paper");
    expect(first).toContain("Finished");
    expect(first).toContain("before 50.0 → , after 68.0");
    expect(first).toContain("+18.0");
    expect(first).toContain("$0.0852");
    expect(grid().textContent).toContain("Running here");
  });

  it("opens with what the cell searched for, which can be changed there", async () => {
    render(view({ initialQuery: "hotpot" }));
    expect(names()).toEqual(["HotPotQA, two hops"]);
    await userEvent.clear(screen.getByRole("textbox", { name: "Search the runs" }));
    expect(names()).toHaveLength(4);
  });

  it.each([
    ["a name", "hotpot", ["HotPotQA, two hops"]],
    ["a tag", "v2", ["HotPotQA, two hops"]],
    ["a program", "multihop", ["HotPotQA, two hops"]],
    ["a model", "smollm2", ["HotPotQA, two hops", "GSM8K light"]],
    ["an id", "q2xa", ["Predict"]],
    ["a state", "cut off", ["Predict"]],
    ["several of them", "gpt-4o paper", ["cheap spam"]],
  ])("finds runs by %s", async (_, query, found) => {
    render(view({}));
    await userEvent.type(screen.getByRole("textbox", { name: "Search the runs" }), query);
    expect(names()).toEqual(found);
    expect(screen.getByText(`${found.length} of 4 runs`)).not.toBeNull();
  });

  it("says that nothing was found, and shows all again", async () => {
    render(view({}));
    await userEvent.type(screen.getByRole("textbox", { name: "Search the runs" }), "nowhere");
    expect(names()).toEqual([]);
    await press("Show all");
    expect(names()).toHaveLength(4);
  });

  it("sorts by any column", async () => {
    render(view({}));
    await userEvent.click(within(grid()).getByRole("button", { name: "Name" }));
    expect(names()).toEqual(["cheap spam", "GSM8K light", "HotPotQA, two hops", "Predict"]);
  });

  it("opens a run by mouse and by keyboard", async () => {
    const opened: string[] = [];
    render(view({ onOpenRun: (id) => opened.push(id) }));
    await userEvent.click(within(grid()).getByText("Predict"));
    grid().focus();
    await userEvent.keyboard("{Home}{Enter}");
    expect(opened).toEqual([historyRow(2).id, historyRow(0).id]);
  });

  it("says of a marked run that ended early how to resume it", async () => {
    render(view({ rows: [historyRow(0), historyRow(2)] }));
    const [done, cut] = [historyRow(0), historyRow(2)];
    await mark(done.name);
    expect(screen.queryByText(/%mipro resume/)).toBeNull();
    await mark(done.name);
    await mark(cut.name || cut.program);
    expect(screen.getByText(`%mipro resume ${cut.id} PROGRAM --metric METRIC`)).toBeTruthy();
  });

  it("shows the id of each run, and copies that of a marked one", async () => {
    const user = userEvent.setup();
    render(view({}));
    const { id, name } = historyRow(0);
    expect(within(grid()).getByText(id)).toBeTruthy();
    await mark(name);
    await user.click(screen.getByRole("button", { name: "Copy the id" }));
    expect(await navigator.clipboard.readText()).toBe(id);
  });

  it("shows what is certain as the cost, and beneath it what may have been billed", async () => {
    const said = "up to $0.0152 more may have been billed";
    const row = { ...historyRow(0), usd: 0.0191, billed: said };
    render(view({ rows: [row] }));
    expect(within(grid()).getByTitle(said).textContent).toContain("$0.0191");
    await mark(row.name);
    expect(screen.getByText(said)).toBeTruthy();
  });

  it("says on how many examples a score rests that no full evaluation confirmed", async () => {
    const rests = "on 25 of 80 examples, 95 % interval 80.5 … 99.3";
    const row = { ...historyRow(0), rests };
    render(view({ rows: [row] }));
    expect(within(grid()).getByTitle(rests).textContent).toContain(rests);
    await mark(row.name);
    expect(screen.getByText(`Scored ${rests}`)).toBeTruthy();
  });

  it("compares the runs that are marked", async () => {
    const compared: (readonly string[])[] = [];
    render(view({ onCompare: (ids) => compared.push(ids) }));
    await mark("cheap spam");
    expect(screen.queryByRole("button", { name: "Compare" })).toBeNull();
    await mark("GSM8K light");
    await press("Compare");
    expect(compared).toEqual([[historyRow(0).id, historyRow(3).id]]);
    await press("Unmark");
    expect(
      screen.getByText("Mark runs to compare, rename, tag, note or delete them."),
    ).not.toBeNull();
  });

  it("renames a run, but not to nothing", async () => {
    const { kernel, asked } = kernelWith({ rename: ({ name }) => historyRow(2, { name }) });
    render(view({ kernel }));
    await mark("Predict");
    await press("Rename");
    const form = within(screen.getByRole("form", { name: "Rename the run" }));
    const field = form.getByRole("textbox", { name: "Name" });
    await waitFor(() => expect(document.activeElement).toBe(field));
    await userEvent.click(form.getByRole("button", { name: "Rename" }));
    expect(form.getByText("Give the run a name.")).not.toBeNull();
    await userEvent.type(field, " cut short {Enter}");
    await waitFor(() => expect(names()).toContain("cut short"));
    expect(asked).toEqual([{ what: "rename", ask: { run: historyRow(2).id, name: "cut short" } }]);
    expect(screen.queryByRole("form")).toBeNull();
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Rename"));
  });

  it("tags a run", async () => {
    const { kernel, asked } = kernelWith({ tag: ({ tags }) => historyRow(1, { tags }) });
    render(view({ kernel }));
    await mark("HotPotQA, two hops");
    await press("Tags");
    const field = screen.getByRole<HTMLInputElement>("textbox", { name: "Tags" });
    expect(field.value).toBe("draft, v2");
    await userEvent.clear(field);
    await userEvent.type(field, "v3, , final,v3");
    await press("Save tags");
    await within(grid()).findByText("final");
    expect(asked).toEqual([{ what: "tag", ask: { run: historyRow(1).id, tags: ["v3", "final"] } }]);
  });

  it("deletes only after it has named what goes", async () => {
    const { kernel, asked } = kernelWith({ delete: () => null });
    render(view({ kernel }));
    await mark("cheap spam");
    await mark("Predict");
    await press("Delete");
    const form = screen.getByRole("form", { name: "Delete these 2 runs?" });
    expect(form.textContent).toContain("cheap spam");
    expect(form.textContent).toContain(historyRow(2).id);
    expect(form.textContent).toContain("cannot be brought back");
    // One press of Enter must not delete.
    await waitFor(() => expect(document.activeElement?.textContent).toBe("Keep"));
    await press("Keep");
    expect(asked).toEqual([]);
    expect(names()).toHaveLength(4);
    await press("Delete");
    await press("Delete these 2 runs");
    await waitFor(() => expect(names()).toEqual(["HotPotQA, two hops", "GSM8K light"]));
    expect(asked).toEqual([
      { what: "delete", ask: { runs: [historyRow(0).id, historyRow(2).id] } },
    ]);
    expect(screen.getByText("2 runs deleted.").getAttribute("role")).toBe("status");
  });

  it("keeps the run and says why when the kernel refuses to delete it", async () => {
    const { kernel } = kernelWith({
      delete: () => {
        throw new Error("This run is still going on; stop it first.");
      },
    });
    render(view({ kernel }));
    await mark("HotPotQA, two hops");
    await press("Delete");
    await press("Delete this run");
    expect((await screen.findByRole("alert")).textContent).toBe(
      "This run is still going on; stop it first.",
    );
    expect(names()).toHaveLength(4);
  });

  it("asks the kernel for newer runs", async () => {
    const { kernel } = kernelWith({ history: () => [...rows, historyRow(4, { name: "newer" })] });
    render(view({ kernel }));
    await press("Refresh");
    await waitFor(() => expect(names()).toContain("newer"));
  });

  it("only reads without a kernel", () => {
    render(view({ kernel: null }));
    expect(names()).toHaveLength(4);
    expect(screen.queryByRole("checkbox")).toBeNull();
    expect(screen.queryByRole("button", { name: "Refresh" })).toBeNull();
  });

  it("says what to do when there is no run", async () => {
    const { kernel } = kernelWith({ history: () => rows });
    const { container } = render(view({ kernel, rows: [] }));
    expect(container.textContent).toContain("No run is recorded yet");
    expect(container.textContent).toContain("%mipro run");
    expect(await faults(container)).toEqual([]);
    await press("Look again");
    await screen.findByRole("grid");
  });

  it("shows hostile names as text", async () => {
    const bad = historyRow(0, {
      name: hostile.tags,
      tags: [hostile.ansi],
      program: hostile.direction,
      models: { task_model: hostile.line },
    });
    const { container } = render(view({ rows: [bad] }));
    await userEvent.click(screen.getByRole("checkbox", { name: /^Mark/ }));
    await press("Delete");
    expect(container.querySelector("b, script, img")).toBeNull();
    expect(names()).toEqual([hostile.tags]);
    expect(container.textContent).toContain("ESC[31m");
    expect(container.textContent?.length).toBeLessThan(3000);
  });

  it("has no fault that axe finds", async () => {
    const { container } = render(view({}));
    await mark("cheap spam");
    await press("Rename");
    expect(await faults(container)).toEqual([]);
    await press("Delete");
    expect(await faults(container)).toEqual([]);
  });
});

describe("a note", () => {
  it("is written over several lines and shown below the marked run", async () => {
    const [row] = rows;
    if (row === undefined) {
      throw new Error("there is one");
    }
    const { kernel, asked } = kernelWith({
      note: ({ note }: { note: string }) => ({ ...row, note }),
    });
    render(view({ kernel }));
    await mark(row.name || row.program);
    await press("Note");
    const field = screen.getByRole("textbox", { name: "Note" });
    expect(document.activeElement).toBe(field);
    await userEvent.type(field, "Two{Enter}lines{Control>}{Enter}{/Control}");
    await waitFor(() => expect(screen.queryByRole("form")).toBeNull());
    expect(asked).toContainEqual({ what: "note", ask: { run: row.id, note: "Two\nlines" } });
    expect(screen.getByText(/Two\s+lines/)).toBeTruthy();
  });
});
