"""What a run writes first, once it is permitted: its plan, or that it goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict

from mipro_nb.errors import RunEndedError, shown
from mipro_nb.language.programs.predict import ChainOfThought, Predict
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.planning.data.rows import Rows
from mipro_nb.optimizer.planning.estimate import with_test
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.specification.lms import lms_of
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.resuming.differences import changed_settings, changed_text
from mipro_nb.runs.events import Permitter, RunPermitted, RunPlanned, RunResumed
from mipro_nb.runs.store import owners
from mipro_nb.runs.store.commands import forget_commands
from mipro_nb.version import __version__

_SINGLE_PREDICTORS = (Predict.__name__, ChainOfThought.__name__)
_LONGEST_NAME = 80


def write_begun(
    journal: Journal, spec: RunSpec, *, names: Mapping[str, str], by: Permitter
) -> None:
    """Write down a new run: what it is called, what it does, and who permitted it.

    Parameters
    ----------
    journal
        The journal of the run.
    spec
        What is to be done.
    names
        What the user calls program and metric.
    by
        Who permitted it.
    """
    journal.record.add_run(journal.run_id, _name_of(spec.plan))
    journal.emit(_planned(journal, spec, names))
    journal.emit(RunPermitted(by=by, caps=spec.plan.caps.to_dict()))


def write_resumed(
    journal: Journal, spec: RunSpec, progress: RecordedProgress, *, by: Permitter
) -> None:
    """Write down that a run goes on: with what, what was lost, and who permitted it.

    Parameters
    ----------
    journal
        The journal of the run.
    spec
        What is to be done.
    progress
        How far it had come.
    by
        Who permitted it.

    Raises
    ------
    RunEndedError
        If somebody else has resumed it meanwhile.
    """
    record, run_id = journal.record, journal.run_id
    if not journal.take_ratings(record.events(run_id, progress.next - 1)):
        msg = f"Run {run_id} was resumed elsewhere: mipro_nb.runs.load shows how it stands."
        raise RunEndedError(msg)
    lost = record.take_lost(run_id)
    forget_commands(record, run_id)
    rows, tested = spec.rows, progress.finished is not None
    changed = changed_settings(progress, spec.plan)
    told = changed_text(progress, changed)
    journal.emit(
        RunResumed(
            process=os.getpid(),
            process_started=owners.own_start(),
            by=by,
            caps=spec.plan.caps.to_dict(),
            settings={**changed, **({"testset_size": len(rows.test)} if tested else {})},
            worked_until=progress.state.last_at,
            estimate=with_test(progress.planned.estimate, spec.plan.estimate) if tested else {},
            testset=_kept_testset(journal, rows) if tested else None,
            unkept=rows.unkept() if tested else None,
            lost_calls=lost.calls,
            lost_tokens=lost.tokens,
            lost_usd=lost.usd,
        )
    )
    if changed:
        journal.note("settings", told)


def _name_of(plan: Plan) -> str:
    """Return what a run is called while nobody has named it: its program.

    Programs of one predictor alone have its class, as many others do: what they do is told as well.
    """
    name = plan.program
    if name in _SINGLE_PREDICTORS:
        name = f"{name}: {next(iter(plan.predictors.values()))}"
    return shown(name if plan.headroom is None else f"Headroom of {name}", _LONGEST_NAME)


def _planned(journal: Journal, spec: RunSpec, names: Mapping[str, str]) -> RunPlanned:
    rows, plan = spec.rows, spec.plan
    return RunPlanned(
        program=plan.program,
        predictors=dict(plan.predictors),
        plan=plan.settings(),
        estimate=dict(plan.estimate.to_dict()),
        trainset=journal.keep([row.to_dict() for row in rows.train]),
        valset=journal.keep([row.to_dict() for row in rows.val]),
        testset=_kept_testset(journal, rows),
        mipro_nb=__version__,
        process=os.getpid(),
        process_started=owners.own_start(),
        inputs=list(rows.val[0].inputs().to_dict()),
        models=dict(plan.models),
        notes=list(plan.notes),
        strategy=asdict(plan.search),
        sources={role: journal.record.put_text(text) for role, text in spec.sources().items()},
        lms=lms_of(spec),
        unkept=rows.unkept(),
        names=dict(names),
        metric_scale=plan.metric_scale,
        noise_floor=plan.noise_floor,
    )


def _kept_testset(journal: Journal, rows: Rows) -> str | None:
    """Keep the rows of the testset in the record; None where there are none."""
    return journal.keep([row.to_dict() for row in rows.test]) if rows.test else None
