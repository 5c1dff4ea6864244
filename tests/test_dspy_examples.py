"""DSPy's example programs for MIPROv2 run with their imports changed and nothing else."""

from __future__ import annotations

import json
import random
import re
import runpy

import pytest
from scripted_server import ScriptedServer

import mipro_nb as mipro

BEGINNING = """\
import mipro_nb as dspy
from mipro_nb.datasets.gsm8k import GSM8K, gsm8k_metric
from mipro_nb.evaluate import Evaluate
from mipro_nb.teleprompt import MIPROv2

gsm8k = GSM8K("gsm8k.jsonl")
trainset, devset = gsm8k.train, gsm8k.dev

turbo = dspy.OpenAI(model='gpt-3.5-turbo', max_tokens=250)
dspy.settings.configure(lm=turbo)


class CoT(dspy.Module):
    def __init__(self):
        super().__init__()
        self.prog = dspy.ChainOfThought("question -> answer")

    def forward(self, question):
        return self.prog(question=question)


evaluate = Evaluate(
    devset=devset[:], metric=gsm8k_metric, num_threads=8, display_progress=True, display_table=False
)
program = CoT()
before = evaluate(program, devset=devset[:])
"""

WITH_DEMOS = """
teleprompter = MIPROv2(
    metric=gsm8k_metric,
    auto="light",
)
optimized = teleprompter.compile(
    program.deepcopy(),
    trainset=trainset,
    max_bootstrapped_demos=3,
    max_labeled_demos=4,
    requires_permission_to_run=False,
)
optimized.save("mipro_optimized")
after = evaluate(optimized, devset=devset[:])
"""

INSTRUCTIONS_ONLY = """
teleprompter = MIPROv2(
    metric=gsm8k_metric,
    auto="light",
)
optimized = teleprompter.compile(
    program.deepcopy(),
    trainset=trainset,
    max_bootstrapped_demos=0,
    max_labeled_demos=0,
    requires_permission_to_run=False,
)
optimized.save("mipro_optimized")
after = evaluate(optimized, devset=devset[:])
"""

CUSTOM = """
teleprompter = MIPROv2(
    metric=gsm8k_metric,
    num_candidates=7,
    init_temperature=0.5,
    max_bootstrapped_demos=3,
    max_labeled_demos=4,
    verbose=False,
)
optimized = teleprompter.compile(
    program.deepcopy(),
    trainset=trainset,
    num_trials=15,
    minibatch_size=25,
    minibatch_full_eval_steps=10,
    minibatch=True,
    requires_permission_to_run=False,
)
optimized.save("mipro_optimized")
after = evaluate(optimized, devset=devset[:])
"""


def answer(request):
    """Answer sums, more of them after an instruction that says "carefully"."""
    if request.system.startswith("Write an instruction"):
        variant = random.Random("".join(request.texts)).randrange(1000)
        return f"instruction: Count {'carefully' if variant % 2 else 'fast'}. Variant {variant}."
    outputs = request.system.split("exactly this form:\n")[1].split("\n\n")[0]
    wanted = re.findall(r"^(\w+):", outputs, re.MULTILINE)
    if wanted != ["reasoning", "answer"]:
        return f"{wanted[0]}: Questions about sums."
    number = int(re.search(r"How much is (\d+) \+ 1", request.last_user)[1])
    skill = 0.4 + 0.4 * ("carefully" in request.system)
    known = random.Random(number).random() < skill
    return f"reasoning: One more than {number}.\nanswer: {number + 1 if known else 0}"


@pytest.fixture
def server(tmp_path, monkeypatch):
    rows = [
        {"question": f"How much is {n} + 1?", "answer": f"Add.\n#### {n + 1}"} for n in range(110)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "gsm8k.jsonl").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with ScriptedServer(answer, api_key="key-of-a-test") as running:
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        yield running
    assert running.exceptions == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", [WITH_DEMOS, INSTRUCTIONS_ONLY, CUSTOM], ids=["demos", "instructions only", "custom"]
)
def test_the_example_runs_and_its_program_gets_better(server, tmp_path, example):
    (tmp_path / "example.py").write_text(BEGINNING + example, encoding="utf-8")
    ran = runpy.run_path(str(tmp_path / "example.py"))
    assert ran["after"] > ran["before"]
    assert ran["program"].dump_state() == ran["CoT"]().dump_state()
    optimized = ran["optimized"]
    assert "carefully" in optimized.prog.predict.signature.instructions
    assert (optimized.prog.predict.demos == []) or example != INSTRUCTIONS_ONLY
    assert "class CoT(dspy.Module):" in optimized.run.state.grounding[0].text
    loaded = ran["CoT"]()
    loaded.load("mipro_optimized")
    assert loaded.dump_state() == optimized.dump_state()
    assert {request.model for request in server.requests} == {"gpt-3.5-turbo"}
    assert {request.body["max_tokens"] for request in server.requests} == {250}
    assert [run.status for run in mipro.runs.list()] == ["finished"]
