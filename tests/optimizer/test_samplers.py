"""Samplers by name: those of users, what is written down of them, and faults that are found."""

from __future__ import annotations

import itertools
import random
import time

import numpy as np
import optuna
import pytest
from scripted_task import Solve, rows, run_of

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, ProgramError
from mipro_nb.optimizer.search.additive import AdditiveSampler
from mipro_nb.optimizer.search.tpe import TreeSampler
from mipro_nb.testing import SamplerContract


@pytest.fixture(autouse=True)
def _none_registered(monkeypatch):
    monkeypatch.setattr("mipro_nb.optimizer.search.samplers._registered", {})


class AtRandom(mipro.Sampler):
    """Draws by chance."""

    def ask(self, choices):
        drawn = {name: self.rng.choice(indices) for name, indices in choices.items()}
        return self.untried(choices) or drawn


class TestAdditiveSampler(SamplerContract):
    make_sampler = AdditiveSampler


class TestTreeSampler(SamplerContract):
    make_sampler = TreeSampler


class TestSamplerOfAUser(SamplerContract):
    make_sampler = AtRandom


class Banned(AtRandom):
    """Goes on with the choices that it was given first."""

    first = None

    def ask(self, choices):
        self.first = self.first or choices
        return super().ask(self.first)


class Outside(AtRandom):
    def ask(self, choices):
        return {name: max(indices) + 1 for name, indices in choices.items()}


class Halves(AtRandom):
    def ask(self, choices):
        return {name: float(index) for name, index in super().ask(choices).items()}


class Meddles(AtRandom):
    """Empties whatever it is given, and what it gave."""

    last = None

    def ask(self, choices):
        if self.last is not None:
            self.last.clear()
        self.last = super().ask(choices)
        for given in (*choices.values(), choices):
            given.clear()
        return self.last

    def tell(self, configuration, scores):
        super().tell(dict(configuration), dict(scores))
        configuration.clear()
        scores.clear()

    def belief(self, configuration):
        known = super().belief(dict(configuration))
        configuration.clear()
        return known

    def prospects(self, configuration, examples):
        known = super().prospects(dict(configuration), list(examples))
        configuration.clear()
        examples.clear()
        return known


class OfNumpy(AtRandom):
    def ask(self, choices):
        return {name: np.int64(index) for name, index in super().ask(choices).items()}


class Forgetful(AtRandom):
    def ask(self, choices):
        return dict(list(super().ask(choices).items())[1:])


class OfAnySeed(AtRandom):
    def __init__(self, seed, *, paired):
        super().__init__(random.randrange(10**9), paired=paired)


class ByTheClock(AtRandom):
    def __init__(self, seed, *, paired):
        super().__init__(time.perf_counter_ns(), paired=paired)


class ByTheOrderOfASet(AtRandom):
    def ask(self, choices):
        ways = {
            frozenset(zip(choices, way, strict=True))
            for way in itertools.product(*choices.values())
        }
        for way in ways:
            if dict(way) in self._untried:
                self._untried.take(dict(way))
                return dict(way)
        return super().ask(choices)


class OfWhatWasTold(AtRandom):
    """Knows of no trial that is in flight."""

    def __init__(self, seed, *, paired):
        super().__init__(seed, paired=paired)
        self.known = []

    def ask(self, choices):
        ways = [
            dict(zip(choices, way, strict=True)) for way in itertools.product(*choices.values())
        ]
        return next((way for way in ways if way not in self.known), ways[0])

    def tell(self, configuration, scores):
        super().tell(configuration, scores)
        self.known.append(configuration)


class OnlyItsOwn(AtRandom):
    """Takes no score of what it did not ask for."""

    def __init__(self, seed, *, paired):
        super().__init__(seed, paired=paired)
        self.asked = []

    def ask(self, choices):
        self.asked.append(super().ask(choices))
        return self.asked[-1]

    def tell(self, configuration, scores):
        self.asked.remove(configuration)
        super().tell(configuration, scores)


class DrawsWhenLookedAt(AtRandom):
    def belief(self, configuration):
        self.rng.random()
        return super().belief(configuration)


class CountsTwice(AtRandom):
    def tell(self, configuration, scores):
        super().tell(configuration, {self.rng.random(): score for score in scores.values()})


class Ends(AtRandom):
    def ask(self, choices):
        return self.untried(choices)


class Upside(AtRandom):
    def tell(self, configuration, scores):
        super().tell(configuration, {example: 1 - score for example, score in scores.items()})


class Tidies(AtRandom):
    def tell(self, configuration, scores):
        super().tell(configuration, scores)
        scores.clear()


@pytest.mark.parametrize(
    ("faulty", "found_by"),
    [
        (Banned, "test_only_what_may_be_chosen_is_asked_for"),
        (Outside, "test_only_what_may_be_chosen_is_asked_for"),
        (Forgetful, "test_only_what_may_be_chosen_is_asked_for"),
        (OfAnySeed, "test_the_same_seed_and_scores_give_the_same"),
        (ByTheClock, "test_the_same_seed_and_scores_give_the_same"),
        (ByTheOrderOfASet, "test_the_same_seed_and_scores_give_the_same"),
        (OfWhatWasTold, "test_all_are_tried_before_one_is_tried_again"),
        (OnlyItsOwn, "test_what_was_told_without_being_asked_for_is_not_asked_for"),
        (OnlyItsOwn, "test_what_was_asked_may_never_be_told"),
        (DrawsWhenLookedAt, "test_to_look_changes_nothing"),
        (CountsTwice, "test_the_same_scores_told_again_are_no_news"),
        (Ends, "test_it_goes_on_when_all_were_tried"),
        (Upside, "test_the_better_the_scores_the_better_the_belief"),
        (Tidies, "test_what_it_is_given_is_left_as_it_was"),
    ],
)
def test_the_contract_finds_a_fault(faulty, found_by):
    class Contract(SamplerContract):
        make_sampler = faulty

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), found_by)()


def strategy(sampler):
    return mipro.SearchStrategy(sampler=sampler)


def test_a_sampler_of_a_user_searches_and_is_written_down_by_its_name(server):
    mipro.register_sampler("at-random", AtRandom)
    for given, name in [
        ("at-random", "at-random"),
        (AtRandom, "at-random"),
        (Ends, f"{__name__}:Ends"),
    ]:
        run = run_of(mipro.MIPROv2(exact, search=strategy(given), num_candidates=3), num_trials=3)
        assert run.plan.search.sampler == name
        assert run.plan.settings()["search"] == f"paired, sampler={name!r}"
        assert len(run.state.trials) == 5  # student, labelled demos, and three trials


def exact(example, prediction, trace=None):
    return prediction.answer == example.answer


def minibatches(sampler=AtRandom):
    return run_of(
        mipro.MIPROv2(exact, search=strategy(sampler), num_candidates=4),
        val=rows(30, start=1000),
        num_trials=8,
        minibatch=True,
        minibatch_size=6,
        minibatch_full_eval_steps=3,
        trials_in_flight=3,
    )


@pytest.mark.slow
def test_its_trials_are_the_same_in_every_run_with_several_in_flight(server):
    trials = [
        {number: trial.configuration for number, trial in minibatches().state.trials.items()}
        for _ in range(2)
    ]
    assert trials[0] == trials[1]
    assert len(trials[0]) > 9


def test_a_run_with_it_is_resumed(server):
    stopped = run_of(mipro.MIPROv2(exact, search=strategy(AtRandom)), num_trials=4, max_calls=30)
    assert stopped.state.state == "capped"
    mipro.MIPROv2(exact).resume(stopped.id, max_calls=10_000, requires_permission_to_run=False)
    assert mipro.runs.load(stopped.id).status == "finished"


def test_a_run_whose_sampler_is_not_known_is_not_resumed_and_the_remedy_is_told(
    server, monkeypatch
):
    run = run_of(mipro.MIPROv2(exact, search=strategy(AtRandom)), num_trials=4, max_calls=30)
    monkeypatch.setattr("mipro_nb.optimizer.search.samplers._registered", {})
    sent = server.count
    remedy = r"sampler=.*:AtRandom.*SearchStrategy\(sampler=AtRandom\)"
    with pytest.raises(InvalidArgumentError, match=remedy):
        mipro.MIPROv2(exact).resume(run.id, max_calls=10_000, requires_permission_to_run=False)
    assert server.count == sent
    mipro.SearchStrategy(sampler=AtRandom)
    mipro.MIPROv2(exact).resume(run.id, max_calls=10_000, requires_permission_to_run=False)
    assert mipro.runs.load(run.id).status == "finished"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("best", r"there is no such sampler: give one of 'additive', 'tpe'.*register_sampler"),
        ("elsewhere:Mine", "it is not known in this process"),
        (3, "give a class derived from mipro_nb.Sampler"),
        (lambda seed, *, paired: AtRandom(seed, paired=paired), "it has no name"),
    ],
)
def test_a_sampler_that_there_is_not_is_told_at_once(given, told):
    with pytest.raises(InvalidArgumentError, match=told):
        strategy(given)


@pytest.mark.parametrize(
    ("name", "factory", "told"),
    [
        ("tpe", AtRandom, "mipro_nb has a sampler of that name"),
        ("a b", AtRandom, "give letters"),
        (None, AtRandom, "give letters"),
        ("mine", "tpe", "give a class derived"),
    ],
)
def test_what_cannot_be_registered_is_told(name, factory, told):
    with pytest.raises(InvalidArgumentError, match=told):
        mipro.register_sampler(name, factory)


def no_sampler(seed, *, paired):
    return object()


def called_otherwise(study, trial):
    return object()


@pytest.mark.parametrize("given", [optuna.samplers.RandomSampler, called_otherwise])
def test_what_is_called_otherwise_than_a_sampler_is_told_before_any_call(server, given):
    optimizer = mipro.MIPROv2(exact, search=mipro.SearchStrategy(sampler=given))
    with pytest.raises(InvalidArgumentError, match=r"derive a class from mipro_nb\.Sampler"):
        optimizer.plan(Solve(), trainset=rows(10))
    assert server.count == 0


def test_what_makes_no_sampler_is_told_before_any_call(server):
    with pytest.raises(InvalidArgumentError, match="what it makes is not a sampler"):
        run_of(mipro.MIPROv2(exact, search=strategy(no_sampler)))
    assert server.count == 0


@pytest.mark.parametrize("sampler", [Meddles, OfNumpy])
def test_what_a_sampler_does_to_what_it_was_given_changes_nothing_of_the_run(server, sampler):
    configurations = [
        [trial.configuration for trial in minibatches(of).state.trials.values()]
        for of in (AtRandom, sampler)
    ]
    assert configurations[0] == configurations[1]


@pytest.mark.parametrize("faulty", [Outside, Forgetful, Halves])
def test_a_run_whose_sampler_chooses_what_it_may_not_fails_and_says_so(server, faulty):
    with pytest.raises(ProgramError, match=r"asks for .*SamplerContract finds"):
        run_of(mipro.MIPROv2(exact, search=strategy(faulty)))
