"""What the core and a worker tell each other; each message is pickled by itself."""

from __future__ import annotations

from typing import Any, NamedTuple

from mipro_nb.language.lms.lm_protocol import LMRequest
from mipro_nb.models.calls import Call

# To a worker.


class Load(NamedTuple):
    """A program or a metric, pickled; answered by `Loaded`."""

    number: int
    pickled: bytes


class Forget(NamedTuple):
    """A program or a metric that is no longer needed."""

    number: int


class Begin(NamedTuple):
    """Run a program on an example; answered by `Done`.

    Attributes
    ----------
    surroundings
        Pickled: the example, the configured LM, the configured prompt format, the prompt formats of
        the user's own, and whether demos may have been made of the example.
    traced
        Whether the steps are wanted.
    """

    execution: int
    program: int
    metric: int
    surroundings: bytes
    traced: bool


class HaveScored(NamedTuple):
    """Have the metric score what the program returned; answered by `Done`."""

    execution: int
    with_trace: bool


class Leave(NamedTuple):
    """Nobody wants anything more of an execution."""

    execution: int


class LMAnswered(NamedTuple):
    """What came of an LM call, pickled: a `CodeOutcome`."""

    call: int
    outcome: bytes


class Send(NamedTuple):
    """Make one attempt at a call that the worker has asked to be admitted; answered by `Sent`."""

    attempt: int
    call: int
    as_sent: Call


class StopSending(NamedTuple):
    """Nobody wants the answer to an attempt any more."""

    attempt: int


# From a worker.


class Hello(NamedTuple):
    """The first message: what the worker runs on, by name, and where it is."""

    versions: dict[str, str]
    place: str


class Loaded(NamedTuple):
    """What kept the worker from loading a program or a metric; empty if nothing did."""

    number: int
    problem: str


class AskLM(NamedTuple):
    """An LM of the core is asked; answered by `LMAnswered`."""

    execution: int
    call: int
    lm: int
    request: LMRequest


class AdmitCall(NamedTuple):
    """A client on the worker wants to send a call; answered by `LMAnswered`."""

    execution: int
    call: int
    wanted: Call


class Sent(NamedTuple):
    """What came of an attempt, pickled: a `CodeOutcome`."""

    attempt: int
    outcome: bytes


class Withdrawn(NamedTuple):
    """An LM call whose answer the program wants no more."""

    execution: int
    call: int


class Done(NamedTuple):
    """What came of a program or a metric, pickled: a `CodeOutcome`."""

    execution: int
    outcome: bytes


class Leaving(NamedTuple):
    """The worker was told to end: what it works on did not end it."""


class CodeOutcome(NamedTuple):
    """What code returned, or what it raised.

    Attributes
    ----------
    value
        What it returned.
    error
        What it raised; None if it returned.
    met
        Which LM call had failed with that error; None if that is not where it came from.
    """

    value: Any = None
    error: Exception | None = None
    met: int | None = None


class Ran(NamedTuple):
    """What a program left behind.

    Attributes
    ----------
    prediction
        What it returned.
    steps
        Its trace, if that is wanted: name of the predictor, inputs and prediction of each call.
    notes
        On the replies that were read.
    """

    prediction: Any
    steps: list[tuple[str | None, Any, Any]]
    notes: list[str]
