"""A toy task for evaluations: the LM knows the answers, but for some questions that misbehave."""

from __future__ import annotations

from scripted_server import Reply

import mipro_nb as mipro

KEY = "key-of-a-test"


def rows(count):
    return [
        mipro.Example(question=f"{n} plus 1", answer=str(n + 1)).with_inputs("question")
        for n in range(count)
    ]


def lm_of(server, **settings):
    settings = {"api_key": KEY, "num_retries": 0, **settings}
    return mipro.LM("openai/scripted", base_url=server.base_url, **settings)


def solve(request):
    """Answer every sum."""
    number = int(_question(request).split()[0])
    return f"answer: {number + 1}"


def solve_unless(broken):
    """Answer every sum; `broken` maps a number to the reply that it gets instead."""

    def answer(request):
        number = int(_question(request).split()[0])
        return broken.get(number) or solve(request)

    return answer


def _question(request):
    turns = [m["content"] for m in request.messages if m["role"] == "user"]
    return turns[0].removeprefix("question: ")


def right(example, prediction, trace=None):
    return example.answer == prediction.answer


UNREADABLE = Reply("")
FAILING = Reply(status=500)
