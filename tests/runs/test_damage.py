"""Whatever a file holds, what is read from it is right, or there is an error that says so."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from event_strategies import json_values
from handmade import sound_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mipro_nb as mipro
from mipro_nb.errors import MiproError, RecordError
from mipro_nb.runs import Record, open_record
from mipro_nb.runs.recorded.archive import export_run
from mipro_nb.runs.store.open_records import close_records
from mipro_nb.runs.views.drill_down.details import demos, example_calls, trial_detail
from mipro_nb.runs.views.history import history_rows
from mipro_nb.runs.views.view import RunView

pytestmark = pytest.mark.slow

RUN = "20261124-010203-abcdef"

fuzzed = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A record with one sound run, and the run as one file."""
    folder = tmp_path_factory.mktemp("sound")
    record = Record(folder / "record.sqlite")
    record.add_run(RUN, "name", created=1000.0, tags=["tag"])
    for seq, event in enumerate(sound_run(record)):
        record.append(RUN, event, seq, at=1000.0 + seq)
    export_run(record, RUN, folder / "run.mipro.json")
    record.close()
    return folder


LOOKS = {
    "state": lambda run: run.state,
    "report": lambda run: run.report(),
    "repr": repr,
    "program": lambda run: run.program_state(),
    "trials": lambda run: run.to_dataframe(),
    "examples": lambda run: run.examples_dataframe(),
    "calls": lambda run: run.calls_dataframe(),
    "trial": lambda run: [
        trial_detail(run.record, run.id, run.state, number) for number in run.state.trials
    ],
    "call": lambda run: [
        example_calls(run.record, run.id, number, example)
        for number, trial in run.state.trials.items()
        for example in trial.examples
    ],
    "demos": lambda run: [
        demos(run.record, run.id, name, index)
        for name, sets in run.state.demo_sets.items()
        for index in sets
    ],
    "whole": lambda run: mipro.runs.export(
        run.id, run.record.path.with_suffix(".out"), overwrite=True, record=run.record.path
    ),
    "comparison": lambda run: mipro.runs.compare(run.id, "twin", record=run.record.path),
}


def look_at_all(path):
    """Read everything that a person can look at; only errors of ours may come."""
    with contextlib.suppress(RecordError):
        open_record(path).add_run("twin", "name")
    with contextlib.suppress(RecordError):
        mipro.runs.check(path)
    try:
        runs = mipro.runs.list(path)
    except RecordError:
        runs = []
    for run in runs:
        for look in LOOKS.values():
            with contextlib.suppress(MiproError):
                look(run)
    close_records(path.parent)
    path.with_suffix(".out").unlink(missing_ok=True)


def test_a_sound_record_can_be_looked_at_without_any_error(sound, tmp_path):
    path = shutil.copy(sound / "record.sqlite", tmp_path / "record.sqlite")
    run = mipro.runs.load(RUN, path)
    open_record(path).add_run("twin", "name")
    for look in LOOKS.values():
        look(run)
    assert mipro.runs.check(path).problems == ()


deep = st.sampled_from([900, 100_000]).map(lambda depth: "[" * depth + "]" * depth)
HOSTILE = [
    "null", "true", "-1", "0", "1e999", "-1e999", "NaN", "1" + "0" * 30, "1" + "0" * 5000,
    "9.5e307", '""', '"../../../etc/passwd"', '"/etc/passwd"', '"C:\\\\x"', '"\\u0000"',
    '"\\ud800"', '"\\u202e"', "[]", "{}", "[[]]", '{"": ""}', '[{"a": 1}, 2]',
    '"<script>alert(1)</script>"', '"' + "x" * 100_000 + '"', "[0, 0, 0, 99999999999999999999]",
    '{"type": "run_ended"}',
]  # fmt: skip
hostile = st.sampled_from(HOSTILE) | deep | json_values.map(json.dumps)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(member, (*path, key))


def text_with(content, path, replacement):
    """The JSON text of `content` with the text `replacement` at the place `path`."""
    if not path:
        return replacement
    content = copy.deepcopy(content)
    holder = content
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = "@@@"
    return json.dumps(content, ensure_ascii=False).replace('"@@@"', replacement)


def imported(path):
    """Import a file into a record of its own, and look at what came of it."""
    record = path.with_suffix(".sqlite")
    record.unlink(missing_ok=True)
    try:
        run = mipro.runs.import_run(path, record)
    except RecordError:
        assert open_record(record).run_ids() == []
        assert open_record(record).query("SELECT count(*) FROM texts") == [(0,)]
    else:
        assert run.id in {run_id for run_id, _ in open_record(record).run_ids()}
    look_at_all(record)
    for file in path.parent.glob(f"{record.name}*"):
        file.unlink()
    assert {file.name for file in path.parent.iterdir()} <= {path.name, "mipro_home"}


def test_an_example_that_there_cannot_be_is_shown_without_its_row(sound, tmp_path):
    content = json.loads((sound / "run.mipro.json").read_text(encoding="utf-8"))
    asked = next(e["body"] for e in content["events"] if e["body"]["type"] == "trial_asked")
    asked["examples"][0] = -len(asked["examples"]) - 10
    path = tmp_path / "run.mipro.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    imported(path)


@fuzzed
@given(st.data())
def test_a_file_with_something_else_in_any_place_is_refused_or_read(sound, tmp_path, data):
    content = json.loads((sound / "run.mipro.json").read_text(encoding="utf-8"))
    where = data.draw(st.sampled_from(list(places(content))))
    path = tmp_path / "run.mipro.json"
    text = text_with(content, where, data.draw(hostile))
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    imported(path)


@fuzzed
@given(st.data())
def test_a_text_that_holds_something_else_than_its_readers_expect_is_told(sound, tmp_path, data):
    """What a hostile file says of its texts is true; it is the texts that make no sense."""
    content = json.loads((sound / "run.mipro.json").read_text(encoding="utf-8"))
    text = json.dumps(content, ensure_ascii=False)
    record = Record(Path(":memory:"))
    for ref in data.draw(st.lists(st.sampled_from(sorted(content["texts"])), min_size=1)):
        held = data.draw(hostile)
        content["texts"].pop(ref, None)
        new = record.put_text(held)
        content["texts"][new] = record.text(new)
        text = json.dumps(content, ensure_ascii=False).replace(ref, new)
        content = json.loads(text)
    record.close()
    path = tmp_path / "run.mipro.json"
    path.write_text(text, encoding="utf-8")
    imported(path)


@fuzzed
@given(st.data())
def test_a_file_of_damaged_bytes_is_refused_or_read(sound, tmp_path, data):
    path = tmp_path / "run.mipro.json"
    path.write_bytes(damaged((sound / "run.mipro.json").read_bytes(), data))
    imported(path)


def damaged(content, data):
    """Some bytes with a few of them flipped, taken out, doubled, or the rest cut off."""
    raw = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, max(0, len(raw) - 1)))
        end = start + data.draw(st.sampled_from([1, 1, 1, 4, 100, 4096]))
        match data.draw(st.sampled_from(["flip", "flip", "fill", "cut", "double", "end"])):
            case "flip" if raw:
                raw[start] ^= 1 << data.draw(st.integers(0, 7))
            case "fill":
                raw[start:end] = bytes([data.draw(st.integers(0, 255))]) * len(raw[start:end])
            case "cut":
                del raw[start:end]
            case "double":
                raw[start:start] = raw[start:end]
            case "end":
                del raw[start:]
    return bytes(raw)


@fuzzed
@given(st.data())
def test_a_record_of_damaged_bytes_is_refused_or_read(sound, tmp_path, data):
    content = damaged((sound / "record.sqlite").read_bytes(), data)
    path = clean(tmp_path)
    path.write_bytes(content)
    look_at_all(path)


def clean(folder):
    """Return where to put a record, of which nothing is left from an earlier one."""
    for file in folder.glob("record.sqlite*"):
        file.unlink()
    return folder / "record.sqlite"


bodies = hostile | st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace"))
values = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary() | bodies
COLUMNS = {
    "events": ("seq", "at", "type", "version", "body"),
    "runs": ("run_id", "created", "name", "tags"),
    "texts": ("ref", "text"),
    "run_texts": ("ref", "run_id"),
}
places_in_tables = st.sampled_from(
    [(table, column) for table, columns in COLUMNS.items() for column in columns]
)


@fuzzed
@given(places_in_tables, st.integers(0, 7), values)
def test_a_record_with_something_else_in_any_column_is_read_as_far_as_it_makes_sense(
    sound, tmp_path, place, number, value
):
    path = clean(tmp_path)
    shutil.copy(sound / "record.sqlite", path)
    table, column = place
    # Of any type: as if the file's own bytes had been changed.
    vandal = sqlite3.connect(path)
    vandal.execute("PRAGMA writable_schema=ON")
    vandal.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT, ', '')")
    vandal.execute("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '')")
    vandal.commit()
    vandal.close()
    vandal = sqlite3.connect(path)
    those = f"SELECT DISTINCT {column} FROM {table} ORDER BY 1"  # noqa: S608 - names from above
    was = vandal.execute(those).fetchall()
    change = f"UPDATE {table} SET {column} = ? WHERE {column} IS ?"  # noqa: S608
    with contextlib.suppress(sqlite3.IntegrityError, UnicodeEncodeError):  # SQLite keeps it out
        vandal.execute(change, (value, was[number % len(was)][0]))
    vandal.commit()
    vandal.close()
    look_at_all(path)


@fuzzed
@given(st.integers(0, 7), bodies)
def test_an_event_that_says_something_else_hides_no_run(sound, tmp_path, seq, body):
    path = clean(tmp_path)
    shutil.copy(sound / "record.sqlite", path)
    record = Record(path)
    record.add_run("other", "name")
    with contextlib.suppress(UnicodeEncodeError):
        record._db.execute("UPDATE events SET body = ? WHERE seq = ?", (body, seq))
    assert {row["id"] for row in history_rows(record)} == {RUN, "other"}
    try:
        view = RunView(record, RUN)
        view.apply(record.events(RUN))
    except RecordError:
        assert not mipro.runs.check(path).ok
    record.close()
    look_at_all(path)
