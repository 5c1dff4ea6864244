"""A server with the toy task's LM, configured as the LM of the session."""

from __future__ import annotations

import sys

import pytest
from scripted_server import ScriptedServer
from scripted_task import answer, lm_of

import mipro_nb as mipro
from mipro_nb.optimizer import algorithm


@pytest.fixture(autouse=True)
def _no_prompt(monkeypatch):
    """Nobody sits at a prompt here, whatever an IPython shell of other tests has left behind."""
    monkeypatch.delattr(sys, "ps1", raising=False)


@pytest.fixture
def server():
    with ScriptedServer(answer) as running:
        mipro.configure(lm=lm_of(running))
        yield running
    assert running.exceptions == []


class WorkClock:
    """Tells how long runs have worked: no longer than the test says, however slow the machine."""

    def __init__(self):
        self.seconds = 0.0

    def monotonic(self):
        return self.seconds


@pytest.fixture
def work_clock(monkeypatch):
    clock = WorkClock()
    monkeypatch.setattr(algorithm, "time", clock)
    return clock
