"""Old runs: found, folded, reported."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import processes
import pytest
from event_strategies import any_event
from hypothesis import given
from hypothesis import strategies as st

import mipro_nb as mipro
from mipro_nb.errors import MiproError, UnknownRunError
from mipro_nb.runs import RecordedEvent, RunState, fold, open_record
from mipro_nb.runs import events as ev

STUDENT = {"self:demos": 0, "self:instruction": 0}
BETTER = {"self:demos": 1, "self:instruction": 2}


def planned(process=None):
    amount = {"low": 10, "expected": 20, "high": 40}
    return ev.RunPlanned(
        program="CoT",
        predictors={"self": "question -> answer"},
        plan={},
        estimate={"total": {"calls": amount, "usd": None}},
        trainset="0",
        valset="0",
        mipro_nb="0.1.0",
        process=os.getpid() if process is None else process,
    )


def answered(*, usd: float | None = 0.5, from_cache=False, phase="search"):
    return ev.LMCallAnswered(
        phase=phase,
        model="m",
        prompt_head="0",
        prompt_tail="0",
        reply="0",
        truncated=False,
        input_tokens=100,
        output_tokens=10,
        cached_input_tokens=0,
        usd=usd,
        from_cache=from_cache,
        seconds=1.0,
    )


def trial(number, kind, configuration, score):
    return [
        ev.TrialAsked(trial=number, kind=kind, configuration=configuration, examples=[0, 1]),
        ev.TrialTold(
            trial=number,
            kind=kind,
            configuration=configuration,
            score=score,
            examples=2,
            reused=0,
        ),
    ]


def ended(program=None, **fields):
    fields = {
        "state": "finished",
        "score": 80.0,
        "baseline": 50.0,
        "configuration": BETTER,
        "gain_low": 5.0,
        "gain_high": 50.0,
        **fields,
    }
    return ev.RunEnded(program=program, **fields)


def whole_run():
    return [
        planned(),
        ev.RunPermitted(by="user"),
        ev.PhaseStarted(phase="baseline"),
        answered(phase="baseline"),
        *trial(0, "baseline", STUDENT, 50.0),
        answered(),
        answered(from_cache=True, usd=0.0),
        ev.LMCallFailed(phase="search", model="m", error="no", seconds=1.0),
        *trial(1, "minibatch", BETTER, 100.0),
        *trial(2, "full", BETTER, 80.0),
        ended(),
    ]


def write(run_id, events, record=None):
    opened = open_record(record)
    opened.add_run(run_id, "name")
    for seq, event in enumerate(events):
        opened.append(run_id, event, seq)
    return opened


def recorded(events):
    return [RecordedEvent("run", seq, 1000.0 + seq, event) for seq, event in enumerate(events)]


def sensible(events):
    """Leave out results of trials that were never asked, which no run writes."""
    asked, kept = set(), []
    for event in events:
        if isinstance(event, ev.TrialAsked):
            asked.add(event.trial)
        if not isinstance(event, ev.TrialTold) or event.trial in asked:
            kept.append(event)
    return kept


many_events = st.lists(any_event, max_size=12).map(sensible)


@given(many_events)
def test_the_fold_is_pure(events):
    written = [event.model_dump_json() for event in events]
    first = fold(recorded(events))
    second = fold(iter(recorded(events)))
    assert repr(first) == repr(second)
    assert [event.model_dump_json() for event in events] == written


@given(many_events, st.lists(st.integers(1, 5)))
def test_the_fold_does_not_depend_on_the_portions_in_which_events_come(events, sizes):
    # That a process is gone is seen by `fold`, when it is asked, and by no event.
    events = [e for e in events if not isinstance(e, ev.RunPlanned)]
    rest = recorded(events)
    state = RunState()
    for size in [*sizes, len(rest)]:
        portion, rest = rest[:size], rest[size:]
        for event in portion:
            state.apply(event)
        _ = (state.best, state.baseline, state.seconds, state.spend.usd)  # looking changes nothing
    assert repr(state) == repr(fold(recorded(events)))


def test_a_run_as_it_goes_on():
    events = whole_run()
    states = [fold(recorded(events[:count])).state for count in range(len(events) + 1)]
    assert states == ["planned"] * 2 + ["running"] * (len(events) - 2) + ["finished"]


def test_a_finished_run_knows_scores_and_spend():
    state = fold(recorded(whole_run()))
    assert state.baseline == 50.0
    assert (state.best.trial, state.best.score) == (2, 80.0)  # the minibatch's 100 is no full score
    assert (state.spend.calls, state.spend.cached_calls, state.spend.failed_calls) == (2, 1, 1)
    assert state.spend.usd == 1.0
    assert state.spend_by_phase["baseline"].calls == 1
    assert state.seconds == len(whole_run()) - 2  # from the permission on


def test_of_equal_scores_the_earlier_is_the_best():
    events = [*trial(0, "baseline", STUDENT, 50.0), *trial(1, "full", BETTER, 50.0)]
    assert fold(recorded(events)).best.configuration == STUDENT


def test_spend_in_usd_is_unknown_where_one_price_is():
    events = [answered(usd=0.5), answered(usd=None)]
    assert fold(recorded(events)).spend.usd is None
    assert fold(recorded(events)).spend.known_usd == 0.5
    assert fold([]).spend.usd == 0.0


@pytest.fixture
def dead_process():
    (line,) = processes.run("import os; print(os.getpid())")
    return int(line)


def test_a_run_whose_process_is_gone_was_cut_off(dead_process):
    write("dead", [planned(dead_process), ev.RunPermitted(by="user")])
    write("alive", [planned(), ev.RunPermitted(by="user")])
    write("over", [planned(dead_process), ev.RunPermitted(by="user"), ended()])
    assert [(run.id, run.status) for run in mipro.runs.list()] == [
        ("over", "finished"),
        ("alive", "running"),
        ("dead", "cut off"),
    ]


def test_a_killed_process_leaves_a_run_that_was_cut_off(tmp_path):
    script = """
import os, sys, signal
import mipro_nb as mipro
from mipro_nb.errors import CallRefusedError
from mipro_nb.language import Completion
class Killer:
    name, structured_outputs = "killer", False
    async def acomplete(self, request):
        print(os.getpid(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
rows = [{"question": f"{n}", "answer": "x"} for n in range(10)]
student = mipro.Predict("question -> answer")
mipro.configure(lm=Killer(), record=sys.argv[1])
mipro.MIPROv2(lambda example, prediction, trace=None: True, num_candidates=2).compile(
    student, trainset=[mipro.Example(row).with_inputs("question") for row in rows], num_trials=2,
    minibatch=False, requires_permission_to_run=False)
"""
    path = tmp_path / "killed.sqlite"
    with processes.start(script, path) as process:
        process.communicate(timeout=120)
    assert process.returncode == -9
    (run,) = mipro.runs.list(path)
    assert run.status == "cut off"
    assert run.score is None
    assert run.program_state() is None
    assert "cut off" in run.report()


def test_runs_are_listed_with_the_newest_first():
    assert mipro.runs.list() == []
    write("first", whole_run())
    write("second", [planned()])
    second, first = mipro.runs.list()
    assert (first.id, first.status, first.score) == ("first", "finished", 80.0)
    assert (second.id, second.status, second.score) == ("second", "planned", None)
    assert first.created <= second.created <= datetime.now(UTC)
    assert "first" in repr(first)
    assert "CoT finished 80.0" in repr(first)


def test_a_run_is_loaded_by_its_id_or_a_unique_beginning():
    write("20261124-010203-aaa", whole_run())
    write("20261124-010203-abb", [planned()])
    assert mipro.runs.load("20261124-010203-aaa").status == "finished"
    loaded = mipro.runs.load("20261124-010203-ab")
    assert loaded.id == "20261124-010203-abb"
    assert [type(recorded.event) for recorded in loaded.events()] == [ev.RunPlanned]


@pytest.mark.parametrize("run_id", ["20261124-01", "2027", "", "20261124-010203-aaa-and-more", "%"])
def test_an_unknown_or_ambiguous_id_is_told(run_id):
    write("20261124-010203-aaa", whole_run())
    write("20261124-010203-abb", whole_run())
    with pytest.raises(UnknownRunError, match=r"runs\.list\(\)") as caught:
        mipro.runs.load(run_id)
    assert repr(run_id) in str(caught.value)
    assert isinstance(caught.value, KeyError | MiproError)


def test_records_are_read_from_where_they_are_configured(tmp_path):
    elsewhere = tmp_path / "elsewhere.sqlite"
    write("there", whole_run(), elsewhere)
    assert mipro.runs.list() == []
    assert [run.id for run in mipro.runs.list(elsewhere)] == ["there"]
    assert mipro.runs.load("there", str(elsewhere)).score == 80.0
    with mipro.context(record=elsewhere):
        assert mipro.runs.load("there").id == "there"
    mipro.configure(record=str(elsewhere))
    assert [run.id for run in mipro.runs.list()] == ["there"]


def test_the_best_program_is_read_back():
    program = mipro.Predict("question -> answer")
    program.demos = [mipro.Example(question="1 + 1?", answer="2")]
    record = open_record()
    ref = record.put_text(json.dumps(program.dump_state()))
    write("run", [*whole_run()[:-1], ended(ref)])
    again = mipro.Predict("question -> answer")
    again.load_state(mipro.runs.load("run").program_state())
    assert again.dump_state() == program.dump_state()


def test_the_report_tells_score_gain_and_spend():
    write("run", whole_run())
    report = mipro.runs.load("run").report()
    for told in ("Run run: finished", "50.0", "80.0", "+5.0 … +50.0", "1.0000", "10 – 20 – 40"):
        assert told in report
    assert "no clear gain" not in report


def test_the_report_says_when_there_is_no_gain_and_why_a_run_ended():
    events = [*whole_run()[:-1], ended(state="stopped", gain_low=-3.0, reason="It was stopped.")]
    report = mipro.runs.fold(recorded([*events[:3], answered(usd=None), *events[3:]]))
    text = mipro.runs.report.write_report("run", report)
    for told in ("stopped", "It was stopped.", "no clear gain over the student", "unknown"):
        assert told in text


def test_a_report_can_be_written_at_any_moment():
    events = whole_run()
    for count in range(len(events) + 1):
        state = fold(recorded(events[:count]))
        assert state.state in mipro.runs.report.write_report("run", state)
