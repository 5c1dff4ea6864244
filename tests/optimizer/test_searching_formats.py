"""Prompt formats as a dimension of the search: where they matter, and several may be the best."""

from __future__ import annotations

import random

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, kind, rows
from test_measuring_formats import (
    TRAIN,
    form_of,
    half_right,
    in_its_form,
    optimizer,
    snapshot_of,
    sum_of,
    told,
    unnamed,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.notebook.saved.static_text import run_text
from mipro_nb.optimizer.phases.contending_formats import contenders
from mipro_nb.runs.configuration import FORMAT
from mipro_nb.runs.events import CandidateBanned, CandidatePinned, FormatMeasured, TrialAsked

VAL = rows(8, start=1000)


def better_than_measured(request):
    """An LM of which two formats do well on training rows, and the second better elsewhere."""
    if kind(request) != "task":
        return answer(request)
    number, total = sum_of(request)
    if number >= 1000:
        wrong = {"lines": (0, 2, 4, 6), "json": (0,)}
    else:
        wrong = {"lines": (0,), "json": (0, 1)}
    misses = wrong.get(form_of(request), range(10))
    return in_its_form(request, "no idea" if number % 10 in misses else total)


def begun(**settings):
    return optimizer(num_candidates=3).start(
        Solve(),
        trainset=TRAIN,
        valset=VAL,
        requires_permission_to_run=False,
        **{"num_trials": 8, "minibatch": False, **settings},
    )


@pytest.fixture
def server():
    with ScriptedServer(better_than_measured) as running:
        mipro.configure(lm=unnamed(running))
        yield running
    assert running.exceptions == []


def test_formats_that_may_be_the_best_are_searched_and_the_best_is_returned(server, tmp_path):
    run = begun()
    program = run.wait(60)
    (chosen,) = told(run, "format_chosen")
    assert chosen.format == "lines"
    assert chosen.searched == {"lines": {"solve": "lines"}, "json": {"solve": "json"}}
    tried = {each.configuration.get(FORMAT) for each in told(run, "trial_asked")}
    assert tried == {None, 0, 1}
    assert program.solve.prompt_format == "json"
    assert run.programs[0].solve.prompt_format == "lines"
    ended = run.state.ended.configuration
    trial = next(n for n, t in run.state.trials.items() if t.configuration == ended)
    record = mipro.runs.load(run.id)
    assert record.program_state(trial) == run.programs[trial].dump_state() == program.dump_state()
    program.save(tmp_path / "program.json")
    loaded = Solve()
    loaded.load(tmp_path / "program.json")
    assert loaded.solve.prompt_format == "json"
    assert mipro.runs.check().ok

    # Report and views tell it, and what formats add.
    snapshot = snapshot_of(run)
    assert snapshot["summary"]["formats"]["searched"] == ["lines", "json"]
    assert snapshot["summary"]["settings"]["prompt_format"] == "lines or json (measured)"
    assert {row["format"] for row in snapshot["trials"]} == {None, "lines", "json"}
    assert snapshot["summary"]["best"]["format"] == "json"
    effects = snapshot["summary"]["result"]["effects"]["formats"]
    assert [each["format"] for each in effects["formats"]] == ["lines", "json"]
    assert effects["formats"][1]["adds"] > 0
    for text in (run.report(), run_text(snapshot), run_html(snapshot)):
        assert "json is not clearly behind: so the search tries them as well" in text
        assert any(said in text for said in effects["told"])
        assert "format json" in text
    assert "It asks in json; the student as given was asked in lines." in run_text(snapshot)
    study = run.to_optuna()
    assert {each.params[FORMAT] for each in study.trials} == {0, 1}


def tried_after(run, kind):
    """The formats of all trials asked after the last event of a kind."""
    events = [recorded.event for recorded in run.events()]
    last = max(place for place, event in enumerate(events) if isinstance(event, kind))
    asked = (event for event in events[last:] if isinstance(event, TrialAsked))
    return {event.configuration[FORMAT] for event in asked if event.configuration}


@pytest.mark.parametrize("switch", ["pin", "ban"])
def test_a_format_can_be_pinned_or_banned_while_it_is_searched(server, switch):
    run = begun(num_trials=40)
    until(lambda: len(run.read(lambda state: dict(state.trials))) >= 3)
    if switch == "pin":
        run.pin("", 0, part="format")
    else:
        run.ban("", 1, part="format")
        with pytest.raises(InvalidArgumentError, match="no other candidate would be left"):
            run.ban("", 0, part="format")
    with pytest.raises(InvalidArgumentError, match="give '' as its predictor, not 'solve'"):
        run.ban("solve", 0, part="format")
    with pytest.raises(InvalidArgumentError, match="give a number from 0 to 1"):
        run.pin("", 2, part="format")
    program = run.wait(60)
    event = CandidatePinned if switch == "pin" else CandidateBanned
    assert tried_after(run, event) == {0}
    formats = snapshot_of(run)["summary"]["formats"]
    if switch == "pin":
        assert (formats["pinned"], formats["banned"]) == (["lines"], [])
        assert "lines ★ pinned" in run.report()
    else:
        assert (formats["pinned"], formats["banned"]) == ([], ["json"])
        assert program.solve.prompt_format == "lines"
        assert "json banned" in run_html(snapshot_of(run))
    assert mipro.runs.check().ok


def test_where_no_format_is_searched_that_is_told():
    with ScriptedServer(half_right, latency=0.01) as server:
        mipro.configure(lm=unnamed(server))
        run = begun(num_trials=40)
        until(lambda: len(run.read(lambda state: dict(state.trials))) >= 2)
        with pytest.raises(InvalidArgumentError, match="this run searches no prompt formats"):
            run.pin("", 0, part="format")
        run.stop()
        run.wait(60)


@pytest.mark.slow
def test_a_run_that_is_resumed_searches_the_same(server, tmp_path):
    whole = begun(record=tmp_path / "whole.sqlite", trials_in_flight=1)
    expected = whole.wait(60)
    record = tmp_path / "capped.sqlite"
    run = begun(record=record, max_calls=130, trials_in_flight=1)
    run.wait(60)
    assert run.status == "capped"
    program = optimizer(num_candidates=3).resume(
        run.id, Solve(), record=record, max_calls=10_000, requires_permission_to_run=False
    )
    assert program.dump_state() == expected.dump_state()
    again = mipro.runs.load(run.id, record).state
    assert again.state == "finished"
    assert again.searched_formats == ["lines", "json"]


def test_where_the_measurement_saw_no_difference_nothing_is_searched():
    with ScriptedServer(half_right) as server:
        mipro.configure(lm=unnamed(server))
        run = begun(num_trials=2)
        run.wait(60)
    (chosen,) = told(run, "format_chosen")
    assert chosen.searched == {}
    assert all(FORMAT not in each.configuration for each in told(run, "trial_asked"))
    assert snapshot_of(run)["summary"]["formats"]["searched"] == []
    assert "search tries" not in run.report()


def measured(**scores):
    return [
        FormatMeasured(format=name, rows=len(each), score=5 * sum(each), scores=each)
        for name, each in scores.items()
    ]


def of(right, rng=None):
    scores = [1.0] * right + [0.0] * (20 - right)
    if rng is not None:
        rng.shuffle(scores)
    return scores


def test_only_formats_that_may_be_the_best_contend():
    found = measured(lines=of(18), tags=of(17), json=of(3), value=of(0))
    assert contenders(found, "lines", 9) == ["lines", "tags"]
    # One that is far ahead has nobody to contend with.
    assert contenders(measured(lines=of(20), json=of(2)), "lines", 9) == ["lines"]
    # What an older version measured has no scores by row.
    found[1] = FormatMeasured(format="tags", rows=20, score=85)
    assert contenders(found, "lines", 9) == ["lines"]


def test_formats_that_are_alike_are_rarely_taken_for_different_ones():
    rng = random.Random(5)
    taken = 0
    for seed in range(30):
        found = measured(lines=of(12, rng), tags=of(12, rng), json=of(12, rng), value=of(12, rng))
        taken += len(contenders(found, "lines", seed)) > 1
    assert taken <= 4
