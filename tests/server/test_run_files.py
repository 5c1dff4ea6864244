"""Exported runs and records in the server's folder: who may see them, and that they stay as is."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

import mipro_nb as mipro
from mipro_nb.runs import Record, default_path, open_record
from mipro_nb.runs.store import schema

sys.path.append(str(Path(__file__).parents[1] / "runs"))
from handmade import sound_run, write


@pytest.fixture
def root(tmp_path, page):
    """The folder that the server shows."""
    return tmp_path / "root"


async def _reply(page, path, what, **ask):
    got = await page.send({"id": 7, "path": path, "what": what, "ask": ask}, path="mipro_nb/files")
    return got.code, json.loads(got.body)


async def _answer(page, path, what, **ask):
    code, reply = await _reply(page, path, what, **ask)
    assert (code, reply["kind"]) == (200, "answer"), reply
    return reply["value"]


def _sound(record):
    record.add_run("sound", "Sound")
    with record.writing():
        for seq, event in enumerate(sound_run(record)):
            record.append("sound", event, seq)


@pytest.mark.parametrize("name", ["kept.mipro.json", "Kept.MIPRO.JSON", "kept.mipro (1).json"])
async def test_an_exported_run_is_looked_into(page, root, name):
    write("sound", sound_run(open_record()))
    mipro.runs.export("sound", root / name)
    (row,) = await _answer(page, name, "history")
    assert row["id"] == "sound"
    snapshot = await _answer(page, name, "snapshot", run="sound")
    assert snapshot["summary"]["lives"] == "ended"
    (call,) = await _answer(page, name, "calls", run="sound", trial=0, example=0)
    assert call["reply"]["text"] == "reply"


async def test_a_record_is_looked_into_and_neither_upgraded_nor_changed(page, root, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(schema, "SCHEMA_VERSION", 1)
        before.setattr(schema, "_STEPS", schema._STEPS[:1])
        record = Record(root / "old.sqlite")
        record._db.execute("INSERT INTO runs VALUES ('old', 1.0, 'CoT', '[]')")
        record.close()
    before_it = (root / "old.sqlite").read_bytes()
    assert [row["id"] for row in await _answer(page, "old.sqlite", "history")] == ["old"]
    code, reply = await _reply(page, "old.sqlite", "rename", run="old", name="x")
    assert (code, reply["kind"]) == (200, "refusal")
    assert (root / "old.sqlite").read_bytes() == before_it
    assert list(root.iterdir()) == [root / "old.sqlite"]


async def test_a_record_that_goes_on_is_read_as_it_is_now(page, root):
    record = Record(root / "live.sqlite")
    assert await _answer(page, "live.sqlite", "history") == []
    _sound(record)  # what is new is in the file beside, for all that is known
    assert [row["id"] for row in await _answer(page, "live.sqlite", "history")] == ["sound"]
    record.close()


async def test_nothing_comes_to_lie_beside_a_record_that_was_copied_in_use(page, root):
    record = Record(root / "live.sqlite")
    _sound(record)
    for file in ("live.sqlite", "live.sqlite-wal"):
        shutil.copyfile(root / file, root / file.replace("live", "kept"))
    record.close()
    before = sorted(root.iterdir())
    assert [row["id"] for row in await _answer(page, "kept.sqlite", "history")] == ["sound"]
    assert sorted(root.iterdir()) == before


async def test_as_many_files_as_one_looks_at_can_be_opened(page, root):
    for number in range(6):
        Record(root / f"{number}.sqlite").close()
    for number in [*range(6), 0]:
        assert await _answer(page, f"{number}.sqlite", "history") == []


@pytest.mark.parametrize(
    ("path", "code", "says"),
    [
        ("../mipro_home/record.sqlite", 404, ""),
        ("away.sqlite", 404, "leads out"),
        (".hidden.sqlite", 404, ""),
        ("missing.sqlite", 404, ""),
        (None, 400, "give the path"),
        ("other.sqlite", 200, "is not a record of mipro_nb"),
        ("text.sqlite", 200, "Cannot read the record text.sqlite"),
        ("notes.mipro.json", 200, "holds no run that mipro_nb.runs.export wrote"),
    ],
)
async def test_what_is_no_file_of_runs_or_out_of_reach_is_refused(page, root, path, code, says):
    _sound(open_record())
    (root / "away.sqlite").symlink_to(default_path())
    Record(root / ".hidden.sqlite").close()
    sqlite3.connect(root / "other.sqlite").execute("CREATE TABLE own (x)").connection.close()
    (root / "text.sqlite").write_text("no database at all " * 100)
    (root / "notes.mipro.json").write_text("{}")
    got, reply = await _reply(page, path, "history")
    assert got == code
    assert says in (reply["error"] if code == 200 else reply["message"])


async def test_whoever_may_not_read_files_is_shown_none(page, root, monkeypatch):
    Record(root / "kept.sqlite").close()
    monkeypatch.setattr(
        type(page.app.authorizer),
        "is_authorized",
        lambda self, handler, user, action, resource: resource != "contents",
    )
    assert (await _reply(page, "kept.sqlite", "history"))[0] == 403
