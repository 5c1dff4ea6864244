"""Steering a run while it goes on: pause, pin, ban, add, edit."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from scripted_server import ScriptedServer
from scripted_task import GOOD, OWN, PlanAndSolve, Solve, answer, exact, lm_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MiproError, RunEndedError
from mipro_nb.runs import events as ev

BAD = "Say nothing of use."


@pytest.fixture
def slow_server():
    with ScriptedServer(answer, latency=0.01) as running:
        mipro.configure(lm=lm_of(running))
        yield running
    assert running.exceptions == []


def begin(student=None, **settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=4, num_threads=4, max_labeled_demos=2)
    return optimizer.start(
        student or Solve(),
        trainset=rows(12),
        valset=rows(24, start=1000),
        requires_permission_to_run=False,
        **{"num_trials": 40, "minibatch_size": 6, "minibatch_full_eval_steps": 5, **settings},
    )


def searching(run):
    until(lambda: len(run.read(lambda state: dict(state.trials))) >= 3)
    return run


def tried_after(run, kind):
    """The configurations of all trials asked after the last event of a kind, full ones too."""
    events = [recorded.event for recorded in run.events()]
    last = max(place for place, event in enumerate(events) if isinstance(event, kind))
    return [e.configuration for e in events[last:] if isinstance(e, ev.TrialAsked)]


def test_only_the_pinned_candidate_is_tried_from_then_on(slow_server):
    run = searching(begin())
    run.pin("solve", 2)
    run.pin("solve", 1, part="demos")
    run.wait()
    tried = tried_after(run, ev.CandidatePinned)
    assert len(tried) > 5
    assert {c["solve:instruction"] for c in tried} == {2}
    assert {c["solve:demos"] for c in tried} == {1}
    assert run.status == "finished"


@pytest.mark.slow
def test_a_pin_can_be_lifted(slow_server):
    run = searching(begin(num_trials=60))
    run.pin("solve", 2)
    run.pin("solve", 2, on=False)
    run.wait()
    tried = tried_after(run, ev.CandidatePinned)
    assert len({c["solve:instruction"] for c in tried}) > 1


def test_a_banned_candidate_is_neither_tried_again_nor_returned(slow_server):
    run = searching(begin())
    for index in range(1, 4):
        run.ban("solve", index)
    best = run.wait()
    assert {c["solve:instruction"] for c in tried_after(run, ev.CandidateBanned)} <= {0, 4}
    ended = run.state.ended.configuration
    assert ended == {} or ended["solve:instruction"] in {0, 4}
    allowed = {run.state.candidates["solve"][index].instruction for index in (0, 4)}
    assert best.solve.signature.instructions in allowed
    assert run.score == best.score


def test_all_candidates_cannot_be_banned(slow_server):
    run = searching(begin(num_trials=200))
    for index in range(1, 5):
        run.ban("solve", index)
    with pytest.raises(InvalidArgumentError, match="no other candidate would be left"):
        run.ban("solve", 0)
    run.ban("solve", 3, on=False)
    run.ban("solve", 0)
    run.stop()
    run.wait()


def test_a_ban_lifts_the_pin_and_a_banned_one_cannot_be_pinned(slow_server):
    run = searching(begin(num_trials=200))
    run.pin("solve", 1)
    run.ban("solve", 1)
    assert run.read(lambda state: set(state.pinned)) == set()
    with pytest.raises(InvalidArgumentError, match="lift the ban first"):
        run.pin("solve", 1)
    run.stop()
    run.wait()


def test_an_instruction_of_ones_own_takes_part_in_the_search(slow_server):
    own = f"{GOOD} Be exact."
    run = searching(begin())
    index = run.add_instruction("solve", own)
    run.pin("solve", index)
    run.wait()
    assert index == 5
    tried = tried_after(run, ev.CandidatePinned)
    assert {c["solve:instruction"] for c in tried} == {index}
    sent = [request for request in slow_server.requests if own in request.system]
    assert sent
    fully = [t for t in run.state.trials.values() if t.kind == "full"]
    assert index in {t.configuration["solve:instruction"] for t in fully}
    card = run.state.candidates["solve"][index]
    assert (card.source, card.based_on) == ("user", None)


def test_an_edited_candidate_stands_in_place_of_the_old_one(slow_server):
    run = searching(begin())
    old = run.state.candidates["solve"][2].instruction
    run.pin("solve", 2)
    index = run.add_instruction("solve", old + " Check it twice.", based_on=2)
    run.wait()
    tried = tried_after(run, ev.CandidateBanned)
    assert tried
    assert {c["solve:instruction"] for c in tried} == {index}
    assert run.state.candidates["solve"][index].based_on == 2


def test_what_cannot_be_steered_is_told_by_name(slow_server):
    run = searching(begin(PlanAndSolve(), num_trials=200))
    with pytest.raises(InvalidArgumentError, match="plan:instruction, plan:demos"):
        run.pin("nobody", 0)
    with pytest.raises(InvalidArgumentError, match="a number from 0 to 4"):
        run.ban("plan", 9)
    with pytest.raises(InvalidArgumentError, match="'instruction', 'demos' or 'format'"):
        run.pin("plan", 0, part="colour")
    with pytest.raises(InvalidArgumentError, match=r"plan, solve\.predict"):
        run.add_instruction("nobody", "Do it.")
    with pytest.raises(InvalidArgumentError, match="give some text"):
        run.add_instruction("plan", "  ")
    with pytest.raises(InvalidArgumentError, match="longer than 20,000"):
        run.add_instruction("plan", "x" * 20_001)
    with pytest.raises(InvalidArgumentError, match="candidate 0 already"):
        run.add_instruction("plan", OWN.replace("answer", "plan"))
    run.stop()
    run.wait()
    with pytest.raises(RunEndedError):
        run.pin("plan", 0)


def test_there_is_nothing_to_pin_before_the_candidates_are_there():
    with ScriptedServer(answer, latency=0.3) as server:
        mipro.configure(lm=lm_of(server))
        run = begin()
        until(lambda: server.count > 0)
        with pytest.raises(MiproError, match="not all there yet"):
            run.pin("solve", 1)
        run.stop()
        run.wait()


@pytest.mark.slow
def test_candidates_can_be_steered_while_the_student_is_scored():
    def scored_slowly(request):
        asks_student = OWN in request.system and "1000 plus" in request.messages[-1]["content"]
        return replace(answer(request), delay=3 if asks_student else 0)

    with ScriptedServer(scored_slowly) as server:
        mipro.configure(lm=lm_of(server))
        run = begin(num_trials=10)
        until(lambda: "not all there" not in attempted(run))
        run.ban("solve", 2)
        number = run.add_instruction("solve", "Say only the sum.")
        assert run.read(lambda state: dict(state.trials))[0].told_at is None
        run.wait()
        assert {c["solve:instruction"] for c in tried_after(run, ev.CandidateBanned)}.isdisjoint(
            {1, 2}
        )
        assert run.state.candidates["solve"][number].instruction == "Say only the sum."
        assert run.status == "finished"


def attempted(run):
    """Ban a candidate, and return what is wrong with it."""
    try:
        run.ban("solve", 1)
    except MiproError as error:
        return str(error)
    return ""


def test_an_edit_may_stand_beside_the_original(slow_server):
    run = searching(begin())
    index = run.add_instruction("solve", "Add them up, and check.", based_on=2, replaces=False)
    assert run.state.candidates["solve"][index].based_on == 2
    assert run.state.banned == set()
    run.stop()
    run.wait()


def test_a_pause_sends_nothing_and_loses_nothing(slow_server):
    run = searching(begin())
    run.pause()
    until(lambda: run.in_flight == 0)
    assert run.status == "paused"
    sent, scored = slow_server.count, sum(map(len, run.state.scores.values()))
    time.sleep(0.3)
    assert slow_server.count == sent
    run.resume()
    assert run.status == "running"
    until(lambda: slow_server.count > sent)
    run.wait()
    assert run.status == "finished"
    assert sum(map(len, run.state.scores.values())) > scored


def test_the_time_of_a_pause_does_not_count(slow_server):
    run = searching(begin(num_trials=300))
    run.pause()
    worked = run.state.seconds_at(time.time())
    time.sleep(0.3)
    assert run.state.seconds_at(time.time()) == worked
    run.stop()
    run.wait()
    assert run.status == "stopped"
    assert mipro.runs.load(run.id).state.seconds == pytest.approx(run.state.seconds)
    assert run.state.paused_seconds >= 0.3


def test_a_paused_run_can_be_stopped(slow_server):
    run = searching(begin(num_trials=300))
    run.pause()
    run.stop()
    assert run.wait().score is not None
    assert run.status == "stopped"


def test_steering_is_read_back_from_the_record(slow_server):
    run = searching(begin())
    run.pin("solve", 1)
    run.ban("solve", 2)
    run.wait()
    recorded = mipro.runs.load(run.id).state
    assert recorded.pinned == run.state.pinned
    assert recorded.banned == run.state.banned
    assert recorded.tallies == run.state.tallies
