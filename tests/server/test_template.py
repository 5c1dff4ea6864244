"""The notebook that the launcher opens runs as it is, with an LM that the user has."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from scripted_server import ScriptedServer

from mipro_nb.server.template import TEMPLATE

_CELL_SECONDS = 240


def _answer(request):
    if "Say how urgent" in str(request.messages):
        return "high" if "down" in request.last_user or "locked" in request.last_user else "low"
    return "Say how urgent the message is. Money and data are urgent: low or high."


@pytest.mark.notebook
def test_the_template_runs_as_it_is_and_asks_before_it_sends(tmp_path, monkeypatch):
    notebook = nbformat.read(TEMPLATE, as_version=4)
    with ScriptedServer(_answer) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("MIPRO_PERMISSION", "yes")
        resources = {"metadata": {"path": tmp_path}}
        NotebookClient(notebook, timeout=_CELL_SECONDS, resources=resources).execute()
        assert server.count > 0
    shown = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    assert "finished" in shown
    assert "over 6 rows" in shown


def test_the_template_has_neither_outputs_nor_a_kernel():
    notebook = nbformat.read(TEMPLATE, as_version=4)
    assert notebook.metadata == {}
    assert not any(cell.get("outputs") for cell in notebook.cells)


async def test_a_page_gets_the_template_where_no_run_is_recorded(page):
    notebook = await page.ask("template")
    nbformat.validate(notebook)


async def test_a_template_has_the_caps_that_are_set(page):
    notebook = await page.ask("template", max_usd=0.5, max_calls=200)
    sources = [cell["source"] for cell in notebook["cells"]]
    settings = '{"num_trials": 8, "minibatch": False, "max_usd": 0.5, "max_calls": 200}'
    assert sum(f"settings = {settings}\n" in source for source in sources) == 1
    assert "above 0" in await page.refusal("template", max_usd=-1)
