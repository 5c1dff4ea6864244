"""JSON as models write it: in a fence, after a sentence, in Python's spelling, nearly right."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mipro_nb.language.reading.notation.backslashes import READ_AS_THEY_STAND, STRING, meant
from mipro_nb.language.reading.notation.keys import object_of
from mipro_nb.language.reading.notation.wrapping import unfenced, without_preface

_FENCED = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_BRACKETS = {"{": "}", "[": "]"}
# Signs of currency and mathematics, arrows and pictures are as good as words.
_WORD = re.compile(r"\w+|[\u20a0-\u20cf\u2190-\u2bff\U0001f000-\U0001faff]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[\"'\\/bfnrt\n])")
# A comment, a comma too many, or a string that may look like holding one; each is read once.
_REMARK = re.compile(rf"{STRING}|(//[^\n]*|/\*.*?(?:\*/|\Z))", re.DOTALL)
_LAST_COMMA = re.compile(rf"{STRING}|(,(?=\s*[\]}}]))", re.DOTALL)
_COMMENTS = "Comments in the JSON were left out."
# A quote within a word ends a string or does not.
_UNSURE = re.compile(r"\w\"\w")
_SINGLE_QUOTED = re.compile(r"[\[{,:]\s*'")
_APOSTROPHE = re.compile(r"\w'\w")
# Quotes around words of a text: before the first, and after the last, no word goes on.
_PAIR = re.compile(r'(?<![\w.,;:!?)\]])"(?=\S)[^"]*(?<=\S)"(?!\w)')
_OTHER_QUOTES = ("``", "\u00ab\u00bb", "\u2018\u2019", "\u201c\u201d", "\u300c\u300d")
_DOTS = re.compile(r"\.{3}")
# Longer ones are read as JSON or not at all.
_LONGEST_REPAIR = 100_000


def near_json(text: str, notes: list[str] | None = None) -> Any:
    """Return the object or list that `text` plainly means.

    A sentence before it and a fence around it are passed over. Python's quotes and names, a comma
    too many and bare quotes are fixed, as long as no word is lost. Comments are left out where the
    rest is JSON. An object in which a key stands for two values is a
    `mipro_nb.language.reading.notation.keys.Repeating` one.

    Parameters
    ----------
    text
        What a model wrote.
    notes
        Gets a sentence for comments that were left out, and for backslashes that were not doubled.

    Raises
    ------
    ValueError
        If there is no such object or list, or more than one reading of it.

    >>> near_json("Here they are: ['a', 'b',]")
    ['a', 'b']
    """
    body, literal = meant(_opened(text))
    try:
        value = _read(body)
    except ValueError:
        if (value := _without_comments(body)) is None:
            raise
        said = [_COMMENTS]
    else:
        said = []
    if notes is not None:
        notes += [*said, *([READ_AS_THEY_STAND] if literal else [])]
    return value


def only_member(text: str) -> tuple[str, Any] | None:
    """Return the key and the value of the object that `text` plainly means, if it has just one.

    >>> only_member('{"answer": 42}')
    ('answer', 42)
    """
    try:
        made = near_json(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(made, dict) or len(made) != 1:
        return None
    ((key, value),) = made.items()
    return str(key), value


_DEEP = "it is nested too deeply"


def _read(body: str) -> Any:
    if not body or body[0] not in _BRACKETS or body[-1] != _BRACKETS[body[0]]:
        msg = "there is no JSON object or list"
        raise ValueError(msg)
    try:
        return json.loads(body, object_pairs_hook=object_of)
    except RecursionError as error:
        raise ValueError(_DEEP) from error
    except ValueError:
        pass
    return _repaired(body)


def _without_comments(body: str) -> Any:
    """Return what `body` is without its comments, None if it has none or is not JSON then.

    The quotes of a string that holds more of them may leave "//" outside; nothing is repaired here.
    """
    bare = _REMARK.sub(lambda found: " " if found[1] else found[0], body).strip()
    if bare == body or bare[:1] not in _BRACKETS:
        return None
    try:
        bare = _LAST_COMMA.sub(lambda found: "" if found[1] else found[0], bare)
        return json.loads(bare, object_pairs_hook=object_of)
    except (ValueError, RecursionError):
        pass
    try:
        return _literal(bare)
    except _NO_LITERAL:
        return None


def _opened(text: str) -> str:
    """Return what stands in the fence, or after the sentence, that announces an object or list."""
    body = unfenced(text.strip()).strip()
    if body.startswith((*_BRACKETS, "//", "/*")):
        return body
    fences = _FENCED.findall(body)
    return fences[0].strip() if len(fences) == 1 else _announced(body)


def _announced(text: str) -> str:
    """Return what follows the first colon, if that is all there is to read."""
    body = without_preface(text).strip()
    if body[:1] in _BRACKETS:
        return body
    before, _, after = body.partition(":")
    return after.strip() if not _BRACKETS.keys() & set(before) else ""


def _repaired(body: str) -> Any:
    if len(body) > _LONGEST_REPAIR:
        msg = "it is not JSON"
        raise ValueError(msg)
    try:
        return _literal(body)
    except _NO_LITERAL:
        pass
    if any(body.count(opening) != body.count(closing) for opening, closing in _BRACKETS.items()):
        msg = "its brackets do not match"
        raise ValueError(msg)
    if _UNSURE.search(body.replace('\\"', "")) or (
        _SINGLE_QUOTED.search(body) and _APOSTROPHE.search(body)
    ):
        msg = "nobody can tell where its strings end"
        raise ValueError(msg)
    import json_repair  # noqa: PLC0415 - for the few replies that need it

    try:
        value = json_repair.loads(body)
    except RecursionError as error:
        raise ValueError(_DEEP) from error
    is_complete = isinstance(value, dict | list) and _words(body) == _words_of(value)
    is_complete = is_complete and _quotes_are_paired(body, value) and _keeps_quotes(body, value)
    if not is_complete or _DOTS.findall(body) != _DOTS.findall(json.dumps(value)):
        msg = "it is not JSON, and has no reading in which every word counts"
        raise ValueError(msg)
    return value


def _quotes_are_paired(body: str, value: Any) -> bool:
    """Tell whether no string in `value` holds quotes that end one string and begin another.

    ``"he had "fun" there"`` is one string, ``"yes" or "no"`` are two.
    """
    texts = [text for text in _texts_in(value) if '"' in text]
    if sum(text.count('"') for text in texts) <= body.count('\\"'):
        return True
    return all('"' not in _PAIR.sub("", text) for text in texts)


def _keeps_quotes(body: str, value: Any) -> bool:
    """Tell whether no quote of another kind is lost from a text but with the one that closes it."""
    kept = "".join(_texts_in(value))
    lost = {sign: body.count(sign) - kept.count(sign) for pair in _OTHER_QUOTES for sign in pair}
    return lost["`"] % 2 == 0 and all(lost[pair[0]] == lost[pair[1]] for pair in _OTHER_QUOTES)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *_texts_in(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)


_NO_LITERAL = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)


def _literal(body: str) -> Any:
    """Return the value of a Python literal, or raise one of `_NO_LITERAL`."""
    _check_strings(body)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's of odd escapes
        value = _built(ast.parse(body, mode="eval").body)
    json.dumps(value)
    return value


def _check_strings(body: str) -> None:
    """Return unless two strings stand side by side, which Python would make one.

    Raises
    ------
    ValueError
        If they do, or these are not tokens of Python.
    """
    before = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(body).readline):
            if token.type == before == tokenize.STRING:
                msg = "two strings stand side by side"
                raise ValueError(msg)
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                before = token.type
    except (tokenize.TokenError, SyntaxError) as error:
        msg = "it is not a literal"
        raise ValueError(msg) from error


def _built(node: ast.expr | None) -> Any:
    """Return the value of a Python literal; as `ast.literal_eval`, but with all keys looked at."""
    match node:
        case ast.Dict(keys=keys, values=values):
            return object_of((_built(k), _built(v)) for k, v in zip(keys, values, strict=True))
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_built(element) for element in elements]
        case ast.expr():
            return ast.literal_eval(node)
    msg = "it is not a literal"
    raise ValueError(msg)


def _words(text: str) -> Counter[str]:
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", text)
    return Counter(_word(each) for each in _WORD.findall(plain))


def _word(text: str) -> str:
    return {"none": "null"}.get(text.casefold(), text.casefold())


def _words_of(value: Any) -> Counter[str]:
    if isinstance(value, dict):
        return sum((_words_of(k) + _words_of(v) for k, v in value.items()), Counter())
    if isinstance(value, list):
        return sum(map(_words_of, value), Counter())
    return _words(json.dumps(value, ensure_ascii=False))
