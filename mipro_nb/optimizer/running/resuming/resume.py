"""Resuming a run: which one, with what, and whether it is still the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from mipro_nb.amounts import CAPS, format_count, format_usd
from mipro_nb.errors import InvalidArgumentError, RecordError, RunEndedError, shown
from mipro_nb.language.formats import AUTO as AUTO_FORMAT
from mipro_nb.language.formats import is_known, unknown_remedy
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer.phases.measure_formats import in_recorded_format
from mipro_nb.optimizer.planning.data.rows import Rows, split_rows
from mipro_nb.optimizer.planning.plan import recorded_settings
from mipro_nb.optimizer.planning.settings.preference import Preference, preference_of
from mipro_nb.optimizer.planning.settings.requested import AUTO, Auto, RequestedSettings
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress, damaged
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.running.resuming.differences import (
    differences,
    obstacles,
    parts_of_others,
)
from mipro_nb.optimizer.search.samplers import name_of_sampler
from mipro_nb.optimizer.search.strategy import SearchStrategy
from mipro_nb.runs.sentences.resume import RESUMABLE
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.statistics.objectives import chooser_of
from mipro_nb.runs.store.batches import batched_calls
from mipro_nb.runs.store.json_values import ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.usage import Usage
from mipro_nb.runs.views.history import history_rows


def progress_of(record: Record, run_id: str, *, tests: bool) -> RecordedProgress:
    """Return the progress of the run to resume.

    Parameters
    ----------
    tests
        Whether there are rows to test it on: then it may be finished.

    Raises
    ------
    RunEndedError
        If it is finished, or goes on.
    RecordError
        If it cannot be read.
    """
    progress = RecordedProgress.of(record, run_id)
    state = progress.state.state
    if state == "finished" and tests:
        return progress
    if state == "finished":
        msg = (
            f"Run {run_id} is finished: mipro_nb.runs.load({run_id!r}) shows what came of it. "
            "MIPROv2(…).resume(…, testset=rows) tests it."
        )
        raise RunEndedError(msg)
    if state not in RESUMABLE:
        msg = f"Run {run_id} is {state}, in this process or another one: it need not be resumed."
        raise RunEndedError(msg)
    return progress


@dataclass(frozen=True)
class Resumable:
    """What there is to resume.

    Attributes
    ----------
    progress
        The run; None if there is none.
    notes
        What a person should know of it, or of why there is none.
    """

    progress: RecordedProgress | None
    notes: tuple[str, ...]


def same_run(record: Record, spec: RunSpec) -> Resumable:
    """Find the newest run that can be resumed and has the same plan, data, program, LMs and metric.

    Runs that cannot be read are left alone.
    """
    notes: list[str] = []
    nearest: tuple[str, Sequence[str]] | None = None
    for row in history_rows(record):
        if row["state"] not in RESUMABLE or row["program"] != spec.plan.program:
            continue
        try:
            progress = RecordedProgress.of(record, row["id"])
            _recorded_caps(progress)
            in_recorded_format(spec, progress)
            changes = list(differences(progress, spec))
        except RecordError as error:
            notes.append(f"Not resumed: {error}")
            continue
        parts = parts_of_others(progress, spec, changes)
        if not parts:
            return Resumable(
                progress, (*notes, note(progress), *(change.text for change in changes))
            )
        if nearest is None or len(parts) < len(nearest[1]):
            nearest = (progress.run_id, parts)
    return Resumable(None, (*notes, _none_found(spec.plan.program, nearest)))


def _none_found(program: str, nearest: tuple[str, Sequence[str]] | None) -> str:
    if nearest is None:
        return (
            f"No run to resume: none of {program} in this record was cut off, stopped, capped or "
            "failed. A new one begins."
        )
    run_id, parts = nearest
    return (
        f"No run to resume: the most alike, {run_id}, is different in {_listed(parts)}. A new "
        "one begins."
    )


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def requested_settings_of(
    progress: RecordedProgress,
    requested: RequestedSettings,
    *,
    prefer: Any = None,
    begun_with: Preference | None = None,
) -> RequestedSettings:
    """Return `requested` with all that the plan of the resumed run says.

    Parameters
    ----------
    prefer
        Which program to return; what the run had if None.
    begun_with
        What it had where it was begun in this session: its function is at hand.

    Raises
    ------
    InvalidArgumentError
        If a function was to choose what is returned, and none is given; if its sampler, or a
        prompt format of it, is not known in this process.
    RecordError
        If the plan is invalid.
    """
    planned = progress.planned
    names = {field.name for field in fields(RequestedSettings)} - {"search", "auto", "prefer"}
    settings = recorded_settings(planned.plan)
    values = {name: settings[name] for name in names & settings.keys()}
    _check_known(progress)
    preferred = _preferred(progress, begun_with) if prefer is None else preference_of(prefer)
    if not planned.strategy:
        raise damaged(progress.run_id, "its search strategy is missing")
    try:
        search = SearchStrategy(**planned.strategy)
        return replace(requested, auto=None, search=search, prefer=preferred, **values)
    except (InvalidArgumentError, TypeError) as error:
        raise damaged(progress.run_id, f"its plan is invalid ({shown(str(error))})") from error


def _preferred(progress: RecordedProgress, begun_with: Preference | None) -> Preference | None:
    text = progress.planned.plan.get("prefer")
    if chooser_of(text) is not None:
        if begun_with is not None and begun_with.text == text:
            return begun_with
        raise InvalidArgumentError(
            "prefer",
            None,
            f"a function chose what run {progress.run_id} returns ({shown(text)}): give it again.",
        )
    try:
        return preference_of(text)
    except InvalidArgumentError as error:
        raise damaged(progress.run_id, f"its plan is invalid ({shown(str(error))})") from error


def _check_known(progress: RecordedProgress) -> None:
    """Return if what the run names of a user's own is known in this process."""
    planned, chosen = progress.planned, progress.state.format_chosen
    if isinstance(sampler := planned.strategy.get("sampler"), str):
        name_of_sampler(sampler)
    measured = planned.plan.get("measured_formats")
    named = [
        planned.plan.get("prompt_format"),
        *(measured if isinstance(measured, list) else ()),
        *(chosen.formats.values() if chosen is not None else ()),
    ]
    for name in named:
        if isinstance(name, str) and name != AUTO_FORMAT and not is_known(name):
            raise InvalidArgumentError("prompt_format", name, unknown_remedy(name))


def student_of(progress: RecordedProgress, begun: Module | None) -> Module:
    """Return the student of the run, if it was `begun` in this session.

    Raises
    ------
    InvalidArgumentError
        If it was not.
    """
    if begun is None:
        raise InvalidArgumentError(
            "student",
            None,
            f"run {progress.run_id} was begun in another session: give its program.",
        )
    return begun


def rows_of(progress: RecordedProgress, given: Rows | None) -> Rows:
    """Return the rows that the run works on, as the record has them, else as they were `given`.

    They are at hand where the run was begun in this session.

    Raises
    ------
    InvalidArgumentError
        If the record does not give them back as they were.
    RecordError
        If they are not rows, or lack the inputs.
    """
    if progress.planned.unkept is not None:
        if given is not None:
            return given
        sets = "trainset=…, valset=…" + (", testset=…" if progress.planned.testset else "")
        raise InvalidArgumentError(
            "trainset",
            None,
            f"the record keeps rows as JSON, which does not give them back as they were "
            f"({shown(progress.planned.unkept)}): call MIPROv2(…).resume(…, {sets}) "
            "with those that were given then.",
        )
    train, val = (_recorded_rows(progress, name) for name in ("trainset", "valset"))
    return Rows(train, val, _recorded_testset(progress))


def _recorded_testset(progress: RecordedProgress) -> list[Example]:
    return [] if progress.planned.testset is None else _recorded_rows(progress, "testset")


def _recorded_rows(progress: RecordedProgress, name: str) -> list[Example]:
    inputs = progress.planned.inputs
    examples = []
    rows = kept(progress.record, getattr(progress.planned, name), ROWS)
    for index, row in enumerate(rows):
        if not inputs or not row.keys() >= set(inputs):
            wanted = ", ".join(inputs) or "any inputs"
            raise damaged(progress.run_id, f"{name}[{index}] has not {shown(wanted)}")
        examples.append(Example(row).with_inputs(*inputs))
    return examples


def rows_given(
    progress: RecordedProgress,
    trainset: Any,
    valset: Any,
    inputs: Sequence[str] | None,
    seed: int,
    *,
    testset: Any = None,
) -> Rows:
    """Return the rows that a person gives, divided as they were when the run was planned.

    A testset that is not given is the one that the record has, if it gives it back as it was.

    Errors are those of `split_rows`; a `RecordError` if the plan is invalid.
    """
    auto = _auto_of(progress)
    if testset is None and progress.planned.unkept is None:
        testset = _recorded_testset(progress) or None
    most = AUTO[auto].valset_cap if auto else None
    return split_rows(trainset, valset, inputs, most, seed, testset=testset)


def caps_of(progress: RecordedProgress, given: Mapping[str, Any]) -> Caps:
    """Return the caps that the run goes on with: those that are given, else those that it had.

    One that is None is not given.

    Raises
    ------
    InvalidArgumentError
        If one that is given is reached already. One that it had may still be raised in the
        question for permission.
    RecordError
        If those that it had are invalid.
    """
    given = {name: limit for name, limit in given.items() if limit is not None}
    check_caps_left(progress, Caps(**given))
    return replace(_recorded_caps(progress), **given)


def _recorded_caps(progress: RecordedProgress) -> Caps:
    had: dict[str, Any] = dict(progress.state.caps)
    try:
        return Caps(**had)
    except (InvalidArgumentError, TypeError) as error:
        raise damaged(progress.run_id, f"its caps are invalid ({shown(str(error))})") from error


def check_caps_left(progress: RecordedProgress, caps: Caps) -> None:
    """Return if the run has not reached `caps` yet.

    Raises
    ------
    InvalidArgumentError
        If it has reached one of them.
    """
    for name, spent in _spent(progress.state.usage, progress.state.seconds).items():
        limit = getattr(caps, name)
        if limit is not None and spent >= limit:
            told = CAPS[name](spent)
            raise InvalidArgumentError(
                name, limit, f"run {progress.run_id} has spent {told} already: give a higher one."
            )


def _spent(usage: Usage, seconds: float) -> dict[str, float]:
    return {
        "max_usd": usage.usd,
        "max_calls": usage.calls,
        "max_tokens": usage.tokens,
        "max_seconds": seconds,
    }


def _check_same(progress: RecordedProgress, spec: RunSpec) -> None:
    """Return if the run can be resumed as this spec.

    Raises
    ------
    InvalidArgumentError
        If rows, predictors or the scale of the metric are others.
    RecordError
        If the prompt format that it chose is unknown.
    """
    given = {
        "trainset": spec.rows.train,
        "valset": spec.rows.val,
        "testset": spec.rows.test,
        "student": spec.student,
        "metric": spec.metric.function,
    }
    for name, problem in obstacles(progress, spec):
        raise InvalidArgumentError(
            name, given[name], f"{problem}: give what it was begun with, or begin a new run."
        )
    in_recorded_format(spec, progress)


def note(progress: RecordedProgress) -> str:
    """Return what a person who is asked for permission should know of the run."""
    spend = progress.state.spend
    usd = "an unknown price" if spend.usd is None else format_usd(spend.usd)
    told = (
        f"Resumes run {progress.run_id}, which {_ENDS[progress.state.state]}: "
        f"{format_count(spend.calls + spend.cached_calls)} calls ({usd}) are answered already and "
        "part of the estimate."
    )
    out = len(batched_calls(progress.record, progress.run_id))
    if not out:
        return told
    fetched = "it is fetched" if out == 1 else "they are fetched"
    return f"{told} {counted(out, 'call')} more went out in batches: {fetched}, not sent again."


_ENDS = {
    "cut off": "was cut off",
    "stopped": "was stopped",
    "capped": "reached a cap",
    "failed": "failed",
}


def resumed_spec(
    progress: RecordedProgress,
    spec: RunSpec,
    *,
    given: Collection[str],
    accept_changes: bool,
    asks: bool,
) -> RunSpec:
    """Return `spec` as the run goes on with it, with notes of what is another than it was.

    Settings that are `given` for this very run may be others.

    Errors are those of `checked`.
    """
    spec, changes = checked(progress, spec, given=given, accept_changes=accept_changes, asks=asks)
    notes = (note(progress), *changes, *spec.plan.notes)
    return replace(spec, plan=replace(spec.plan, notes=notes))


def checked(
    progress: RecordedProgress,
    spec: RunSpec,
    *,
    given: Collection[str] = (),
    accept_changes: bool,
    asks: bool,
) -> tuple[RunSpec, list[str]]:
    """Return `spec` on the run's scale, and in what it differs from what the run was begun with.

    Raises
    ------
    InvalidArgumentError
        If rows or predictors differ from the run's; or anything else does, and it is neither asked
        about nor are changes accepted.
    RecordError
        If the run's plan is invalid.
    """
    spec = replace(spec, plan=replace(spec.plan, auto=_auto_of(progress)))
    _check_same(progress, spec)
    spec = on_scale_of(progress, spec)
    changes = [change.text for change in differences(progress, spec, given=given)]
    if changes and not (accept_changes or asks):
        raise InvalidArgumentError(
            "accept_changes",
            accept_changes,
            "this is not quite what the run was begun with; pass True to go on all the same. "
            + "\n".join(changes),
        )
    return spec, changes


def on_scale_of(progress: RecordedProgress, spec: RunSpec) -> RunSpec:
    """Return `spec` with the scale of the run's scores, of which a rehearsal may see too little."""
    scale = progress.planned.metric_scale
    plan = replace(spec.plan, metric_scale=scale)
    return replace(spec, plan=plan, metric=spec.metric.scaled(scale))


def _auto_of(progress: RecordedProgress) -> Auto | None:
    auto = progress.planned.plan.get("auto")
    if auto is None or (isinstance(auto, str) and auto in AUTO):
        return cast("Auto | None", auto)
    raise damaged(progress.run_id, f"its plan is invalid (auto={shown(repr(auto), 40)})")
