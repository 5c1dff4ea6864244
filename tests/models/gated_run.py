"""A gate with a record, as a run has them, and ways to ask through it."""

from __future__ import annotations

import asyncio

from mipro_nb.core_loop import core
from mipro_nb.language import LMRequest
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.runs.state import fold
from mipro_nb.runs.store.record import Record

RUN = "run"


class GatedRun:
    """A gate with a record, as a run has them."""

    def __init__(self, folder, concurrency=8, **settings):
        self.record = Record(folder / "gate.sqlite")
        self.record.add_run(RUN, "name")
        self.count = 0
        self.reached = []
        self.gate = Gate(
            lambda: self.record, concurrency, self.emit, on_cap=self.stop_at_cap, **settings
        )

    def emit(self, event):
        self.record.append(RUN, event, self.count)
        self.count += 1

    def stop_at_cap(self, reached):
        self.reached.append(reached)
        self.gate.refuse(str(reached))

    @property
    def events(self):
        return [recorded.event for recorded in self.record.events(RUN)]

    @property
    def spend(self):
        return fold(self.record.events(RUN)).spend

    def do(self, work):
        """Await `work` on the core loop, as a part of the run."""

        async def inside():
            run_gate.set(self.gate)
            return await work

        return core().wait_for(inside())

    def ask(self, lm, *prompts, **settings):
        """Ask all prompts at once and return the answers, or what was raised, in their order."""
        calls = (lm.acomplete(request(prompt, **settings)) for prompt in prompts)
        answers = self.do(gathered(calls))
        return [getattr(answer, "text", answer) for answer in answers]


async def gathered(calls):
    return await asyncio.gather(*calls, return_exceptions=True)


def request(prompt, **settings):
    return LMRequest([{"role": "user", "content": prompt}], **settings)


def begun(lm, prompt, *labels, **settings):
    """Begin a call, labelled as given, in a task of its own."""

    async def ask():
        call_labels.set(CallLabels(*labels))
        return (await lm.acomplete(request(prompt, **settings))).text

    return asyncio.ensure_future(ask())


async def until(true):
    """Wait for what happens in the server's thread."""
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - the server counts in a thread of its own
            await asyncio.sleep(0.005)
