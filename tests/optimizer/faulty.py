"""The toy LM on a server that has faults, drawn again for every request."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace

from scripted_server import Reply
from scripted_task import answer

SOON = {"Retry-After": "0.01"}
HANG = Reply(hang=True)
# What a server does that is in trouble, and does no more when it is asked again.
PASSING = {
    "500": Reply(status=500, headers=SOON),
    "503": Reply(status=503, raw_body=b"<html>busy", content_type="text/html", headers=SOON),
    "429": Reply(status=429, headers=SOON),
    "lost": Reply(drop=True),
    "half": Reply(raw_body=b'{"choices": [{"message": {"role": "assistant", "content": "ans'),
    "page": Reply(raw_body=b"<html>Log in</html>", content_type="text/html"),
    "no choices": Reply(empty_choices=True, prompt_tokens=30, completion_tokens=5),
    "an error inside": Reply(raw_body=b'{"error": {"message": "Upstream is gone."}}'),
}
# What it does because of what it is asked.
FINAL = {
    "content filter": Reply(finish_reason="content_filter", prompt_tokens=30, completion_tokens=0),
    "tool call": Reply(tool_call=True),
    "refusal": Reply(refusal="That I will not say."),
}


class Faulty:
    """Answers like the toy LM, unless it draws a fault.

    Parameters
    ----------
    seed
        Draws.
    share
        How many of the requests meet a fault that passes.
    hangs
        How many are not answered at all.
    """

    def __init__(self, seed, *, share=0.2, hangs=0.004):
        self._draw, self._share, self._hangs = random.Random(seed), share, hangs
        self.met = Counter()

    def __call__(self, request):
        luck = self._draw.random()
        if luck < self._hangs:
            self.met["hang"] += 1
            return HANG
        if luck < self._hangs + self._share:
            name = self._draw.choice(list(PASSING))
            self.met[name] += 1
            return PASSING[name]
        reply = answer(request)
        if luck > 0.95:  # a server that is careless about its types
            self.met["wrong type"] += 1
            return replace(reply, content_type="text/plain")
        return reply


def sent_to(server):
    """How often each prompt was sent."""
    return Counter(json.dumps(request.messages) for request in server.requests)
