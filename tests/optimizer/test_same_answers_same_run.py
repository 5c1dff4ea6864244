"""The same seed and the same answers give the same run, however fast each answer comes."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_task import (
    PlanAndSolve,
    Solve,
    kind,
    question_of,
)
from whole_runs import TRAIN, VAL, at_random_speed, made, told

pytestmark = pytest.mark.slow

TRAIN_QUESTIONS = {row.question for row in TRAIN}
NO_DEMOS = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0}


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
    "requested",
    [NO_DEMOS, {"student": Solve, "max_labeled_demos": 0}, {"seed": 5, "init_temperature": 0.0}],
    ids=["without demos", "bootstrapped demos only", "another seed, cold proposals"],
)
def test_the_number_of_threads_changes_nothing(tmp_path, requested):
    runs = [
        made(tmp_path, latency=at_random_speed(threads), threads=threads, **requested)
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
@pytest.mark.parametrize("requested", [{}, NO_DEMOS, {"init_temperature": 0.0}], ids=str)
def test_no_prompt_at_temperature_zero_is_sent_twice(tmp_path, student, cache, requested):
    _, requests = made(
        tmp_path, latency=at_random_speed(0), threads=64, student=student, cache=cache, **requested
    )
    sent = Counter(json.dumps(r.body) for r in requests if r.body["temperature"] == 0)
    assert len(sent) > len(VAL)
    assert {body: times for body, times in sent.items() if times > 1} == {}
