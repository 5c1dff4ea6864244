"""Notebooks are executed with nobody to ask, and what all of them promise is checked."""

from __future__ import annotations

import pytest
from executed import RUN_MIME, Executed


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Executes one of our notebooks, with other parameters, in a folder of its own."""
    monkeypatch.setenv("MIPRO_ASK", "0")
    folder = tmp_path / "notebooks"
    folder.mkdir()

    def execute(name, *, further="", **parameters):
        executed = Executed(name, folder, parameters, further)
        assert "Traceback" not in executed.text
        assert executed.views()
        for data in executed.views():
            assert set(data) == {RUN_MIME, "text/html", "text/plain"}, "all can read it"
        return executed

    return execute
