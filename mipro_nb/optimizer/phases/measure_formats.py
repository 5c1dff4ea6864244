"""The measurement of prompt formats: the student on a few training rows, once in each format."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from mipro_nb.errors import LMError, LMUnavailableError, MiproError, RecordError, ReplyError
from mipro_nb.evaluate.evaluate import mean_score
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.execution.recent_calls import RecentCall, collecting_calls
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.formats import check_fits, check_format, is_known, unknown_remedy
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.contending_formats import contenders
from mipro_nb.optimizer.phases.outages import Outages
from mipro_nb.optimizer.planning.data.rows import distinct
from mipro_nb.optimizer.planning.formats import with_format
from mipro_nb.optimizer.planning.plan import MEASURED_ROWS
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress, damaged
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.runs.events import FormatChosen, FormatMeasured, PhaseStarted

# Sums of the same scores, in another order, differ by less.
_DECIMALS = 9


async def measure_formats(
    spec: RunSpec,
    journal: Journal,
    slots: Slots,
    progress: RecordedProgress,
    held: Callable[[MiproError], Awaitable[bool]],
) -> RunSpec:
    """Measure the formats that the plan says, and return `spec` in the best one.

    What was measured before the run was resumed is not measured again.

    Parameters
    ----------
    spec, journal, slots, progress
        Those of the run.
    held
        Pauses the run because of an error and waits until it goes on; False if it cannot pause.

    Raises
    ------
    LMUnavailableError
        If the LM is not available in any format, and the run cannot pause.
    """
    journal.emit(PhaseStarted(phase="formats"))
    measured = dict(progress.state.formats_measured)
    missing = [name for name in spec.plan.measured_formats if name not in measured]
    answered = [name for name, each in measured.items() if each.errors < each.rows]
    measuring = _Measuring(spec, journal, slots, Outages(missing, answered))
    while True:
        try:
            measured |= await measuring.all()
            break
        except LMUnavailableError as error:
            if not (measuring.answered and await held(error)):
                raise
    found = [measured[name] for name in spec.plan.measured_formats]
    best, reason = best_of(found)
    predictors = spec.plan.measured_predictors
    formats = with_format(spec.student, predictors, best)
    searched = {}
    if spec.plan.headroom is None:
        for name in contenders(found, best, spec.plan.seed):
            asked = with_format(spec.student, predictors, name)
            if asked.keys() >= formats.keys():  # all that the best fits can be asked in it
                searched[name] = asked
    if len(searched) == 1:
        searched = {}
    chosen = FormatChosen(format=best, formats=formats, reason=reason, searched=searched)
    journal.emit(chosen)
    return _in_chosen(spec, chosen)


def _in_chosen(spec: RunSpec, chosen: FormatChosen) -> RunSpec:
    searched = list(chosen.searched.values())
    return replace(spec.in_formats(chosen.formats), searched_formats=searched)


def in_recorded_format(spec: RunSpec, progress: RecordedProgress) -> RunSpec:
    """Return `spec` in the format that the run had chosen before it was resumed.

    Raises
    ------
    RecordError
        If the format is not known here, or does not fit.
    """
    chosen = progress.state.format_chosen
    if chosen is None:
        return spec
    signatures = {name: each.signature for name, each in spec.student.named_predictors()}
    every = [chosen.formats, *chosen.searched.values()]
    asked = [(predictor, name) for formats in every for predictor, name in formats.items()]
    for _, name in asked:
        if not is_known(name):
            msg = f"Run {progress.run_id} cannot be resumed: {unknown_remedy(name)}"
            raise RecordError(msg)
    try:
        for predictor, name in asked:
            check_fits(check_format(name) or "", signatures[predictor])
    except (KeyError, ValueError) as error:
        problem = "the format that it chose does not fit its program"
        raise damaged(progress.run_id, problem) from error
    return _in_chosen(spec, chosen)


def best_of(measured: Sequence[FormatMeasured]) -> tuple[str, str]:
    """Return the name of the best format, and why it is the best.

    That is the one with the highest score; of equal ones that with the fewest unreadable replies,
    then the fewest tokens, then the first.
    """
    ranked = sorted(measured, key=_rank)  # stable
    best, *others = ranked
    if all(each.unreadable >= each.rows for each in measured):
        return best.format, "no reply could be read in any format: try another model or program"
    if not others:
        return best.format, "the only one that fits"
    second = others[0]
    for mine, its, why in zip(_rank(best), _rank(second), _REASONS, strict=True):
        if mine != its:
            return best.format, why.format(second=second.format)
    return best.format, f"no better and no worse than {second.format}, which comes after it"


_REASONS = (
    "the best mean score",
    "scores like {second}, with fewer unreadable replies",
    "scores like {second} and is read as well, with fewer tokens",
)


def _rank(measured: FormatMeasured) -> tuple[float, int, int]:
    return (-round(measured.score, _DECIMALS), measured.unreadable, measured.tokens)


class _Measuring:
    def __init__(self, spec: RunSpec, journal: Journal, slots: Slots, outages: Outages) -> None:
        self._spec, self._journal, self._outages = spec, journal, outages
        different = distinct(spec.rows.train)
        count = min(MEASURED_ROWS, len(different))
        rng = random.Random(f"{spec.plan.seed}:formats")
        rows = [spec.rows.train[index] for index in sorted(rng.sample(different, count))]
        # Whatever fails here may be the form's fault, which is what is measured.
        self._ledger = Ledger(
            rows,
            spec.metric,
            slots,
            len(rows),
            example_timeout=spec.plan.example_timeout,
            taught=frozenset(range(count)),
            lenient=True,
        )
        self._calls: dict[str, list[RecentCall]] = {name: [] for name in outages.names}
        self._measured: dict[str, FormatMeasured] = {}

    @property
    def answered(self) -> bool:
        """Tell whether there was an answer in any format."""
        return bool(self._outages.answered)

    async def all(self) -> dict[str, FormatMeasured]:
        """Measure every format that is not measured yet; return all of them.

        Raises
        ------
        LMUnavailableError
            If the LM is not available, in whatever format. When it is called again, only what had
            failed for that reason is asked again.
        """
        left = [name for name in self._outages.names if name not in self._measured]
        for name in left:
            self._ledger.forget(name, LMUnavailableError)
        self._outages.begin(left)
        found = await together(*(self._format(name) for name in left))
        for name, results in zip(left, found, strict=True):
            self._write(name, results)
        return self._measured

    async def _format(self, name: str) -> list[ExampleResult]:
        """Run the student in one format on every row."""
        formats: Mapping[str, str] = with_format(
            self._spec.student, self._spec.plan.measured_predictors, name
        )
        program = self._spec.in_formats(formats).student
        bind(program.named_predictors())
        call_labels.set(CallLabels("formats"))  # the task is this format's own

        async def on(row: int) -> ExampleResult:
            # By row: all formats begin at once, and an outage of the server meets all of them.
            (result,) = await self._ledger.evaluate(name, program, [row], priority=row)
            self._judge(name, result.error)
            return result

        with collecting_calls() as calls:
            try:
                results = await together(*map(on, range(len(self._ledger.examples))))
            finally:
                self._calls[name] += calls
        self._outages.finished(name)
        if not self._outages.suspects(name):
            self._write(name, results)
        return list(results)

    def _judge(self, name: str, error: Exception | None) -> None:
        if isinstance(error, LMUnavailableError):
            if self._outages.met_by(name):
                raise error
        elif not isinstance(error, LMError) or isinstance(error, ReplyError):
            self._outages.over(name)

    def _write(self, name: str, results: Sequence[ExampleResult]) -> None:
        """Write down what came of a format, unless that is done."""
        if name in self._measured:
            return
        measured = self._measured[name] = FormatMeasured(
            format=name,
            rows=len(results),
            score=mean_score(results),
            scores=[result.score for result in results],
            unreadable=sum(isinstance(result.error, ReplyError) for result in results),
            errors=sum(result.counts_as_error for result in results),
            tokens=sum(
                count_message_tokens(call.messages) + count_tokens(call.reply)
                for call in self._calls[name]
            ),
        )
        self._journal.emit(measured)
