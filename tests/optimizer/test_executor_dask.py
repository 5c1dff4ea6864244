"""Runs whose programs and metrics run on the workers of a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter

import pytest
from scripted_task import Solve, exact, lm_of, question_text, rows
from watched import Watched, until
from whole_runs import at_random_speed, made, told

import mipro_nb as mipro
from mipro_nb.errors import ExecutorError
from mipro_nb.optimizer.running.asking import surface

distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")

pytestmark = [
    pytest.mark.slow,
    # What Dask itself does is its own affair.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
PATIENCE_SECONDS = 60


def cluster_of(workers):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    )


@pytest.fixture(scope="module")
def cluster():
    with cluster_of(2) as running:
        yield running


def test_a_run_on_a_cluster_is_the_run_without_it(tmp_path, cluster):
    alone, asked_alone = made(tmp_path)
    with distributed.Client(cluster, set_as_default=False) as client:
        mipro.configure(executor=client)
        run, asked = made(tmp_path, latency=at_random_speed(1), threads=5)
    assert told(run) == told(alone)
    assert Counter(r.last_user for r in asked) == Counter(r.last_user for r in asked_alone)
    assert run.state.usage.calls == alone.state.usage.calls == len(asked)


def test_the_address_of_its_scheduler_will_do(server, cluster):
    evaluate = mipro.Evaluate(devset=rows(4), metric=exact)
    with mipro.context(executor=cluster.scheduler_address):
        result = evaluate(Solve())
    assert result == evaluate(Solve())


class EndsItsProcess(Solve):
    """Ends the first process of a cluster that works on one question."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark

    def forward(self, question):
        found = super().forward(question)
        is_here = multiprocessing.parent_process() is None
        if question == question_text(1) and not (is_here or self.mark.exists()):
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return found


def test_what_a_killed_worker_had_begun_runs_elsewhere_and_is_not_paid_twice(
    server, cluster, tmp_path
):
    evaluate = mipro.Evaluate(devset=rows(6), metric=exact)
    # Nothing but the evaluation itself knows what was answered.
    with mipro.context(lm=lm_of(server, temperature=0.7, cache=False)):
        without = evaluate(Solve())
        asked_alone = Counter(request.last_user for request in server.requests)
        with mipro.context(executor=cluster):
            result = evaluate(EndsItsProcess(tmp_path / "killed"))
    assert (tmp_path / "killed").exists()
    assert [each.score for each in result.results] == [each.score for each in without.results]
    asked = Counter(request.last_user for request in server.requests)
    assert asked == asked_alone + asked_alone


def test_a_run_whose_scheduler_is_lost_pauses_and_says_so(server, monkeypatch):
    monkeypatch.setattr(surface, "_choose", Watched)
    cluster = cluster_of(1)
    scored = []

    def until_it_is_lost(example, prediction, trace=None):
        scored.append(example)
        if multiprocessing.parent_process() is not None and len(scored) > 2:
            time.sleep(PATIENCE_SECONDS)
        return exact(example, prediction)

    run = mipro.MIPROv2(until_it_is_lost, num_candidates=2, num_threads=1).start(
        Solve(),
        trainset=rows(6),
        valset=rows(6, start=1000),
        num_trials=1,
        minibatch=False,
        executor=cluster,
        requires_permission_to_run=False,
    )
    until(lambda: run.state.usage.calls >= 3)
    cluster.close()
    until(lambda: run.status == "paused")
    (paused,) = (each.event for each in run.events() if each.event.type == "run_paused")
    assert "executor=LocalCluster is of no use any more" in paused.reason
    run.stop()
    run.wait(PATIENCE_SECONDS)
    assert run.status == "stopped"


def test_a_cluster_without_workers_is_refused_before_any_call(server):
    with cluster_of(0) as cluster, pytest.raises(ExecutorError, match="has no workers: start some"):
        mipro.MIPROv2(exact).compile(Solve(), trainset=rows(6), executor=cluster)
    assert server.count == 0


def test_so_is_a_client_that_is_closed(server, cluster):
    client = distributed.Client(cluster, set_as_default=False)
    client.close()
    with pytest.raises(ExecutorError, match="executor=Client is closed"):
        mipro.MIPROv2(exact).compile(Solve(), trainset=rows(6), executor=client)
    assert server.count == 0
