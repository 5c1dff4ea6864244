"""Labels: whether a row has what it takes to be a demo, and what is wrong with those of a set."""

from __future__ import annotations

import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from mipro_nb.errors import shown
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import (
    NO_DEFAULT,
    Field,
    accepts,
    adapter,
    choices,
    equal_number,
    type_name,
)
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.runs.sentences.wording import counted


def can_be_demo(row: Example, signature: SignatureMeta) -> bool:
    """Tell whether a row of the data can be a labelled demo of a predictor."""
    has_inputs = all(
        name in row or field.default is not NO_DEFAULT
        for name, field in signature.input_fields.items()
    )
    return has_inputs and any(is_label(row, field) for field in signature.output_fields.values())


def labelled_demo(row: Example, signature: SignatureMeta) -> Example:
    """Return `row` as a demo: without the labels that it lacks, which would be shown as null."""
    missing = [
        name
        for name, field in signature.output_fields.items()
        if name in row and not is_label(row, field)
    ]
    return row.without(*missing) if missing else row


def is_label(row: Example, output: Field) -> bool:
    """Tell whether `row` has a value for `output`, and not just an empty cell of a table."""
    if output.name not in row:
        return False
    value = row[output.name]
    return not is_empty(value) or accepts(output, value)


def is_empty(value: Any) -> bool:
    """Tell whether `value` is what stands in an empty cell of a table."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def label_notes(
    sets: Mapping[str, Sequence[Example]], signatures: Iterable[SignatureMeta]
) -> list[str]:
    """Return notes on labels that are missing, or that no answer is likely to be equal to.

    Parameters
    ----------
    sets
        Name → rows.
    signatures
        Those of the predictors: labels belong to outputs of the same name.
    """
    outputs: dict[str, list[Field]] = defaultdict(list)
    for signature in signatures:
        for name, output in signature.output_fields.items():
            outputs[name].append(output)
    notes = []
    for name, fields in outputs.items():
        of_set = {s: [row for row in rows if name not in _inputs(row)] for s, rows in sets.items()}
        if any(name in row for rows in of_set.values() for row in rows):
            notes += _missing(name, fields, of_set)
            notes += _unfit(name, fields, of_set)
            notes += _written_otherwise(name, fields, of_set)
    return notes


def _inputs(row: Example) -> Sequence[str]:
    return row.input_names or ()


def _missing(
    name: str, fields: Sequence[Field], sets: Mapping[str, Sequence[Example]]
) -> list[str]:
    """Return a note of rows without a label that others have."""
    without = {
        said: [row for row in rows if not any(is_label(row, output) for output in fields)]
        for said, rows in sets.items()
    }
    if not any(without.values()):
        return []
    note = (
        f"{_places(without, sets)} without label {name!r}: they give no demo, and the metric gets "
        "them as they are. Take them out of the valset, unless the metric needs no label."
    )
    return [note]


def _unfit(name: str, fields: Sequence[Field], sets: Mapping[str, Sequence[Example]]) -> list[str]:
    """Return a note of labels that no answer can be equal to."""
    unfit = {
        said: [
            row
            for row in rows
            if any(is_label(row, output) for output in fields)
            and not any(_is_value(output, row[name]) for output in fields)
        ]
        for said, rows in sets.items()
    }
    row = next((row for rows in unfit.values() for row in rows), None)
    if row is None:
        return []
    wanted, value = type_name(fields[0].type), row[name]
    what = f"such as {shown(repr(value), 60)}, of type {_kind_of(value, fields[0])}"
    if choices(fields[0].type) is not None:
        what = f"such as {shown(repr(value), 60)}"
    note = (
        f"{_places(unfit, sets)} whose label {name!r} is no {shown(wanted, 120)}, {what}: no "
        "answer is equal to it, and a metric that compares the two as they are gives 0. Change the "
        "labels, or the type of the output."
    )
    return [note]


def _written_otherwise(
    name: str, fields: Sequence[Field], sets: Mapping[str, Sequence[Example]]
) -> list[str]:
    """Return notes of texts that are spelled as no answer is."""
    if any(choices(output.type) is not None for output in fields):
        return []  # an answer is spelled as the type has it
    labels = {
        said: [row for row in rows if any(is_label(row, output) for output in fields)]
        for said, rows in sets.items()
    }
    notes = []
    for tells, what in ((_has_space_around, _SPACE_AROUND), (_is_decomposed, _DECOMPOSED)):
        found = {said: [row for row in rows if tells(row[name])] for said, rows in labels.items()}
        row = next((row for rows in found.values() for row in rows), None)
        if row is not None:
            example = shown(ascii(row[name]), 60)
            notes.append(f"{_places(found, sets)} {what.format(name=name, example=example)}")
    return notes


_SPACE_AROUND = (
    "whose label {name!r} has white space around it, such as {example}: models answer without, "
    "and a metric that compares the two as they are gives 0. Strip the labels: label.strip()."
)
_DECOMPOSED = (
    "whose label {name!r} is not in the Unicode form NFC, such as {example}: models write in that "
    "form, and a metric that compares the two as they are gives 0. Normalize the labels: "
    "unicodedata.normalize('NFC', label)."
)


def _has_space_around(value: Any) -> bool:
    return isinstance(value, str) and value != value.strip()


def _is_decomposed(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_decomposed, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_is_decomposed, value))
    return isinstance(value, str) and not unicodedata.is_normalized("NFC", value)


def _kind_of(value: Any, output: Field) -> str:
    kind = type(value)
    if isinstance(value, Enum) and type_name(kind) == type_name(output.type):
        return f"another {type_name(kind)} (was it defined again after the rows were made?)"
    return type_name(kind)


def _is_value(output: Field, value: Any) -> bool:
    """Tell whether an answer, which is of the output's type, can be equal to `value`."""
    try:
        adapter(output).validate_python(equal_number(output, value), strict=True)
    except Exception:  # noqa: BLE001 - a user's own type raises anything
        return False
    return True


def _places(found: Mapping[str, Sequence[Example]], sets: Mapping[str, Sequence[Example]]) -> str:
    """Return how many rows were found where: "Trainset: 2 of 10 rows, valset: 1 of 40 rows"."""
    said = [
        f"{name}: {len(rows):,} of {counted(len(sets[name]), 'row')}"
        for name, rows in found.items()
        if rows
    ]
    text = ", ".join(said)
    return text[:1].upper() + text[1:]
