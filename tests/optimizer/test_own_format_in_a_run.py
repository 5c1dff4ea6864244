"""A prompt format of a user's own in a run: chosen, measured, and needed to resume."""

from __future__ import annotations

import re

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import Solve, answer, exact, kind, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.formats import FORMATS

SEARCH = {
    "trainset": rows(24),
    "valset": rows(6, start=1000),
    "num_trials": 2,
    "minibatch": False,
    "requires_permission_to_run": False,
}


class Arrows:
    """One output, behind an arrow."""

    name = "arrow"
    called = "an arrow before the output"

    def fits(self, signature):
        return list(signature.output_fields) == ["answer"]

    def asked(self, signature):
        return "Write an arrow, then the answer: -> …"

    def write_inputs(self, signature, values):
        return "\n".join(f"{n}: {values[n]}" for n in signature.input_fields if n in values)

    def write_answer(self, signature, values):
        return f"-> {values['answer']}"

    def find(self, signature, reply):
        texts = {"answer": reply[3:]} if reply.startswith("-> ") else {}
        return mipro.Found(texts, last="answer" if texts else None)


def best_with_arrows(request):
    """An LM that adds up where it may use arrows, and nowhere else."""
    if kind(request) != "task":
        return answer(request)
    first, second = re.findall(r"(\d+) plus (\d+)", request.messages[-1]["content"])[-1]
    if "Write an arrow" in request.system:
        return Reply(f"-> {int(first) + int(second)}")
    return Reply("no idea")


@pytest.fixture
def server():
    mipro.register_prompt_format(Arrows())
    with ScriptedServer(best_with_arrows) as running:
        mipro.configure(lm=lm_of(running, prompt_format=None))
        yield running
    assert running.exceptions == []


def optimizer():
    return mipro.MIPROv2(exact, num_candidates=2, max_bootstrapped_demos=1, max_labeled_demos=1)


def test_auto_measures_it_says_so_and_may_choose_it(server):
    wanted = {name: SEARCH[name] for name in ("trainset", "valset", "minibatch")}
    plan = optimizer().plan(Solve(), prompt_format="auto", **wanted)
    assert "the best of lines, tags, json, value, arrow" in plan.formats_text
    run = optimizer().start(Solve(), prompt_format="auto", **SEARCH)
    best = run.wait()
    assert run.state.format_chosen.format == "arrow"
    assert best.solve.prompt_format == "arrow"
    assert run.score == 100.0


def test_where_it_does_not_fit_it_is_not_measured(server):
    student = mipro.Predict("question -> answer, reason")
    plan = mipro.MIPROv2(lambda *_: True).plan(
        student, trainset=rows(24), minibatch=False, prompt_format="auto"
    )
    assert "arrow" not in plan.formats_text


@pytest.mark.parametrize("chosen", ["arrow", "auto"])
def test_a_run_in_a_format_that_is_not_known_is_not_resumed_and_the_remedy_is_told(server, chosen):
    calls = 60 if chosen == "auto" else 5  # before the student is scored: it gets all right
    run = optimizer().start(Solve(), prompt_format=chosen, max_calls=calls, **SEARCH)
    run.wait()
    assert run.state.state == "capped"
    del FORMATS["arrow"]
    sent = server.count
    with pytest.raises(InvalidArgumentError, match=r"'arrow' here.*register_prompt_format"):
        mipro.MIPROv2(exact).resume(run.id, max_calls=10**6, requires_permission_to_run=False)
    assert server.count == sent
    mipro.register_prompt_format(Arrows())
    mipro.MIPROv2(exact).resume(run.id, max_calls=10**6, requires_permission_to_run=False)
    assert mipro.runs.load(run.id).status == "finished"
