"""What a live view knows about a run: also what the record cannot hold, and what came before."""

from __future__ import annotations

import threading

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows
from watched import Watched, until

import mipro_nb as mipro
from mipro_nb.notebook.request_handler import RequestHandler
from mipro_nb.optimizer.running.asking import surface
from mipro_nb.optimizer.running.run import runs_here
from mipro_nb.runs.following.follower import Follower

_SMALL = {"num_trials": 2, "minibatch": False, "requires_permission_to_run": False}


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(surface, "_choose", Watched)


def begun(**settings):
    return mipro.MIPROv2(exact, num_candidates=2).start(
        Solve(), trainset=rows(10), valset=rows(8, start=1000), **{**_SMALL, **settings}
    )


def summary_of(run):
    return Follower(run.record, run.id, lambda _: None, find_live=runs_here.find_live).snapshot()[
        "summary"
    ]


@pytest.fixture
def slow():
    with ScriptedServer(answer, latency=0.1) as running:
        mipro.configure(lm=lm_of(running))
        yield running


@pytest.mark.slow
@pytest.mark.usefixtures("watched")
def test_a_pause_that_cannot_be_recorded_is_shown_with_its_reason(slow):
    run = begun()
    until(lambda: slow.count > 2)
    with run.record.lock:
        (pages,) = run.record._db.execute("PRAGMA page_count").fetchone()
        run.record._db.execute(f"PRAGMA max_page_count={pages}")
    try:
        until(lambda: run.status == "paused")
        shown = summary_of(run)
        assert (shown["state"], shown["steerable"]) == ("paused", True)
        assert "Cannot write the record" in shown["reason"]
        assert mipro.runs.load(run.id).status == "running", "the record does not know"
    finally:
        with run.record.lock:
            run.record._db.execute("PRAGMA max_page_count=1000000")
    until(lambda: run.done)
    assert (summary_of(run)["state"], summary_of(run)["reason"]) == ("finished", None)


@pytest.mark.usefixtures("watched")
def test_a_run_that_waits_to_be_resumed_is_shown_as_it_ended(server):
    capped = begun(max_calls=5)
    capped.wait()
    again = begun(max_calls=500, resume=True, requires_permission_to_run=True)
    assert (again.id, again.permitted) == (capped.id, False)
    shown = summary_of(again)
    assert (shown["state"], shown["steerable"], shown["lives"]) == ("capped", False, "ended")
    again.decline()
    assert mipro.runs.load(capped.id).status == "capped"


def test_who_hears_that_a_run_is_over_may_ask_for_it_again(server):
    run = begun()
    run.wait()
    heard = []
    handler = RequestHandler(
        run.record, lambda *_: None, lambda run_id: heard.append(handler.follow(run_id))
    )
    asking = threading.Thread(target=handler.follow, args=[run.id], daemon=True)
    asking.start()
    asking.join(60)
    assert heard == [handler.follow(run.id)]


@pytest.mark.usefixtures("watched")
def test_a_reply_that_is_rated_as_the_run_ends_is_told_and_kept(server):
    told, kept = [], []

    def rated(run_id):
        handler.rate(run=run_id, trial=0, example=0, rating="good", reason="")

    run = begun()
    handler = RequestHandler(run.record, lambda _, delta: told.append(delta), rated, kept.append)
    handler.follow(run.id)
    until(lambda: kept)
    assert kept == [run.id]
    assert told[-1]["summary"]["ratings"]["good"] == 1


def test_a_view_of_a_run_that_ended_follows_it_once_it_is_resumed(server):
    capped = begun(max_calls=5)
    capped.wait()
    told = []
    handler = RequestHandler(
        capped.record, lambda run_id, delta: told.append(delta), lambda _: None
    )
    assert handler.follow(capped.id).snapshot()["summary"]["state"] == "capped"
    begun(max_calls=500, resume=True).wait()
    until(lambda: told and told[-1]["summary"]["state"] == "finished")


def test_a_view_of_a_run_that_ended_shows_its_later_test_score(server):
    run = begun()
    run.wait()
    told = []
    handler = RequestHandler(run.record, lambda _, delta: told.append(delta), lambda _: None)
    assert handler.follow(run.id).snapshot()["summary"]["test"] is None
    run.test(rows(4, start=2000), requires_permission_to_run=False)
    until(lambda: told and told[-1]["summary"]["test"] is not None)
    assert told[-1]["summary"]["state"] == "finished"
