"""The view-model: what a view gets to know about a run, at once or bit by bit."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from handmade import began, ended, planned, write
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer
from scripted_task import GOOD, PlanAndSolve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.runs.views.view import RunView


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run of two predictors with a pin, a ban and a candidate by hand."""
    file = tmp_path_factory.mktemp("view") / "record.sqlite"
    with ScriptedServer(answer, latency=0.002) as server:
        mipro.configure(lm=lm_of(server))
        run = mipro.MIPROv2(exact, num_candidates=3).start(
            PlanAndSolve(), trainset=rows(10), valset=rows(12, start=1000), num_trials=12,
            minibatch_size=4, minibatch_full_eval_steps=4, requires_permission_to_run=False,
            record=file, max_calls=100_000,
        )  # fmt: skip
        while len(run.read(lambda state: dict(state.trials))) < 3:
            time.sleep(0.005)
        run.pin("plan", 1)
        run.ban("plan", 2, part="demos")
        run.add_instruction("solve.predict", GOOD)
        run.wait()
    return mipro.runs.load(run.id, file)


def view_of(recorded):
    view = RunView(recorded.record, recorded.id)
    view.call("mine", ["a", "b"])
    return view


def whole(recorded, events=None, now=2e9):
    view = view_of(recorded)
    view.apply(recorded.events() if events is None else events)
    return view.snapshot(now=now, in_flight=None)


def keyed(rows_, *names):
    return {tuple(row[name] for name in names): row for row in rows_}


@pytest.mark.slow
@given(data=st.data())
def test_deltas_lead_to_the_same_as_the_snapshot(recorded, data):
    events = list(recorded.events())
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=8).map(sorted))
    view, shown = view_of(recorded), {"trials": {}, "instructions": {}, "demo_sets": {}}
    objectives = {"objectives": None}
    for begin, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        view.apply(events[begin:end])
        delta = view.delta(now=2e9, in_flight=None)
        shown["trials"] |= keyed(delta["trials"], "trial")
        shown["instructions"] |= keyed(delta["instructions"], "predictor", "index")
        shown["demo_sets"] |= keyed(delta["demo_sets"], "predictor", "index")
        objectives |= {k: v for k, v in delta["summary"].items() if k == "objectives"}
    snapshot = whole(recorded)
    assert objectives | delta["summary"] == snapshot["summary"]
    assert shown["trials"] == keyed(snapshot["trials"], "trial")
    assert shown["instructions"] == keyed(snapshot["instructions"], "predictor", "index")
    assert shown["demo_sets"] == keyed(snapshot["demo_sets"], "predictor", "index")


def test_a_delta_tells_what_configurations_take_only_where_that_has_changed(recorded):
    view, told = view_of(recorded), []
    for event in recorded.events():
        view.apply([event])
        summary = view.delta(now=2e9, in_flight=None)["summary"]
        if "objectives" in summary:
            told.append(summary["objectives"])
    assert told[-1] == whole(recorded)["summary"]["objectives"]
    assert all(one != other for one, other in pairwise([None, *told]))
    assert "objectives" not in view.delta(now=2e9 + 1, in_flight=None)["summary"]


def test_an_event_that_is_read_twice_counts_once(recorded):
    events = list(recorded.events())
    view = view_of(recorded)
    view.apply(events)
    assert not view.apply(events[10:])
    assert view.snapshot(now=2e9, in_flight=None) == whole(recorded)


def test_a_snapshot_can_be_sent_at_any_moment_of_a_run(recorded):
    events = list(recorded.events())
    for end in range(0, len(events), 7):
        json.dumps(whole(recorded, events[:end]), allow_nan=False)


def test_the_summary_adds_up(recorded):
    snapshot = whole(recorded)
    summary, state = snapshot["summary"], recorded.state
    assert (summary["name"], summary["tags"], summary["state"]) == ("mine", ["a", "b"], "finished")
    assert summary["program"] == "PlanAndSolve"
    assert list(summary["predictors"]) == ["plan", "solve.predict"]
    assert summary["models"]["task"] == "openai/scripted"
    assert summary["spend"]["calls"] == state.spend.calls
    assert sum(phase["spend"]["calls"] for phase in summary["phases"]) == state.spend.calls
    assert sum(row["calls"] for row in snapshot["trials"]) == sum(
        summary["phases"][place]["spend"]["calls"] for place in (0, 3)
    )
    assert summary["done"] == summary["total"] == sum(r["examples"] for r in snapshot["trials"])
    assert summary["best"]["score"] == max(
        row["score"] for row in snapshot["trials"] if row["kind"] != "minibatch"
    )
    assert [phase["state"] for phase in summary["phases"]] == ["done"] * 4
    assert summary["caps"]["max_calls"] == 100_000
    assert summary["lives"] == "ended"
    assert not summary["steerable"]


def test_scores_of_trials_lie_in_their_interval(recorded):
    for row in whole(recorded)["trials"]:
        assert 0 <= row["low"] <= row["score"] <= row["high"] <= 100
        assert row["state"] == "done"
        assert row["seconds"] > 0


def test_cards_tell_how_candidates_fared(recorded):
    snapshot = whole(recorded)
    cards = keyed(snapshot["instructions"], "predictor", "index")
    assert cards["plan", 1]["pinned"]
    by_hand = [card for card in cards.values() if card["source"] == "user"]
    assert [card["instruction"]["text"] for card in by_hand] == [GOOD]
    # Each example that a trial itself scored counts for its candidate, once.
    scored = sum(row["scored"] - row["reused"] for row in snapshot["trials"])
    for predictor in ("plan", "solve.predict"):
        own = [card for card in cards.values() if card["predictor"] == predictor]
        assert sum(card["examples"] for card in own) == scored
        assert sum(card["trials"] for card in own) == len(snapshot["trials"])
        assert all(card["score"] is None or 0 <= card["score"] <= 100 for card in own)
    demo_sets = keyed(snapshot["demo_sets"], "predictor", "index")
    assert demo_sets["plan", 2]["banned"]
    assert demo_sets["plan", 0]["demos"] == 0
    assert demo_sets["plan", 2]["preview"]


def unended(recorded, process):
    """The events of the run as if it went on in a process of this number."""
    events = [e for e in recorded.events() if e.event.type != "run_ended"]
    planned = events[0].event.model_copy(
        update={"process": process, "process_started": began(process)}
    )
    events[0] = replace(events[0], event=planned)
    return events


def test_a_run_whose_process_is_gone_was_cut_off(recorded):
    events = unended(recorded, 2**22 + 1)
    summary = whole(recorded, events)["summary"]
    assert (summary["state"], summary["lives"], summary["eta"]) == ("cut off", "ended", None)
    assert summary["seconds"] < 1000  # up to its last event, not up to now


@pytest.mark.parametrize("state", ["stopped", "capped", "failed"])
def test_a_run_that_ended_early_does_not_look_complete(recorded, state):
    def cut(is_last):
        events = list(recorded.events())
        place = next(n for n, e in enumerate(events) if is_last(e.event))
        end = events[-1].event.model_copy(update={"state": state})
        return whole(recorded, [*events[: place + 1], replace(events[place + 1], event=end)])

    searching = cut(lambda e: e.type == "trial_told" and e.trial == 2)["summary"]
    assert 0 < searching["done"] < searching["total"]
    phases = [phase["state"] for phase in searching["phases"]]
    assert phases == ["done", "done", "done", "running"]
    proposing = cut(lambda e: e.type == "candidate_proposed")["summary"]
    assert proposing["phases"][2]["state"] == "running"
    assert cut(lambda e: e.type == "run_permitted")["summary"]["done"] == 0


def test_a_run_that_was_cut_off_is_shown_as_of_its_last_event(recorded):
    events = unended(recorded, 2**22 + 1)
    assert whole(recorded, events)["summary"]["as_of"] == events[-1].at


def test_a_run_of_another_process_lives_elsewhere(recorded):
    events = unended(recorded, os.getppid())
    summary = whole(recorded, events, now=events[-1].at + 1)["summary"]
    assert (summary["state"], summary["lives"], summary["steerable"]) == (
        "running",
        "elsewhere",
        False,
    )
    assert summary["done"] <= summary["total"]


def test_a_run_that_this_process_has_lost_does_not_seem_to_go_on(recorded):
    summary = whole(recorded, unended(recorded, os.getpid()))["summary"]
    assert (summary["state"], summary["lives"]) == ("cut off", "ended")


@pytest.mark.parametrize("estimate", [{}, {"total": {}}, {"phases": []}])
def test_of_events_that_tell_no_whole_estimate_there_is_none(tmp_path, estimate):
    record = write("run", [planned(estimate=estimate)], tmp_path / "record.sqlite")
    view = RunView(record, "run")
    view.apply(record.events("run"))
    summary = view.summary(now=2e9, in_flight=None)
    assert summary["estimate"] is None
    assert set(summary["caps"].values()) == {None}


@pytest.mark.parametrize(
    ("names", "lines", "hint"),
    [({}, 2, None), ({"command": "%%mipro"}, 0, "run its %%mipro cell again with --resume")],
)
def test_a_run_is_resumed_by_a_line_or_by_its_cell(tmp_path, names, lines, hint):
    record = write("run", [planned(names=names)], tmp_path / "record.sqlite")
    view = RunView(record, "run")
    view.apply(record.events("run"))
    summary = view.summary(now=2e9, in_flight=None)
    assert (len(summary["resume_lines"]), summary["resume_hint"]) == (lines, hint)


def test_calls_in_flight_that_were_lost_are_told_with_what_may_have_been_billed(tmp_path):
    stopped = ended(state="stopped", configuration=None, lost_calls=1, lost_usd=0.5)
    record = write("run", [planned(), stopped], tmp_path / "record.sqlite")
    view = RunView(record, "run")
    view.apply(record.events("run"))
    lost = view.summary(now=2e9, in_flight=None)["lost"]
    assert lost["told"].startswith("1 call was in flight when the run was interrupted")
    assert lost["billed"] == "up to $0.50 more may have been billed"
