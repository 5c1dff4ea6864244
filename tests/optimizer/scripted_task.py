"""A toy task, and the LM that solves it: what it answers depends on the prompt alone.

The task is to add two numbers. The LM knows some sums whatever it is told; a good instruction
and every demo let it know some more. As a prompt model it writes instructions of which about half
are good.
"""

from __future__ import annotations

import json
import random
import re
import zlib

from scripted_server import Reply

import mipro_nb as mipro
from mipro_nb.models.tokens import count_message_tokens, count_tokens

GOOD = "Add the two numbers."
OWN = "Given the fields `question`, produce the fields `answer`."
KEY = "key-of-a-test"
_FIRST_TO_VALIDATE = 1000

_KNOWN_ANYWAY = 0.3
_KNOWN_BY_INSTRUCTION = 0.4
_KNOWN_BY_A_DEMO = 0.1
_COUNTED_DEMOS = 2

_KINDS = {
    "Look at these rows": "observe",
    "Look at further rows": "observe more",
    "Condense observations": "summary",
    "Read the code of a program": "description",
    "Say what role": "role",
    "Write an instruction": "instruction",
    "Repair the instruction": "repair",
}
_FORM = "Reply in exactly this form:\n"


def rows(count, start=0):
    """Sums, no two of them alike."""
    return [
        mipro.Example(question=question_text(n), answer=str(2 * n + 3)).with_inputs("question")
        for n in range(start, start + count)
    ]


def question_text(first):
    return f"{first} plus {first + 3}"


def exact(example, prediction, trace=None):
    return prediction.answer == example.answer


def nearly_always(example, prediction, trace=None):
    """Right but for one validation row: a student that is right on all of them is not optimized."""
    return example.question != question_text(_FIRST_TO_VALIDATE)


def exact_but_for_one(example, prediction, trace=None):
    return exact(example, prediction) and nearly_always(example, prediction)


def lm_of(server, **settings):
    """The LM as one that is known to answer in lines, so that no run measures its format."""
    return mipro.LM(
        "openai/scripted",
        **{
            "base_url": server.base_url,
            "api_key": KEY,
            "price": (1.0, 2.0),
            "num_retries": 0,
            "prompt_format": "lines",
            **settings,
        },
    )


def kind(request):
    """What a request is for: "task" or one of the proposer's."""
    for beginning, found in _KINDS.items():
        if request.system.startswith(beginning):
            return found
    return "task"


def question_of(request):
    """The question of a task prompt, which may be a request to fix an unreadable reply."""
    turns = [message["content"] for message in request.messages if message["role"] == "user"]
    return re.findall(r"^question: (.*)$", "\n".join(turns), re.MULTILINE)[-1]


def solve(request):
    """Answer a task prompt, whatever outputs it asks for."""
    question = question_of(request)
    wanted = re.findall(r"^(\w+):", request.system.split(_FORM)[1].split("\n\n")[0], re.MULTILINE)
    values = {
        "reasoning": f"I look at {question} and count.",
        "plan": f"Count on from the first number of {question}.",
        "answer": _sum(question) if luck(question) < skill(request) else "no idea",
    }
    return "\n".join(f"{name}: {values[name]}" for name in wanted)


def _sum(question):
    first, second = question.split(" plus ")
    return str(int(first) + int(second))


def luck(question):
    """How hard a question is, 0–1."""
    return random.Random(question).random()


def skill(request):
    """How hard a question the LM can answer with this prompt, 0–1."""
    demos = sum(message["role"] == "assistant" for message in request.messages)
    demos += len(re.findall(r"^answer: \d", request.system, re.MULTILINE))
    by_instruction = _KNOWN_BY_INSTRUCTION if GOOD in request.system else 0
    return _KNOWN_ANYWAY + by_instruction + _KNOWN_BY_A_DEMO * min(demos, _COUNTED_DEMOS)


def answer(request):
    """The LM."""
    text = _ANSWERS[kind(request)](request)
    return Reply(
        text,
        prompt_tokens=count_message_tokens(request.messages),
        completion_tokens=count_tokens(text),
    )


def _instruction(request):
    number = zlib.crc32("".join(request.texts).encode())
    return f"instruction: {GOOD if number % 2 else 'Say a number.'} This is variant {number}."


def _repair(request):
    number = zlib.crc32("".join(request.texts).encode())
    return f"instruction: {GOOD} This is repair {number}."


_ANSWERS = {
    "observe": lambda _: "observations: The questions are sums of two small numbers.",
    "observe more": lambda _: "observations: COMPLETE",
    "summary": lambda _: "summary: Sums of two numbers. The answer is a number.",
    "description": lambda _: "description: The program answers a question about a sum.",
    "role": lambda _: "role: This step has to write the sum.",
    "instruction": _instruction,
    "repair": _repair,
    "task": solve,
}


class Solve(mipro.Module):
    """One predictor."""

    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    def forward(self, question):
        return self.solve(question=question)


class PlanAndSolve(mipro.Module):
    """Two predictors, the second a module within."""

    def __init__(self):
        self.plan = mipro.Predict("question -> plan")
        self.solve = mipro.ChainOfThought("question, plan -> answer")

    def forward(self, question):
        plan = self.plan(question=question).plan
        return self.solve(question=question, plan=plan)


class SolveAsync(mipro.Module):
    """An async program that calls one predictor twice at a time."""

    def __init__(self):
        self.solve = mipro.Predict("question -> answer")

    async def aforward(self, question):
        return await self.solve.acall(question=question)


def handed_back(student=None):
    """The state of a student as a run hands it back: in the format that its LM chose."""
    copy = (student or Solve()).deepcopy()
    for predictor in copy.predictors():
        predictor.prompt_format = "lines"
    return copy.dump_state()


def run_of(optimizer, student=None, train=None, val=None, **settings):
    """Run a short search to its end and return the run."""
    settings = {"num_trials": 1, "minibatch": False, **settings}
    run = optimizer.start(
        student or Solve(),
        trainset=rows(10) if train is None else train,
        valset=rows(4, start=_FIRST_TO_VALIDATE) if val is None else val,
        requires_permission_to_run=False,
        **settings,
    )
    run.wait()
    return run


def demo_sets(run, predictor="solve"):
    """The demo sets of a predictor, each as the rows of its demos."""
    record = mipro.runs.open_record()
    found = run.state.demo_sets[predictor]
    return [json.loads(record.text(found[index].demos)) for index in sorted(found)]


def asked(server, *kinds):
    """The requests that were for one of `kinds`."""
    return [request for request in server.requests if kind(request) in kinds]
