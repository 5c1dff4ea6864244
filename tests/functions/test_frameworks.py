"""Functions that ask by frameworks: each by a text that is read, and calls that are counted.

inspect_ai is in no extra, since it holds other packages back: `pip install inspect-ai` brings it.
"""

from __future__ import annotations

import json
from typing import Literal

import httpx
import pytest
from labelling import API_KEY, TEXT
from pydantic import BaseModel
from scripted_server import Reply

import mipro_nb as mipro

pytestmark = pytest.mark.slow


def same(example, prediction, trace=None):
    return example.label == prediction


def compiled(student, rows, **settings):
    optimizer = mipro.MIPROv2(same, num_candidates=4, num_threads=4, max_labeled_demos=2)
    given = {"requires_permission_to_run": False, "num_trials": 4, "minibatch_size": 10}
    return optimizer.compile(student, trainset=rows, **given, **settings)


@pytest.fixture
def triage():
    return mipro.prompt(TEXT, name="triage")


def check_counted(best, server, triage):
    """See that the text was searched, and that what was sent was counted and told apart."""
    assert best.run.status == "finished"
    assert server.count == best.run.state.spend.calls
    bodies = [event.event for event in mipro.runs.load(best.run.id).events()]
    by_prompt = [b for b in bodies if b.type == "lm_call_answered" and b.predictor == "triage"]
    assert len(by_prompt) > 30
    assert len({r.system for r in server.requests if "message" in r.last_user}) > 1
    assert str(triage) == best.prompts[0].own_text


class Label(BaseModel):
    label: Literal["spam", "ham"]


def messages(triage, text):
    return [
        {"role": "system", "content": str(triage)},
        *triage.messages,
        {"role": "user", "content": text},
    ]


@pytest.mark.parametrize("kind", ["completion", "acompletion", "stream", "responses"])
def test_litellm(kind, triage, server, rows):
    litellm = pytest.importorskip("litellm", reason="needs the extra `dspy`, which brings LiteLLM")
    asked = {"model": "openai/gpt-4o-mini", "api_base": server.base_url, "api_key": API_KEY}
    asked |= {"temperature": 0}

    def classify(text):
        made = litellm.completion(messages=messages(triage, text), **asked)
        return made.choices[0].message.content

    async def classify_async(text):
        made = await litellm.acompletion(messages=messages(triage, text), **asked)
        return made.choices[0].message.content

    def classify_streamed(text):
        chunks = litellm.completion(messages=messages(triage, text), stream=True, **asked)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    def respond(text):
        made = litellm.responses(instructions=str(triage), input=text, **asked)
        return made.output[0].content[0].text

    functions = {
        "completion": classify,
        "acompletion": classify_async,
        "stream": classify_streamed,
        "responses": respond,
    }
    check_counted(compiled(functions[kind], rows), server, triage)


def test_a_langchain_runnable(triage, server, rows):
    openai_of = pytest.importorskip("langchain_openai", reason="needs the extra `test`")
    prompts = pytest.importorskip("langchain_core.prompts")
    parsers = pytest.importorskip("langchain_core.output_parsers")
    demos = prompts.MessagesPlaceholder("demos")
    template = prompts.ChatPromptTemplate([("system", "{instruction}"), demos, ("user", "{text}")])
    template = template.partial(instruction=triage, demos=lambda: triage.messages)
    model = openai_of.ChatOpenAI(model="gpt-4o-mini", temperature=0, max_retries=2)
    chain = template | model | parsers.StrOutputParser()

    def classify(text):
        return chain.invoke({"text": text})

    check_counted(compiled(mipro.program(classify, prompts=[triage]), rows), server, triage)


@pytest.mark.parametrize("output", ["text", "tool"])
def test_a_pydantic_ai_agent(output, triage, server, rows, monkeypatch):
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="needs the extra `test`")
    if output == "tool":
        monkeypatch.setattr(server, "_answer", calling_a_tool(server._answer))
    agent = pydantic_ai.Agent(
        "openai-chat:gpt-4o-mini",
        instructions=lambda: str(triage),
        output_type=Label if output == "tool" else str,
        model_settings={"temperature": 0},
    )

    async def classify(text):
        made = (await agent.run(text)).output
        return made.label if output == "tool" else made

    check_counted(compiled(mipro.program(classify, prompts=[triage]), rows), server, triage)


def calling_a_tool(answer):
    """Return the model that answers by a call of the tool that is asked for."""

    def calling(request):
        said = answer(request)
        if "tools" not in request.body:
            return said
        name = request.body["tools"][0]["function"]["name"]
        function = {"name": name, "arguments": json.dumps({"label": said})}
        call = {"id": "call_1", "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
        whole = {"id": "c", "object": "chat.completion", "created": 0, "model": "gpt-4o-mini"}
        return Reply(raw_body=json.dumps({**whole, "choices": [choice], "usage": usage}).encode())

    return calling


def test_an_agent_that_is_run_in_sync_code(triage, server, rows):
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="needs the extra `test`")
    agent = pydantic_ai.Agent(
        "openai-chat:gpt-4o-mini",
        instructions=lambda: str(triage),
        model_settings={"temperature": 0},
    )

    def classify(text):
        return agent.run_sync(text).output

    check_counted(compiled(mipro.program(classify, prompts=[triage]), rows), server, triage)


def test_an_inspect_ai_model(triage, server, rows):
    models = pytest.importorskip("inspect_ai.model", reason="needs inspect-ai")

    async def classify(text):
        config = models.GenerateConfig(temperature=0)
        model = models.get_model("openai/gpt-4o-mini", config=config, responses_api=False)
        asked = [
            models.ChatMessageSystem(content=str(triage)),
            models.ChatMessageUser(content=text),
        ]
        return (await model.generate(asked)).completion

    check_counted(compiled(mipro.program(classify, prompts=[triage]), rows), server, triage)


@pytest.mark.parametrize("kind", ["sync", "async", "stream"])
def test_anthropics_sdk(kind, triage, server, rows):
    anthropic = pytest.importorskip("anthropic", reason="needs the extra `test`")
    where = {"api_key": API_KEY, "base_url": server.base_url.removesuffix("/v1")}
    where["default_headers"] = {"Authorization": f"Bearer {API_KEY}"}
    client, async_client = anthropic.Anthropic(**where), anthropic.AsyncAnthropic(**where)

    def asked(text):
        turns = messages(triage, text)[1:]
        return {"model": "claude-haiku-4-5", "max_tokens": 50, "system": str(triage)} | {
            "messages": turns,
        }

    def classify(text):
        return client.messages.create(**asked(text)).content[0].text

    async def classify_async(text):
        return (await async_client.messages.create(**asked(text))).content[0].text

    def classify_streamed(text):
        with client.messages.stream(**asked(text)) as stream:
            return stream.get_final_text()

    function = {"sync": classify, "async": classify_async, "stream": classify_streamed}[kind]
    check_counted(compiled(mipro.program(function, prompts=[triage]), rows), server, triage)


def test_messages_as_anthropic_takes_them_by_http_alone(triage, server, rows):
    def classify(text):
        body = {"model": "claude-haiku-4-5", "max_tokens": 50, "system": str(triage)}
        body["messages"] = messages(triage, text)[1:]
        headers = {"x-api-key": API_KEY, "Authorization": f"Bearer {API_KEY}"}
        made = httpx.post(f"{server.base_url}/messages", json=body, headers=headers)
        return made.raise_for_status().json()["content"][0]["text"]

    check_counted(compiled(mipro.program(classify, prompts=[triage]), rows), server, triage)
