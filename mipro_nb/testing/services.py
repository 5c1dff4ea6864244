"""What every LM service has to do, as tests."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mipro_nb.core_loop import core
from mipro_nb.errors import LMError, MiproError
from mipro_nb.language.lms.lm_protocol import LMRequest
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.lm import LM
from mipro_nb.models.prices import as_price
from mipro_nb.models.retryable import RetryableError
from mipro_nb.models.services.service import Service, check_service
from mipro_nb.models.tokens import count_tokens

T = TypeVar("T")

_SHORT = "Say hello."
_LONG = " ".join(["Repeat this sentence, word for word, as often as you can."] * 20)
_FEW_TOKENS = 8
_PING_SECONDS = 0.05
_ENOUGH_PINGS = 4
_LONGEST_SECONDS = 60.0


class ServiceContract:
    """The tests of an LM service: derive a class from it and say how your service is made.

    Nothing is sent but what your service sends: have it talk to a server of your test.

    Attributes
    ----------
    model : str
        The model that calls name.
    secret : str or None
        The key that your service is given; None if it needs none.

    Examples
    --------
    >>> class Echo:
    ...     name = "echo"
    ...
    ...     async def send(self, call):
    ...         most = call.parameters.get("max_tokens", 100)
    ...         return mipro.Answer(text=" ".join(call.messages[-1]["content"].split()[:most]))
    >>> class TestEcho(ServiceContract):
    ...     def make_service(self):
    ...         return Echo()
    >>> TestEcho().test_a_reply_is_no_longer_than_max_tokens()
    """

    model: str = "any-model"
    secret: str | None = None

    def make_service(self) -> Service:
        """Return a new service that answers; you have to write it."""
        raise NotImplementedError

    def make_failing_service(self) -> Service:
        """Return a service of the same kind of which every call fails; you have to write it.

        For instance, nothing listens at its address, or its server answers with an error.
        """
        raise NotImplementedError

    def test_it_says_what_it_is(self) -> None:
        """It has a name; price, concurrency and context are in order where it tells them."""
        service = self.make_service()
        check_service(service)
        as_price(getattr(service, "price", None))

    def test_a_call_is_answered(self) -> None:
        """An answer is an `Answer`, with a text or with the reason why there is none."""
        answer = self._answer(self.make_service(), _SHORT)
        assert isinstance(answer, Answer), f"send returned {type(answer).__name__}, not an Answer"
        assert answer.text.strip() or answer.problem, "the answer has neither text nor problem"

    def test_tokens_are_counted_or_left_to_us(self) -> None:
        """A service that does not know its tokens leaves both counts out, and says no 0."""
        answer = self._answer(self.make_service(), _SHORT)
        counted = {"input_tokens", "output_tokens"} & answer.model_fields_set
        assert len(counted) != 1, f"only {counted} is given: give both, or none"
        if counted and answer.counted:
            assert answer.input_tokens > 0, "no prompt has 0 tokens: leave the counts out"
            assert answer.output_tokens > 0 or not answer.text, "no reply has 0 tokens"

    def test_a_reply_is_no_longer_than_max_tokens(self) -> None:
        """Caps in tokens and USD rest on it."""
        answer = self._answer(self.make_service(), _LONG, max_tokens=_FEW_TOKENS)
        written = max(answer.output_tokens, count_tokens(answer.text))
        # Our own count is about right.
        assert written <= 2 * _FEW_TOKENS, f"{written} tokens, with max_tokens={_FEW_TOKENS}"

    def test_several_calls_at_once_are_answered(self) -> None:
        """A run sends many at once."""
        service = self.make_service()
        at_once = getattr(service, "concurrency", None) or 8

        async def all_of_them() -> list[Answer]:
            calls = (service.send(self._call(f"{_SHORT} {n}")) for n in range(min(at_once, 8)))
            return await asyncio.gather(*calls)

        for answer in core().wait_for(all_of_them()):
            assert isinstance(answer, Answer), f"one of several at once came to {answer!r}"

    def test_an_error_is_raised(self) -> None:
        """A call that failed has no answer: if you swallow it, an empty reply is scored."""
        service = self.make_failing_service()
        came = self._outcome(lambda: service.send(self._call(_SHORT)))
        assert isinstance(came, Exception), f"the call failed, and send returned {came!r}"

    def test_an_error_reaches_who_called(self) -> None:
        """In an `LM`, it is an LMError."""
        lm = LM(self.model, service=self.make_failing_service(), num_retries=0, cache=False)
        came = self._outcome(lambda: _asked(lm))
        assert isinstance(came, LMError), f"it became {came!r}"

    def test_the_event_loop_goes_on_meanwhile(self) -> None:
        """All calls, trials and the live view share one loop: blocking code belongs in a thread.

        It can be seen only in a call that takes a while: let your test's server take half a second.
        """
        service = self.make_service()
        sent, answered = core().wait_for(_pinged(lambda: service.send(self._call(_SHORT))))
        blocked = sent >= _ENOUGH_PINGS and answered * 2 < sent
        assert not blocked, (
            f"the loop answered {answered} of {sent} pings during a call: send blocks it. Await "
            "asyncio.to_thread(…) around what blocks."
        )

    def test_a_call_that_is_given_up_ends(self) -> None:
        """As when a person stops a run: a CancelledError must come through."""
        service = self.make_service()

        async def given_up() -> bool:
            task = asyncio.ensure_future(service.send(self._call(_SHORT)))
            await asyncio.sleep(0)
            if task.done():
                return True
            task.cancel()
            await asyncio.wait([task], timeout=_LONGEST_SECONDS)
            return task.cancelled()

        assert core().wait_for(given_up()), "a call went on although it was cancelled"

    def test_its_key_is_not_seen(self) -> None:
        """Neither in what it is shown as, nor in a pickle, an answer or an error."""
        if self.secret is None:
            import pytest  # noqa: PLC0415 - who imports this module need not have it

            pytest.skip("the service has no secret")
        service = self.make_service()
        lm = LM(self.model, service=service, cache=False)
        failing = LM(self.model, service=self.make_failing_service(), num_retries=0, cache=False)
        shown = {
            "repr(service)": repr(service),
            "str(service)": str(service),
            "its name": service.name,
            "a pickle of it": _pickled(service),
            "a pickle of its LM": _pickled(lm),
            "an answer": repr(self._answer(service, _SHORT)),
            "an error": repr(self._outcome(lambda: _asked(failing))),
        }
        for what, text in shown.items():
            assert self.secret not in text, f"{what} shows the key"

    def _call(self, prompt: str, **parameters: Any) -> Call:
        return Call(
            model=self.model,
            server="a test",
            messages=[{"role": "user", "content": prompt}],
            parameters=parameters,
            rollout=0,
            cache=False,
            price=None,
        )

    def _answer(self, service: Service, prompt: str, **parameters: Any) -> Answer:
        return core().wait_for(_awaited(lambda: service.send(self._call(prompt, **parameters))))

    def _outcome(self, begin: Callable[[], Awaitable[object]]) -> object:
        """Return what came, or the error that was raised."""

        async def outcome() -> object:
            try:
                return await begin()
            except Exception as error:  # noqa: BLE001 - which one it is, is what is looked at
                return error

        return core().wait_for(outcome())


async def _awaited(begin: Callable[[], Awaitable[T]]) -> T:
    try:
        return await begin()
    except RetryableError as retryable:  # not one that leaves a run
        raise retryable.error(1) from None


async def _asked(lm: LM) -> object:
    return await lm.acomplete(LMRequest([{"role": "user", "content": _SHORT}]))


async def _pinged(begin: Callable[[], Awaitable[object]]) -> tuple[int, int]:
    """Return how many pings were sent to the loop during a call, and how many it had answered."""
    loop, over = asyncio.get_running_loop(), threading.Event()
    sent: list[None] = []
    answered: list[None] = []

    def ping() -> None:
        while not over.wait(_PING_SECONDS):
            sent.append(None)
            loop.call_soon_threadsafe(answered.append, None)

    pinging = threading.Thread(target=ping, daemon=True)
    pinging.start()
    try:
        await _awaited(begin)
        return len(sent), len(answered)
    finally:
        over.set()


def _pickled(value: object) -> str:
    try:
        return pickle.dumps(value).decode("latin-1")
    except (pickle.PicklingError, TypeError, AttributeError, MiproError):
        return ""  # what cannot be pickled leaves nothing behind
