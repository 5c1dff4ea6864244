"""Samplers and minibatches: what is good is tried more. What all have to do: test_samplers.py."""

from __future__ import annotations

import itertools
import random
from statistics import mean

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.optimizer.search.additive import AdditiveSampler
from mipro_nb.optimizer.search.minibatches import minibatch, stages
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.optimizer.search.tpe import TreeSampler
from mipro_nb.runs.configuration import configuration_key
from mipro_nb.runs.statistics.belief import Belief, Difficulties
from mipro_nb.testing.samplers import luck_of

SAMPLERS = [AdditiveSampler, TreeSampler]
CHOICES = {"solve:instruction": range(5), "solve:demos": range(4)}


def asked(sampler, count, score, choices=CHOICES):
    """Ask so many times, with one more trial in flight, and return the configurations."""
    configurations = []
    for number in range(count):
        configurations.append(sampler.ask(choices))
        if number:
            told = configurations[number - 1]
            sampler.tell(told, score(told))
    return configurations


def keys(configurations):
    return [configuration_key(configuration) for configuration in configurations]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_another_seed_gives_other_draws(sampler):
    draws = [keys(asked(sampler(seed, paired=True), 15, luck_of)) for seed in (1, 2)]
    assert draws[0] != draws[1]


def additive_score(configuration, rng):
    """Scores of 25 examples under a configuration whose parts each add something."""
    chance = 0.3 + 0.1 * configuration["solve:instruction"] + 0.1 * configuration["solve:demos"]
    return {example: float(rng.random() < chance) for example in rng.sample(range(100), 25)}


def test_when_all_were_tried_those_are_tried_again_of_which_more_can_be_learnt():
    choices = {"solve:instruction": range(3)}
    poor, good, known = ({"solve:instruction": n} for n in range(3))
    sampler = AdditiveSampler(3, paired=True)
    sampler.tell(known, dict.fromkeys(range(40), 1.0))
    sampler.tell(poor, dict.fromkeys(range(20), 0.0))
    sampler.tell(good, dict.fromkeys(range(20), 0.9))
    assert sampler.ask(choices) == good
    sampler.tell(good, dict.fromkeys(range(40), 0.9))
    assert sampler.ask(choices) == poor
    sampler.tell(poor, dict.fromkeys(range(40), 0.0))
    assert sampler.ask(choices) == known  # nothing is left to learn: the best


def test_what_candidates_add_is_learnt_from_all_configurations_that_hold_them():
    choices = {"solve:instruction": range(5), "solve:demos": range(4), "other:demos": range(5)}
    good = [sum(c.values()) - c["other:demos"] for c in learned(choices, 30)]
    assert mean(good[-10:]) > mean(good[:10]) + 1


def learned(choices, count):
    rng = random.Random(5)
    return asked(AdditiveSampler(5, paired=True), count, lambda c: additive_score(c, rng), choices)


def test_of_very_many_configurations_good_ones_are_found():
    choices = {f"step{n}:{part}": range(12) for n in range(4) for part in ("instruction", "demos")}
    rng = random.Random(7)

    def score(configuration):
        chance = 0.1 + 0.8 * sum(configuration.values()) / (11 * len(configuration))
        return {example: float(rng.random() < chance) for example in range(25)}

    found = [sum(c.values()) for c in asked(AdditiveSampler(7, paired=False), 60, score, choices)]
    # 44 in the mean by chance, 88 at most
    assert mean(found[-10:]) > mean(found[:10]) + 8


def test_the_more_examples_the_surer_the_belief():
    sampler = AdditiveSampler(1, paired=False)
    few, many = ({"solve:instruction": n, "solve:demos": n} for n in (1, 2))
    before = sampler.belief(few)
    sampler.tell(few, dict.fromkeys(range(5), 1.0))
    sampler.tell(many, dict.fromkeys(range(50), 1.0))
    assert sampler.belief(many).deviation < sampler.belief(few).deviation < before.deviation
    assert before.mean < sampler.belief(few).mean < sampler.belief(many).mean < 1


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_luck_with_easy_examples_does_not_count_where_scores_are_paired(sampler):
    easy, hard = dict.fromkeys(range(10), 1.0), dict.fromkeys(range(10, 20), 0.0)
    on_easy, on_hard = ({"solve:instruction": n, "solve:demos": n} for n in (1, 2))
    edges = {}
    for paired in (True, False):
        made = sampler(1, paired=paired)
        for student in range(3, 5):
            made.tell({"solve:instruction": student, "solve:demos": 0}, {**easy, **hard})
        made.tell(on_easy, easy)
        made.tell(on_hard, hard)
        edges[paired] = made.belief(on_easy).mean - made.belief(on_hard).mean
    assert edges[True] < 0.6 * edges[False]


def test_the_estimator_is_optunas_own():
    scores = {
        configuration_key(c): luck_of(c) for c in asked(TreeSampler(4, paired=False), 5, luck_of)
    }
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=4, multivariate=True)
    )
    space = {
        name: optuna.distributions.CategoricalDistribution(tuple(indices))
        for name, indices in CHOICES.items()
    }
    assert [configuration_key(study.ask(space).params) for _ in range(5)] == list(scores)


@given(st.integers(1, 60), st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=60))
def test_every_beginning_of_a_minibatch_is_like_the_valset(size, scores):
    batch = minibatch(min(size, len(scores)), scores, random.Random(1))
    assert len(batch) == len(set(batch)) == min(size, len(scores))
    for value in set(scores):
        share = scores.count(value) / len(scores)
        for end in range(1, len(batch) + 1):
            found = sum(scores[example] == value for example in batch[:end])
            assert abs(found - end * share) <= len(set(scores))


@given(st.integers(1, 100_000))
def test_stages_grow_until_the_whole_minibatch(size):
    ends = stages(size)
    assert ends[-1] == size
    assert ends == sorted(set(ends))
    assert all(later >= 2 * earlier for earlier, later in itertools.pairwise(ends[:-1]))


@given(st.floats(0, 1), st.floats(0.001, 0.1), st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_a_trial_is_lost_only_if_it_is_behind(mean_before, variance, scores):
    belief = Belief(mean_before, variance)
    told = dict(enumerate(scores))
    prospects = Prospects(belief, 0.5, dict.fromkeys(told, 0.0))
    after = belief.after(mean(scores), len(scores))
    assert after.variance < variance
    low, high = sorted([mean_before, mean(scores)])
    assert low - 1e-9 <= after.mean <= high + 1e-9
    if prospects.are_lost(told):
        assert after.mean < 0.5


def test_a_trial_on_hard_examples_is_given_credit_for_it():
    scores = dict.fromkeys(range(10), 0.3)
    belief = Belief(0.5, 0.01)
    assert Prospects(belief, 0.55, dict.fromkeys(scores, 0.0)).are_lost(scores)
    assert not Prospects(belief, 0.55, dict.fromkeys(scores, -0.3)).are_lost(scores)


def test_what_makes_an_example_hard_is_learnt_the_surer_the_more_it_is_scored():
    difficulties = Difficulties(known=True)
    before = difficulties.of([1])[1]
    difficulties.learn({1: 0.0, 2: 1.0}, 0.5)
    once = difficulties.of([1, 2])
    difficulties.learn({1: 0.0, 2: 1.0}, 0.5)
    twice = difficulties.of([1, 2])
    assert before == 0
    assert -0.5 < twice[1] < once[1] < 0 < once[2] < twice[2] < 0.5


def test_a_student_that_fails_for_want_of_demos_does_not_discredit_its_instruction():
    sampler = AdditiveSampler(1, paired=False)
    sampler.tell({"a:instruction": 0, "a:demos": 0}, {n: float(n < 24) for n in range(60)})
    for other in (1, 2, 3):
        scores = {n: float(n < 9) for n in range(12)}
        sampler.tell({"a:instruction": other, "a:demos": other}, scores)
    own, other = (sampler.belief({"a:instruction": i, "a:demos": 2}).mean for i in (0, 1))
    assert other - own < 0.1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 20)), max_size=12))
def test_beliefs_are_those_of_the_mixed_model(told):
    sampler = AdditiveSampler(1, paired=False)
    scores = {}
    for instruction, demos, count in told:
        fresh = {
            len(scores.get((instruction, demos), ())) + n: float(n % 3 == 0) for n in range(count)
        }
        scores.setdefault((instruction, demos), {}).update(fresh)
        sampler.tell({"a:instruction": instruction, "a:demos": demos}, fresh)
    # All effects at once: constant, candidates, and one for each mixture; solved directly.
    mixtures = [(i, d) for i in range(4) for d in range(3)]
    design = np.zeros((12, 1 + 4 + 3 + 12))
    for place, (instruction, demos) in enumerate(mixtures):
        design[place, [0, 1 + instruction, 5 + demos, 8 + place]] = 1
    no_demos, candidate, mixture = 1 / 0.3**2, 1 / 0.12**2, 1 / 0.07**2
    effects = [candidate] * 4 + [no_demos] + [candidate] * 2 + [mixture] * 12
    precision = np.diag([1 / 0.5**2, *effects])
    evidence = np.zeros(20)
    evidence[0] = 0.5 / 0.5**2
    for mixed, found in scores.items():
        row = design[mixtures.index(mixed)]
        precision += len(found) / 0.15 * np.outer(row, row)
        evidence += sum(found.values()) / 0.15 * row
    covariance = np.linalg.inv(precision)
    means = design @ covariance @ evidence
    variances = np.einsum("ij,jk,ik->i", design, covariance, design)
    for place, (instruction, demos) in enumerate(mixtures):
        belief = sampler.belief({"a:instruction": instruction, "a:demos": demos})
        assert (belief.mean, belief.variance) == pytest.approx((means[place], variances[place]))
