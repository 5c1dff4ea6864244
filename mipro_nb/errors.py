"""Every exception that mipro_nb raises on purpose.

Each text names what was wrong, the value that was given and what to do about it. All of them
derive from `MiproError`, so ``except MiproError`` catches what this library has to say and lets
bugs through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from mipro_nb.amounts import CAPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

E = TypeVar("E", bound=Exception)

_SHOWN_CHARACTERS = 300


def shown(value: object, limit: int = _SHOWN_CHARACTERS) -> str:
    """Return `value` as it appears in an error text: its repr, cut to `limit` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Return `error` and what led to it, the outermost first; each once, also in a circle."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


class MiproError(Exception):
    """Base of every exception raised on purpose by mipro_nb."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from their text, which is not what all of ours are made of.
        return rebuilt, (type(self), self.args, self.__dict__)


def rebuilt(kind: type[E], args: tuple[Any, ...], attributes: dict[str, Any]) -> E:
    """Return an exception that was pickled as its text and attributes."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class Unquoted(str):
    """What an error text shows in place of a value, without the quotes of a text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


NOT_SHOWN = Unquoted("(not shown)")
"""In place of a value that may be a key."""
MISSING = Unquoted("(missing)")
"""In place of a value that is not there."""


class InvalidArgumentError(MiproError, ValueError):
    """An argument cannot be used as given.

    Parameters
    ----------
    argument
        Name of the argument as the caller knows it.
    value
        What was given.
    remedy
        What to do instead, a sentence without a leading capital.
    """

    def __init__(self, argument: str, value: object, remedy: str) -> None:
        self.argument = argument
        self.value = value
        self.remedy = remedy
        super().__init__(f"{argument}={shown(repr(value), 120)}: {remedy}")


class MissingExtraError(MiproError, ImportError):
    """Something optional is not installed; the text tells the command that brings it."""


class MissingDataError(MiproError, FileNotFoundError):
    """A data file is not there; the text tells the command that brings it."""


class SignatureError(MiproError, ValueError):
    """A signature cannot be read or is inconsistent."""


class ProgramError(MiproError):
    """A program cannot be optimized, or fails before its first LM call."""


class LMNotConfiguredError(ProgramError):
    """There is no LM to ask, or one was loaded without its key; the text says how to give it."""


class SavedStateError(MiproError, ValueError):
    """A saved program does not fit the program it is loaded into, or cannot be read."""


class ReplyError(MiproError):
    """An LM's reply does not hold the fields that the signature asks for.

    Parameters
    ----------
    problem
        What is missing or wrong.
    raw_text
        The reply, unchanged.
    fields
        The fields that could be read.
    """

    def __init__(self, problem: str, raw_text: str, fields: Mapping[str, object]) -> None:
        self.problem = problem
        self.raw_text = raw_text
        self.fields = dict(fields)
        super().__init__(f"{problem} The reply was: {shown(raw_text)!r}")


class TruncatedReplyError(ReplyError):
    """The reply was cut off by ``max_tokens`` before all of its fields were complete."""


class LMError(MiproError):
    """An LM call failed; other calls may still succeed.

    Attributes
    ----------
    input_tokens, output_tokens, cached_input_tokens
        Tokens of an answer that came back and cannot be used; servers bill them all the same.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0


class RequestRefusedError(LMError):
    """A server refuses a call for what it holds: the same call fails again, others may succeed."""


class PromptFilteredError(RequestRefusedError):
    """A server's filter refuses a prompt.

    It is an outcome of that example, scored 0, not an error of the program.
    """


class PromptTooLongError(RequestRefusedError):
    """A prompt exceeds the model's context.

    It is an outcome of that example, scored 0, not an error of the program: a configuration with
    shorter demos or instructions may fit.

    Attributes
    ----------
    room
        How long a prompt may be, about, in tokens as `mipro_nb.models.tokens` counts them; None
        where nothing is known of it.
    predictor
        Name of the predictor whose prompt it was; None outside of runs.
    """

    room: int | None = None
    predictor: str | None = None


class EmptyAnswerError(LMError):
    """A server's answers held no reply at all, however often it was asked.

    An `LM` makes an empty reply of it, which is asked for again like any that cannot be used.
    """


class LMUnavailableError(LMError):
    """No call to this LM can succeed: wrong key, unknown model, unreachable server.

    An evaluation stops at the first of these instead of counting it once per example.
    """


class CallRefusedError(MiproError):
    """A run that has been stopped, or was never permitted, tried to send an LM call."""


class CapReachedError(CallRefusedError):
    """A call was not sent, because it could have exceeded a cap of its run.

    Parameters
    ----------
    cap
        Name of the cap, such as ``"max_usd"``.
    value
        What had been spent.
    limit
        The cap.
    reserved
        What calls in flight may take at the worst.
    wanted
        What the call may take at the worst.
    """

    def __init__(
        self, cap: str, value: float, limit: float, reserved: float, wanted: float
    ) -> None:
        self.cap = cap
        self.value = value
        self.limit = limit
        self.reserved = reserved
        self.wanted = wanted
        form = CAPS[cap]
        text = f"The cap {cap}={limit:,} is reached: {form(value)} spent"
        if cap == "max_calls":
            super().__init__(f"{text}.")
            return
        super().__init__(
            f"{text}, {form(reserved)} reserved for calls in flight, and the next call might "
            f"take {form(wanted)}. Set a lower LM(max_tokens=…): each call then reserves less "
            "of the cap."
        )


class RunEndedError(MiproError):
    """A run was asked to do something although it has ended."""


class PermissionDeniedError(MiproError):
    """The person asked for permission said no; no LM call was made.

    A notebook shows it in one line: to say no is not a fault, and needs no traceback.
    """

    def _render_traceback_(self) -> list[str]:  # IPython looks for a method of this name
        return [f"{type(self).__name__}: {self}"]


class PermissionUnansweredError(MiproError):
    """Permission is required and there is nobody to ask; no LM call was made."""


class MetricError(MiproError):
    """The metric has the wrong signature, raised, or returned something that is not a score."""


class ExampleTimeoutError(MiproError, TimeoutError):
    """Program and metric worked on one example for longer than ``example_timeout``."""


class WorkerLostError(MiproError):
    """Workers of an executor ended, one after another, while they worked on the same example."""


class ExecutorError(MiproError):
    """An executor cannot run examples: it is closed, or has no workers or none that fit."""


class TooManyErrorsError(MiproError):
    """More examples failed in one evaluation than ``max_errors`` allows."""


class RecordError(MiproError):
    """The record file cannot be read or written."""


class UnknownRunError(RecordError, KeyError):
    """No run of that id is in the record."""

    def __str__(self) -> str:
        return str(self.args[0])
