"""Whole runs of one search, and what they did: to be compared with each other."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter

from scripted_server import ScriptedServer
from scripted_task import PlanAndSolve, answer, exact, lm_of, rows, run_of

import mipro_nb as mipro

TRAIN, VAL = rows(24), rows(12, start=1000)
SLOWEST_SECONDS = 0.02
CANDIDATES = {"num_candidates": 5, "max_bootstrapped_demos": 3, "max_labeled_demos": 4}
SEARCH = {
    "num_trials": 8,
    "minibatch": True,
    "minibatch_size": 4,
    "minibatch_full_eval_steps": 3,
    "view_data_batch_size": 3,
    "trials_in_flight": 4,
}

_records = itertools.count()


def made(tmp_path, *, latency=0.0, threads=6, student=PlanAndSolve, cache=True, **requested):
    """Run a search to its end; return the run and the requests that it sent."""
    # A record of its own: nothing is answered from another run's.
    record = tmp_path / f"{next(_records)}.sqlite"
    optimizer = mipro.MIPROv2(exact, num_threads=threads, **{**CANDIDATES, **requested})
    with ScriptedServer(answer, latency=latency) as server:
        mipro.configure(lm=lm_of(server, cache=cache))
        run = run_of(optimizer, student(), train=TRAIN, val=VAL, record=record, **SEARCH)
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
        "tested": state.ended.tested,
    }


def result(run):
    """What a run tells, but for attempts at demos that were begun to spare and not needed."""
    everything = told(run)
    del everything["bootstrapped"]
    return everything


def answered(run):
    """How often each prompt was answered, as the record has it."""
    calls = [e.event for e in run.events() if e.event.type == "lm_call_answered"]
    return Counter(_prompt(call, run.record) for call in calls if not call.from_cache)


def _prompt(call, record):
    head = json.loads(record.text(call.prompt_head))["messages"]
    return json.dumps([*head, json.loads(record.text(call.prompt_tail))])
