"""What every data set has to do, as tests."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

from mipro_nb.datasets import DataSet
from mipro_nb.errors import MiproError, MissingDataError, MissingExtraError
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs.saving import jsonable

_SEEDS = (1, 2)


class DatasetContract:
    """The tests of a data set: derive a class from it and say how yours is made.

    Examples
    --------
    >>> from mipro_nb.datasets import SMSSpam
    >>> class TestSpam(DatasetContract):
    ...     def make_dataset(self, seed):
    ...         return SMSSpam(seed, train=20, val=10, test=30)
    >>> TestSpam().test_the_sets_are_disjoint()
    """

    def make_dataset(self, seed: int) -> DataSet:
        """Return your data set, of small sizes and without a download; you have to write it."""
        raise NotImplementedError

    def make_dataset_without_data(self) -> DataSet:
        """Make your data set where its data, or what reads them, are not installed.

        Have the files, or the module, missing: in the contract it has to raise.
        """
        raise NotImplementedError

    def test_it_has_sets_of_rows(self) -> None:
        """``train`` and ``test`` are lists of `Example`, and none is empty."""
        made = self.make_dataset(1)
        assert isinstance(made, DataSet), "it has no attributes train and test"
        for name, rows in _sets(made).items():
            assert rows, f"{name} is empty"
            assert all(isinstance(row, Example) for row in rows), f"{name} holds other things"
        assert {"train", "test"} <= _sets(made).keys(), "train and test must be lists"

    def test_every_row_has_inputs_and_labels(self) -> None:
        """A program is given the inputs alone: what is not declared as one is not given away."""
        declared = set()
        for name, rows in _sets(self.make_dataset(1)).items():
            for place, row in enumerate(rows):
                where = f"{name}[{place}]"
                assert _names(row), f"{where} declares no inputs: call with_inputs"
                assert row.labels().to_dict(), f"{where} has no label: all of it is input"
                declared.add(_names(row))
        assert len(declared) == 1, f"rows differ in their inputs: {sorted(declared)}"

    def test_the_sets_are_disjoint(self) -> None:
        """No row is in two sets: a program would be tested on what it has learnt.

        Rows are the same if their inputs are, whatever their case and white space.
        """
        for seed in _SEEDS:
            sets = {
                name: {_folded(row) for row in rows}
                for name, rows in _sets(self.make_dataset(seed)).items()
            }
            for (name, rows), (other, others) in itertools.combinations(sets.items(), 2):
                both = rows & others
                assert not both, f"{name} and {other} both have {sorted(both)[:3]}"

    def test_a_seed_decides_rows_and_order(self) -> None:
        """The same seed gives the same rows, whatever was drawn before; another one others."""
        one, again, other = (self._rows(seed) for seed in (1, 1, 2))
        assert one == again, "the same seed gives other rows"
        assert one != other, "another seed gives the same rows"

    def test_a_run_can_record_the_rows(self) -> None:
        """Rows are kept as JSON, so that a run can be resumed."""
        for name, rows in self._rows(1).items():
            for place, row in enumerate(rows):
                for field, value in row.items():
                    kept = jsonable(value, f"{name}[{place}].{field}")
                    assert kept == value, f"{name}[{place}].{field}={value!r} is kept as {kept!r}"

    def test_what_is_missing_is_told_with_its_remedy(self) -> None:
        """Without the data, or the library that reads them, the error tells how to get them."""
        try:
            self.make_dataset_without_data()
        except (MissingDataError, MissingExtraError) as error:
            told = str(error)
        except Exception as error:
            if isinstance(error, NotImplementedError | MiproError):
                raise
            msg = f"raise MissingDataError or MissingExtraError, not {type(error).__name__}"
            raise AssertionError(msg) from error
        else:
            msg = "the data are missing, and nothing was raised"
            raise AssertionError(msg)
        assert len(told.split()) > 3, f"{told!r} does not tell what to do"

    def _rows(self, seed: int) -> dict[str, list[dict[str, Any]]]:
        random.random()  # another state of the global generator each time
        sets = _sets(self.make_dataset(seed))
        return {name: [row.to_dict() for row in rows] for name, rows in sets.items()}


def _sets(made: object) -> dict[str, Sequence[Example]]:
    return {
        name: value
        for name, value in vars(made).items()
        if isinstance(value, list) and not name.startswith("_")
    }


def _names(row: Example) -> tuple[str, ...]:
    return tuple(row.input_names or ())


def _folded(row: Example) -> str:
    return " | ".join(" ".join(str(row[name]).casefold().split()) for name in sorted(_names(row)))
