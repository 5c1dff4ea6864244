"""What servers refuse: learnt once for a model, sent otherwise, said; and streams."""

from __future__ import annotations

import json
import warnings

import pytest
from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import (
    CallRefusedError,
    LMError,
    PromptFilteredError,
    PromptTooLongError,
    RequestRefusedError,
)
from mipro_nb.language import LMRequest
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.models.services.clients.refusals import refusal_in
from mipro_nb.runs.store.open_records import open_record


def refusing(refuses, **error):
    """A server that refuses bodies of some kind with an error, and answers all others."""

    def answer(request):
        if refuses(request.body):
            return Reply(status=error.get("status", 400), error={"message": "Bad.", **error})
        return "fine"

    return answer


def has(name):
    return lambda body: name in body


def asked(lm, prompt="hi", **options):
    """Return the answer to a call, and what was warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        messages = [{"role": "user", "content": prompt}]
        completion = core().wait_for(lm.acomplete(LMRequest(messages, options)))
    return completion.text, [str(warning.message) for warning in told]


def in_gate(lm, caps, prompt="hi"):
    """Make a call in a run with caps, and return the events."""
    record = open_record()
    record.add_run("run", "name")
    events = []
    gate = Gate(lambda: record, 2, events.append, caps=caps)

    async def ask():
        run_gate.set(gate)
        return await lm.acomplete(LMRequest([{"role": "user", "content": prompt}]))

    return core().wait_for(ask()), events


DROPPED = [
    ("temperature", {"message": "`temperature` is not supported with this model."}),
    ("temperature", {"message": "Bad.", "param": "temperature", "code": "unsupported_parameter"}),
    (
        "temperature",
        {
            "message": "litellm.UnsupportedParamsError: openai does not support parameters: "
            "['temperature'], for model=o9. context_window_fallbacks=None"
        },
    ),
    ("temperature", {"message": "`temperature` (=0.0) has to be a strictly positive float"}),
    ("top_p", {"message": 'Unknown name "top_p": Cannot find field.', "status": 400}),
    ("seed", {"message": "body.seed: Extra inputs are not permitted", "status": 422}),
    ("presence_penalty", {"message": "presence_penalty is deprecated for this model"}),
]


@pytest.mark.parametrize(("name", "error"), DROPPED)
def test_a_refused_parameter_is_left_out_once_and_for_all_and_said(serve, lm_at, name, error):
    server = serve(refusing(has(name), **error))
    lm = lm_at(server, model="strict", **{name: 0})
    text, told = asked(lm)
    assert text == "fine"
    assert len(told) == 1
    assert f"refuses {name}" in told[0]
    assert asked(lm) == ("fine", [])
    assert asked(lm_at(server, model="strict", **{name: 0}))[0] == "fine"  # also for another LM
    assert [name in request.body for request in server.requests] == [True, False, False, False]


def test_a_refused_value_is_left_out_and_others_are_sent(serve, lm_at):
    said = "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default"
    server = serve(refusing(lambda body: body.get("temperature") == 0, message=said))
    lm = lm_at(server)
    assert asked(lm)[0] == "fine"
    assert asked(lm, temperature=1.0)[0] == "fine"
    assert [request.body.get("temperature") for request in server.requests] == [0.0, None, 1.0]


@pytest.mark.parametrize(
    "said",
    [
        "'response_format.type' : value is not one of the allowed values ['text','json_object']",
        "This response_format type is unavailable now",
        "This model does not support response format `json_schema`.",
        "Failed to deserialize: response_format.type `json_schema` is unavailable now",
        "Structured outputs are not supported by this model",
    ],
)
def test_refused_structured_outputs_are_asked_for_in_words(serve, lm_at, said):
    def answer(request):
        refused = "response_format" in request.body
        return Reply(said, status=400) if refused else '{"answer": 42}'

    server = serve(answer)
    lm = lm_at(server, structured_outputs=True)
    mipro.configure(lm=lm)
    with pytest.warns(UserWarning, match="refuses response_format"):
        assert mipro.Predict("question -> answer: int")(question="?").answer == 42
    assert mipro.Predict("question -> other, answer: int | None").signature
    assert mipro.Predict("text -> answer: int")(text="?").answer == 42
    assert server.count == 3


UNNAMED = "Unsupported parameter: '{}' is not supported with this model. Use '{}' instead."


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_reply_limit_goes_by_the_name_that_the_server_takes(serve, lm_at, sent, taken, named):
    error = {"message": UNNAMED.format(sent, taken), **({"param": sent} if named else {})}
    server = serve(refusing(has(sent), **error))
    lm = lm_at(server, model="strict", **{sent: 77})
    text, told = asked(lm)
    assert text == "fine"
    assert "by the name of" in told[0]
    assert (server.requests[1].body[taken], sent in server.requests[1].body) == (77, False)


def test_a_limit_that_no_cap_rests_on_is_left_out_if_no_name_is_taken(serve, lm_at):
    def answer(request):
        for name in ("max_tokens", "max_completion_tokens"):
            if name in request.body:
                return Reply(f"Unknown parameter: '{name}'.", status=400)
        return "fine"

    text, told = asked(lm_at(serve(answer), model="strict", max_tokens=5))
    assert text == "fine"
    assert "left out" in told[0]


@pytest.mark.parametrize("settings", [{}, {"max_tokens": 9}])
def test_a_limit_that_a_cap_rests_on_is_renamed_and_never_left_out(serve, lm_at, settings):
    def answer(request):
        names = [n for n in ("max_tokens", "max_completion_tokens") if n in request.body]
        return Reply(f"Unknown parameter: '{names[0]}'.", status=400) if names else "fine"

    server = serve(answer)
    with pytest.raises(CallRefusedError, match="cap the run by max_calls"):
        in_gate(lm_at(server, model="strict", **settings), Caps(max_tokens=100_000))
    assert server.count == 2  # one for each name


def test_every_attempt_counts_towards_the_caps(serve, lm_at):
    server = serve(refusing(has("temperature"), message="temperature is not supported"))
    completion, events = in_gate(lm_at(server), Caps(max_calls=2))
    assert completion.text == "fine"
    noted, answered = events
    assert (noted.type, noted.topic) == ("run_noted", "parameters")
    assert (answered.attempts, answered.retryable_errors) == (2, {"other terms": 1})


@pytest.mark.parametrize(
    "said",
    [
        "max_tokens is too large: 9000. This model supports at most 4096 completion tokens.",
        "`max_tokens` must be less than or equal to `4096`, the maximum value for this model",
    ],
)
def test_a_reply_limit_beyond_what_the_server_bears_is_lowered(serve, lm_at, said):
    server = serve(refusing(lambda body: body["max_tokens"] > 4096, message=said))
    text, told = asked(lm_at(server, model="strict", max_tokens=9000))
    assert text == "fine"
    assert "at most max_tokens=4,096" in told[0]
    assert server.requests[1].body["max_tokens"] == 4096


@pytest.mark.parametrize(
    "said",
    [
        (
            "'max_tokens' is too large: 4096. This model's maximum context length is 4096 tokens "
            "and your request has 27 input tokens (4096 > 4096 - 27)."
        ),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 4123 "
            "tokens (27 in the messages, 4096 in the completion). Please reduce the length."
        ),
    ],
)
def test_a_reply_limit_that_leaves_no_room_for_the_prompt_is_lowered(serve, lm_at, said):
    server = serve(refusing(lambda body: body["max_tokens"] > 4096 - 27, message=said))
    lm = lm_at(server, model="strict", max_tokens=4096)
    text, told = asked(lm)
    assert text == "fine"
    assert "context of 4,096 tokens" in told[0]
    assert server.requests[1].body["max_tokens"] == 4069
    assert asked(lm, "another one")[0] == "fine"
    assert server.count == 3


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(
    "said",
    [
        "System role not supported",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "Conversation roles must alternate user/assistant/user/assistant/...",
    ],
)
def test_a_system_message_that_is_refused_goes_before_the_first_question(
    serve, lm_at, said, status
):
    def answer(request):
        has_system = request.messages[0]["role"] == "system"
        return Reply(said, status=status) if has_system else "answer: 42"

    server = serve(answer)
    mipro.configure(lm=lm_at(server))
    with pytest.warns(UserWarning, match="takes no system message"):
        assert mipro.Predict("question -> answer")(question="?").answer == "42"
    assert [message["role"] for message in server.requests[1].messages] == ["user"]
    assert server.requests[1].texts[0].endswith("question: ?")


@pytest.mark.parametrize("name", ["stop", "tools", "logit_bias", "reasoning_effort"])
def test_what_changes_the_meaning_of_a_call_is_not_left_out(serve, lm_at, name):
    server = serve(refusing(has(name), message=f"{name} is not supported", param=name))
    with pytest.raises(RequestRefusedError, match=f"{name} is not supported"):
        asked(lm_at(server, **{name: ["x"]}))
    assert server.count == 1


def test_a_refusal_that_no_other_parameters_help_is_told_at_once(serve, lm_at):
    server = serve(Reply("The temperature of the water is not supported.", status=400))
    with pytest.raises(RequestRefusedError, match="the water"):
        asked(lm_at(server))
    assert server.count == 2


TOO_LONG = [
    ("This model's maximum context length is 2250 tokens. You sent 2600 tokens.", 2250, 2600),
    (
        (
            "This model's maximum context length is 4097 tokens. However, your messages resulted "
            "in 5000 tokens. Please reduce the length of the messages."
        ),
        4097,
        5000,
    ),
    (
        (
            "Trying to keep the first 111490 tokens when context the overflows. However, the model "
            "is loaded with context length of only 32768 tokens, which is not enough."
        ),
        32768,
        111490,
    ),
    (
        (
            '{"message": "the request exceeds the available context size. try increasing it", '
            '"type": "exceed_context_size_error", "n_prompt_tokens": 14429, "n_ctx": 8192}'
        ),
        8192,
        14429,
    ),
    (
        "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
        4096,
        5000,
    ),
    ("prompt is too long: 210000 tokens > 200000 maximum", 200000, 210000),
    (
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        1048576,
        1200000,
    ),
    ("Please reduce the length of the messages or completion.", None, None),
    (
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: "
            "5000 `inputs` tokens and 100 `max_new_tokens`"
        ),
        4096,
        5000,
    ),
    ("Requested tokens (2056) exceed context window of 2048", 2048, 2056),
    (
        "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
        6000,
        9000,
    ),
]


@pytest.mark.parametrize(("said", "context", "sent"), TOO_LONG)
def test_a_prompt_that_exceeds_the_context_is_known_by_any_servers_words(said, context, sent):
    assert refusal_in(said) == ("too long", context, sent)


@pytest.mark.parametrize("status", [200, 400, 413, 422, 500])
def test_a_prompt_that_exceeds_the_context_is_refused_once_whatever_the_status(
    serve, lm_at, status
):
    error = {"code": 400, "message": "exceeds the available context size", "n_ctx": 100}
    reply = Reply(raw_body=json.dumps({"error": error}).encode(), status=status)
    server = serve(reply)
    with pytest.raises(PromptTooLongError, match="lower max_labeled_demos") as caught:
        asked(lm_at(server, num_retries=2), "long " * 200)
    assert 0 < caught.value.room < 200
    assert server.count == 1


FILTERED = [
    (400, "The response was filtered due to Azure OpenAI's content management policy.", {}),
    (400, "No.", {"code": "content_filter"}),
    (400, "Content Exists Risk", {}),
    (403, "Your input was flagged: it requires moderation.", {}),
    (400, "Input data may contain inappropriate content.", {"code": "data_inspection_failed"}),
    (400, "Your prompt was flagged as potentially violating our usage policy.", {}),
]


@pytest.mark.parametrize(("status", "message", "fields"), FILTERED)
def test_a_prompt_that_a_filter_refuses_is_an_outcome_of_its_row(
    serve, lm_at, status, message, fields
):
    def answer(request):
        bad = "0?" in request.last_user
        error = {"message": message, **fields}
        return Reply(status=status, error=error) if bad else "answer: 42"

    mipro.configure(lm=lm_at(serve(answer)))
    rows = [mipro.Example(question=f"{n}?", answer="42").with_inputs("question") for n in range(20)]
    evaluate = mipro.Evaluate(devset=rows, metric=lambda *_: True, max_errors=1)
    result = evaluate(mipro.Predict("question -> answer"), display_progress=False)
    assert float(result) == 90
    failed = [each.error for each in result.results if each.error]
    assert [type(error) for error in failed] == [PromptFilteredError] * 2


@pytest.mark.parametrize(
    "said", ["Internal error. context_window_fallbacks=None", "content_policy_fallback=None"]
)
def test_the_settings_that_a_gateway_tells_are_no_reason(said):
    assert refusal_in(said).kind == "other"


def test_refusals_of_the_first_rows_end_an_evaluation_and_later_ones_do_not(serve, lm_at):
    def answer(request):
        return Reply("No such thing.", status=400) if "9?" in request.last_user else "answer: 42"

    rows = [mipro.Example(question=f"{n}?", answer="42").with_inputs("question") for n in range(50)]
    program = mipro.Predict("question -> answer")
    evaluate = mipro.Evaluate(devset=rows, metric=lambda *_: True, max_errors=2, num_threads=1)
    mipro.configure(lm=lm_at(serve(answer)))
    assert float(evaluate(program, display_progress=False)) == 90
    mipro.configure(lm=lm_at(serve(Reply("No such thing.", status=400))))
    with pytest.raises(mipro.errors.TooManyErrorsError, match="No such thing"):
        evaluate(program, display_progress=False)


def test_an_answer_is_read_from_a_stream(serve, lm_at):
    server = serve(lambda _: Reply("two words", prompt_tokens=7), streams="may")
    assert asked(lm_at(server, stream=True)) == ("two words", [])
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


def test_a_server_that_only_streams_gets_its_way_and_that_is_said_once(serve, lm_at):
    server = serve("two words", streams="must")
    lm = lm_at(server)
    text, told = asked(lm)
    assert text == "two words"
    assert len(told) == 1
    assert "answers only as a stream" in told[0]
    assert "stream=True" in told[0]
    assert asked(lm) == ("two words", [])
    assert server.count == 3


@pytest.mark.parametrize(
    "said",
    [
        "Stream must be set to true",
        "parameter.enable_thinking must be set to false for non-streaming calls",
        "This model only supports streaming.",
    ],
)
def test_the_demand_for_a_stream_is_known_by_other_words(serve, lm_at, said):
    def answer(request):
        return "fine" if request.body.get("stream") else Reply(said, status=400)

    assert asked(lm_at(serve(answer, streams="may")))[0] == "fine"


def test_a_server_that_streams_unasked_is_read(serve, lm_at):
    body = b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\r\n\r\n'
    body += b'data: {"choices": [{"delta": {"content": "fi"}}]}\r\n\r\n'
    body += b'data: {"choices": [{"delta": {"content": "ne"}, "finish_reason": "stop"}]}\r\n\r\n'
    server = serve(Reply(raw_body=body, content_type="text/event-stream"))
    assert asked(lm_at(server)) == ("fine", [])


def test_a_stream_without_usage_is_about_right(serve, lm_at):
    def answer(request):
        if "stream_options" in request.body:
            return Reply("Unknown parameter: stream_options", status=400)
        return "two words"

    server = serve(answer, streams="may")
    completion, events = in_gate(lm_at(server, stream=True), Caps())
    assert completion.text == "two words"
    assert [event.topic for event in events if event.type == "run_noted"] == ["tokens", "tokens"]
    assert not events[-1].counted
    assert events[-1].output_tokens > 0


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"choices": [{"delta": {"content": "fi"}}]}\n\n',
        b'data: {"choices": [{"delta": {"con\n\n',
        b'data: {"error": {"message": "Upstream is gone."}}\n\n',
        b": comments alone\n\n",
    ],
)
def test_a_stream_that_breaks_off_is_asked_for_again(serve, lm_at, short_pauses, body):
    seen = []

    def answer(request):
        seen.append(request)
        broken = Reply(raw_body=body, content_type="text/event-stream")
        return broken if len(seen) == 1 else "fine"

    assert asked(lm_at(serve(answer, streams="may"), stream=True, num_retries=1))[0] == "fine"
    seen.clear()
    with pytest.raises(LMError):
        asked(lm_at(serve(answer, streams="may"), stream=True))
