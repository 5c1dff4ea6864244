"""The labels of a Literal or an Enum, and what is read as one of them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from mipro_nb.errors import shown
from mipro_nb.language.reading.words.turning import SCALING, TURNING

# An item of a list of choices: "2. spam", "- [x] spam".
TICKED = re.compile(r"^(?:[-*+]\s+)?(?:\[\s*[xX\u2713\u2714]\s*\]|[\u2611\u2705\u2713\u2714])\s*")
# Or a comparison: <10 is not 10.
NOT_CHOSEN = re.compile(r"^\W*?(?:\[\s*\]\s*\S|\u2610|[<>]\s*=?\s*\d[\d.,]*[*_`\s.]*$)")
_NUMBERED = re.compile(r"^\(?\d{1,2}[.)]\s+")
_MOST_WORDS = 4
_GOES_ON = re.compile(r"\s+(?!(?:is|because|since|as)\b)[a-z]")
_DETERMINERS = frozenset({"no", "not", "non"})
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d_]{2})\s?[\s_/&-]\s?(?=[^\W\d_]{2})")
_UNMODIFYING = frozenset({"the", "a", "an", "is", "as", "be", "it", "it's", "its", "just", "say"})
ROUND = "\"'`*<>[]\u201c\u201d\u2018\u2019"


class NotOneOfError(ValueError):
    """A text that is none of the values that a type has."""


def loosely(text: str) -> str:
    """Return the first line of `text` without quotes, bold, full stop, case and full width."""
    line = first_line(unicodedata.normalize("NFKC", text)).strip(ROUND + "\u3002. ")
    return " ".join(line.rstrip("!").rstrip(ROUND + ". ").split()).casefold()


def first_line(text: str) -> str:
    """Return the first line of `text`, without white space around it."""
    return text.split("\n", 1)[0].strip()


def one_of(values: Mapping[str, Any], raw: Any, notes: list[str]) -> Any:
    """Return the value whose text `raw` is, or is near to."""
    if not isinstance(raw, str):
        return _of_json(values, raw, notes)
    for exact_text in (raw, raw.strip(), first_line(raw)):
        if exact_text in values:
            return values[exact_text]
    said = "" if NOT_CHOSEN.match(raw) else loosely(TICKED.sub("", raw.strip()))
    found = different(v for text, v in values.items() if loosely(text) == said)
    if not found:
        joined = _joined(said)
        found = different(v for text, v in values.items() if _joined(loosely(text)) == joined)
    if not found:
        labels = {text: loosely(text) for text in values}
        found = different(values[text] for text in _nearest(said, labels))
        if len(found) == 1:
            notes.append(f"{shown(raw.strip(), 80)!r} was read as {plain_label(found[0])!r}")
    if len(found) == 1:
        return found[0]
    raise _none_of(values, raw)


def _of_json(values: Mapping[str, Any], raw: Any, notes: list[str]) -> Any:
    exact = [v for v in values.values() if type(v) is type(raw) and v == raw]
    by_value = [v for v in values.values() if isinstance(v, Enum) and v.value == raw]
    if exact or by_value:
        return (exact or by_value)[0]
    if isinstance(raw, list) and len(raw) == 1:
        return one_of(values, raw[0], notes)
    written = json.dumps(raw, ensure_ascii=False, default=repr)
    if isinstance(raw, bool | int | float):
        return one_of(values, written, notes)
    raise _none_of(values, written)


def _none_of(values: Mapping[str, Any], raw: str) -> NotOneOfError:
    names = ", ".join(dict.fromkeys(str(plain_label(v)) for v in values.values()))
    return NotOneOfError(f"expected one of {names}, got {shown(raw, 80)!r}")


def _joined(text: str) -> str:
    """Return `text` with nothing between its words: very_positive, very-positive, VeryPositive."""
    return _BETWEEN_WORDS.sub("", text)


def _nearest(said: str, labels: Mapping[str, str]) -> list[str]:
    """Return the keys of the labels that `said` is near to; of "very good" and "good" the longer.

    Where one label is part of another, a word beside it may have meant that one.
    """
    near = {key: label for key, label in labels.items() if _near(said, label)}
    longest = [
        key
        for key, label in near.items()
        if not any(is_part(label, other) for other in near.values())
        or parted(said.replace(max(near.values(), key=len), " "), label)[1]
    ]
    modified = [
        key
        for key in longest
        if _stem(said) != _stem(labels[key])
        and any(is_part(labels[key], other) for other in labels.values())
        and _modified(said, labels[key])
    ]
    others = [
        label
        for label in labels.values()
        if not any(label == labels[key] or is_part(label, labels[key]) for key in longest)
        and _is_named(said, label)
        and not any(is_part(labels[key], label) for key in longest)
    ]
    return [] if modified or others else longest


def is_part(label: str, other: str) -> bool:
    """Tell whether `other` is `label` and further words, as "very good" is of "good"."""
    return label != other and parted(other, label)[1]


def _modified(said: str, label: str) -> bool:
    """Tell whether a word that says how much stands beside `label`."""
    before, _, after = parted(said, label)
    word = re.search(r"([\w'\u2019-]+)\s*$", before)
    return bool(re.search(r"\w", after)) or (word is not None and word[1] not in _UNMODIFYING)


def _near(said: str, label: str) -> bool:
    """Tell whether `said` is the label in the plural, or in a phrase of few words."""
    if not label or not said:
        return False
    if _stem(said) == _stem(label):
        return True
    phrase = _NUMBERED.sub("", said)
    if len(phrase.split()) > _MOST_WORDS:
        return False
    before, found, after = parted(phrase, label)
    if not _is_named(phrase, label):
        return False
    # "0% spam", "spam: 0.1": a number beside a label says how much of it.
    beside = f"{before} {after}"
    is_turned = TURNING.search(beside) or re.search(r"(?<!\w)!\s*$", before)
    is_scaled = label[0].isdecimal() and SCALING.search(beside)
    return found and not (is_turned or is_scaled or re.search(r"\d", beside))


def _is_named(phrase: str, label: str) -> bool:
    """Tell whether `label` stands in `phrase`, and not as another word: an article, "no" joy."""
    _, found, after = parted(phrase, label)
    if label in {"a", "i"} and _GOES_ON.match(after):
        return False
    return found and not (label in _DETERMINERS and re.match(r"\s+\w", after))


def parted(phrase: str, label: str) -> tuple[str, bool, str]:
    """Return what stands before and after the label in `phrase`, and whether it is in there."""
    place = re.search(rf"(?<!\w)(?<!-){re.escape(label)}(?!\w)(?![-+#])", phrase)
    if place is None:
        return phrase, False, ""
    return phrase[: place.start()] + " ", True, phrase[place.end() :]


def _stem(word: str) -> str:
    for ending in ("es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word


@lru_cache(maxsize=256)
def labels_of(annotation: Any) -> Mapping[str, Any] | None:
    """Return the values of a Literal or Enum by their texts; None for other types."""
    if get_origin(annotation) is Literal:
        return _texts_of(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _texts_of_members(annotation)
    return None


def all_labels(annotation: Any) -> dict[str, Any]:
    """Return the labels of a type, or of all parts of a union, by their texts."""
    arms = get_args(annotation) if labels_of(annotation) is None else (annotation,)
    return {text: v for arm in arms for text, v in (labels_of(arm) or {}).items()}


def plain_label(value: Any) -> Any:
    """Return the value of an enum's member, any other as it is."""
    return value.value if isinstance(value, Enum) else value


def different(values: Iterable[Any]) -> list[Any]:
    """Return `values`, each different one once."""
    found: list[Any] = []
    for value in values:
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found


def _texts_of(values: Iterable[Any]) -> dict[str, Any]:
    """Return the labels by the texts that stand for them; that of JSON wins."""
    values = list(values)
    loose = {str(plain_label(value)): value for value in reversed(values)}
    quoted = {json.dumps(plain_label(v)): v for v in values if not isinstance(v, bytes)}
    return loose | {value: value for value in values if isinstance(value, str)} | quoted


def _texts_of_members(enum: type[Enum]) -> dict[str, Any]:
    members = enum.__members__
    qualified = {f"{enum.__name__}.{name}": member for name, member in members.items()}
    spaced = {name.replace("_", " "): member for name, member in members.items()}
    values = {str(member.value): member for member in reversed(enum)}
    quoted = {json.dumps(m.value): m for m in enum if isinstance(m.value, str | int | float)}
    return spaced | qualified | dict(members) | values | quoted
