"""Configurations on which the program fails, and worlds in which every one would."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from scripted_server import ScriptedServer
from scripted_task import (
    OWN,
    Solve,
    answer,
    asked,
    exact,
    exact_but_for_one,
    kind,
    lm_of,
    question_of,
    rows,
    run_of,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import TooManyErrorsError

pytestmark = pytest.mark.slow

VAL = rows(12, start=1000)
QUESTIONS = {row.question for row in VAL}
LIMIT = 4


class Picky(Solve):
    """Fails with every instruction but its own."""

    def forward(self, question):
        made = self.solve(question=question)
        if self.solve.signature.instructions != OWN:
            msg = "cannot read this"
            raise LookupError(msg)
        return made


def optimizer(metric=exact, **settings):
    return mipro.MIPROv2(metric, num_candidates=4, num_threads=4, max_errors=LIMIT, **settings)


def notes_on_failures(run):
    return [note.text for note in run.state.notes if note.topic == "failures"]


@pytest.mark.parametrize(
    ("search", "minibatch"),
    [("paired", {"minibatch": True, "minibatch_size": 5}), ("mipro", {})],
)
def test_a_configuration_that_always_fails_scores_zero_and_the_run_goes_on(
    server, search, minibatch
):
    run = run_of(
        optimizer(search=search), Picky(), val=VAL, num_trials=8, testset=rows(8, 5000), **minibatch
    )
    failed = [trial for trial in run.state.trials.values() if trial.errors >= LIMIT]
    assert failed
    assert all(trial.score == 0 for trial in failed)
    assert run.status == "finished"
    assert run.wait().solve.signature.instructions == OWN
    (note,) = notes_on_failures(run)
    assert f"max_errors={LIMIT}" in note
    assert "cannot read this" in note
    assert note in run.report()


class WithoutDemos(Solve):
    """Fails on validation rows with any demo."""

    def forward(self, question):
        made = self.solve(question=question)
        if self.solve.demos and question in QUESTIONS:
            msg = "no demos, please"
            raise LookupError(msg)
        return made


def test_labelled_demos_that_fail_before_the_student_is_scored_end_no_run():
    """The student's rows tell whether they are at fault: that is waited for."""
    goes_on = threading.Event()

    def replying(request):
        alone = not any(message["role"] == "assistant" for message in request.messages)
        if kind(request) != "task" or question_of(request) not in QUESTIONS or not alone:
            return answer(request)
        if question_of(request) == VAL[0].question:
            return "answer: no idea"  # so it is sure that there is a search
        return replace(answer(request), once=goes_on.is_set)

    try:
        with ScriptedServer(replying) as server:
            mipro.configure(lm=lm_of(server))
            run = mipro.MIPROv2(exact, num_candidates=3, num_threads=32, max_errors=LIMIT).start(
                WithoutDemos(),
                trainset=rows(12),
                valset=VAL,
                num_trials=3,
                minibatch=False,
                requires_permission_to_run=False,
            )
            until(lambda: 1 in run.state.trials and run.state.trials[1].errors >= LIMIT)
            assert run.state.baseline is None
            goes_on.set()
            run.wait()
    finally:
        goes_on.set()
    assert run.status == "finished"
    assert run.state.trials[1].score == 0
    assert "no demos, please" in " ".join(notes_on_failures(run))


def test_what_breaks_every_configuration_ends_the_run_before_much_is_paid(server):
    seen = []

    def broken_later(example, prediction, trace=None):
        if example.question in QUESTIONS:
            seen.append(example)
            if len(seen) > len(VAL):
                msg = "the judge is gone"
                raise OSError(msg)
        return exact(example, prediction)

    with pytest.raises(TooManyErrorsError, match="the judge is gone"):
        run_of(optimizer(broken_later), val=VAL, num_trials=30)
    sent = [each for each in asked(server, "task") if question_of(each) in QUESTIONS]
    assert len(sent) <= 5 * len(VAL)


def test_a_student_that_fails_ends_the_run_before_the_search(server):
    class Fails(Solve):
        def forward(self, question):
            made = self.solve(question=question)
            if question in QUESTIONS:
                msg = "not these"
                raise LookupError(msg)
            return made

    with pytest.raises(TooManyErrorsError, match="not these"):
        run_of(optimizer(), Fails(), val=VAL, num_trials=8)
    (run,) = mipro.runs.list()
    assert "search" not in run.state.phases


def test_a_run_that_is_resumed_takes_failures_as_they_were_told(server, tmp_path):
    settings = {"val": VAL, "num_trials": 6}
    whole = run_of(optimizer(exact_but_for_one), Picky(), record=tmp_path / "whole", **settings)
    calls, record = whole.state.spend.calls, tmp_path / "cut"
    cut = run_of(
        optimizer(exact_but_for_one), Picky(), record=record, max_calls=calls - 10, **settings
    )
    assert cut.status == "capped"
    best = optimizer(exact_but_for_one).resume(
        cut.id, Picky(), record=record, max_calls=10 * calls, requires_permission_to_run=False
    )
    assert best.run.state.scores == whole.state.scores
    assert best.run.state.spend.calls == calls
    assert len(notes_on_failures(best.run)) == 1
