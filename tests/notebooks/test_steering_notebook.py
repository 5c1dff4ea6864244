"""02_steering: what is pinned, banned and added while the run goes on steers it."""

from __future__ import annotations

import pytest

import mipro_nb as mipro
from mipro_nb.runs.state import Choice, choices_of

pytestmark = [pytest.mark.notebook, pytest.mark.real_lm, pytest.mark.timeout(900)]


def test_the_run_does_what_its_reader_says(execute):
    notebook = execute("02_steering", TRAIN=8, VAL=6, CANDIDATES=3, TRIALS=8)

    (run,) = mipro.runs.list()
    assert run.status == "finished"
    banned, pinned, tried_pinned = set(), set(), []
    for event in (recorded.event for recorded in run.events()):
        match event.type:
            case "candidate_banned":
                banned.add(Choice(event.predictor, event.part, event.index))
            case "candidate_pinned":
                choice = {Choice(event.predictor, event.part, event.index)}
                pinned = pinned | choice if event.on else pinned - choice
            case "trial_asked":
                choices = set(choices_of(event.configuration))
                assert not choices & banned, "what is banned is not tried again"
                if pinned and event.kind == "minibatch":
                    assert choices & pinned, "only what is pinned is tried"
                    tried_pinned.append(event.trial)
    assert len(tried_pinned) >= 2
    assert not pinned, "the pins were lifted in the end"
    assert {choice.part for choice in banned} == {"instruction", "demos"}

    candidates = run.state.candidates["classify"].values()
    assert [c.based_on for c in candidates if c.source == "user"] == [None, 0]
    returned = run.program_state()["predictors"]["classify"]["instructions"]
    forbidden = {choice.index for choice in banned if choice.part == "instruction"}
    # Unless it is the student as given, which nobody can ban.
    assert run.state.ended.configuration == {} or returned not in {
        c.instruction for c in candidates if c.index in forbidden
    }

    assert ", paused" in notebook.below("run.pause()")
    assert "goes on" in notebook.below("%mipro resume")
    assert notebook.view_below("optimizer.start(")["snapshot"]["summary"]["state"] == "finished"
    assert "candidate_pinned" in notebook.below("run.events()")
    assert len(notebook.figures()) == 1
