/**
 * How text that nobody vouches for is shown: as text, with nothing in it unseen.
 *
 * Characters that a page would obey or swallow (terminal escapes, right-to-left overrides,
 * zero-width characters) become marks with a label and a name. All others are left as they are.
 */

/** A stretch of text as it stands, or a mark in the place of a character that cannot be seen. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "mark";
      /** What the mark reads: "ESC", "U+202E". */
      readonly label: string;
      /** What the character is: "U+202E right-to-left override". */
      readonly name: string;
      /** How many of the same stand in a row. */
      readonly count: number;
    };

/** A part of a long text that is laid out on its own. */
export interface Chunk {
  readonly text: string;
  /** It goes on with the line that the chunk before it began. */
  readonly continues: boolean;
}

/** All that is invisible or commands; the tabulator and the line feed are neither. */
const UNSEEN =
  /\r\n|[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0x00, "null"],
  [0x07, "bell"],
  [0x08, "backspace"],
  [0x0b, "vertical tab"],
  [0x0c, "form feed"],
  [0x0d, "carriage return"],
  [0x1b, "escape"],
  [0x7f, "delete"],
  [0x9b, "control sequence introducer"],
  [0xad, "soft hyphen"],
  [0x34f, "combining grapheme joiner"],
  [0x61c, "Arabic letter mark"],
  [0x200b, "zero-width space"],
  [0x200c, "zero-width non-joiner"],
  [0x200d, "zero-width joiner"],
  [0x200e, "left-to-right mark"],
  [0x200f, "right-to-left mark"],
  [0x2028, "line separator"],
  [0x2029, "paragraph separator"],
  [0x202a, "left-to-right embedding"],
  [0x202b, "right-to-left embedding"],
  [0x202c, "pop directional formatting"],
  [0x202d, "left-to-right override"],
  [0x202e, "right-to-left override"],
  [0x2060, "word joiner"],
  [0x2066, "left-to-right isolate"],
  [0x2067, "right-to-left isolate"],
  [0x2068, "first strong isolate"],
  [0x2069, "pop directional isolate"],
  [0xfeff, "byte order mark"],
]);

const ABBREVIATIONS: ReadonlyMap<number, string> = new Map([
  [0x00, "NUL"],
  [0x07, "BEL"],
  [0x08, "BS"],
  [0x0b, "VT"],
  [0x0c, "FF"],
  [0x0d, "CR"],
  [0x1b, "ESC"],
  [0x7f, "DEL"],
]);

const PICTOGRAPH_BEFORE = /(?:[\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f)$/u;
const PICTOGRAPH_AFTER = /^\p{Extended_Pictographic}/u;
const STYLED_BEFORE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\d#*]$/u;
const JOINING_SCRIPTS =
  "\\p{Script=Arabic}\\p{Script=Syriac}\\p{Script=Devanagari}\\p{Script=Bengali}" +
  "\\p{Script=Gurmukhi}\\p{Script=Gujarati}\\p{Script=Oriya}\\p{Script=Tamil}" +
  "\\p{Script=Telugu}\\p{Script=Kannada}\\p{Script=Malayalam}\\p{Script=Sinhala}";
const JOINING_BEFORE = new RegExp(`[${JOINING_SCRIPTS}]$`, "u");
const JOINING_AFTER = new RegExp(`^[${JOINING_SCRIPTS}]`, "u");

/** The text cut into what can be shown as it is and what needs a mark. */
export function pieces(text: string): Piece[] {
  const result: Piece[] = [];
  let plain = "";
  let end = 0;
  const flush = (): void => {
    if (plain !== "") {
      result.push({ kind: "text", text: plain });
      plain = "";
    }
  };
  for (const match of text.matchAll(UNSEEN)) {
    const found = match[0];
    if (found === "\n" || found === "\t" || isSpelling(text, match.index, found)) {
      continue;
    }
    plain += text.slice(end, match.index);
    end = match.index + found.length;
    if (found === "\r\n") {
      plain += "\n";
      continue;
    }
    const code = found.codePointAt(0) ?? 0;
    const label = labelOf(code);
    const last = result.at(-1);
    if (plain === "" && last?.kind === "mark" && last.label === label) {
      result[result.length - 1] = { ...last, count: last.count + 1 };
      continue;
    }
    flush();
    result.push({ kind: "mark", label, name: `${codeOf(code)} ${nameOf(code)}`, count: 1 });
    if (code === 0x2028 || code === 0x2029) {
      plain = "\n";
    }
  }
  plain += text.slice(end);
  flush();
  return result;
}

/**
 * The beginning of a text that fills about so many rows of so many columns.
 *
 * A text that is only a little longer is returned whole: a button would take as much room.
 */
export function firstRows(text: string, rows: number, columns = 70): string {
  const spare = Math.ceil(rows / 4);
  let used = 0;
  let start = 0;
  let cut: number | null = null;
  while (start <= text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    const taken = Math.max(1, Math.ceil((end - start) / columns));
    if (cut === null && used + taken > rows) {
      // The line feed before the first row left out is also left out.
      cut = used === rows ? start - 1 : start + (rows - used) * columns;
    }
    used += taken;
    if (used > rows + spare) {
      return text.slice(0, wholeCharacters(text, cut ?? text.length));
    }
    start = end + 1;
  }
  return text;
}

/** A long text in parts of at most about `size` characters, cut between lines or words if it can. */
export function chunks(text: string, size: number): Chunk[] {
  const result: Chunk[] = [];
  let start = 0;
  let continues = false;
  while (text.length - start > size) {
    const newline = text.lastIndexOf("\n", start + size);
    if (newline >= start) {
      result.push({ text: text.slice(start, newline), continues });
      start = newline + 1;
      continues = false;
      continue;
    }
    const space = text.lastIndexOf(" ", start + size);
    const cut = space > start + size / 2 ? space + 1 : wholeCharacters(text, start + size);
    result.push({ text: text.slice(start, cut), continues });
    start = cut;
    continues = true;
  }
  result.push({ text: text.slice(start), continues });
  return result;
}

/** The beginning of a text, for a place that has room for one line. */
export function excerpt(text: string, characters = 200): string {
  return text.length <= characters
    ? text
    : `${text.slice(0, wholeCharacters(text, characters)).trimEnd()}…`;
}

/** The number of characters as Python counts them: one for each code point. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index += 1) {
    if (splitsPair(text, index + 1)) {
      count -= 1;
    }
  }
  return count;
}

/** Joiners and variation selectors that writing needs: within emoji and in scripts that join. */
function isSpelling(text: string, index: number, found: string): boolean {
  if (found !== "\u200c" && found !== "\u200d" && found !== "\ufe0e" && found !== "\ufe0f") {
    return false;
  }
  const before = text.slice(Math.max(0, index - 2), index);
  if (found === "\ufe0e" || found === "\ufe0f") {
    return STYLED_BEFORE.test(before);
  }
  const after = text.slice(index + 1, index + 3);
  return (
    (found === "\u200d" && PICTOGRAPH_BEFORE.test(before) && PICTOGRAPH_AFTER.test(after)) ||
    (JOINING_BEFORE.test(before) && JOINING_AFTER.test(after))
  );
}

/** Not the pictures of control characters (U+241B): few fonts have them. */
function labelOf(code: number): string {
  return ABBREVIATIONS.get(code) ?? codeOf(code);
}

function codeOf(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function nameOf(code: number): string {
  const name = NAMES.get(code);
  if (name !== undefined) {
    return name;
  }
  if (code >= 0xe0020 && code <= 0xe007e) {
    return `invisible “${String.fromCodePoint(code - 0xe0000)}”`;
  }
  if (code < 0xa0) {
    return "control character";
  }
  return code >= 0xd800 && code <= 0xdfff ? "half of a character" : "invisible character";
}

/** The index itself, or the one before it where it would cut a character in two. */
function wholeCharacters(text: string, index: number): number {
  return splitsPair(text, index) ? index - 1 : index;
}

function splitsPair(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1);
  const after = text.charCodeAt(index);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
