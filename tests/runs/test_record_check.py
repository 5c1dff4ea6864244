"""`mipro_nb.runs.check`: what is not as it was written is told with its place."""

from __future__ import annotations

import sqlite3

import pytest
from handmade import sound_run, whole_run, write

import mipro_nb as mipro
from mipro_nb.errors import RecordError
from mipro_nb.runs import open_record
from mipro_nb.runs.usage import Usage


@pytest.fixture
def record():
    made = open_record()
    write("run", sound_run(made))
    write("other", sound_run(made, " of another"))
    made.put_flight("run", 0, Usage(1, 10, 0.5))
    return made


def lines(record):
    return [str(problem) for problem in mipro.runs.check(record.path).problems]


def test_a_sound_record_has_no_problems(record):
    report = mipro.runs.check()
    assert report.ok
    assert report.problems == ()
    assert (report.runs, report.events) == (2, 16)
    assert "2 runs, 16 events" in repr(report)
    assert repr(report).endswith("0 problems.")


def test_the_record_of_a_real_run_is_sound(finished):
    assert lines(finished.record) == []


def test_what_is_imported_is_sound(finished, tmp_path):
    path = mipro.runs.export(finished.id, tmp_path, record=finished.record.path)
    mipro.runs.import_run(path)
    report = mipro.runs.check()
    assert report.ok
    assert report.runs == 1
    assert report.texts > 10


DAMAGES = {
    "an event that is no JSON": (
        "UPDATE events SET body = '{' WHERE run_id = 'run' AND seq = 3",
        ["run run, event 3: cannot be read: "],
    ),
    "an event that is missing": (
        "DELETE FROM events WHERE run_id = 'run' AND seq = 4",
        ["run run: event 4 is missing before event 5"],
    ),
    "an event of another type than it says": (
        "UPDATE events SET type = 'x' WHERE run_id = 'run' AND seq = 1",
        ["run run, event 1: its time or type cannot be read"],
    ),
    "a result of a trial that was not asked": (
        "UPDATE events SET body = replace(body, '\"trial\":0', '\"trial\":5') WHERE seq = 6",
        [
            f"run {name}: Event 6 of run {name} contradicts those before it"
            for name in ("run", "other")
        ],
    ),
    "a text that is missing": (
        "DELETE FROM texts WHERE text = 'reply'",
        ["table run_texts: a row belongs to something", "run run: text "],
    ),
    "a text that is another": (
        "UPDATE texts SET text = 'replied' WHERE text = 'reply'",
        ["text "],
    ),
    "a text that is not noted": (
        "DELETE FROM run_texts WHERE ref = (SELECT ref FROM texts WHERE text = 'reply')",
        ["run run, event 3: text "],
    ),
    "tags that are none": (
        "UPDATE runs SET tags = '{' WHERE run_id = 'run'",
        ["run run: its time, name, tags or note"],
    ),
    "a call that took less than nothing": (
        "UPDATE flights SET tokens = -1",
        ["run run: call 0, without an event yet, took [1, -1, 0.5]"],
    ),
    "an event of no run": (
        "UPDATE events SET run_id = 'nobody' WHERE run_id = 'run' AND seq = 7",
        ["table events: a row belongs to something"],
    ),
    "an index that is missing": (
        "DROP INDEX texts_by_run",
        ["schema: the index texts_by_run is missing"],
    ),
    "a table that is another": (
        "ALTER TABLE answers ADD COLUMN mood TEXT",
        ["schema: the table answers is not as mipro_nb makes it"],
    ),
    "a table that is missing": (
        "DROP TABLE flights",
        ["schema: the table flights is missing", "run run: cannot be read", "run other: cannot"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_told_with_its_place_and_hides_nothing_else(record, damage):
    statement, expected = DAMAGES[damage]
    vandal = sqlite3.connect(record.path)  # which does not mind what belongs to what
    vandal.execute(statement)
    vandal.commit()
    vandal.close()
    found = lines(record)
    assert len(found) == len(expected)
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(beginning)
    report = mipro.runs.check(record.path)
    assert not report.ok
    assert report.runs == 2
    assert all(line in repr(report) for line in found)


def test_a_damaged_page_is_told_and_runs_elsewhere_in_the_file_are_looked_at(record):
    for number in range(30):
        write(f"run-{number}", sound_run(record, f" {number} " * 400))
    record.close()
    content = bytearray(record.path.read_bytes())
    page = len(content) // 4096 // 2 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    record.path.write_bytes(content)
    report = mipro.runs.check(record.path)
    assert any(problem.where == "file" for problem in report.problems)
    assert report.runs + len(report.problems) > 1


def test_a_report_of_many_problems_tells_the_first_and_how_many_more(record):
    for number in range(40):
        write(f"run-{number}", whole_run())  # which refer to texts that are not there
    report = mipro.runs.check()
    assert len(report.problems) > 60
    assert len(repr(report).splitlines()) == 52
    assert repr(report).endswith("more in .problems")


def test_a_run_may_be_written_while_the_record_is_checked(record):
    with record.writing():
        record.put_text("half of what belongs together")
        assert mipro.runs.check().ok


def test_only_what_is_no_record_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("just some notes\n" * 100)
    theirs = sqlite3.connect(tmp_path / "theirs.sqlite")
    theirs.execute("CREATE TABLE runs (run_id TEXT)")
    theirs.commit()
    theirs.close()
    (tmp_path / "empty").touch()
    for name in ("notes.txt", "theirs.sqlite", "empty", "nowhere", "."):
        with pytest.raises(RecordError):
            mipro.runs.check(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "empty",
        "notes.txt",
        "theirs.sqlite",
    ]
