"""The dialog and the live view in real kernels: who asks, who is asked, and what a click does."""

from __future__ import annotations

import os
import signal
import textwrap
from pathlib import Path

import psutil
import pytest
from kernels import FrontEnd, started
from scripted_server import ScriptedServer
from scripted_task import KEY, answer

import mipro_nb as mipro

pytestmark = pytest.mark.notebook

_TESTS = Path(__file__).parents[1]
_SET_UP = """
import os, sys
os.environ["MIPRO_HOME"] = {home!r}
sys.path[:0] = [{tests!r}, {tests!r} + "/optimizer"]
from scripted_task import *
mipro.configure(lm=mipro.LM("openai/scripted", base_url={url!r}, api_key={key!r}, price=(1.0, 2.0)))
optimizer = mipro.MIPROv2(exact, num_candidates=3, num_threads=4)
data = dict(trainset=rows(12), valset=rows(24, start=1000), num_trials={trials}, minibatch_size=6)
"""
_COMPILE = """
try:
    best = optimizer.compile(Solve(), **data)
    print("BEST", best.score, best.run.status, best.run.plan.caps.text())
except mipro.errors.MiproError as error:
    print("ERROR", type(error).__name__, error)
"""
_AFTERWARDS = """
for run in mipro.live_runs():
    run.stop()
    run.wait()
mipro.notebook.notebook_surface().below_usd = None
mipro.configure(lm=None, record=None)
%reset -f
"""
_NO_CAPS = {"max_usd": None, "max_calls": None, "max_tokens": None, "max_seconds": None}


@pytest.fixture
def lm():
    with ScriptedServer(answer, latency=0.005) as server:
        yield server
    assert server.exceptions == []


@pytest.fixture(scope="module")
def shared():
    """The kernel of all tests that leave it as it was."""
    kernel = started()
    yield kernel
    kernel.shutdown_kernel(now=True)


@pytest.fixture
def front_end(lm, shared):
    """Begin a notebook: in the shared kernel, or in one of its own with this environment."""
    ends = []

    def begin(*, trials=10, own=None, **settings):
        end = FrontEnd(shared if own is None else started(env=own), **settings)
        ends.append((end, own))
        set_up = _SET_UP.format(
            home=os.environ["MIPRO_HOME"],
            tests=str(_TESTS),
            url=lm.base_url,
            key=KEY,
            trials=trials,
        )
        assert end.run(set_up).error is None
        return end

    yield begin
    for end, own in ends:
        if own is None:
            end.leave(_AFTERWARDS)
        else:
            end.__exit__()


def dialog_of(end):
    end.until(lambda: end.mipro_widgets)
    (widget,) = end.mipro_widgets
    end.until(lambda: end.draws(widget))
    end.ask("hello", {"keeps": True})
    return end.widgets[widget]


def wait_until_gone(process):
    if psutil.pid_exists(process):
        psutil.wait_procs([psutil.Process(process)], timeout=30)


def pages_of(end):
    """The pages that the notebook was given to hold."""
    return [message["page"] for _, message in end.messages if message["kind"] == "page"]


def good_in(told):
    """How many replies are rated good in a run, as it is told."""
    return (told["summary"]["ratings"] or {"good": 0})["good"]


_WITHOUT_WIDGETS = {
    "never built": """
from pathlib import Path
import mipro_nb.notebook.frontend
mipro_nb.notebook.frontend.STATIC = Path("nowhere")
""",
    "anywidget absent": """
import sys
sys.modules["anywidget"] = None
""",
}


@pytest.mark.parametrize("why", _WITHOUT_WIDGETS)
def test_without_widgets_a_note_says_how_to_get_them_and_text_takes_their_place(front_end, why):
    end = front_end(own={}, answers=["y"])
    assert end.run("%load_ext mipro_nb").text == ""
    assert end.run(_WITHOUT_WIDGETS[why]).error is None
    note = end.run("%reload_ext mipro_nb").text
    assert "widgets are not installed" in note
    remedy = {"never built": "SKIP_JUPYTER_BUILDER", "anywidget absent": "pip install anywidget"}
    assert remedy[why] in note
    assert "BEST" in end.run(_COMPILE).text
    assert end.prompts == ["Run this plan? [y/N] "]
    (shown,) = end.run("mipro.history()").outputs
    assert "Solve" in shown["data"]["text/plain"]
    assert (
        "BEST"
        in end.run(_COMPILE.replace("**data", "**data, requires_permission_to_run=False")).text
    )
    assert end.mipro_widgets == []


def test_a_click_on_run_reaches_a_blocked_cell(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE)
    dialog = dialog_of(end)
    assert dialog["permission"]["state"] == "asked"
    assert dialog["permission"]["estimate"]["total"]["usd"]["expected"] > 0
    assert lm.count == 0
    end.answer("permit", {"caps": {**_NO_CAPS, "max_calls": 500}, "below_usd": None})
    end.until(lambda: cell.done)
    assert cell.text.startswith("BEST")
    assert cell.text.rstrip().endswith("finished 500 calls")
    end.until(lambda: dialog["snapshot"]["summary"]["state"] == "finished")
    assert dialog["permission"]["state"] == "permitted"
    end.until(lambda: pages_of(end) and "finished" in pages_of(end)[-1]["text/plain"])
    assert "<script" not in pages_of(end)[-1]["text/html"]
    assert [message for _, message in end.messages if message["kind"] == "delta"]


def test_cancel_raises_and_sends_nothing(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE)
    dialog = dialog_of(end)
    end.answer("decline")
    end.until(lambda: cell.done)
    assert "ERROR PermissionDeniedError" in cell.text
    assert "No LM call was made" in cell.text
    end.until(lambda: dialog["permission"]["state"] == "declined")
    assert lm.count == 0
    assert mipro.runs.list() == []


def test_headroom_is_measured_first_with_a_question_of_its_own(front_end, lm):
    end = front_end(trials=2)
    cell = end.begin(_COMPILE)
    dialog = dialog_of(end)
    asked = dialog["permission"]
    assert asked["measurement"] == "offered"
    assert end.answer("measure") is None
    end.until(lambda: dialog["permission"]["measurement"] == "first")
    assert dialog["permission"]["measured_rows"] == 12
    assert end.answer("decline") is None
    end.until(lambda: dialog["permission"]["measurement"] == "offered")
    assert lm.count == 0
    assert end.answer("measure") is None
    end.until(lambda: dialog["permission"]["measurement"] == "first")
    yes = {"caps": _NO_CAPS, "below_usd": None}
    assert end.answer("permit", yes) is None
    end.until(lambda: dialog["permission"]["measurement"] is None)
    assert dialog["permission"]["state"] == "asked"
    assert dialog["permission"]["estimate"] == asked["estimate"]
    assert any("Headroom was measured in run" in note for note in dialog["permission"]["notes"])
    measured = dialog["snapshot"]["summary"]["id"]
    assert not cell.done
    before = lm.count
    assert before > 0
    assert end.answer("decline") is None
    end.until(lambda: cell.done)
    assert "ERROR PermissionDeniedError" in cell.text
    assert lm.count == before
    assert [run.id for run in mipro.runs.list()] == [measured]


def test_headroom_is_not_offered_for_too_few_rows(front_end, lm):
    end = front_end()
    end.begin(_COMPILE.replace("**data", "**{**data, 'trainset': rows(9)}"))
    dialog = dialog_of(end)
    assert dialog["permission"]["measurement"] is None
    assert "9 different training rows" in end.answer("measure")
    assert lm.count == 0


def test_caps_that_cannot_be_are_refused_in_the_dialog(front_end, lm):
    end = front_end()
    end.begin(_COMPILE)
    dialog = dialog_of(end)
    told = end.answer("permit", {"caps": {**_NO_CAPS, "max_usd": -1}, "below_usd": None})
    assert "max_usd=-1" in told
    assert dialog["permission"]["state"] == "asked"
    assert "knows no request 'explode'" in end.answer("explode")
    assert lm.count == 0


def test_settings_are_changed_in_the_dialog_and_the_estimate_follows(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE.replace("plan.caps.text()", "plan.num_trials"))
    dialog = dialog_of(end)
    before = dialog["permission"]["estimate"]["total"]["calls"]["expected"]
    told = end.answer("change", {"settings": {"minibatch_size": 99}})
    assert "minibatch_size=99" in told
    assert "the valset has only 24 rows: give at most that" in told
    assert end.answer("change", {"settings": {"num_trials": 4}}) is None
    end.until(lambda: dialog["permission"]["changes"] == {"num_trials": 4})
    assert dialog["permission"]["estimate"]["total"]["calls"]["expected"] < before
    assert lm.count == 0
    yes = {"caps": _NO_CAPS, "below_usd": None}
    assert "look at the estimate again" in end.answer("permit", {**yes, "settings": {}})
    assert lm.count == 0
    assert end.answer("permit", {**yes, "settings": {"num_trials": 4}}) is None
    end.until(lambda: cell.done)
    assert cell.text.rstrip().endswith("finished 4")


def test_the_run_is_steered_while_the_cell_blocks(front_end, lm):
    end = front_end(trials=400)
    cell = end.begin(_COMPILE)
    dialog = dialog_of(end)
    end.answer("permit", {"caps": _NO_CAPS, "below_usd": None})
    deltas = []

    def searching():
        deltas[:] = [message for _, message in end.messages if message["kind"] == "delta"]
        return deltas and deltas[-1]["delta"]["summary"]["best"] is not None

    end.until(searching)
    run = deltas[-1]["run"]
    assert end.answer("pause", {"run": run}) is None
    end.until(lambda: searching() and deltas[-1]["delta"]["summary"]["state"] == "paused")
    assert end.answer("resume", {"run": run}) is None
    banned = {"run": run, "predictor": "solve", "part": "instruction", "index": 1, "on": True}
    assert end.answer("ban", banned) is None
    added = {
        "run": run,
        "predictor": "solve",
        "instruction": "Do it.",
        "based_on": None,
        "replaces": False,
    }
    assert end.answer("add", added) == {"index": 4}
    assert "lift the ban first" in end.answer("pin", banned)
    detail = end.answer("trial", {"run": run, "trial": 0})
    assert len(detail["examples"]) == 24
    rated = {"run": run, "trial": 0, "example": 0, "rating": "good", "reason": "right"}
    assert end.answer("rate", rated) is None
    end.until(lambda: searching() and good_in(deltas[-1]["delta"]) == 1)
    assert end.answer("stop", {"run": run}) is None
    end.until(lambda: cell.done)
    assert "stopped" in cell.text
    state = mipro.runs.load(run).state
    assert [(c.index, c.predictor) for c in state.banned] == [(1, "solve")]
    assert "is stopped: it does not go on" in end.answer("pause", {"run": run})
    assert end.answer("rate", {**rated, "example": 1}) is None  # the notebook keeps it all the same
    end.until(lambda: good_in(dialog["snapshot"]) == 2)
    (kept,) = [each for each in dialog["snapshot"]["details"] if each["trial"]["trial"] == 0]
    assert [each.get("rating", {}).get("rating") for each in kept["examples"][:3]] == [
        "good",
        "good",
        None,
    ]
    end.until(lambda: "rated good: right" in pages_of(end)[-1]["text/html"])


def test_a_run_whose_kernel_was_killed_is_resumed_in_another(front_end, lm):
    end = front_end(trials=40, own={})
    end.begin(_COMPILE)
    dialog_of(end)
    end.answer("permit", {"caps": {**_NO_CAPS, "max_calls": 2000}, "below_usd": None})
    end.until(lambda: any(r.state.best is not None for r in mipro.runs.list()))
    (run,) = mipro.runs.list()
    os.kill(run.state.process, signal.SIGKILL)
    wait_until_gone(run.state.process)
    (cut,) = mipro.runs.list()
    before = cut.state  # as it is now, and not when it goes on
    assert cut.status == before.state == "cut off"

    end = front_end()
    told = end.run("%load_ext mipro_nb\n%mipro status last").outputs[-1]["data"]["text/plain"]
    assert f'to resume it:      MIPROv2(metric=exact).resume("{run.id}", PROGRAM)' in told
    needed = end.run("%mipro resume")
    assert f"%mipro resume {run.id} PROGRAM --metric exact." in needed.text
    end.run("student = Solve()")
    asked = lm.count
    cell = end.begin(f"best = %mipro resume {run.id} student --metric exact")
    dialog = dialog_of(end)
    request = dialog["permission"]
    assert request["resumes"] == run.id
    assert request["caps"]["max_calls"] == 2000, "it is that which the run had"
    assert f"Resumes run {run.id}, which was cut off" in request["notes"][0]
    refused = end.answer("permit", {"caps": {**_NO_CAPS, "max_calls": 5}, "below_usd": None})
    assert "already: give a higher one." in refused
    assert dialog["permission"]["state"] == "asked"
    assert lm.count == asked, "a plan is made with made-up answers"
    end.answer("permit", {"caps": {**_NO_CAPS, "max_calls": 3000}, "below_usd": None})
    end.until(lambda: dialog["snapshot"])
    first = dialog["snapshot"]
    assert len(first["trials"]) >= len(before.trials), "it begins with all that was before"
    assert first["summary"]["spend"]["calls"] >= before.spend.calls
    end.until(lambda: cell.done)
    assert cell.error is None
    end.until(lambda: dialog["snapshot"]["summary"]["state"] == "finished")
    assert dialog["snapshot"]["summary"]["id"] == run.id
    assert dialog["snapshot"]["summary"]["caps"]["max_calls"] == 3000


def test_a_run_is_not_resumed_where_the_answer_is_no(front_end, lm):
    end = front_end()
    end.run(
        "best = optimizer.compile(Solve(), **data, max_calls=40, requires_permission_to_run=False)"
    )
    (run,) = mipro.runs.list()
    assert run.status == "capped"
    asked = lm.count
    end.run("%load_ext mipro_nb")
    cell = end.begin("%mipro resume")
    widgets = len(end.mipro_widgets)
    end.until(lambda: len(end.mipro_widgets) > widgets)
    end.ask("hello", {"keeps": True})
    end.answer("decline")
    end.until(lambda: cell.done)
    assert "PermissionDeniedError" in cell.error
    assert mipro.runs.load(run.id).status == "capped"
    assert lm.count == asked


def test_a_request_that_arrives_twice_is_done_once(front_end, lm):
    end = front_end(trials=400)
    end.begin(_COMPILE)
    dialog_of(end)
    end.answer("permit", {"caps": _NO_CAPS, "below_usd": None})
    end.until(
        lambda: any(
            m["kind"] == "delta" and m["delta"]["summary"]["best"] is not None
            for _, m in end.messages
        )
    )
    run = next(m["run"] for _, m in end.messages if m["kind"] == "delta")
    ask = {
        "run": run,
        "predictor": "solve",
        "instruction": "Do it.",
        "based_on": None,
        "replaces": False,
    }
    assert end.answer("add", ask) == {"index": 4}
    end.send_again()
    assert end.answer("add", {**ask, "instruction": "Do it well."}) == {"index": 5}
    answers = [m for _, m in end.messages if m["kind"] == "answer" and m["value"] == {"index": 4}]
    assert len(answers) == 1
    assert not [m for _, m in end.messages if m["kind"] == "refusal"]
    end.answer("stop", {"run": run})


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        ("run = optimizer.start(Solve(), **data)", "print('BEST', (await run).score)"),
        ("best = await optimizer.acompile(Solve(), **data)\nprint('BEST', best.score)", "pass"),
    ],
)
def test_ways_that_do_not_block_ask_in_the_same_dialog(front_end, lm, code, wait):
    end = front_end()
    cell = end.begin(code)
    dialog_of(end)
    assert lm.count == 0
    end.answer("permit", {"caps": _NO_CAPS, "below_usd": None})
    waited = end.begin(wait)
    end.until(lambda: waited.done)
    assert "BEST" in cell.text + waited.text
    assert (cell.error, waited.error) == (None, None)


@pytest.mark.parametrize(
    ("code", "wait"),
    [
        (_COMPILE, "pass"),
        ("second = optimizer.start(Solve(), **data)", "print('BEST', (await second).score)"),
        ("best = await optimizer.acompile(Solve(), **data)\nprint('BEST', best.score)", "pass"),
    ],
)
def test_a_plan_that_goes_on_already_is_joined(front_end, lm, code, wait):
    end = front_end(trials=40)
    end.run("mipro.notebook.notebook_surface().below_usd = 100.0")
    begun = end.run("run = optimizer.start(Solve(), **data)\nprint(run.id)")
    first = begun.text.strip()
    end.run("run.pause()")
    cell = end.begin(code)
    end.until(lambda: len(end.mipro_widgets) == 2)
    widget = end.mipro_widgets[-1]
    end.until(lambda: end.draws(widget))
    end.ask("hello", {"keeps": True}, widget)
    dialog = end.widgets[widget]
    assert dialog["permission"]["joins"] == first
    assert f"Run {first} of this very plan is going on already" in dialog["permission"]["notes"][0]
    end.answer("join", {}, widget)
    end.until(lambda: dialog["permission"]["state"] == "joined")
    assert dialog["snapshot"]["summary"]["id"] == first
    assert "answered already" in end.answer("join", {}, widget) + end.answer(
        "permit", {"caps": _NO_CAPS, "below_usd": None}, widget
    )
    end.answer("resume", {"run": first}, widget)
    waited = end.begin(wait)
    end.until(lambda: waited.done)
    assert "BEST" in cell.text + waited.text
    assert (cell.error, waited.error) == (None, None)
    end.until(lambda: dialog["snapshot"]["summary"]["state"] == "finished")
    runs = end.run("import mipro_nb.runs as r\nprint(len(run.record.run_ids()), run.joined)")
    assert runs.text.split()[-1] == "None"
    if "second" in code:
        steered = end.run("print(second.id == run.id, second.joined is run, second.status)")
        assert steered.text.strip() == "True True finished"


def test_below_the_price_that_was_named_no_question_is_asked_again(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE)
    dialog_of(end)
    end.answer("permit", {"caps": _NO_CAPS, "below_usd": 0.75})
    end.until(lambda: cell.done)
    second = end.run(_COMPILE)
    assert "finished $0.75" in second.text, "it is capped at that price"
    assert end.widgets[end.mipro_widgets[-1]]["permission"] is None
    asked = end.begin(_COMPILE.replace("**data", "**data, seed=3, num_candidates=3"))
    end.until(lambda: asked.done)


def test_an_interrupt_keeps_the_best_so_far(front_end, lm):
    end = front_end(trials=4000)
    cell = end.begin(_COMPILE)
    dialog_of(end)
    end.answer("permit", {"caps": _NO_CAPS, "below_usd": None})
    end.until(
        lambda: any(
            m["kind"] == "delta" and m["delta"]["summary"]["baseline"] is not None
            for _, m in end.messages
        )
    )
    end.interrupt()
    end.until(lambda: cell.done)
    assert "keeping the best program so far" in cell.text
    assert "stopped" in cell.text.splitlines()[-1]


def test_an_interrupt_before_the_answer_sends_nothing(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE)
    dialog = dialog_of(end)
    end.interrupt()
    end.until(lambda: cell.done)
    assert "ERROR PermissionDeniedError" in cell.text
    end.until(lambda: dialog["permission"]["state"] == "declined")
    assert lm.count == 0


def test_an_answer_that_comes_too_late_is_refused_and_remembers_nothing(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE)
    dialog_of(end)
    end.interrupt()
    end.until(lambda: cell.done)
    told = end.answer("permit", {"caps": _NO_CAPS, "below_usd": 9.0})
    assert told == "This question was answered already."
    end.run("from mipro_nb.notebook import notebook_surface")
    assert end.run("print(notebook_surface().below_usd)").text == "None\n"
    assert lm.count == 0


def test_what_the_dialog_does_not_mention_stays_as_planned(front_end, lm):
    end = front_end()
    cell = end.begin(_COMPILE.replace("**data", "**data, max_calls=20"))
    dialog = dialog_of(end)
    told = end.answer("permit", {"caps": [1], "below_usd": None})
    assert told == "caps=[1]: Input should be a valid dictionary"
    assert "below_usd=-1" in end.answer("permit", {"caps": {}, "below_usd": -1})
    end.answer("permit", {"caps": {"max_usd": 1.0}, "below_usd": None})
    end.until(lambda: cell.done)
    assert "capped $1.00, 20 calls" in cell.text
    end.until(lambda: dialog["permission"]["caps"]["max_calls"] == 20)
    assert lm.count == 20


@pytest.mark.parametrize(("typed", "told"), [("y", "BEST"), ("n", "ERROR PermissionDeniedError")])
def test_vs_code_is_asked_by_input_below_the_estimate(front_end, lm, typed, told):
    end = front_end(answers=[typed], subshell=False, own={"VSCODE_PID": "1"})
    cell = end.run(_COMPILE)
    assert end.prompts == ["Run this plan? [y/N] "]
    assert told in cell.text
    shown = [o["data"]["text/plain"] for o in cell.outputs if "data" in o]
    assert any("bootstrap" in text and "USD" in text for text in shown)
    assert (lm.count > 0) == (typed == "y")


def test_a_front_end_that_draws_no_widget_is_asked_by_input(front_end, lm):
    end = front_end(answers=["y"], own={})
    end.run("import mipro_nb.notebook.window as window\nwindow._DRAWING_SECONDS = 0.5")
    cell = end.run(_COMPILE)
    assert end.prompts == ["Run this plan? [y/N] "]
    assert "BEST" in cell.text


@pytest.mark.parametrize("how", ["compile", "start", "await acompile"])
def test_without_anybody_to_answer_it_raises_at_once(front_end, lm, how):
    end = front_end()
    awaited, name = how.split() if " " in how else ("", how)
    code = _COMPILE.replace("optimizer.compile", f"{awaited} optimizer.{name}")
    cell = end.run(code, allow_stdin=False)
    assert "ERROR PermissionUnansweredError" in cell.text
    assert "requires_permission_to_run=False" in cell.text
    assert end.mipro_widgets == []
    assert lm.count == 0
    assert end.run("print(mipro.live_runs())").text == "[]\n"


def test_where_nobody_looks_on_the_output_is_static_and_shows_the_end(front_end, lm):
    end = front_end()
    code = _COMPILE.replace("**data", "**data, requires_permission_to_run=False")
    cell = end.run(code, allow_stdin=False)
    assert end.mipro_widgets == []
    (shown,) = cell.displays.values()
    assert set(shown) == {"application/vnd.mipro.run+json", "text/html", "text/plain"}
    saved = shown["application/vnd.mipro.run+json"]
    assert saved["snapshot"]["summary"]["state"] == "finished"
    assert {d["trial"]["trial"] for d in saved["snapshot"]["details"]} >= {0}
    assert "finished" in shown["text/plain"]


def test_a_run_of_another_kernel_is_seen_live_and_stopped_but_not_steered(front_end, lm):
    first, second = front_end(trials=400), front_end(own={})
    first.run("run = optimizer.start(Solve(), **data, requires_permission_to_run=False)")
    run = first.run("print(run.id)").text.strip()
    second.run(f"mipro.show({run!r})")
    snapshot = second.answer("snapshot", {"run": run})
    assert snapshot["summary"]["lives"] == "elsewhere"
    second.until(lambda: [m for _, m in second.messages if m["kind"] == "delta"])
    ban = {"run": run, "predictor": "solve", "part": "instruction", "index": 1, "on": True}
    assert "does not go on in this kernel" in second.answer("ban", ban)
    assert second.answer("stop", {"run": run}) is None
    first.run("run.wait()")
    second.until(
        lambda: (
            [m for _, m in second.messages if m["kind"] == "delta"][-1]["delta"]["summary"]["state"]
            == "stopped"
        )
    )


def test_history_is_searched_renamed_tagged_and_deleted_from_the_widget(front_end, lm):
    end = front_end()
    end.run(_COMPILE.replace("**data", "**data, requires_permission_to_run=False"))
    end.run(textwrap.dedent("mipro.history()"))
    (row,) = end.answer("history")
    assert (row["state"], row["program"]) == ("finished", "Solve")
    run = row["id"]
    assert end.answer("rename", {"run": run, "name": "sums"})["name"] == "sums"
    assert end.answer("tag", {"run": run, "tags": ["a", "b"]})["tags"] == ["a", "b"]
    assert mipro.runs.load(run).name == "sums"
    assert end.answer("snapshot", {"run": run})["summary"]["name"] == "sums"
    rated = {"run": run, "trial": 0, "example": 0, "rating": "bad", "reason": ""}
    assert end.answer("rate", rated) is None
    end.run(f"mipro.show({run!r})")
    shown = end.widgets[end.mipro_widgets[-1]]
    assert end.answer("rate", {**rated, "rating": "good"}) is None
    end.until(lambda: good_in(shown["snapshot"]) == 1)
    end.run("mipro.history()")
    assert "whole id" in end.answer("rename", {"run": run[:8], "name": "oops"})
    assert "No run" in end.answer("tag", {"run": "nothing", "tags": []})
    assert "knows no request" in end.answer(["rename"])
    assert end.answer("delete", {"runs": [run]}) is None
    assert end.answer("history") == []
    assert "No run" in end.answer("snapshot", {"run": run})


def test_the_progress_of_an_evaluation_is_left_as_text_that_says_how_it_ended(front_end, lm):
    end = front_end()
    end.run("evaluate = mipro.Evaluate(devset=rows(12), metric=exact, display_progress=True)")
    cell = end.run("_ = evaluate(Solve())")
    assert "evaluate: 100%" in cell.text.split("\r")[-1]
    assert "12/12" in cell.text
    assert "ERROR" not in cell.text
