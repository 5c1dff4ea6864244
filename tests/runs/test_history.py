"""Old runs: found, folded, listed, named, deleted, reported."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import processes
import pytest
from event_strategies import any_event
from handmade import (
    BETTER,
    STUDENT,
    answered,
    asked,
    ended,
    planned,
    recorded,
    sensible,
    told,
    trial,
    whole_run,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MiproError, RecordError, UnknownRunError
from mipro_nb.runs import RunState, fold, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.store import owners
from mipro_nb.runs.views.history import history_rows

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
    events = [e for e in events if not isinstance(e, ev.RunPlanned | ev.RunResumed)]
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
    assert (state.best.trial, state.best.score) == (
        2,
        80.0,
    )  # not the minibatch's 100
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


@pytest.mark.slow
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


def test_a_run_itself_in_place_of_its_id_is_refused_with_the_way_to_its_id(tmp_path):
    write("20261124-010203-aaa", whole_run())
    run = mipro.runs.load("20261124-010203-aaa")
    for use in (mipro.runs.load, lambda run: mipro.share(run, tmp_path / "page.html")):
        with pytest.raises(InvalidArgumentError, match=r"run_id=.*run\.id"):
            use(run)


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
    for part in ("Run run: finished", "50.0", "80.0", "+5.0 … +50.0", "$1.00", "20 (10 to 40)"):
        assert part in report
    assert "no clear gain" not in report


def test_the_report_says_when_there_is_no_gain_and_why_a_run_ended():
    events = [*whole_run()[:-1], ended(state="stopped", gain_low=-3.0, reason="It was stopped.")]
    report = mipro.runs.fold(recorded([*events[:3], answered(usd=None), *events[3:]]))
    text = mipro.runs.views.report.write_report("run", report)
    for part in ("stopped", "It was stopped.", "points: no clear gain\n", "unknown"):
        assert part in text


def test_a_report_can_be_written_at_any_moment():
    events = whole_run()
    for count in range(len(events) + 1):
        state = fold(recorded(events[:count]))
        assert state.state in mipro.runs.views.report.write_report("run", state)


def steered_run():
    """A run that was paused and went on, and whose best trial was banned; it has not ended."""
    return [
        planned(plan={"auto": "light", "seed": 9}, models={"task": "gpt", "prompt": "gpt"}),
        ev.RunPermitted(by="user"),
        *trial(0, "baseline", {}, 50.0),
        ev.RunPaused(),
        answered(usd=None),
        ev.RunResumed(),
        *trial(1, "full", BETTER, 80.0),
        ev.CandidateBanned(predictor="self", part="instruction", index=2, on=True),
        asked(2, "full", {"self:instruction": 1}),
        told(2, "full", {"self:instruction": 1}, 60.0),
        asked(3, "minibatch", BETTER),
    ]


@pytest.mark.parametrize("make", [whole_run, steered_run])
def test_a_line_of_the_history_tells_what_the_events_tell(make):
    for count in range(len(make()) + 1):
        run_id = f"run-{count}"
        record = open_record()
        record.add_run(run_id, "name")
        for seq, event in enumerate(make()[:count]):
            record.append(run_id, event, seq, at=1000.0 + seq)
        (row,) = history_rows(record, [run_id])
        state = fold(record.events(run_id))
        best = state.best.score if state.best else None
        assert (row["state"], row["baseline"]) == (state.state, state.baseline)
        assert row["score"] == (state.ended.score if state.ended else best)
        assert (row["calls"], row["usd"]) == (state.spend.calls, state.spend.usd)
        assert row["trials"] == sum(t.score is not None for t in state.trials.values())
        assert row["seconds"] == state.seconds
        assert not row["here"]  # another process's
        json.dumps(row)


def test_a_line_of_the_history_tells_program_models_and_settings():
    write("run", steered_run(), name="my run")
    (row,) = history_rows(open_record())
    assert (row["name"], row["program"], row["tags"]) == ("my run", "CoT", [])
    assert row["models"] == {"task": "gpt", "prompt": "gpt"}
    assert row["settings"] == {"auto": "light", "seed": 9}
    assert row["state"] == "running"


def test_a_run_that_has_no_events_yet_is_listed_all_the_same():
    write("empty", [])
    (row,) = history_rows(open_record())
    assert (row["state"], row["program"], row["seconds"], row["usd"]) == ("planned", "name", 0, 0)
    assert mipro.runs.list()[0].report()


def test_a_damaged_event_hides_neither_its_run_nor_others():
    record = write("damaged", whole_run())
    write("sound", whole_run())
    record._db.execute("UPDATE events SET body = '{' WHERE run_id = 'damaged' AND seq = 8")
    assert [(run.id, run.score) for run in mipro.runs.list()] == [
        ("sound", 80.0),
        ("damaged", 80.0),
    ]
    record._db.execute(
        "UPDATE events SET body = '{' WHERE run_id = 'damaged' AND type = 'run_ended'"
    )
    assert [run.id for run in mipro.runs.list()] == ["sound", "damaged"]
    with pytest.raises(RecordError, match="Event 8 of run damaged"):
        _ = mipro.runs.load("damaged").state


def test_runs_are_searched_by_all_that_a_line_tells():
    write("20261124-a", steered_run(), name="Spam filter")
    write("20261125-b", whole_run(), name="sums")
    mipro.runs.tag("20261125-b", "For the paper")

    def found(text):
        return [run.id for run in mipro.runs.search(text)]

    assert found("") == ["20261125-b", "20261124-a"]
    for text in ("SPAM", "20261124", "gpt", "auto=light", "running cot", "seed=9 filter"):
        assert found(text) == ["20261124-a"]
    assert found("seed") == []  # what a setting is called is in every line
    assert found("paper finished") == ["20261125-b"]
    assert found("spam finished") == []


def test_a_run_is_renamed_and_tagged():
    write("run", whole_run(), name="CoT")
    assert repr(mipro.runs.load("run")).endswith("CoT finished 80.0)")
    renamed = mipro.runs.rename("ru", "  the good one ")
    assert renamed.name == mipro.runs.load("run").name == "the good one"
    assert "'the good one' CoT" in repr(renamed)
    assert mipro.runs.tag("run", "a", "b ", "a").tags == ("a", "b")
    assert mipro.runs.tag("run", "c").tags == ("c",)  # in place of those before
    assert mipro.runs.tag("run").tags == mipro.runs.load("run").tags == ()


@pytest.mark.parametrize("change", [mipro.runs.rename, mipro.runs.tag])
def test_names_and_tags_have_a_limit_that_the_refusal_tells(change, tmp_path):
    write("run", whole_run(), name="name")
    longest = 200 if change is mipro.runs.rename else 100
    with pytest.raises(InvalidArgumentError, match=f"1 to {longest} characters"):
        change("run", "x" * (longest + 1))
    assert (mipro.runs.load("run").name, mipro.runs.load("run").tags) == ("name", ())
    change("run", f" {'x' * longest} ")
    file = mipro.runs.export("run", tmp_path / "run.json")
    again = mipro.runs.import_run(file, record=tmp_path / "other.sqlite")
    assert "x" * longest in (again.name, *again.tags)


def test_a_run_has_fifty_tags_at_most():
    write("run", whole_run())
    with pytest.raises(InvalidArgumentError, match="at most 50 tags"):
        mipro.runs.tag("run", *map(str, range(51)))
    assert len(mipro.runs.tag("run", *map(str, range(50))).tags) == 50


def test_half_of_a_character_in_a_name_or_a_tag_breaks_no_export(tmp_path):
    write("run", whole_run())
    mipro.runs.rename("run", "half \ud83d")
    mipro.runs.tag("run", "\udc00")
    file = mipro.runs.export("run", tmp_path / "run.json")
    again = mipro.runs.import_run(file, record=tmp_path / "other.sqlite")
    assert (again.name, again.tags) == ("half \\ud83d", ("\\udc00",))


def test_a_run_has_a_note_that_is_searched_and_taken_away():
    write("run", whole_run())
    assert mipro.runs.load("run").note == ""
    assert mipro.runs.note("ru", " Slow,\nbut cheap. ").note == "Slow,\nbut cheap."
    assert [run.id for run in mipro.runs.search("cheap")] == ["run"]
    assert mipro.runs.note("run", "").note == mipro.runs.load("run").note == ""
    for wrong in (None, "x" * 10_001):
        with pytest.raises(InvalidArgumentError, match="at most 10,000 characters"):
            mipro.runs.note("run", wrong)


@pytest.mark.parametrize("wrong", ["", "  ", None, 3])
def test_an_empty_name_or_tag_is_refused(wrong):
    write("run", whole_run())
    for change in (mipro.runs.rename, mipro.runs.tag):
        with pytest.raises(InvalidArgumentError, match="text"):
            change("run", wrong)
    assert mipro.runs.load("run").name == "name"


def test_runs_are_deleted():
    for run_id in ("one", "two", "three"):
        write(run_id, whole_run())
    mipro.runs.delete("one", "three", "one")
    assert [run.id for run in mipro.runs.list()] == ["two"]


@pytest.mark.parametrize("wrong", ["tw", "", "nobody"])
def test_only_whole_ids_delete_and_all_runs_are_deleted_or_none(wrong):
    write("one", whole_run())
    write("two", whole_run())
    with pytest.raises(UnknownRunError, match=r"runs\.list\(\)"):
        mipro.runs.delete("one", wrong)
    assert len(mipro.runs.list()) == 2


def test_a_run_of_an_earlier_process_of_the_same_number_is_cut_off_and_can_be_deleted():
    write("lost", [planned(os.getpid()), ev.RunPermitted(by="user")])
    (run,) = mipro.runs.list()
    assert (run.status, run.row["here"]) == ("cut off", False)
    mipro.runs.delete("lost")
    assert mipro.runs.list() == []


def test_a_run_that_goes_on_is_not_deleted(dead_process, monkeypatch):
    write("over", whole_run())
    write("cut off", [planned(dead_process), ev.RunPermitted(by="user")])
    write("here", [planned(os.getpid()), ev.RunPermitted(by="user"), ev.RunPaused()])
    write("elsewhere", [planned(os.getppid()), ev.RunPermitted(by="user")])
    monkeypatch.setattr(owners, "_here", {"here": {"somebody"}})
    for run_id, remedy in (("here", "stop it first"), ("elsewhere", "another process")):
        with pytest.raises(InvalidArgumentError, match=remedy) as caught:
            mipro.runs.delete("over", run_id)
        assert run_id in str(caught.value)
    assert len(mipro.runs.list()) == 4
    mipro.runs.delete("over", "cut off")
    assert {run.id for run in mipro.runs.list()} == {"here", "elsewhere"}


def test_a_finished_run_of_two_predictors_is_listed_as_it_ended(finished):
    (row,) = history_rows(finished.record)
    assert row["state"] == "finished"
    assert row["score"] == finished.state.ended.score >= row["baseline"]
    assert row["calls"] == finished.state.spend.calls > 30
    assert row["usd"] == pytest.approx(finished.state.spend.usd)
    assert row["models"]["task"] == "openai/scripted"
