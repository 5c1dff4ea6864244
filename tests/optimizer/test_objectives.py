"""Objectives beside the score: what configurations take, the Pareto front, and a choice."""

from __future__ import annotations

import re
import tempfile
import threading

import pytest
from scripted_server import ScriptedServer
from scripted_task import (
    PlanAndSolve,
    Solve,
    answer,
    asked,
    exact,
    lm_of,
    question_of,
    rows,
    run_of,
)
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.notebook.saved.static_html import run_html
from mipro_nb.notebook.saved.static_text import run_text
from mipro_nb.optimizer.planning.settings.preference import preference_of
from mipro_nb.optimizer.running.run import runs_here
from mipro_nb.runs.statistics.objectives import (
    MeasuredConfiguration,
    front,
    measured_configurations,
)
from mipro_nb.runs.views.view import RunView

TRAIN, VAL = rows(20), rows(12, start=1000)
SETTINGS = {"train": TRAIN, "val": VAL, "num_trials": 12}


def optimizer(metric=exact, **settings):
    return mipro.MIPROv2(metric, **{"num_candidates": 5, "num_threads": 4, **settings})


def view_of(run):
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    return view.snapshot(now=run.state.last_at, in_flight=None)


def made(trial, score, tokens, **others):
    given = {"usd": None, "seconds": None, "characters": 10, **others}
    return MeasuredConfiguration(trial, {}, score, tokens=tokens, **given)


@pytest.mark.parametrize("size", [100, 200, 300, 700])
def test_a_program_that_is_just_as_many_points_below_as_allowed_is_within_them(size):
    """However the two scores, and their difference, were rounded."""
    prefer = preference_of("fewest tokens within 1 point")
    for right in range(size // 100, size + 1):
        best = made(0, 100 * right / size, tokens=2)
        below = made(1, 100 * (right - size // 100) / size, tokens=1)
        assert prefer.choose([best, below]) is below
        assert prefer.choose([best, made(2, below.score - 0.01, tokens=1)]) is best


def test_the_front_is_what_no_other_beats():
    cheap, middle, dear = made(0, 50, 10), made(1, 70, 20), made(2, 90, 90)
    beaten, equal = made(3, 60, 20), made(4, 70, 20)
    found = front([beaten, cheap, middle, dear, equal], ("score", "tokens"))
    assert found == [cheap, middle, dear, equal]
    assert front([made(0, 50, 10), made(1, 50, 10, seconds=2.0)], ("score", "seconds")) == [
        made(1, 50, 10, seconds=2.0)
    ]


def test_every_configuration_tells_what_an_example_takes(server):
    run = run_of(optimizer(), **SETTINGS)
    measured = {each.trial: each for each in measured_configurations(run.state)}
    student = measured[0]
    assert student.score == run.state.baseline
    spend = run.state.trials[0].spend
    assert student.tokens == (spend.input_tokens + spend.output_tokens) / len(VAL)
    assert student.usd == pytest.approx(spend.usd / len(VAL))
    assert student.characters == len(run.state.candidates["solve"][0].instruction)
    assert student.seconds > 0
    # Demos make prompts longer.
    assert any(each.tokens > student.tokens for each in measured.values())


def test_answers_from_the_record_count_as_if_they_had_been_sent(server):
    first = run_of(optimizer(), **SETTINGS)
    again = run_of(optimizer(), **SETTINGS)
    assert again.state.spend.calls < first.state.spend.calls
    costs = [
        {each.trial: (each.score, each.tokens, each.characters) for each in measured}
        for measured in (measured_configurations(r.state) for r in (first, again))
    ]
    assert costs[0] == costs[1]
    usd = [{e.trial: e.usd for e in measured_configurations(r.state)} for r in (first, again)]
    assert usd[0] == pytest.approx(usd[1])
    assert again.state.spend.usd < first.state.spend.usd


def unbeaten(run, objective):
    """Return the trials than which no other is better in score or objective, and equal at least."""
    points = {
        each.trial: (each.score, -getattr(each, objective))
        for each in measured_configurations(run.state)
    }
    return {
        trial
        for trial, own in points.items()
        if not any(
            other != own and other[0] >= own[0] and other[1] >= own[1] for other in points.values()
        )
    }


def test_pareto_has_a_row_for_each_configuration_that_no_other_beats(server):
    run = run_of(optimizer(), **SETTINGS)
    for frame in (run.pareto(), mipro.runs.load(run.id).pareto()):
        assert set(frame.index) == unbeaten(run, "usd")
        assert frame["score"].max() == run.score
        assert frame["usd"].is_monotonic_increasing
        assert frame["score"].is_monotonic_increasing
    trial = int(run.pareto().index[-1])
    assert run.programs[trial].dump_state() == mipro.runs.load(run.id).program_state(trial)
    assert set(run.pareto("score", "characters").index) == unbeaten(run, "characters")
    with pytest.raises(InvalidArgumentError, match=r"objectives='price': give score, usd"):
        run.pareto("price")


def test_without_prices_cost_is_told_in_tokens(server):
    mipro.configure(lm=lm_of(server, price=None))
    run = run_of(optimizer(), **SETTINGS)
    frame = run.pareto()
    assert frame["tokens"].is_monotonic_increasing
    assert frame["usd"].isna().all()
    assert "the price of a model is not known" in run.report()
    with pytest.raises(InvalidArgumentError, match="give 'tokens' instead"):
        run.pareto("score", "usd")
    before = server.count
    with pytest.raises(InvalidArgumentError, match="give 'fewest tokens within 1 point' instead"):
        run_of(optimizer(), **SETTINGS, prefer="cheapest within 1 point")
    assert server.count == before


@pytest.mark.parametrize(
    ("prefer", "objective"),
    [
        ("cheapest within 40 points", "usd"),
        ("Fewest  tokens within 40.0 points", "tokens"),
        ("shortest within 40 points", "characters"),
    ],
)
def test_the_least_is_returned_that_lies_within_so_many_points(server, prefer, objective):
    best = run_of(optimizer(), **SETTINGS)
    run = run_of(optimizer(), **SETTINGS, prefer=prefer)
    measured = measured_configurations(run.state)
    good = [each for each in measured if each.score >= best.score - 40]
    least = min(each.value(objective) for each in good)
    chosen = next(e for e in measured if e.configuration == run.state.ended.configuration)
    assert chosen.value(objective) == least
    assert run.wait().dump_state() == run.programs[chosen.trial].dump_state()
    assert run.score == chosen.score <= best.score
    if chosen.score < best.score:
        assert "because of prefer=" in run.report()
        assert run.state.best.trial == chosen.trial
        assert mipro.runs.load(run.id).score == chosen.score
        leader = max(measured, key=lambda each: (each.score, -each.trial))
        assert f"preferred to trial {leader.trial}, which has the highest score" in card_of(run)
        assert card_of(run).startswith(f"Trial {chosen.trial} ")


def card_of(run):
    view = RunView(run.record, run.id)
    view.apply(run.record.events(run.id))
    return " ".join(view.summary(now=0, in_flight=None)["result"]["why"])


def test_within_no_points_the_best_is_returned(server):
    best = run_of(optimizer(), **SETTINGS)
    run = run_of(optimizer(), **SETTINGS, prefer="cheapest within 0 points")
    assert run.score == best.score


def test_a_function_chooses(server):
    seen = []

    def the_student(configurations):
        seen.append(configurations)
        return next(each for each in configurations if each.trial == 0)

    test = rows(6, start=5000)
    run = run_of(optimizer(), **SETTINGS, prefer=the_student, testset=test)
    assert run.wait().dump_state() == run.programs[0].dump_state()
    assert run.state.ended.gain_low is None
    assert len(seen) == 1  # what is tested is what is returned
    assert {question_of(r) for r in asked(server, "task")} >= {row.question for row in test}
    assert run.state.tested == len(test)
    assert "because of prefer='function the_student'" in run.report()


def test_other_runs_go_on_while_a_function_chooses(server):
    chooses, other_ended = threading.Event(), threading.Event()
    ended_meanwhile = []

    def slow(configurations):
        chooses.set()
        ended_meanwhile.append(other_ended.wait(60))
        return configurations[0]

    settings = {"minibatch": False, "requires_permission_to_run": False}
    run = optimizer().start(
        Solve(), trainset=TRAIN, valset=VAL, num_trials=3, prefer=slow, **settings
    )
    assert chooses.wait(60)
    other = optimizer().start(
        Solve(), trainset=TRAIN, valset=rows(8, start=3000), num_trials=2, **settings
    )
    other.wait()
    other_ended.set()
    run.wait()
    assert ended_meanwhile == [True]


def test_a_candidate_that_is_banned_while_a_function_chooses_is_not_returned(server):
    seen = []

    def the_last_that_was_tried(configurations):
        seen.append([each.trial for each in configurations])
        chosen = configurations[-1]
        if len(seen) == 1:
            run.ban("solve", chosen.configuration["solve:instruction"])
        return chosen

    run = begun(the_last_that_was_tried)
    run.wait()
    first, last = seen
    assert set(last) < set(first)
    assert run.state.best.trial == last[-1]
    assert not run.state.is_banned(run.state.ended.configuration)


def test_a_run_that_is_stopped_asks_no_function(server):
    seen = []
    run = stopped(seen.append)
    assert run.status == "stopped"
    assert seen == []


@pytest.mark.parametrize("broken", [lambda _: 1 / 0, lambda _: None, lambda _: "trial 3"])
def test_a_function_that_chooses_nothing_costs_no_run(server, broken):
    best = run_of(optimizer(), **SETTINGS)
    run = run_of(optimizer(), **SETTINGS, prefer=broken)
    assert run.status == "finished"
    assert run.score == best.score
    assert re.search("chose nothing: .*, so the best program is returned", run.report())


@pytest.mark.parametrize("prefer", ["cheap", "cheapest", "cheapest within -1 points", 5, ""])
def test_what_is_not_understood_is_refused_with_what_would_be(server, prefer):
    with pytest.raises(InvalidArgumentError, match=r"prefer=.*'cheapest within 1 point'"):
        run_of(optimizer(), **SETTINGS, prefer=prefer)
    assert server.count == 0


def begun(prefer):
    return optimizer().start(
        Solve(),
        trainset=TRAIN,
        valset=VAL,
        num_trials=12,
        minibatch=False,
        prefer=prefer,
        requires_permission_to_run=False,
    )


def stopped(prefer):
    run = begun(prefer)
    until(lambda: len(run.state.trials) > 3)
    run.stop()
    run.wait()
    return run


def test_a_run_that_is_resumed_returns_what_it_would_have_returned(server):
    prefer = "shortest within 40 points"
    whole = run_of(optimizer(), **SETTINGS, prefer=prefer)
    mipro.configure(lm=lm_of(server, cache=False))
    run = stopped(prefer)
    optimizer().resume(run.id, Solve(), requires_permission_to_run=False)
    again = mipro.runs.load(run.id)
    assert again.state.ended.configuration == whole.state.ended.configuration
    assert again.score == whole.score


def test_what_is_preferred_on_resuming_stays_so_when_the_run_is_resumed_again(server):
    prefer = "shortest within 50 points"
    whole = run_of(optimizer(), **SETTINGS, prefer=prefer)
    mipro.configure(lm=lm_of(server, cache=False))
    run = stopped(None)
    at_once = mipro.runs.load(run.id).state.usage.calls + 1
    asked_nobody = {"requires_permission_to_run": False}
    optimizer().resume(run.id, Solve(), prefer=prefer, max_calls=at_once, **asked_nobody)
    capped = mipro.runs.load(run.id)
    assert capped.status == "capped"
    assert capped.state.planned.plan["prefer"] == prefer
    optimizer().resume(run.id, Solve(), max_calls=5000, **asked_nobody)
    again = mipro.runs.load(run.id)
    assert again.state.ended.configuration == whole.state.ended.configuration
    summary = view_of(run)["summary"]
    assert summary["settings"]["prefer"] == prefer
    assert f"Resumed with prefer={prefer!r} instead of None." in summary["notes"]


def first(configurations):
    return configurations[0]


def test_a_function_has_to_be_given_again_in_another_session(server, monkeypatch):
    run = stopped(first)
    with monkeypatch.context() as another_session:
        another_session.setattr(runs_here, "_begun", {})
        with pytest.raises(InvalidArgumentError, match=r"prefer=.*function first.*give it again"):
            optimizer().resume(run.id, Solve(), requires_permission_to_run=False)
        optimizer().resume(run.id, Solve(), prefer=first, requires_permission_to_run=False)
    assert mipro.runs.load(run.id).status == "finished"


def test_a_function_of_a_run_of_this_session_is_at_hand(server):
    run = stopped(first)
    best = optimizer().resume(run.id, requires_permission_to_run=False)
    assert best.run.plan.prefer.function is first
    assert best.run.state.best.trial == 0


@pytest.mark.parametrize(
    ("chooser", "name"), [(first, "first"), (lambda configurations: configurations[0], "FUNCTION")]
)
def test_the_lines_that_resume_a_run_name_its_function(server, chooser, name):
    run = stopped(chooser)
    magic, python = mipro.runs.load(run.id).row["resume_lines"]
    assert magic.endswith(f" --metric exact --prefer {name}")
    assert python.endswith(f", prefer={name})")
    assert f"prefer={name}" in run.report()


def test_every_view_shows_what_no_other_beats():
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(optimizer(), **SETTINGS)
    snapshot = view_of(run)
    view = snapshot["summary"]["objectives"]
    ahead = [row["trial"] for row in view["rows"] if row["on_front"]]
    assert sorted(ahead) == sorted(run.pareto().index)
    assert [row["trial"] for row in view["rows"] if row["best"]] == [run.state.best.trial]
    for text in (run_text(snapshot), run_html(snapshot), run.report()):
        assert "on the Pareto front, where no other is better" in text


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_measures_and_returns_what_it_would_have():
    def ran(stop_at):
        reached = threading.Event()

        def replied(request):
            if request.number == stop_at:
                reached.set()
            return answer(request)

        with ScriptedServer(replied) as server, tempfile.TemporaryDirectory() as folder:
            record = f"{folder}/record.sqlite"
            mipro.configure(lm=lm_of(server))
            optimizing = optimizer(num_candidates=3, search="repair")
            given = {"record": record, "requires_permission_to_run": False}
            run = optimizing.start(
                PlanAndSolve(),
                trainset=TRAIN,
                valset=VAL,
                num_trials=8,
                minibatch_size=4,
                prefer="fewest tokens within 5 points",
                **given,
            )
            if stop_at is not None:
                assert reached.wait(120)
                run.stop()
                run.wait()
                run = optimizing.resume(run.id, PlanAndSolve(), **given).run
            run.wait()
            measured = measured_configurations(run.state)
            return run.state.ended.configuration, [(m.trial, m.tokens) for m in measured]

    assert ran(stop_at=120) == ran(stop_at=None)
