"""Calls at a temperature above 0 are draws: one each, and the same ones in the same execution."""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows, run_of

import mipro_nb as mipro
from mipro_nb.errors import RunEndedError

VOTES = 3
ROWS = rows(4)


class Vote(mipro.Module):
    """Asks the same several times."""

    def __init__(self):
        self.ask = mipro.Predict("question -> answer")

    def forward(self, question):
        return self.majority([self.ask(question=question) for _ in range(VOTES)])

    @staticmethod
    def majority(predictions):
        answers = Counter(prediction.answer for prediction in predictions)
        return mipro.Prediction(answer=answers.most_common(1)[0][0], drawn=sum(answers.values()))


class VoteAtOnce(Vote):
    async def aforward(self, question):
        calls = [self.ask.acall(question=question) for _ in range(VOTES)]
        return self.majority(await asyncio.gather(*calls))


class VoteInThreads(Vote):
    def forward(self, question):
        with ThreadPoolExecutor(VOTES) as pool:
            votes = pool.map(lambda _: self.ask(question=question), range(VOTES))
            return self.majority(list(votes))


@pytest.fixture
def drawing():
    """A server whose every answer is another one."""
    with ScriptedServer(lambda request: f"answer: {request.number}") as running:
        mipro.configure(lm=lm_of(running, temperature=1.0))
        yield running


def evaluated(program, devset=ROWS):
    result = mipro.Evaluate(devset=devset, metric=exact)(program)
    return [each.prediction.answer for each in result.results]


@pytest.mark.parametrize("program", [Vote(), VoteAtOnce(), VoteInThreads()], ids=repr)
def test_a_program_that_asks_the_same_several_times_has_as_many_draws(drawing, program):
    evaluated(program)
    assert drawing.count == VOTES * len(ROWS)


def test_a_second_evaluation_replays_and_pays_nothing(drawing):
    first = evaluated(Vote())
    assert evaluated(Vote()) == first
    assert drawing.count == VOTES * len(ROWS)


def test_another_row_and_another_configuration_draw_anew(drawing):
    program = mipro.Predict("question -> answer")
    evaluated(program, [ROWS[0], ROWS[0]])
    assert drawing.count == 2

    class Ahead(mipro.Module):
        """Two predictors, of which only one is another one."""

        def __init__(self, instructions):
            self.first = mipro.Predict("question -> answer")
            self.second = mipro.Predict(mipro.Signature("question -> answer", instructions))

        def forward(self, question):
            return self.second(question=self.first(question=question).answer)

    for instructions in ("Be brief.", "Be long."):
        before = drawing.count
        evaluated(Ahead(instructions), ROWS[:1])
        assert drawing.count == before + 2


def test_calls_of_ones_own_always_draw(drawing):
    predict = mipro.Predict("question -> answer")
    assert predict(question="x").answer != predict(question="x").answer


@pytest.mark.parametrize("heat", [None, 0.7])
def test_the_servers_own_temperature_draws_too(heat):
    with ScriptedServer(lambda request: f"answer: {request.number}") as running:
        mipro.configure(lm=lm_of(running, temperature=heat))
        evaluated(Vote())
    assert running.count == VOTES * len(ROWS)


def test_at_temperature_0_all_share():
    with ScriptedServer(lambda request: f"answer: {request.number}") as running:
        mipro.configure(lm=lm_of(running))
        evaluated(VoteAtOnce())
        evaluated(Vote(), ROWS[::-1])
        mipro.Predict("question -> answer")(question=ROWS[0].question)
    assert running.count == len(ROWS)


def test_a_run_draws_for_every_vote_and_the_same_run_again_replays():
    with ScriptedServer(answer) as running:
        mipro.configure(lm=lm_of(running, temperature=1.0))
        optimizer = mipro.MIPROv2(exact, num_candidates=2, max_bootstrapped_demos=1)
        first = run_of(optimizer, Vote())
        baseline = first.state.spend_by_phase["baseline"]
        assert baseline.calls + baseline.cached_calls == baseline.calls == VOTES * 4
        paid = running.count
        run_of(optimizer, Vote())
    assert running.count == paid


@pytest.fixture
def slow():
    with ScriptedServer(answer, latency=0.02) as running:
        mipro.configure(lm=lm_of(running))
        yield running


def started(student=None, **settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=2, max_labeled_demos=4)
    settings = {"num_trials": 4, "minibatch_size": 6, "trainset": rows(20), **settings}
    return optimizer.start(student or Solve(), requires_permission_to_run=False, **settings)


@pytest.mark.slow
def test_a_plan_that_is_started_again_says_so_and_pays_nothing_twice(slow):
    first = started()
    with pytest.warns(UserWarning, match=f"Run {first.id} of this very plan is going on already"):
        second = started()
    assert any(f"MIPROv2.join('{first.id}')" in note for note in second.plan.notes)
    assert mipro.MIPROv2.join(first.id) is first
    programs = [run.wait().dump_state() for run in (first, second)]
    assert programs[0] == programs[1]
    events = [recorded.event for run in (first, second) for recorded in run.events()]
    paid = [e for e in events if e.type == "lm_call_answered" and not e.from_cache]
    assert len(paid) == slow.count
    assert len({(call.prompt_head, call.prompt_tail, call.rollout) for call in paid}) == len(paid)
    with pytest.raises(RunEndedError, match="does not go on in this process"):
        mipro.MIPROv2.join(first.id)


@pytest.mark.slow
def test_the_second_of_two_goes_on_by_itself_when_the_first_is_stopped(slow):
    first = started()
    with pytest.warns(UserWarning, match="going on already"):
        second = started()
    first.stop()
    first.wait()
    second.wait()
    assert second.status == "finished"


def test_another_plan_is_no_second_one(slow):
    first = started()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        others = [started(num_trials=5), started(mipro.ChainOfThought("question -> answer"))]
    for run in (first, *others):
        run.stop()
        run.wait()
