"""The journal: what could not be recorded has not happened, and may be told again."""

from __future__ import annotations

import pytest

from mipro_nb.errors import RecordError
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.runs import events as ev
from mipro_nb.runs import open_record

PROMPT = {"prompt_head": "0", "prompt_tail": "0"}
CALL = {"phase": "search", "model": "m", "error": "no", "seconds": 1.0, **PROMPT}


@pytest.fixture
def journal():
    record = open_record()
    record.add_run("run", "name")
    return Journal(record, "run", RecordedProgress.none(record))


def no_room(record):
    pages = record.query("PRAGMA page_count")[0][0]
    record._db.execute(f"PRAGMA max_page_count={pages}")


def room(record):
    record._db.execute("PRAGMA max_page_count=1000000")


def test_events_that_were_undone_are_told_again_under_the_same_numbers(journal):
    heard = []
    journal.listen(heard.append)
    record = journal.record

    def tell():
        with record.writing():
            journal.emit(ev.LMCallFailed(**CALL))
            journal.emit(ev.LMCallFailed(**CALL))
            assert journal.state.spend.failed_calls == 1  # nobody knows of them yet
            record.put_answer("big", "x" * 1_000_000)

    journal.emit(ev.LMCallFailed(**CALL))
    no_room(record)
    for _ in range(2):
        with pytest.raises(RecordError, match="full"):
            tell()
    assert (journal.state.spend.failed_calls, len(heard)) == (1, 1)
    room(record)
    tell()
    journal.emit(ev.LMCallFailed(**CALL))
    assert [recorded.seq for recorded in record.events("run")] == [0, 1, 2, 3]
    assert heard == record.events("run")
    assert journal.state.spend.failed_calls == 4


def test_an_end_that_could_not_be_recorded_may_be_told_again(journal):
    end = ev.RunEnded(state="stopped", score=None, baseline=None, configuration=None, program=None)

    def tell():
        with journal.record.writing():
            journal.emit(end)
            journal.record.put_answer("big", "x" * 1_000_000)

    no_room(journal.record)
    with pytest.raises(RecordError, match="full"):
        tell()
    assert journal.state.ended is None
    room(journal.record)
    tell()
    journal.emit(ev.RunPaused())  # after the end nothing is told
    assert [recorded.event for recorded in journal.record.events("run")] == [end]
    assert journal.state.state == "stopped"
