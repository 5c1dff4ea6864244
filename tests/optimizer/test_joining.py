"""A plan that is started again while it goes on: it is joined, or runs beside the first."""

from __future__ import annotations

import asyncio
import builtins
import os
import time
from pathlib import Path

import processes
import pytest
from scripted_server import ScriptedServer
from scripted_task import KEY, Solve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import PermissionDeniedError, RunEndedError

DATA = {"num_trials": 4, "minibatch_size": 6, "trainset": rows(20)}


@pytest.fixture
def slow():
    with ScriptedServer(answer, latency=0.02) as running:
        mipro.configure(lm=lm_of(running))
        yield running


@pytest.fixture
def types(monkeypatch):
    """Have somebody answer every question with these words; the questions are returned."""
    asked = []

    def begin(words):
        def typed(prompt=""):
            asked.append(prompt)
            return words

        monkeypatch.setattr(builtins, "input", typed)
        return asked

    return begin


def optimizer():
    return mipro.MIPROv2(exact, num_candidates=3, num_threads=2, max_labeled_demos=4)


@pytest.fixture
def first(slow):
    run = optimizer().start(Solve(), requires_permission_to_run=False, **DATA)
    yield run
    run.stop()
    run.wait()


def recorded(run):
    return [run_id for run_id, _ in run.record.run_ids()]


@pytest.mark.parametrize("word", ["j", "join", " Join "])
def test_start_returns_the_run_that_was_joined(first, types, word):
    asked = types(word)
    assert optimizer().start(Solve(), **DATA) is first
    assert asked == [f"Run this plan beside run {first.id}, or join that one? [y/N/join] "]
    assert recorded(first) == [first.id]
    assert mipro.live_runs() == [first]


def test_compile_brings_the_program_of_the_run_that_was_joined(first, types, slow, capsys):
    types("j")
    best = optimizer().compile(Solve(), **DATA)
    assert f"Run {first.id} of this very plan is going on already" in capsys.readouterr().out
    assert best.run is first
    assert best.score == first.score
    assert best.dump_state() == first.wait().dump_state()
    assert best is not first.wait(), "two cells have a program of their own"
    paid = [e for e in first.events() if e.event.type == "lm_call_answered"]
    assert slow.count == sum(not e.event.from_cache for e in paid)
    assert recorded(first) == [first.id]


async def test_acompile_joins_and_leaves_the_run_alone_when_it_is_cancelled(first, types):
    asked = types("join")
    task = asyncio.create_task(optimizer().acompile(Solve(), **DATA))
    while not asked:  # noqa: ASYNC110 - the question is asked by plain code
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    best = await first
    assert best.run is first
    assert first.status == "finished"


async def test_acompile_brings_the_program_of_the_run_that_was_joined(first, types):
    types("join")
    best = await optimizer().acompile(Solve(), **DATA)
    assert best.run is first
    assert recorded(first) == [first.id]


@pytest.mark.parametrize("word", ["y", "ja"])
def test_yes_runs_beside_it(first, types, word):
    types(word)
    second = optimizer().start(Solve(), **DATA)
    assert second.id != first.id
    assert second.joined is None
    second.wait()
    assert set(recorded(first)) == {first.id, second.id}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Run .* of this very plan")
def test_runs_of_one_plan_pay_once(tmp_path):
    paid = {}
    for count in (1, 2, 4):
        with ScriptedServer(answer, latency=0.03) as server:
            mipro.configure(lm=lm_of(server), record=tmp_path / f"{count}.sqlite")
            runs = [
                optimizer().start(Solve(), requires_permission_to_run=False, **DATA)
                for _ in range(count)
            ]
            for run in runs:
                run.wait()
            paid[count] = server.count
    assert set(paid.values()) == {paid[1]}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Run .* of this very plan")
def test_a_run_beside_one_that_pauses_goes_on_and_nothing_is_paid_twice(tmp_path):
    paid = {}
    for beside in (False, True):
        with ScriptedServer(answer, latency=0.03) as server:
            mipro.configure(lm=lm_of(server), record=tmp_path / f"{beside}.sqlite")
            runs = [
                optimizer().start(Solve(), requires_permission_to_run=False, **DATA)
                for _ in range(1 + beside)
            ]
            if beside:
                while not server.count:
                    time.sleep(0.01)
                runs[0].pause()
                runs[1].wait(60)
                assert runs[0].status == "paused"
                runs[0].resume()
            runs[0].wait()
            paid[beside] = server.count
    assert paid[True] == paid[False]


def test_no_leaves_it_alone(first, types):
    types("")
    with pytest.raises(mipro.errors.PermissionDeniedError):
        optimizer().compile(Solve(), **DATA)
    first.wait()
    assert first.status == "finished"


def test_what_goes_on_no_more_cannot_be_joined(first, monkeypatch):
    def typed(_):
        first.wait()
        return "join"

    monkeypatch.setattr(builtins, "input", typed)
    with pytest.raises(RunEndedError, match=r"has ended meanwhile: mipro_nb\.runs\.load"):
        optimizer().start(Solve(), **DATA)


@pytest.mark.parametrize(
    ("caps", "said"),
    [
        (
            {"max_calls": 5},
            "other caps: none, where this plan has 5 calls. Joining keeps those of",
        ),
        ({}, None),
    ],
)
def test_the_question_says_that_joining_keeps_other_caps(first, types, capsys, caps, said):
    types("join")
    best = optimizer().compile(Solve(), **DATA, **caps)
    out = " ".join(capsys.readouterr().out.split())
    assert "of this very plan is going on already" in out
    assert said in out if said else "other caps" not in out
    assert best.run is first
    assert first.plan.caps.max_calls is None


def asked_about():
    """The run whose question stands."""
    (run,) = (run for run in mipro.live_runs() if not run.permitted)
    return run


ELSEWHERE_FIRST = {
    "join": lambda run: run.join(),
    "begin": lambda run: run.begin(by="user"),
    "decline": lambda run: run.decline(),
}


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["join", "y", "n"])
@pytest.mark.parametrize("before", ELSEWHERE_FIRST)
def test_a_question_that_was_answered_elsewhere_is_answered_once(
    first, monkeypatch, capsys, before, typed
):
    questions = []

    def answered_elsewhere(_):
        questions.append(asked_about())
        assert ELSEWHERE_FIRST[before](questions[0])
        return typed

    monkeypatch.setattr(builtins, "input", answered_elsewhere)
    got = optimizer().start(Solve(), **DATA)
    assert (got is first) == (before == "join")
    assert [question.join() for question in questions] == [False]
    assert "The question was answered elsewhere meanwhile: run" in capsys.readouterr().out
    if before == "decline":
        with pytest.raises(mipro.errors.PermissionDeniedError):
            got.wait()
    else:
        got.wait()
    first.wait()
    assert first.status == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("failure", [KeyboardInterrupt, EOFError, ValueError])
def test_a_question_that_breaks_off_after_the_run_was_joined_leaves_that_one_alone(
    first, monkeypatch, failure
):
    def broken(_):
        asked_about().join()
        raise failure

    monkeypatch.setattr(builtins, "input", broken)
    with pytest.raises((failure, mipro.errors.PermissionUnansweredError)):
        optimizer().start(Solve(), **DATA)
    first.wait()
    assert first.status == "finished"


def test_who_stops_a_joined_run_stops_the_one_that_goes_on(first, monkeypatch):
    questions = []

    def joined(_):
        questions.append(asked_about())
        return "join"

    monkeypatch.setattr(builtins, "input", joined)
    optimizer().start(Solve(), **DATA)
    questions[0].stop()
    first.wait()
    assert first.status == "stopped"


def test_without_one_that_goes_on_there_is_nothing_to_join(slow, types, monkeypatch):
    asked = types("j")
    run = optimizer().start(Solve(), **DATA)
    assert asked == ["Run this plan? [y/N] "]
    assert run.joined is None, "on this question it is a short yes"
    run.stop()
    run.wait()

    def typed(_):
        with pytest.raises(RunEndedError, match="there is none to join"):
            asked_about().join()
        return "n"

    monkeypatch.setattr(builtins, "input", typed)
    assert not optimizer().start(Solve(), **DATA).permitted


ELSEWHERE = """
import sys
sys.path[:0] = sys.argv[1:3]
from scripted_task import Solve, exact, rows
import mipro_nb as mipro
lm = mipro.LM("scripted", base_url=sys.argv[3], api_key=sys.argv[4], price=(1.0, 2.0))
mipro.configure(lm=lm)
optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=2, max_labeled_demos=4)
data = {"num_trials": 4000, "minibatch_size": 6, "trainset": rows(20)}
run = optimizer.start(Solve(), requires_permission_to_run=False, **data)
print(run.id, flush=True)
sys.stdin.readline()
run.stop()
run.wait()
"""


@pytest.mark.slow
def test_a_run_of_another_process_is_named_and_cannot_be_joined(slow, types):
    mipro.configure(lm=mipro.LM("scripted", base_url=slow.base_url, api_key=KEY, price=(1.0, 2.0)))
    here = Path(__file__).parent
    arguments = (here, here.parent, slow.base_url, KEY)
    with processes.start(ELSEWHERE, *arguments, env=os.environ) as process:
        try:
            run_id = process.stdout.readline().strip()
            asked = types("n")
            with pytest.raises(mipro.errors.PermissionDeniedError):
                optimizer().start(Solve(), **{**DATA, "num_trials": 4000}).wait()
            with pytest.warns(UserWarning, match=f"{run_id} of this very plan .* another process"):
                run = optimizer().start(
                    Solve(), requires_permission_to_run=False, **{**DATA, "num_trials": 4000}
                )
            run.stop()
            run.wait()
            process.communicate("\n", timeout=60)
        finally:
            process.kill()
    assert asked == ["Run this plan? [y/N] "], "it is not offered"
    told = next(note for note in run.plan.notes if run_id in note)
    assert "cannot be joined from here" in told
    assert f"mipro_nb.runs.load('{run_id}')" in told


@pytest.mark.parametrize(("cap", "told"), [(None, "is finished"), (30, "ended early (capped)")])
def test_the_question_says_that_an_earlier_run_has_paid_for_the_answers(
    slow, types, capsys, cap, told
):
    earlier = optimizer().start(Solve(), requires_permission_to_run=False, max_calls=cap, **DATA)
    earlier.wait()
    sent = slow.count
    types("n")
    with pytest.raises(PermissionDeniedError):
        optimizer().compile(Solve(), **DATA)
    out = " ".join(capsys.readouterr().out.split())
    assert f"Run {earlier.id} of this very plan {told}" in out
    assert f"The record keeps the answers to its {earlier.state.usage.calls} LM calls" in out
    with pytest.raises(PermissionDeniedError):
        optimizer().compile(Solve(), **{**DATA, "trainset": rows(20, start=500)})
    assert "of this very plan" not in capsys.readouterr().out
    assert slow.count == sent


def test_an_earlier_run_whose_answers_are_not_kept_is_not_mentioned(slow, types, capsys):
    mipro.configure(lm=lm_of(slow, cache=False))
    optimizer().start(Solve(), requires_permission_to_run=False, **DATA).wait()
    types("n")
    with pytest.raises(PermissionDeniedError):
        optimizer().compile(Solve(), **DATA)
    assert "of this very plan" not in capsys.readouterr().out
