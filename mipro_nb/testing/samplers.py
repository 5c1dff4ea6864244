"""What every sampler has to do, as tests."""

from __future__ import annotations

import copy
import math
import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from mipro_nb.optimizer.search.choices import are_open
from mipro_nb.optimizer.search.sampler import AnySampler
from mipro_nb.runs.configuration import Configuration, configuration_key

Choices = Mapping[str, Sequence[int]]

_CHOICES: Choices = {"solve:instruction": range(5), "solve:demos": range(4)}
_WAYS = 20
_EXAMPLES = 10
_LAGS = (1, 2, 4)
_SEEDS = (1, 9)


class _Name(str):
    """A variable's name whose hash is another in each run, as that of a text in each process."""

    __slots__ = ("salt",)
    salt: int

    def __hash__(self) -> int:
        return hash((str(self), self.salt))

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True

    def __deepcopy__(self, memo: object) -> _Name:
        return self


class SamplerContract:
    """The tests of a sampler: derive a class from it and say how your sampler is made.

    Examples
    --------
    >>> class Shuffled(mipro.Sampler):
    ...     def ask(self, choices):
    ...         return self.untried(choices) or {name: each[0] for name, each in choices.items()}
    >>> class TestShuffled(SamplerContract):
    ...     def make_sampler(self, seed, *, paired):
    ...         return Shuffled(seed, paired=paired)
    >>> TestShuffled().test_only_what_may_be_chosen_is_asked_for()
    """

    def make_sampler(self, seed: int, *, paired: bool) -> AnySampler:
        """Return a new sampler; the one thing that you have to write."""
        raise NotImplementedError

    def test_only_what_may_be_chosen_is_asked_for(self) -> None:
        """Every variable gets one of its candidates: none that is banned, none that there is not.

        What may be chosen changes at any time: a person bans, pins and adds candidates.
        """
        for sampler in self._samplers():
            told = list(_asked(sampler, 6, 2, _CHOICES))
            for choices in (
                {**_CHOICES, "solve:demos": [1, 3]},
                {"solve:instruction": [4], "solve:demos": [1, 3]},
                {"solve:instruction": [2], "solve:demos": [2]},
                {"solve:instruction": [2, 6, 7], "solve:demos": range(4)},
                _CHOICES,
            ):
                told += _asked(sampler, 6, 2, choices)
            assert len(told) == 6 * 6, "it did not choose each time it was asked"

    def test_all_are_tried_before_one_is_tried_again(self) -> None:
        """While trials are under way, what they try counts as tried."""
        for lag in _LAGS:
            for sampler in self._samplers():
                tried = _keys(_asked(sampler, _WAYS, lag, _CHOICES))
                assert len(set(tried)) == _WAYS, f"{lag} trials in flight: {_twice(tried)} again"

    def test_it_goes_on_when_all_were_tried(self) -> None:
        """There may be more trials than configurations."""
        for sampler in self._samplers():
            went_on = len(list(_asked(sampler, _WAYS + 10, 3, _CHOICES))) - _WAYS
            assert went_on == 10, "it did not go on when all configurations were tried"
        for sampler in self._samplers():
            only = {"solve:instruction": [3], "solve:demos": [0]}
            chosen = set(_keys(_asked(sampler, 4, 2, only)))
            assert len(chosen) == 1, f"of one allowed configuration it made {len(chosen)}"

    def test_what_was_told_without_being_asked_for_is_not_asked_for(self) -> None:
        """As the student, which is evaluated before the search begins."""
        student = {"solve:instruction": 0, "solve:demos": 0}
        for sampler in self._samplers():
            sampler.tell(dict(student), dict.fromkeys(range(30), 1.0))
            tried = _keys(_asked(sampler, _WAYS - 1, 2, _CHOICES))
            assert configuration_key(student) not in tried, (
                "the student was told, and asked for again while others were untried: a "
                "configuration that `tell` is given counts as tried; self.untried(choices) knows it"
            )

    def test_what_was_asked_may_never_be_told(self) -> None:
        """In a resumed run, the trial that is made is the recorded one, whatever was asked for."""
        for sampler in self._samplers():
            for number in range(5):
                _checked_ask(sampler, _CHOICES)
                other = {"solve:instruction": number, "solve:demos": number % 4}
                sampler.tell(other, luck_of(other))
            assert list(_asked(sampler, 5, 2, _CHOICES)), (
                "nothing came once other configurations were told than those that it had asked for"
            )

    def test_the_same_seed_and_scores_give_the_same(self) -> None:
        """Neither other random numbers nor the order of a set play a part.

        A resumed run, in another process, asks again for all that was asked for.
        """
        for lag in _LAGS:
            for seed in _SEEDS:
                for paired in (True, False):
                    stories = [self._story(seed, lag, salt, paired=paired) for salt in (1, 2, 3)]
                    for one, other in pairwise(stories):
                        assert one == other, f"seed {seed}, {lag} trials in flight"

    def test_to_look_changes_nothing(self) -> None:
        """Beliefs and prospects are asked for in some runs, and not when they are resumed."""
        for seed in _SEEDS:
            plain, looked_at = (self.make_sampler(seed, paired=True) for _ in range(2))
            asked = _keys(_asked(plain, 12, 2, _CHOICES))
            looked = _keys(_asked(looked_at, 12, 2, _CHOICES, look=True))
            assert looked == asked, "it asks for others once belief or prospects were looked at"

    def test_what_it_is_given_is_left_as_it_was(self) -> None:
        """Neither choices nor scores are its own."""
        for sampler in self._samplers():
            choices = {name: list(each) for name, each in _CHOICES.items()}
            before = copy.deepcopy(choices)
            configuration = sampler.ask(choices)
            kept = dict(configuration)
            scores = luck_of(configuration)
            sampler.tell(configuration, scores)
            sampler.belief(configuration)
            sampler.prospects(configuration, [1, 2])
            assert choices == before, "it changed the choices that it was given"
            assert configuration == kept, "it changed a configuration that it had returned"
            assert scores == luck_of(kept), "it changed the scores that it was told"

    def test_the_better_the_scores_the_better_the_belief(self) -> None:
        """By beliefs the search chooses what is fully evaluated, and what ends early."""
        good, poor = ({"solve:instruction": n, "solve:demos": n} for n in (1, 2))
        for sampler in self._samplers():
            sampler.tell(good, dict.fromkeys(range(20), 1.0))
            sampler.tell(poor, dict.fromkeys(range(20), 0.0))
            above, below = sampler.belief(good), sampler.belief(poor)
            assert above.mean > below.mean, (
                f"all right is believed to be {above.mean}, all wrong {below.mean}"
            )
            for each in (above, below):
                assert math.isfinite(each.mean), f"a mean of {each.mean}"
                assert each.variance > 0, f"a variance of {each.variance}: no belief is certain"
            prospects = sampler.prospects(poor, range(20, 30))
            assert prospects.to_beat > below.mean, "what is to beat is no better than the poor one"
            difficulties = set(prospects.difficulties)
            assert difficulties == set(range(20, 30)), f"difficulties of examples {difficulties}"

    def test_the_same_scores_told_again_are_no_news(self) -> None:
        """A full evaluation also tells what minibatches had told."""
        configuration = {"solve:instruction": 1, "solve:demos": 1}
        for sampler in self._samplers():
            sampler.tell(configuration, luck_of(configuration))
            before = sampler.belief(configuration)
            sampler.tell(configuration, luck_of(configuration))
            again = sampler.belief(configuration)
            assert again == before, f"told twice, the belief went from {before} to {again}"

    def _samplers(self) -> Iterator[AnySampler]:
        for seed in _SEEDS:
            for paired in (True, False):
                yield self.make_sampler(seed, paired=paired)

    def _story(self, seed: int, lag: int, salt: int, *, paired: bool) -> list[object]:
        """Return all that a sampler says in a search, amid other random numbers."""
        choices: dict[str, Sequence[int]] = {}
        for text, indices in _CHOICES.items():
            name = _Name(text)
            name.salt = salt
            choices[name] = indices
        state = random.getstate()
        random.seed(salt)
        try:
            sampler = self.make_sampler(seed, paired=paired)
            asked = list(_asked(sampler, _WAYS + 5, lag, choices))
            beliefs = [sampler.belief(each) for each in asked]
            return [_keys(asked), beliefs, sampler.prospects(asked[0], range(_EXAMPLES))]
        finally:
            random.setstate(state)


def luck_of(configuration: Configuration) -> dict[int, float]:
    """Return scores by chance, the same for the same configuration."""
    rng = random.Random(configuration_key(configuration))
    return {example: float(rng.randint(0, 1)) for example in range(_EXAMPLES)}


def _asked(
    sampler: AnySampler, count: int, lag: int, choices: Choices, *, look: bool = False
) -> Iterator[Configuration]:
    """Search as a run does: ask so often, with so many trials in flight, told in their order."""
    in_flight: deque[Configuration] = deque()
    for _ in range(count):
        if len(in_flight) == lag:
            told = in_flight.popleft()
            sampler.tell(told, luck_of(told))
        configuration = _checked_ask(sampler, choices)
        if look:
            sampler.belief(configuration)
            sampler.prospects(configuration, [3, 1])
        in_flight.append(configuration)
        yield configuration
    for told in in_flight:
        sampler.tell(told, luck_of(told))


def _checked_ask(sampler: AnySampler, choices: Choices) -> Configuration:
    asked = sampler.ask(choices)
    assert isinstance(asked, dict), f"{asked!r} is not a dict"
    assert asked.keys() == choices.keys(), f"{asked} does not choose for {list(choices)}"
    assert are_open(asked, choices), f"{asked} is not among {dict(choices)}"
    return asked


def _keys(configurations: Iterator[Configuration] | list[Configuration]) -> list[str]:
    return [configuration_key(each) for each in configurations]


def _twice(keys: Sequence[str]) -> list[str]:
    return sorted({key for key in keys if keys.count(key) > 1})
