"""The syntaxes in which placeholders are written: those of Python, Jinja and Mustache.

Of Jinja and Mustache, plain placeholders are understood: no logic is run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from string import Formatter
from typing import Any

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.templates.pieces import (
    OptimizedPart,
    Piece,
    Pieces,
    Placeholder,
    joined,
)

# Each finds what is doubled as well, so that it is not taken for what is not.
_SINGLE = re.compile(r"\{\{[A-Za-z_]\w*\}\}|\{([A-Za-z_]\w*)\}")
_DOUBLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
# What str.format takes beyond a name: {user.name}, {rows[0]}, {x!r}, {x:.2f}. JSON is not that.
_FIELD = re.compile(
    r"\{\{|\}\}|(\{[A-Za-z_]\w*(?=[.\[!:])(?:\.\w+|\[\w+\])*(?:![rsa])?(?::[^\s{}\"']+)?\})"
)
_TAG = re.compile(r"\{\{\{?([^{}]*)\}?\}\}")
_JINJA = {
    "%}": re.compile(r"\{%-?\s*[a-z]+.*?%\}", re.DOTALL),
    "#}": re.compile(r"(?<!\{)\{#.*?#\}", re.DOTALL),
    "": re.compile(r"\{\{-|-\}\}"),
}
_MEANT = re.compile(r"[#^/>&!]?\s*[A-Za-z_]")
_WHERE = "templates"


def syntax_of(texts: Sequence[str]) -> str:
    """Return the name of the syntax in which the placeholders of `texts` are written.

    Raises
    ------
    InvalidArgumentError
        If there are two, or a placeholder of Python's is more than a name.
    """
    whole = "\n".join(texts)
    single = next((found[0] for found in _SINGLE.finditer(whole) if found[1]), None)
    double = _DOUBLE.search(whole)
    jinja = _jinja_in(whole)
    other = jinja or double
    if single and other:
        raise InvalidArgumentError(
            "syntax",
            None,
            f"the prompt has {single} and {shown(other[0], 40)}: say which are placeholders by "
            f"syntax=, one of {listed()}.",
        )
    if other:
        return "jinja" if jinja else "mustache"
    if field := next((found[1] for found in _FIELD.finditer(whole) if found[1]), None):
        raise InvalidArgumentError(
            "syntax",
            None,
            f"{shown(field, 40)} is more than a name: write a plain placeholder and give the value "
            'as it is to stand there, or say syntax="braces" if it is text.',
        )
    if single:
        return "format" if all(map(_is_format, texts)) else "braces"
    return (
        "mustache"
        if any(_MEANT.match(tag[1].strip()) for tag in _TAG.finditer(whole))
        else ("format" if all(map(_is_format, texts)) else "braces")
    )


def _jinja_in(text: str) -> re.Match[str] | None:
    # What opens behind the last end would be looked at to the end of the text, each time in vain.
    found = (
        pattern.search(text[: text.rfind(end) + len(end)] if end else text)
        for end, pattern in _JINJA.items()
        if end in text
    )
    return min(filter(None, found), key=lambda mark: mark.start(), default=None)


def check_syntax(name: Any) -> str | None:
    """Return `name` if it is that of a syntax, or None.

    Raises
    ------
    InvalidArgumentError
        If there is no such syntax.
    """
    if name is None or (isinstance(name, str) and name in _SYNTAXES):
        return name
    raise InvalidArgumentError("syntax", name, f"give one of {listed()}, or None to have it found.")


def listed() -> str:
    """Return the names of the syntaxes with an example of each, for a message."""
    return (
        '"format" ({name}, and {{ for a brace), "braces" ({name}, all else as it stands), '
        '"mustache" or "jinja" ({{ name }})'
    )


def parsed(text: str, syntax: str) -> Pieces:
    """Return what `text` is made of.

    Raises
    ------
    InvalidArgumentError
        If it has logic, filters or attributes, or is not of this syntax.
    """
    return joined(_SYNTAXES[syntax][0](text))


def written(pieces: Sequence[Piece], syntax: str) -> str:
    """Return the text that `parsed` reads as `pieces`; the optimized part as its text.

    Raises
    ------
    InvalidArgumentError
        If a text among them would be read as a placeholder.
    """
    text, misread = _written(pieces, syntax)
    if misread is not None:
        raise InvalidArgumentError(
            "syntax",
            syntax,
            f"the prompt has text that would be taken for a placeholder there, {misread}: give "
            'another one, or export it as "openai" code.',
        )
    return text


def misread(pieces: Sequence[Piece], syntax: str) -> str | None:
    """Return what of the text of `pieces` would be read as a placeholder; None if nothing."""
    return _written(pieces, syntax)[1]


def _written(pieces: Sequence[Piece], syntax: str) -> tuple[str, str | None]:
    plain = joined(piece.text if isinstance(piece, OptimizedPart) else piece for piece in pieces)
    _, text_of, name_of = _SYNTAXES[syntax]
    text = "".join(
        name_of(piece.name) if isinstance(piece, Placeholder) else text_of(str(piece))
        for piece in plain
    )
    if syntax == "jinja" and plain and isinstance(plain[-1], str) and plain[-1].endswith("\n"):
        text += "\n"  # Jinja takes one away
    try:
        read = parsed(text, syntax)
    except InvalidArgumentError as error:
        return text, shown(str(error.value), 80)
    if read == plain:
        return text, None
    meant, found = (
        Counter(piece.name for piece in each if isinstance(piece, Placeholder))
        for each in (plain, read)
    )
    further = next(iter(found - meant), None)
    return text, shown(text, 80) if further is None else name_of(further)


def _is_format(text: str) -> bool:
    try:
        fields = [field for field in Formatter().parse(text) if field[1] is not None]
    except ValueError:
        return False
    return all(
        (name or "").isidentifier() and not spec and not how for _, name, spec, how in fields
    )


def _parsed_format(text: str) -> list[Piece]:
    if not _is_format(text):
        raise InvalidArgumentError(
            "syntax",
            "format",
            f"{shown(text, 80)!r} is not text that str.format takes with plain names: write {{{{ "
            'and }}}} for braces, or give syntax="braces".',
        )
    pieces: list[Piece] = []
    for literal, name, _, _ in Formatter().parse(text):
        pieces.append(literal)
        if name is not None:
            pieces.append(Placeholder(name))
    return pieces


def _parsed_braces(text: str) -> list[Piece]:
    return _cut(text, _SINGLE, lambda found: Placeholder(found[1]) if found[1] else found[0])


def _parsed_mustache(text: str) -> list[Piece]:
    def piece(found: re.Match[str]) -> Piece:
        inside = found[1].strip()
        if _DOUBLE.fullmatch(found[0]):
            return Placeholder(inside)
        if _MEANT.match(inside):
            raise _not_plain(found[0])
        return found[0]

    return _cut(text, _TAG, piece)


def _parsed_jinja(text: str) -> list[Piece]:
    from jinja2 import Environment, TemplateSyntaxError  # noqa: PLC0415 - few have such prompts

    pieces: list[Piece] = []
    inside: list[str] | None = None
    try:
        # Only its lexer is used, which is what it does with white space: nothing is run.
        for _, kind, value in Environment(autoescape=True).lex(text):
            if kind in ("variable_begin", "block_begin"):
                inside = [value]
            elif inside is None:
                pieces += [value] if kind == "data" else []
            elif kind == "variable_end" and [k for k in inside[1:] if not k.isspace()][1:] == []:
                (name,) = [each for each in inside[1:] if not each.isspace()] or [""]
                if not name.isidentifier():
                    raise _not_plain("".join([*inside, value]))
                pieces.append(Placeholder(name))
                inside = None
            elif kind in ("variable_end", "block_end"):
                raise _not_plain("".join([*inside, value]))
            else:
                inside.append(value)
    except TemplateSyntaxError as error:
        remedy = f"Jinja cannot read it, line {error.lineno}: {error.message}."
        raise InvalidArgumentError(_WHERE, shown(text, 80), remedy) from None
    return pieces


def _not_plain(tag: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        _WHERE,
        shown(tag, 60),
        "only plain placeholders such as {{ question }} are understood, with names of letters, "
        "digits and _, no logic, filters or attributes: work the value out before, and give it as "
        "an input of its own.",
    )


def _cut(
    text: str, pattern: re.Pattern[str], piece: Callable[[re.Match[str]], Piece]
) -> list[Piece]:
    pieces: list[Piece] = []
    end = 0
    for found in pattern.finditer(text):
        pieces += [text[end : found.start()], piece(found)]
        end = found.end()
    return [*pieces, text[end:]]


def _as_it_stands(text: str) -> str:
    return text


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _raw(text: str) -> str:
    is_plain = not any(mark in text for mark in ("{{", "{%", "{#"))
    return text if is_plain else f"{{% raw %}}{text}{{% endraw %}}"


def _in_single(name: str) -> str:
    return f"{{{name}}}"


def _in_double(name: str) -> str:
    return f"{{{{ {name} }}}}"


# How a text is read, and how a text and a name are written.
_SYNTAXES: dict[
    str, tuple[Callable[[str], list[Piece]], Callable[[str], str], Callable[[str], str]]
] = {
    "format": (_parsed_format, _doubled, _in_single),
    "braces": (_parsed_braces, _as_it_stands, _in_single),
    "mustache": (_parsed_mustache, _as_it_stands, _in_double),
    "jinja": (_parsed_jinja, _raw, _in_double),
}
