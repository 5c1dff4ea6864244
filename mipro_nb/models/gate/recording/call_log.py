"""What is written down of LM calls: answers kept for later, and the events of a run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from mipro_nb.errors import LMError
from mipro_nb.models.calls import Answer, Call, Note, call_labels
from mipro_nb.models.gate.batching.batch import BatchedAttempt
from mipro_nb.models.gate.limits.caps import usd_of
from mipro_nb.models.gate.recording.backlog import Backlog, Work
from mipro_nb.models.gate.recording.earlier_calls import EarlierCall, EarlierCalls
from mipro_nb.models.services.clients.refusals import kind_of, refused_again
from mipro_nb.models.services.worst_case import names_limit
from mipro_nb.redaction import shown_parameters
from mipro_nb.runs.events import AnyEvent, LMCallAnswered, LMCallFailed, RunNoted, TextRef
from mipro_nb.runs.store.batches import end_batched_call
from mipro_nb.runs.store.record import Record, text_ref
from mipro_nb.runs.usage import Usage

_NONE: Mapping[str, int] = {}
_NOTHING = Usage()


class _Recorded(NamedTuple):
    """An answer whose texts the record has; all else of it is here."""

    reply: TextRef
    thoughts: TextRef | None
    rest: Mapping[str, Any]


class CallLog:
    """Writes down calls, and finds the answers to equal ones.

    Answers are found in the record where the call may use its cache. Besides, a run finds its own
    answers to calls at temperature 0 that may not: an equal one would be answered alike. Both
    also hold for answers that the run had before it was resumed.

    Parameters
    ----------
    record
        Where all of it is kept.
    emit
        Takes the event of every call; None where calls belong to no run.
    run_id
        The run; None likewise.
    earlier
        The calls that the run made before it was resumed.
    backlog
        Writes what belongs together, for a run; None where calls belong to no run.
    """

    def __init__(
        self,
        record: Callable[[], Record],
        emit: Callable[[AnyEvent], None] | None,
        run_id: str | None = None,
        earlier: EarlierCalls | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self._backlog = backlog
        self._record = record
        self._emit = emit
        self._run_id = run_id
        self._earlier = earlier
        # By digest, and without the texts: a run may have a hundred thousand of them.
        self._told: dict[bytes, _Recorded] = {}
        self._said: set[str] = set()

    def shares(self, call: Call) -> bool:
        """Tell whether calls equal to `call` need not be sent as well."""
        return call.cache or self._is_told(call)

    def known(self, call: Call) -> Answer | None:
        """Return the answer to an equal call, None if there is none yet."""
        return self._kept(call) if call.cache else self._told_before(call)

    def _kept(self, call: Call) -> Answer | None:
        kept = self._record().answer(call.key)
        if kept is None:
            return self._answered_before(call)
        try:
            return Answer.model_validate_json(kept)
        except ValidationError:
            return None  # damaged: asked again, and replaced

    def recalled(self, call: Call) -> Answer | None:
        """Return the answer that this very call had before the run was resumed, if it had one.

        Raises
        ------
        LMError
            If the call had failed.
        """
        if not self._earlier:
            return None
        earlier = self._earlier.take(call, *_prompt_refs(call))
        if earlier is None:
            return None
        if earlier.reply is None:
            if earlier.refusal is not None:
                raise refused_again(earlier.refusal, earlier.error, earlier.room, earlier.predictor)
            raise LMError(earlier.error)
        return self._recalled(call, earlier, earlier.reply)

    def _answered_before(self, call: Call) -> Answer | None:
        """Return the answer to an equal call before the run was resumed, None if none is known.

        Who made that call may not make it again: what it was for is known.
        """
        if not self._earlier or call.draw:
            return None
        earlier = self._earlier.answer(call, *_prompt_refs(call))
        if earlier is None or earlier.reply is None:
            return None
        return self._recalled(call, earlier, earlier.reply)

    def _recalled(self, call: Call, earlier: EarlierCall, reply: TextRef) -> Answer:
        answer = self._from(_Recorded(reply, earlier.thoughts, earlier.rest))
        self._remember(call, answer, reply, earlier.thoughts)
        return answer

    def _from(self, told: _Recorded) -> Answer:
        text = self._record().text
        thoughts = "" if told.thoughts is None else text(told.thoughts)
        return Answer(text=text(told.reply), thoughts=thoughts, **told.rest)

    def _is_told(self, call: Call) -> bool:
        return self._emit is not None and call.parameters.get("temperature") == 0

    def _told_before(self, call: Call) -> Answer | None:
        told = self._told.get(call.digest)
        if told is None:
            return self._answered_before(call)
        return self._from(told)

    def forget(self) -> None:
        """Free the memory that the run's own answers take."""
        self._told.clear()

    def _write(self, work: Work, *, answers: int = 0) -> None:
        """Do `work` in one transaction, as soon as that can be done."""
        if self._backlog is not None:
            self._backlog.write(work, answers=answers)
        elif self._emit is not None:
            with self._record().writing():
                work()
        else:
            work()

    def sent(self, trip: int, usage: Usage) -> None:
        """Note, before a call is sent, what it takes at the worst if nobody hears of it again."""
        if self._run_id is not None:
            self._record().put_flight(self._run_id, trip, usage)

    def over(
        self,
        trip: int,
        tell: Callable[[], None],
        *,
        answers: int = 0,
        batched: BatchedAttempt | None = None,
    ) -> None:
        """Have `tell` say what came of a call that was noted as `sent`, in one transaction.

        If it was sent in a batch, `batched` was the last attempt.
        """

        def told() -> None:
            tell()
            if self._run_id is not None:
                self._record().end_flight(self._run_id, trip)
            if batched is not None and batched.own_id is not None:
                end_batched_call(self._record(), batched.own_id, batched.custom_id)

        self._write(told, answers=answers)

    def answered(
        self,
        call: Call,
        answer: Answer,
        *,
        seconds: float,
        attempts: int,
        hedged: int,
        retryable_errors: Mapping[str, int],
        reckoned: Usage,
    ) -> None:
        """Write answer, texts and event: what was paid for is kept."""
        self.say(*answer.notes)
        if self._emit is None and not call.cache:
            return
        # What a cap's limit cut off does not answer an equal call without that cap.
        if call.cache and not (answer.truncated and not names_limit(call)):
            self._record().put_answer(call.key, answer.model_dump_json())
        told = self._tell(
            call,
            answer,
            seconds=seconds,
            attempts=attempts,
            hedged=hedged,
            retryable_errors=retryable_errors,
            reckoned=reckoned,
        )
        if told is not None:
            self._remember(call, answer, told.reply, told.thoughts)

    def say(self, *notes: Note) -> None:
        """Tell the user, once, what turned out about a model: in the run, or as a warning."""
        for note in notes:
            if note.text in self._said:
                continue
            self._said.add(note.text)
            if self._emit is not None:
                self._emit(RunNoted(topic=note.topic, text=note.text))
            elif note.topic != "tokens":  # outside of runs nobody is shown tokens
                warnings.warn(note.text, stacklevel=2)

    def _remember(
        self, call: Call, answer: Answer, reply: TextRef, thoughts: TextRef | None
    ) -> None:
        if not call.cache and self._is_told(call):
            rest = answer.model_dump(exclude={"text", "thoughts"})
            self._told[call.digest] = _Recorded(reply, thoughts, rest)

    def found(self, call: Call, answer: Answer) -> None:
        """Write the event of a call that the answer to an equal one was found for."""
        if self._emit is not None:
            self._write(lambda: self._tell(call, answer, seconds=0.0, attempts=0))

    def _tell(
        self,
        call: Call,
        answer: Answer,
        *,
        seconds: float,
        attempts: int,
        hedged: int = 0,
        retryable_errors: Mapping[str, int] = _NONE,
        reckoned: Usage = _NOTHING,
    ) -> LMCallAnswered | None:
        if self._emit is None:
            return None
        record = self._record()
        told = LMCallAnswered(
            **_about(record, call),
            **answer.model_dump(exclude={"text", "thoughts"}),
            reply=record.put_text(answer.text),
            thoughts=record.put_text(answer.thoughts) if answer.thoughts else None,
            usd=usd_of(call, answer) if attempts else 0.0,
            from_cache=attempts == 0,
            seconds=seconds,
            attempts=attempts,
            hedged=hedged,
            retryable_errors=dict(retryable_errors),
            reckoned_tokens=reckoned.tokens,
            reckoned_usd=reckoned.usd,
            usd_if_sent=None if attempts else usd_of(call, answer),
        )
        self._emit(told)
        return told

    def failed(
        self,
        call: Call,
        error: LMError,
        *,
        seconds: float,
        attempts: int,
        final: bool,
        hedged: int = 0,
        retryable_errors: Mapping[str, int] = _NONE,
        reckoned: Usage = _NOTHING,
    ) -> None:
        """Write the event of a call that failed; `final` if nothing else takes its place."""
        if self._emit is None:
            return
        self._emit(
            LMCallFailed(
                **_about(self._record(), call),
                error=str(error),
                refusal=kind_of(error),
                room=getattr(error, "room", None),
                seconds=seconds,
                input_tokens=error.input_tokens,
                output_tokens=error.output_tokens,
                usd=usd_of(call, error) if error.input_tokens or error.output_tokens else 0.0,
                attempts=attempts,
                hedged=hedged,
                final=final,
                retryable_errors=dict(retryable_errors),
                reckoned_tokens=reckoned.tokens,
                reckoned_usd=reckoned.usd,
            )
        )


def _about(record: Record, call: Call) -> dict[str, Any]:
    """Return which call an event tells of; its prompt is kept."""
    labels = call_labels.get()
    head, tail = _prompt(call)
    return {
        "phase": labels.phase,
        "trial": labels.trial,
        "example": labels.example,
        "tested": labels.tested,
        "model": call.model,
        "predictor": call.predictor,
        "prompt_head": record.put_text(head),
        "prompt_tail": record.put_text(tail),
        "rollout": call.rollout,
    }


def _prompt_refs(call: Call) -> tuple[TextRef, TextRef]:
    head, tail = _prompt(call)
    return text_ref(head), text_ref(tail)


def _prompt(call: Call) -> tuple[str, str]:
    """Return all that is written down of what is sent, in two texts.

    The first is what many calls share, the other one the last message.
    """
    head = {
        "parameters": shown_parameters(call.parameters),
        "messages": list(call.messages[:-1]),
    }
    return json.dumps(head, default=str), json.dumps(call.messages[-1])
