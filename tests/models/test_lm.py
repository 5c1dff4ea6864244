"""What an LM sends, what it refuses, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import traceback

import pytest
from canary import CANARY
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import InvalidArgumentError, ProgramError, TruncatedReplyError
from mipro_nb.language import LMRequest
from mipro_nb.models import LM, OpenAI
from mipro_nb.models.services.known.registry import is_reasoning_model


def complete(lm, text="hi", **settings):
    request = LMRequest([{"role": "user", "content": text}], **settings)
    return core().wait_for(lm.acomplete(request))


def sent(server, *, without=("messages", "model")):
    (request,) = server.requests
    return {name: value for name, value in request.body.items() if name not in without}


def test_calling_an_lm_returns_the_reply_in_a_list(serve, lm_at):
    server = serve(lambda request: f"You said {request.last_user}.")
    assert lm_at(server)("hello") == ["You said hello."]
    (request,) = server.requests
    assert request.model == "gpt-4o-mini"
    assert request.messages == [{"role": "user", "content": "hello"}]


def test_an_lm_can_be_awaited_in_a_running_loop(serve, lm_at):
    server = serve("there")
    request = LMRequest([{"role": "user", "content": "hi"}])
    assert asyncio.run(lm_at(server).acomplete(request)).text == "there"


def test_only_the_temperature_is_sent_unless_more_is_asked_for(serve, lm_at):
    server = serve()
    lm_at(server)("hi")
    assert sent(server) == {"temperature": 0.0}


def test_every_parameter_that_is_given_is_sent(serve, lm_at):
    server = serve()
    lm_at(server, temperature=0.7, max_tokens=50, seed=3, top_p=0.5, stop=["\n"])("hi")
    assert sent(server) == {
        "temperature": 0.7,
        "max_tokens": 50,
        "seed": 3,
        "top_p": 0.5,
        "stop": ["\n"],
    }


def test_a_parameter_that_only_the_server_knows_is_sent_too(serve, lm_at):
    server = serve()
    lm_at(server, temperature=None, top_k=4, extra_body={"repeat_penalty": 1.1})("hi")
    assert sent(server) == {"top_k": 4, "repeat_penalty": 1.1}


@pytest.mark.parametrize("model", ["ollama/llama3.2", "ollama_chat/llama3.2"])
@pytest.mark.parametrize("given", [{"num_ctx": 16384}, {"extra_body": {"options": {"num_ctx": 9}}}])
def test_what_ollama_would_leave_out_without_a_word_is_refused(model, given):
    with pytest.raises(InvalidArgumentError, match="OLLAMA_CONTEXT_LENGTH"):
        mipro.LM(model, **given)
    with mipro.context(lm=mipro.LM(model)), pytest.raises(InvalidArgumentError, match="num_ctx=9"):
        mipro.Predict("question -> answer", num_ctx=9)(question="?")


def test_a_request_overrides_the_settings_of_its_lm(serve, lm_at):
    server = serve()
    lm = lm_at(server, temperature=0.2, max_tokens=50)
    complete(lm, options={"temperature": 1.0, "seed": 8})
    assert sent(server) == {"temperature": 1.0, "max_tokens": 50, "seed": 8}


@pytest.mark.parametrize("model", ["openai/o3-mini", "openai/gpt-5", "openrouter/openai/gpt-5.1"])
def test_reasoning_models_get_max_completion_tokens_and_no_temperature(serve, lm_at, model):
    server = serve()
    lm = lm_at(server, model, temperature=0.5, max_tokens=100)
    complete(lm, options={"temperature": 1.0})
    assert sent(server) == {"max_completion_tokens": 100}


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("o1", True),
        ("o4-mini-2025-04-16", True),
        ("gpt-5-nano", True),
        ("openai/o3", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4o-mini", False),
        ("gpt-3.5-turbo", False),
        ("gpt-oss-20b", False),
        ("llama-3o1", False),
    ],
)
def test_reasoning_models_are_told_by_their_names(model, reasons):
    assert is_reasoning_model(model) is reasons


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (None, True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://evil-api.openai.com.example/v1", False),
        ("https://myapi.openai.com/v1", False),
        ("http://127.0.0.1:8000/v1", False),
    ],
)
def test_openais_own_servers_are_told_by_their_hosts(url, own):
    assert LM("openai/gpt-4o-mini", base_url=url, api_key="key")._endpoint.is_openais_own is own


def test_openai_is_the_name_that_users_of_dspy_know(serve, monkeypatch):
    server = serve()
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    turbo = OpenAI(model="gpt-3.5-turbo", max_tokens=250)
    assert (turbo.name, turbo.max_tokens) == ("openai/gpt-3.5-turbo", 250)
    assert OpenAI("openai/gpt-4o").name == "openai/gpt-4o"
    assert turbo("hi") == ["hello"]
    (request,) = server.requests
    assert request.model == "gpt-3.5-turbo"
    assert request.authorization == "Bearer from-environment"


def test_arguments_win_over_environment_variables(serve, monkeypatch):
    server = serve()
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    LM("openai/x", base_url=f"{server.base_url}/", api_key="given")("hi")
    assert server.requests[0].authorization == "Bearer given"


def test_api_base_is_the_name_that_users_of_dspy_know(serve):
    server = serve()
    for named in ({}, {"base_url": server.base_url}):
        assert LM("m", api_base=server.base_url, **named)("hi") == ["hello"]
    with pytest.raises(InvalidArgumentError, match=r"^api_base=.*base_url"):
        LM("m", api_base=server.base_url, base_url="http://127.0.0.1:9/v1")


def test_a_key_may_bring_a_line_end_along(serve):
    server = serve()
    LM("openai/x", base_url=server.base_url, api_key="from-a-file\n")("hi")
    assert server.requests[0].authorization == "Bearer from-a-file"


def test_a_server_of_ones_own_needs_no_service_and_no_key(serve):
    server = serve()
    lm = LM("meta/llama-3", base_url=server.base_url)
    assert lm("hi") == ["hello"]
    assert server.requests[0].model == "meta/llama-3"


def test_a_missing_key_is_refused_at_once_and_the_text_says_where_to_put_it():
    with pytest.raises(InvalidArgumentError, match=r"api_key=….*OPENAI_API_KEY"):
        LM("openai/gpt-4o-mini")
    with pytest.raises(InvalidArgumentError, match="GROQ_API_KEY"):
        LM("groq/llama-3.3-70b-versatile", api_key="  ")


@pytest.mark.parametrize("model", ["gpt-4o-mini", "opnai/gpt-4o-mini", "openai/", "/x"])
def test_an_unknown_service_is_refused_and_the_text_lists_the_known_ones(model):
    with pytest.raises(InvalidArgumentError) as caught:
        LM(model, api_key="key")
    assert repr(model) in str(caught.value)
    for hint in ("service/model", "openai", "ollama", "base_url="):
        assert hint in str(caught.value)


@pytest.mark.parametrize("model", ["", "  ", "/", None, 3])
def test_what_is_no_name_of_a_model_is_refused(model):
    with pytest.raises(InvalidArgumentError, match="openai/gpt-4o-mini"):
        LM(model, base_url="http://127.0.0.1:8000/v1")


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8000/v1", "ftp://127.0.0.1/v1", "http://", "http://[::1/v1", "http://h:x"],
)
def test_what_is_no_url_is_refused_at_once(url, monkeypatch):
    with pytest.raises(InvalidArgumentError, match=r"^base_url=.*whole URL"):
        LM("openai/x", base_url=url, api_key="key")
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:8000")
    with pytest.raises(InvalidArgumentError, match=r"^OPENAI_BASE_URL=.*whole URL"):
        LM("openai/x", api_key="key")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("max_tokens", 0),
        ("num_retries", -1),
        ("timeout", 0),
        ("price", (1.0,)),
        ("price", (-1.0, 1.0)),
        ("price", (float("nan"), 1.0)),
        ("price", "cheap"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(argument, value):
    with pytest.raises(InvalidArgumentError, match=f"^{argument}="):
        LM("openai/x", api_key="key", **{argument: value})


def test_structured_outputs_send_the_schema_and_read_the_json(serve, lm_at):
    server = serve('{"answer": 4, "sure": true}')
    with mipro.context(lm=lm_at(server, structured_outputs=True)):
        prediction = mipro.Predict("question -> answer: int, sure: bool")(question="2 + 2?")
    assert (prediction.answer, prediction.sure) == (4, True)
    asked = server.requests[0].body["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["strict"] is True
    assert list(asked["json_schema"]["schema"]["properties"]) == ["answer", "sure"]


def test_replies_are_asked_for_as_text_by_default(serve, lm_at):
    server = serve("answer: 4")
    with mipro.context(lm=lm_at(server)):
        assert mipro.Predict("question -> answer: int")(question="2 + 2?").answer == 4
    assert "response_format" not in server.requests[0].body


@pytest.mark.parametrize(("finish_reason", "truncated"), [("stop", False), ("length", True)])
def test_a_reply_cut_off_by_max_tokens_says_so(serve, lm_at, finish_reason, truncated):
    server = serve(Reply("one two", finish_reason=finish_reason))
    completion = complete(lm_at(server))
    assert (completion.text, completion.truncated) == ("one two", truncated)


def test_a_program_whose_reply_was_cut_off_hears_of_max_tokens(serve, lm_at):
    server = serve(Reply("reasoning: it is", finish_reason="length"))
    with (
        mipro.context(lm=lm_at(server, max_tokens=4)),
        pytest.raises(TruncatedReplyError, match="max_tokens"),
    ):
        mipro.ChainOfThought("question -> answer: int")(question="2 + 2?")


def test_a_limit_that_went_into_thoughts_alone_is_told_as_one(serve, lm_at):
    body = b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}'
    server = serve(Reply(raw_body=body))
    with mipro.context(lm=lm_at(server)), pytest.raises(TruncatedReplyError, match="max_tokens"):
        mipro.Predict("question -> answer")(question="2 + 2?")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_server_on_this_machine_is_reached_past_any_proxy(serve, lm_at, variable, monkeypatch):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert lm_at(serve("here"), num_retries=0)("hi") == ["here"]


@pytest.mark.parametrize(
    "message",
    [
        {"content": None},
        {},
        {"content": None, "reasoning_content": "Let me add."},
        {"content": ""},
        {"content": []},
    ],
    ids=["null", "absent", "thoughts alone", "empty", "no parts"],
)
def test_an_answer_without_text_is_asked_for_again(serve, lm_at, message):
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    replies = iter([Reply(raw_body=json.dumps(body).encode()), "answer: 4"])
    server = serve(lambda request: next(replies))
    with mipro.context(lm=lm_at(server)):
        assert mipro.Predict("question -> answer")(question="2 + 2?").answer == "4"
    assert server.count == 2
    assert all(m["content"] for m in server.requests[1].body["messages"])


@pytest.mark.parametrize(
    "parts",
    [
        [{"type": "text", "text": "answer: 4"}],
        [{"type": "text", "text": "answer: "}, {"type": "text", "text": "4"}],
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "answer: 5?"}]},
            {"type": "output_text", "text": "answer: 4"},
        ],
    ],
    ids=["one", "two", "beside thoughts"],
)
def test_the_texts_of_an_answer_in_parts_are_joined_without_thoughts(serve, lm_at, parts):
    body = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    server = serve(Reply(raw_body=json.dumps(body).encode()))
    with mipro.context(lm=lm_at(server)):
        assert mipro.Predict("question -> answer")(question="2 + 2?").answer == "4"


def answer_of(lm, text="hi"):
    call = lm.call_for(LMRequest([{"role": "user", "content": text}]))
    return core().wait_for(lm._client.send(call))


def test_token_counts_are_the_servers_own(serve, lm_at):
    server = serve(Reply("x", prompt_tokens=120, completion_tokens=7, cached_tokens=100))
    answer = answer_of(lm_at(server))
    assert (answer.input_tokens, answer.output_tokens, answer.cached_input_tokens) == (120, 7, 100)


def test_token_counts_may_be_written_as_floats(serve, lm_at):
    usage = {"prompt_tokens": 9000.0, "completion_tokens": 7e3}
    body = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    answer = answer_of(lm_at(serve(Reply(raw_body=json.dumps(body).encode()))))
    assert (answer.input_tokens, answer.output_tokens) == (9000, 7000)


def test_more_cached_tokens_than_there_were_are_not_believed(serve, lm_at):
    server = serve(Reply("x", prompt_tokens=10, cached_tokens=100))
    assert answer_of(lm_at(server)).cached_input_tokens == 10


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": None},
        {"prompt_tokens": "3", "completion_tokens": [1], "prompt_tokens_details": 5},
        {"prompt_tokens": -5, "completion_tokens": -1},
        {"prompt_tokens": 10**30, "completion_tokens": 10**10},
        {"prompt_tokens": True, "completion_tokens": 7.5},
        {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
    ],
)
def test_tokens_are_counted_here_where_the_server_does_not(serve, lm_at, usage):
    body = {"choices": [{"message": {"content": "six words that make a reply"}}], "usage": usage}
    server = serve(Reply(raw_body=json.dumps(body).encode()))
    answer = answer_of(lm_at(server), "a prompt of some words")
    assert answer.input_tokens > 4
    assert answer.output_tokens >= 6
    assert answer.cached_input_tokens == 0


def test_a_reply_may_hold_any_text(serve, lm_at):
    for text in ("", "naïve 🎉 \u202e", "a\x00b", "<|end|>\r\n\t"):
        assert lm_at(serve(text))("hi") == [text]


def test_a_reply_with_half_a_character_can_be_kept_and_sent_again(serve, lm_at):
    body = b'{"choices": [{"message": {"content": "half \\ud83d"}}]}'
    server = serve(Reply(raw_body=body))
    lm = lm_at(server, cache=True)
    (text,) = lm("hi")
    assert text.startswith("half ")
    assert lm("hi") == [text]
    assert server.count == 1
    lm(text)
    assert server.requests[-1].last_user == text


def test_nothing_of_an_lm_shows_its_key(lm_at):
    lm = lm_at("http://127.0.0.1:9/v1")
    assert "gpt-4o-mini" in repr(lm)
    for value in (lm, lm._endpoint, lm._client, vars(lm), vars(lm._client), [lm]):
        assert CANARY not in repr(value)
        assert CANARY not in str(value)


def test_a_key_that_cannot_be_one_is_refused_without_being_shown():
    with pytest.raises(InvalidArgumentError, match="api_key") as caught:
        LM("openai/x", api_key=f"{CANARY}…")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_an_lm_is_shared_by_copies(lm_at):
    lm = lm_at("http://127.0.0.1:9/v1")
    assert copy.deepcopy(lm) is lm
    assert copy.copy(lm) is lm
    assert copy.deepcopy({"lm": [lm]})["lm"][0] is lm


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_lm_is_pickled_as_its_name_and_settings_without_the_key(lm_at, protocol):
    lm = lm_at("http://127.0.0.1:9/v1", temperature=0.5, max_tokens=20, top_p=0.9)
    written = pickle.dumps(lm, protocol)
    assert CANARY.encode() not in written
    again = pickle.loads(written)  # noqa: S301 - our own
    assert (again.name, again.shown_settings()) == (lm.name, lm.shown_settings())


def test_what_may_hold_a_key_is_left_out_and_said_to_be(lm_at):
    lm = lm_at("http://127.0.0.1:9/v1", extra_headers={"X-Team": CANARY})
    with pytest.warns(UserWarning, match="without extra_headers, which may hold a key"):
        written = pickle.dumps(lm)
    assert CANARY.encode() not in written


def test_a_loaded_lm_finds_its_key_in_the_environment(serve, lm_at, monkeypatch):
    server = serve()
    written = pickle.dumps(lm_at(server.base_url))
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-the-environment")
    pickle.loads(written)("hello")  # noqa: S301 - our own
    assert server.requests[-1].authorization == "Bearer key-of-the-environment"


def test_a_loaded_lm_takes_its_key_from_the_configured_one(serve, lm_at, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = serve()
    lm = lm_at(server.base_url)
    again = pickle.loads(pickle.dumps(lm))  # noqa: S301 - our own
    with pytest.raises(ProgramError, match=r"loaded without its key: set OPENAI_API_KEY, or call"):
        again("hello")
    mipro.configure(lm=lm)
    again("hello")
    assert server.requests[-1].authorization == f"Bearer {CANARY}"


def test_a_program_is_copied_and_saved_without_the_key(lm_at, tmp_path):
    program = mipro.Predict("question -> answer")
    program.lm = lm_at("http://127.0.0.1:9/v1")
    program.deepcopy().save(tmp_path / "saved")
    assert CANARY not in (tmp_path / "saved").read_text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": "hot"},
        {"max_tokens": "100"},
        {"max_tokens": 1.5},
        {"num_retries": None},
        {"timeout": "5"},
        {"timeout": None},
    ],
)
def test_a_setting_of_the_wrong_type_is_told_by_name(wrong):
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        LM("m", base_url="http://127.0.0.1:9/v1", **wrong)


def test_an_lm_tells_its_address_without_what_may_be_a_key(serve, lm_at):
    server = serve()
    assert lm_at(server).base_url == server.base_url
    hidden = LM("m", base_url="http://127.0.0.1:8000/v1/0123456789abcdef0123")
    assert hidden.base_url == "http://127.0.0.1:8000/v1/…"


@pytest.mark.parametrize(
    "prefix", ["litellm_proxy", "openai_like", "custom_openai", "xinference", "llamafile"]
)
def test_litellms_names_for_any_server_are_not_sent_with_the_model(serve, prefix):
    server = serve(lambda request: "yes")
    lm = mipro.LM(f"{prefix}/org/model", api_base=server.base_url, api_key=CANARY)
    assert lm("?") == ["yes"]
    assert server.requests[0].body["model"] == "org/model"
