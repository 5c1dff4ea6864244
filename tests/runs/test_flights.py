"""Calls that are sent and have no event yet: the record knows what they take at the worst."""

from __future__ import annotations

import pytest
from handmade import answered, ended, failed, planned, recorded, whole_run, write

import mipro_nb as mipro
from mipro_nb.errors import RecordError
from mipro_nb.runs import open_record
from mipro_nb.runs.state import fold
from mipro_nb.runs.usage import Usage
from mipro_nb.runs.views.report import write_report


@pytest.fixture
def record():
    made = write("mine", [planned()])
    write("theirs", [planned()])
    return made


def flights():
    return open_record().query("SELECT count(*) FROM flights")[0][0]


def test_what_was_sent_and_not_told_of_is_lost_with_its_process(record):
    record.put_flight("mine", 0, Usage(1, 100, 0.25))
    record.put_flight("mine", 1, Usage(2, 50, 0.5))
    record.put_flight("mine", 2, Usage(1, 7, 9.0))
    record.end_flight("mine", 2)  # an event says so
    record.put_flight("theirs", 0, Usage(1, 1000, 5.0))
    assert record.take_lost("mine") == Usage(3, 150, 0.75)
    assert record.take_lost("mine") == Usage()  # counted once
    assert record.take_lost("theirs") == Usage(1, 1000, 5.0)


def test_a_call_that_is_sent_again_counts_with_all_its_attempts(record):
    record.put_flight("mine", 0, Usage(1, 100, 0.25))
    record.put_flight("mine", 0, Usage(2, 200, 0.5))  # what it took so far, and this attempt
    assert record.take_lost("mine") == Usage(2, 200, 0.5)


def test_a_call_ends_together_with_what_is_told_of_it_or_not_at_all(record):
    record.put_flight("mine", 0, Usage(1, 100, 0.25))

    def tell():
        with record.writing():
            record.end_flight("mine", 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tell()
    assert record.take_lost("mine") == Usage(1, 100, 0.25)


def test_the_calls_of_a_deleted_run_go_with_it():
    record = write("over", whole_run())
    record.put_flight("over", 0, Usage(1, 100, 0.25))
    write("other", [planned()]).put_flight("other", 0, Usage(1, 1, 0.0))
    mipro.runs.delete("over")
    assert flights() == 1
    with pytest.raises(RecordError, match="deleted"):
        record.put_flight("over", 1, Usage(1, 100, 0.25))
    assert flights() == 1


def test_what_was_reckoned_is_part_of_what_caps_start_from():
    state = fold(
        recorded(
            [
                planned(),
                answered(usd=0.5, reckoned_tokens=40, reckoned_usd=0.5),
                failed(attempts=3, reckoned_tokens=2, reckoned_usd=0.25),
                ended(),
            ]
        )
    )
    assert state.reckoned == Usage(0, 42, 0.75)
    assert state.usage == Usage(4, 110 + 42, 0.5 + 0.75)
    assert "at their worst: 42 tokens, $0.75" in write_report("run", state)
