"""Runs whose programs and metrics run in the processes of an executor."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import processes
import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import KEY, Solve, answer, exact, lm_of, question_text, rows, run_of
from whole_runs import at_random_speed, made, told

import mipro_nb as mipro
from mipro_nb.errors import (
    ExecutorError,
    InvalidArgumentError,
    LMUnavailableError,
    MetricError,
    MissingExtraError,
    ProgramError,
)
from mipro_nb.evaluate.workers.worker import VERSIONS

HERE = Path(__file__).parent
PATIENCE_SECONDS = 60
# One process imports everything once, and all others are forked from it.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["mipro_nb.evaluate.workers.processes"])


@pytest.fixture(scope="module")
def pool():
    with ProcessPoolExecutor(4, mp_context=PROCESSES) as running:
        yield running


def in_notebook(source):
    """What a notebook's cells define: names of ``__main__``, which no worker can import."""
    cells = {"__name__": "__main__", "mipro": mipro}
    exec(source, cells)  # noqa: S102 - it stands in the tests
    return cells


CELLS = """
import os

class Looked(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    def forward(self, question):
        found = self.solve(question=question)
        return mipro.Prediction(answer=found.answer, process=os.getpid())

def right(example, prediction, trace=None):
    return prediction.answer == example.answer
"""


@pytest.mark.slow
def test_a_run_on_workers_is_the_run_without_them(tmp_path, pool):
    alone, asked_alone = made(tmp_path)
    mipro.configure(executor=pool)
    run, asked = made(tmp_path, latency=at_random_speed(1), threads=5)
    assert told(run) == told(alone)
    assert Counter(r.last_user for r in asked) == Counter(r.last_user for r in asked_alone)
    assert run.state.usage.calls == alone.state.usage.calls == len(asked)
    assert mipro.runs.check(run.record.path).ok


@pytest.mark.slow
def test_programs_and_metrics_of_cells_run_in_other_processes(server, pool):
    cells = in_notebook(CELLS)
    with mipro.context(executor=pool):
        result = mipro.Evaluate(devset=rows(6), metric=cells["right"])(cells["Looked"]())
    here = mipro.Evaluate(devset=rows(6), metric=cells["right"])(cells["Looked"]())
    assert result == here
    processes = {each.prediction.process for each in result.results}
    assert processes
    assert os.getpid() not in processes


MADE_THERE = """
import collections

class Verdict:
    def __init__(self, word):
        self.word = word

def pair_of(word):
    return collections.namedtuple("Pair", "word length")(word, len(word))

class Judged(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    def forward(self, question):
        word = self.solve(question=question).answer
        return mipro.Prediction(answer=word, verdict=Verdict(word), pair=pair_of(word))

def has_words(example, prediction, trace=None):
    return prediction.pair.word == prediction.verdict.word
"""


@pytest.mark.slow
def test_classes_of_cells_come_back_as_they_are_and_so_do_those_made_on_the_way(server, pool):
    cells = in_notebook(MADE_THERE)
    with mipro.context(executor=pool):
        result = mipro.Evaluate(devset=rows(2), metric=cells["has_words"])(cells["Judged"]())
    assert result == 100
    for each in result.results:
        assert type(each.prediction.verdict) is cells["Verdict"]
        assert each.prediction.pair.length == len(each.prediction.verdict.word)


@pytest.mark.slow
def test_every_call_passes_the_gate_of_the_run_and_no_key_leaves_the_core(server, pool):
    class Curious(Solve):
        def forward(self, question):
            answer = self.solve(question=question).answer
            return mipro.Prediction(answer=f"{answer} {pickle.dumps(vars(mipro.settings.lm))}")

    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    run = run_of(optimizer, Curious(), executor=pool, max_calls=12)
    assert run.status == "capped"
    assert server.count == run.state.usage.calls <= 12
    scored = [each.event for each in run.events() if each.event.type == "example_scored"]
    answers = [run.record.text(event.prediction) for event in scored]
    assert answers
    assert not any(KEY in text for text in answers)
    with pytest.raises(InvalidArgumentError, match="executor="):
        optimizer.resume(run.id, executor=4)
    resumed = optimizer.resume(
        run.id, executor=pool, max_calls=400, requires_permission_to_run=False
    )
    assert resumed.run.status == "finished"
    assert server.count == resumed.run.state.usage.calls


def judged(example, prediction, trace=None):
    """A metric that a worker imports, with an LM of its own that it makes there."""
    judge = mipro.LM("openai/judge", base_url=os.environ["JUDGE_URL"], api_key="k", num_retries=1)
    return judge(f"judge {example.question}") == ["yes"]


def tell_of_the_judge(url):
    os.environ["JUDGE_URL"] = url


def judging(request):
    if request.last_user.startswith("judge"):
        return Reply("yes", prompt_tokens=5, completion_tokens=1)
    return answer(request)


@pytest.mark.slow
def test_lms_that_a_worker_makes_itself_are_counted_as_well(monkeypatch, short_pauses):
    with ScriptedServer(judging) as server:
        monkeypatch.setenv("JUDGE_URL", server.base_url)
        mipro.configure(lm=lm_of(server))
        told = {"initializer": tell_of_the_judge, "initargs": (server.base_url,)}
        with ProcessPoolExecutor(1, mp_context=PROCESSES, **told) as pool:
            run = run_of(
                mipro.MIPROv2(judged, num_candidates=3), executor=pool, max_bootstrapped_demos=0
            )
        asked = sum(request.last_user.startswith("judge") for request in server.requests)
    assert run.status == "finished"
    assert 0 < asked <= server.count == run.state.usage.calls


@pytest.mark.slow
def test_an_lm_that_is_gone_ends_an_evaluation_on_workers_as_it_does_here(server, pool):
    with ScriptedServer(answer) as gone:
        nobody = lm_of(gone)
    with mipro.context(lm=nobody, executor=pool), pytest.raises(LMUnavailableError):
        mipro.Evaluate(devset=rows(4), metric=exact)(Solve())


class EndsItsProcess(Solve):
    """Ends the first process that works on one question, and all others where it says so."""

    def __init__(self, mark, *, always=False):
        super().__init__()
        self.mark, self.always = mark, always

    def forward(self, question):
        found = super().forward(question)
        is_here = multiprocessing.parent_process() is None
        if question == question_text(1) and not is_here and (self.always or not self.mark.exists()):
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return found


@pytest.mark.slow
def test_an_example_whose_worker_is_killed_runs_again_and_pays_nothing_twice(server, tmp_path):
    evaluate = mipro.Evaluate(devset=rows(6), metric=exact)
    # Nothing but the run itself knows what was answered.
    with mipro.context(lm=lm_of(server, temperature=0.7, cache=False)):
        without = evaluate(EndsItsProcess(tmp_path / "never"))
        asked_alone = Counter(request.last_user for request in server.requests)
        with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool, mipro.context(executor=pool):
            result = evaluate(EndsItsProcess(tmp_path / "killed"))
    assert (tmp_path / "killed").exists()
    assert [each.score for each in result.results] == [each.score for each in without.results]
    asked = Counter(request.last_user for request in server.requests)
    assert asked == asked_alone + asked_alone


@pytest.mark.slow
def test_an_example_that_ends_every_worker_is_an_error_of_its_own(server, tmp_path):
    program = EndsItsProcess(tmp_path / "killed", always=True)
    with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool, mipro.context(executor=pool):
        result = mipro.Evaluate(devset=rows(4), metric=exact)(program)
    assert [failed.index for failed in result.failed] == [1]
    assert "3 workers ended while they worked on the example" in str(result.failed[0].error)


def interrupted(example, prediction, trace=None):
    if multiprocessing.parent_process() is not None and example.question == question_text(1):
        os.kill(os.getpid(), signal.SIGINT)
    return exact(example, prediction)


@pytest.mark.slow
def test_an_interrupt_is_for_the_core_alone(server):
    """A notebook that interrupts its kernel interrupts all processes that the kernel has begun."""
    here = mipro.Evaluate(devset=rows(6), metric=exact)(Solve())
    with ProcessPoolExecutor(2, mp_context=PROCESSES) as pool, mipro.context(executor=pool):
        assert mipro.Evaluate(devset=rows(6), metric=interrupted)(Solve()) == here


WITH_A_POOL = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
sys.path[:0] = sys.argv[2:]
from scripted_task import *
mipro.configure(lm=lm_of(type("Server", (), {"base_url": sys.argv[1]})))
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["mipro_nb.evaluate.workers.processes"])
with ProcessPoolExecutor(2, mp_context=context) as pool, mipro.context(executor=pool):
    mipro.Evaluate(devset=rows(2), metric=exact)(Solve())
    print("evaluated", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_processes_that_have_served_end_with_a_core_that_is_killed(server):
    with processes.start(WITH_A_POOL, server.base_url, HERE.parent, HERE) as process:
        assert process.stdout.readline() == "evaluated\n"
        process.kill()
        # They hold the pipe as well: it ends with the last of them.
        assert process.communicate(timeout=PATIENCE_SECONDS)[0] == ""


class ExitsWhereItIsLoaded:
    def __reduce__(self):
        return sys.exit, ("not here",)


@pytest.mark.slow
def test_a_program_that_ends_what_loads_it_is_refused_before_any_call(server, pool):
    program = Solve()
    program.index = ExitsWhereItIsLoaded()
    with (
        mipro.context(executor=pool),
        pytest.raises(ExecutorError, match="cannot load the program: SystemExit: not here"),
    ):
        mipro.Evaluate(devset=rows(2), metric=exact)(program)
    assert server.count == 0


class OddError(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


class ReturnsALock(Solve):
    def forward(self, question):
        if question == question_text(1):
            raise OddError("this", "that")
        return mipro.Prediction(answer=super().forward(question).answer, lock=threading.Lock())


def with_words(example, prediction, trace=None):
    return mipro.Score(0.5, f"{type(prediction.lock).__name__} of {example.question}")


@pytest.mark.slow
def test_what_cannot_be_sent_back_is_shown_and_scored_all_the_same(server, pool):
    evaluate = mipro.Evaluate(devset=rows(3), metric=with_words)
    here = evaluate(ReturnsALock())
    with mipro.context(executor=pool):
        there = evaluate(ReturnsALock())
    assert [(each.score, each.feedback) for each in there.results] == [
        (each.score, each.feedback) for each in here.results
    ]
    assert "_thread.lock object" in repr(there.results[0].prediction.lock)
    assert str(there.failed[0].error) == "OddError: this and that"


@pytest.mark.slow
def test_workers_with_other_versions_are_refused_before_any_call(server, pool, monkeypatch):
    monkeypatch.setitem(VERSIONS, "pydantic", "1.0")
    with (
        mipro.context(executor=pool),
        pytest.raises(ExecutorError, match=r"this .* pydantic 1\.0:"),
    ):
        mipro.Evaluate(devset=rows(3), metric=exact)(Solve())
    assert server.count == 0


def never(example, prediction, trace=None):
    if multiprocessing.parent_process() is not None and example.question == question_text(0):
        while True:
            time.sleep(0.01)
    return True


@pytest.mark.slow
def test_example_timeout_ends_its_own_example(server, pool):
    with mipro.context(executor=pool):
        late = mipro.Evaluate(devset=rows(1), metric=never, example_timeout=0.5)(Solve())
        others = mipro.Evaluate(devset=rows(6)[1:], metric=never)(Solve())
    assert "took longer than example_timeout=0.5 s" in str(late.failed[0].error)
    assert others == 100


class Locked(Solve):
    def __init__(self):
        super().__init__()
        self.index = {"lock": threading.Lock()}


def test_what_of_a_program_cannot_be_pickled_is_named_before_any_call(server):
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(ProgramError, match=r"Locked\.index\['lock'\] is a _thread\.lock"),
    ):
        mipro.MIPROv2(exact).compile(Locked(), trainset=rows(6), executor=pool)
    assert server.count == 0


def test_neither_can_a_metric_that_holds_a_lock(server):
    lock = threading.Lock()

    def guarded(example, prediction, trace=None):
        with lock:
            return exact(example, prediction)

    with ProcessPoolExecutor(1) as pool, pytest.raises(MetricError, match="lock in guarded is a"):
        mipro.MIPROv2(guarded).compile(Solve(), trainset=rows(6), executor=pool)
    assert server.count == 0


def test_nor_rows_that_hold_one(server):
    held = [mipro.Example(row, held=threading.Lock()).with_inputs("question") for row in rows(6)]
    evaluate = mipro.Evaluate(devset=held, metric=exact)
    with (
        ProcessPoolExecutor(1) as pool,
        mipro.context(executor=pool),
        pytest.raises(InvalidArgumentError) as raised,
    ):
        evaluate(Solve())
    assert "devset[0]['held'] is a _thread.lock" in str(raised.value)
    assert server.count == 0


@pytest.mark.parametrize(
    "given", [4, "tcp", object(), ThreadPoolExecutor(1)], ids=lambda given: type(given).__name__
)
def test_anything_but_an_executor_of_processes_is_refused(server, given):
    with pytest.raises(InvalidArgumentError, match=r"executor=.*ProcessPoolExecutor"):
        mipro.MIPROv2(exact).compile(Solve(), trainset=rows(6), executor=given)
    with pytest.raises(InvalidArgumentError, match=r"executor=.*ProcessPoolExecutor"):
        mipro.configure(executor=given)
    assert server.count == 0


def test_an_executor_that_is_shut_down_is_refused_before_any_call(server):
    pool = ProcessPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(ExecutorError, match="executor=ProcessPoolExecutor takes no work"):
        mipro.MIPROv2(exact).compile(Solve(), trainset=rows(6), executor=pool)
    assert server.count == 0


def test_so_is_one_whose_processes_cannot_start(server):
    pool = ProcessPoolExecutor(1, mp_context=PROCESSES, initializer=lambda: None)
    with pytest.raises(ExecutorError, match=r"cannot serve: .*(pickle|Pickl)"):
        mipro.MIPROv2(exact).compile(Solve(), trainset=rows(6), executor=pool)
    assert server.count == 0


def test_a_cluster_needs_the_extra(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        mipro.context(executor="tcp://127.0.0.1:8786"),
        pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[dask\]'"),
    ):
        mipro.Evaluate(devset=rows(2), metric=exact)(Solve())
    assert server.count == 0


def test_a_function_of_ones_own_is_refused(server):
    prompt = mipro.prompt("Add the numbers.", name="add")

    def add(question):
        return mipro.settings.lm(f"{prompt} {question}")[0]

    evaluate = mipro.Evaluate(devset=rows(2), metric=exact)
    said = "run it without an executor, as after `with mipro_nb.context(executor=None):`"
    with (
        ProcessPoolExecutor(1) as pool,
        mipro.context(executor=pool),
        pytest.raises(InvalidArgumentError) as raised,
    ):
        evaluate(add)
    assert said in str(raised.value)
