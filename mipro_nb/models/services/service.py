"""What an LM service has to do, those of users by name, and what may come of a user's own."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Protocol, runtime_checkable

from pydantic import ValidationError

from mipro_nb.arguments import only_known
from mipro_nb.checks import check_name
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    LMUnavailableError,
    MiproError,
    causes_of,
    shown,
)
from mipro_nb.models.calls import Answer, Call, Note
from mipro_nb.models.retryable import RetryableError, RetryableKind, asked_to_wait
from mipro_nb.models.services.known.registry import PROVIDERS
from mipro_nb.models.tokens import count_message_tokens, count_tokens
from mipro_nb.numbers import is_count
from mipro_nb.redaction import secrets
from mipro_nb.runs.events import first_problem

# What an attribute is called that holds what must not be seen.
_SECRET = re.compile(r"key|token|secret|password|credential|auth|bearer", re.IGNORECASE)
_LONGEST_SAID = 4000
_COUNTS = ("input_tokens", "output_tokens")


@runtime_checkable
class Service(Protocol):
    """Anything that answers calls to a model. Every call to it passes the gate of its run.

    Besides, a service may have the attributes ``price`` (a `Price`), ``concurrency`` (calls in
    flight at once, at most) and ``context_tokens`` (of prompt and reply together). None, or no
    such attribute, says that it is not known.

    Attributes
    ----------
    name
        What answers, as the plan, errors and the record show it. Answers are kept under it, so
        give another one where the same call would be answered differently, as by a new version.

    Examples
    --------
    >>> class Echo:
    ...     name = "echo"
    ...
    ...     async def send(self, call):
    ...         return Answer(text=call.messages[-1]["content"])
    >>> isinstance(Echo(), Service)
    True
    >>> LM("any-model", service=Echo())("Hello")
    ['Hello']
    """

    name: str

    async def send(self, call: Call) -> Answer:
        """Return the answer to `call`, asked for once; runs on the core loop and must not block it.

        The reply must not be longer than ``call.parameters["max_tokens"]``, where that is there:
        caps rest on it. Whatever is raised becomes an error of this call. It is tried again after
        a TimeoutError or ConnectionError, and where the error has a ``status_code`` that says so
        (408, 409, 429, 5xx).
        """
        ...


ServiceFactory = Callable[[str], Service]
"""Takes the name of a model, returns the service that answers for it."""

_registered: dict[str, ServiceFactory] = {}


@only_known()
def register_service(prefix: str, factory: ServiceFactory) -> None:
    """Have ``LM("prefix/model")`` mean the service that ``factory("model")`` returns.

    Another one of the same prefix takes its place, so that a cell can be run again.

    Parameters
    ----------
    prefix
        Letters, digits, ``_``, ``-`` and dots.
    factory
        Takes what follows the slash, and returns a `Service`.

    Raises
    ------
    InvalidArgumentError
        If the prefix is one of mipro_nb's own, or none, or `factory` cannot be called.
    """
    check_name("prefix", prefix, "a service", PROVIDERS)
    if not callable(factory):
        raise InvalidArgumentError(
            "factory", factory, "give what takes a model's name and returns a service."
        )
    _registered[prefix] = factory


def registered_prefixes() -> list[str]:
    """Return the prefixes of users' own services."""
    return list(_registered)


def registered_service(model: str) -> tuple[Service, str] | None:
    """Return the service of ``"prefix/model"`` and the model; None if nobody registered it."""
    prefix, _, rest = model.partition("/")
    if not rest or prefix not in _registered:
        return None
    return _registered[prefix](rest), rest


def check_service(service: Any) -> None:
    """Return if `service` is one, with what it may say of itself in order.

    Raises
    ------
    InvalidArgumentError
        If not.
    """
    if isinstance(service, type) or not isinstance(service, Service):
        raise InvalidArgumentError(
            "service",
            service if isinstance(service, str) else type(service),
            "give an object with a name and `async send(call) -> Answer`, or a client of openai: "
            "AsyncOpenAI(…).",
        )
    if not isinstance(service.name, str) or not service.name.strip():
        raise InvalidArgumentError("service.name", service.name, "name what answers.")
    for attribute in ("concurrency", "context_tokens"):
        value = getattr(service, attribute, None)
        if value is not None and not (is_count(value) and value > 0):
            raise InvalidArgumentError(
                f"service.{attribute}", value, "give a whole number above 0, or None."
            )


class Guarded:
    """A user's service: what goes wrong in it is an error of the call, and nothing is uncounted.

    Parameters
    ----------
    service
        The service.
    model
        Name of the model that it answers for.
    timeout
        Seconds after which an attempt is given up.
    """

    def __init__(self, service: Service, model: str, *, timeout: float) -> None:
        self.service = service
        self.timeout = timeout
        self._where = f"{model} at {service.name}"
        secrets.add(_secrets_of(service))

    async def send(self, call: Call) -> Answer:
        """Return the service's answer, with its tokens counted; runs on the core loop.

        Raises
        ------
        RetryableError
            If this attempt failed and another one may succeed.
        LMError
            If this call failed.
        """
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._started(call)
            if _given_up():  # and the service went on all the same
                raise asyncio.CancelledError  # noqa: TRY301 - as it would have been
        except BaseException as error:  # it is a user's own code
            if _is_given_up(error):
                raise
            secrets.add(_secrets_of(self.service))  # a token may be a new one each time
            failure = self._explained(error)
        else:
            return self._counted(call, self._checked(answer))
        # Not inside the except block: the service's own error may hold a key.
        raise failure

    def _started(self, call: Call) -> Awaitable[Any]:
        sent: Any = self.service.send(call)
        if inspect.isawaitable(sent):
            return sent
        msg = (
            f"The send of {self._where} returned a {type(sent).__name__} that cannot be awaited: "
            "write it as `async def send`, with `await asyncio.to_thread(…)` for code that blocks."
        )
        raise LMUnavailableError(msg)

    def _checked(self, answer: Any) -> Answer:
        """Return the answer as it can be kept: a service may have made it without any check.

        Raises
        ------
        LMUnavailableError
            If it cannot be one: no other call would be answered better.
        """
        if not isinstance(answer, Answer):
            said = self._shown(_said_by(repr, answer), 80)
            msg = (
                f"{self._where} returned {said} ({type(answer).__name__}):"
                " have its send return mipro_nb.Answer(text=…)."
            )
            raise LMUnavailableError(msg)
        try:
            return Answer.model_validate(answer)
        except ValidationError as error:
            problem = first_problem(error)
        msg = f"{self._where} returned an Answer that cannot be: {problem}. Correct its send."
        raise LMUnavailableError(msg)

    def _counted(self, call: Call, answer: Answer) -> Answer:
        missing = [name for name in _COUNTS if name not in answer.model_fields_set]
        if not missing:
            return answer
        ours = {
            "input_tokens": count_message_tokens(call.messages),
            "output_tokens": count_tokens(answer.text) + count_tokens(answer.thoughts),
        }
        note = Note("tokens", f"{self._where} does not count its tokens: {_ABOUT}")
        counts = {name: ours[name] for name in missing}
        return answer.model_copy(
            update={**counts, "counted": False, "notes": (*answer.notes, note)}
        )

    def _explained(self, error: BaseException) -> Exception:
        if isinstance(error, MiproError | RetryableError):
            return self._own(error)
        said = self._shown(f"{type(error).__name__}: {_said_by(str, error)}")
        status = getattr(error, "status_code", None)
        if is_count(status):
            return self._of_status(status, error, said)
        if any(isinstance(cause, TimeoutError) for cause in causes_of(error)):
            what = f"{self._where} gave no answer within {self.timeout:g} s"
            return RetryableError("no answer", what, said, billed=None)
        if any(isinstance(cause, ConnectionError) for cause in causes_of(error)):
            what = f"{self._where} broke off the connection"
            return RetryableError("no answer", what, said, billed=None)
        return LMError(f"{self._where} failed: {said}")

    def _own(self, error: Exception) -> Exception:
        """Return an error of ours that the service raised, without what must not be seen."""
        error.args = tuple(
            secrets.taken_out(each) if isinstance(each, str) else each for each in error.args
        )
        if isinstance(error, RetryableError):
            error.said = self._shown(error.said)
        error.__cause__ = error.__context__ = None
        return error

    def _of_status(self, status: int, error: BaseException, said: str) -> Exception:
        kind = _PASSING.get(status)
        if kind is None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            kind = "in trouble"
        if kind is not None:
            headers = getattr(getattr(error, "response", None), "headers", None)
            wait = asked_to_wait(headers) if isinstance(headers, Mapping) else None
            return RetryableError(kind, f"{self._where} failed ({status})", said, wait)
        if status in _NO_ACCESS:
            return LMUnavailableError(f"{self._where} refuses every call ({status}): {said}")
        return LMError(f"{self._where} failed ({status}): {said}")

    @staticmethod
    def _shown(text: str, limit: int = 300) -> str:
        return shown(secrets.taken_out(" ".join(text.split())[:_LONGEST_SAID]), limit)


_ABOUT = "tokens and USD are about right."
_PASSING: dict[int, RetryableKind] = {408: "try again", 409: "try again", 429: "turned away"}
_NO_ACCESS = (401, 402, 403, 404)


def _secrets_of(service: Service) -> Iterator[str]:
    for name, value in getattr(service, "__dict__", {}).items():
        if isinstance(value, str) and _SECRET.search(name):
            yield value


def _is_given_up(error: BaseException) -> bool:
    """Tell whether it is the caller who ends the call, and not the service.

    A service may have tasks of its own that are cancelled, or code that calls sys.exit().
    """
    if isinstance(error, asyncio.CancelledError):
        return _given_up()
    return isinstance(error, GeneratorExit)


def _given_up() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _said_by(told: Callable[[Any], str], value: object) -> str:
    """Return ``repr`` or ``str`` of an object of a user's, which may fail."""
    try:
        return told(value)
    except Exception as error:  # noqa: BLE001 - the same
        return f"(it cannot be shown: {type(error).__name__})"
