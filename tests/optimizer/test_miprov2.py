"""MIPROv2 as a user meets it: ways to run, to stop, to look at what happened, and failures."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from scripted_server import Reply, Script, ScriptedServer
from scripted_task import (
    GOOD,
    KEY,
    OWN,
    PlanAndSolve,
    Solve,
    SolveAsync,
    answer,
    asked,
    exact,
    handed_back,
    kind,
    lm_of,
    question_of,
    rows,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.amounts import format_usd
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    LMUnavailableError,
    MetricError,
    MiproError,
    TooManyErrorsError,
)
from mipro_nb.evaluate import Evaluate
from mipro_nb.runs import events as ev

HERE = Path(__file__).parent
TRAIN = rows(30)
SHORT = {
    "trainset": TRAIN,
    "num_trials": 4,
    "minibatch_size": 6,
    "minibatch_full_eval_steps": 2,
    "requires_permission_to_run": False,
}


def optimizer_of(metric=exact, **settings):
    settings = {
        "num_candidates": 3,
        "max_bootstrapped_demos": 2,
        "max_labeled_demos": 2,
        **settings,
    }
    return mipro.MIPROv2(metric, **settings)


@pytest.fixture(autouse=True)
def nothing_is_left_unsaid(caplog):
    """Check after every test that no error was lost in a task that nobody awaited."""
    yield
    gc.collect()
    assert [
        record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    ] == []


def test_compile_returns_a_better_program_and_leaves_the_student_alone(server):
    student = Solve()
    before = student.dump_state()
    best = optimizer_of().compile(student, **SHORT)
    assert isinstance(best, Solve)
    assert best is not student
    assert student.dump_state() == before
    assert not hasattr(student, "score")
    valset = TRAIN[6:]
    evaluate = Evaluate(devset=valset, metric=exact)
    assert evaluate(best) == pytest.approx(best.score)
    assert best.score > evaluate(student)


async def test_acompile_does_not_block_the_loop(server):
    beats = 0

    async def heart():
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(heart())
    best = await optimizer_of().acompile(Solve(), **SHORT)
    beating.cancel()
    assert beats > 10
    assert best.score == best.run.score


async def test_start_returns_at_once_and_the_run_can_be_awaited(server):
    run = optimizer_of().start(Solve(), **SHORT)
    assert isinstance(run, mipro.Run)
    best = await run
    assert (run.status, run.done) == ("finished", True)
    assert best is run.wait()
    assert (await run) is best
    assert run.id in repr(run)


@pytest.mark.slow
async def test_all_three_ways_lead_to_the_same_program(server):
    one = optimizer_of().compile(Solve(), **SHORT)
    two = await optimizer_of().acompile(Solve(), **SHORT)
    three = await optimizer_of().start(Solve(), **SHORT)
    assert one.dump_state() == two.dump_state() == three.dump_state()


async def test_compile_works_within_a_running_loop_as_in_a_notebook(server):
    assert optimizer_of().compile(Solve(), **SHORT).score > 0


@pytest.mark.slow
def test_wait_may_be_given_up_and_the_run_goes_on():
    with ScriptedServer(answer, latency=0.02) as server:
        mipro.configure(lm=lm_of(server))
        run = optimizer_of().start(Solve(), **SHORT)
        with pytest.raises(TimeoutError, match=r"goes on after 10 ms; run\.stop\(\) ends it"):
            run.wait(timeout=0.01)
        assert not run.done
        assert run.wait(timeout=100).score == run.score


def test_what_is_left_on_the_program(server):
    best = optimizer_of().compile(Solve(), **SHORT)
    assert best.run.id == mipro.runs.list()[0].id
    logs = best.trial_logs
    assert list(logs) == list(range(len(logs)))
    assert (logs[0]["kind"], logs[0]["configuration"]) == ("baseline", {})
    assert {log["kind"] for log in logs.values()} == {"baseline", "minibatch", "full"}
    assert best.score == max(log["score"] for log in logs.values() if log["kind"] != "minibatch")
    scores = [candidate["score"] for candidate in best.candidate_programs]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == best.score
    programs = [candidate["program"] for candidate in best.candidate_programs]
    assert all(isinstance(program, Solve) for program in programs)
    assert programs[0].dump_state() == best.dump_state()
    assert programs[0] is not best


def test_nothing_is_left_on_the_program_without_track_stats(server):
    best = optimizer_of(track_stats=False).compile(Solve(), **SHORT)
    for name in ("score", "trial_logs", "candidate_programs", "run"):
        assert not hasattr(best, name)
    assert mipro.runs.list()[0].status == "finished"


@pytest.mark.slow
def test_the_program_can_be_saved_and_loaded_and_optimized_again(server, tmp_path):
    best = optimizer_of().compile(Solve(), **SHORT)
    best.save(tmp_path / "optimized")
    loaded = Solve()
    loaded.load(tmp_path / "optimized")
    assert loaded.dump_state() == best.dump_state()
    assert json.loads((tmp_path / "optimized").read_text())["format"] == "mipro_nb program"
    again = optimizer_of().compile(best, **SHORT)
    assert again.score >= best.score
    assert again.run is not best.run


def test_the_record_holds_what_the_live_run_knows(server):
    run = optimizer_of().start(Solve(), **SHORT)
    run.wait()
    recorded = mipro.runs.load(run.id)
    assert recorded.state == run.state
    assert (recorded.status, recorded.score) == ("finished", run.score)
    assert recorded.program_state() == run.wait().dump_state()
    assert recorded.report() == run.report()
    assert isinstance(recorded.events()[-1].event, ev.RunEnded)
    assert KEY not in str(recorded.events())


@pytest.mark.slow
def test_the_record_may_be_another_file(server, tmp_path):
    run = optimizer_of().start(Solve(), **SHORT, record=tmp_path / "other.sqlite")
    run.wait()
    assert mipro.runs.list() == []
    assert [found.id for found in mipro.runs.list(tmp_path / "other.sqlite")] == [run.id]
    mipro.configure(record=tmp_path / "third.sqlite")
    optimizer_of().compile(Solve(), **SHORT)
    assert len(mipro.runs.list(tmp_path / "third.sqlite")) == 1


@pytest.mark.slow
def test_a_second_run_is_answered_from_the_record(server):
    first = optimizer_of().compile(Solve(), **SHORT)
    count = server.count
    second = optimizer_of().compile(Solve(), **SHORT)
    assert server.count == count
    assert second.score == first.score
    assert second.run.state.spend.calls == 0
    assert second.run.state.spend.cached_calls >= first.run.state.spend.calls


class Steps(mipro.Module):
    """Predictors in a list, a dict and a module within."""

    def __init__(self):
        self.first = [mipro.Predict("question -> plan")]
        self.second = {"solve": PlanAndSolve()}

    def forward(self, question):
        self.first[0](question=question)
        return self.second["solve"](question=question)


@pytest.mark.slow
@pytest.mark.parametrize("student", [PlanAndSolve, SolveAsync, Steps])
def test_programs_of_every_form_are_optimized(server, student):
    best = optimizer_of().compile(student(), **SHORT)
    assert isinstance(best, student)
    assert best.score >= best.trial_logs[0]["score"]
    predictors = dict(best.named_predictors())
    assert set(best.run.plan.predictors) == set(predictors)
    # The copies that were evaluated did not share predictors with each other.
    others = [c["program"] for c in best.candidate_programs]
    assert len({id(p) for program in others for p in program.predictors()}) == len(others) * len(
        predictors
    )


def test_a_bare_predictor_is_a_program(server):
    best = optimizer_of().compile(mipro.ChainOfThought("question -> answer"), **SHORT)
    assert best.score >= best.trial_logs[0]["score"]


def test_instructions_alone_are_optimized_without_demos(server):
    optimizer = optimizer_of(num_candidates=8, max_bootstrapped_demos=0, max_labeled_demos=0)
    best = optimizer.compile(Solve(), **SHORT)
    assert best.solve.demos == []
    assert GOOD in best.solve.signature.instructions


def test_async_metrics_and_judges_work(server):
    judge = mipro.Predict("question -> answer")

    async def judged(example, prediction, trace=None):
        verdict = await judge.acall(question=example.question)
        return mipro.Score(float(verdict.answer == prediction.answer), "as the judge says")

    best = optimizer_of(judged).compile(Solve(), **SHORT)
    assert best.score == 100.0
    feedback = {
        e.event.feedback for e in best.run.events() if isinstance(e.event, ev.ExampleScored)
    }
    assert feedback == {"as the judge says"}


def test_the_task_model_runs_the_program_and_the_configured_lm_does_not(server):
    with ScriptedServer(answer) as other:
        optimizer_of(task_model=lm_of(other)).compile(Solve(), **SHORT)
        assert {kind(request) for request in other.requests} == {"task"}
    assert asked(server, "task") == []
    assert server.count > 0


@pytest.mark.slow
def test_without_a_configured_lm_the_task_model_does_it_all(server):
    mipro.configure(lm=None)
    best = optimizer_of(task_model=lm_of(server)).compile(Solve(), **SHORT)
    assert best.score > 0
    assert mipro.settings.lm is None


@pytest.mark.slow
def test_rows_may_be_dicts(server):
    data = [row.to_dict() for row in TRAIN]
    best = optimizer_of().compile(Solve(), **{**SHORT, "trainset": data}, inputs=["question"])
    assert best.score == optimizer_of().compile(Solve(), **SHORT).score


@pytest.mark.slow
def test_auto_light_runs(server):
    optimizer = mipro.MIPROv2(metric=exact, auto="light")
    best = optimizer.compile(Solve(), trainset=rows(20), requires_permission_to_run=False)
    assert len(best.trial_logs) == 12  # student, labelled demos, and ten trials
    assert {log["kind"] for log in best.trial_logs.values()} == {"baseline", "full"}


@pytest.mark.slow
async def test_two_runs_at_once_do_not_meet():
    with ScriptedServer(answer, latency=0.005) as one, ScriptedServer(answer) as two:
        first = optimizer_of(task_model=lm_of(one)).start(Solve(), **SHORT)
        second = optimizer_of(task_model=lm_of(two), seed=4).start(PlanAndSolve(), **SHORT)
        best, other = await asyncio.gather(first, second)
        assert (one.count, two.count) == (first.state.spend.calls, second.state.spend.calls)
    assert isinstance(best, Solve)
    assert isinstance(other, PlanAndSolve)
    assert {run.id for run in mipro.runs.list()} == {first.id, second.id}
    for run in (first, second):
        assert mipro.runs.load(run.id).state == run.state


@pytest.mark.slow
def test_one_optimizer_may_be_used_from_several_threads(server):
    optimizer, found = optimizer_of(), []
    threads = [
        threading.Thread(target=lambda: found.append(optimizer.compile(Solve(), **SHORT)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({str(best.dump_state()) for best in found}) == 1


# ---- stopping ----


def stoppable(server, student=None, **settings):
    settings = {**SHORT, "num_trials": 400, "minibatch_full_eval_steps": 1, **settings}
    mipro.configure(lm=lm_of(server, cache=False))
    return optimizer_of(num_candidates=8).start(student or Solve(), **settings)


@pytest.mark.slow
@pytest.mark.parametrize("student", [Solve, SolveAsync])
def test_stop_returns_the_best_program_so_far(student):
    with ScriptedServer(answer, latency=0.005) as server:
        run = stoppable(server, student())
        until(lambda: len(run.state.trials) > 10)
        run.stop()
        best = run.wait(timeout=60)
        events, sent = len(run.events()), server.count
        time.sleep(0.1)
        assert server.count <= sent + 6  # those that were on their way
        assert len(run.events()) == events
    assert isinstance(run.events()[-1].event, ev.RunEnded)
    assert run.status == "stopped"
    assert best.score == run.score >= run.state.baseline
    assert mipro.runs.load(run.id).state == run.state
    assert "The run was stopped." in run.report()
    run.stop()  # again, to no effect
    assert run.wait() is best


def test_a_run_that_is_stopped_before_anything_is_scored_returns_the_student():
    with ScriptedServer(lambda _: Reply(hang=True)) as server:
        run = stoppable(server)
        until(lambda: server.count > 0)
        run.stop()
        best = run.wait(timeout=60)
    assert (run.status, best.score) == ("stopped", None)
    assert best.dump_state() == handed_back()


@pytest.mark.slow
def test_a_finished_run_can_be_stopped_without_effect(server):
    run = optimizer_of().start(Solve(), **SHORT)
    best = run.wait()
    run.stop()
    assert (run.status, run.wait()) == ("finished", best)


async def test_cancelling_acompile_stops_the_run():
    with ScriptedServer(answer, latency=0.01) as server:
        mipro.configure(lm=lm_of(server))
        task = asyncio.create_task(optimizer_of().acompile(Solve(), **SHORT))
        while server.count < 5:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (run,) = mipro.runs.list()
        while mipro.runs.load(run.id).status == "running":  # noqa: ASYNC110 - so is the run
            await asyncio.sleep(0.005)
        assert mipro.runs.load(run.id).status == "stopped"


INTERRUPTED = """
import _thread, sys, threading, time
sys.path[:0] = [{tests!r}, {here!r}]
from scripted_task import *
lm = lm_of(type("Server", (), {{"base_url": {url!r}}}), cache=False)
optimizer = mipro.MIPROv2(exact, task_model=lm, num_candidates=8)

def interrupt():
    while not mipro.runs.list() or len(mipro.runs.list()[0].events()) < 300:
        time.sleep(0.01)
    _thread.interrupt_main()

threading.Thread(target=interrupt, daemon=True).start()
best = optimizer.compile(
    {student}(), trainset=rows(30), num_trials=4000, minibatch_size=6,
    minibatch_full_eval_steps=1, requires_permission_to_run=False,
)
print("BEST", best.score, best.run.status, mipro.runs.load(best.run.id).status)
"""


@pytest.mark.slow
@pytest.mark.parametrize("student", ["Solve", "SolveAsync"])
def test_an_interrupt_in_compile_returns_the_best_program_so_far(server, student):
    script = INTERRUPTED.format(
        tests=str(HERE.parent), here=str(HERE), url=server.base_url, student=student
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert "Interrupted: stopping the run and keeping the best program so far." in done.stdout
    *_, last = done.stdout.splitlines()
    word, score, live, recorded = last.split()
    assert (word, live, recorded) == ("BEST", "stopped", "stopped")
    assert float(score) > 0
    assert "Traceback" not in done.stderr


# ---- what a person sees ----


def test_progress_is_one_bar_on_stderr(server, capsys):
    best = optimizer_of().compile(Solve(), **SHORT)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"best {best.score:.1f}" in shown.err
    assert f"{best.run.state.spend.calls} calls" in shown.err
    told = shown.err.rstrip().split("\n")[-1]
    assert re.match(r"Trial \d+ \(.+\) has the highest score, .+ points over the student; ", told)
    assert told.endswith(f"Run {best.run.id}, {format_usd(best.run.state.spend.usd)}.")


@pytest.mark.slow
def test_verbose_prints_candidates_and_trials(server, capsys):
    optimizer_of(verbose=True).compile(Solve(), **SHORT)
    shown = capsys.readouterr().out
    assert f"solve instruction 0: {OWN}" in shown
    assert "solve demo set 2: " in shown
    assert "evaluation 0 (baseline): " in shown
    assert "(minibatch)" in shown


def test_a_run_that_ends_at_its_cap_says_how_it_is_resumed(server, capsys):
    best = optimizer_of().compile(Solve(), **SHORT, max_calls=30)
    run_id = best.run.id
    assert best.run.status == "capped"
    said = f'To resume run {run_id}, with a higher cap: MIPROv2(metric=exact).resume("{run_id}", '
    assert said in capsys.readouterr().out


def test_start_prints_nothing(server, capsys):
    optimizer_of().start(Solve(), **SHORT).wait()
    assert capsys.readouterr() == ("", "")


def test_listeners_hear_every_event_that_is_in_the_record():
    heard = []
    with ScriptedServer(answer, latency=0.01) as server:
        mipro.configure(lm=lm_of(server))
        run = optimizer_of().start(Solve(), **SHORT)
        run.listen(heard.append)
        run.wait()
    assert heard == list(run.events())[-len(heard) :]
    assert isinstance(heard[-1].event, ev.RunEnded)


def test_the_run_can_be_looked_at_while_it_goes():
    with ScriptedServer(answer, latency=0.01) as server:
        run = stoppable(server)
        assert run.status == "running"
        until(lambda: run.score is not None)
        assert "running" in repr(run)
        assert "student as given" in run.report()
        run.stop()
        run.wait()


@pytest.mark.parametrize("name", ["acompile", "start", "plan"])
def test_every_way_to_run_shows_the_parameters_of_compile(name):
    optimizer = optimizer_of()
    shown = inspect.signature(getattr(optimizer, name)).parameters
    assert list(shown) == list(inspect.signature(optimizer.compile).parameters)


@pytest.mark.parametrize("name", ["acompile", "start", "plan"])
async def test_an_unknown_parameter_is_named_with_those_that_there_are(server, name):
    run = getattr(optimizer_of(), name)
    for unknown, said in {
        "num_trails": r"there is no such parameter: did you mean num_trials=\?",
        "num_threads": r"it belongs to MIPROv2\(…\)",
        "auto": r"it belongs to MIPROv2\(…\)",
    }.items():
        with pytest.raises(InvalidArgumentError, match=f"{unknown}=None: {said}"):
            await run(Solve(), trainset=TRAIN, **{unknown: None})
    assert server.count == 0


def test_plan_takes_all_that_compile_takes(server):
    plan = optimizer_of().plan(Solve(), **SHORT, record=None)
    assert plan.num_trials == 4
    assert server.count == 0


# ---- failures ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": "wrong"}, "refused the key"),
        ({"model": "unknown"}, "does not know the model 'unknown'"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "Cannot reach http://127.0.0.1:9/v1"),
    ],
)
@pytest.mark.parametrize("student", [Solve, SolveAsync])
def test_an_lm_that_cannot_answer_is_told_once(settings, message, student, capsys):
    settings = {"api_key": KEY, "num_retries": 1, **settings}
    with ScriptedServer(answer, api_key=KEY, known_models={"scripted"}) as server:
        settings = {"base_url": server.base_url, **settings}
        mipro.configure(lm=mipro.LM(settings.pop("model", "scripted"), **settings))
        with pytest.raises(LMUnavailableError, match=message) as caught:
            optimizer_of().compile(student(), **SHORT)
        # As many as may be in flight, and those that have taken their places by then.
        assert server.count <= 2 * 6
    assert type(caught.value) is LMUnavailableError
    assert caught.value.__context__ is None
    (recorded,) = mipro.runs.list()
    assert recorded.status == "failed"
    assert recorded.state.ended.reason == f"LMUnavailableError: {caught.value}"
    assert "wrong" not in recorded.report()
    assert "Traceback" not in "".join(capsys.readouterr())


def breaking(after, reply):
    """The toy LM, until it breaks."""

    def respond(request):
        return reply if request.number >= after else answer(request)

    return respond


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reply", "error"),
    [(Reply(status=500), LMError), (Reply(status=401), LMUnavailableError)],
)
@pytest.mark.parametrize("after", [3, 20, 60])
def test_a_server_that_breaks_in_mid_run_fails_the_run_and_keeps_what_was_answered(
    reply, error, after
):
    with ScriptedServer(breaking(after, reply)) as server:
        mipro.configure(lm=lm_of(server))
        run = optimizer_of(max_errors=3).start(Solve(), **SHORT)
        with pytest.raises((error, TooManyErrorsError)) as caught:
            run.wait()
        with pytest.raises(type(caught.value)):
            run.wait()  # again
    assert not isinstance(caught.value, BaseExceptionGroup)
    assert any(run.id in note for note in caught.value.__notes__)
    recorded = mipro.runs.load(run.id)
    assert (recorded.status, run.status) == ("failed", "failed")
    assert recorded.state == run.state
    assert recorded.state.spend.calls == after
    assert type(caught.value).__name__ in recorded.state.ended.reason
    assert recorded.program_state() is not None


@pytest.mark.slow
def test_after_a_failure_what_was_answered_is_not_paid_again():
    breaks_at = [40]
    script = Script().when(lambda request: request.number >= breaks_at[0], Reply(status=401))
    with ScriptedServer(script.otherwise(answer)) as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(LMUnavailableError):
            optimizer_of().compile(Solve(), **SHORT)
        breaks_at[0] = 10_000
        best = optimizer_of().compile(Solve(), **SHORT)
    assert best.run.state.spend.cached_calls >= 40


async def test_a_failed_run_that_is_awaited_raises_the_same(server):
    mipro.configure(lm=lm_of(server, api_key="wrong", base_url="http://127.0.0.1:9/v1"))
    run = optimizer_of().start(Solve(), **SHORT)
    with pytest.raises(LMUnavailableError):
        await run
    with pytest.raises(LMUnavailableError):
        await optimizer_of().acompile(Solve(), **SHORT)


def test_a_failed_run_that_nobody_waits_for_makes_no_noise(capsys):
    mipro.configure(lm=mipro.LM("x", base_url="http://127.0.0.1:9/v1", num_retries=0))
    optimizer_of().start(Solve(), **SHORT)
    until(lambda: mipro.runs.list()[0].status == "failed")
    time.sleep(0.1)
    gc.collect()
    assert capsys.readouterr() == ("", "")


def test_a_program_that_keeps_failing_is_told_with_the_first_failures():
    class Breaks(Solve):
        def forward(self, question):
            made = self.solve(question=question)
            if made.answer == "no idea":
                msg = "cannot go on"
                raise LookupError(msg)
            return made

    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(TooManyErrorsError, match="LookupError: cannot go on") as caught:
            optimizer_of(max_errors=4).compile(Breaks(), **SHORT)
    assert "max_errors=4" in str(caught.value)


def test_failures_within_the_limit_are_scored_zero_and_listed(server):
    class Breaks(Solve):
        def forward(self, question):
            made = self.solve(question=question)
            if question.startswith("7 "):
                msg = "not this one"
                raise LookupError(msg)
            return made

    best = optimizer_of().compile(Breaks(), **SHORT)
    assert set(best.run.state.errors.values()) == {"example 1: LookupError: not this one"}
    assert f"{len(best.run.state.errors)} failed examples" in best.run.report()


class Measured(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question -> answer: float")

    def forward(self, question):
        return self.solve(question=question)


def closeness(example, prediction, trace=None):
    if prediction.answer < 0:  # as NumPy's logarithm of it
        return float("nan")
    return 1 / (1 + abs(prediction.answer - float(example.answer)))


def negative_for(first):
    def respond(request):
        if kind(request) != "task":
            return answer(request)
        is_odd = question_of(request).startswith(first) and GOOD in request.system
        return "answer: -1" if is_odd else "answer: 7"

    return respond


def test_a_reply_that_has_no_finite_score_fails_its_example_alone():
    with ScriptedServer(negative_for("7 ")) as server:
        mipro.configure(lm=lm_of(server))
        best = optimizer_of(closeness, max_errors=2).compile(Measured(), **SHORT)
    assert best.run.status == "finished"
    assert best.run.state.errors
    for error in best.run.state.errors.values():
        assert error.startswith("example 1: The metric closeness returned nan")
        assert "Have it return 0.0" in error


def test_a_metric_that_raises_on_real_answers_only_is_told_with_the_example():
    def strict(example, prediction, trace=None):
        return int(prediction.answer) == int(example.answer)

    with ScriptedServer(lambda r: "answer: none" if kind(r) == "task" else answer(r)) as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(MetricError, match="strict raised ValueError") as caught:
            optimizer_of(strict).compile(Solve(), **SHORT)
        assert server.count < 20
    assert "plus" in str(caught.value)


def test_an_unwritable_record_is_told_before_anything_is_sent(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MiproError, match="Cannot open the record"):
        optimizer_of().compile(Solve(), **SHORT, record=tmp_path / "file" / "record.sqlite")
    assert server.count == 0


@pytest.mark.slow
def test_programs_that_keep_something_uncopyable_are_optimized(server):
    student = Solve()
    student.lock = threading.Lock()
    assert optimizer_of().compile(student, **SHORT).lock is student.lock


def test_every_question_of_the_valset_is_asked_with_the_students_own_prompt(server):
    optimizer_of().compile(Solve(), **SHORT)
    bare = [r for r in asked(server, "task") if r.system.startswith(OWN) and len(r.messages) == 2]
    assert {question_of(request) for request in bare} == {row.question for row in TRAIN[6:]}
