"""Rehearsal: running program and metric on a few rows with made-up answers and no LM call.

It finds what would fail on every example before anything is paid, measures the real prompts of
this program on these data, and sees what the metric gives for the rows' own labels. Answers are
the row's own labels where the names match, and plain values of the right type otherwise. What a
program does with those is not what it will do with a model's: so it is bounded, refuses only what
cannot be their doing, and says where it had to guess.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mipro_nb.errors import (
    ExampleTimeoutError,
    MetricError,
    MiproError,
    ProgramError,
    ReplyError,
    shown,
)
from mipro_nb.evaluate.metric import Metric, MetricReturnError, MetricScaleError
from mipro_nb.evaluate.user_code import run_user_code
from mipro_nb.language.execution.attempt import attempting
from mipro_nb.language.execution.own_calls import watching_own_calls
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.execution.tracing import Step, tracing
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.lms.settings import context
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.gate.gate import all_calls_through
from mipro_nb.optimizer.estimating.rehearsing.bounds import (
    EMBEDDED,
    Bounds,
    RehearsedRun,
    how_it_ended,
)
from mipro_nb.optimizer.estimating.rehearsing.findings import Rehearsal, findings_of
from mipro_nb.optimizer.estimating.rehearsing.metric_faults import lasting_fault
from mipro_nb.optimizer.estimating.rehearsing.own_call_notes import own_call_notes
from mipro_nb.optimizer.estimating.rehearsing.pitfalls import (
    attributes,
    set_anew,
    state_notes,
    unread_output,
)
from mipro_nb.optimizer.estimating.rehearsing.rehearsed_calls import (
    RehearsedCall,
    measured,
    names_by_signature,
)
from mipro_nb.optimizer.estimating.rehearsing.seen import Seen, are_enough
from mipro_nb.optimizer.estimating.rehearsing.stand_in import (
    AnsweredRequest,
    NoCalls,
    StandIn,
)
from mipro_nb.optimizer.estimating.rehearsing.wrong_answers import wrong_answer
from mipro_nb.optimizer.phases.proposing.repair import no_feedback
from mipro_nb.optimizer.planning.data.labels import is_empty

_ROWS = 5
_NUMBERS = (int, float)


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
    bounds = Bounds(example_timeout, others_go_on)
    rehearsing = _Rehearsing(student, rows, metric, lm, bounds, example_timeout=example_timeout)
    step = max(1, len(rows) // _ROWS)
    chosen = rows[::step][:_ROWS]
    seen: list[Seen] = []
    longest = 0.0
    for turn, row in enumerate(chosen):
        before = bounds.seconds_left
        seen.append(await rehearsing.row(row, turn))
        longest = max(longest, before - bounds.seconds_left)
        # A slow program, which loads or fetches something, is looked at on fewer rows.
        if seen[-1].left or bounds.seconds_left < 1.5 * longest or are_enough(seen):
            break
    if all(each.error is not None for each in seen):
        raise next(each.error for each in seen if each.error is not None)
    found = findings_of(student, lm, metric, seen, chosen[0], metric_threshold=metric_threshold)
    name = type(student).__name__
    own_state = state_notes(name, [each.set_anew for each in seen], num_threads)
    own_calls = own_call_notes(name, [each.own_calls for each in seen])
    return replace(found, notes=[*found.notes, *own_calls, *own_state])


class _Rehearsing:
    def __init__(
        self,
        student: Module,
        rows: Sequence[Example],
        metric: Metric,
        lm: LanguageModel,
        bounds: Bounds,
        *,
        example_timeout: float | None,
    ) -> None:
        self._bounds = bounds
        self._rows = rows
        self._student, self._metric, self._lm = student, metric.scaled(None), lm
        self._timeout = example_timeout
        self._program = type(student).__name__
        self._has_tried_wrong = self._has_tried_feedback = False
        self._names = names_by_signature(student)

    async def row(self, row: Example, turn: int) -> Seen:
        lm = self._lm
        keeps_to_labels = getattr(lm, "keeps_to_labels", False)
        chosen = getattr(lm, "prompt_format", None)
        stand_in = StandIn(row, lm.structured_outputs, keeps_to_labels, chosen, lm.name, turn)
        row = copy.deepcopy(row)  # the user's code may change what it is given
        program = self._student.deepcopy()
        seen = Seen()
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
            ran = await self._bounds.run(made, stand_in)
            calls_of_program = len(stand_in.requests)
            seen.set_anew = set_anew(before, attributes(program))
            if not self._note_program(seen, ran, stand_in, row):
                scored = await self._bounds.run(self._metric.score(row, ran.result), stand_in)
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
        seen.calls += [measured(None, made.request, made.reply, row) for made in by_metric]
        return seen

    def _note_program(self, seen: Seen, ran: RehearsedRun, stand_in: StandIn, row: Example) -> bool:
        """Note what the program came to; return whether that is anything but a prediction."""
        name = self._program
        if stand_in.ended is not None:
            seen.note, seen.guess = how_it_ended(name, ran, stand_in)
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
        self, seen: Seen, ran: RehearsedRun, stand_in: StandIn, *, asked: bool, labelled: bool
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
            seen.note = "The metric asks an embedder. " + EMBEDDED
        elif stand_in.ended == "direct call":
            seen.note = "The metric calls an LM directly; those calls are not in the estimate."
        elif stand_in.ended is not None:
            name = f"the metric {self._metric.name}"
            if ran.is_users_limit and labelled:
                msg = f"The metric {self._metric.name} took longer than "
                seen.error = ExampleTimeoutError(f"{msg}example_timeout={self._timeout:g} s.")
            note, seen.guess = how_it_ended(name, ran, stand_in)
            seen.note = f"{note[0].upper()}{note[1:]}"
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

    def _note_error(self, seen: Seen, error: MiproError, *, asked: bool, labelled: bool) -> None:
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
        self, seen: Seen, stand_in: StandIn, row: Example, right: RehearsedRun
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
        ran = await self._bounds.run(self._metric.score(row, wrong), stand_in)
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
        seen: Seen,
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
            ran = await self._bounds.run(verdict, stand_in)
            seen.left = seen.left or ran.left
            asked = len(stand_in.requests) > before or bool(seen.own_calls.calls)
            if ran.error is not None and not asked and seen.no_feedback is None:
                seen.no_feedback = no_feedback(self._metric.name, name, ran.error)

    def _measured(self, made: AnsweredRequest, row: Example) -> RehearsedCall:
        name = self._names.get(id(made.request.signature))
        return measured(name, made.request, made.reply, row)


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
