"""The record's file is deleted, replaced, locked, full or made read-only while it is in use."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import processes
import pytest

from mipro_nb.errors import RecordError
from mipro_nb.runs import Record, check, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.usage import Usage

RUN = "20261124-010203-abcdef"


def note(word="word"):
    return ev.GroundingWritten(kind="dataset summary", predictor=None, text=word)


@pytest.fixture
def record(tmp_path):
    made = Record(tmp_path / "folder" / "record.sqlite")
    made.add_run(RUN, "name")
    made.append(RUN, note("first"), 0)
    yield made
    made.close()


WRITES = {
    "an event": lambda record: record.append(RUN, note(), 1),
    "a text": lambda record: record.put_text("text"),
    "an answer": lambda record: record.put_answer("key", "body"),
    "a call": lambda record: record.put_flight(RUN, 0, Usage(1, 10, 0.5)),
    "a name": lambda record: record.rename_run(RUN, "another"),
    "a deletion": lambda record: record.delete_run(RUN),
}

deletable = pytest.mark.skipif(sys.platform == "win32", reason="no open file is deleted there")


@deletable
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_write_goes_into_a_file_that_was_deleted(record, write):
    for file in record.path.parent.iterdir():
        file.unlink()
    with pytest.raises(RecordError, match=r"record\.sqlite was deleted.*nothing that came since"):
        write(record)
    assert list(record.path.parent.iterdir()) == []


@deletable
@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_half_of_the_file_deleted_is_noticed_too(record, suffix):
    Path(f"{record.path}{suffix}").unlink()
    with pytest.raises(RecordError, match=rf"record\.sqlite{suffix} was deleted"):
        record.append(RUN, note(), 1)


@deletable
def test_a_file_that_was_replaced_is_left_alone(record, tmp_path):
    other = Record(tmp_path / "other.sqlite")
    other.add_run("theirs", "name")
    other.close()
    other.path.replace(record.path)
    with pytest.raises(RecordError, match="deleted, moved or replaced"):
        record.append(RUN, note(), 1)
    record.close()
    found = Record(record.path)
    assert [run_id for run_id, _ in found.run_ids()] == ["theirs"]
    found.close()


@deletable
@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_backup_that_took_the_place_of_the_file_is_read_as_it_is(tmp_path, is_noticed):
    path = tmp_path / "record.sqlite"
    open_record(path).add_run("before", "name")
    open_record(path).query("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, tmp_path / "backup")
    former = open_record(path)
    former.add_run("since", "name")
    (tmp_path / "backup").replace(path)
    if is_noticed:
        with pytest.raises(RecordError, match="replaced"):
            former.add_run("too late", "name")
    assert [run_id for run_id, _ in open_record(path).run_ids()] == ["before"]
    assert check(path).ok
    assert [run_id for run_id, _ in former.run_ids()] == ["since", "before"]  # still to be read


@deletable
def test_a_file_that_was_moved_is_written_again_once_it_is_back(record, tmp_path):
    away = tmp_path / "away"
    record.path.parent.rename(away)
    with pytest.raises(RecordError, match="Move it back and try again"):
        record.append(RUN, note(), 1)
    away.rename(record.path.parent)
    record.append(RUN, note(), 1)
    again = Record(record.path)
    assert len(again.events(RUN)) == 2
    again.close()


@deletable
def test_a_copy_in_the_place_of_the_file_is_another_file(record, tmp_path):
    shutil.copy(record.path, tmp_path / "copy")
    (tmp_path / "copy").replace(record.path)
    with pytest.raises(RecordError, match="replaced"):
        record.append(RUN, note(), 1)


def test_a_file_that_somebody_holds_is_told_and_written_once_it_is_free(record):
    holder = sqlite3.connect(record.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    record._db.execute("PRAGMA busy_timeout=50")
    with pytest.raises(RecordError, match=r"locked\. Another program holds it: close"):
        record.append(RUN, note(), 1)
    holder.close()
    record.append(RUN, note(), 1)
    assert len(record.events(RUN)) == 2


def test_a_file_that_cannot_be_written_any_more_is_told(record):
    record._db.execute("PRAGMA query_only=ON")  # what a read-only disk answers
    with pytest.raises(RecordError, match=r"readonly.*Make the file and its folder writable"):
        record.append(RUN, note(), 1)
    record._db.execute("PRAGMA query_only=OFF")
    record.append(RUN, note(), 1)
    assert len(record.events(RUN)) == 2


def test_a_write_is_undone_even_where_its_failure_was_not_minded(record):
    pages = record.query("PRAGMA page_count")[0][0]
    record._db.execute(f"PRAGMA max_page_count={pages}")

    def write():
        with record.writing():
            record.put_answer("before", "x")
            with pytest.raises(RecordError, match="full"):
                record.put_answer("big", "z" * 1_000_000)
            record.append(RUN, note(), 1)

    with pytest.raises(RecordError, match=r"a write before this one failed.*Try all of it again"):
        write()
    record._db.execute("PRAGMA max_page_count=1000000")
    assert (record.answer("before"), len(record.events(RUN))) == (None, 1)
    record.append(RUN, note(), 1)


def test_whoever_writes_hears_whether_it_is_kept(record):
    heard = []

    def hear(what):
        record.at_the_end(
            lambda: heard.append((what, "kept")), lambda: heard.append((what, "gone"))
        )

    hear("outside")
    with record.writing():
        hear("first")
        with record.writing():
            hear("second")
        assert heard == [("outside", "kept")]
    assert heard == [("outside", "kept"), ("first", "kept"), ("second", "kept")]
    heard.clear()

    def fail():
        with record.writing():
            hear("first")
            hear("second")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert heard == [("second", "gone"), ("first", "gone")]
    with record.writing():
        pass
    assert len(heard) == 2


FULL = """
import resource, sys
from pathlib import Path
from mipro_nb.errors import RecordError
from mipro_nb.runs import Record
from mipro_nb.runs.events import GroundingWritten
record = Record(Path(sys.argv[1]))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
def write(number):
    with record.writing():
        record.put_answer(f"answer {number}", "x" * 3000)
        record.append("run", GroundingWritten(kind="dataset summary", predictor=None,
                                              text=f"{number} " + "y" * 3000), number)
record.add_run("run", "name")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
number, errors = 0, 0
while number < 300:
    try:
        write(number)
        number += 1
    except RecordError as error:
        errors += 1
        print(error, flush=True)
        if errors == 3:  # room is made: what failed is done again
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_on_a_full_disk_each_write_fails_as_a_whole_and_is_repeated_once_there_is_room(tmp_path):
    path = tmp_path / "record.sqlite"
    told = processes.run(FULL, path)
    assert len(told) == 3
    for line in told:
        assert "Cannot write the record" in line
        assert "has room, and try again" in line
    record = Record(path)
    assert [recorded.seq for recorded in record.events("run")] == list(range(300))
    assert record.answers_kept().answers == 300
    record.close()
    assert check(path).ok


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_a_disk_without_room_for_a_record_is_told_when_it_is_opened(tmp_path):
    script = """
import resource, sys
from pathlib import Path
from mipro_nb.errors import RecordError
from mipro_nb.runs import Record
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Record(Path(sys.argv[1]))
except RecordError as error:
    print(error)
"""
    (line,) = processes.run(script, tmp_path / "record.sqlite")
    assert "Cannot open the record" in line
    assert "record=…" in line
