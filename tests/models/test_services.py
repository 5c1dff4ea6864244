"""Services of users: objects, registered prefixes, clients of openai's and LM classes of their own.

Whatever answers, each call passes the gate: it is permitted, counted, capped, kept and paced.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import pickle
import re
import time
from types import SimpleNamespace

import openai
import pytest
from canary import CANARY
from gated_run import GatedRun, request
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    LMUnavailableError,
    ProgramError,
)
from mipro_nb.language import Completion
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.lm import as_counted
from mipro_nb.models.services.clients.client import Client
from mipro_nb.models.services.known.registry import resolve
from mipro_nb.runs import events as ev
from mipro_nb.testing import ServiceContract

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _none_registered(monkeypatch):
    monkeypatch.setattr("mipro_nb.models.services.service._registered", {})


class Echo:
    """Says what it was told."""

    name = "echo"

    def __init__(self, *, key=CANARY, fails=None):
        self.api_key, self.fails = key, fails
        self.calls = []

    def __repr__(self):
        return "Echo()"

    def __reduce__(self):
        return Echo, ()

    async def send(self, call):
        self.calls.append(call)
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        words = call.messages[-1]["content"].split()
        return mipro.Answer(text=" ".join(words[: call.parameters.get("max_tokens", 1000)]))


class OwnLM:
    """An LM class of a user's own: it speaks the predictors' protocol."""

    name = "mine"
    structured_outputs = False

    def __init__(self, text="answer: 5"):
        self.text = text
        self.requests = []

    async def acomplete(self, asked):
        self.requests.append(asked)
        await asyncio.sleep(0)
        return Completion(self.text)


class TestEcho(ServiceContract):
    secret = CANARY

    def make_service(self):
        return Echo()

    def make_failing_service(self):
        return Echo(fails=RuntimeError(f"the key {CANARY} is refused"))


class _AtAServer(ServiceContract):
    """A service that talks to a server, which takes its time."""

    secret = CANARY

    @pytest.fixture(autouse=True)
    def _server(self, serve):
        def answer(asked):
            time.sleep(0.3)
            text = "hello hello" if "max_tokens" in asked.body else "hello"
            return Reply(text, prompt_tokens=5, completion_tokens=2)

        self.url = serve(answer).base_url


class TestClient(_AtAServer):
    def make_service(self):
        return self.at(self.url)

    def make_failing_service(self):
        return self.at(NOWHERE)

    def at(self, url):
        return Client(resolve("any-model", url, CANARY), timeout=20)


class TestOpenAIClients:
    """Both are wrapped as our own client is."""

    @pytest.mark.parametrize("kind", [openai.AsyncOpenAI, openai.OpenAI])
    def test_calls_go_through_the_users_own_connection(self, serve, kind, tmp_path):
        server = serve(lambda _: Reply("hello", prompt_tokens=5, completion_tokens=2))
        client = kind(api_key=CANARY, base_url=server.base_url)
        lm = mipro.LM("gpt", service=client, price=(1.0, 2.0))
        run = GatedRun(tmp_path, caps=Caps(max_calls=2))
        assert run.ask(lm, "a", "b") == ["hello", "hello"]
        assert {asked.authorization for asked in server.requests} == {f"Bearer {CANARY}"}
        assert (run.spend.calls, run.spend.input_tokens, run.spend.uncounted_calls) == (2, 10, 0)
        assert run.ask(lm, "a") == ["hello"]  # kept
        run.ask(lm, "c")
        assert run.reached
        assert server.count == 2

    @pytest.mark.parametrize("kind", [openai.AsyncOpenAI, openai.OpenAI])
    def test_an_attempt_that_fails_is_one_attempt(self, serve, kind, tmp_path, short_pauses):
        server = serve(lambda _: Reply(status=500))
        client = kind(api_key=CANARY, base_url=server.base_url, max_retries=5)
        run = GatedRun(tmp_path)
        (failed,) = run.ask(mipro.LM("gpt", service=client, num_retries=1), "a")
        assert isinstance(failed, LMError)
        assert server.count == run.spend.attempts == 2

    def test_its_key_is_not_seen_even_if_it_is_a_new_one_each_time(self, serve):
        async def token():
            return CANARY

        server = serve(lambda asked: Reply(status=400, error=f"the key {CANARY} is odd"))
        client = openai.AsyncOpenAI(api_key=token, base_url=server.base_url)
        lm = mipro.LM("gpt", service=client, num_retries=0)
        with pytest.raises(LMError) as failed:
            lm("hi")
        assert CANARY not in str(failed.value)
        assert CANARY not in pickle.dumps(lm).decode("latin-1") + repr(lm)
        assert server.count == 1

    def test_it_is_pickled_without_key_and_connection(self, serve):
        server = serve("hello")
        client = openai.AsyncOpenAI(api_key=CANARY, base_url=server.base_url)
        lm = mipro.LM("gpt", service=client)
        mipro.configure(lm=lm)
        revived = pickle.loads(pickle.dumps(lm))  # noqa: S301 - our own
        assert revived("hi") == ["hello"]
        assert server.requests[0].authorization == f"Bearer {CANARY}"


class Blocking(Echo):
    async def send(self, call):
        time.sleep(0.5)  # noqa: ASYNC251 - the fault
        return mipro.Answer(text="hello")


class Swallows(Echo):
    async def send(self, call):
        try:
            return await super().send(call)
        except RuntimeError:
            return mipro.Answer(text="")


class Zero(Echo):
    async def send(self, call):
        return mipro.Answer(text="hello", input_tokens=0, output_tokens=0)


class Half(Echo):
    async def send(self, call):
        return mipro.Answer(text="hello", output_tokens=1)


class Text(Echo):
    async def send(self, call):
        return "hello"


class Endless(Echo):
    async def send(self, call):
        return mipro.Answer(text=call.messages[-1]["content"])


class Shows(Echo):
    def __repr__(self):
        return f"Echo({self.api_key!r})"


class Pickles(Echo):
    def __reduce__(self):
        return Pickles, (), self.__dict__


class Nameless(Echo):
    name = ""


class SpeechlessError(Exception):
    def __str__(self):
        raise ValueError

    __repr__ = __str__


class GoesOn(Echo):
    async def send(self, call):
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            return mipro.Answer(text="hello")


@pytest.mark.parametrize(
    ("faulty", "found_by"),
    [
        (Blocking, "test_the_event_loop_goes_on_meanwhile"),
        (Swallows, "test_an_error_is_raised"),
        (Swallows, "test_an_error_reaches_who_called"),
        (Zero, "test_tokens_are_counted_or_left_to_us"),
        (Half, "test_tokens_are_counted_or_left_to_us"),
        (Text, "test_a_call_is_answered"),
        (Endless, "test_a_reply_is_no_longer_than_max_tokens"),
        (Shows, "test_its_key_is_not_seen"),
        (Pickles, "test_its_key_is_not_seen"),
        (Nameless, "test_it_says_what_it_is"),
        (GoesOn, "test_a_call_that_is_given_up_ends"),
    ],
)
def test_the_contract_finds_a_fault(faulty, found_by):
    class Contract(ServiceContract):
        secret = CANARY

        def make_service(self):
            return faulty()

        def make_failing_service(self):
            return faulty(fails=RuntimeError("it is broken"))

    with pytest.raises((AssertionError, InvalidArgumentError)):
        getattr(Contract(), found_by)()


@pytest.fixture(params=["service", "registered", "own class"])
def made(request):
    """An LM of each kind, and how often what answers was asked."""
    echo, own = Echo(), OwnLM("hello there")
    mipro.register_service("echo", lambda model: echo)
    if request.param == "own class":
        return as_counted(own), lambda: len(own.requests)
    named = {"service": ("any", echo), "registered": ("echo/any", None)}[request.param]
    return mipro.LM(named[0], service=named[1]), lambda: len(echo.calls)


def test_every_call_is_counted_and_recorded(made, tmp_path):
    lm, count = made
    run = GatedRun(tmp_path)
    run.ask(lm, "hello there", "hello to you")
    assert run.spend.calls == count() == 2
    assert run.spend.input_tokens > run.spend.output_tokens > 0
    assert run.spend.uncounted_calls == 2
    answered = [event for event in run.events if isinstance(event, ev.LMCallAnswered)]
    assert run.record.text(answered[0].reply) == "hello there"
    noted = [event.text for event in run.events if isinstance(event, ev.RunNoted)]
    assert len(noted) == 1
    assert "does not count its tokens" in noted[0]


def test_caps_are_kept(made, tmp_path):
    lm, count = made
    run = GatedRun(tmp_path, caps=Caps(max_calls=2))
    run.ask(lm, "a", "b", "c", "d")
    assert run.reached
    assert count() == 2


def test_a_cap_in_tokens_limits_the_reply(tmp_path):
    echo, own = Echo(), OwnLM()
    run = GatedRun(tmp_path, caps=Caps(max_tokens=100_000))
    run.ask(mipro.LM("any", service=echo), "hello")
    assert echo.calls[0].parameters["max_tokens"] == 4096
    run.ask(as_counted(own), "hello")
    assert own.requests[0].options["max_tokens"] == 4096


def test_nothing_is_sent_without_permission(made, tmp_path):
    lm, count = made
    run = GatedRun(tmp_path)
    run.gate.refuse("It is over.")
    (refused,) = run.ask(lm, "a")
    assert "It is over" in str(refused)
    assert count() == 0


def test_equal_calls_of_a_service_are_answered_from_the_record(tmp_path):
    echo = Echo()
    run = GatedRun(tmp_path)
    for _ in range(2):
        run.ask(mipro.LM("any", service=echo), "hello")
    assert len(echo.calls) == 1
    run.ask(mipro.LM("any", service=echo, cache=False), "once", "once")
    assert len(echo.calls) == 2  # at temperature 0, within one run


def test_no_more_calls_are_in_flight_than_a_service_takes(tmp_path):
    class Few(Echo):
        concurrency = 2
        flying = most = 0

        async def send(self, call):
            self.flying += 1
            self.most = max(self.most, self.flying)
            await asyncio.sleep(0.01)
            self.flying -= 1
            return await super().send(call)

    few = Few()
    GatedRun(tmp_path).ask(mipro.LM("any", service=few), *map(str, range(9)))
    assert few.most == 2


def test_a_service_tells_price_and_context():
    echo = Echo()
    echo.price, echo.context_tokens = (1.0, 2.0), 4096
    lm = mipro.LM("any", service=echo)
    assert (lm.price.input, lm.context_tokens) == (1.0, 4096)
    assert mipro.LM("any", service=echo, price=(3.0, 4.0)).price.input == 3.0


def test_what_the_service_counts_is_spent(tmp_path):
    class Counts(Echo):
        async def send(self, call):
            return mipro.Answer(text="hello", input_tokens=7, output_tokens=1)

    run = GatedRun(tmp_path)
    run.ask(mipro.LM("any", service=Counts()), "hello")
    assert (run.spend.input_tokens, run.spend.uncounted_calls) == (7, 0)


def with_status(status, **headers):
    error = RuntimeError(f"status {status}, key {CANARY}")
    error.status_code = status
    error.response = SimpleNamespace(headers=headers)
    return error


@pytest.mark.parametrize(
    ("raised", "kind", "attempts"),
    [
        (with_status(500), LMError, 3),
        (with_status(400), LMError, 1),
        (with_status(401), LMUnavailableError, 1),
        (TimeoutError(), LMError, 3),
        (ConnectionResetError(), LMError, 3),
        (ValueError(f"{CANARY}"), LMError, 1),
        (LMUnavailableError(f"the key {CANARY} is refused"), LMUnavailableError, 1),
        (asyncio.CancelledError(), LMError, 1),  # of a task of its own
        (SystemExit(1), LMError, 1),
        (KeyboardInterrupt(), LMError, 1),
        (SpeechlessError(), LMError, 1),
    ],
)
def test_what_a_service_raises_is_an_error_of_the_call(
    raised, kind, attempts, tmp_path, short_pauses
):
    echo, run = Echo(fails=raised), GatedRun(tmp_path)
    (failed,) = run.ask(mipro.LM("any", service=echo, num_retries=2), "a")
    assert type(failed) is kind
    assert len(echo.calls) == attempts
    told = [failed]
    while told[-1].__cause__ or told[-1].__context__:
        told.append(told[-1].__cause__ or told[-1].__context__)
    assert CANARY not in "".join(map(repr, told))


def test_a_call_that_is_turned_away_waits_for_its_turn(tmp_path, short_pauses):
    class Busy(Echo):
        async def send(self, call):
            answer = await super().send(call)
            if len(self.calls) in (2, 3):
                raise with_status(429)
            return answer

    run = GatedRun(tmp_path)
    busy = mipro.LM("any", service=Busy(), num_retries=0)
    assert run.ask(busy, "a", "b", "c", "d") == ["a", "b", "c", "d"]


def test_a_service_that_takes_too_long_is_given_up(tmp_path):
    class Slow(Echo):
        async def send(self, call):
            await asyncio.sleep(60)

    lm = mipro.LM("any", service=Slow(), timeout=0.01, num_retries=0)
    (failed,) = GatedRun(tmp_path).ask(lm, "a")
    assert "any at echo gave no answer within 0.01 s" in str(failed)


def test_a_send_that_is_not_async_is_told_at_the_first_call(tmp_path):
    class Blocking(Echo):
        def send(self, call):
            return mipro.Answer(text="hello")

    (failed,) = GatedRun(tmp_path).ask(mipro.LM("any", service=Blocking()), "a")
    assert isinstance(failed, LMUnavailableError)
    assert "write it as `async def send`" in str(failed)


def test_what_is_no_answer_is_told(tmp_path):
    (failed,) = GatedRun(tmp_path).ask(mipro.LM("any", service=Text()), "a")
    assert isinstance(failed, LMUnavailableError)
    assert "returned 'hello' (str): have its send return mipro_nb.Answer" in str(failed)


class Says(Echo):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    async def send(self, call):
        return self.answer


OF_TEN = mipro.Answer(text="hello", input_tokens=10, output_tokens=1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (OF_TEN.model_copy(update={"input_tokens": -10}), "input_tokens.*greater than or equal"),
        (OF_TEN.model_copy(update={"text": None}), "text.*valid string"),
        (OF_TEN.model_copy(update={"cached_input_tokens": 99}), "99 of 10"),
        (mipro.Answer.model_construct(), "text.*required"),
        (SpeechlessError(), "it cannot be shown.*have its send return"),
    ],
)
def test_an_answer_that_cannot_be_is_told(answer, told, tmp_path):
    run = GatedRun(tmp_path, caps=Caps(max_usd=1))
    lm = mipro.LM("any", service=Says(answer), price=(1, 2, 0.1), max_tokens=9)
    (failed,) = run.ask(lm, "a")
    assert isinstance(failed, LMUnavailableError)
    assert re.search(f"any at echo returned.*{told}", str(failed))


def test_cached_tokens_are_a_part_of_the_input():
    with pytest.raises(ValueError, match="add them to input_tokens"):
        mipro.Answer(text="hello", input_tokens=10, output_tokens=1, cached_input_tokens=99)


def test_half_a_character_is_kept_as_its_escape(tmp_path):
    """As where a reply is cut off within an emoji."""
    run = GatedRun(tmp_path)
    assert run.ask(mipro.LM("any", service=Says(mipro.Answer(text="a\ud83d"))), "a") == ["a\\ud83d"]
    assert run.ask(as_counted(OwnLM("answer: \ud83d")), "a") == ["answer: \\ud83d"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: mipro.LM("any", service=object()), "async send"),
        (lambda: mipro.LM("any", service=Echo), "async send"),
        (lambda: mipro.LM("any", service=Nameless()), "name what answers"),
        (lambda: mipro.LM("any", service=Echo(), base_url=NOWHERE), "base_url.*leave it out"),
        (lambda: mipro.LM("any", service=Echo(), api_key=CANARY), "api_key.*leave it out"),
        (
            lambda: mipro.LM("ech/any"),
            "did you mean .echo/any.*echo, openai, .*; by LiteLLM anthropic, .*; or give base_url",
        ),
        (lambda: mipro.register_service("openai", Echo), "of that name: take another"),
        (lambda: mipro.register_service("a/b", Echo), "give letters"),
        (lambda: mipro.register_service("mine", Echo()), "returns a service"),
    ],
)
def test_what_cannot_be_used_is_told_at_once(make, told):
    mipro.register_service("echo", lambda model: Echo())
    with pytest.raises(InvalidArgumentError, match=told) as refused:
        make()
    assert CANARY not in str(refused.value)


def test_a_server_named_by_its_url_may_know_a_model_by_any_name(serve):
    mipro.register_service("echo", lambda model: Echo())
    server = serve("hello")
    assert mipro.LM("echo/any", base_url=server.base_url)("hi") == ["hello"]
    assert server.requests[0].model == "echo/any"


def test_an_lm_is_pickled_without_its_service_and_finds_it_again():
    echo = Echo()
    mipro.register_service("echo", lambda model: echo)
    registered, given = mipro.LM("echo/any"), mipro.LM("any", service=echo)
    again, lost = pickle.loads(pickle.dumps([registered, given]))  # noqa: S301 - our own
    assert again("hello") == ["hello"]
    with pytest.raises(ProgramError, match=r"without its service 'echo'.*register_service"):
        lost("hello")
    mipro.configure(lm=given)
    assert lost("hello to you") == ["hello to you"]
    assert copy.deepcopy(given) is given


def test_predictors_reach_an_lm_class_through_the_gate(tmp_path):
    own = OwnLM()
    mipro.configure(lm=own)
    run = GatedRun(tmp_path, caps=Caps(max_calls=1))
    predict = mipro.Predict("question -> answer")
    assert run.do(predict.acall(question="2 + 3?")).answer == "5"
    assert run.spend.calls == 1
    assert own.requests[0].signature is predict.signature
    with pytest.raises(Exception, match="max_calls=1 is reached"):
        run.do(predict.acall(question="2 + 4?"))
    assert len(own.requests) == 1


def test_what_a_run_did_is_told_of_an_lm_class_by_its_name():
    settings = as_counted(OwnLM()).shown_settings()
    assert settings["server"] == f"{__name__}.OwnLM"
    assert as_counted(OwnLM()).call_for(request("hi")).model == "mine"


class Stubborn:
    """Swallows that its call is given up, and goes on for a while."""

    name = "stubborn"
    price = (0.0, 0.0)

    async def send(self, call):
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.3)
        return mipro.Answer(text="answer: 1", input_tokens=1, output_tokens=1)


@pytest.mark.slow
def test_a_run_ends_although_its_service_swallows_that_it_is_stopped(tmp_path):
    lm = mipro.LM("m", service=Stubborn(), num_retries=0)
    rows = [mipro.Example(question=str(n), answer="1").with_inputs("question") for n in range(20)]
    optimizer = mipro.MIPROv2(lambda e, p: p.answer == "1", task_model=lm, num_candidates=2)
    run = optimizer.start(
        mipro.Predict("question -> answer"),
        trainset=rows,
        minibatch=False,
        num_trials=3,
        record=tmp_path / "record.sqlite",
        requires_permission_to_run=False,
    )
    while not run.state.spend.attempts and run.status == "running":
        time.sleep(0.05)
    run.stop()
    run.wait(60)
    assert run.status == "stopped"
