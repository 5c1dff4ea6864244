/** What the parts of a line of `%mipro` or of a `%%mipro` cell are, found by the text alone. */

export type MarkKind = "magic" | "verb" | "option" | "text" | "signature" | "variable" | "braces";

/** A part of a line, counted from the line's beginning. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  readonly kind: MarkKind;
}

const CELL = /^\s*%%mipro(?=\s|$)/;
const LINE = /^\s*(?:[^%'"#]*=\s*)?(?=%mipro(?:\s|$))/;
/** As the kernel cuts a line: quotes hold a word together, and a backslash means itself. */
const WORD = /(?:"[^"]*"?|'[^']*'?|[^\s"'])+/g;
const OPTION = /^-[^=]*/;
/** As the kernel reads a body: other braces, as those of JSON, mean themselves. */
const BRACES = /\{\{|\}\}|\{[\p{L}_][\p{L}\p{M}\p{N}_]*\}/gu;

export function beginsCell(line: string): boolean {
  return CELL.test(line);
}

/** Whether a line of Python may hold `%mipro`; what stands around it decides. */
export function mayBeMagicLine(line: string): boolean {
  return LINE.test(line);
}

/** The parts of the first line of a `%%mipro` cell. */
export function marksOfHead(line: string): readonly Mark[] {
  const from = line.indexOf("%%mipro");
  const to = from + "%%mipro".length;
  return [{ from, to, kind: "magic" }, ...marksOfWords(line, to)];
}

/** The parts of a line of `%mipro`: what is assigned to stays Python's. */
export function marksOfLine(line: string): readonly Mark[] {
  const from = LINE.exec(line)?.[0].length ?? 0;
  const to = from + "%mipro".length;
  const [verb, ...rest] = marksOfWords(line, to);
  const marks: Mark[] = [{ from, to, kind: "magic" }];
  if (verb !== undefined) {
    marks.push(verb.kind === "text" ? { ...verb, kind: "verb" } : verb);
  }
  return [...marks, ...rest];
}

/** The parts of words and options, from a place in the line on. */
export function marksOfWords(line: string, begin = 0): readonly Mark[] {
  const marks: Mark[] = [];
  for (const { 0: word, index } of line.slice(begin).matchAll(WORD)) {
    const from = begin + index;
    const option = OPTION.exec(word)?.[0].length ?? 0;
    marks.push(...part(from, from + option, "option"));
    marks.push(...part(from + option, from + word.length, "text"));
  }
  return marks;
}

/** The parts of a line of a cell's body: variables, doubled braces, and the text around them. */
export function marksOfBody(line: string, kind: "text" | "signature"): readonly Mark[] {
  const marks: Mark[] = [];
  let done = 0;
  for (const { 0: found, index } of line.matchAll(BRACES)) {
    const to = index + found.length;
    const isVariable = found.length > 2;
    marks.push(...part(done, index, kind));
    marks.push({ from: index, to, kind: isVariable ? "variable" : "braces" });
    done = to;
  }
  return [...marks, ...part(done, line.length, kind)];
}

function part(from: number, to: number, kind: MarkKind): readonly Mark[] {
  return from < to ? [{ from, to, kind }] : [];
}
