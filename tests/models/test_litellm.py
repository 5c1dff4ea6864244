"""Services that LiteLLM reaches, behind our gate: its own retries, cache and callbacks are off."""

from __future__ import annotations

import logging
import pickle
from importlib.util import find_spec

import pytest
from anthropic_server import AnthropicServer, Said
from canary import CANARY
from gated_run import GatedRun
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    LMUnavailableError,
    MissingExtraError,
    ProgramError,
    PromptFilteredError,
    PromptTooLongError,
)
from mipro_nb.language import LMRequest
from mipro_nb.models import LM
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.lm import prices_noted
from mipro_nb.models.prices import Price
from mipro_nb.models.services.known import litellm as ours
from mipro_nb.testing import ServiceContract

pytestmark = pytest.mark.slow

CLAUDE = "anthropic/claude-3-5-haiku-20241022"

needs_litellm = pytest.mark.skipif(find_spec("litellm") is None, reason="needs the extra `litellm`")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "HOSTED_VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def anthropic():
    """Start a server that speaks Anthropic's protocol."""
    servers = []

    def start(answer=lambda _: Said()):
        servers.append(AnthropicServer(answer))
        return servers[-1].__enter__()

    yield start
    for server in servers:
        server.__exit__()


def claude(server, model=CLAUDE, **settings):
    settings = {"api_key": CANARY, "num_retries": 0, "timeout": 20, **settings}
    return LM(model, api_base=server.url, **settings)


@pytest.fixture
def library():
    """LiteLLM, its settings for all calls as they were."""
    found = ours.library()
    names = ("num_retries", "success_callback", "failure_callback", "callbacks", "cache")
    before = {name: getattr(found, name) for name in names}
    yield found
    for name, value in before.items():
        setattr(found, name, value)


@needs_litellm
@pytest.mark.slow
class TestContract(ServiceContract):
    secret = CANARY

    @pytest.fixture(autouse=True)
    def _server(self, anthropic):
        self.url = anthropic(lambda _: Said(delay=0.4)).url

    def make_service(self):
        return self.at(self.url)

    def make_failing_service(self):
        return self.at("http://127.0.0.1:9")

    def at(self, url):
        from mipro_nb.models.services.clients.litellm_client import LiteLLMClient  # noqa: PLC0415

        return LiteLLMClient(ours.endpoint_of(CLAUDE, url, CANARY), timeout=20)


@needs_litellm
@pytest.mark.slow
class TestAnthropic:
    def test_a_call_is_sent_once_in_its_own_protocol_and_counted(self, anthropic, tmp_path):
        server = anthropic(lambda _: Said(cached=6))
        lm = claude(server, max_tokens=50)
        run = GatedRun(tmp_path)
        assert run.ask(lm, "hi") == ["hello"]
        (asked,) = server.requests
        assert asked.headers["x-api-key"] == CANARY
        assert asked.text == "hi"
        assert asked.body.keys() == {"model", "messages", "max_tokens", "temperature"}
        assert asked.body["max_tokens"] == 50
        spend = run.spend
        assert (spend.calls, spend.input_tokens, spend.output_tokens) == (1, 16, 4)
        assert spend.usd == pytest.approx(lm.price.usd(16, 4, 6))
        assert run.ask(lm, "hi") == ["hello"]  # from the record
        assert server.count == 1

    def test_caps_are_kept(self, anthropic, tmp_path):
        server = anthropic()
        run = GatedRun(tmp_path, caps=Caps(max_calls=2, max_tokens=100_000))
        run.ask(claude(server), *"abcd")
        assert run.reached
        assert server.count == 2
        assert server.requests[0].body["max_tokens"] == 4096

    @pytest.mark.parametrize(
        ("said", "kind", "told"),
        [
            (Said("bad key", 401, "authentication_error"), LMUnavailableError, "ANTHROPIC_API_KEY"),
            (
                Said("no such", 404, "not_found_error"),
                LMUnavailableError,
                "does not know the model",
            ),
            (Said("prompt is too long: 9 tokens > 5 maximum", 400), PromptTooLongError, "no room"),
            (Said("flagged by our usage policy", 400), PromptFilteredError, "filters"),
            (Said("Overloaded", 529, "overloaded_error"), LMError, "tried once"),
            (Said("oops", 500, "api_error"), LMError, "tried once"),
            (Said(drop=True), LMError, "tried once"),
            (Said(delay=5.0), LMError, r"within 1\.0 s"),
        ],
    )
    def test_what_fails_is_one_attempt_and_means_what_it_means_elsewhere(
        self, anthropic, library, said, kind, told
    ):
        library.num_retries = 3
        server = anthropic(lambda _: said)
        with pytest.raises(kind, match=told):
            claude(server, timeout=1.0 if said.delay else 20)("hi")
        assert server.count == 1

    def test_nothing_at_the_address_is_told_as_such(self):
        lm = LM(CLAUDE, api_key=CANARY, api_base="http://127.0.0.1:9", num_retries=0)
        with pytest.raises(LMUnavailableError, match=r"Cannot reach http://127\.0\.0\.1:9"):
            lm("hi")

    def test_a_call_that_is_turned_away_waits_as_long_as_the_server_says(
        self, anthropic, tmp_path, short_pauses
    ):
        turned_away = Said("slow down", 429, "rate_limit_error", retry_after="1")
        server = anthropic(lambda _: turned_away if server.count == 1 else Said())
        run = GatedRun(tmp_path)
        assert run.ask(claude(server, num_retries=2), "hi") == ["hello"]
        assert server.count == run.spend.attempts == 2

    def test_a_parameter_that_the_service_does_not_take_is_left_out_and_said(self, anthropic):
        server = anthropic()
        lm = claude(server, "anthropic/claude-3-haiku-20240307", seed=3)
        with pytest.warns(UserWarning, match="refuses seed: it is left out"):
            assert lm("hi") == ["hello"]
        assert server.count == 1

    def test_answers_may_be_asked_for_as_a_stream(self, anthropic):
        server = anthropic(lambda _: Said("in parts"))
        assert claude(server, stream=True)("hi") == ["in parts"]
        assert server.requests[0].body["stream"] is True

    def test_a_reply_that_is_cut_off_is_known_to_be(self, anthropic, tmp_path):
        server = anthropic(lambda _: Said(stop_reason="max_tokens"))
        request = LMRequest([{"role": "user", "content": "hi"}])
        assert GatedRun(tmp_path).do(claude(server).acomplete(request)).truncated

    def test_neither_its_callbacks_nor_its_cache_see_a_call(self, anthropic, library):
        from litellm.caching import Cache  # noqa: PLC0415 - an extra

        seen = []
        library.success_callback = [lambda *args: seen.append(args)]
        library.cache = Cache(type="local")
        server = anthropic()
        lm = claude(server, cache=False)
        assert [lm("hi"), lm("hi")] == [["hello"]] * 2
        assert server.count == 2
        assert seen == []

    def test_the_key_is_seen_nowhere(self, anthropic, caplog, monkeypatch):
        monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
        server = anthropic(lambda _: Said(f"your key {CANARY} is odd", 400))
        caplog.set_level(logging.DEBUG)
        lm = LM(CLAUDE, api_base=server.url, num_retries=0)
        with pytest.raises(LMError) as failed:
            lm("hi")
        assert server.requests[0].headers["x-api-key"] == CANARY
        told = f"{failed.value!r} {lm!r} {lm.shown_settings()} {pickle.dumps(lm)!r}"
        assert CANARY not in told
        assert CANARY not in " ".join(record.getMessage() for record in caplog.records)

    def test_it_is_pickled_without_its_key_and_finds_it_again(self, anthropic, monkeypatch):
        server = anthropic()
        pickled = pickle.dumps(claude(server))
        monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
        assert pickle.loads(pickled)("hi") == ["hello"]  # noqa: S301 - our own
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        with pytest.raises(ProgramError, match="without its key"):
            pickle.loads(pickled)("hi")  # noqa: S301 - the same
        mipro.configure(lm=claude(server))
        assert pickle.loads(pickled)("hi") == ["hello"]  # noqa: S301 - the same
        assert server.requests[-1].headers["x-api-key"] == CANARY


@needs_litellm
@pytest.mark.slow
class TestPrices:
    def test_our_own_table_comes_first(self):
        lm = LM(CLAUDE, api_key=CANARY)
        assert lm.price == Price(0.8, 4.0, 0.08)
        assert prices_noted([lm]) == []

    def test_litellms_table_comes_next_and_is_named(self, library):
        entry = {
            "litellm_provider": "anthropic",
            "mode": "chat",
            "input_cost_per_token": 2e-6,
            "output_cost_per_token": 7e-6,
            "max_input_tokens": 9000,
        }
        library.register_model({"anthropic/of-a-test": entry})
        lm = LM("anthropic/of-a-test", api_key=CANARY)
        assert (lm.price.input, lm.price.output) == (2.0, 7.0)
        assert lm.context_tokens == 9000
        (note,) = prices_noted([lm, lm])
        assert "LiteLLM's table: $2 in and $7 out" in note
        own = LM("anthropic/of-a-test", api_key=CANARY, price=(1, 1))
        assert prices_noted([own]) == []

    def test_a_price_that_nobody_lists_is_not_known(self):
        assert LM("anthropic/of-nobody", api_key=CANARY).price is None


@needs_litellm
@pytest.mark.slow
def test_a_provider_beside_the_models_name_is_its_prefix():
    lm = LM("claude-3-5-haiku-20241022", custom_llm_provider="anthropic", api_key=CANARY)
    assert lm.name == CLAUDE


@needs_litellm
@pytest.mark.slow
def test_every_prefix_that_litellm_knows_is_understood(library):
    assert set(ours.WELL_KNOWN) <= {getattr(each, "value", each) for each in library.provider_list}
    assert LM("nebius/a-model", api_key=CANARY).name == "nebius/a-model"


@needs_litellm
@pytest.mark.slow
@pytest.mark.parametrize(
    "model", ["azure/gpt-4o", "vertex_ai/gemini-2.0-flash", "bedrock/amazon.x"]
)
def test_what_lacks_access_is_told_once_and_not_tried_again(model, monkeypatch):
    for name in ("AZURE_API_KEY", "AZURE_API_BASE", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(LMUnavailableError, match=r"\(by LiteLLM\)"):
        LM(model)("hi")


def test_a_missing_key_is_refused_at_once():
    with pytest.raises((InvalidArgumentError, MissingExtraError), match=r"API_KEY|litellm"):
        LM(CLAUDE)


def test_without_litellm_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(ours, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[litellm\]'"):
        LM(CLAUDE, api_key=CANARY)
    with pytest.raises(InvalidArgumentError, match=r"openai.*by LiteLLM anthropic.*bedrock"):
        LM("nobodys/model", api_key=CANARY)


@needs_litellm
@pytest.mark.slow
def test_a_prefix_that_nobody_knows_is_refused_and_the_text_lists_the_known_ones():
    with pytest.raises(InvalidArgumentError, match=r"openai.*by LiteLLM anthropic.*bedrock"):
        LM("nobodys/model", api_key=CANARY)


def test_a_server_named_by_base_url_speaks_openais_protocol_whatever_the_prefix(serve):
    server = serve(lambda _: Reply(status=404))
    lm = LM(CLAUDE, base_url=server.base_url, num_retries=0)
    with pytest.raises(LMUnavailableError, match="give api_base= for LiteLLM"):
        lm("hi")
    assert server.requests[0].model == CLAUDE


@pytest.mark.parametrize("prefix", ["hosted_vllm", "ollama_chat", "ollama"])
@pytest.mark.parametrize("end", ["/v1", "", "/"])
def test_servers_that_speak_openais_protocol_need_no_litellm(serve, monkeypatch, prefix, end):
    monkeypatch.setattr(ours, "find_spec", lambda _: None)
    server = serve()
    lm = LM(f"{prefix}/org/model", api_base=server.base_url.removesuffix("/v1") + end)
    assert lm("hi") == ["hello"]
    assert server.requests[0].model == "org/model"


def test_a_vllm_server_has_to_be_named(serve, monkeypatch):
    with pytest.raises(InvalidArgumentError, match=r"base_url=None.*HOSTED_VLLM_API_BASE"):
        LM("hosted_vllm/model")
    server = serve()
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.base_url)
    assert LM("hosted_vllm/model")("hi") == ["hello"]


def test_settings_of_litellm_are_left_out_with_a_word_and_headers_sent_as_such(serve, lm_at):
    server = serve()
    with pytest.warns(UserWarning, match="max_retries, model_type.*Give num_retries= for max_r"):
        lm = lm_at(
            server,
            drop_params=True,
            max_retries=5,
            model_type="chat",
            mock_response="made up",
            fallbacks=["openai/gpt-4o"],
            api_version="2024",
            headers={"x-mine": CANARY},
        )
    assert lm("hi") == ["hello"]
    assert server.requests[0].body.keys() == {"messages", "model", "temperature"}
