"""The record: what goes in comes out, whatever writes, and no file is harmed."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path

import processes
import pytest
from event_strategies import EVENT_CLASSES, any_event, events_of
from handmade import failed
from hypothesis import given
from hypothesis import strategies as st

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, RecordError, UnknownRunError
from mipro_nb.runs import Record, default_path, import_run, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.store import schema
from mipro_nb.runs.store.schema import SCHEMA_VERSION
from mipro_nb.runs.usage import Usage

RUN = "20261124-010203-abcdef"


def phase(name="search"):
    return ev.PhaseStarted(phase=name)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "record.sqlite"


@pytest.fixture
def record(path):
    made = Record(path)
    made.add_run(RUN, "name")
    yield made
    made.close()


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("cls", EVENT_CLASSES, ids=lambda cls: cls.__name__)
@given(st.data())
def test_every_event_comes_out_as_it_went_in(cls, data):
    event = data.draw(events_of(cls))
    again = ev.read_event.validate_json(event.model_dump_json())
    assert type(again) is cls
    # As texts, because no NaN is equal to any other.
    assert again.model_dump_json() == event.model_dump_json()
    assert repr(again) == repr(event)


@pytest.mark.slow
@given(st.lists(any_event, max_size=4))
def test_events_come_out_of_a_file_in_the_order_in_which_they_went_in(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("record") / "record.sqlite"
    written = Record(path)
    written.add_run(RUN, "name")
    returned = [written.append(RUN, event, seq) for seq, event in enumerate(events)]
    written.close()
    reopened = Record(path)
    read = reopened.events(RUN)
    reopened.close()
    assert repr(list(read)) == repr(returned)
    assert [recorded.seq for recorded in read] == list(range(len(events)))


def test_only_later_events_are_read_where_asked_for(record):
    for seq in range(5):
        record.append(RUN, phase(), seq)
    assert [recorded.seq for recorded in record.events(RUN, after=2)] == [3, 4]
    assert record.events("another run") == []


def test_a_field_that_a_newer_version_added_is_no_obstacle(record):
    body = '{"type": "phase_started", "phase": "search", "mood": "good"}'
    record._db.execute("INSERT INTO events VALUES (?, 0, 0, 'phase_started', 2, ?)", (RUN, body))
    assert record.events(RUN)[0].event == phase()


def test_an_event_that_cannot_be_read_is_told_with_its_place(record):
    record.append(RUN, phase(), 0)
    record._db.execute("INSERT INTO events VALUES (?, 1, 0, 'x', 1, '{\"type\": \"x\"}')", (RUN,))
    with pytest.raises(RecordError, match=f"Event 1 of run {RUN}"):
        record.events(RUN)


@given(st.text())
def test_a_text_comes_out_as_it_went_in(text):
    record = Record(Path(":memory:"))
    assert record.text(record.put_text(text)) == text
    record.close()


def test_a_text_is_kept_once(record):
    refs = {record.put_text("a prompt that repeats") for _ in range(100)}
    refs |= {record.put_text("another")}
    assert len(refs) == 2
    assert record.query("SELECT count(*) FROM texts") == [(2,)]


def test_half_a_character_does_no_harm(record):
    assert record.text(record.put_text("half \ud83d")).startswith("half ")
    event = failed(error="half \ud83d")
    record.append(RUN, event, 0)
    read = record.events(RUN)[0].event
    assert read.error.startswith("half ")
    assert read.seconds == 1.0


def test_an_unknown_text_is_an_error_and_an_unknown_answer_is_none(record):
    with pytest.raises(RecordError, match="no text 'abc'"):
        record.text("abc")
    assert record.answer("abc") is None


def test_a_later_answer_replaces_an_earlier_one(record):
    record.put_answer("key", "one")
    record.put_answer("key", "two")
    assert record.answer("key") == "two"


def test_what_is_written_in_one_transaction_is_kept_whole_or_not_at_all(record):
    def write():
        with record.writing():
            record.put_text("text")
            with record.writing():
                record.put_answer("key", "body")
            record.append(RUN, phase(), 0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert record.answer("key") is None
    assert record.events(RUN) == []
    record.append(RUN, phase(), 0)
    assert len(record.events(RUN)) == 1


def test_the_same_number_cannot_be_given_twice(record):
    record.append(RUN, phase(), 0)
    with pytest.raises(RecordError, match=rf"event 0 of run {RUN} is in it already.*one writer"):
        record.append(RUN, phase(), 0)
    with pytest.raises(RecordError, match="its run is not in it"):
        record.append("no such run", phase(), 0)
    with pytest.raises(RecordError, match="its run is not in it"):
        record.put_flight("no such run", 0, Usage(1, 10, 0.5))
    with pytest.raises(RecordError, match="same name is in it already"):
        record.add_run(RUN, "another name")


def test_a_full_disk_is_told_and_nothing_later_is_lost_in_silence(record):
    record.put_answer("before", "x")
    pages = record.query("PRAGMA page_count")[0][0]
    record._db.execute(f"PRAGMA max_page_count={pages}")

    def fill():
        with record.writing():
            record.put_answer("half", "y")
            record.put_answer("big", "z" * 1_000_000)

    with pytest.raises(RecordError, match=r"Cannot write the record.*full"):
        fill()
    record._db.execute("PRAGMA max_page_count=1000000")
    record.put_answer("after", "x")
    record.close()
    again = Record(record.path)
    assert (again.answer("before"), again.answer("half"), again.answer("after")) == ("x", None, "x")
    again.close()


def test_a_commit_that_fails_is_undone(record):
    other = sqlite3.connect(record.path)

    def orphan():
        with record.writing():
            record._db.execute("PRAGMA defer_foreign_keys=ON")
            record.append("no such run", phase(), 0)

    with pytest.raises(RecordError, match="Cannot write the record"):
        orphan()
    record.append(RUN, phase(), 0)
    assert other.execute("SELECT count(*) FROM events").fetchone() == (1,)
    other.close()


def test_many_threads_may_use_one_record(record):
    def write(thread):
        for number in range(20):
            with record.writing():
                record.put_answer(f"{thread} {number}", "body")
                record.append(RUN, phase(), 100 * thread + number)
            record.events(RUN)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(record.events(RUN)) == 160


def test_a_new_file_that_somebody_is_writing_becomes_a_record_once_they_are_done(tmp_path):
    path = tmp_path / "record.sqlite"
    writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, writer.close)
    timer.start()
    record = Record(path)
    assert record.query("PRAGMA journal_mode") == [("wal",)]
    record.close()
    timer.join()


WRITER = """
import sys
from pathlib import Path
from mipro_nb.runs import Record
from mipro_nb.runs.events import PhaseStarted
path, run, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
record = Record(path)
record.add_run(run, "name")
for seq in range(count):
    with record.writing():
        text = record.put_text(f"{run} {seq} " + "x" * 5000)
        record.put_answer(f"{run} {seq}", text)
        record.append(run, PhaseStarted(phase="search"), seq)
    if seq == 20:
        print("writing", flush=True)
"""


@pytest.mark.slow
def test_several_processes_may_make_and_write_a_record_at_once(path):
    writers = [processes.start(WRITER, path, f"run-{number}", 50) for number in range(4)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    ends = [(*writer.communicate(timeout=120), writer.returncode) for writer in writers]
    assert ends == [("writing\n", "", 0)] * 4
    record = Record(path)
    for number in range(4):
        events = record.events(f"run-{number}")
        assert [recorded.seq for recorded in events] == list(range(50))
    assert len(record.run_ids()) == 4
    record.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_writer_that_is_killed_leaves_a_record_of_whole_transactions(path):
    writer = processes.start(WRITER, path, RUN, 1_000_000)
    writer.stdin.write("go\n")
    writer.stdin.flush()
    assert [writer.stdout.readline() for _ in range(2)] == ["ready\n", "writing\n"]
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    assert writer.returncode == -signal.SIGKILL

    record = Record(path)
    assert record.query("PRAGMA integrity_check") == [("ok",)]
    events = record.events(RUN)
    assert len(events) > 20
    assert [recorded.seq for recorded in events] == list(range(len(events)))
    assert record.query("SELECT count(*) FROM answers") == [(len(events),)]
    for recorded in events:
        ref = record.answer(f"{RUN} {recorded.seq}")
        assert record.text(ref).startswith(f"{RUN} {recorded.seq} ")
    record.append(RUN, phase(), len(events))
    record.close()


def test_a_reader_sees_what_another_process_has_written(record):
    reader = Record(record.path)
    record.append(RUN, phase(), 0)
    assert len(reader.events(RUN)) == 1
    reader.close()


def test_a_record_of_a_newer_schema_is_refused_and_left_alone(record):
    newer = SCHEMA_VERSION + 1
    record._db.execute(f"PRAGMA user_version={newer}")
    record.close()
    before = files(record.path.parent)
    with pytest.raises(RecordError, match=rf"newer mipro_nb \(schema {newer}.*upgrade mipro_nb"):
        Record(record.path)
    assert files(record.path.parent) == before


@pytest.fixture
def further_step(monkeypatch):
    """The schema of a version to come: one step more."""
    monkeypatch.setattr(schema, "_STEPS", (*schema._STEPS, add_colours))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)


def add_colours(db):
    db.execute("CREATE TABLE colours (name TEXT) STRICT")
    db.execute("INSERT INTO colours SELECT name FROM runs")


@pytest.fixture
def old_path(path):
    """A file of the present schema, with one run."""
    record = Record(path)
    record.add_run(RUN, "old")
    record.append(RUN, phase(), 0)
    record.close()
    return path


def schema_of(record):
    return sorted(record.query("SELECT type, name, sql FROM sqlite_master"))


def test_a_file_of_an_older_schema_becomes_one_of_the_present(old_path, tmp_path, further_step):
    for _ in range(2):  # and it is opened again as it is
        migrated = Record(old_path)
        assert migrated.query("SELECT * FROM colours") == [("old",)]
        assert migrated.query("PRAGMA user_version") == [(SCHEMA_VERSION + 1,)]
        assert [recorded.event for recorded in migrated.events(RUN)] == [phase()]
        migrated.close()
    new = Record(tmp_path / "new.sqlite")
    assert schema_of(Record(old_path)) == schema_of(new)


def test_a_migration_that_fails_leaves_the_old_file_as_it_was(old_path, further_step):
    with contextlib.closing(sqlite3.connect(old_path)) as db:
        db.execute("CREATE VIEW colours AS SELECT 1")
        db.commit()
        with pytest.raises(RecordError, match="colours"):
            Record(old_path)
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.slow
def test_several_processes_may_migrate_a_file_at_once(old_path):
    script = """
import sys
from pathlib import Path
from mipro_nb.runs import Record
from mipro_nb.runs.store import schema
schema._STEPS += (lambda db: db.execute("CREATE TABLE colours (name TEXT) STRICT"),)
schema.SCHEMA_VERSION += 1
print("ready", flush=True)
sys.stdin.readline()
print(Record(Path(sys.argv[1])).query("SELECT * FROM colours"))
"""
    openers = [processes.start(script, old_path) for _ in range(3)]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("go\n")
        opener.stdin.flush()
    ends = [(*opener.communicate(timeout=120), opener.returncode) for opener in openers]
    assert ends == [("[]\n", "", 0)] * 3


def test_every_type_of_event_is_known_to_a_schema():
    # Older versions refuse the file as newer rather than take such an event for damage. For a new
    # type, once 0.1.0 is released, add a step to mipro_nb/runs/store/schema.py, and the type here.
    assert {kind.model_fields["type"].default for kind in EVENT_CLASSES} == {
        *("run_planned", "run_permitted", "run_paused", "run_resumed", "run_noted", "run_ended"),
        *("phase_started", "format_measured", "format_chosen"),
        *("lm_call_answered", "lm_call_failed", "trace_bootstrapped", "demo_set_built"),
        *("grounding_written", "candidate_proposed", "candidate_pinned", "candidate_banned"),
        "candidate_approved",
        *("trial_asked", "example_scored", "example_tested", "trial_told", "search_stopped"),
        *("proposal_dropped", "headroom_scored", "headroom_measured", "reply_rated"),
    }
    # The second has notes, the third commands, the fourth batches, and none a further event.
    assert SCHEMA_VERSION == 4


def test_a_record_from_before_there_were_notes_is_read_and_written(tmp_path, monkeypatch):
    path = tmp_path / "record.sqlite"
    with monkeypatch.context() as before:
        before.setattr(schema, "SCHEMA_VERSION", 1)
        before.setattr(schema, "_STEPS", schema._STEPS[:1])
        record = Record(path)
        record._db.execute("INSERT INTO runs VALUES ('run', 1.0, 'CoT', '[]')")
        record.close()
    assert mipro.runs.load("run", path).note == ""
    assert mipro.runs.note("run", "kept", record=path).note == "kept"


def test_events_are_read_by_type(record):
    for seq, name in enumerate(("baseline", "search")):
        record.append(RUN, phase(name), 2 * seq)
        record.append(RUN, ev.GroundingWritten(**GROUNDING, text=name), 2 * seq + 1)
    found = record.events(RUN, types=["phase_started"])
    assert [recorded.event.phase for recorded in found] == ["baseline", "search"]
    later = record.events(RUN, after=1, types=["grounding_written", "phase_started"])
    assert [recorded.seq for recorded in later] == [2, 3]
    assert record.events(RUN, types=[]) == []


def test_a_run_has_a_name_and_tags(record):
    record.rename_run(RUN, "better name")
    record.tag_run(RUN, ["b", "a", "b"])
    assert record.query("SELECT name, tags FROM runs") == [("better name", '["b", "a"]')]
    record.tag_run(RUN, [])
    assert record.query("SELECT tags FROM runs") == [("[]",)]
    for change in (
        lambda: record.rename_run("nobody", "x"),
        lambda: record.tag_run("nobody", []),
        lambda: record.delete_run("nobody"),
    ):
        with pytest.raises(UnknownRunError, match="nobody"):
            change()


def demo_set(ref):
    return ev.DemoSetBuilt(
        predictor="p", index=0, source="empty", bootstrapped=0, labelled=0, demos=ref
    )


def test_a_deleted_run_takes_the_texts_along_that_nobody_else_needs(record):
    record.add_run("other", "name")
    mine, shared = record.put_text("mine alone"), record.put_text("of both")
    record.append(RUN, demo_set(mine), 0)
    record.append(RUN, demo_set(shared), 1)
    record.append("other", demo_set(shared), 0)
    record.put_answer("key", "an answer is no run's own")
    record.delete_run(RUN)
    assert [run_id for run_id, _ in record.run_ids()] == ["other"]
    assert record.events(RUN) == []
    assert record.text(shared) == "of both"
    with pytest.raises(RecordError, match="has no text"):
        record.text(mine)
    assert record.answer("key") is not None
    record.delete_run("other")
    assert record.query("SELECT count(*) FROM texts") == [(0,)]
    assert record.query("SELECT count(*) FROM run_texts") == [(0,)]


def test_what_was_deleted_is_in_the_file_no_more(record):
    secret = "a very private sentence "
    for seq in range(20):
        record.append(RUN, demo_set(record.put_text(f"{secret} {seq} " * 500)), seq)
        record.put_answer(f"{seq}", f"{secret} {seq} " * 500)
    record.append(RUN, ev.GroundingWritten(**GROUNDING, text=secret * 1000), 20)
    record.query("PRAGMA wal_checkpoint(TRUNCATE)")
    before = record.path.stat().st_size
    record.delete_run(RUN)
    record.scrub()
    record.clear_answers()
    assert not any(secret.encode() in content for content in files(record.path.parent).values())
    assert record.path.stat().st_size < before / 4  # and its room is given back
    assert record.query("PRAGMA integrity_check") == [("ok",)]


def test_a_reader_in_another_process_does_not_keep_a_run_from_being_deleted(record):
    reader = sqlite3.connect(record.path, isolation_level=None)
    record.append(RUN, phase(), 0)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
    record._db.execute("PRAGMA busy_timeout=100")
    record.delete_run(RUN)
    record.scrub()
    assert record.run_ids() == []
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)  # as when it began
    reader.close()


def test_kept_answers_are_counted_and_cleared(record):
    assert record.answers_kept() == (0, 0)
    record.put_answer("one", "abc")
    record.put_answer("two", "é")
    assert record.answers_kept() == (2, 5)
    assert record.clear_answers() == 2
    assert record.answers_kept() == (0, 0)
    assert record.answer("one") is None


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "theirs.sqlite"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE runs (run_id TEXT)")
    theirs.commit()
    theirs.close()
    before = files(tmp_path)
    with pytest.raises(RecordError, match="not a record of mipro_nb"):
        Record(path)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "content", [b"just some notes\n" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"notes\.txt") as caught:
        Record(path)
    assert "record=" in str(caught.value)
    assert files(tmp_path) == {"notes.txt": content}


def test_a_damaged_record_is_told_as_such(record):
    for seq in range(200):
        record.append(RUN, ev.GroundingWritten(**GROUNDING, text="x" * 500), seq)
    record.close()
    content = bytearray(record.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    record.path.write_bytes(content)
    with pytest.raises(RecordError, match=r"record\.sqlite"):
        Record(record.path).events(RUN)


GROUNDING = {"kind": "dataset summary", "predictor": None}


def test_an_empty_file_becomes_a_record(path):
    path.parent.mkdir()
    path.touch()
    record = Record(path)
    assert record.run_ids() == []
    record.close()


def test_a_folder_that_cannot_be_written_is_told_with_a_remedy(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "record.sqlite", tmp_path):
        with pytest.raises(RecordError) as caught:
            Record(path)
        assert str(path) in str(caught.value)
        assert "record=…" in str(caught.value)
        assert "MIPRO_HOME" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs file permissions")
@pytest.mark.parametrize("state", ["absent", "read-only"])
def test_a_folder_without_permission_is_told_with_a_remedy(state):
    script = """
import os, sys, tempfile
from pathlib import Path
from mipro_nb.errors import RecordError
from mipro_nb.runs import Record
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "record.sqlite"
    if sys.argv[1] == "read-only":
        Record(path).close()
        path.chmod(0o444)
    Path(folder).chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # permissions do not bind root
    try:
        Record(path).add_run("id", "name")
    except RecordError as error:
        print(error)
    if os.getuid() == 0:
        os.seteuid(0)
    Path(folder).chmod(0o755)
"""
    (line,) = processes.run(script, state)
    assert "record.sqlite" in line
    assert "MIPRO_HOME" in line


def test_mipro_home_is_where_records_are(tmp_path, monkeypatch):
    monkeypatch.setenv("MIPRO_HOME", str(tmp_path / "home"))
    assert default_path() == tmp_path / "home" / "record.sqlite"
    assert open_record().path == (tmp_path / "home" / "record.sqlite").resolve()
    assert (tmp_path / "home" / "record.sqlite").exists()


def test_without_mipro_home_records_are_in_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("MIPRO_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_path().name == "record.sqlite"
    assert default_path().is_relative_to(tmp_path)
    assert default_path().parent.name == "mipro_nb"
    monkeypatch.setenv("MIPRO_HOME", "~/elsewhere")
    assert default_path() == tmp_path / "elsewhere" / "record.sqlite"


def test_without_a_home_folder_the_ways_to_name_the_record_are_told(monkeypatch, tmp_path):
    for variable in ("HOME", "XDG_DATA_HOME", "MIPRO_HOME"):
        monkeypatch.delenv(variable, raising=False)

    def unlisted(*_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unlisted)
    with pytest.raises(RecordError, match=r"no folder for the record.*MIPRO_HOME.*record=…"):
        open_record()
    for path in ("~/kept", "~nobody-of-that-name/kept"):
        with pytest.raises(InvalidArgumentError, match=r"record='~.*home folder"):
            open_record(path)
        monkeypatch.setenv("MIPRO_HOME", path)
        with pytest.raises(InvalidArgumentError, match=r"MIPRO_HOME='~.*home folder"):
            open_record()
    record = open_record(tmp_path / "named.sqlite")
    with pytest.raises(InvalidArgumentError, match=r"path='~.*home folder"):
        import_run("~/run.json", record.path)


def test_a_record_is_opened_once_per_process(path, monkeypatch):
    assert open_record(path) is open_record(str(path))
    monkeypatch.chdir(path.parent)
    assert open_record(path.name) is open_record(path)


def test_a_record_that_was_deleted_is_made_anew(path):
    first = open_record(path)
    first.add_run(RUN, "name")
    first.close()
    for file in path.parent.iterdir():
        file.unlink()
    assert open_record(path).run_ids() == []


def test_a_record_that_was_deleted_while_it_was_open_is_made_anew(path):
    open_record(path).add_run(RUN, "name")
    for file in path.parent.iterdir():
        file.unlink()
    assert open_record(path).run_ids() == []


def test_a_record_that_was_closed_is_opened_again(path):
    open_record(path).add_run(RUN, "name")
    open_record(path).close()
    assert [run_id for run_id, _ in open_record(path).run_ids()] == [RUN]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_leads_to_the_record_that_it_points_to_now(path, tmp_path):
    link = tmp_path / "latest.sqlite"
    link.symlink_to(path)
    assert open_record(link) is open_record(path)
    link.unlink()
    link.symlink_to(path.parent / "next.sqlite")
    assert open_record(link).path == (path.parent / "next.sqlite").resolve()


def test_runs_are_listed_with_the_newest_first(record):
    for run_id in ("c", "a", "b"):
        record.add_run(run_id, "name")
    assert [run_id for run_id, _ in record.run_ids()] == ["b", "a", "c", RUN]


def test_a_run_is_found_by_the_beginning_of_its_id(record):
    for run_id in ("20261124-02", "20261124-0203", "x"):
        record.add_run(run_id, "name")
    assert record.find_run("20261124-01") == RUN
    assert record.find_run("x") == "x"
    assert record.find_run("20261124-02") == "20261124-02"  # whole, though others begin so
    with pytest.raises(UnknownRunError, match="4 runs begin with ''"):
        record.find_run("")
    with pytest.raises(UnknownRunError, match=r"No run begins with 'y'.*runs\.list"):
        record.find_run("y")


def test_a_name_that_no_file_can_have_is_told():
    for use in (open_record, mipro.runs.list, mipro.runs.check):
        with pytest.raises(RecordError, match=r"nul\\x00\.sqlite.*Give another file"):
            use("nul\0.sqlite")
