"""The calls that a run made before it was carried on: they are answered from the record.

A run that is carried on goes through its plan from the beginning. Every choice in it follows from
the seed and from the answers, so it asks what it asked before, and hears what it heard before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.runs.events import AnyEvent, LMCallAnswered, LMCallFailed, TextRef
from mipro_nb.runs.outlay import Outlay

PastCall = LMCallAnswered | LMCallFailed
_Asked = tuple[str, TextRef, TextRef, int]


class PastCalls:
    """What became of the calls of a run, each to be told once more.

    Parameters
    ----------
    events
        The run's events, in order.
    failures
        Whether calls that had failed shall fail again; if not, they are made anew.
    """

    def __init__(self, events: Iterable[AnyEvent], *, failures: bool) -> None:
        self._calls: dict[_Asked, list[PastCall]] = defaultdict(list)
        for event in events:
            match event:
                case LMCallAnswered():
                    self._enter(event)
                case LMCallFailed(final=True) if failures:
                    self._enter(event)

    def _enter(self, call: PastCall) -> None:
        if call.prompt_head is not None and call.prompt_tail is not None:
            asked = (call.model, call.prompt_head, call.prompt_tail, call.rollout)
            self._calls[asked].append(call)

    def take(self, model: str, head: TextRef, tail: TextRef, rollout: int) -> PastCall | None:
        """Return what became of this call, made by whoever makes it now; None if it is new.

        Equal calls may have had different answers. Each goes to the trial and the example that had
        it; or, where two evaluations shared an example, at least to that example.
        """
        calls = self._calls.get((model, head, tail, rollout), [])
        labels = call_labels.get()
        for alike in (_same_place, _same_example):
            for call in calls:
                if alike(call, labels):
                    calls.remove(call)
                    return call
        return None


@dataclass(frozen=True)
class Before:
    """What a run did before it was carried on.

    Attributes
    ----------
    spent
        What its calls took.
    calls
        The calls.
    """

    spent: Outlay
    calls: PastCalls


def _same_place(call: PastCall, labels: CallLabels) -> bool:
    return _same_example(call, labels) and call.trial == labels.trial


def _same_example(call: PastCall, labels: CallLabels) -> bool:
    # Examples of bootstrapping are those of another set.
    on_trainset = {call.phase, labels.phase} & {"bootstrap", "propose"}
    return call.example == labels.example and (not on_trainset or call.phase == labels.phase)
