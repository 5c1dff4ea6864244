"""Training and validation rows: from what the user has to lists of Example, split and checked."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mipro_nb.datasets.rows import from_dataframe
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.evaluate.evaluate import check_rows
from mipro_nb.language.programs.foreign import as_row
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.language.rows.plain import plain
from mipro_nb.language.saved_programs.saving import jsonable, kept_text
from mipro_nb.runs.store.record import text_ref

# DSPy's split: four fifths are for validation, at most this many rows.
_VALIDATION_SHARE = 0.8
_MOST_VALIDATION_ROWS = 1000
# From here on there are enough rows to choose by, also where most are to learn from.
_MANY_ROWS = 200
_KEPT = (str, int, float, bool, type(None))


Given = Mapping[tuple[str, str], Any]
"""Values that a record does not give back as they were given, by field and by their JSON text."""


@dataclass(frozen=True)
class Rows:
    """The disjoint sets that a run works on.

    Attributes
    ----------
    train
        Rows for bootstrapping and proposing.
    val
        Rows that configurations are scored on.
    test
        Rows that the result is measured on, which no phase before has seen; none as a rule.
    """

    train: list[Example]
    val: list[Example]
    test: Sequence[Example] = ()

    @property
    def sets(self) -> Mapping[str, Sequence[Example]]:
        """Return the sets by the names that users give them; no testset where there is none."""
        sets: dict[str, Sequence[Example]] = {"trainset": self.train, "valset": self.val}
        return {**sets, "testset": self.test} if self.test else sets

    @cached_property
    def taught(self) -> frozenset[int]:
        """Return the places in `val` of rows that have the inputs of a row of `train`."""
        keys = {inputs_key(row) for row in self.train}
        return frozenset(n for n, row in enumerate(self.val) if inputs_key(row) in keys)

    def unkept(self) -> str | None:
        """Return which value a record, which keeps rows as JSON, does not give back; None if none.

        Tuples come back as lists, which loses nothing.
        """
        inputs = self.val[0].input_names
        for name, examples in self.sets.items():
            for index, example in enumerate(examples):
                if example.input_names != inputs:
                    return f"{name}[{index}] has inputs of its own"
                for field, value in example.items():
                    if (kind := not_kept(value)) is not None:
                        return f"{name}[{index}].{field} holds a {kind.__qualname__}"
        return None


def distinct(rows: Sequence[Example]) -> list[int]:
    """Return the indices of `rows`, without those that have the inputs of an earlier row."""
    first: dict[str, int] = {}
    for index, row in enumerate(rows):
        first.setdefault(inputs_key(row), index)
    return list(first.values())


def inputs_key(row: Example) -> str:
    """Return a text that is the same for rows of the same inputs."""
    return values_key(row.inputs())


def values_key(row: Example) -> str:
    """Return a text that is the same for rows of the same values.

    It is how they are written down: a ``repr`` may leave out what tells two pictures apart.
    """
    return repr(sorted((name, _value_key(name, value)) for name, value in row.items()))


def _value_key(name: str, value: Any) -> str:
    try:
        return json.dumps(jsonable(value, name), sort_keys=True)
    except InvalidArgumentError:  # it has no such form
        return repr(value)


def evidence_rows(rows: Rows) -> list[int]:
    """Return the places of training rows that the prompt model may be shown failures on.

    Each inputs' first one, and none with the inputs of a validation row: those choose.
    """
    chosen_by = {inputs_key(row) for row in rows.val}
    return [n for n in distinct(rows.train) if inputs_key(rows.train[n]) not in chosen_by]


def given_values(rows: Sequence[Example]) -> Given:
    """Return the values of `rows` that a record does not give back as they were given."""
    return {
        (field, json.dumps(jsonable(value, field))): value
        for row in rows
        for field, value in row.items()
        if not_kept(value) is not None
    }


def not_kept(value: Any) -> type | None:
    """Return the type of what JSON does not give back in a value, None if it gives back all."""
    if type(value) is dict:
        keys = (type(key) for key in value if type(key) is not str)
        return next(keys, None) or not_kept(list(value.values()))
    if type(value) in (list, tuple):
        return next((kind for each in value if (kind := not_kept(each)) is not None), None)
    return None if type(value) in _KEPT else type(value)


def split_rows(
    trainset: Any,
    valset: Any,
    inputs: Sequence[str] | None,
    most: int | None,
    seed: int,
    *,
    testset: Any = None,
) -> Rows:
    """Return the rows to work on.

    Parameters
    ----------
    trainset, valset
        Lists of Example, lists of dict, or data frames; valset may be None: then it is the last
        80 % of trainset.
    inputs
        Names of the inputs, where rows do not tell.
    most
        Cap of the valset's size, None for none; a seeded sample is taken.
    seed
        Seed of that sample.
    testset
        Rows that the result is measured on, as the others; None for none.

    Raises
    ------
    InvalidArgumentError
        If a set is empty, rows have no inputs, or a value has no JSON form or cannot be sent; or
        a row of the testset is in another set as well.
    """
    if inputs is not None and not (
        isinstance(inputs, Iterable)
        and not isinstance(inputs, str)
        and (names := list(inputs))
        and all(isinstance(name, str) for name in names)
    ):
        raise InvalidArgumentError("inputs", inputs, "give a list of names, such as ['question'].")
    train = _as_examples("trainset", trainset, inputs)
    if valset is not None:
        val = _as_examples("valset", valset, inputs)
    else:
        if len(train) < 2:  # noqa: PLR2004 - one row for each set
            raise InvalidArgumentError(
                "trainset", train, "one row cannot be split: give at least 2 rows, or a valset."
            )
        size = validation_size(len(train))
        train, val = train[:-size], train[-size:]
    test = [] if testset is None else _as_examples("testset", testset, inputs)
    _check_unseen("testset", test, train, val)
    if most is not None and len(val) > most:
        kept = sorted(random.Random(seed).sample(range(len(val)), most))
        val = [val[index] for index in kept]
    return Rows(train, val, test)


def rows_ref(rows: Sequence[Example], name: str) -> str | None:
    """Return the reference by which a record keeps these rows; None where there are none."""
    return text_ref(kept_text([row.to_dict() for row in rows], name)) if rows else None


def unseen_rows(name: str, rows: Any, inputs: Sequence[str], seen: Rows) -> list[Example]:
    """Return `rows` to test on that a run has not `seen`; errors are those of `split_rows`.

    They were given as the argument `name`.
    """
    test = _as_examples(name, rows, inputs)
    _check_unseen(name, test, seen.train, seen.val)
    return test


def _check_unseen(
    name: str, test: Sequence[Example], train: Sequence[Example], val: Sequence[Example]
) -> None:
    """Return if no row of the testset has the inputs of a row that the run learns or chooses by."""
    seen = {inputs_key(row): "valset" for row in val}
    seen.update((inputs_key(row), "trainset") for row in train)
    overlap = [(n, seen[key]) for n, row in enumerate(test) if (key := inputs_key(row)) in seen]
    if not overlap:
        return
    first, _ = overlap[0]
    counts = Counter(where for _, where in overlap)
    told = " and ".join(f"{count:,} of the {name}" for name, count in sorted(counts.items()))
    raise InvalidArgumentError(
        f"{name}[{first}]",
        test[first],
        f"{len(overlap):,} of the {len(test):,} rows to test on have the inputs of rows of "
        f"other sets ({told}), and this is the first: take them out, so that the test score is "
        "that on rows which no phase has seen.",
    )


def check_own_demos(name: str, test: Sequence[Example], student: Module) -> None:
    """Return if no demo that the student, or a teacher, has of its own is a row to test on.

    Parameters
    ----------
    name
        What the user calls the rows.
    test
        They.
    student
        The program.

    Raises
    ------
    InvalidArgumentError
        If one is: prompts would show the answers of that row.
    """
    for place, predictor in own_demos_among(test, student):
        raise InvalidArgumentError(
            f"{name}[{place}]",
            test[place],
            f"it is a demo that the program has already, of predictor {predictor}: "
            "take it out of the rows to test on, or of the demos, so that no prompt "
            "shows a row that the test score rests on.",
        )


def own_demos_among(rows: Sequence[Example], student: Module) -> Iterator[tuple[int, str]]:
    """Yield each demo that the student, or a teacher, has of its own and that is one of `rows`.

    It is told by the place of its row, the first of its inputs, and by its predictor.
    """
    places = {inputs_key(row): n for n, row in reversed(list(enumerate(rows)))}
    names = {field for row in rows for field in row.inputs()}
    for program in (student, *student.teachers):
        for predictor, each in program.named_predictors():
            for demo in each.demos:
                given = {field: value for field, value in demo.items() if field in names}
                place = places.get(inputs_key(Example(given).with_inputs(*given)))
                if place is not None:
                    yield place, predictor


def split_notes(rows: Rows) -> list[str]:
    """Return a note on how the rows are split, where it leaves few of few to choose by."""
    train, val = len(rows.train), len(rows.val)
    if train + val >= _MANY_ROWS or val >= train:
        return []
    note = (
        f"{val:,} of {train + val:,} rows are to validate on. Below {_MANY_ROWS} rows, keep at "
        "least half of them for that: a prompt chosen by few rows may be no better on others."
    )
    return [note]


def validation_size(rows: int) -> int:
    """Return how many of so many training rows become the valset, where none is given."""
    return min(_MOST_VALIDATION_ROWS, max(1, int(_VALIDATION_SHARE * rows)))


def _as_examples(name: str, rows: Any, inputs: Sequence[str] | None) -> list[Example]:
    if hasattr(type(rows), "columns"):
        if inputs is None:
            raise InvalidArgumentError(
                "inputs", None, f"{name} is a data frame: name its input columns, inputs=['…']."
            )
        rows = from_dataframe(rows, inputs=list(inputs))
    if hasattr(rows, "__iter__") and not isinstance(rows, str | bytes):
        rows = [_with_inputs(name, index, row, inputs) for index, row in enumerate(rows)]
    examples: list[Example] = plain(check_rows(name, rows))
    for index, example in enumerate(examples):
        for field, value in example.items():
            _check_value(f"{name}[{index}].{_printable(field)}", field, value)
    return examples


def _printable(field: str) -> str:
    return field.encode("utf-8", "backslashreplace").decode()


def _check_value(name: str, field: str, value: Any) -> None:
    text = json.dumps(jsonable({field: value}, name), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(
            name,
            value,
            f"it holds {text[error.start]!a}, half of a character that UTF-8 has no form for, so "
            "it cannot be sent: read the data again with the right encoding, or take it out.",
        ) from error


def _with_inputs(name: str, index: int, row: Any, inputs: Sequence[str] | None) -> Any:
    row = as_row(row)
    if isinstance(row, Mapping):
        if inputs is None:
            raise InvalidArgumentError(
                f"{name}[{index}]", row, "rows that are dicts need compile(…, inputs=['…'])."
            )
        row = Example(row)
    if isinstance(row, Example) and inputs is not None and row.input_names is None:
        missing = [input_name for input_name in inputs if input_name not in row]
        if missing:
            raise InvalidArgumentError(
                f"{name}[{index}]", row, f"it has no {', '.join(missing)}, which inputs= names."
            )
        return row.with_inputs(*inputs)
    return row
