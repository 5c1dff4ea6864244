import "./dragging";
import { render, screen } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test } from "vitest";
import { compactColumns } from "../../shared/src/components/history/compact";
import { UNHEARD } from "../../shared/src/model/kernel";
import { resumeLines } from "../../shared/src/model/resume";
import { historyRow } from "../../shared/tests/drill-fixtures";
import { drawPanel, erase } from "../src/runs/drawing";
import { RunsFeed } from "../src/runs/feed";
import { runningText } from "../src/runs/widgets";
import { answer, FakeSocket, liveRow, opening, settings, tell } from "./page";

const drawn: HTMLElement[] = [];
afterEach(() => {
  drawn.splice(0).forEach(erase);
});

function panel(reply: (request: Request) => Promise<Response> = async () => answer(null)) {
  const feed = new RunsFeed(settings(reply).settings);
  const node = document.body.appendChild(document.createElement("div"));
  drawn.push(node);
  const opens = opening();
  drawPanel(node, feed, opens);
  return opens;
}

test("a record that cannot be read is refused with its remedy, above what was listed", async () => {
  panel();
  tell({ error: "The record is damaged: give another file." });
  expect(await screen.findByText("The record is damaged: give another file.")).toBeTruthy();
  expect(screen.queryByText("No run is recorded yet")).toBeNull();
  expect(screen.queryByRole("status")).toBeNull();
  tell({ rows: [historyRow(0)], whole: true });
  await screen.findByRole("grid", { name: "Runs" });
  expect(screen.queryByText("The record is damaged: give another file.")).toBeNull();
  tell({ error: "The record is damaged: give another file." });
  await screen.findByText("The record is damaged: give another file.");
  expect(screen.getByRole("grid", { name: "Runs" })).toBeTruthy();
});

test("the panel says that it is not up to date while the websocket is lost", async () => {
  panel();
  tell({ rows: [historyRow(0)], whole: true });
  await screen.findByRole("grid", { name: "Runs" });
  expect(screen.queryByText(UNHEARD)).toBeNull();
  FakeSocket.last.onclose?.();
  await screen.findByText(UNHEARD);
  expect(screen.getByRole("grid", { name: "Runs" })).toBeTruthy();
});

test("a run in progress tells how far it is in all, and rounds nothing up to a whole", async () => {
  const { openRun } = panel();
  tell({ live: [liveRow()], whole: true });
  const button = await screen.findByRole("button", { name: /Solve/ });
  expect(button.textContent).toContain("Search · 99 % in all · score 71.3 · $0.0312");
  await userEvent.click(button);
  expect(openRun).toHaveBeenCalledExactlyOnceWith("r");
});

test("a run in progress is paused, resumed and stopped, or it is said why not", async () => {
  const asked: unknown[] = [];
  panel(async (request) => {
    const { id, what, ask } = await request.json();
    asked.push([what, ask.run]);
    return what === "stop"
      ? answer({ kind: "refusal", id, error: "Run r does not answer." })
      : answer({ kind: "answer", id, value: null });
  });
  tell({ live: [liveRow()], whole: true });
  await userEvent.click(await screen.findByRole("button", { name: "Pause" }));
  tell({ live: [liveRow({ state: "paused" })] });
  await userEvent.click(await screen.findByRole("button", { name: "Resume" }));
  await userEvent.click(screen.getByRole("button", { name: "Stop" }));
  expect(asked).toHaveLength(2);
  await userEvent.click(screen.getByRole("button", { name: "Stop the run" }));
  await screen.findByText("Run r does not answer.");
  expect(asked).toEqual([
    ["pause", "r"],
    ["resume", "r"],
    ["stop", "r"],
  ]);
});

test("the line that resumes a marked run is put into a notebook, and it is said where", async () => {
  const { putCell } = panel();
  const row = historyRow(0, { state: "stopped", name: "Sums" });
  tell({ rows: [row], whole: true });
  await userEvent.click(await screen.findByRole("checkbox", { name: "Mark Sums" }));
  await userEvent.click(screen.getByRole("button", { name: "Put into a notebook" }));
  expect(putCell).toHaveBeenCalledExactlyOnceWith(resumeLines(row)[0]);
  await screen.findByText("A cell of Sums.ipynb has this line.");
});

test("the status bar adds up what runs cost, and says where that is not known", () => {
  expect(runningText([])).toBe("");
  expect(runningText([liveRow({ name: "Sums" })])).toBe("Sums · 71.3 · $0.0312");
  expect(runningText([liveRow(), liveRow()])).toBe("2 prompt runs · $0.0624");
  expect(runningText([liveRow(), liveRow({ usd: null })])).toContain("unknown");
});

test("what is cut for want of room can be read by pointing at it", () => {
  const tags = ["a tag that is long", "and another"];
  const row = historyRow(0, { name: "A name that is long", tags, usd: null });
  render(
    <div>
      {compactColumns.map(({ id, cell }) => (
        <div key={id}>{cell?.(row)}</div>
      ))}
    </div>,
  );
  expect(screen.getByTitle("A name that is long")).toBeTruthy();
  expect(screen.getByTitle(/a tag that is long · and another/)).toBeTruthy();
  expect(screen.getByTitle("Cost: unknown")).toBeTruthy();
});
