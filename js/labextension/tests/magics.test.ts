import { python } from "@codemirror/lang-python";
import { ensureSyntaxTree } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { afterEach, expect, test } from "vitest";
import { highlighting } from "../src/magics/highlighting";

const views: EditorView[] = [];

function shown(doc: string, language: Extension = python()): EditorView {
  const state = EditorState.create({ doc, extensions: [language, highlighting] });
  ensureSyntaxTree(state, doc.length, 10_000);
  const view = new EditorView({ state, parent: document.body });
  views.push(view);
  return view;
}

/** What is marked, each as "kind: text". */
function marked(view: EditorView): string[] {
  return [...view.contentDOM.querySelectorAll("[class*='mipro-magic-']")].map(
    ({ className, textContent }) => `${className.replace("mipro-magic-", "")}: ${textContent}`,
  );
}

const marks = (doc: string, language?: Extension) => marked(shown(doc, language));

afterEach(() => {
  for (const view of views.splice(0)) {
    view.destroy();
  }
});

test("a cell has its first line, its signature, its instruction and its variables marked", () => {
  const cell = [
    "",
    "%%mipro --train rows --auto=light best",
    "text -> topic: Literal['a', 'b']",
    "",
    'Return for each class {{one}} of {topics}, like {"a": 1}.',
  ];
  expect(marks(cell.join("\n"))).toEqual([
    "magic: %%mipro",
    "option: --train",
    "text: rows",
    "option: --auto",
    "text: =light",
    "text: best",
    "signature: text -> topic: Literal['a', 'b']",
    "text: Return for each class ",
    "braces: {{",
    "text: one",
    "braces: }}",
    "text:  of ",
    "variable: {topics}",
    'text: , like {"a": 1}.',
  ]);
});

test("lines of %mipro are marked between Python's, which stays as it is", () => {
  const code = [
    "import mipro_nb",
    "best = %mipro run student --train \\",
    "    rows --metric exact",
    "for row in rows: print(row)",
    "%mipro status",
    "%miprofoo",
    "%time mipro",
  ];
  expect(marks(code.join("\n"))).toEqual([
    "magic: %mipro",
    "verb: run",
    "text: student",
    "option: --train",
    "text: \\",
    "text: rows",
    "option: --metric",
    "text: exact",
    "magic: %mipro",
    "verb: status",
  ]);
});

test.each([
  ["a text over several lines", 'text = """\n%mipro run\n%%mipro best\n"""'],
  ["a call over several lines", "print(7\n%mipro\n)"],
  ["an expression that goes on after a backslash", "left = 7 \\\n%mipro"],
  ["a comment", "# %mipro run\n#%%mipro best"],
  ["a cell's first line further down", "x = 1\n%%mipro best\nquestion -> answer"],
  ["another magic's cell", "%%bash\necho {mipro}"],
])("%s is left to Python", (_, code) => {
  expect(marks(code)).toEqual([]);
});

test("other languages are left alone", () => {
  expect(marks("%%mipro best\nquestion -> answer", [])).toEqual([]);
});

test("what is marked follows what is typed", () => {
  const view = shown("%mipro best\nquestion -> answer");
  expect(marked(view)).toEqual(["magic: %mipro", "verb: best"]);
  view.dispatch({ changes: { from: 0, insert: "%" } });
  expect(marked(view)).toEqual(["magic: %%mipro", "text: best", "signature: question -> answer"]);
});

test("hostile text stays text", () => {
  const hostile = "<img src=x onerror=alert(1)> {x} </span><script>alert(1)</script>";
  const view = shown(`%%mipro ${hostile}\n${hostile}\n${hostile}`);
  expect(view.contentDOM.textContent?.split(hostile)).toHaveLength(4);
  expect(view.contentDOM.querySelector("script, img[src=x]")).toBeNull();
});
