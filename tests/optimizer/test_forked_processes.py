"""User code that forks: a forked process cannot call an LM of the run, and harms nothing of it."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows

import mipro_nb as mipro

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here"),
]

MOST_CALLS = 60
PATIENCE_SECONDS = 60


def in_fork(work):
    """What `work` returns, or the repr of what it raises, in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(work())
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = repr(error)
        os.write(writing, said.encode()[:4000])
        os._exit(0)
    os.close(writing)
    try:
        assert select.select([reading], [], [], PATIENCE_SECONDS)[0], "the forked process hangs"
        return os.read(reading, 4000).decode()
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def in_process(work):
    """The same by means of multiprocessing.

    Only the answer is waited for, not `exitcode`: each start of a process, here in several
    threads at once, collects the exit codes of all children that have ended.
    """
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def told():
        try:
            writing.send(str(work()))
        except BaseException as error:  # noqa: BLE001 - told to the parent
            writing.send(repr(error))

    process = context.Process(target=told)
    process.start()
    assert reading.poll(PATIENCE_SECONDS), "the forked process hangs"
    return reading.recv()


def judging(request):
    if request.last_user.startswith("judge"):
        return Reply("yes", prompt_tokens=5, completion_tokens=1)
    return answer(request)


@pytest.fixture
def server():
    with ScriptedServer(judging, latency=0.002) as running:
        mipro.configure(lm=lm_of(running, cache=False))
        yield running


def run_with(metric, **settings):
    return mipro.MIPROv2(metric, num_candidates=3, num_threads=6, max_errors=1000).start(
        Solve(),
        trainset=rows(6),
        valset=rows(8, start=1000),
        num_trials=3,
        minibatch_size=4,
        requires_permission_to_run=False,
        **settings,
    )


@pytest.mark.parametrize("fork", [in_fork, in_process])
def test_a_forked_process_cannot_call_an_lm_and_the_run_goes_on(server, fork):
    judge = lm_of(server, cache=False, temperature=0.5)
    said = []

    def metric(example, prediction, trace=None):
        said.append(fork(lambda: judge(f"judge {example.question}")))
        return exact(example, prediction)

    run = run_with(metric, max_calls=MOST_CALLS)
    run.wait(PATIENCE_SECONDS)
    assert run.status in ("finished", "capped")
    assert len(said) > 8
    assert all("ProgramError('A forked process cannot call an LM of a run" in text for text in said)
    assert not any(request.last_user.startswith("judge") for request in server.requests)
    assert server.count == run.state.usage.calls <= MOST_CALLS
    assert mipro.runs.check(run.record.path).ok


def test_neither_can_the_programs_own_predictors_there(server):
    said = []

    class Forking(Solve):
        def forward(self, question):
            found = super().forward(question)
            said.append(in_fork(lambda: super(Forking, self).forward(question)))
            said.append(in_fork(lambda: mipro.settings.lm("judge from the program")))
            return found

    mipro.MIPROv2(exact, num_candidates=3).start(
        Forking(),
        trainset=rows(4),
        valset=rows(4, start=1000),
        num_trials=1,
        minibatch=False,
        requires_permission_to_run=False,
    ).wait(PATIENCE_SECONDS)
    in_the_run = [text for text in said if "answer=" not in text]  # not those of the rehearsal
    assert len(in_the_run) > 8
    assert all("A forked process cannot call an LM" in text for text in in_the_run)


def failing_in_a_fork(example, prediction, trace=None):
    if example.question == FAILS_ON and prediction.answer != "made up":
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.apply(ask_for_the_judge)
    return exact(example, prediction)


def ask_for_the_judge():
    return JUDGE[0]("judge")


FAILS_ON = rows(8, start=1000)[5].question
JUDGE = []


def test_an_example_whose_metric_lets_the_error_through_has_failed(server):
    JUDGE[:] = [lm_of(server, cache=False)]
    run = run_with(failing_in_a_fork)
    run.wait(PATIENCE_SECONDS)
    assert run.status == "finished"
    failed = {example: error for (_, example), error in run.state.errors.items()}
    assert list(failed) == [5]
    assert "Use threads or async code instead" in failed[5]


def test_a_forked_process_is_told_that_the_record_is_not_its_own(server):
    runs, said = [], []

    def metric(example, prediction, trace=None):
        said.extend(in_fork(run.events) for run in runs)
        return exact(example, prediction)

    run = run_with(metric)
    runs.append(run)
    run.wait(PATIENCE_SECONDS)
    assert said
    assert all("opened before this process was forked" in text for text in said)
    assert run.status == "finished"


def test_calls_of_ones_own_may_be_made_from_a_forked_process(server):
    lm = mipro.settings.lm
    assert lm("judge here") == ["yes"]
    assert in_fork(lambda: lm("judge there")) == "['yes']"
    evaluate = mipro.Evaluate(devset=rows(2), metric=asking_in_a_fork)
    assert evaluate(Solve()) == 100.0


def asking_in_a_fork(example, prediction, trace=None):
    return in_fork(lambda: mipro.settings.lm("judge there")) == "['yes']"
