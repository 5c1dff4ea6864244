"""Replies are rated while their run goes on, after its end, and before it is resumed."""

from __future__ import annotations

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows
from watched import Watched, until

import mipro_nb as mipro
from mipro_nb.optimizer.running.asking import surface

pytestmark = pytest.mark.slow

OPTIMIZER = {"num_candidates": 2, "num_threads": 4}


@pytest.fixture(autouse=True)
def watched():
    chosen = surface._choose
    surface.prefer(Watched)
    yield
    surface.prefer(chosen)


@pytest.fixture
def server():
    with ScriptedServer(answer, latency=0.01) as running:
        mipro.configure(lm=lm_of(running))
        yield running


class RatesFirst(Watched):
    """Somebody who rates a reply before they permit a run."""

    def open(self, run, *, ask, blocking):
        mipro.runs.rate(run.id, 0, 1, "bad")
        assert run.begin(by="user")
        run.rate(0, 2, "good")
        return self


def begun():
    return mipro.MIPROv2(exact, **OPTIMIZER).start(
        Solve(),
        trainset=rows(8),
        valset=rows(12, start=1000),
        requires_permission_to_run=False,
        num_trials=40,
        minibatch_size=4,
    )


def baseline_is_told(run):
    return run.read(lambda state: state.baseline is not None)


def seqs(run):
    return [recorded.seq for recorded in run.events()]


def test_a_reply_is_rated_while_the_run_goes_on_and_after_its_end(server):
    run = begun()
    heard = []
    run.listen(lambda recorded: heard.append(recorded.event.type))
    until(lambda: baseline_is_told(run))
    mipro.runs.rate(run.id, 0, 0, "good", reason="seen from elsewhere")
    run.rate(0, 1, "bad")
    assert run.read(lambda state: len(state.ratings)) == 2
    run.stop()
    run.wait()
    sent = server.count
    run.rate(0, 1, "good")
    mipro.runs.load(run.id).rate(0, 2, "bad")
    assert server.count == sent  # rating is free
    assert [(each.example, each.rating) for each in run.ratings] == [
        (0, "good"),
        (1, "good"),
        (2, "bad"),
    ]
    assert "3 ratings of replies: 2 good, 1 bad." in run.report()
    assert len(run.state.ratings) == 3
    assert heard.count("reply_rated") == 2
    assert seqs(run) == list(range(len(run.events())))
    assert mipro.runs.check().ok


def test_a_handle_has_the_ratings_also_once_the_run_was_resumed_elsewhere(server):
    capped = mipro.MIPROv2(exact, **OPTIMIZER).start(
        Solve(),
        trainset=rows(8),
        valset=rows(12, start=1000),
        requires_permission_to_run=False,
        num_trials=2,
        minibatch=False,
        max_calls=30,
    )
    capped.wait()
    capped.rate(0, 3, "bad")
    mipro.MIPROv2(exact, **OPTIMIZER).resume(
        capped.id, Solve(), max_calls=5000, requires_permission_to_run=False
    )
    assert len(capped.state.ratings) == len(capped.ratings) == 1


def test_a_run_is_resumed_with_its_ratings_also_with_one_given_while_it_waits(server):
    run = begun()
    until(lambda: baseline_is_told(run))
    run.stop()
    run.wait()
    run.rate(0, 0, "good")
    surface.prefer(RatesFirst)
    again = mipro.MIPROv2(exact, **OPTIMIZER).resume(run.id, Solve()).run
    assert (again.id, again.status) == (run.id, "finished")
    assert [each.example for each in again.ratings] == [0, 1, 2]
    assert again.read(lambda state: len(state.ratings)) == 3
    assert seqs(again) == list(range(len(again.events())))
    assert mipro.runs.check().ok
