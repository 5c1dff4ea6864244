"""Writes the front end's types of what the kernel sends and answers, as Python declares them.

python typescript/generate.py            # write js/shared/src/generated/view-model.ts
python typescript/generate.py --check    # only tell whether it is as Python has it

No library does it: what makes TypeScript of a JSON schema knows no `readonly` members and writes
out every named literal where it is used, and pydantic makes no schema of `typing.TypedDict` on
Python 3.11.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from mipro_nb.notebook import (
    request_handler,
    window,  # noqa: F401 - the requests that it answers
)
from mipro_nb.runs import configuration, events
from mipro_nb.runs.following import protocol
from mipro_nb.runs.state import run_state
from mipro_nb.runs.view_model import (
    drill_down,
    effects,
    headroom,
    history,
    parts,
    permission,
    result,
    run,
    shown,
    spend,
    trials,
)
from mipro_nb.server import template  # noqa: F401 - the request that it answers

WRITTEN = Path(__file__).parents[1] / "js/shared/src/generated/view-model.ts"
_HEAD = "// Made of Python's types by typescript/generate.py: run `make types`, do not edit."
_WIDTH = 96
_SOURCES: tuple[tuple[ModuleType, tuple[str, ...]], ...] = (
    (events, ("Phase", "EvaluationKind", "Part")),
    (configuration, ("Configuration",)),
    (run_state, ("State",)),
    *(
        (module, ())
        for module in (parts, spend, effects, result, headroom, trials, drill_down, run)
    ),
    *((module, ()) for module in (history, permission, shown)),
    (protocol, ()),
    (request_handler, ("Added",)),
)
"""Modules, and which of their types are wanted: all that there are where none is named."""
_RENAMED = {"State": "RunState"}
_PLAIN: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    Any: "unknown",
}


class Types:
    """The types that are written, and how each is called there."""

    def __init__(self) -> None:
        self._names: list[tuple[Any, str]] = []
        self._parts: list[str] = []

    def text(self) -> str:
        """Return all of the file."""
        for module, wanted in _SOURCES:
            statements = ast.parse(inspect.getsource(module)).body
            for place, statement in enumerate(statements):
                name = _declared(statement)
                if name is None or (wanted and name not in wanted):
                    continue
                declared = getattr(module, name)
                if isinstance(statement, ast.ClassDef) and is_typeddict(declared):
                    self._interface(statement, declared)
                elif isinstance(statement, ast.Assign) and is_typeddict(declared):
                    self._add(name, declared, declared.__doc__ or "", self._members(declared))
                elif get_origin(declared) in (Literal, dict):
                    self._alias(name, declared, _doc_after(statements, place))
        self._requests()
        return "\n\n".join([_HEAD, *self._parts]) + "\n"

    def _alias(self, name: str, declared: Any, doc: str) -> None:
        name = _RENAMED.get(name, name)
        self._parts.append(f"{tsdoc(doc)}export type {name} = {self.written(declared)};")
        self._names.append((declared, name))

    def _interface(self, statement: ast.ClassDef, declared: type) -> None:
        fields = [each.target for each in statement.body if isinstance(each, ast.AnnAssign)]
        own = [field.id for field in fields if isinstance(field, ast.Name)]
        bases = [base.id for base in statement.bases if isinstance(base, ast.Name)]
        heirs = ", ".join(base for base in bases if base != "TypedDict")
        doc, about = _split(inspect.cleandoc(declared.__doc__ or ""))
        self._add(statement.name, declared, doc, self._members(declared, own, about), heirs)

    def _add(self, name: str, declared: type, doc: str, members: str, heirs: str = "") -> None:
        extends = f" extends {heirs}" if heirs else ""
        self._parts.append(f"{tsdoc(doc)}export interface {name}{extends} {{\n{members}}}")
        self._names.append((declared, name))

    def _members(
        self, declared: type, own: list[str] | None = None, about: Mapping[str, str] | None = None
    ) -> str:
        hints = get_type_hints(declared, include_extras=True)
        return "".join(
            self._member(name, hints[name], (about or {}).get(name, ""))
            for name in (list(hints) if own is None else own)
        )

    def _member(self, name: str, hint: Any, doc: str) -> str:
        optional = get_origin(hint) is NotRequired
        if optional:
            (hint,) = get_args(hint)
        marks = getattr(hint, "__metadata__", ())
        if parts.ADDED_LATER in marks:
            optional, doc = True, f"{doc} {parts.ADDED_LATER}".strip()
        key = name if name.isidentifier() else json.dumps(name)
        mark = "?" if optional else ""
        return f"{tsdoc(doc, '  ')}  readonly {key}{mark}: {self.written(hint)};\n"

    def _requests(self) -> None:
        """Write what can be asked: each method's parameters, and what it returns."""
        asks: dict[str, Callable[..., Any]] = {}
        # In the order of modules, not of their imports: what else is loaded makes no difference.
        for method in sorted(protocol.REQUESTS, key=lambda each: each.__module__):
            asks.setdefault(method.__name__, method)  # a window hears of more than its widget
        members = ""
        for name, method in asks.items():
            hints = get_type_hints(method)
            answer = self.written(hints.pop("return"))
            given = "; ".join(f"{key}: {self.written(hint)}" for key, hint in hints.items())
            ask = f"{{ {given} }}" if given else "Record<string, never>"
            members += tsdoc(inspect.getdoc(method) or "", "  ")
            members += f"  {name}: {{\n    ask: {ask};\n    answer: {answer};\n  }};\n"
        doc = "What can be asked, and what the answer to it holds."
        self._parts.append(f"{tsdoc(doc)}export interface Asks {{\n{members}}}")

    def written(self, hint: Any) -> str:
        """Return a type as TypeScript writes it."""
        hint = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
        for declared, name in self._names:
            if declared == hint:
                return name
        if hint in _PLAIN:
            return _PLAIN[hint]
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Literal:
            return " | ".join(map(json.dumps, arguments))
        if origin in (Union, UnionType):
            return " | ".join(self.written(each) for each in arguments)
        if origin is list:
            item = self.written(arguments[0])
            return f"readonly ({item})[]" if "|" in item else f"readonly {item}[]"
        if origin is dict:
            return f"Readonly<Record<string, {self.written(arguments[1])}>>"
        msg = f"{hint!r} has no form in TypeScript here: add it to {__file__}."
        raise TypeError(msg)


def _declared(statement: ast.stmt) -> str | None:
    """Return the public name that a statement gives something."""
    match statement:
        case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return None if name.startswith("_") else name
    return None


def _doc_after(statements: list[ast.stmt], place: int) -> str:
    """Return the text below an assignment that tells what it is."""
    match statements[place + 1 : place + 2]:
        case [ast.Expr(value=ast.Constant(value=str(doc)))]:
            return inspect.cleandoc(doc)
    return ""


def _split(doc: str) -> tuple[str, dict[str, str]]:
    """Return a docstring without its section of attributes, and what that tells by attribute."""
    doc, _, section = doc.partition("\n\nAttributes\n----------\n")
    about = {}
    for names, told in re.findall(r"^(\w[\w, ]*)\n((?: +.*(?:\n|$)|\n)+)", section, re.MULTILINE):
        # What is said of several at once stands at the first of them.
        about[names.split(", ")[0]] = inspect.cleandoc(told)
    return doc, about


def tsdoc(doc: str, indent: str = "") -> str:
    """Return a text as a comment; what is None in Python is null there."""
    doc = re.sub(r"(?<![.] )(?<!^)\bNone\b", "null", re.sub(r"``(.*?)``", r"`\1`", doc)).strip()
    doc = re.sub(r"\bNone\b", "Null", doc)
    if not doc:
        return ""
    flat = [" ".join(paragraph.split()) for paragraph in doc.split("\n\n")]
    if len(flat) == 1 and len(flat[0]) < _WIDTH - len(indent) - 3:
        return f"{indent}/** {flat[0]} */\n"
    return f"{indent}/**\n{''.join(_commented(flat, indent))}{indent} */\n"


def _commented(paragraphs: list[str], indent: str) -> Iterator[str]:
    for place, paragraph in enumerate(paragraphs):
        if place:
            yield f"{indent} *\n"
        for line in textwrap.wrap(paragraph, _WIDTH - len(indent), break_on_hyphens=False):
            yield f"{indent} * {line}\n"


def main() -> int:
    """Write the types, or tell whether they are as they should be."""
    text = Types().text()
    if "--check" not in sys.argv[1:]:
        WRITTEN.parent.mkdir(exist_ok=True)
        WRITTEN.write_text(text, encoding="utf-8")
        return 0
    if WRITTEN.exists() and WRITTEN.read_text(encoding="utf-8") == text:
        return 0
    print(f"{WRITTEN} is not what Python's types say: run `make types`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
