"""Carrying a run on: which one, with what, and whether it is still the same."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.language.example import Example
from mipro_nb.language.saving import jsonable
from mipro_nb.models.caps import Caps
from mipro_nb.optimizer.job import Job
from mipro_nb.optimizer.past import Past
from mipro_nb.optimizer.plan import AUTO, Plan, Wishes
from mipro_nb.optimizer.rows import Rows, split_rows
from mipro_nb.optimizer.strategy import SearchStrategy, strategy_of
from mipro_nb.runs.history import history_rows
from mipro_nb.runs.outlay import Outlay
from mipro_nb.runs.record import Record, text_ref
from mipro_nb.runs.resuming import RESUMABLE

# What a plan may differ in from that of the run which it carries on.
_FREE = frozenset({"num_threads", "max_errors", "hedge", "example_timeout"})
_DIFF_LINES = 30
_WHAT = {"program": "the program's code", "metric": "the metric's code", "student": "the student"}


def past_of(record: Record, run_id: str) -> Past:
    """Return the past of the run to carry on.

    Raises
    ------
    RunEndedError
        If it is finished, or goes on.
    RecordError
        If it cannot be read.
    """
    past = Past.of(record, run_id)
    state = past.state.state
    if state == "finished":
        msg = f"Run {run_id} is finished: mipro_nb.runs.load({run_id!r}) shows what came of it."
        raise RunEndedError(msg)
    if state not in RESUMABLE:
        msg = f"Run {run_id} is {state}, in this process or another one: it need not be carried on."
        raise RunEndedError(msg)
    return past


def same_run(record: Record, job: Job) -> Past | None:
    """Return the newest run that can be carried on and is this job: plan, data, program, metric."""
    for row in history_rows(record):
        if row["state"] in RESUMABLE and row["program"] == job.plan.program:
            past = Past.of(record, row["id"])
            if not any(obstacles(past, job)) and not any(differences(past, job)):
                return past
    return None


def wishes_of(past: Past, wishes: Wishes) -> Wishes:
    """Return `wishes` with all that the plan says which is carried on."""
    planned = past.planned
    strategy = planned.strategy
    search = SearchStrategy(**strategy) if strategy else strategy_of(planned.plan["search"])
    names = {field.name for field in fields(Wishes)} - {"search", "auto"}
    values = {name: planned.plan[name] for name in names & planned.plan.keys()}
    return replace(wishes, auto=None, search=search, **values)


def rows_of(past: Past) -> Rows:
    """Return the rows that the run works on, as the record has them."""
    planned = past.planned
    train, val = (
        [Example(row).with_inputs(*planned.inputs) for row in json.loads(past.record.text(ref))]
        for ref in (planned.trainset, planned.valset)
    )
    return Rows(train, val)


def rows_given(past: Past, trainset: Any, valset: Any, inputs: Sequence[str] | None) -> Rows:
    """Return the rows that a person gives, divided as they were when the run was planned."""
    plan = past.planned.plan
    most = AUTO[plan["auto"]].valset_cap if plan.get("auto") else None
    return split_rows(trainset, valset, inputs, most, plan["seed"])


def caps_of(past: Past, given: Mapping[str, Any]) -> Caps:
    """Return the caps that the run goes on with: those that are given, else those that it had.

    One that is None is not given.

    Raises
    ------
    InvalidArgumentError
        If one that is given is reached already. One that it had may still be raised in the
        question for permission.
    """
    given = {name: limit for name, limit in given.items() if limit is not None}
    check_caps_left(past, Caps(**given))
    return Caps(**{**past.state.caps, **given})


def check_caps_left(past: Past, caps: Caps) -> None:
    """Return if the run has not reached `caps` yet.

    Raises
    ------
    InvalidArgumentError
        If it has reached one of them.
    """
    for name, spent in _spent(past.state.outlay, past.state.seconds).items():
        limit = getattr(caps, name)
        if limit is not None and spent >= limit:
            told = f"{spent:,}" if isinstance(spent, int) else f"{spent:,.4f}"
            raise InvalidArgumentError(
                name, limit, f"run {past.run_id} has spent {told} already: give a higher one."
            )


def _spent(outlay: Outlay, seconds: float) -> dict[str, float]:
    return {
        "max_usd": outlay.usd,
        "max_calls": outlay.calls,
        "max_tokens": outlay.tokens,
        "max_seconds": seconds,
    }


def obstacles(past: Past, job: Job) -> Iterator[tuple[str, str]]:
    """Tell why the run cannot be carried on as this job: the argument, and what is wrong with it.

    Scores of other rows, and candidates of other predictors, are of no use to it.
    """
    planned = past.planned
    rows = {"trainset": job.rows.train, "valset": job.rows.val}
    for name, examples in rows.items():
        text = json.dumps(jsonable([row.to_dict() for row in examples], name), ensure_ascii=False)
        if text_ref(text) != getattr(planned, name):
            yield name, "its rows are others than those of the run"
    if dict(job.plan.predictors) != planned.predictors:
        yield "student", f"the predictors of the run were {planned.predictors}"


def check_same(past: Past, job: Job) -> None:
    """Return if the run can be carried on as this job.

    Raises
    ------
    InvalidArgumentError
        If rows or predictors are others.
    """
    given = {"trainset": job.rows.train, "valset": job.rows.val, "student": job.student}
    for name, problem in obstacles(past, job):
        raise InvalidArgumentError(
            name, given[name], f"{problem}: give what it was begun with, or begin a new run."
        )


def differences(past: Past, job: Job) -> Iterator[str]:
    """Tell, each in a text, in what the run was different from this job."""
    planned = past.planned
    for name, value in job.plan.settings().items():
        if name not in _FREE and planned.plan.get(name) != value:
            yield f"{name} was {planned.plan.get(name)!r} and is {value!r}."
    if dict(job.plan.models) != planned.models:
        yield f"The models were {planned.models} and are {dict(job.plan.models)}."
    for role, text in job.sources().items():
        if role in planned.sources and planned.sources[role] != text_ref(text):
            yield _changed(role, past.record.text(planned.sources[role]), text)


def _changed(role: str, before: str, now: str) -> str:
    lines = list(difflib.unified_diff(before.splitlines(), now.splitlines(), lineterm="", n=1))[2:]
    if len(lines) > _DIFF_LINES:
        lines = [*lines[:_DIFF_LINES], "…"]
    return "\n".join([f"{_WHAT[role].capitalize()} changed:", *lines])


def note(past: Past) -> str:
    """Return what a person who is asked for permission should know of the run."""
    spend = past.state.spend
    usd = "an unknown price" if spend.usd is None else f"USD {spend.usd:.4f}"
    return (
        f"Carries on run {past.run_id}, which {_ENDS[past.state.state]}: {spend.calls:,} calls "
        f"({usd}) are answered already and part of the estimate."
    )


_ENDS = {
    "cut off": "was cut off",
    "stopped": "was stopped",
    "capped": "reached a cap",
    "failed": "failed",
}


def same_auto(past: Past, plan: Plan) -> Plan:
    """Return `plan` with the name of the ``auto`` that its numbers come from."""
    return replace(plan, auto=past.planned.plan.get("auto"))
