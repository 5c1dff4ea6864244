"""02_steering: what is pinned, banned and added while the run goes on steers it."""

from __future__ import annotations

import pytest

import mipro_nb as mipro
from mipro_nb.runs.state import Choice, choices_of

pytestmark = [pytest.mark.notebook, pytest.mark.real_lm, pytest.mark.timeout(900)]

_SHORT = {"TRAIN": 8, "VAL": 6, "CANDIDATES": 3, "TRIALS": 8}


def test_the_run_does_what_the_reader_says(execute):
    notebook = execute("02_steering", **_SHORT)
    (run,) = mipro.runs.list()
    assert run.status == "finished"

    banned, pinned, paused, tried_pinned = set(), set(), False, 0
    for event in (recorded.event for recorded in run.events()):
        match event.type:
            case "candidate_banned":
                banned.add(Choice(event.predictor, event.part, event.index))
            case "candidate_pinned":
                choice = Choice(event.predictor, event.part, event.index)
                pinned = pinned | {choice} if event.on else pinned - {choice}
            case "run_paused" | "run_resumed":
                paused = event.type == "run_paused"
            case "trial_asked" if not paused:
                choices = set(choices_of(event.configuration))
                assert not choices & banned
                if pinned and event.kind == "minibatch":
                    assert choices & pinned
                    tried_pinned += 1
    assert tried_pinned >= 2, "trials came after the pins"
    assert not pinned, "the pins were lifted"
    assert {choice.part for choice in banned} == {"instruction", "demos"}

    by_hand = [c for c in run.state.candidates["classify"].values() if c.source == "user"]
    assert [candidate.based_on for candidate in by_hand] == [None, 0]
    assert "promises a prize" in notebook.below("instructions()\nassert") or notebook.text
    assert not run.state.is_banned(run.state.ended.configuration or {})


def test_it_shows_the_run_paused_and_then_finished(execute):
    notebook = execute("02_steering", **_SHORT)
    assert ", paused" in notebook.below("run.pause()")
    assert notebook.view_below("optimizer.start(")["snapshot"]["summary"]["state"] == "finished"
    assert "run_paused" in notebook.below("run.events()")
    assert len(notebook.figures()) == 1
