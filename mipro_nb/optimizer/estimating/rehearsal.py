"""Rehearsal: running program and metric on a few rows with made-up answers and no LM call.

It finds what would fail on every example before anything is paid, measures the real prompts of
this program on these data, and sees what the metric gives for the rows' own labels. Answers are
the row's own labels where the names match, and plain values of the right type otherwise. What a
program does with those is not what it will do with a model's: so it is bounded, refuses only what
cannot be their doing, and says where it had to guess.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mipro_nb.amounts import format_duration
from mipro_nb.errors import (
    ExampleTimeoutError,
    MetricError,
    MiproError,
    ProgramError,
    ReplyError,
    shown,
)
from mipro_nb.evaluate.metric import Metric, MetricReturnError, MetricScaleError, scale_of
from mipro_nb.evaluate.user_code import run_user_code
from mipro_nb.language.execution.attempt import attempting
from mipro_nb.language.execution.own_calls import SeenOwnCalls, watching_own_calls
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.execution.tracing import Step, tracing
from mipro_nb.language.lms.lm_protocol import LanguageModel, LMRequest
from mipro_nb.language.lms.settings import context
from mipro_nb.language.programs.module import Module
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.language.rows.example import Example
from mipro_nb.models.gate.gate import all_calls_through
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.optimizer.estimating.blocking import Watch
from mipro_nb.optimizer.estimating.made_up import made_up
from mipro_nb.optimizer.estimating.metric_faults import lasting_fault
from mipro_nb.optimizer.estimating.own_call_notes import own_call_notes
from mipro_nb.optimizer.estimating.pitfalls import (
    Attributes,
    attributes,
    set_anew,
    state_notes,
    unread_output,
)
from mipro_nb.optimizer.estimating.stand_in import MOST_CALLS, AnsweredRequest, NoCalls, StandIn
from mipro_nb.optimizer.estimating.wrong_answers import wrong_answer
from mipro_nb.optimizer.phases.proposing.repair import no_feedback
from mipro_nb.optimizer.planning.data.labels import can_be_demo, is_empty
from mipro_nb.runs.sentences.wording import counted

_ROWS = 5
_SECONDS = 10.0
"""How long the rehearsal of all rows may take."""
# How long code that was ended may take to come back, before it is left to itself.
_GRACE_SECONDS = 1.0
_TICK_SECONDS = 0.02
_MOST_ENDED = 2
_EMBEDDED = (
    "Nothing may be sent before permission. In the run embeddings are sent, but neither counted "
    "nor capped."
)
_NUMBERS = (int, float)


@dataclass(frozen=True)
class RehearsedCall:
    """One call that a program would make.

    Attributes
    ----------
    predictor
        Name of the predictor; None for calls of the metric or of predictors made on the way.
    input_tokens
        Tokens of the prompt, the student's demos included.
    bare_tokens
        Tokens of the prompt without demos.
    output_tokens
        Tokens of the made-up reply.
    demo_tokens
        Tokens that this call would take up as a demo.
    labelled
        Whether the row itself could be a demo of this predictor.
    """

    predictor: str | None
    input_tokens: int
    bare_tokens: int
    output_tokens: int
    demo_tokens: int
    labelled: bool


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal found.

    Attributes
    ----------
    calls
        A list of calls per rehearsed row; where it had to guess, also of a row as there might be.
    notes
        What a person should know of it before saying yes.
    guess
        Why `calls` were not measured; None if they were.
    metric_scale
        What the metric gives for a full score, as far as was seen.
    no_feedback
        A note on a metric that fails where it is asked about one predictor, as repairs ask it.
    """

    calls: Sequence[Sequence[RehearsedCall]]
    notes: Sequence[str]
    guess: str | None = None
    metric_scale: Literal[1, 100] = 1
    no_feedback: str | None = None


async def rehearse(
    student: Module,
    rows: Sequence[Example],
    metric: Metric,
    *,
    lm: LanguageModel,
    others_go_on: Callable[[], bool],
    num_threads: int,
    example_timeout: float | None = None,
    metric_threshold: float | None = None,
) -> Rehearsal:
    """Return what running `student` and `metric` on a few of `rows` would send.

    User code is run (forwards, tools, the metric); LMs are not called.

    Parameters
    ----------
    student
        The program.
    rows
        Rows to take a few of.
    metric
        The metric.
    lm
        The LM whose form the replies have.
    others_go_on
        Says whether other runs of this process go on, on the same event loop.
    num_threads
        Programs in flight in the run that is rehearsed.
    example_timeout
        Seconds that program and metric may work on one row; None for ever. The rehearsal ends
        after some seconds all the same.
    metric_threshold
        What a score must reach for its trace to make demos; None for anything above 0.

    Raises
    ------
    ProgramError
        If the program has no predictors, or fails before it calls one, on all rows.
    MetricError
        If the metric returns no score, or raises on all rows although every output is the row's
        own label, or whatever a model may reply.
    ExampleTimeoutError
        If the metric takes longer than `example_timeout` although every output is the row's own
        label.
    """
    names = [name for name, _ in student.named_predictors()]
    if not names:
        msg = (
            f"{type(student).__name__} has no predictors: keep Predict or ChainOfThought as "
            "attributes, in lists or in dicts of the program."
        )
        raise ProgramError(msg)
    rehearsing = _Rehearsing(
        student, rows, metric, lm, example_timeout=example_timeout, others_go_on=others_go_on
    )
    step = max(1, len(rows) // _ROWS)
    chosen = rows[::step][:_ROWS]
    seen: list[_Seen] = []
    longest = 0.0
    for turn, row in enumerate(chosen):
        before = rehearsing.seconds_left
        seen.append(await rehearsing.row(row, turn))
        longest = max(longest, before - rehearsing.seconds_left)
        # A slow program, which loads or fetches something, is looked at on fewer rows.
        if seen[-1].left or rehearsing.seconds_left < 1.5 * longest or _are_enough(seen):
            break
    if all(each.error is not None for each in seen):
        raise next(each.error for each in seen if each.error is not None)
    found = rehearsing.findings(seen, chosen[0], metric_threshold)
    name = type(student).__name__
    own_state = state_notes(name, [each.set_anew for each in seen], num_threads)
    own_calls = own_call_notes(name, [each.own_calls for each in seen])
    return replace(found, notes=[*found.notes, *own_calls, *own_state])


@dataclass
class _Seen:
    """What was seen on one row.

    Attributes
    ----------
    fault
        What `note` reports without its row, which another row may have as well; None if that is
        all of it.
    error
        What would refuse the program, if it came on every row.
    guess
        Why the calls are not all that would be made.
    left
        Whether code goes on that could not be ended.
    score
        What the metric gave, in its own units; None if it was not reached.
    own_labels
        Whether the score is that of the row's own labels.
    given_labels
        Whether the score is of what the program made of the row's own labels and nothing else.
    unread
        A note on an output that holds an answer instead of being one.
    set_anew
        Attributes that the program set while it ran.
    asked_for_numbers
        Whether the score rests on a number that a judge was to give.
    own_calls
        LM calls by clients of the program's own.
    wrong_score
        What the metric gave for the labels of other rows; None if it was not asked.
    no_feedback
        As in `Rehearsal`.
    """

    calls: list[RehearsedCall] = field(default_factory=list)
    note: str | None = None
    fault: str | None = None
    error: MiproError | None = None
    guess: str | None = None
    left: bool = False
    score: float | None = None
    own_labels: bool = False
    given_labels: bool = False
    unread: str | None = None
    set_anew: Attributes = field(default_factory=dict)
    asked_for_numbers: bool = False
    own_calls: SeenOwnCalls = field(default_factory=SeenOwnCalls)
    wrong_score: float | None = None
    no_feedback: str | None = None


class _Rehearsing:
    def __init__(
        self,
        student: Module,
        rows: Sequence[Example],
        metric: Metric,
        lm: LanguageModel,
        *,
        example_timeout: float | None,
        others_go_on: Callable[[], bool],
    ) -> None:
        self._others_go_on = others_go_on
        self._rows = rows
        self._student, self._metric, self._lm = student, metric.scaled(None), lm
        self._timeout = example_timeout
        self._ends = time.monotonic() + _SECONDS
        self._program = type(student).__name__
        self._has_tried_wrong = self._has_tried_feedback = False
        # Calls are matched with predictors by the signature object that both hold.
        self._names = {id(p.signature): name for name, p in student.named_predictors()}

    @property
    def seconds_left(self) -> float:
        return self._ends - time.monotonic()

    async def row(self, row: Example, turn: int) -> _Seen:
        lm = self._lm
        keeps_to_labels = getattr(lm, "keeps_to_labels", False)
        chosen = getattr(lm, "prompt_format", None)
        stand_in = StandIn(row, lm.structured_outputs, keeps_to_labels, chosen, lm.name, turn)
        row = copy.deepcopy(row)  # the user's code may change what it is given
        program = self._student.deepcopy()
        seen = _Seen()
        with (
            all_calls_through(NoCalls(stand_in)),
            context(stand_in=stand_in, lm=lm),
            attempting(None, refuses=False),
            tracing() as steps,
            watching_own_calls() as seen.own_calls,
        ):
            bind(program.named_predictors())
            before = attributes(program)
            made = run_user_code(self._program, program.acall(**row.inputs().to_dict()))
            ran = await self._bounded(made, stand_in)
            calls_of_program = len(stand_in.requests)
            seen.set_anew = set_anew(before, attributes(program))
            if not self._note_program(seen, ran, stand_in, row):
                scored = await self._bounded(self._metric.score(row, ran.result), stand_in)
                # What a judge says is made up, whatever the answer is: so is what comes of it.
                asked = len(stand_in.requests) > calls_of_program or bool(seen.own_calls.calls)
                labelled = not asked and _are_labels(ran.result, row)
                self._note_metric(seen, scored, stand_in, asked=asked, labelled=labelled)
                if isinstance(scored.error, MetricError):
                    fault = lasting_fault(scored.error, program, self._rows, ran.result, steps)
                    seen.error = fault or seen.error
            by_program = stand_in.requests[:calls_of_program]
            by_metric = stand_in.requests[calls_of_program:]
            is_judged = bool(by_metric) or bool(seen.own_calls.calls) or stand_in.unfit_labels
            if seen.score is not None and not is_judged:
                wrong = await self._try_wrong(seen, stand_in, row, ran)
                answer = ran.result if wrong is None else wrong
                await self._try_feedback(seen, stand_in, row, answer, program=program, steps=steps)
        seen.unread = unread_output(self._program, ran.result)
        seen.given_labels = not is_judged and _are_given_labels(by_program)
        seen.own_labels = not is_judged and _is_of_own_labels(ran.result, row, steps)
        seen.asked_for_numbers = any(map(_invents_a_number, by_metric))
        seen.calls = [self._measured(made, row) for made in by_program]
        seen.calls += [_measured(None, made.request, made.reply, row) for made in by_metric]
        return seen

    async def _bounded(self, work: Awaitable[Any], stand_in: StandIn) -> _Ran:
        """Return what `work`, user code, comes to, within the time that is left."""
        limit = self.seconds_left
        is_users_limit = self._timeout is not None and self._timeout < limit
        if self._timeout is not None and is_users_limit:
            limit = self._timeout
        ends = time.monotonic() + max(limit, _TICK_SECONDS)
        with Watch(ends, self._others_go_on) as watch:
            running = asyncio.ensure_future(work)
            while not running.done() and stand_in.ended is None and time.monotonic() < ends:
                watch.tick()
                await asyncio.wait({running}, timeout=_TICK_SECONDS)
        ran = _Ran(blocked=watch.has_ended_it)
        if stand_in.ended is None and (ran.blocked or not running.done()):
            ran.took, ran.is_users_limit = limit, is_users_limit
            stand_in.stop("time")
        if not running.done():
            await asyncio.wait({running}, timeout=_GRACE_SECONDS)
        if not running.done():
            ran.left = True
            running.cancel()
            await asyncio.wait({running})
        error = None if running.cancelled() else running.exception()
        if running.cancelled() or stand_in.ended is not None:
            return ran  # whatever code that was ended came to
        if error is None:
            ran.result = running.result()
        elif isinstance(error, Exception):
            ran.error = error
        else:
            raise error
        return ran

    def _note_program(self, seen: _Seen, ran: _Ran, stand_in: StandIn, row: Example) -> bool:
        """Note what the program came to; return whether that is anything but a prediction."""
        name = self._program
        if stand_in.ended is not None:
            seen.note, seen.guess = self._ended(name, ran, stand_in)
            seen.left = ran.left
            if ran.is_users_limit and not stand_in.requests:
                seen.error = ProgramError(
                    f"{name} took longer than example_timeout={self._timeout:g} s before its "
                    f"first LM call, on {shown(repr(row), 200)}."
                )
        elif ran.error is not None and stand_in.requests:
            seen.note = (
                f"The program raised {_told(ran.error)} in a rehearsal with made-up answers."
            )
            seen.guess = f"{name} failed on made-up answers"
        elif ran.error is not None:
            msg = (
                f"{name} failed before its first LM call, on {shown(repr(row), 200)}: "
                f"{_told(ran.error)}"
            )
            seen.note = msg if msg.endswith(".") else f"{msg}."
            seen.fault = _told(ran.error)
            seen.error = ProgramError(msg)
            seen.error.__cause__ = ran.error
        else:
            return False
        return True

    def _note_metric(
        self, seen: _Seen, ran: _Ran, stand_in: StandIn, *, asked: bool, labelled: bool
    ) -> None:
        """Note what the metric came to.

        Parameters
        ----------
        asked
            Whether it asked an LM: what it came to rests on a made-up answer.
        labelled
            Whether it rests on the row's own labels alone: then an error is the metric's fault.
        """
        error = ran.error
        if stand_in.ended == "embedding":
            seen.note = "The metric asks an embedder. " + _EMBEDDED
        elif stand_in.ended == "direct call":
            seen.note = "The metric calls an LM directly; those calls are not in the estimate."
        elif stand_in.ended is not None:
            name = f"the metric {self._metric.name}"
            if ran.is_users_limit and labelled:
                msg = f"The metric {self._metric.name} took longer than "
                seen.error = ExampleTimeoutError(f"{msg}example_timeout={self._timeout:g} s.")
            seen.note, seen.guess = self._ended(name, ran, stand_in)
            seen.left = ran.left
        elif isinstance(error, MetricReturnError) and (
            labelled or not isinstance(error, MetricScaleError)
        ):
            raise error
        elif error is None:
            seen.score = ran.result.score
        elif isinstance(error, MiproError):
            self._note_error(seen, error, asked=asked, labelled=labelled)
        else:
            raise error

    def _note_error(self, seen: _Seen, error: MiproError, *, asked: bool, labelled: bool) -> None:
        seen.note = f"In a rehearsal with made-up answers: {_sentence(error)}"
        if not isinstance(error, MetricError | ReplyError):
            seen.error = error
            return
        cause = error.__cause__ or error
        seen.fault = _told(cause)
        if labelled and isinstance(error, MetricError):
            seen.error = error
        elif asked and isinstance(error, MetricError):
            seen.note = (
                f"The metric {self._metric.name} asks an LM, and could not use the answer that was "
                f"made up for it: {_sentence(_told(cause))} If it parses a judge's text, give the "
                "judge's output its type instead: 'answer -> rating: float'."
            )
            seen.fault = type(cause).__name__  # the text may be another one for each row

    async def _try_wrong(
        self, seen: _Seen, stand_in: StandIn, row: Example, right: _Ran
    ) -> Example | None:
        """Have the metric score a wrong answer once, and return it; None if there is none.

        Of one, it may return nothing. Calls that it makes for it are not in the estimate.
        """
        if self._has_tried_wrong or not _are_labels(right.result, row):
            return None
        wrong = wrong_answer(right.result, self._rows)
        if wrong is None:
            return None
        self._has_tried_wrong = True
        before = len(stand_in.requests)
        ran = await self._bounded(self._metric.score(row, wrong), stand_in)
        seen.left = ran.left
        asked = len(stand_in.requests) > before or bool(seen.own_calls.calls)
        if isinstance(ran.error, MetricReturnError) and not asked:
            raise ran.error
        if ran.error is not None:
            seen.note = f"In a rehearsal with a wrong answer: {_sentence(ran.error)}"
        elif ran.result is not None:
            seen.wrong_score = ran.result.score
        return wrong

    async def _try_feedback(
        self,
        seen: _Seen,
        stand_in: StandIn,
        row: Example,
        answer: Any,
        *,
        program: Module,
        steps: Sequence[Step],
    ) -> None:
        """Ask the metric once what each predictor did, as repairs do."""
        if self._has_tried_feedback or seen.left or stand_in.ended is not None:
            return
        self._has_tried_feedback = True
        for name, predictor in program.named_predictors():
            own = [step for step in steps if step.predictor is predictor]
            before = len(stand_in.requests)
            verdict = self._metric.of_predictor(row, answer, list(steps), name, own)
            ran = await self._bounded(verdict, stand_in)
            seen.left = seen.left or ran.left
            asked = len(stand_in.requests) > before or bool(seen.own_calls.calls)
            if ran.error is not None and not asked and seen.no_feedback is None:
                seen.no_feedback = no_feedback(self._metric.name, name, ran.error)

    def _ended(self, name: str, ran: _Ran, stand_in: StandIn) -> tuple[str, str]:
        """Return a note of code that was ended, and why the estimate is a guess."""
        if stand_in.ended == "direct call":
            note = (
                f"{name} calls an LM directly, not through a predictor: the rehearsal ended it "
                "there. Such calls, and what comes after them, are not in the estimate."
            )
            guess = "direct LM calls are left out"
        elif stand_in.ended == "embedding":
            note = f"{name} asks an embedder: the rehearsal ended it there. {_EMBEDDED}"
            guess = "what comes after an embedder is not rehearsed"
        elif stand_in.ended == "calls":
            note = (
                f"{name} did not end within {MOST_CALLS} LM calls on made-up answers, which may "
                "never say what it waits for: the rehearsal ended it. If a model may do the same, "
                "bound its loop."
            )
            guess = f"{name} was ended after {MOST_CALLS} calls"
            if ran.left:
                note += " It catches even what ends it: its thread is left to wait for ever."
        else:
            note = (
                f"{name} had not come back after {format_duration(ran.took)} of rehearsal, with no "
                "model to wait for; the estimate rests on what it had called by then."
            )
            guess = f"{name} was ended after {format_duration(ran.took)}"
            if ran.blocked:
                note += (
                    " It is async and does not await: so it holds up every run of this process. "
                    "Await what takes long, or have asyncio.to_thread(…) do it."
                )
            if ran.left:
                note += (
                    " It is left to itself, and ends at its next LM call. Should it loop without "
                    "one, it goes on computing until the kernel is restarted: have its loops end."
                )
        return f"{note[0].upper()}{note[1:]}" if name != self._program else note, guess

    def findings(
        self, seen: Sequence[_Seen], row: Example, metric_threshold: float | None
    ) -> Rehearsal:
        """Return what was found on all rows."""
        notes = _merged(seen)
        guess = next((each.guess for each in seen if each.guess is not None), None)
        calls = [each.calls for each in seen if each.calls or each.error is None]
        called = {call.predictor for row_calls in calls for call in row_calls}
        uncalled = [name for name in self._names.values() if name not in called]
        if uncalled and guess is None:
            guess = f"no rehearsed row calls {', '.join(uncalled)}"
            notes.append(
                f"N{guess[1:]}: made-up answers, or these rows, led {self._program} past it. It is "
                "optimized all the same; if it is never called, that is paid for in vain: take it "
                "out, or add rows that need it."
            )
        if uncalled:
            calls = self._with_uncalled(calls, uncalled, row)
        elif any(each.guess for each in seen):
            # Of a program that was ended: as if a model let it end at once.
            calls.append(_first_of_each(max(calls, key=len)))
        scale = scale_of(each.score for each in seen if each.score is not None)
        notes += self._of_scores(seen, scale, metric_threshold)
        told = next((each.no_feedback for each in seen if each.no_feedback is not None), None)
        return Rehearsal(calls, notes, guess, scale, told)

    def _with_uncalled(
        self, calls: list[list[RehearsedCall]], uncalled: Sequence[str], row: Example
    ) -> list[list[RehearsedCall]]:
        """Return the calls of rows that made some, and of one that calls what none of them did."""
        predictors = dict(self._student.named_predictors())
        guessed = [self._guessed(name, predictors[name], row) for name in uncalled]
        called = [made for made in calls if any(call.predictor for call in made)]
        return [*called, [*_first_of_each(max(calls, key=len)), *guessed]]

    def _guessed(self, name: str, predictor: Predictor, row: Example) -> RehearsedCall:
        signature = predictor.signature
        values = {
            field_name: row[field_name] if field_name in row else made_up(each)
            for field_name, each in signature.fields.items()
        }
        inputs = {field_name: values[field_name] for field_name in signature.input_fields}
        lm = predictor.lm or self._lm
        reply = predictor.write_answer(values, lm)
        return _measured(name, predictor.request(inputs, lm), reply, row)

    def _of_scores(
        self, seen: Sequence[_Seen], scale: int, metric_threshold: float | None
    ) -> list[str]:
        """Return notes on the metric's scores."""
        name = self._metric.name
        notes = []
        own = [each.score for each in seen if each.own_labels and each.score is not None]
        given = [each.score for each in seen if each.given_labels and each.score is not None]
        wrong = next((each.wrong_score for each in seen if each.wrong_score is not None), None)
        unread = next((each.unread for each in seen if each.unread is not None), None)
        if unread is not None and not any(each.score for each in seen):
            notes.append(unread)
        elif own and not any(own) and wrong:
            notes.append(
                f"The metric {name} gave 0 for the rows' own labels and {wrong:g} for a wrong "
                "answer, and the highest score wins: if it is a loss, return 1 / (1 + loss)."
            )
        elif own and not any(own):
            notes.append(
                f"The metric {name} gave 0 on {counted(len(own), 'rehearsed row')} although the "
                "answers were the rows' own labels: no prompt can score so. Look for a label and "
                "an answer of different types or spelling, or a slip in the metric."
            )
        elif own and metric_threshold is not None and max(own) < metric_threshold:
            notes.append(
                f"The metric {name} gave {max(own):g} at most although the answers were the rows' "
                f"own labels: no trace reaches metric_threshold={metric_threshold:g}, so no demo "
                "is bootstrapped."
            )
        elif given and not own and not any(given):
            notes.append(
                f"The metric {name} gave 0 on {counted(len(given), 'rehearsed row')} although the "
                f"predictors answered with the rows' own labels: what {self._program} makes of "
                "them scores nothing. Look at what it returns, or for a slip in the metric."
            )
        if scale != 1:
            notes.append(
                f"The metric {name} gives points of 100: scores are shown as it gives them, "
                "metric_threshold is in its units, and more than 100 is refused."
                + _threshold_wanted(metric_threshold)
            )
        elif any(each.asked_for_numbers for each in seen):
            notes.append(
                f"The metric {name} asks an LM for a number, which was made up: its scores are "
                "taken for 0–1, and any above 1 is refused. If it judges by points, divide them "
                "by the highest, or bound the field so that the rehearsal sees them (ge=0, le=100)."
            )
        return notes

    def _measured(self, made: AnsweredRequest, row: Example) -> RehearsedCall:
        name = self._names.get(id(made.request.signature))
        return _measured(name, made.request, made.reply, row)


def _merged(seen: Sequence[_Seen]) -> list[str]:
    """Return the notes of all rows, each fault once, with the number of rows that have it."""
    notes = {each.fault or each.note: each.note for each in reversed(seen) if each.note}
    rows = Counter(each.fault for each in seen if each.fault)
    return [
        note if rows[fault] <= 1 else f"{note} This happened on {rows[fault]} of {len(seen)} rows."
        for fault, note in reversed(notes.items())
    ]


def _are_enough(seen: Sequence[_Seen]) -> bool:
    """Tell whether further rows would most likely be ended alike."""
    return sum(len(each.calls) >= MOST_CALLS for each in seen) >= _MOST_ENDED


@dataclass
class _Ran:
    """What user code came to: a result, an error, or neither if it was ended.

    Attributes
    ----------
    took
        Seconds after which it was ended because of the time.
    is_users_limit
        Whether that was ``example_timeout``.
    left
        Whether it goes on even so.
    blocked
        Whether it held up the event loop until it was ended.
    """

    result: Any = None
    error: Exception | None = None
    took: float = 0.0
    is_users_limit: bool = False
    left: bool = False
    blocked: bool = False


def _threshold_wanted(metric_threshold: float | None) -> str:
    if metric_threshold is None:
        return " Any trace above 0 makes demos: give metric_threshold to keep only good ones."
    if 0 < metric_threshold <= 1:
        return f" metric_threshold={metric_threshold:g} is next to nothing of 100: is it meant so?"
    return ""


def _are_labels(prediction: Any, row: Example) -> bool:
    """Tell whether every output of a prediction has a label in the row."""
    outputs = set(prediction.keys()) if isinstance(prediction, Example) else set()
    labels = {name for name, value in row.labels().items() if not is_empty(value)}
    answers = outputs - {"reasoning"}
    return bool(answers) and answers <= labels


def _are_given_labels(by_program: Sequence[AnsweredRequest]) -> bool:
    """Tell whether everything that a program was answered were labels of the row."""
    return bool(by_program) and all(made.made_up <= {"reasoning"} for made in by_program)


def _is_of_own_labels(prediction: Any, row: Example, steps: Sequence[Step]) -> bool:
    """Tell whether the outputs of a prediction are what predictors read of the row's labels."""
    if not _are_labels(prediction, row):
        return False
    return all(
        any(step.prediction.get(name) is value for step in steps)
        for name, value in prediction.items()
        if name != "reasoning"
    )


def _invents_a_number(made: AnsweredRequest) -> bool:
    signature = made.request.signature
    return signature is not None and any(
        signature.fields[name].type in _NUMBERS for name in made.made_up
    )


def _sentence(error: BaseException | str) -> str:
    told = str(error).rstrip()
    return told if told.endswith((".", "!", "?")) else f"{told}."


def _told(error: BaseException) -> str:
    # Our own errors end with what to do.
    limit = 600 if isinstance(error, MiproError) else 160
    return f"{type(error).__name__}: {shown(str(error), limit)}"


def _first_of_each(calls: Sequence[RehearsedCall]) -> list[RehearsedCall]:
    """Return the first call of each predictor."""
    first: Mapping[str | None, RehearsedCall] = {call.predictor: call for call in reversed(calls)}
    return [*first.values()][::-1]


def _measured(name: str | None, request: LMRequest, reply: str, row: Example) -> RehearsedCall:
    messages, signature = request.messages, request.signature
    return RehearsedCall(
        predictor=name,
        input_tokens=count_message_tokens(messages),
        bare_tokens=count_message_tokens(request.without_demos or [messages[0], messages[-1]]),
        output_tokens=count_tokens(reply),
        demo_tokens=count_message_tokens(
            [request.demo_turn or messages[-1], {"role": "", "content": reply}]
        ),
        labelled=signature is not None and can_be_demo(row, signature),
    )
