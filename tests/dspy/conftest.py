"""DSPy as it is installed, with an LM at a scripted server; all is skipped without it."""

from __future__ import annotations

import os

import pytest
from dspy_task import API_KEY, answer
from scripted_server import ScriptedServer

# Before DSPy is imported: it fetches prices at the first call, and keeps answers on disk.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

# Not of DSPy, where that is not installed, but of this very folder.
import dspy


@pytest.fixture(autouse=True)
def _own_dspy(monkeypatch):
    """Give every test DSPy's settings as they are at first, and none of its kept answers."""
    for variable in ("OPENAI_API_BASE", "MIPRO_PERMISSION"):
        monkeypatch.delenv(variable, raising=False)
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    dspy.configure(lm=None, adapter=None)
    yield
    dspy.configure(lm=None, adapter=None)


@pytest.fixture
def lm_at():
    """Make a dspy.LM of a server."""

    def make(server, model="openai/gpt-4o-mini", **settings):
        settings = {"temperature": 0.0, "api_key": API_KEY, **settings}
        return dspy.LM(model, api_base=server.base_url, **settings)

    return make


@pytest.fixture
def server(lm_at):
    """A server with the toy task's LM, configured as DSPy's."""
    with ScriptedServer(answer, api_key=API_KEY) as running:
        dspy.configure(lm=lm_at(running))
        yield running
    assert running.exceptions == []


@pytest.fixture
def rows():
    """Thirty sums."""
    return [
        dspy.Example(question=f"How much is {n} + 1?", answer=str(n + 1)).with_inputs("question")
        for n in range(30)
    ]
