"""Recorded runs in JupyterLab without a kernel: side panel, tabs, launcher and status bar."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_servers import JupyterServer
from notebook_page import NotebookPage
from playwright.sync_api import expect
from run_widget import RunWidget
from waiting import until

import mipro_nb as mipro
from mipro_nb.runs import default_path, open_record
from mipro_nb.runs import events as ev

sys.path.append(str(Path(__file__).parents[1] / "runs"))
from handmade import NOBODY, ended, planned, sound_run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

_TESTS = Path(__file__).parents[1]
_HOSTILE = "<img src=x onerror=alert(1)>"
_MANY = 2_000
_SHOW = "void window.jupyterapp.commands.execute('mipro-nb:show-runs')"
_OPEN_RUN = "run => void window.jupyterapp.commands.execute('mipro-nb:open-run', { run })"
_TO_NOTEBOOK = """
void window.jupyterapp.shell.activateById(
  [...window.jupyterapp.shell.widgets("main")].find(({ context }) => context).id)
"""
_BEGIN_NOTEBOOK = """
window.jupyterapp.commands.execute("mipro-nb:new-from-template").then(() => null)
"""
_READY = "window.jupyterapp?.commands.hasCommand('mipro-nb:show-runs')"
_LOST = "The connection to the Jupyter server is lost"
_BREAKABLE = """
window.isDown = false;
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url, ...rest) {
    super(window.isDown ? "ws://127.0.0.1:9/" : url, ...rest);
    window.sockets.push(this);
  }
};
"""
_BREAK = """
window.isDown = true;
window.sockets.filter(({ url }) => url.includes("mipro_nb")).forEach((each) => each.close());
"""
_BEGIN = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/optimizer"]
import mipro_nb as mipro
from scripted_task import *
mipro.configure(lm=mipro.LM("openai/scripted", base_url={url!r}, api_key=KEY, price=(1.0, 2.0)))
data = dict(trainset=rows(12), valset=rows(60, start=1000), num_trials=3000, minibatch_size=6)
run = mipro.MIPROv2(exact, num_candidates=3, num_threads=4).start(
    Solve(), **data, requires_permission_to_run=False
)
"""


class Panel:
    """The side panel, and the tabs that it opens."""

    def __init__(self, page) -> None:
        self.page = page
        self.view = page.get_by_role("region", name="Prompt runs").locator(".mipro")
        self.runs = self.view.get_by_role("grid", name="Runs")
        self.live = self.view.get_by_role("region", name="Runs in progress")
        self.tab = page.locator(".mipro-tab-place:visible")

    def show(self):
        """Wait for JupyterLab, and open the panel."""
        self.page.wait_for_function(_READY)
        self.page.evaluate("window.jupyterapp.restored.then(() => null)")
        self.page.evaluate(_SHOW)
        expect(self.view).to_be_visible()

    def open(self, run_id):
        """Open the tab of a run, or come back to it."""
        self.page.evaluate(_OPEN_RUN, run_id)

    def button(self, name):
        return self.view.get_by_role("button", name=name, exact=True)

    def search(self, text):
        self.view.get_by_label("Search the runs").fill(text)

    def row(self, text):
        return self.runs.get_by_role("row").filter(has_text=text)

    def mark(self, text):
        self.row(text).get_by_role("checkbox").check()

    def use_theme(self, theme):
        NotebookPage(self.page, None, "").use_theme(theme)


@pytest.fixture
def server(tmp_path, page):
    """A server whose record is the test's own."""
    with JupyterServer("lab", tmp_path / "lab") as running:
        yield running
        running.shut_down_kernels()
        page.goto("about:blank")


@pytest.fixture
def panel(server, page):
    """The panel, open in a JupyterLab without documents."""
    page.goto(server.url_of("panel").replace("/tree/panel.ipynb", ""))
    opened = Panel(page)
    opened.show()
    return opened


def _many_runs():
    record = open_record()
    with record.writing():
        for number in range(_MANY):
            name = f"old-{number:04}"
            record.add_run(name, f"Old {number:04}", created=1.6e9 + number)
            record.append(name, planned(NOBODY), 0)
    for name in ("first", "second"):
        record.add_run(name, f"The {name}")
        for seq, event in enumerate(sound_run(record, name)):
            record.append(name, event, seq)


def test_old_runs_are_found_opened_named_and_deleted_without_a_kernel(server, panel, looks):
    _many_runs()
    expect(panel.view.get_by_text(f"{_MANY + 2:,} runs")).to_be_visible()
    assert panel.runs.get_by_role("row").count() < 60
    expect(panel.runs.get_by_role("row").nth(1)).to_contain_text("The second")
    panel.search("first")
    panel.row("The first").click()
    expect(panel.tab.get_by_role("heading", name="The first")).to_be_visible()
    expect(panel.tab).to_contain_text("100.0")
    assert server.kernels() == []
    panel.tab.get_by_role("grid", name="Trials").get_by_role("row").nth(1).click()
    expect(panel.tab.get_by_text("qfirst").first).to_be_visible()
    looks.at(panel, panel.tab.locator(".mipro"), "panel-tab")

    panel.mark("The first")
    panel.button("Rename").click()
    panel.view.get_by_label("Name", exact=True).fill(_HOSTILE)
    panel.page.keyboard.press("Enter")
    until(lambda: mipro.runs.load("first").name == _HOSTILE)
    panel.button("Tags").click()
    panel.view.get_by_label("Tags", exact=True).fill("first, good")
    panel.page.keyboard.press("Enter")
    until(lambda: mipro.runs.load("first").tags == ("first", "good"))
    expect(panel.row(_HOSTILE)).to_contain_text("first, good")
    panel.button("Note").click()
    panel.view.get_by_label("Note", exact=True).fill("")
    panel.page.keyboard.type("Two lines,")
    panel.page.keyboard.press("Enter")
    panel.page.keyboard.type("of text.")
    panel.page.keyboard.press("Control+Enter")
    until(lambda: mipro.runs.load("first").note == "Two lines,\nof text.")
    expect(panel.row(_HOSTILE)).to_be_visible()
    looks.at(panel, panel.view, "panel")

    panel.search("")
    panel.mark("The second")
    panel.button("Compare").click()
    expect(panel.tab.get_by_text("The second").first).to_be_visible()
    panel.mark(_HOSTILE)
    panel.row(_HOSTILE).get_by_role("checkbox").uncheck()
    panel.button("Delete").click()
    panel.view.get_by_role("button", name="Delete this run").click()
    until(lambda: "second" not in [run.id for run in mipro.runs.search("The second")])
    expect(panel.row("The second")).to_have_count(0)


def test_a_live_run_is_seen_in_panel_status_bar_and_tab(server, panel, lm, looks):
    lm.seconds = 0.05
    notebook = NotebookPage(panel.page, server, "live")
    notebook.write([_BEGIN.format(tests=str(_TESTS), url=lm.base_url), "run.wait()"])
    notebook.open()
    notebook.run(0)
    panel.page.evaluate(_SHOW)
    expect(panel.live).to_contain_text("Running")
    expect(panel.live).to_contain_text("Search")
    looks.at(panel, panel.view, "panel-live")
    item = panel.page.locator(".mipro-running-item")
    expect(item).to_contain_text(re.compile(r"Solve · [\d.]+ · \$"))
    panel.button("All runs in a tab, with all columns").click()
    listed = panel.tab.get_by_role("grid", name="Runs").get_by_role("row").filter(has_text="Solve")
    listed.click()
    widget = RunWidget(panel.tab)
    widget.wait_for_more_trials(5)
    panel.live.get_by_role("button", name="Solve").click()
    expect(panel.page.locator(".mipro-tab-place")).to_have_count(2)
    expect(widget.run).to_be_visible()
    run_id = widget.run_id
    panel.page.evaluate(_TO_NOTEBOOK)
    notebook.begin(1)  # the cell waits for the run, and keeps its kernel busy
    panel.live.get_by_role("button", name="Pause").click()
    expect(panel.live).to_contain_text("Paused")
    panel.open(run_id)
    widget.wait_for_state("Paused")
    looks.at(panel, panel.tab.locator(".mipro"), "panel-tab-paused")
    widget.resume()
    expect(panel.live).to_contain_text("Running")
    widget.stop()
    notebook.wait_for_end(1)
    expect(panel.live).to_have_count(0)
    expect(panel.row("Solve")).to_contain_text("Stopped")
    expect(item).to_be_hidden()

    tabs = panel.page.get_by_role("tab")
    expect(tabs.filter(has_text="Stopped · Solve")).to_be_visible()
    panel.page.evaluate(_TO_NOTEBOOK)
    panel.page.locator(".jp-Notification-Status").click()
    told = panel.page.locator(".jp-Notification-List").filter(has_text="Solve: stopped · score")
    expect(told).to_be_visible()
    told.get_by_role("button", name="Open").click()
    expect(widget.run).to_be_visible()

    widget.button("Put into a notebook").click()
    put = notebook.cell(2).locator(".cm-content")
    expect(put).to_contain_text(f"%mipro resume {run_id}")
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[ ]:")


def test_without_a_websocket_the_panel_says_so_and_still_answers(panel):
    record = open_record()
    record.add_run("first", "The first")
    panel.page.add_init_script(_BREAKABLE)
    panel.page.reload()
    panel.show()
    expect(panel.row("The first")).to_be_visible()
    panel.page.evaluate(_BREAK)
    expect(panel.view).to_contain_text(_LOST)
    panel.mark("The first")
    panel.button("Rename").click()
    panel.view.get_by_label("Name", exact=True).fill("Renamed")
    panel.page.keyboard.press("Enter")
    expect(panel.row("Renamed")).to_be_visible()
    record.add_run("second", "The second")
    panel.page.evaluate("window.isDown = false")
    expect(panel.row("The second")).to_be_visible(timeout=60_000)
    expect(panel.view).not_to_contain_text(_LOST)


def test_the_buttons_of_a_marked_run_stay_in_sight_below_runs_in_progress(panel, looks):
    _many_runs()
    record = open_record()
    for name in ("live-1", "live-2", "live-3"):
        record.add_run(name, f"Run {name}")
        record.append(name, planned(), 0)
        record.append(name, ev.RunPermitted(by="user"), 1)
    expect(panel.live.get_by_role("button", name="Run live")).to_have_count(3)
    panel.page.set_viewport_size({"width": 1280, "height": 680})
    panel.mark("The first")
    for name in ("Open", "Delete", "Unmark"):
        expect(panel.button(name)).to_be_in_viewport(ratio=1)
    panel.runs.hover()
    panel.page.mouse.wheel(0, 200_000)
    expect(panel.row("Old 0000")).to_be_in_viewport()
    expect(panel.button("Delete")).to_be_in_viewport(ratio=1)
    looks.at(panel, panel.view, "panel-marked")


def test_files_of_runs_open_from_the_list_of_files_and_stay_as_they_are(server, panel, looks):
    record = open_record(server.root / "team.sqlite")
    for name in ("first", "second"):
        record.add_run(name, f"The {name}")
        for seq, event in enumerate(sound_run(record, name)):
            record.append(name, event, seq)
    mipro.runs.export("first", server.root / "kept.mipro.json", record=record.path)
    record.close()
    (server.root / "other.sqlite").write_bytes(b"")
    page = panel.page
    page.evaluate("void window.jupyterapp.shell.activateById('filebrowser')")
    files = page.locator(".jp-DirListing-item")
    files.filter(has_text="kept.mipro.json").dblclick()
    expect(panel.tab.get_by_role("heading", name="The first")).to_be_visible()
    expect(panel.tab).to_contain_text('mipro_nb.runs.import_run("kept.mipro.json")')
    looks.at(panel, panel.tab, "panel-file")

    files.filter(has_text="team.sqlite").click(button="right")
    page.get_by_role("menuitem", name="Open Prompt Runs").click()
    listed = panel.tab.get_by_role("grid", name="Runs").get_by_role("row")
    listed.filter(has_text="The second").get_by_role("checkbox").check()
    expect(panel.tab.get_by_role("button", name="Open", exact=True)).to_be_visible()
    expect(panel.tab.get_by_role("button", name="Delete")).to_have_count(0)
    looks.at(panel, panel.tab, "panel-record")
    listed.filter(has_text="The second").click()
    expect(panel.tab.get_by_role("heading", name="The second")).to_be_visible()

    files.filter(has_text="other.sqlite").click(button="right")
    page.get_by_role("menuitem", name="Open Prompt Runs").click()
    expect(panel.tab).to_contain_text("other.sqlite is not a record of mipro_nb")
    assert mipro.runs.list() == []


def test_all_tabs_come_back_after_a_reload_and_say_how_a_run_ended(server, panel):
    record = open_record(server.root / "team.sqlite")
    record.add_run("of-a-team", "Of a team")
    record.append("of-a-team", planned(NOBODY), 0)
    record.close()
    record = open_record()
    record.add_run("capped", "Limited")
    record.append("capped", planned(NOBODY), 0)
    record.append("capped", ended(state="capped"), 1)
    page = panel.page
    panel.open("capped")
    panel.button("All runs in a tab, with all columns").click()
    page.evaluate("void window.jupyterapp.shell.activateById('filebrowser')")
    files = page.locator(".jp-DirListing-item")
    files.filter(has_text="team.sqlite").click(button="right")
    page.get_by_role("menuitem", name="Open Prompt Runs").click()
    titles = ("Stopped by cap · Limited", "Prompt runs", "team.sqlite")
    tabs = page.locator("#jp-main-dock-panel").get_by_role("tab")
    for title in titles:
        expect(tabs.filter(has_text=title)).to_have_count(1)
    workspace = page.url.split("/workspaces/")[1].split("/")[0]
    until(lambda: len(server.open_in(workspace)) == len(titles))
    page.reload()
    for title in titles:
        expect(tabs.filter(has_text=title)).to_have_count(1)


def test_settings_show_the_record_and_give_new_notebooks_their_caps(server, panel):
    page = panel.page
    page.evaluate("void window.jupyterapp.commands.execute('mipro-nb:settings')")
    editor = page.locator(".jp-SettingsPanel")
    expect(editor.get_by_text(str(default_path()))).to_be_visible()
    editor.locator('input[id$="_maxUsd"]').fill("0.5")

    def begins_with_the_cap():  # a setting is saved a moment after it was written
        page.evaluate(_BEGIN_NOTEBOOK)
        return any('"max_usd\\": 0.5' in file.read_text() for file in server.root.glob("*.ipynb"))

    until(begins_with_the_cap)


def test_the_launcher_begins_a_notebook_from_the_template(server, panel):
    card = panel.page.locator(".jp-LauncherCard").filter(has_text="Optimize a prompt")
    expect(card.first.locator("img")).to_be_visible()  # not a letter in its place
    card.first.click()
    expect(panel.page.get_by_role("heading", name="Optimize a prompt")).to_be_visible()
    (file,) = server.root.glob("*.ipynb")
    until(lambda: len(nbformat.read(file, as_version=4).cells) > 10)
    assert nbformat.read(file, as_version=4).metadata["kernelspec"]["name"] == "python3"
