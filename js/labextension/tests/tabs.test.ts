import "./dragging";
import { Widget } from "@lumino/widgets";
import { screen, within } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";
import type { Request } from "../../shared/src/protocol";
import { comparison, historyRow } from "../../shared/tests/drill-fixtures";
import { RunsFeed } from "../src/runs/feed";
import { RunTab, type TabContent } from "../src/runs/widgets";
import { answer, FakeSocket, liveRow, opening, settings, tell } from "./page";
import { snapshot } from "./scene";

const opened: Widget[] = [];
afterEach(() => {
  for (const tab of opened.splice(0)) {
    tab.dispose();
  }
});

/** A tab of a server that answers with what `answers` has, in turn. */
function open(content: TabContent, answers: (object | number)[] = []) {
  const asked: Request[] = [];
  const { settings: server } = settings(async (request) => {
    const question = (await request.json()) as Request;
    asked.push(question);
    const value = answers.shift() ?? null;
    return typeof value === "number"
      ? answer({ message: "The record is locked." }, value)
      : answer({ kind: "answer", id: question.id, value });
  });
  const feed = new RunsFeed(server);
  const opens = opening();
  const before = FakeSocket.made.length;
  const tab = new RunTab(server, feed, opens, content);
  Widget.attach(tab, document.body);
  opened.push(tab);
  const sockets = () => FakeSocket.made.slice(before);
  return { tab, opening: opens, asked, sockets };
}

/** Opens the websocket of a tab, once it has drawn itself. */
async function connect(sockets: () => readonly FakeSocket[]): Promise<void> {
  await vi.waitFor(() => expect(sockets()).toHaveLength(1), { timeout: 60_000 });
  sockets()[0]?.onopen?.();
}

test("a tab asks once for its run, and is called as the feed calls it", async () => {
  const { tab, asked, sockets } = open({ kind: "run", run: "r" }, [snapshot("finished")]);
  expect(tab.title.label).toBe("r");
  tell({ rows: [{ ...historyRow(0), id: "r", name: "Sums" }], whole: true });
  expect(tab.title.label).toBe("Sums");
  await connect(sockets);
  await screen.findByRole("heading", { name: /HotPotQA/ });
  expect(asked.map(({ what, ask }) => [what, ask])).toEqual([["snapshot", { run: "r" }]]);
  tab.dispose();
  expect(sockets()[0]?.closed).toBe(true);
});

test("where only the record answers, lines to run stand for what takes a kernel", async () => {
  const { sockets } = open({ kind: "run", run: "r" }, [snapshot("finished")]);
  await connect(sockets);
  await screen.findByRole("heading", { name: /HotPotQA/ });
  await userEvent.click(screen.getByRole("button", { name: "Copy, use, save, share" }));
  const { id } = snapshot("finished").summary;
  const lines = [`mipro_nb.runs.load("${id}")`, `mipro_nb.share("${id}", "report.html")`];
  for (const line of lines) {
    expect(screen.getByText(line, { exact: false })).toBeTruthy();
  }
  for (const name of ["Use here", "Save", "Share"]) {
    expect(screen.queryByRole("button", { name })).toBeNull();
  }
});

test("a run that could not be read is asked for again", async () => {
  const { asked, sockets } = open({ kind: "run", run: "r" }, [500, snapshot("finished")]);
  await connect(sockets);
  await screen.findByText(/The record is locked/);
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByRole("heading", { name: /HotPotQA/ });
  expect(asked).toHaveLength(2);
});

test("all runs come from the feed, and open in tabs of their own", async () => {
  const { tab, opening, asked, sockets } = open({ kind: "history" });
  tell({ rows: [historyRow(0)], whole: true });
  const runs = await within(tab.node).findByRole("grid", { name: "Runs" });
  tell({ rows: [{ ...historyRow(0), name: "Called otherwise" }] });
  await userEvent.click(await within(runs).findByText("Called otherwise"));
  expect(opening.openRun).toHaveBeenCalledExactlyOnceWith(historyRow(0).id);
  expect([asked, sockets()]).toEqual([[], []]);
});

test("a comparison leads to runs in tabs of their own, and is asked for again where it failed", async () => {
  const { opening, asked, sockets } = open({ kind: "comparison", runs: ["a", "b"] }, [
    500,
    comparison(),
  ]);
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  const [run] = await screen.findAllByRole("button", { name: /cheap spam/ });
  await userEvent.click(run as HTMLElement);
  expect(opening.openRun).toHaveBeenCalledExactlyOnceWith(historyRow(0).id);
  expect(asked.map(({ what }) => what)).toEqual(["compare", "compare"]);
  expect(sockets()).toEqual([]);
});

test("the title of a tab tells how far its run is, and how it ended", () => {
  const { tab } = open({ kind: "run", run: "r" });
  const row = historyRow(0, { id: "r", name: "Sums", state: "running" });
  const titles: string[] = [];
  const told = (news: Parameters<typeof tell>[0]) => {
    tell(news);
    titles.push(tab.title.label);
  };
  told({ rows: [{ ...row, state: "stopped" }], whole: true });
  told({ rows: [row], live: [liveRow()] });
  told({ live: [liveRow({ state: "paused" })] });
  told({ rows: [{ ...row, state: "finished" }] });
  expect(titles).toEqual(["Stopped · Sums", "99 % · Sums", "Paused · Sums", "Finished · Sums"]);
});

test("a file of one run shows it, and asks for nothing that would change it", async () => {
  const run = snapshot("cut off");
  const running = { ...run.summary, state: "running", lives: "elsewhere" } as const;
  const { asked, sockets } = open({ kind: "file", path: "a/kept.mipro.json" }, [
    [historyRow(0)],
    { ...run, summary: running },
  ]);
  await screen.findByRole("heading", { name: /HotPotQA/ });
  expect(asked.map((each) => [each.what, (each as { path?: string }).path])).toEqual([
    ["history", "a/kept.mipro.json"],
    ["snapshot", "a/kept.mipro.json"],
  ]);
  expect(screen.queryByRole("button", { name: "Stop" })).toBeNull();
  expect(sockets()).toEqual([]);
});

test("a file of several runs lists them, to be looked at and compared only", async () => {
  const rows = [historyRow(0), historyRow(1)];
  open({ kind: "file", path: "team.sqlite" }, [rows, rows]);
  await userEvent.click((await screen.findAllByRole("checkbox"))[0] as HTMLElement);
  expect(screen.getByRole("button", { name: "Open" })).toBeTruthy();
  for (const name of ["Rename", "Tags", "Note", "Delete"]) {
    expect(screen.queryByRole("button", { name })).toBeNull();
  }
});
