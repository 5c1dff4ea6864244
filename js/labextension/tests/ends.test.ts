import "./dragging";
import { expect, test } from "vitest";
import { historyRow } from "../../shared/tests/drill-fixtures";
import { endText, onEnds } from "../src/runs/ends";
import { RunsFeed } from "../src/runs/feed";
import { answer, liveRow, settings, tell } from "./page";

test("each run that was seen to go on is reported at its end, once, and no other", () => {
  const feed = new RunsFeed(settings(async () => answer(null)).settings);
  const ends: string[] = [];
  onEnds(feed, (row) => ends.push(endText(row)));
  const row = historyRow(0, { id: "r", name: "Sums", state: "running", usd: 0.5 });
  tell({ rows: [row, { ...historyRow(1), state: "finished" }], live: [liveRow()], whole: true });
  tell({ live: [liveRow({ done: 999 })] });
  expect(ends).toEqual([]);
  tell({ rows: [{ ...row, state: "finished", score: 91.7 }] });
  tell({ rows: [{ ...row, state: "finished", score: 91.7, name: "Called otherwise" }] });
  expect(ends).toEqual(["Sums: finished · score 91.7 · $0.50"]);
  tell({ live: [liveRow({ id: "deleted" })] });
  tell({ gone: ["deleted"] });
  expect(ends).toHaveLength(1);
  feed.close();
});
