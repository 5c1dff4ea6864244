"""Runs that an older version planned, which did not have all settings: they are still the same."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from scripted_task import Solve, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.notebook.window import permission_request
from mipro_nb.optimizer.planning.settings.requested import DEFAULTS
from mipro_nb.optimizer.running.asking.surface import current_surface

DATA = {"trainset": rows(40), "num_trials": 4, "minibatch_size": 6}
# As a plan has it where nobody asks for anything else.
EMPTY = {"must_keep": [], "measured_predictors": [], "measured_formats": []}


def optimizer():
    return mipro.MIPROv2(exact, num_candidates=3)


def planned_before(run):
    """Have the run's plan lack every setting that nobody gave, as if it had not been there yet."""
    with closing(sqlite3.connect(run.record.path)) as file, file:
        query = "SELECT body FROM events WHERE type = 'run_planned' AND run_id = ?"
        (text,) = file.execute(query, [run.id]).fetchone()
        body = json.loads(text)
        known = {**vars(DEFAULTS), **EMPTY}
        body["plan"] = {
            name: value
            for name, value in body["plan"].items()
            if name != "formats_by" and not (name in known and known[name] == value)
        }
        assert not body["plan"].keys() & {"must_keep", "smallest_edit", "patience", "hedge"}
        update = "UPDATE events SET body = ? WHERE type = 'run_planned' AND run_id = ?"
        file.execute(update, [json.dumps(body), run.id])


def finished(**settings):
    run = optimizer().start(Solve(), requires_permission_to_run=False, **DATA, **settings)
    run.wait()
    return run


def question(begin, monkeypatch):
    waiting = []
    with monkeypatch.context() as patch:
        patch.setattr(type(current_surface()), "open", lambda _, run, **__: waiting.append(run))
        begin()
    request = permission_request(waiting[0])
    waiting[0].decline()
    return request


def test_it_is_resumed_without_a_word_of_settings_that_there_were_not(server):
    mipro.configure(lm=lm_of(server, cache=False))
    whole = finished()
    run = finished(max_calls=60)
    planned_before(run)
    best = optimizer().resume(run.id, Solve(), max_calls=5000, requires_permission_to_run=False)
    assert not any("The setting" in note for note in best.run.plan.notes)
    assert best.score == whole.score


def test_compile_finds_it(server):
    mipro.configure(lm=lm_of(server, cache=False))
    run = finished(max_calls=60)
    planned_before(run)
    again = finished(max_calls=5000, resume=True)
    assert again.id == run.id
    assert again.status == "finished"


def test_one_that_asks_for_what_there_was_not_is_another(server):
    run = finished(max_calls=60)
    planned_before(run)
    again = finished(resume=True, smallest_edit=True)
    assert again.id != run.id
    assert any("is different in smallest_edit" in note for note in again.plan.notes)


@pytest.mark.parametrize("cap", [None, 60])
def test_what_it_paid_is_not_left_to_pay(server, monkeypatch, cap):
    run = finished(max_calls=cap)
    planned_before(run)
    left = question(lambda: optimizer().start(Solve(), **DATA), monkeypatch)["left"]
    assert run.id in left["told"]
    assert cap or left["calls"]["high"] == 0
