"""Rows and demos by their labels, where the outputs are labels of which there are a few.

A model that is shown demos of one label in a row, or mostly of one label, answers with that label
whatever the input is (Zhao et al., "Calibrate Before Use", arXiv:2102.09690). So labels take turns.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeVar

from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field, choices, json_value
from mipro_nb.language.signatures.signature import SignatureMeta

Item = TypeVar("Item")


def in_turn(
    items: Iterable[Item], label_of: Callable[[Item], str], before: Iterable[Item] = ()
) -> list[Item]:
    """Return `items` such that their labels take turns; those of one label keep their order.

    Parameters
    ----------
    items
        What to order.
    label_of
        Returns an item's label.
    before
        What goes before them, and counts: labels that it has less of come first.

    >>> in_turn(["ham 1", "ham 2", "spam 1"], lambda text: text.split()[0])
    ['ham 1', 'spam 1', 'ham 2']
    """
    waiting: dict[str, list[Item]] = {}
    for item in items:
        waiting.setdefault(label_of(item), []).append(item)
    had = Counter(map(label_of, before))
    for left in waiting.values():
        left.reverse()
    ordered: list[Item] = []
    while waiting:
        label = min(waiting, key=lambda each: had[each])
        ordered.append(waiting[label].pop())
        had[label] += 1
        if not waiting[label]:
            del waiting[label]
    return ordered


def label_of(row: Example, signatures: Iterable[SignatureMeta]) -> str:
    """Return the labels that `row` has among the outputs of `signatures`, empty if none."""
    labels = {
        name: json_value(field, row[name])
        for signature in signatures
        for name, field in signature.output_fields.items()
        if name in row and _is_label(field)
    }
    return json.dumps(labels, sort_keys=True) if labels else ""


def _is_label(field: Field) -> bool:
    kind = field.type
    is_enum = isinstance(kind, type) and issubclass(kind, Enum)
    return kind is bool or is_enum or choices(kind) is not None
