"""Runs made of events by hand."""

from __future__ import annotations

import json
import os

import psutil

from mipro_nb.runs import RecordedEvent, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import configuration_key

STUDENT = {"self:demos": 0, "self:instruction": 0}
BETTER = {"self:demos": 1, "self:instruction": 2}
NOBODY = 2**63 - 1
"""A process that is no more."""


def began(process):
    """When a process began, if it is there."""
    try:
        return psutil.Process(process).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def planned(process=None, **fields):
    process = os.getppid() if process is None else process
    amount = {"low": 10, "expected": 20, "high": 40}
    fields = {
        "program": "CoT",
        "predictors": {"self": "question -> answer"},
        "plan": {},
        "estimate": {"total": {"calls": amount, "usd": None}},
        "trainset": "0",
        "valset": "0",
        "mipro_nb": "0.2.0",
        "process_started": began(process),
        "inputs": ["question"],
        "models": {},
        "strategy": {},
        "sources": {},
        "lms": {},
        **fields,
    }
    return ev.RunPlanned(process=process, **fields)


def answered(*, usd: float | None = 0.5, from_cache=False, phase="search", **fields):
    fields = {"prompt_head": "0", "prompt_tail": "0", "reply": "0", **fields}
    return ev.LMCallAnswered(
        phase=phase,
        model="m",
        truncated=False,
        input_tokens=100,
        output_tokens=10,
        cached_input_tokens=0,
        usd=usd,
        from_cache=from_cache,
        seconds=1.0,
        **fields,
    )


def failed(**fields):
    fields = {"prompt_head": "0", "prompt_tail": "0", "error": "no", "seconds": 1.0, **fields}
    return ev.LMCallFailed(phase="search", model="m", **fields)


def asked(number, kind, configuration, examples=(0, 1)):
    return ev.TrialAsked(
        trial=number, kind=kind, configuration=configuration, examples=list(examples)
    )


def told(number, kind, configuration, score, *, examples=2, reused=0):
    return ev.TrialTold(
        trial=number,
        kind=kind,
        configuration=configuration,
        score=score,
        examples=examples,
        reused=reused,
    )


def scored(number, configuration, example, score=1.0, **fields):
    key = configuration if isinstance(configuration, str) else configuration_key(configuration)
    fields = {"prediction": None, "seconds": 1.0, **fields}
    return ev.ExampleScored(trial=number, configuration=key, example=example, score=score, **fields)


def trial(number, kind, configuration, score):
    return [asked(number, kind, configuration), told(number, kind, configuration, score)]


def ended(program=None, **fields):
    fields = {
        "state": "finished",
        "score": 80.0,
        "baseline": 50.0,
        "configuration": BETTER,
        "gain_low": 5.0,
        "gain_high": 50.0,
        **fields,
    }
    return ev.RunEnded(program=program, **fields)


def whole_run():
    return [
        planned(),
        ev.RunPermitted(by="user"),
        ev.PhaseStarted(phase="baseline"),
        answered(phase="baseline"),
        *trial(0, "baseline", STUDENT, 50.0),
        answered(),
        answered(from_cache=True, usd=0.0),
        failed(),
        *trial(1, "minibatch", BETTER, 100.0),
        *trial(2, "full", BETTER, 80.0),
        ended(),
    ]


def write(run_id, events, record=None, name="name"):
    """Enter a run of these events and return the record."""
    opened = open_record(record)
    opened.add_run(run_id, name)
    for seq, event in enumerate(events):
        opened.append(run_id, event, seq)
    return opened


def recorded(events):
    """The events as if a record had given them back, one a second."""
    return [RecordedEvent("run", seq, 1000.0 + seq, event) for seq, event in enumerate(events)]


def sound_run(record, word=""):
    """Events of a run whose texts are all in the record."""
    rows = keep(record, [{"question": f"q{word}", "answer": "a"}])
    head = keep(record, {"parameters": {}, "messages": []})
    tail = keep(record, {"role": "user", "content": f"q{word}"})
    call = {"prompt_head": head, "prompt_tail": tail}
    reply, program = record.put_text(f"reply{word}"), keep(record, {"predictors": {}})
    return [
        planned(NOBODY, trainset=rows, valset=rows, sources={"program": record.put_text("code")}),
        ev.RunPermitted(by="user"),
        asked(0, "baseline", STUDENT, [0]),
        answered(**call, reply=reply, trial=0, example=0),
        failed(**call),
        scored(0, STUDENT, 0, prediction=keep(record, {"answer": "a"})),
        told(0, "baseline", STUDENT, 100.0, examples=1),
        ended(program, configuration=STUDENT),
    ]


def sensible(events):
    """Leave out results of trials that were never asked, which no run writes."""
    known, kept = set(), []
    for event in events:
        if isinstance(event, ev.TrialAsked):
            known.add(event.trial)
        if not isinstance(event, ev.TrialTold) or event.trial in known:
            kept.append(event)
    return kept


def keep(record, value):
    """Keep a value as JSON and return its reference."""
    return record.put_text(json.dumps(value, ensure_ascii=False))
