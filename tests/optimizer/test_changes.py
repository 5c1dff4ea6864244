"""Settings that are changed where permission is asked for: they are those of the run."""

from __future__ import annotations

import builtins

import pytest
from scripted_task import Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.optimizer.planning.changes import CHANGEABLE
from mipro_nb.optimizer.planning.grouped_settings import GROUPS, grouped_settings
from mipro_nb.optimizer.running.asking.surface import current_surface
from mipro_nb.runs.views.history import history_rows

DATA = {"trainset": rows(40), "num_trials": 8, "minibatch_size": 6}
NOBODY_ASKED = {"max_calls": 5000, "requires_permission_to_run": False}
TITLES = ["Search", "Candidates", "Data", "Proposer"]


@pytest.fixture
def asked(server, monkeypatch):
    """Return a run that waits for permission, of these settings."""

    def begin(optimizer=None, **settings):
        waiting = []

        class Question:
            can_resume = True

            def wait(self, done, timeout):
                done.result(timeout)

        def open_(self, run, **_):
            waiting.append(run)
            return Question()

        optimizer = optimizer or mipro.MIPROv2(exact, num_candidates=3)
        with monkeypatch.context() as patch:
            patch.setattr(type(current_surface()), "open", open_)
            optimizer.start(Solve(), **{**DATA, **settings})
        return waiting[0]

    return begin


def settings_of(run):
    groups = grouped_settings(run.plan, run.changeable, run.changed_from)
    return {each["name"]: each for group in groups for each in group["settings"]}


def test_the_estimate_and_the_plan_follow_and_nothing_is_sent(asked, server):
    run = asked(num_trials=2)
    before = run.plan
    run.change({"num_trials": 20, "max_bootstrapped_demos": 0, "max_labeled_demos": 0})
    assert (run.plan.num_trials, run.plan.zero_shot) == (20, True)
    search = {each.phase: each for each in run.plan.estimate.phases}["search"]
    earlier = {each.phase: each for each in before.estimate.phases}["search"]
    assert search.calls.expected > earlier.calls.expected
    assert search.input_tokens.expected / search.calls.expected < (
        earlier.input_tokens.expected / earlier.calls.expected
    )
    assert run.plan.notes[0] == (
        "Changed when permission was asked for: num_trials=20 instead of 2, "
        "max_bootstrapped_demos=0 instead of 4, max_labeled_demos=0 instead of 16."
    )
    assert server.count == 0
    run.change({})
    assert run.plan == before
    run.decline()


def test_limits_can_be_set_and_taken_back(asked):
    run = asked()
    run.change({"patience": 4, "max_instruction_tokens": 60, "smallest_edit": True})
    assert (run.plan.patience, run.plan.max_instruction_tokens) == (4, 60)
    assert "smallest edit" in run.plan.text()
    run.change({"patience": None})
    assert run.plan.patience is run.plan.max_instruction_tokens is None
    run.decline()


def test_limits_that_contradict_a_constraint_of_the_code_are_refused(asked):
    own = "Given the fields `question`, produce the fields `answer`."
    run = asked(must_keep=[own])
    with pytest.raises(InvalidArgumentError, match="must_keep alone have about"):
        run.change({"max_instruction_tokens": 2})
    assert run.plan.max_instruction_tokens is None
    run.decline()


def test_the_run_has_the_values_that_were_changed(asked):
    run = asked()
    run.change({"num_trials": 3, "minibatch_size": 4, "num_threads": 2})
    run.begin(by="user")
    run.wait()
    recorded = mipro.runs.load(run.id)
    plan = recorded.state.planned.plan
    assert (plan["num_trials"], plan["minibatch_size"], plan["num_threads"]) == (3, 4, 2)
    assert "num_trials=3 instead of 8" in recorded.state.planned.notes[0]
    told = [e.event for e in run.events() if e.event.type == "trial_told"]
    assert sum(event.kind == "minibatch" for event in told) == 3
    with pytest.raises(RunEndedError, match="settings stay as they are"):
        run.change({"num_trials": 5})


def test_the_run_is_resumed_by_the_values_that_were_changed(asked):
    run = asked(max_calls=60)
    run.change({"num_trials": 4})
    run.begin(by="user")
    run.wait()
    assert run.status == "capped"
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    again = asked(resume=True)
    assert not again.resumes, "the code says otherwise"
    again.change({"num_trials": 4})
    assert again.resumes
    assert again.id == run.id
    again.change({})
    assert not again.resumes
    assert again.id != run.id
    again.decline()
    best = optimizer.resume(run.id, Solve(), max_calls=5000, requires_permission_to_run=False)
    assert best.run.plan.num_trials == 4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minibatch_size": 99}, "the valset has only 32 rows: give at most that"),
        ({"num_trials": 0}, "num_trials=0: give a whole number of at least 1"),
        ({"num_threads": "six"}, "num_threads='six': give a whole number"),
        ({"seed": 3}, "seed=3: only num_trials, .* can be changed here: change it in the code"),
        ({"nonsense": 3}, "nonsense=3: only num_trials"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_the_plan_stays(asked, changes, said):
    run = asked()
    before = run.plan
    with pytest.raises(InvalidArgumentError, match=said):
        run.change(changes)
    assert run.plan is before
    assert run.changes == {}
    run.decline()


def test_what_auto_sets_can_be_changed_and_the_rest_of_it_stays(asked):
    run = asked(mipro.MIPROv2(exact, auto="light"), trainset=rows(100), num_trials=None)
    by_auto = run.plan
    run.change({"num_trials": 25})
    changed = run.plan
    assert (changed.num_trials, changed.auto) == (25, "light")
    assert (changed.num_candidates, changed.minibatch) == (
        by_auto.num_candidates,
        by_auto.minibatch,
    )
    assert (changed.minibatch_size, changed.valset_size) == (
        by_auto.minibatch_size,
        by_auto.valset_size,
    )
    run.change({"max_bootstrapped_demos": 0, "max_labeled_demos": 0})
    assert run.plan.num_trials == 9, "auto tries less where there are no demos"
    run.decline()


def test_a_resumed_run_keeps_what_makes_it_this_run(asked, monkeypatch):
    run = asked(max_calls=60)
    run.begin(by="user")
    run.wait()
    seen = []

    def looked_at(_):
        (waiting,) = (each for each in mipro.live_runs() if not each.permitted)
        waiting.change({"num_threads": 3})
        with pytest.raises(InvalidArgumentError, match="only num_threads can be changed here"):
            waiting.change({"num_trials": 30})
        seen.append((waiting.resumes, waiting.plan.num_threads))
        return "n"

    monkeypatch.setattr(builtins, "input", looked_at)
    with pytest.raises(mipro.errors.PermissionDeniedError):
        mipro.MIPROv2(exact).resume(run.id, Solve(), max_calls=900)
    assert seen == [(True, 3)]


def test_what_a_run_is_resumed_with_is_what_it_has_from_then_on(asked, monkeypatch):
    run = asked(max_calls=60)
    run.begin(by="user")
    run.wait()

    def changed(_):
        (waiting,) = (each for each in mipro.live_runs() if not each.permitted)
        waiting.change({"num_threads": 2})
        return "y"

    monkeypatch.setattr(builtins, "input", changed)
    optimizer = mipro.MIPROv2(exact)
    optimizer.resume(run.id, Solve(), max_calls=run.state.usage.calls + 1)
    for resume in (lambda: None, lambda: optimizer.resume(run.id, Solve(), **NOBODY_ASKED)):
        resume()
        recorded = mipro.runs.load(run.id)
        (row,) = history_rows(run.record)
        assert recorded.state.planned.plan["num_threads"] == 2
        assert row["settings"]["num_threads"] == 2
        notes = [note.text for note in recorded.state.notes]
        assert notes == ["Resumed with num_threads=2 instead of 6."]
    assert recorded.status == "finished"


@pytest.mark.parametrize("given", [{"hedge": False}, {"max_errors": 3}])
def test_what_compile_resumes_a_run_with_is_what_it_has_from_then_on(server, given):
    first = mipro.MIPROv2(exact, num_candidates=3)
    first.start(Solve(), **DATA, max_calls=60, requires_permission_to_run=False).wait()
    other = mipro.MIPROv2(exact, num_candidates=3, **given)
    run = other.start(Solve(), **DATA, resume=True, **NOBODY_ASKED)
    run.wait()
    assert run.resumes
    ((name, value),) = given.items()
    assert mipro.runs.load(run.id).state.planned.plan[name] == value


def test_the_lines_that_resume_have_the_names_of_the_variables(server, monkeypatch):
    import __main__  # noqa: PLC0415 - a notebook's variables

    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    monkeypatch.setattr(__main__, "summer", student := Solve(), raising=False)
    monkeypatch.setattr(__main__, "_7", student, raising=False)
    run = optimizer.start(student, **DATA, max_calls=40, requires_permission_to_run=False)
    run.wait()
    (row,) = history_rows(run.record)
    assert row["resume_lines"][0] == f"%mipro resume {run.id} summer --metric exact --max-calls 80"
    assert row["name"] == "Solve"


def test_a_single_predictor_is_named_by_what_it_does(server):
    qa = mipro.Predict("question -> answer")
    optimizer = mipro.MIPROv2(exact, num_candidates=3)
    run = optimizer.start(qa, **DATA, requires_permission_to_run=False)
    assert repr(run).startswith(f"Run({run.id}, ")
    run.wait()
    assert [row["name"] for row in history_rows(run.record)] == ["Predict: question -> answer"]


def test_a_run_that_waits_is_not_printed_as_planned_for_ever(asked):
    run = asked()
    assert repr(run) == f"Run({run.id})"
    run.decline()


def test_every_setting_has_a_group(asked):
    run = asked(trainset=rows(60), testset=rows(10, start=500))
    groups = grouped_settings(run.plan, run.changeable, run.changed_from)
    assert [group["title"] for group in groups] == TITLES
    told = [each["name"] for group in groups for each in group["settings"]]
    wanted = [n for title, names in GROUPS.items() if title != "Headroom" for n in names]
    assert sorted(told) == sorted(wanted)
    assert set(CHANGEABLE) <= set(told)
    run.decline()


def test_what_somebody_chose_differs_and_what_follows_does_not(asked):
    run = asked(mipro.MIPROv2(exact, auto="light", seed=3, search="mipro"), num_trials=None)
    differs = {name for name, each in settings_of(run).items() if each["differs"]}
    assert differs == {"auto", "seed", "search", "minibatch_size", "prompt_format"}
    run.change({"num_threads": 2})
    assert settings_of(run)["num_threads"]["changed"]
    assert settings_of(run)["num_threads"]["changed_from"] == 6
    assert settings_of(run)["num_threads"]["default"] == 6
    run.change({"num_threads": 6})
    assert not settings_of(run)["num_threads"]["changed"]
    run.decline()
