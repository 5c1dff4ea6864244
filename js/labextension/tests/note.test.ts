import { expect, test } from "vitest";
import { historyRows } from "../../dev/data";
import { noteOn } from "../src/note";
import { bundle, snapshot } from "./scene";

const finished = snapshot("finished");
const { as_of: asOf, id } = finished.summary;
const thatDay = new Date(asOf * 1000);
const nextDay = new Date(asOf * 1000 + 36 * 3600 * 1000);

function clock(date: Date): string {
  return date.toTimeString().slice(0, 5);
}

test("a saved run tells when it was saved, and the line that shows it live", () => {
  expect(noteOn(bundle(finished), thatDay)).toEqual({
    text: `A saved view, as of ${clock(thatDay)}. For a live one:`,
    command: `%mipro show ${id}`,
  });
});

test("the day is told where it was another one", () => {
  const day = noteOn(bundle(finished), nextDay)?.text.match(/as of (\d{4}-\d\d-\d\d) (\d\d:\d\d)/);
  expect(day?.[2]).toBe(clock(thatDay));
});

test.each(["planned", "running", "paused"] as const)(
  "a run saved while %s may have been cut off, and can be resumed",
  (state) => {
    const note = noteOn(bundle(snapshot(state)));
    expect(note?.text).toContain("If the kernel of this run is gone, it was cut off");
    expect(note?.command).toBe(`%mipro resume ${id} PROGRAM --metric METRIC`);
  },
);

test("a run of a %%mipro cell is resumed by its cell", () => {
  const { summary, ...rest } = snapshot("running");
  const cell = { resume_lines: [], resume_hint: "run its cell again" };
  const note = noteOn(bundle({ ...rest, summary: { ...summary, ...cell } }));
  expect(note?.text).toContain("To resume it, run its cell again.");
  expect(note?.command).toBeNull();
});

test("what the view tells by itself is not told twice", () => {
  expect(noteOn(bundle(snapshot("cut off")))).toBeNull();
  expect(noteOn(bundle(null))).toBeNull();
});

test("a saved list of runs and a saved comparison tell how to get new ones", () => {
  const [first, second] = historyRows();
  if (first === undefined || second === undefined) {
    throw new Error("The made-up history is too short.");
  }
  const runs = [first, second].map((row) => ({ row, curve: [], instructions: {} }));
  expect(noteOn({ ...bundle(null), kind: "history" })?.command).toBe("%mipro history");
  expect(noteOn({ ...bundle(null), kind: "comparison", comparison: { runs } })?.command).toBe(
    `%mipro compare ${first.id} ${second.id}`,
  );
});
