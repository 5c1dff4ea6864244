"""LMs that talk to a scripted server."""

from __future__ import annotations

import pytest
from canary import CANARY
from gated_run import GatedRun
from scripted_server import ScriptedServer

from mipro_nb.models import LM


@pytest.fixture
def serve():
    """Start a scripted server that is closed after the test."""
    servers = []

    def start(answer="hello", **settings):
        answerer = answer if callable(answer) else lambda _: answer
        server = ScriptedServer(answerer, **settings)
        servers.append(server)
        return server.__enter__()

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def lm_at():
    """Make an LM of a server (or URL) that fails at once and keeps no answers."""

    def make(server, model="openai/gpt-4o-mini", **settings):
        url = server if isinstance(server, str) else server.base_url
        settings = {"api_key": CANARY, "cache": False, "num_retries": 0, "timeout": 20, **settings}
        return LM(model, base_url=url, **settings)

    return make


@pytest.fixture
def run_of(tmp_path):
    """Make runs with a gate and a record of their own."""
    made = []

    def make(**settings):
        made.append(GatedRun(tmp_path, **settings))
        return made[-1]

    yield make
    for run in made:
        run.record.close()
