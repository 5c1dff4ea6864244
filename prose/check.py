"""Looks for habits of style in everything that a person reads; the rules are in `rules.toml`.

Names in code are held to `dictionary.toml`: one word for one thing.

python prose/check.py            # everything that git knows
python prose/check.py FILE …     # these files
"""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_RULES = Path(__file__).with_name("rules.toml")
_DICTIONARY = Path(__file__).with_name("dictionary.toml")
_QUOTED = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_OURS = ("js", "mipro_nb", "tests")  # benchmarks also speak of what DSPy calls so
_CODE_IN_MARKDOWN = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`|<!--.*?-->", re.DOTALL | re.MULTILINE)
_NAMES = re.compile(r"^[ \t]*\*{0,2}[a-z_]\w*(, \*{0,2}\w+)*$", re.MULTILINE)
_READ = (".md", ".ipynb", ".py", ".ts", ".tsx")


@dataclass(frozen=True)
class Rule:
    """A habit, how it is found, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True)
class Text:
    """A piece of prose, and the line of its file at which it begins."""

    line: int
    text: str


@dataclass(frozen=True)
class Finding:
    """A habit, where it was found."""

    path: Path
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.words!r}: write {self.instead}"


def rules() -> list[Rule]:
    """Return the rules."""
    told = tomllib.loads(_RULES.read_text(encoding="utf-8"))["rule"]
    return [Rule(re.compile(each["pattern"], re.IGNORECASE), each["instead"]) for each in told]


def words() -> list[Rule]:
    """Return the entries of the dictionary that are held to in names."""
    told = tomllib.loads(_DICTIONARY.read_text(encoding="utf-8"))["word"]
    return [
        Rule(re.compile(each["identifier"]), f"{each['name']!r}, as the dictionary has it")
        for each in told
        if "identifier" in each
    ]


def names(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Return the names that the code of a file uses, each with its line."""
    if path.suffix == ".py":
        yield from _names_in_python(source)
    elif path.suffix in (".ts", ".tsx"):
        code = _QUOTED.sub(lambda text: "\n" * text[0].count("\n"), source)
        for line, text in enumerate(code.split("\n"), 1):
            yield from ((line, word) for word in _WORD.findall(text))


def _names_in_python(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        for field in ("id", "attr", "name", "arg", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield getattr(node, "lineno", 1), name


def misnamed(path: Path, source: str) -> Iterator[Finding]:
    """Return the names in a file that the dictionary has another word for."""
    if path.parts[0] not in _OURS:
        return
    told = set()
    for line, name in names(path, source):
        for rule in _words:
            if rule.pattern.search(name) and name not in told:
                told.add(name)
                yield Finding(path, line, name, rule.instead)


def findings(path: Path, source: str) -> Iterator[Finding]:
    """Return what is found in the prose of a file."""
    for prose in texts(path, source):
        # Lines are broken anywhere; a rule knows only of single spaces.
        text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t]+", " ", prose.text))
        for rule in _rules:
            for found in rule.pattern.finditer(text.replace("\n", " ")):
                line = prose.line + text.count("\n", 0, found.start())
                yield Finding(path, line, " ".join(found[0].split()), rule.instead)


def texts(path: Path, source: str) -> Iterator[Text]:
    """Return the prose of a file: all of it, its cells' or its strings and comments."""
    if path.suffix == ".md":
        yield from _paragraphs(source)
    elif path.suffix == ".ipynb":
        for cell in json.loads(source)["cells"]:
            text = "".join(cell["source"])
            yield from _paragraphs(text) if cell["cell_type"] == "markdown" else _comments(text)
    elif path.suffix == ".py":
        yield from _strings(source, docstrings_only="tests" in path.parts)
        yield from _comments(source)
    else:
        yield from _paragraphs(re.sub(r"^(\s*)(?://|/?\*+/?)", r"\1", source, flags=re.MULTILINE))


def _paragraphs(text: str) -> Iterator[Text]:
    text = _CODE_IN_MARKDOWN.sub(lambda code: "\n" * code[0].count("\n") or "x", text)
    line = 1
    for part in re.split(r"(\n\s*\n)", text):
        yield Text(line, part)
        line += part.count("\n")


def _comments(source: str) -> Iterator[Text]:
    """Return comments; those on lines in a row are one text."""
    lines: list[str] = []
    begun = last = 0
    for line, comment in [*_comment_lines(source), (0, "")]:
        if line != last + 1 and lines:
            yield Text(begun, "\n".join(lines))
            lines = []
        if not lines:
            begun = line
        lines.append(comment.lstrip("#").strip())
        last = line


def _comment_lines(source: str) -> list[tuple[int, str]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # a cell with magics
        lines = enumerate(source.split("\n"), 1)
        return [(line, text.strip()) for line, text in lines if text.lstrip().startswith("#")]
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def _strings(source: str, *, docstrings_only: bool) -> Iterator[Text]:
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    inside: set[ast.AST] = set()
    if docstrings_only:
        for node in ast.walk(tree):
            if isinstance(node, documented) and (told := ast.get_docstring(node, clean=False)):
                yield from _parts(node.body[0].lineno, told)
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(node.values)
            # What stands in braces may be anything.
            parts = [each.value if isinstance(each, ast.Constant) else "x" for each in node.values]
            yield Text(node.lineno, "".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield from _parts(node.lineno, node.value)


def _parts(line: int, text: str) -> Iterator[Text]:
    # In NumPy's sections, lines of their own name parameters.
    for part in _paragraphs(_NAMES.sub("x", text.replace("``", "`"))):
        yield Text(line + part.line - 1, part.text)


def _known_to_git() -> list[Path]:
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=_ROOT,
        capture_output=True,
        check=True,
    )
    names = told.stdout.decode().split("\0")
    return [_ROOT / name for name in names if name.endswith(_READ) and (_ROOT / name).is_file()]


def _looked_at(path: Path) -> Iterator[Finding]:
    source = (_ROOT / path).read_text(encoding="utf-8")
    yield from findings(path, source)
    yield from misnamed(path, source)


def main(arguments: list[str]) -> int:
    """Print what is found; return 1 if anything is."""
    paths = [Path(name).resolve() for name in arguments] or _known_to_git()
    found = [
        finding
        for path in paths
        for finding in _looked_at(path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path)
    ]
    for finding in found:
        print(finding)
    return 1 if found else 0


_rules = rules()
_words = words()

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
