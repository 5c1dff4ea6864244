r"""A text that is marked, told from what models put around it: a second mark, YAML's sign, a box.

Each says so in a note. The writer quotes any text of which this would leave something out.
"""

from __future__ import annotations

import re
from textwrap import dedent

from mipro_nb.errors import shown
from mipro_nb.language.reading.notation.near_json import only_member
from mipro_nb.language.reading.notation.wrapping import trimmed, unwrapped
from mipro_nb.language.reading.parts.marks import folded, label_end
from mipro_nb.language.reading.stated import boxed, plainly

_YAML = re.compile(r"(?:[|>][-+]?)[ \t]*\n(?P<block>(?:[ \t]+\S.*(?:\n|$)|[ \t]*(?:\n|$))+)")
_TAGGED = re.compile(r"<\s*([^<>/]+?)\s*>(.*)</\s*([^<>/]+?)\s*>", re.DOTALL)
_ECHOED = re.compile(r"<\s*([^<>/\n]*[^<>/\s])\s*>")
_FENCED = re.compile(r"```[^\n`]*\n(?P<code>.*?)\n```[ \t]*(?P<after>(?:\n.*)?)", re.DOTALL)
_OPENED = re.compile(r"```[^\n`]*\n")
# Outputs that are code: a text around a code block does not belong to them.
_CODE = frozenset(
    {"code", "program", "script", "sql", "query", "snippet", "function", "implementation", "regex"}
    | {"html", "css", "json", "yaml", "xml", "python", "javascript", "bash", "command", "patch"}
)


def bare_text(name: str, text: str, notes: list[str]) -> str:
    r"""Return `text`, marked as the output `name`, without what models put around a text.

    Parameters
    ----------
    name
        The output.
    text
        What its mark announces.
    notes
        Gets a sentence for what is unusual.

    >>> bare_text("answer", "answer: 42", notes := [])
    '42'
    >>> notes
    ["'answer' is marked twice"]
    """
    bare = unwrapped(text)
    if bare != text:
        return bare
    for once in (_marked, _tagged, _in_object):
        if (inner := once(name, text)) is not None:
            notes.append(f"{name!r} is marked twice")
            return unwrapped(inner)
    for otherwise in (_block, _echoed, _boxed):
        if (inner := otherwise(text)) is not None:
            notes.append(f"{shown(text, 80)!r} was read as {shown(inner, 80)!r}")
            return inner
    return _code(name, text, notes)


def _marked(name: str, text: str) -> str | None:
    first = text.split("\n", 1)[0]
    rest = text[label_end(first, name) :]
    return trimmed(rest, after_mark=True) if rest != text and rest.strip() else None


def _tagged(name: str, text: str) -> str | None:
    found = _TAGGED.fullmatch(text)
    is_own = found is not None and folded(found[1]) == folded(found[3]) == folded(name)
    return trimmed(found[2], after_mark=True) if found and is_own else None


def _in_object(name: str, text: str) -> str | None:
    member = only_member(text) if text.startswith("{") else None
    if member is None:
        return None
    key, value = member
    return value if folded(key) == folded(name) and isinstance(value, str) else None


def _block(text: str) -> str | None:
    found = _YAML.fullmatch(text)
    return dedent(found["block"]).strip("\n") if found else None


def _echoed(text: str) -> str | None:
    """Return what stands in the angle brackets with which a form shows where a value goes."""
    found = _ECHOED.fullmatch(text)
    return found[1] if found else None


def _boxed(text: str) -> str | None:
    plain = plainly(text)
    return plain if boxed(text) == [plain] else None


def _code(name: str, text: str, notes: list[str]) -> str:
    """Return the code block with which `text` begins, if it is one of code."""
    if "\n```" not in text:
        return _OPENED.sub("", text, count=1) if _OPENED.match(text) else text
    found = _FENCED.fullmatch(text)
    is_code = not _CODE.isdisjoint(re.split(r"[\W_]+", name.casefold()))
    if not found or not is_code or "```" in found["after"] or "\n```" in found["code"]:
        return text
    notes.append("what follows the code block was left out")
    return found["code"].strip("\n")
