"""The calls that a run made before it was resumed: they are answered from the record.

A resumed run goes through its plan from the beginning. Every choice in it follows from
the seed and from the answers, so it asks what it asked before, and hears what it heard before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mipro_nb.models.calls import Answer, Call, CallLabels, call_labels
from mipro_nb.runs.events import AnyEvent, LMCallAnswered, LMCallFailed, RefusalKind, TextRef
from mipro_nb.runs.usage import Usage

_Asked = tuple[str, TextRef, TextRef, int]
_REST = Answer.model_fields.keys() - {"text", "thoughts", "notes"}


class EarlierCall(NamedTuple):
    """What became of a call: a reply, or an error.

    Attributes
    ----------
    labels
        What it was made for.
    predictor
        Who made it.
    reply
        The reply's text in the record; None if the call failed.
    thoughts
        The text of the thoughts beside it; None if there were none.
    rest
        What else an `Answer` holds, by name.
    error
        Why it failed.
    refusal, room
        As in `LMCallFailed`.
    """

    labels: CallLabels
    predictor: str | None = None
    reply: TextRef | None = None
    thoughts: TextRef | None = None
    rest: Mapping[str, Any] = {}
    error: str = ""
    refusal: RefusalKind | None = None
    room: int | None = None


@dataclass(slots=True)
class _Equal:
    """What became of calls that were equal.

    Attributes
    ----------
    left
        Those that are not told once more yet.
    answer
        The first that was answered; None if none was.
    differ
        Whether another one had another answer.
    """

    left: list[EarlierCall] = field(default_factory=list)
    answer: EarlierCall | None = None
    differ: bool = False

    def add(self, earlier: EarlierCall, *, is_over: bool) -> None:
        """Take one more call into account; what it was for may be over, and ask no more."""
        if not is_over:
            self.left.append(earlier)
        if earlier.reply is None:
            return
        if self.answer is None:
            self.answer = earlier
        self.differ = self.differ or earlier.reply != self.answer.reply


class EarlierCalls:
    """What became of the calls of a run, each to be told once more.

    Equal are calls of the same model, prompt and rollout: parameters that are not written down do
    not tell them apart, and shall not, since a key may be another one by now.

    Parameters
    ----------
    events
        The run's events, in order.
    failures
        Whether calls that had failed shall fail again; if not, they are made again, as are those
        in any case that met a server which was not available.
    is_over
        Tells whether a trial is done with an example for good. Its calls answer equal ones of
        others, which then count as calls of those, and are not told once more.
    """

    def __init__(
        self,
        events: Iterable[AnyEvent],
        *,
        failures: bool,
        is_over: Callable[[int, int], bool] = lambda _trial, _example: False,
    ) -> None:
        self._calls: dict[_Asked, _Equal] = {}
        self._is_over = is_over
        for event in events:
            match event:
                case LMCallAnswered():
                    self._add(event, _answered(event))
                case LMCallFailed(final=True) if failures and event.refusal != "unavailable":
                    self._add(event, _failed(event))

    def _add(self, event: LMCallAnswered | LMCallFailed, earlier: EarlierCall) -> None:
        asked = (event.model, event.prompt_head, event.prompt_tail, event.rollout)
        trial, example = event.trial, event.example
        is_over = trial is not None and example is not None and self._is_over(trial, example)
        self._calls.setdefault(asked, _Equal()).add(earlier, is_over=is_over)

    def __bool__(self) -> bool:
        return bool(self._calls)

    def answer(self, call: Call, head: TextRef, tail: TextRef) -> EarlierCall | None:
        """Return the answer that equal calls had, of any trial and example.

        None if none was, or if they had different answers.
        """
        equal = self._calls.get((call.model, head, tail, call.rollout))
        return None if equal is None or equal.differ else equal.answer

    def take(self, call: Call, head: TextRef, tail: TextRef) -> EarlierCall | None:
        """Return what became of this call before, by its trial and example; None if it is new.

        Equal calls may have had different answers. Each goes to the trial and the example that had
        it; or, where two evaluations shared an example, at least to that example. Calls of one
        predictor are told in their order.
        """
        equal = self._calls.get((call.model, head, tail, call.rollout))
        if equal is None:
            return None
        labels = call_labels.get()
        for alike in (_same_place, _same_example):
            for earlier in equal.left:
                if earlier.predictor == call.predictor and alike(earlier.labels, labels):
                    equal.left.remove(earlier)
                    return earlier
        return None


@dataclass(frozen=True)
class Before:
    """What a run did before it was resumed.

    Attributes
    ----------
    spent
        What its calls took.
    calls
        The calls.
    """

    spent: Usage
    calls: EarlierCalls


def _answered(call: LMCallAnswered) -> EarlierCall:
    return EarlierCall(
        _labels(call),
        call.predictor,
        call.reply,
        call.thoughts,
        {name: getattr(call, name) for name in _REST},
    )


def _failed(call: LMCallFailed) -> EarlierCall:
    return EarlierCall(
        _labels(call), call.predictor, error=call.error, refusal=call.refusal, room=call.room
    )


def _labels(call: LMCallAnswered | LMCallFailed) -> CallLabels:
    return CallLabels(call.phase, call.trial, call.example, call.tested)


def _same_place(then: CallLabels, now: CallLabels) -> bool:
    return _same_example(then, now) and then.trial == now.trial


def _same_example(then: CallLabels, now: CallLabels) -> bool:
    # Examples of these phases are those of another set.
    on_trainset = {then.phase, now.phase} & {"formats", "bootstrap", "propose"}
    return then.example == now.example and (not on_trainset or then.phase == now.phase)
