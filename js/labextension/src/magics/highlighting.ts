/** How `%%mipro` cells and `%mipro` lines look in an editor; all other Python stays as it is. */

import { language, syntaxTree } from "@codemirror/language";
import { type EditorState, type Extension, type Line, Prec, type Range } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import {
  beginsCell,
  type Mark,
  marksOfBody,
  marksOfHead,
  marksOfLine,
  marksOfWords,
  mayBeMagicLine,
} from "./marks";

const DECORATIONS: Readonly<Record<Mark["kind"], Decoration>> = {
  magic: decoration("magic"),
  verb: decoration("verb"),
  option: decoration("option"),
  text: decoration("text"),
  signature: decoration("signature"),
  variable: decoration("variable"),
  braces: decoration("braces"),
};
/** Inside these, a line that looks like a magic is a text or goes on with an expression. */
const ENCLOSING = /String|Expression|ArgList|ParamList|Comprehension/;

// What is marked last is the innermost, so that Python's own colors do not show through.
export const highlighting: Extension = Prec.highest(
  ViewPlugin.define(
    (view) => {
      const plugin = {
        decorations: decorationsOf(view),
        update(update: ViewUpdate): void {
          if (hasChanged(update)) {
            plugin.decorations = decorationsOf(update.view);
          }
        },
      };
      return plugin;
    },
    { decorations: (plugin: { decorations: DecorationSet }) => plugin.decorations },
  ),
);

function decoration(kind: Mark["kind"]): Decoration {
  return Decoration.mark({ class: `mipro-magic-${kind}` });
}

function hasChanged({ docChanged, viewportChanged, startState, state }: ViewUpdate): boolean {
  return (
    docChanged ||
    viewportChanged ||
    startState.facet(language) !== state.facet(language) ||
    // Python is parsed bit by bit.
    syntaxTree(startState) !== syntaxTree(state)
  );
}

function decorationsOf({ state, visibleRanges }: EditorView): DecorationSet {
  const found: Range<Decoration>[] = [];
  // A cell of Markdown may show how such a cell is written.
  if (state.facet(language)?.name === "python") {
    const marksOf = readerOf(state);
    for (const { from, to } of visibleRanges) {
      for (let at = from; at <= to; ) {
        const line = state.doc.lineAt(at);
        for (const mark of marksOf(line)) {
          found.push(DECORATIONS[mark.kind].range(line.from + mark.from, line.from + mark.to));
        }
        at = line.to + 1;
      }
    }
  }
  return Decoration.set(found, true);
}

/** How the parts of this document's lines are found. */
function readerOf(state: EditorState): (line: Line) => readonly Mark[] {
  const head = firstWritten(state, 1);
  if (head === null || !beginsCell(head.text)) {
    return (line) => marksInPython(state, line);
  }
  const signature = firstWritten(state, head.number + 1)?.number ?? 0;
  return ({ number, text }) => {
    if (number <= head.number) {
      return number === head.number ? marksOfHead(text) : [];
    }
    return marksOfBody(text, number === signature ? "signature" : "text");
  };
}

/** The first line from a number on that is not blank. */
function firstWritten(state: EditorState, number: number): Line | null {
  for (let at = number; at <= state.doc.lines; at += 1) {
    const line = state.doc.line(at);
    if (line.text.trim() !== "") {
      return line;
    }
  }
  return null;
}

function marksInPython(state: EditorState, line: Line): readonly Mark[] {
  const first = firstOfStatement(state, line);
  if (!mayBeMagicLine(first.text) || isInside(state, first)) {
    return [];
  }
  return first.number === line.number ? marksOfLine(line.text) : marksOfWords(line.text);
}

/** The line that begins what goes on, after backslashes, in a line. */
function firstOfStatement(state: EditorState, line: Line): Line {
  let first = line;
  while (first.number > 1) {
    const above = state.doc.line(first.number - 1);
    if (!above.text.endsWith("\\")) {
      break;
    }
    first = above;
  }
  return first;
}

/** Whether a text or an expression that began further above encloses the beginning of a line. */
function isInside(state: EditorState, { from }: Line): boolean {
  let node: ReturnType<ReturnType<typeof syntaxTree>["resolve"]> | null = syntaxTree(state).resolve(
    from,
    -1,
  );
  for (; node !== null; node = node.parent) {
    if (node.from < from && node.to > from && ENCLOSING.test(node.name)) {
      return true;
    }
  }
  return false;
}
