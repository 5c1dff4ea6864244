"""What explains a value beside it: whether it may as well be another one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from mipro_nb.language.reading.words.labels import all_labels, is_part, loosely, parted, plain_label
from mipro_nb.language.reading.words.turning import FALSE_WORDS, SCALING, TRUE_WORDS, TURNING

# In what explains a value: it may not hold after all.
_HEDGES = re.compile(
    r"\b(?:but|however|though|although|yes|no|true|false|maybe|perhaps|partly|partially|unless"
    r"|except|or|if|depends?|un\w*sure|unclear|uncertain|low|little|could|might|may)\b|[?\uff1f]"
)
_HEDGES_OF_TRUTH = re.compile(rf"{_HEDGES.pattern}|\bnot\b|\w+n['\u2019]t\b")
_HALF = 0.5
_CONFIDENCE = re.compile(r"\b(?:confiden|certain|probab|likel|score)\w*")
_SHARE = re.compile(
    r"(?<![\w$\u20ac\u00a3.,])(\d+(?:[.,]\d+)?)\s*(%|percent)?(?=\W*(?:$|conf|cert|sure))"
)
# B or C; B, not C; B) C); B, C - where the labels are single letters, others may be words.
_ANOTHER_LETTER = re.compile(
    r"\b(?:or|and|nor|not)\s+\(?[A-Za-z]\b(?!\s+[a-z])|\b[A-Z]\)|(?<!\w)[A-Z][.:]\s"
    r"|(?:^|[,;/&]\s*)\(?[A-Z](?=\s*(?:[,;/&).]|$))"
)


def is_denied(annotation: Any, value: Any, rest: str, *, own: bool) -> bool:
    """Tell whether `rest`, which explains `value`, may make it another one.

    Parameters
    ----------
    annotation
        The type.
    value
        What stands before the explanation.
    rest
        The explanation.
    own
        It is a sentence of its own: only how it begins may turn the value then.
    """
    if isinstance(value, bool):
        return _is_truth_denied(rest.casefold(), truth=value, own=own)
    if isinstance(value, int | float | Decimal):
        low = rest.casefold()
        return bool(re.search(r"\d", low) or TURNING.search(low) or SCALING.search(low))
    labels = all_labels(annotation)
    others = [loosely(text) for text, v in labels.items() if v != value]
    if loosely(rest) in others:
        return True
    if all(len(loosely(text)) == 1 for text in labels):
        return _ANOTHER_LETTER.search(rest) is not None
    label = loosely(str(plain_label(value)))
    if label in TRUE_WORDS | FALSE_WORDS and not any(_names(rest, other) for other in others):
        return _is_truth_denied(rest.casefold(), truth=label in TRUE_WORDS, own=own)
    return _is_label_denied(label, others, rest.casefold(), own=own)


def _names(text: str, label: str) -> bool:
    return parted(text.casefold(), label)[1]


def _is_truth_denied(rest: str, *, truth: bool, own: bool) -> bool:
    hedges = _HEDGES_OF_TRUTH if truth else _HEDGES
    return bool(hedges.match(rest) if own else hedges.search(_first_sentence(rest)))


def _is_label_denied(label: str, others: Iterable[str], rest: str, *, own: bool) -> bool:
    if any(parted(rest, other)[1] for other in others):
        return True
    wider = {word for other in others if is_part(label, other) for word in other.split()}
    if (wider - set(label.split())) & set(re.findall(r"\w+", rest)):
        return True  # positive (very)
    share = _SHARE.search(rest)
    if share and not (_CONFIDENCE.search(rest) and _half_or_more(share)):
        return True
    if own:
        return TURNING.match(rest) is not None
    sentence = _first_sentence(rest)
    return bool(TURNING.search(sentence) or _HEDGES.search(sentence))


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _half_or_more(share: re.Match[str]) -> bool:
    number = float(share[1].replace(",", "."))
    return number >= (_HALF * 100 if share[2] or number > 1 else _HALF)
