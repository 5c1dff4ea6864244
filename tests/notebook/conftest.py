"""A shell with the magics, and a server with the toy task's LM."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from scripted_server import ScriptedServer
from traitlets.config import Config

import mipro_nb as mipro

sys.path.append(str(Path(__file__).parents[1] / "optimizer"))

import scripted_task

_COLOURS = re.compile(r"\x1b\[[\d;]*m")
_SETUP = """
import mipro_nb as mipro
from scripted_task import GOOD, Solve, exact, rows
%load_ext mipro_nb
train, val, student = rows(10), rows(4, start=1000), Solve()
"""


@pytest.fixture
def server():
    with ScriptedServer(scripted_task.answer) as running:
        mipro.configure(lm=scripted_task.lm_of(running))
        yield running
    assert running.exceptions == []


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    """A notebook's shell after its first cells."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    opened = Shell(capsys)
    opened.run(_SETUP)
    return opened


class Shell:
    """An IPython shell in this process, as somebody sees it who types cells."""

    def __init__(self, capsys):
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.ip = InteractiveShell(config=config, user_module=types.ModuleType("__main__"))
        self._capsys = capsys

    def run(self, code):
        """Run a cell and return its value; it must go well."""
        result = self._ran(code)
        result.raise_error()
        return result.result

    def fails(self, code):
        """Run a cell that must fail, and return the one line that says why."""
        self._capsys.readouterr()
        result = self._ran(code)
        assert result.error_in_exec is not None, f"{code} should have failed"
        out, err = self._capsys.readouterr()
        said = _COLOURS.sub("", out + err).strip()
        assert "Traceback" not in said
        return said.split("\n")[-1]

    def completed(self, code):
        """What may stand at the end of `code`, in the order in which it is offered."""
        with provisionalcompleter():
            return [found.text for found in self.ip.Completer.completions(code, len(code))]

    def __getitem__(self, name):
        return self.ip.user_ns[name]

    def _ran(self, code):
        return self.ip.run_cell(code, store_history=False)
