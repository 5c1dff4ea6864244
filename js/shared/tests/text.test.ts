import { describe, expect, it } from "vitest";
import { chunks, countCharacters, excerpt, firstRows, pieces } from "../src/text";

/** What is seen: marks in brackets, with a count where there are several. */
function seen(text: string): string {
  return pieces(text)
    .map((piece) =>
      piece.kind === "text"
        ? piece.text
        : `[${piece.label}${piece.count === 1 ? "" : ` ×${piece.count}`}]`,
    )
    .join("");
}

describe("pieces", () => {
  it("leaves what can be seen as it is", () => {
    const text = "<b>Bold</b>\n\t[link](javascript:alert(1)) “quotes”, naïve, 日本語, עברית";
    expect(pieces(text)).toEqual([{ kind: "text", text }]);
    expect(pieces("")).toEqual([]);
  });

  it.each([
    ["a terminal escape", "\x1b[31mred\x1b[0m", "[ESC][31mred[ESC][0m"],
    ["a terminal escape in one character", "\x9b31m", "[U+009B]31m"],
    ["a null, a bell and a delete", "a\0b\x07c\x7f", "a[NUL]b[BEL]c[DEL]"],
    ["a carriage return that would overwrite its line", "good\rbad", "good[CR]bad"],
    ["a right-to-left override", "user\u202etxt.exe", "user[U+202E]txt.exe"],
    ["an isolate that is never closed", "\u2067abc", "[U+2067]abc"],
    ["a direction mark", "a\u200fb", "a[U+200F]b"],
    ["a zero-width space and a joiner between letters", "a\u200bb\u200dc", "a[U+200B]b[U+200D]c"],
    ["a byte order mark", "\ufeffa", "[U+FEFF]a"],
    ["letters of the invisible alphabet", "hi\u{e0041}", "hi[U+E0041]"],
    ["a variation selector that hides data", "a\u{e0101}\ufe03", "a[U+E0101][U+FE03]"],
    ["a filler that looks like nothing", "a\u3164b", "a[U+3164]b"],
    ["half of a character", "a\ud83d", "a[U+D83D]"],
    ["many in a row", `a${"\u200b".repeat(5000)}b`, "a[U+200B ×5000]b"],
  ])("makes %s visible", (_, text, expected) => {
    expect(seen(text)).toBe(expected);
  });

  it("names what a mark stands for", () => {
    expect(pieces("\u202e\x1b\u{e0041}\x01")).toEqual([
      { kind: "mark", label: "U+202E", name: "U+202E right-to-left override", count: 1 },
      { kind: "mark", label: "ESC", name: "U+001B escape", count: 1 },
      { kind: "mark", label: "U+E0041", name: "U+E0041 invisible “A”", count: 1 },
      { kind: "mark", label: "U+0001", name: "U+0001 control character", count: 1 },
    ]);
  });

  it("shows lines as lines, whatever ends them", () => {
    expect(seen("a\r\nb\nc\u2028d")).toBe("a\nb\nc[U+2028]\nd");
  });

  it.each([
    "👩‍🚀 ❤️ 👍🏽 1️⃣", // joiners and selectors within emoji
    "می‌خواهم", // Persian needs the zero-width non-joiner
    "क्‍ष",
  ])("keeps the spelling of %s", (text) => {
    expect(pieces(text)).toEqual([{ kind: "text", text }]);
  });
});

describe("firstRows", () => {
  const lines = (count: number): string =>
    Array.from({ length: count }, (_, index) => `line ${index + 1}`).join("\n");

  it("returns what fits, or nearly fits, whole", () => {
    expect(firstRows(lines(12), 12)).toBe(lines(12));
    expect(firstRows(lines(15), 12)).toBe(lines(15));
    expect(firstRows("", 12)).toBe("");
  });

  it("cuts after so many lines", () => {
    expect(firstRows(lines(16), 12)).toBe(lines(12));
    expect(firstRows(`${lines(12)}${"\n".repeat(500)}`, 12)).toBe(lines(12));
  });

  it("counts a long line as the rows that it fills", () => {
    expect(firstRows("x".repeat(1_000_000), 12, 80)).toBe("x".repeat(960));
    expect(firstRows(`short\n${"y".repeat(5000)}`, 3, 10)).toBe(`short\n${"y".repeat(20)}`);
  });

  it("cuts no character in two", () => {
    const cut = firstRows(`a${"😀".repeat(500)}`, 2, 10);
    expect(cut).toBe(`a${"😀".repeat(9)}`);
  });
});

describe("chunks", () => {
  const joined = (text: string, size: number): string =>
    chunks(text, size)
      .map((chunk, index) => (index === 0 || chunk.continues ? "" : "\n") + chunk.text)
      .join("");

  it.each([
    ["nothing", ""],
    ["one long line", "x".repeat(10_007)],
    ["long lines of words", "some words in a row ".repeat(500)],
    ["many lines", "a line\n".repeat(3000)],
    ["only line feeds", "\n".repeat(2500)],
    ["emoji", "😀".repeat(3001)],
  ])("loses nothing of %s", (_, text) => {
    expect(joined(text, 1000)).toBe(text);
    for (const chunk of chunks(text, 1000)) {
      expect(chunk.text.length).toBeLessThanOrEqual(1001);
      expect(pieces(chunk.text).every((piece) => piece.kind === "text")).toBe(true);
    }
  });

  it("cuts between lines where it can, else between words", () => {
    expect(chunks("one two\nthree four", 10)).toEqual([
      { text: "one two", continues: false },
      { text: "three four", continues: false },
    ]);
    expect(chunks("one two three", 9)).toEqual([
      { text: "one two ", continues: false },
      { text: "three", continues: true },
    ]);
  });
});

describe("excerpt and countCharacters", () => {
  it("cuts a line for a table", () => {
    expect(excerpt("short", 10)).toBe("short");
    expect(excerpt("a longer text", 8)).toBe("a longer…");
    expect(excerpt("😀😀😀", 3)).toBe("😀…");
  });

  it("counts as Python does", () => {
    expect(countCharacters("a😀\ud83db")).toBe(4);
    expect(countCharacters("")).toBe(0);
  });
});
