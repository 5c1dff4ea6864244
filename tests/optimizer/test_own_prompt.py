"""A prompt of the user's own, from the first call to the export that does without mipro_nb."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from scripted_server import ScriptedServer
from scripted_task import GOOD, KEY, answer, exact, kind, lm_of, luck, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError

MESSAGES = [
    {"role": "system", "content": 'Say a number. {"never": "as JSON"}'},
    {"role": "user", "content": "What is it?"},
    {"role": "assistant", "content": 'It is a sum. {"Ask": 1}'},
    {"role": "user", "content": "Sum: {{ question }} = ?"},
]


def _reply(request):
    """Solve the sum of a bare prompt, whose replies have no form."""
    if kind(request) != "task":
        return answer(request)
    first, second = re.findall(r"(\d+) plus (\d+)", "\n".join(request.texts))[-1]
    demos = sum(message["content"].isdigit() for message in request.messages)
    skill = 0.3 + 0.4 * (GOOD in request.system) + 0.1 * min(demos, 2)
    known = luck(f"{first} plus {second}") < skill
    return str(int(first) + int(second)) if known else "no idea"


@pytest.fixture
def server():
    with ScriptedServer(_reply) as running:
        mipro.configure(lm=lm_of(running))
        yield running
    assert running.exceptions == []


def optimized(prompt, **settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=6, seed=4)
    run = optimizer.start(
        prompt,
        trainset=rows(12),
        valset=rows(12, start=1000),
        num_trials=6,
        minibatch=False,
        requires_permission_to_run=False,
        **settings,
    )
    return run.wait()


def test_it_is_optimized_and_all_but_its_part_is_sent_word_for_word(server):
    best = optimized(mipro.ChatPrompt(MESSAGES, optimize="system"))
    assert GOOD in best.signature.instructions
    asked = [request for request in server.requests if kind(request) == "task"]
    for request in asked:
        assert request.messages[1:3] == MESSAGES[1:3]
        assert re.fullmatch(r"Sum: \d+ plus \d+ = \?", request.last_user)
    shown = [request for request in server.requests if kind(request) == "instruction"]
    assert all("Sum: {question} = ?" in request.last_user for request in shown)
    assert best.score > 50
    plan = best.run.plan
    assert (plan.formats, plan.measured_formats) == ({"self": "whole reply"}, ())


def test_the_exported_prompt_sends_what_the_program_sends_and_scores_alike(server, monkeypatch):
    best = optimized(mipro.ChatPrompt(MESSAGES, optimize="system"))
    valset = rows(12, start=1000)
    mipro.configure(lm=lm_of(server, cache=False))
    server.requests.clear()
    score = mipro.Evaluate(devset=valset, metric=exact, display_progress=False)(best).score
    ours = _bodies(server)
    server.requests.clear()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code = best.export("openai")
    assert KEY not in code
    names = {}
    exec(code, names)  # noqa: S102 - it is what we exported
    right = [names["ask"](question=row.question) == row.answer for row in valset]
    assert _bodies(server) == ours
    assert round(100 * sum(right) / len(right), 2) == score == round(best.score, 2)


def _bodies(server):
    """The requests' bodies with their keys in the order in which they came, without doubles."""
    return sorted({json.dumps(request.body) for request in server.requests})


def test_predictors_of_our_own_are_exported_likewise(server, monkeypatch):
    program = mipro.ChainOfThought("question, hints: list[str] -> answer: int")
    program.predict.demos = [
        mipro.Example(question="1 plus 4", hints=["{x}"], reasoning="'easy'\n", answer=5)
    ]
    lm = lm_of(server, cache=False, temperature=0.5, max_tokens=50, prompt_format="json")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    names = {}
    exec(program.export("openai", lm=lm), names)  # noqa: S102 - it is what we exported
    names["ask"](question='7 plus 8 "{now}"', hints='["a"]')
    exported = server.requests[-1].body
    with mipro.context(lm=lm), pytest.raises(mipro.errors.ReplyError):
        program(question='7 plus 8 "{now}"', hints=["a"])
    first = next(
        r for r in reversed(server.requests) if len(r.messages) == len(exported["messages"])
    )
    assert json.dumps(exported) == json.dumps(first.body)


def asked_by(form, names, **inputs):
    """Call the exported code in the way that it names."""
    if form == "langchain":
        return names["chain"].invoke(inputs).content
    return names["ask"](**inputs)


@pytest.mark.parametrize("form", ["litellm", "langchain"])
@pytest.mark.parametrize(
    "instruction", ["Add.", "{0} {} {{ x }} {question.__class__}", '""" {% if x %} \\n \'']
)
def test_exported_for_other_libraries_it_sends_the_same(form, instruction, server, monkeypatch):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a list of prices
    pytest.importorskip("litellm" if form == "litellm" else "langchain_openai")
    prompt = mipro.ChatPrompt(MESSAGES, optimize="system")
    prompt.signature = prompt.signature.with_instructions(instruction)
    lm = lm_of(server, cache=False, temperature=0.5, max_tokens=50)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    names = {}
    exec(prompt.export(form, lm=lm), names)  # noqa: S102 - it is what we exported
    question = '1 plus 2 {1} "x"'
    said = asked_by(form, names, question=question)
    exported = server.requests[-1].body
    with mipro.context(lm=lm):
        assert prompt(question=question).answer == said
    ours = server.requests[-1].body
    assert exported["messages"] == ours["messages"]
    limit = "max_completion_tokens" if form == "langchain" else "max_tokens"  # its name there
    told = [exported[name] for name in ("model", "temperature", limit)]
    assert told == [ours[name] for name in ("model", "temperature", "max_tokens")]


def test_it_is_resumed_from_the_record(server):
    prompt = mipro.ChatPrompt(MESSAGES, optimize="system")
    capped = optimized(prompt, max_calls=30).run
    optimizer = mipro.MIPROv2(exact, num_candidates=6, seed=4)
    sets = {"trainset": rows(12), "valset": rows(12, start=1000)}
    changed = mipro.ChatPrompt([*MESSAGES[:3], {"role": "user", "content": "{question}"}])
    with pytest.raises(InvalidArgumentError):
        optimizer.resume(capped.id, changed, **sets, requires_permission_to_run=False)
    again = optimizer.resume(
        capped.id, prompt, **sets, max_calls=1000, requires_permission_to_run=False
    )
    assert again.score > 50


def test_a_row_without_an_input_is_refused_before_any_call(server):
    prompt = mipro.ChatPrompt([*MESSAGES[:3], {"role": "user", "content": "{{ sum }}"}])
    with pytest.raises(mipro.errors.MiproError, match="sum"):
        optimized(prompt)
    assert server.requests == []


def test_its_format_is_not_for_a_run_to_choose(server):
    with pytest.raises(InvalidArgumentError, match="says itself how to answer"):
        optimized(mipro.ChatPrompt(MESSAGES), prompt_format="json")

    class Both(mipro.Module):
        def __init__(self):
            self.own = mipro.ChatPrompt(MESSAGES, "sum")
            self.check = mipro.Predict("question, sum -> answer")

        def forward(self, question):
            return self.check(question=question, sum=self.own(question=question).sum)

    plan = mipro.MIPROv2(exact, num_candidates=3).plan(
        Both(),
        trainset=rows(12),
        valset=rows(12, start=1000),
        num_trials=2,
        prompt_format="tags",
        minibatch=False,
    )
    assert plan.formats == {"own": "whole reply", "check": "tags"}


@pytest.mark.parametrize("form", ["openai", "litellm", "langchain"])
def test_exported_code_writes_inputs_that_are_no_texts_as_the_program_does(
    form, server, monkeypatch
):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would fetch a list of prices
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    program = mipro.Predict("question, tags: list[str], d: dict, o: Optional[int] -> answer")
    lm = lm_of(server, cache=False, max_tokens=50)
    names = {}
    exec(program.export(form, lm=lm), names)  # noqa: S102 - it is what we exported
    given = {"question": "1 plus 2", "tags": ["ä", "b"], "d": {"k": [1, None]}, "o": None}
    asked_by(form, names, **given)
    exported = server.requests[-1].messages
    with mipro.context(lm=lm), contextlib.suppress(mipro.errors.ReplyError):
        program(**given)
    ours = [request.messages for request in server.requests if len(request.messages) == 2]
    assert exported == ours[1]
