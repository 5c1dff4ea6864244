"""What is left to pay of a plan, and how long it takes: told beside the estimate of the whole."""

from __future__ import annotations

import pytest
from scripted_task import Solve, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.notebook.window import permission_request
from mipro_nb.optimizer.running.asking.surface import current_surface

DATA = {"trainset": rows(40), "num_trials": 4, "minibatch_size": 6}


@pytest.fixture
def asked(server, monkeypatch):
    """Return the question about a run of this plan."""
    mipro.configure(lm=lm_of(server))

    def ask(begin):
        waiting = []
        with monkeypatch.context() as patch:
            patch.setattr(type(current_surface()), "open", lambda _, run, **__: waiting.append(run))
            begin()
        request = permission_request(waiting[0])
        waiting[0].decline()
        return request

    return ask


def optimizer():
    return mipro.MIPROv2(exact, num_candidates=3)


def started(**settings):
    run = optimizer().start(Solve(), requires_permission_to_run=False, **{**DATA, **settings})
    run.wait()
    return run


def again(**settings):
    return lambda: optimizer().start(Solve(), **{**DATA, **settings})


def test_nothing_is_left_of_a_plan_that_was_finished(asked, server):
    started()
    paid = server.count
    for _ in range(2):
        request = asked(again())
        assert request["left"]["calls"] == {"low": 0, "expected": 0, "high": 0}
        assert request["left"]["usd"]["high"] == 0
        assert "The record already has the answers to" in request["left"]["told"]
        assert request["seconds"] is None
        started()  # the newest run of the plan is now one that paid nothing
    assert server.count == paid


def test_a_plan_that_was_finished_before_many_others_is_found(asked):
    first = started()
    for trials in range(5, 11):
        started(num_trials=trials, max_calls=4)
    left = asked(again())["left"]
    assert left["calls"]["high"] == 0
    assert first.id in left["told"]


def test_another_plan_promises_nothing(asked):
    started()
    changed = asked(again(num_trials=6))
    assert changed["left"] is None


def test_nothing_is_promised_once_the_answers_are_deleted(asked):
    run = started()
    run.record.clear_answers()
    assert asked(again())["left"] is None


def test_nor_where_others_were_kept_since(asked):
    run = started()
    run.record.clear_answers()
    started(max_calls=5, num_trials=2)
    assert asked(again())["left"] is None


def test_of_a_run_that_is_resumed_the_rest_is_left(asked):
    run = started(max_calls=60)
    spent = run.state.spend
    total = run.plan.estimate.total.calls.expected
    for begin in (again(resume=True), again()):
        request = asked(begin)
        assert request["left"]["calls"]["expected"] == pytest.approx(total - spent.calls)
        left = request["left"]
        assert left["usd"]["expected"] / left["calls"]["expected"] == pytest.approx(
            spent.usd / spent.calls
        )
        assert left["usd"]["high"] < request["estimate"]["total"]["usd"]["high"]
        assert f"{spent.calls} calls" in request["left"]["told"]


def test_the_time_is_known_from_runs_of_the_same_models(asked):
    request = asked(again())
    assert request["seconds"] is None
    assert "no run in this record has had 20 calls of these models" in request["seconds_told"]
    started(max_calls=10)
    assert asked(again())["seconds_told"] == request["seconds_told"]
    started()
    request = asked(again(num_trials=12))
    assert "estimated from the last run with these models" in request["seconds_told"]
    seconds = request["seconds"]
    assert 0 < seconds["low"] <= seconds["expected"] <= seconds["high"]
    more = asked(again(num_trials=40))["seconds"]
    assert more["expected"] > seconds["expected"]
