"""Approval: new instructions wait until a person has decided about each of them."""

from __future__ import annotations

import builtins
import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_server import ScriptedServer
from scripted_task import GOOD, OWN, Solve, answer, asked, exact, kind, lm_of, rows
from watched import Watched, until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MiproError
from mipro_nb.notebook.request_handler import RequestHandler
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.optimizer.running.asking import surface
from mipro_nb.runs import events as ev
from mipro_nb.runs.sentences.instructions.approval import changes_text
from mipro_nb.runs.views.view import RunView
from mipro_nb.terminal import TerminalSurface

HERE = Path(__file__).parent
CANDIDATES = 3
EDITED = f"{GOOD} As I say."
KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
from types import SimpleNamespace
from test_approval import EDITED, begun, lm_of, mipro, surface, waiting
from watched import Watched
surface.prefer(Watched)
mipro.configure(lm=lm_of(SimpleNamespace(base_url={url!r}), cache=False), record={path!r})
run = waiting(begun())
run.ban("solve", 1)
run.add_instruction("solve", EDITED, based_on=2)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setattr(surface, "_choose", Watched)


@pytest.fixture
def server():
    with ScriptedServer(answer) as running:
        mipro.configure(lm=lm_of(running))
        yield running
    assert running.exceptions == []


def optimizer(**settings):
    return mipro.MIPROv2(
        exact, num_candidates=CANDIDATES, num_threads=4, max_labeled_demos=2, **settings
    )


def begun(*, search="paired", **settings):
    return optimizer(search=search).start(
        Solve(),
        trainset=rows(12),
        valset=rows(6, start=1000),
        requires_permission_to_run=False,
        **{"num_trials": 6, "minibatch": False, "approve": "proposals", **settings},
    )


def waiting(run):
    until(lambda: run.done or run.status == "paused")
    assert run.undecided, run.report()
    return run


def tried(run, predictor="solve"):
    """The instructions of a predictor that any trial tried."""
    return {
        recorded.event.configuration[f"{predictor}:instruction"]
        for recorded in run.events()
        if isinstance(recorded.event, ev.TrialAsked) and recorded.event.configuration
    }


def sent_with(server, text):
    return [r for r in server.requests if kind(r) == "task" and text in r.system]


def seen(run):
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    return view.snapshot(now=run.state.last_at, in_flight=0)


@pytest.mark.usefixtures("watched")
def test_nothing_new_is_tried_before_somebody_has_decided(server):
    run = waiting(begun())
    assert run.undecided == [("solve", 1), ("solve", 2), ("solve", 3)]
    texts = [run.state.candidates["solve"][index].instruction for index in (1, 2, 3)]
    assert not any(sent_with(server, text) for text in texts)
    assert "wait for your decision" in run.state.pause_reason
    assert run.state.baseline is not None  # the student is scored meanwhile
    assert "3 new instructions wait for your decision" in run.report()
    assert seen(run)["summary"]["approval"].startswith("3 new instructions wait")
    assert [card["undecided"] for card in seen(run)["instructions"]] == [False, True, True, True]
    assert run_html(seen(run)).count("not decided yet") == 3
    # As a click does it.
    RequestHandler(run.record, lambda *_: None, lambda _: None).approve(run.id, "solve", 1)
    run.ban("solve", 2)
    assert run.undecided == [("solve", 3)]
    index = run.add_instruction("solve", EDITED, based_on=3)
    run.wait(60)
    assert run.status == "finished"
    assert tried(run) <= {0, 1, index}
    assert not any(sent_with(server, texts[place]) for place in (1, 2))
    told = "Of 3 new instructions, you have 1 approved, 1 rejected, 1 edited."
    assert told in run.report()
    assert told in seen(run)["summary"]["notes"]
    assert seen(run)["summary"]["approval"] is None
    assert mipro.runs.load(run.id).state.undecided == []


@pytest.mark.usefixtures("watched")
def test_all_can_be_approved_at_once_and_the_result_is_that_of_a_run_that_does_not_ask(server):
    run = waiting(begun())
    run.approve()
    optimized = run.wait(60)
    free = begun(approve=None)
    assert free.wait(60).dump_state() == optimized.dump_state()
    assert free.state.scores == run.state.scores
    assert free.undecided == []


@pytest.mark.usefixtures("watched")
def test_a_run_that_is_resumed_before_the_last_decision_pauses_again(server):
    run = waiting(begun())
    run.resume()
    until(lambda: run.status == "paused")
    assert len(run.undecided) == CANDIDATES
    run.approve()
    run.wait(60)
    assert run.status == "finished"


@pytest.mark.usefixtures("watched")
def test_repaired_instructions_wait_as_well(server):
    run = waiting(begun(search="repair"))
    run.approve()
    until(lambda: run.done or run.undecided)
    repaired = run.undecided
    assert {run.state.candidates["solve"][index].source for _, index in repaired} == {"repaired"}
    assert not {index for _, index in repaired} & tried(run)
    until(lambda: run.status == "paused")
    assert run.in_flight == 0
    for predictor, index in repaired:
        run.ban(predictor, index)
    until(lambda: run.done or run.undecided)
    run.approve()
    run.wait(60)
    assert run.status == "finished"
    assert not {index for _, index in repaired} & tried(run)


def test_where_nobody_can_be_asked_it_says_so_and_goes_on(server):
    run = begun()
    run.wait(60)
    assert run.status == "finished"
    assert run.state.paused_seconds == 0
    assert "nobody can be asked here about 3 new instructions" in run.report()
    assert "you have" not in run.report()
    approvals = [e.event for e in run.events() if isinstance(e.event, ev.CandidateApproved)]
    assert [each.by for each in approvals] == ["nobody"] * CANDIDATES


class Decides(Watched):
    """Somebody who approves all that waits."""

    def __init__(self):
        self.asked_about = []

    def open(self, run, *, ask, blocking):
        self.run = run
        return self

    def wait(self, done, timeout):
        until(lambda: done.done() or self.run.status == "paused")
        self.asked_about += self.run.undecided
        self.run.approve()
        super().wait(done, timeout)


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_waits_asks_for_nothing_twice(server, tmp_path, monkeypatch):
    record = tmp_path / "run.sqlite"
    script = KILLED.format(
        paths=[str(HERE.parent), str(HERE)], url=server.base_url, path=str(record)
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - our own script
    assert ended.returncode == -signal.SIGKILL
    proposed = len(asked(server, "instruction"))
    (row,) = mipro.runs.list(record=record)
    decides = Decides()
    monkeypatch.setattr(surface, "_choose", lambda: decides)
    optimizer().resume(row.id, Solve(), record=record, requires_permission_to_run=False)
    assert decides.asked_about == [("solve", 3)]
    assert len(asked(server, "instruction")) == proposed
    again = mipro.runs.load(row.id, record).state
    assert again.state == "finished"
    assert again.candidates["solve"][4].instruction == EDITED
    used = {trial.configuration.get("solve:instruction") for trial in again.trials.values()}
    assert 4 in used
    assert used <= {None, 0, 3, 4}


@pytest.mark.usefixtures("watched")
def test_what_cannot_be_decided_is_told(server):
    run = waiting(begun())
    with pytest.raises(InvalidArgumentError, match="index=None: give both, or neither"):
        run.approve("solve")
    with pytest.raises(InvalidArgumentError, match="a number from 0 to 3"):
        run.approve("solve", 9)
    with pytest.raises(MiproError, match="No such instruction waits"):
        run.approve("solve", 0)
    run.approve("solve", 1)
    with pytest.raises(MiproError, match="No such instruction waits"):
        run.approve("solve", 1)
    run.stop()
    run.wait(60)


def test_another_value_is_refused_before_any_call(server):
    with pytest.raises(InvalidArgumentError, match="approve='all': give 'proposals'"):
        begun(approve="all")
    assert server.count == 0


def test_on_a_terminal_each_is_asked_about(server, monkeypatch, capsys):
    answers = itertools.chain(["what?", "y", "no", "e", EDITED])
    prompts = []

    def typed(prompt):
        prompts.append(prompt)
        return next(answers)

    typed.__module__ = "a kernel's"
    monkeypatch.setattr(surface, "_choose", TerminalSurface)
    monkeypatch.setattr(builtins, "input", typed)
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    optimized = optimizer().compile(
        Solve(),
        trainset=rows(12),
        valset=rows(6, start=1000),
        requires_permission_to_run=False,
        num_trials=4,
        minibatch=False,
        approve="proposals",
    )
    run = optimized.run
    assert run.status == "finished"
    assert tried(run) <= {0, 1, 4}
    assert run.state.candidates["solve"][4].instruction == EDITED
    assert len(prompts) == 5
    shown = capsys.readouterr().out
    assert "New instruction 1 of solve: " in shown
    assert f"[-{OWN}-]" in shown


def test_changes_are_told_word_by_word_with_nothing_that_a_terminal_obeys():
    told = changes_text("Say a word to me.", "Say a short\x1b[31m word to me.")
    assert told == "Say a{+ short\ufffd[31m+} word to me."
    assert changes_text("Say a word.", "Say one word.") == "Say[- a-]{+ one+} word."
