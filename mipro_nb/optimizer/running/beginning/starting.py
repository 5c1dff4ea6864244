"""From the specification to the run: a new one, or one that ended early and is resumed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from mipro_nb.checks import Flag, check
from mipro_nb.language.lms.settings import settings
from mipro_nb.optimizer.planning.changes import CHANGEABLE, RESUMED_CHANGEABLE
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.asking.outlook import Answered, outlook_of
from mipro_nb.optimizer.running.beginning.measured_before import with_measured_headroom
from mipro_nb.optimizer.running.beginning.twins import noted, twin_of
from mipro_nb.optimizer.running.resuming import resume as resumption
from mipro_nb.optimizer.running.run import Beginning, Run
from mipro_nb.runs.store.open_records import open_record
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.history import history_rows


def run_of(
    spec: RunSpec,
    *,
    ask: bool,
    student: object,
    resume: bool = False,
    record: str | Path | None = None,
    **_: Any,
) -> Run:
    """Return the run of a specification; what only plans depend on is given and not looked at.

    `ask`: whether somebody is asked before the first LM call; `student`: the program as given.

    Raises
    ------
    InvalidArgumentError
        If one of those that only runs take is invalid.
    """
    check("resume", resume, Flag)
    opened = _opened(record)
    return Run(
        _beginning(opened, spec, resume=resume, warn=not ask),
        opened,
        lambda changes: _beginning(opened, spec.changed(changes), resume=resume),
        student=student,
    )


def plan_of(
    spec: RunSpec, *, resume: bool = False, record: str | Path | None = None, **_: Any
) -> Plan:
    """Return the plan of a specification with what the record knows of it, as a run would have it.

    Raises
    ------
    InvalidArgumentError
        If one of those that only runs take is invalid.
    """
    check("resume", resume, Flag)
    return _beginning(_opened(record), spec, resume=resume).spec.plan


def _opened(record: str | Path | None) -> Record:
    return open_record(record if record is not None else settings.record)


def _beginning(record: Record, spec: RunSpec, *, resume: bool, warn: bool = False) -> Beginning:
    twin = twin_of(record, spec)
    progress = None
    if resume:
        progress, spec = _resumed(record, spec)
    rows = history_rows(record)
    found = noted(record, spec, twin, rows, resumes=progress is not None)
    answered = found.answered
    if progress is not None:
        answered = Answered.by(progress.run_id, progress.state.spend)
    if found.told:
        if found.goes_on and warn:
            warnings.warn(found.told, stacklevel=5)
        spec = replace(spec, plan=replace(spec.plan, notes=(found.told, *spec.plan.notes)))
    if progress is None:  # a run has the noise floor that it began with
        spec = with_measured_headroom(record, spec, rows)
    outlook = outlook_of(spec.plan, rows, answered)
    changeable = CHANGEABLE if spec.plan.headroom is None else RESUMED_CHANGEABLE
    return Beginning(spec, progress, twin, changeable, outlook)


def _resumed(record: Record, spec: RunSpec) -> tuple[RecordedProgress | None, RunSpec]:
    """Return the newest run of this specification that ended early, and how it goes on."""
    found = resumption.same_run(record, spec)
    progress, caps = found.progress, spec.plan.caps
    if progress is not None:
        caps = resumption.caps_of(progress, caps.to_dict())
        spec.plan.estimate.check_caps(caps)
        spec = resumption.on_scale_of(progress, spec)
    plan = replace(spec.plan, caps=caps, notes=(*found.notes, *spec.plan.notes))
    return progress, replace(spec, plan=plan)


def carried_out(run: Run, *, ask: bool) -> Any:
    """Return the best program of a run, blocking until it is there; an interrupt stops the run."""
    try:
        return run.open(ask=ask, blocking=True).wait()
    except KeyboardInterrupt:
        if run.joined is not None:
            print(f"Interrupted: run {run.id}, which was joined, goes on.")  # noqa: T201
            raise
        run.stop()
        if run.permitted:
            kept = "the best program so far"
            if run.plan.headroom is not None:
                kept = "what was answered"
            print(f"Interrupted: stopping the run and keeping {kept}.")  # noqa: T201
        return run.wait()
