"""The search: the same trials at any speed, nothing paid twice, and the best program wins."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import (
    GOOD,
    PlanAndSolve,
    Solve,
    answer,
    asked,
    exact,
    handed_back,
    kind,
    lm_of,
    question_of,
    rows,
    run_of,
)

import mipro_nb as mipro
from mipro_nb.evaluate import Evaluate, ExampleResult
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated
from mipro_nb.optimizer.phases.scoring.gain import best_of, gain_of, interval_of
from mipro_nb.runs import events as ev

VAL = rows(30, start=1000)


def optimizer_of(**settings):
    settings = {
        "num_candidates": 4,
        "max_bootstrapped_demos": 2,
        "max_labeled_demos": 3,
        **settings,
    }
    return mipro.MIPROv2(exact, **settings)


def search(optimizer=None, student=None, **settings):
    settings = {
        "num_trials": 8,
        "minibatch": True,
        "minibatch_size": 6,
        "minibatch_full_eval_steps": 3,
        "val": VAL,
        **settings,
    }
    return run_of(optimizer or optimizer_of(), student, **settings)


def kinds(run):
    return [run.state.trials[number].kind for number in sorted(run.state.trials)]


def scored(run):
    return [e.event for e in run.events() if isinstance(e.event, ev.ExampleScored)]


def story(run):
    """What must be the same at any speed."""
    trials = {
        number: (t.kind, t.configuration, t.examples, t.score, t.reused)
        for number, t in run.state.trials.items()
    }
    candidates = {
        name: [found[index].instruction for index in sorted(found)]
        for name, found in run.state.candidates.items()
    }
    return trials, candidates, run.wait().dump_state(), run.score


def test_trial_0_is_the_full_evaluation_of_the_student_as_given(server):
    student = Solve()
    run = search(student=student)
    first = run.state.trials[0]
    assert (first.kind, first.configuration, first.examples) == ("baseline", {}, list(range(30)))
    assert first.score == Evaluate(devset=VAL, metric=exact)(student)
    assert run.state.baseline == first.score


@pytest.mark.parametrize(
    ("trials", "steps", "expected"),
    [
        (7, 3, "fmmmfmmmfmf"),
        (6, 3, "fmmmfmmmf"),
        (2, 10, "fmmf"),
        (1, 1, "fmf"),
    ],
)
def test_full_evaluations_come_every_so_many_trials_and_at_the_end(server, trials, steps, expected):
    run = search(
        optimizer_of(num_threads=1, search="mipro"),
        num_trials=trials,
        minibatch_full_eval_steps=steps,
        seed=3,
    )
    # The first is that of plain labelled demos. With two trials in flight, a full evaluation is
    # numbered after the one that was under way.
    found = Counter(kind[0] for kind in kinds(run)[1:])
    assert found == Counter(expected)
    assert run.plan.full_evaluations == expected.count("f")


def test_minibatches_are_samples_of_their_size_and_full_evaluations_are_full(server):
    run = search()
    for trial in run.state.trials.values():
        size = 6 if trial.kind == "minibatch" else 30
        assert len(trial.examples) == len(set(trial.examples)) == size
        assert set(trial.examples) <= set(range(30))
    batches = [t.examples for t in run.state.trials.values() if t.kind == "minibatch"]
    assert len({tuple(batch) for batch in batches}) > 1


def test_a_full_evaluation_takes_the_best_average_that_has_none_yet(server):
    run = search(num_trials=9)
    sums, full = {}, set()
    told = [e.event for e in run.events() if isinstance(e.event, ev.TrialTold)]
    for event in sorted((e for e in told if e.kind == "minibatch"), key=lambda e: e.trial):
        sums.setdefault(str(event.configuration), []).append(event.trial)
    labelled, *fulls = [t for t in run.state.trials.values() if t.kind == "full"]
    full.add(str(labelled.configuration))
    for trial in fulls:
        key = str(trial.configuration)
        assert key in sums
        assert key not in full
        full.add(key)


def test_without_minibatches_every_trial_is_full(server):
    run = search(minibatch=False, num_trials=4)
    assert kinds(run) == ["baseline", "full", *4 * ["full"]]  # the first is of labelled demos


def test_a_minibatch_may_be_the_whole_valset(server):
    run = search(minibatch_size=30, num_trials=3)
    _, *full = [trial for trial in run.state.trials.values() if trial.kind == "full"]
    assert [trial.reused for trial in full] == [30] * len(full)


@pytest.mark.slow
@pytest.mark.parametrize("student", [Solve, PlanAndSolve])
def test_the_same_seed_tells_the_same_story_at_any_speed(student):
    stories = []
    for threads, seconds in ((1, 0.001), (6, 0.02), (32, 0.01), (32, 0.04)):
        delays = random.Random(threads)
        with ScriptedServer(
            answer, latency=lambda _, d=delays, s=seconds: d.expovariate(1 / s)
        ) as server:
            # Two servers are two LMs, so nothing is answered from the record.
            mipro.configure(lm=lm_of(server))
            run = search(optimizer_of(num_threads=threads), student(), trials_in_flight=3)
        stories.append(story(run))
        assert run.plan.trials_in_flight == 3
    assert stories[0] == stories[1] == stories[2] == stories[3]


@pytest.mark.slow
def test_another_seed_tells_another_story(server):
    assert story(search(seed=1)) == story(search(seed=1))
    assert story(search(seed=1)) != story(search(seed=2))


def test_nothing_is_scored_twice(server):
    mipro.configure(lm=lm_of(server, cache=False))
    run = search(num_trials=20)
    cells = [(event.configuration, event.example) for event in scored(run)]
    assert len(cells) == len(set(cells))
    on_valset = [r for r in asked(server, "task") if int(question_of(r).split()[0]) >= 1000]
    assert len(on_valset) == len(cells)
    assert sum(trial.reused for trial in run.state.trials.values()) > 0
    evaluated = sum(len(trial.examples) - trial.reused for trial in run.state.trials.values())
    assert evaluated == len(cells)


def test_the_configuration_that_changes_nothing_is_the_student_itself(server):
    run = search(optimizer_of(num_candidates=1), num_trials=12)
    zeros = [
        t
        for t in run.state.trials.values()
        if t.configuration and not any(t.configuration.values())
    ]
    assert zeros
    assert all(trial.reused == len(trial.examples) for trial in zeros)
    assert all(trial.kind == "minibatch" for trial in zeros)


def test_the_best_program_by_full_evaluation_is_returned(server):
    run = search(num_trials=12)
    best = run.wait()
    full = [t.score for t in run.state.trials.values() if t.kind != "minibatch"]
    assert best.score == run.score == max(full) > run.state.baseline
    assert Evaluate(devset=VAL, metric=exact)(best) == pytest.approx(best.score)
    assert GOOD in best.solve.signature.instructions


def test_a_student_that_cannot_be_beaten_is_returned_itself(server):
    student = Solve()
    student.solve.signature = student.solve.signature.with_instructions(GOOD)
    student.solve.demos = rows(2, start=500)
    run = search(optimizer_of(max_bootstrapped_demos=0, max_labeled_demos=1), student, seed=1)
    best = run.wait()
    assert best is not student
    assert best.dump_state() == handed_back(student)
    assert run.state.ended.configuration == {}
    assert run.state.ended.gain_low is None


def test_a_student_with_demos_is_not_mistaken_for_one_without(server):
    student = Solve()
    student.solve.demos = rows(2, start=500)
    run = search(optimizer_of(num_candidates=1), student, num_trials=12)
    bare = [
        t
        for t in run.state.trials.values()
        if t.configuration and not any(t.configuration.values())
    ]
    assert bare[0].reused == 0  # no demos: another program than the student
    for event in scored(run):
        if event.configuration != "student as given":
            assert "=" in event.configuration


def test_programs_of_two_predictors_have_four_variables(server):
    run = search(student=PlanAndSolve())
    names = set().union(*(t.configuration for t in run.state.trials.values()))
    assert names == {
        "plan:instruction", "plan:demos", "solve.predict:instruction", "solve.predict:demos",
    }  # fmt: skip


@pytest.mark.slow
def test_a_straggler_does_not_hold_up_the_next_trial():
    slow = {}

    def straggling(request):
        reply = answer(request)
        if kind(request) == "task" and GOOD in request.system and not slow:
            slow["request"] = request.number
            return Reply(reply.text, delay=1.5)
        return reply

    with ScriptedServer(straggling) as server:
        mipro.configure(lm=lm_of(server))
        run = search()
    times = {e.event.trial: e.seq for e in run.events() if isinstance(e.event, ev.TrialAsked)}
    straggler = max(scored(run), key=lambda event: event.seconds)
    assert straggler.seconds > 1
    place = next(e.seq for e in run.events() if e.event == straggler)
    assert times[straggler.trial + 1] < place
    done = [
        e.event for e in run.events() if isinstance(e.event, ev.ExampleScored) and e.seq < place
    ]
    assert straggler.trial + 1 in {event.trial for event in done}


def test_older_trials_are_told_first_and_few_are_in_flight(server):
    run = search(num_trials=10)
    open_trials, most = set(), 0
    for event in (recorded.event for recorded in run.events()):
        if isinstance(event, ev.TrialAsked):
            open_trials.add(event.trial)
        if isinstance(event, ev.TrialTold):
            open_trials.remove(event.trial)
        most = max(most, len(open_trials))
    assert most <= run.plan.trials_in_flight + 1  # and one full evaluation beside them


def test_programs_in_flight_are_as_many_as_num_threads():
    with ScriptedServer(answer, latency=0.03) as server:
        mipro.configure(lm=lm_of(server))
        search(optimizer_of(num_threads=3), num_trials=1)
        assert server.max_in_flight == 3


def results(*scores):
    return [
        ExampleResult(i, VAL[0], None, score, None, None, 0.0) for i, score in enumerate(scores)
    ]


def evaluated(trial, how, *scores):
    return Evaluated(trial, how, {"a": trial}, range(len(scores)), results(*scores))


def test_the_earliest_of_equally_good_ones_is_the_best():
    candidates = [
        evaluated(0, "baseline", 0, 1),
        evaluated(1, "minibatch", 1, 1),
        evaluated(4, "full", 1, 1),
        evaluated(3, "full", 1, 1),
    ]
    assert best_of(candidates).trial == 3
    assert best_of(candidates[:2]).trial == 0
    assert best_of([]) is None


def gain_over(baseline, *others, seed=9):
    return gain_of(others[-1], baseline, [baseline, *others], seed)


def test_the_interval_of_the_gain_is_paired_and_seeded():
    baseline, better = evaluated(0, "baseline", *[0, 1] * 20), evaluated(1, "full", *[1, 1] * 20)
    gain = gain_over(baseline, better)
    assert 0 < gain.low < 50 < gain.high < 100
    assert gain == gain_over(baseline, better)
    shifted = evaluated(1, "full", *[0.25, 1.25] * 20)
    constant = gain_over(baseline, shifted)
    # Equal on every example: little doubt is left, and not none, as they are few.
    assert 15 < constant.low < 25 <= constant.high
    mixed = evaluated(1, "full", *[1, 0] * 20, 1)
    unclear = gain_over(evaluated(0, "baseline", *[0, 1] * 20, 0), mixed)
    assert unclear.low < 0 < unclear.high


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 12])
@pytest.mark.parametrize("differing", [0.1, 0.3, 0.5])
def test_however_few_the_rows_equal_programs_seldom_have_a_clear_gain(count, differing):
    """Where as many rows are expected to gain as to lose, a gain is told in 2.5 % at most."""
    told = 0.0
    for won, lost in itertools.product(range(count + 1), repeat=2):
        same = count - won - lost
        if same < 0 or interval_of([1] * won + [-1] * lost + [0] * same, seed=9).low <= 0:
            continue
        ways = math.comb(count, same) * math.comb(won + lost, won)
        told += ways * (differing / 2) ** (won + lost) * (1 - differing) ** same
    assert told <= 0.025


def test_one_row_alone_is_no_gain_and_many_are():
    assert interval_of([1], seed=9).low < 0 < interval_of([1], seed=9).high
    assert interval_of([1] * 20, seed=9).low > 50


def test_the_best_of_many_equals_hardly_ever_has_a_clear_gain():
    clear_alone = clear_among_many = 0
    for seed in range(30):
        rng = random.Random(seed)
        coins = [[rng.randint(0, 1) for _ in range(60)] for _ in range(30)]
        baseline = evaluated(0, "baseline", *coins[0])
        others = [evaluated(n, "full", *scores) for n, scores in enumerate(coins[1:], start=1)]
        best = max(others, key=lambda each: each.score)
        clear_alone += gain_of(best, baseline, [baseline, best], seed=9).low > 0
        clear_among_many += gain_of(best, baseline, [baseline, *others], seed=9).low > 0
    assert clear_among_many < clear_alone / 2


def test_the_gain_is_taken_on_examples_that_the_best_was_not_chosen_by():
    baseline = evaluated(0, "baseline", *[0, 1] * 40)
    best = evaluated(2, "full", *[1, 1] * 10, *[0, 1] * 30)
    luck = replace(best, trial=1, kind="minibatch", examples=range(20), results=best.results[:20])
    assert gain_of(best, baseline, [baseline, best], seed=9).high > 0
    fresh = gain_of(best, baseline, [baseline, luck, best], seed=9)
    assert (fresh.low, fresh.high) == (0, 0)


def fulls(run):
    return [t for t in run.state.trials.values() if t.kind == "full"]


@pytest.mark.slow
def test_in_the_end_two_are_fully_evaluated_unless_one_is_clearly_the_best(server):
    strategy = mipro.SearchStrategy(finalists=3)
    counts = set()
    for seed in range(6):
        run = search(optimizer_of(search=strategy), num_trials=4, seed=seed)
        counts.add(len(fulls(run)))
        assert run.plan.full_evaluations == 5  # one is that of plain labelled demos
    assert counts <= {2, 3, 4, 5}
    assert len(counts) > 1


@pytest.mark.slow
def test_trials_that_are_clearly_behind_end_early_and_cost_less(server):
    mipro.configure(lm=lm_of(server, cache=False))
    val = rows(60, start=1000)
    settings = {"val": val, "num_trials": 12, "minibatch_size": 25}
    run = search(optimizer_of(num_candidates=5), **settings)
    trials = [t for t in run.state.trials.values() if t.kind == "minibatch"]
    early = [t for t in trials if len(t.examples) < 25]
    assert early
    assert len(early) < len(trials)
    assert {len(t.examples) for t in early} == {10}
    # A single one may be given up with ten of ten right: what was believed before counts as well.
    assert sum(t.score for t in early) / len(early) < run.score
    for trial in early:
        told = [e.event for e in run.events() if isinstance(e.event, ev.TrialTold)]
        (event,) = (event for event in told if event.trial == trial.trial)
        assert event.examples == 10
    whole = search(
        optimizer_of(num_candidates=5, search=mipro.SearchStrategy(stop_losers=False)), **settings
    )
    sizes = {t.trial: len(t.examples) for t in whole.state.trials.values() if t.kind == "minibatch"}
    assert sizes.pop(1) == 50  # plain labelled demos
    assert {*sizes.values()} == {25}
    assert whole.state.spend_by_phase["search"].calls > run.state.spend_by_phase["search"].calls


def test_minibatches_hold_what_the_student_gets_right_in_proportion(server):
    val = rows(60, start=1000)
    run = search(val=val, num_trials=6, minibatch_size=20)
    right = run.state.scores["student as given"]
    share = sum(right.values()) / len(right)
    for trial in run.state.trials.values():
        if trial.kind == "minibatch" and len(trial.examples) == 20:
            found = sum(right[example] for example in trial.examples)
            assert abs(found - 20 * share) <= 1


@pytest.mark.parametrize("how", ["paired", "mipro"])
def test_nothing_is_tried_twice_while_something_is_untried(server, how):
    run = search(
        optimizer_of(num_candidates=3, search=how),
        num_trials=16,
        max_bootstrapped_demos=1,
        minibatch_full_eval_steps=4,
    )
    trials = [t for t in run.state.trials.values() if t.kind == "minibatch"]
    tried = [tuple(t.configuration.values()) for t in sorted(trials, key=lambda t: t.trial)]
    ways = 4 * 3 - 2  # the student is known, and so are plain labelled demos
    assert len(set(tried[:ways])) == ways
    assert len(tried) == 16


def test_the_algorithm_of_the_paper_is_there_under_its_name(server):
    run = search(optimizer_of(search="mipro"), num_trials=12, minibatch_size=12)
    assert {len(t.examples) for t in run.state.trials.values()} == {12, 30}
    assert run.plan.search == mipro.SearchStrategy("tpe", False, False, False, 1)
    assert run.plan.settings()["search"] == "mipro"


@pytest.mark.parametrize(
    ("given", "named"), [("best", "'paired', 'repair', 'mipro'"), (None, "SearchStrategy")]
)
def test_an_unknown_search_is_told_at_once(given, named):
    with pytest.raises(mipro.errors.InvalidArgumentError, match=named):
        optimizer_of(search=given)


def test_the_report_says_whether_the_gain_is_clear(server):
    run = search(num_trials=12)
    assert run.state.ended.gain_low > 0
    assert "gain, 95 % interval +" in run.report()
    assert "no clear gain" not in run.report()
    run.state.ended = run.state.ended.model_copy(update={"gain_low": -0.5})
    assert "points: no clear gain\n" in run.report()


def test_trials_are_asked_in_the_order_of_their_numbers(server):
    run = search(num_trials=10)
    numbers = [e.event.trial for e in run.events() if isinstance(e.event, ev.TrialAsked)]
    assert numbers == sorted(numbers) == list(range(len(numbers)))
