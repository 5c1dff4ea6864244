"""Headroom that was measured before a run: its plan says so, and has its noise floor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mipro_nb.amounts import format_score
from mipro_nb.errors import RecordError
from mipro_nb.optimizer.planning.data.rows import evidence_rows, rows_ref
from mipro_nb.optimizer.planning.specification.lms import changes_of_lms, lms_of
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.events import HeadroomMeasured
from mipro_nb.runs.sentences.results.headroom import expectation, valset_floor
from mipro_nb.runs.store.record import Record, text_ref
from mipro_nb.runs.view_model import HistoryRow

# Each of them is read whole, which takes a moment.
_LOOKED_AT = 5


def with_measured_headroom(record: Record, spec: RunSpec, rows: Iterable[HistoryRow]) -> RunSpec:
    """Return `spec` with the noise floor of the newest measurement for it, if there is one.

    Parameters
    ----------
    rows
        The runs of the record, the newest first.
    """
    found = None if spec.plan.headroom is not None else _measured(record, spec, rows)
    if found is None:
        return spec
    run_id, measured = found
    floor = valset_floor(measured, spec.plan.valset_size)
    note = (
        f"Headroom was measured in run {run_id}. {expectation(measured)} On this valset, less than "
        f"{format_score(floor)} points more than the student's score are not called a gain."
    )
    plan = replace(spec.plan, noise_floor=floor, notes=(note, *spec.plan.notes))
    return replace(spec, plan=plan)


def _measured(
    record: Record, spec: RunSpec, rows: Iterable[HistoryRow]
) -> tuple[str, HeadroomMeasured] | None:
    alike = [
        row["id"]
        for row in rows
        if "headroom_rows" in row["settings"]
        and row["state"] == "finished"
        and row["program"] == spec.plan.program
        and row["models"] == dict(spec.plan.models)
    ]
    for run_id in alike[:_LOOKED_AT]:
        try:
            progress = RecordedProgress.of(record, run_id)
        except RecordError:
            continue
        if progress.state.headroom is not None and _is_for(progress, spec):
            return run_id, progress.state.headroom
    return None


def _is_for(progress: RecordedProgress, spec: RunSpec) -> bool:
    """Tell whether a measurement is of the program, metric, LMs and training rows of `spec`."""
    planned, sources = progress.planned, spec.sources()
    train = [spec.rows.train[index] for index in evidence_rows(spec.rows)]
    changed = changes_of_lms(planned.lms, lms_of(spec))
    return (
        planned.trainset == rows_ref(train, "trainset")
        and all(setting == "price" for setting, _ in changed)  # answers are the same
        and all(planned.sources.get(role) == text_ref(text) for role, text in sources.items())
    )
