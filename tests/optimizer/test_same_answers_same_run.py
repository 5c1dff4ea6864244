"""The same seed and the same answers give the same run, however fast each answer comes."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_server import ScriptedServer
from scripted_task import (
    PlanAndSolve,
    Solve,
    answer,
    exact,
    kind,
    lm_of,
    question_of,
    rows,
    run_of,
)

import mipro_nb as mipro

TRAIN, VAL = rows(24), rows(12, start=1000)
TRAIN_QUESTIONS = {row.question for row in TRAIN}
SLOWEST_SECONDS = 0.02
NO_DEMOS = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0}

_records = itertools.count()


def made(tmp_path, *, latency=0.0, threads=6, student=PlanAndSolve, cache=True, **wishes):
    """Run a search to its end; return the run and the requests that it sent."""
    compiled = {
        "num_trials": 8,
        "minibatch": True,
        "minibatch_size": 4,
        "minibatch_full_eval_steps": 3,
        "view_data_batch_size": 3,
        "trials_in_flight": 4,
        # A record of its own: nothing is answered from another run's.
        "record": tmp_path / f"{next(_records)}.sqlite",
    }
    optimizer = mipro.MIPROv2(
        exact,
        num_threads=threads,
        **{"num_candidates": 5, "max_bootstrapped_demos": 3, "max_labeled_demos": 4, **wishes},
    )
    with ScriptedServer(answer, latency=latency) as server:
        mipro.configure(lm=lm_of(server, cache=cache))
        run = run_of(optimizer, student(), train=TRAIN, val=VAL, **compiled)
    assert server.exceptions == []
    return run, server.requests


def at_random_speed(seed):
    """Most answers are quick, some are stragglers."""
    draw = random.Random(seed)
    return lambda _: SLOWEST_SECONDS * draw.random() ** 3


def kept_demos(run, name):
    built = run.state.demo_sets[name]
    return [json.loads(run.record.text(built[index].demos)) for index in sorted(built)]


def told(run):
    """What a run did and found out, without when and in which order things came back."""
    state, names = run.state, list(run.state.candidates)
    return {
        "trials": {
            number: (trial.kind, trial.configuration, trial.examples, trial.score)
            for number, trial in sorted(state.trials.items())
        },
        "scores": {key: dict(sorted(scores.items())) for key, scores in state.scores.items()},
        "candidates": {
            name: [(c.instruction, c.tip, c.demo_set) for c in state.candidates[name].values()]
            for name in names
        },
        "demo sets": {name: kept_demos(run, name) for name in names},
        "bootstrapped": dict(sorted(state.bootstrapped.items())),
        "grounding": sorted((g.kind, g.predictor or "", g.text) for g in state.grounding),
        "result": (state.ended.score, state.ended.configuration, run.wait().dump_state()),
        "gain": (state.ended.gain_low, state.ended.gain_high),
    }


def before_the_search(requests):
    """The calls that bootstrap, describe and propose, each as often as it was sent."""
    return Counter(
        json.dumps(request.body)
        for request in requests
        if kind(request) != "task" or question_of(request) in TRAIN_QUESTIONS
    )


@pytest.fixture(scope="module")
def one_at_a_time(tmp_path_factory):
    """A run whose programs ran one after another, on a server that answers at once."""
    run, requests = made(tmp_path_factory.mktemp("one"), threads=1)
    assert run.status == "finished"
    return told(run), before_the_search(requests)


@given(speed=st.integers(0, 2**32), threads=st.sampled_from([2, 6, 64]))
@settings(max_examples=10)
def test_the_speed_of_the_answers_changes_nothing(one_at_a_time, tmp_path_factory, speed, threads):
    run, requests = made(
        tmp_path_factory.mktemp("run"), latency=at_random_speed(speed), threads=threads
    )
    assert (told(run), before_the_search(requests)) == one_at_a_time


@pytest.mark.parametrize(
    "wishes",
    [NO_DEMOS, {"student": Solve, "max_labeled_demos": 0}, {"seed": 5, "init_temperature": 0.0}],
    ids=["without demos", "bootstrapped demos only", "another seed, cold proposals"],
)
def test_the_number_of_threads_changes_nothing(tmp_path, wishes):
    runs = [
        made(tmp_path, latency=at_random_speed(threads), threads=threads, **wishes)
        for threads in (1, 6, 64)
    ]
    one, *others = [(told(run), before_the_search(requests)) for run, requests in runs]
    for other in others:
        assert other == one


def test_another_seed_makes_another_run(one_at_a_time, tmp_path):
    run, _ = made(tmp_path, seed=10)
    assert told(run)["trials"] != one_at_a_time[0]["trials"]


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("student", [Solve, PlanAndSolve])
@pytest.mark.parametrize("wishes", [{}, NO_DEMOS, {"init_temperature": 0.0}], ids=str)
def test_no_prompt_at_temperature_zero_is_sent_twice(tmp_path, student, cache, wishes):
    _, requests = made(
        tmp_path, latency=at_random_speed(0), threads=64, student=student, cache=cache, **wishes
    )
    sent = Counter(json.dumps(r.body) for r in requests if r.body["temperature"] == 0)
    assert len(sent) > len(VAL)
    assert {body: times for body, times in sent.items() if times > 1} == {}
