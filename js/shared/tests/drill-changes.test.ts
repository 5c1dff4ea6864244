import { describe, expect, it } from "vitest";
import { type Change, changesBetween, folded } from "../src/components/drill/changes";

/** Changes on one line: "same -removed- +added+ <3 lines>". */
function written(changes: readonly Change[]): string {
  return changes
    .map((change) => {
      switch (change.kind) {
        case "removed":
          return `{-${change.text}-}`;
        case "added":
          return `{+${change.text}+}`;
        case "folded":
          return `<${change.lines} lines>`;
        default:
          return change.text;
      }
    })
    .join("");
}

function side(changes: readonly Change[], leftOut: "added" | "removed"): string {
  return changes.map(({ kind, text }) => (kind === leftOut ? "" : text)).join("");
}

describe("changesBetween", () => {
  it.each([
    ["alike", "alike", "alike"],
    ["", "", ""],
    ["", "new", "{+new+}"],
    ["old", "", "{-old-}"],
    [
      "Label the message as spam or ham.",
      "Label the message as ham or as spam.",
      "Label the message as {-spam or ham-}{+ham or as spam+}.",
    ],
    [
      "Read this text and answer with one label only.",
      "Read that long note and answer with one label only.",
      "Read {-this text-}{+that long note+} and answer with one label only.",
    ],
    [
      "Classify.",
      "You are an expert in mobile fraud.",
      "{-Classify.-}{+You are an expert in mobile fraud.+}",
    ],
    [
      "Decide whether it is spam.",
      "You filter messages. Decide whether it is spam. Be quick.",
      "{+You filter messages. +}Decide whether it is spam.{+ Be quick.+}",
    ],
    ["one\ntwo\nthree\n", "one\n2\nthree\n", "one\n{-two-}{+2+}\nthree\n"],
  ])("from %j to %j", (before, after, expected) => {
    const changes = changesBetween(before, after);
    expect(side(changes, "added")).toBe(before);
    expect(side(changes, "removed")).toBe(after);
    expect(written(changes)).toBe(expected);
  });

  it("comes to an end with long texts that have nothing in common", () => {
    const before = Array.from({ length: 20_000 }, (_, index) => `a${index}`).join(" ");
    const after = Array.from({ length: 20_000 }, (_, index) => `b${index}`).join(" ");
    expect(changesBetween(before, after)).toEqual([
      { kind: "removed", text: before },
      { kind: "added", text: after },
    ]);
  });
});

describe("folded", () => {
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");

  it("leaves out unchanged lines far from a change", () => {
    const changes = changesBetween(
      `${lines(1, 30)}old\n${lines(31, 60)}`,
      `${lines(1, 30)}new\n${lines(31, 60)}`,
    );
    expect(written(folded(changes, 2))).toBe(
      "<28 lines>29\n30\n{-old-}{+new+}\n31\n32\n<28 lines>",
    );
  });

  it("leaves out nothing where that would save little", () => {
    const changes = changesBetween("1\n2\n3\nold\n4\n5\n", "1\n2\n3\nnew\n4\n5\n");
    expect(folded(changes, 3)).toEqual(changes);
  });

  it("loses nothing", () => {
    const before = `${lines(1, 30)}old`;
    const after = `${lines(1, 30)}new`;
    expect(side(folded(changesBetween(before, after), 1), "added")).toBe(before);
  });
});
