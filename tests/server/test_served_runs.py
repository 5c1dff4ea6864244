"""What the Jupyter server tells pages of recorded runs, and whom it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from server_page import heard
from tornado.httpclient import HTTPClientError

from mipro_nb.runs import default_path, load, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.store import commands

sys.path.append(str(Path(__file__).parents[1] / "runs"))
from handmade import NOBODY, STUDENT, answered, asked, began, ended, planned, sound_run, told, write

_RUN = "20260101-120000-aaaa"
_OLD = "20250101-120000-bbbb"


def _begin(run_id, process=None, created=None):
    """Enter a run that goes on in the process that started the tests, or in another."""
    record = open_record()
    record.add_run(run_id, "Solve", created=created)
    record.append(run_id, planned(process, plan={"valset_size": 2, "num_trials": 3}), 0)
    record.append(run_id, ev.RunPermitted(by="user"), 1)
    record.append(run_id, asked(0, "baseline", STUDENT), 2)
    return record


@pytest.fixture
def record():
    """A record of a run that goes on elsewhere, and of an older one that was cut off."""
    _begin(_OLD, NOBODY, created=1_735_000_000.0)
    return _begin(_RUN, created=1_767_000_000.0)


async def test_runs_are_listed_and_looked_into_without_a_kernel(page, record):
    rows = await page.ask("history")
    assert [(row["id"], row["state"]) for row in rows] == [(_RUN, "running"), (_OLD, "cut off")]
    snapshot = await page.ask("snapshot", run=_OLD)
    assert (snapshot["summary"]["id"], snapshot["summary"]["lives"]) == (_OLD, "ended")
    assert not snapshot["summary"]["steerable"]
    write("sound", sound_run(record))
    detail = await page.ask("trial", run="sound", trial=0)
    assert (detail["trial"]["kind"], detail["trial"]["score"]) == ("baseline", 100.0)
    (call,) = await page.ask("calls", run="sound", trial=0, example=0)
    assert call["reply"]["text"] == "reply"
    compared = await page.ask("compare", runs=[_RUN, _OLD])
    assert len(compared["runs"]) == 2


async def test_a_run_is_named_tagged_noted_and_deleted(page, record):
    row = await page.ask("rename", run=_OLD, name="Sums")
    assert row["name"] == "Sums"
    await page.ask("tag", run=_OLD, tags=["good", "sums"])
    await page.ask("note", run=_OLD, note="Try it\nwith more rows.")
    old = load(_OLD)
    assert (old.name, old.tags, old.note) == ("Sums", ("good", "sums"), "Try it\nwith more rows.")
    await page.ask("delete", runs=[_OLD])
    assert [row["id"] for row in await page.ask("history")] == [_RUN]


@pytest.mark.parametrize(
    ("what", "ask", "says"),
    [
        ("delete", {"runs": [_RUN]}, "going on in another process"),
        ("rename", {"run": _RUN[:9], "name": "x"}, "give the whole id"),
        ("rename", {"run": _RUN, "name": " "}, "name"),
        ("note", {"run": _RUN, "note": "x" * 10_001}, "at most 10,000 characters"),
        ("snapshot", {"run": "nothing"}, "No run begins with"),
        ("snapshot", {"run": 3}, "run"),
        ("pause", {"run": _OLD}, "is cut off: it does not go on"),
        ("stop", {"run": _RUN[:9]}, "give the whole id"),
        ("pin", {"run": _RUN}, "knows no request 'pin'"),
        ("compare", {"runs": [_RUN]}, "two runs or more"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_a_sentence(page, record, what, ask, says):
    assert says in await page.refusal(what, **ask)


async def test_a_run_that_does_not_answer_is_said_not_to(page, record, monkeypatch):
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0.0)
    assert f"Run {_RUN} does not answer" in await page.refusal("stop", run=_RUN)
    assert commands.commands_waiting(record, _RUN) == []


async def test_a_path_in_a_request_is_no_way_to_another_file(page, record, tmp_path):
    other = open_record(tmp_path / "other.sqlite")
    other.add_run("secret", "Secret")
    for ask in ({"record": str(other.path)}, {"path": str(other.path)}):
        assert "Secret" not in json.dumps(await page.ask("history", **ask))
    assert "No run begins" in await page.refusal("snapshot", run=str(other.path))


async def test_looking_makes_no_record(page):
    assert await page.ask("history") == []
    socket = await page.listen()
    assert (await heard(socket))["rows"] == []
    assert not default_path().exists()
    _begin(_RUN)
    assert [row["id"] for row in (await heard(socket))["rows"]] == [_RUN]


class TestAnotherRecord:
    """A record that the server's configuration names."""

    @pytest.fixture
    def configuration(self, tmp_path):
        return [f"--ServedRuns.record={tmp_path / 'other.sqlite'}"]

    async def test_it_is_served_in_place_of_the_default_one(self, page, record, tmp_path):
        open_record(tmp_path / "other.sqlite").add_run("other", "Other")
        assert [row["name"] for row in await page.ask("history")] == ["Other"]


class TestNoFile:
    """A record whose name no file can have."""

    @pytest.fixture
    def configuration(self, tmp_path):
        return [f"--ServedRuns.record={tmp_path / ('x' * 300)}"]

    async def test_that_it_cannot_be_opened_is_told(self, page):
        assert "Cannot open the record" in await page.refusal("history")
        assert "Cannot open the record" in (await heard(await page.listen()))["error"]


async def test_nobody_is_answered_without_the_token(page, record):
    asked = {"what": "history", "ask": {}}
    assert (await page.send(asked, headers={})).code == 403
    assert (await page.send(asked, headers={"Authorization": "token wrong"})).code == 403
    with pytest.raises(HTTPClientError, match="403"):
        await page.listen(token="wrong")


async def test_a_page_of_another_site_is_refused(page, record):
    login = await page.send(None, path=f"tree?token={page.token}", method="GET", headers={})
    known = [each.split(";")[0] for each in login.headers.get_list("Set-Cookie")]
    cookies = "; ".join(known)
    (xsrf,) = [each.removeprefix("_xsrf=") for each in known if each.startswith("_xsrf=")]
    own = {"Cookie": cookies, "X-XSRFToken": xsrf}
    assert (await page.send({"what": "history", "ask": {}}, headers=own)).code == 200
    forged = {"Cookie": cookies}
    delete = {"what": "delete", "ask": {"runs": [_OLD]}}
    assert (await page.send({"what": "history", "ask": {}}, headers=forged)).code == 403
    assert (await page.send(delete, headers=forged)).code == 403
    with pytest.raises(HTTPClientError, match="403"):
        await page.listen(token="none", Cookie=cookies, Origin="https://elsewhere.example")
    assert load(_OLD).id == _OLD


async def test_whoever_may_only_read_changes_nothing(page, record, monkeypatch):
    authorizer = type(page.app.authorizer)
    monkeypatch.setattr(
        authorizer, "is_authorized", lambda self, handler, user, action, _: action == "read"
    )
    assert len(await page.ask("history")) == 2
    for what, ask in (("rename", {"run": _OLD, "name": "x"}), ("stop", {"run": _RUN})):
        assert (await page.send({"what": what, "ask": ask})).code == 403
    assert load(_OLD).name == "Solve"


@pytest.mark.parametrize("body", [[], 3, "history", None, {"what": []}, {"what": {}}, {"ask": {}}])
async def test_what_is_no_request_is_refused(page, body):
    assert (await page.send(body or "")).code == 400


async def test_what_changes_among_the_runs_is_told(page, record):
    socket = await page.listen()
    first = await heard(socket)
    assert [row["id"] for row in first["rows"]] == [_RUN, _OLD]
    (live,) = first["live"]
    assert (live["id"], live["state"], live["done"]) == (_RUN, "running", 0)

    record.append(_RUN, told(0, "baseline", STUDENT, 50.0), 3)
    record.append(_RUN, answered(usd=0.25), 4)
    news = await _until(socket, lambda news: news["rows"])
    assert [(row["id"], row["baseline"], row["usd"]) for row in news["rows"]] == [
        (_RUN, 50.0, 0.25)
    ]
    (live,) = news["live"]
    assert (live["program"], live["score"], live["usd"]) == ("CoT", 50.0, 0.25)
    assert news["rows"] == [row for row in await page.ask("history") if row["id"] == _RUN]

    await page.ask("delete", runs=[_OLD])
    assert (await _until(socket, lambda news: news["gone"]))["gone"] == [_OLD]

    record.append(_RUN, ended(), 5)
    news = await _until(socket, lambda news: not news["live"])
    assert news["rows"][0]["state"] == "finished"


@pytest.fixture
def process():
    """A process that goes on till the test ends it."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


async def test_a_run_whose_process_went_is_told_to_be_cut_off(page, process):
    _begin(_RUN, process.pid)
    socket = await page.listen()
    (live,) = (await heard(socket))["live"]
    assert live["state"] == "running"
    process.kill()
    process.wait()
    news = await _until(socket, lambda news: news["rows"])
    assert [(row["id"], row["state"]) for row in news["rows"]] == [(_RUN, "cut off")]
    assert news["live"] == []


async def test_what_one_page_learns_first_the_others_learn_too(page, record):
    there = await page.listen()
    await heard(there)
    record.append(_RUN, ended(), 3)
    joins = await page.listen()
    first = await heard(joins)
    assert {row["id"]: row["state"] for row in first["rows"]}[_RUN] == "finished"
    news = await _until(there, lambda news: news["rows"])
    assert [(row["id"], row["state"]) for row in news["rows"]] == [(_RUN, "finished")]
    assert news["live"] == []


async def test_a_run_that_goes_on_is_told_in_few_words(page, record):
    with record.writing():
        seq = 3
        for number in range(1, 60):
            configuration = {"self:demos": number, "self:instruction": number}
            for event in (
                asked(number, "full", configuration),
                answered(trial=number),
                told(number, "full", configuration, 50.0 + number / 2),
            ):
                record.append(_RUN, event, seq)
                seq += 1
    socket = await page.listen()
    await heard(socket)
    news = await _until(socket, lambda news: True)
    assert news["rows"] == []
    assert len(json.dumps(news)) < 500


async def test_a_run_that_is_looked_at_is_followed(page, record):
    socket, other = await page.listen(_RUN), await page.listen(_OLD)
    await page.ask("snapshot", run=_OLD)
    snapshot = await page.ask("snapshot", run=_RUN)
    assert (snapshot["seq"], snapshot["summary"]["lives"]) == (2, "elsewhere")
    for seq in range(3, 103):  # 50 events and more while it looks twice
        record.append(_RUN, answered(), seq)
    news = await _until(socket, lambda news: news["delta"]["seq"] == 102)
    assert (news["kind"], news["run"]) == ("delta", _RUN)
    record.append(_RUN, ended(), 103)
    news = await _until(socket, lambda news: news["delta"]["seq"] == 103)
    assert news["delta"]["summary"]["lives"] == "ended"
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(other.read_message(), 0.1)


async def test_a_run_that_was_over_when_it_was_looked_at_is_followed_again(page, record):
    record.append(_RUN, ended(), 3)
    socket, lists = await page.listen(_RUN), await page.listen()
    await heard(lists)
    assert (await page.ask("snapshot", run=_RUN))["summary"]["lives"] == "ended"
    elsewhere = os.getppid()
    resumed = ev.RunResumed(by="user", process=elsewhere, process_started=began(elsewhere))
    record.append(_RUN, resumed, 4)
    news = await _until(socket, lambda news: news["delta"]["seq"] == 4)
    assert news["delta"]["summary"]["lives"] == "elsewhere"
    record.append(_RUN, ended(), 5)
    news = await _until(socket, lambda news: news["delta"]["seq"] == 5)
    assert news["delta"]["summary"]["lives"] == "ended"


async def test_a_run_is_followed_no_more_once_its_page_is_closed(page, record):
    socket = await page.listen(_RUN)
    await page.ask("snapshot", run=_RUN)
    record.append(_RUN, answered(), 3)
    await _until(socket, lambda news: news["delta"]["seq"] == 3)
    socket.close()
    await _eventually(lambda: "mipro-view" not in {each.name for each in threading.enumerate()})


async def test_a_change_waits_for_a_kernel_that_is_writing(page, record):
    writer = sqlite3.connect(record.path, isolation_level=None, timeout=0)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE runs SET tags = '[\"kernel\"]' WHERE run_id = ?", (_RUN,))
    renaming = asyncio.create_task(page.ask("rename", run=_RUN, name="Renamed"))
    await asyncio.sleep(0.3)
    assert not renaming.done()
    assert (await page.send(None, path="api/status", method="GET")).code == 200
    writer.execute("COMMIT")
    writer.close()
    row = await renaming
    assert (row["name"], row["tags"]) == ("Renamed", ["kernel"])


async def test_a_record_that_was_replaced_is_read_anew(page, record, tmp_path):
    assert len(await page.ask("history")) == 2
    path = record.path
    assert await page.ask("record_place") == str(path)
    record.close()
    path.unlink()
    open_record().add_run("another", "Another")
    assert [row["name"] for row in await page.ask("history")] == ["Another"]


async def test_who_lists_the_runs_hears_that_another_record_is_there_or_none(page, record):
    socket = await page.listen()
    assert len((await heard(socket))["rows"]) == 2
    path = record.path
    record.close()
    path.unlink()
    open_record().add_run("another", "Another")
    news = await _until(socket, lambda news: news["whole"])
    assert [row["name"] for row in news["rows"]] == ["Another"]
    assert (news["live"], news["error"]) == ([], None)
    open_record().close()
    path.unlink()
    assert (await _until(socket, lambda news: news["whole"]))["rows"] == []


def _damage():
    default_path().parent.mkdir(parents=True, exist_ok=True)
    default_path().write_bytes(b"no database at all" * 100)


async def test_a_damaged_record_is_refused_with_its_remedy(page):
    _damage()
    assert "Cannot open the record" in await page.refusal("history")


async def test_who_lists_the_runs_hears_that_the_record_is_damaged(page):
    _damage()
    socket, other = await page.listen(), await page.listen()
    for each in (socket, other):
        first = await heard(each)
        assert "Give another file with record=…" in first["error"]
        assert (first["rows"], first["whole"]) == ([], False)
    with pytest.raises(asyncio.TimeoutError):  # it is told once
        await asyncio.wait_for(socket.read_message(), 2.5)


async def test_what_was_listed_stays_while_the_record_is_damaged(page, record):
    socket = await page.listen()
    await heard(socket)
    path = record.path
    record.close()
    whole = path.read_bytes()
    path.unlink()
    _damage()
    news = await _until(socket, lambda news: news["error"])
    assert (news["whole"], news["gone"], news["live"]) == (False, [], [])
    path.unlink()
    path.write_bytes(whole)
    news = await _until(socket, lambda news: not news["error"])
    assert news["whole"]
    assert {row["id"] for row in news["rows"]} == {_RUN, _OLD}


async def _until(socket, wanted):
    while True:
        message = await asyncio.wait_for(heard(socket), 60)
        if wanted(message):
            return message


async def _eventually(true):
    for _ in range(600):
        if true():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came to be")
