"""Testing a finished run on rows that it has not seen: what it takes, and when it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mipro_nb.amounts import format_score
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError, MiproError, RunEndedError
from mipro_nb.optimizer.planning.data.repeated_rows import testset_notes
from mipro_nb.optimizer.planning.data.rows import check_own_demos, rows_ref, unseen_rows
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.resuming.resume import on_scale_of
from mipro_nb.runs.sentences.wording import counted


def spec_of_test(
    progress: RecordedProgress,
    spec: RunSpec,
    rows: Any,
    *,
    name: str,
    changes: Sequence[str] = (),
) -> RunSpec:
    """Return the specification by which a run is tested on `rows`, whose inputs are the run's.

    Parameters
    ----------
    progress
        The run, as it stands.
    spec
        What it was to do.
    name
        The argument that the rows are given by.
    changes
        In what it differs from what the run was begun with.

    Raises
    ------
    MiproError
        If it has not finished.
    RunEndedError
        If it has a test score already.
    InvalidArgumentError
        If a row is not as those of the run are, or the run has seen it; or if a test was begun and
        not ended, on other rows.
    """
    run_id, finished = progress.run_id, progress.finished
    if finished is None:
        msg = (
            f"Run {run_id} is {progress.state.state}: only a finished run is tested. Wait for its "
            "end, or have MIPROv2(…).resume finish it; Evaluate(devset=rows, metric=…) scores its "
            "program as it is."
        )
        raise MiproError(msg)
    if (tested := finished.tested) is not None:
        msg = (
            f"Run {run_id} has its test score already: {format_score(tested.score)} on "
            f"{counted(tested.examples, 'row')}. Testing until a score pleases is choosing by "
            "it; Evaluate(devset=rows, metric=…) scores the program on others."
        )
        raise RunEndedError(msg)
    test = unseen_rows(name, rows, progress.planned.inputs, spec.rows)
    check_own_demos(name, test, spec.student)
    begun = progress.planned.testset
    if begun is not None and begun != rows_ref(test, "testset"):
        raise InvalidArgumentError(
            name, NOT_SHOWN, f"the test of run {run_id} was begun on others: give the same."
        )
    best = progress.state.best
    whose = "" if best is None else f", that of trial {best.trial},"
    told = (
        f"Tests run {run_id}, which is finished: student and returned program{whose} are scored on "
        f"{counted(len(test), 'row')}, and nothing is searched."
    )
    last = on_scale_of(progress, spec.tested(test))
    notes = (told, *changes, *testset_notes(last.rows))
    return replace(last, plan=replace(last.plan, notes=notes))
