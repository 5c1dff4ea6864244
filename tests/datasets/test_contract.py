"""The contract of data sets finds faults."""

from __future__ import annotations

import random

import pytest

from mipro_nb.language import Example
from mipro_nb.testing import DatasetContract


def row(number, **more):
    return Example(text=f"Row {number}", label=str(number % 2), **more).with_inputs("text")


class Good:
    def __init__(self, seed):
        rows = [row(number) for number in range(20)]
        random.Random(seed).shuffle(rows)
        self.train, self.test = rows[:12], rows[12:]


class Undeclared(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.train = [Example(each.to_dict()) for each in self.train]


class Unlabelled(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.test = [each.with_inputs("text", "label") for each in self.test]


class Mixed(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.test = [each.copy(more=1).with_inputs("text", "more") for each in self.test]


class Overlapping(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.test = [*self.test, self.train[0].copy(text=f" {self.train[0].text.upper()} ")]


class Unseeded(Good):
    def __init__(self, seed):
        super().__init__(random.random())


class AnySeed(Good):
    def __init__(self, seed):
        super().__init__(1)


class Unkept(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.test = [each.copy(label=(1, 2)) for each in self.test]


class Empty(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.test = []


class Untested(Good):
    def __init__(self, seed):
        super().__init__(seed)
        self.dev = self.test
        del self.test


def contract_of(made, missing=None):
    class Contract(DatasetContract):
        def make_dataset(self, seed):
            return made(seed)

        def make_dataset_without_data(self):
            if missing is not None:
                raise missing
            return made(1)

    return Contract()


@pytest.mark.parametrize(
    ("faulty", "found_by"),
    [
        (Undeclared, "test_every_row_has_inputs_and_labels"),
        (Unlabelled, "test_every_row_has_inputs_and_labels"),
        (Mixed, "test_every_row_has_inputs_and_labels"),
        (Overlapping, "test_the_sets_are_disjoint"),
        (Unseeded, "test_a_seed_decides_rows_and_order"),
        (AnySeed, "test_a_seed_decides_rows_and_order"),
        (Unkept, "test_a_run_can_record_the_rows"),
        (Empty, "test_it_has_sets_of_rows"),
        (Untested, "test_it_has_sets_of_rows"),
        (Good, "test_what_is_missing_is_told_with_its_remedy"),
    ],
)
def test_the_contract_finds_a_fault(faulty, found_by):
    with pytest.raises(AssertionError):
        getattr(contract_of(faulty), found_by)()


def test_an_error_that_tells_no_remedy_is_a_fault():
    with pytest.raises(AssertionError, match="raise MissingDataError"):
        contract_of(Good, FileNotFoundError("x")).test_what_is_missing_is_told_with_its_remedy()


@pytest.mark.parametrize("found_by", [name for name in dir(DatasetContract) if "test" in name[:5]])
def test_a_sound_data_set_passes(found_by):
    if "missing" not in found_by:
        getattr(contract_of(Good), found_by)()
