"""Speculation: several attempts at once keep what one after another would, at any speed."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from mipro_nb.optimizer.phases.bootstrapping.speculation import MOST_SPARE, FirstPassing

sizes = st.integers(1, 12)
outcomes = st.lists(st.booleans(), max_size=60)


def one_after_another(passing, size):
    """What is kept, and how many attempts that takes."""
    kept = []
    for place, passed in enumerate(passing):
        if len(kept) == size:
            return kept, place
        if passed:
            kept.append(place)
    return kept, len(passing)


def at_some_speed(passing, size, speed):
    """Run all attempts that are due; they end in the order that `speed` draws."""
    search = FirstPassing(size, len(passing))
    running, begun = [], 0
    while not search.done:
        running += range(begun, search.due)
        begun = search.due
        place = running.pop(speed.randrange(len(running)))
        search.note(place, passed=passing[place])
    return search


@given(outcomes, sizes, st.randoms(use_true_random=False))
def test_the_same_ones_are_kept_as_one_after_another(passing, size, speed):
    search = at_some_speed(passing, size, speed)
    kept, needed = one_after_another(passing, size)
    assert (search.kept, search.settled) == (kept, needed)


@given(outcomes, sizes, st.integers(), st.integers())
def test_the_same_attempts_are_made_at_any_speed(passing, size, one, other):
    assert (
        at_some_speed(passing, size, random.Random(one)).due
        == at_some_speed(passing, size, random.Random(other)).due
    )


@given(outcomes, sizes, st.randoms(use_true_random=False))
@example([False] * 20 + [True] * 20, 12, random.Random(0))
def test_few_attempts_are_made_in_vain(passing, size, speed):
    made = at_some_speed(passing, size, speed).due
    assert made - one_after_another(passing, size)[1] <= MOST_SPARE


@given(st.integers(2, 12), st.integers(0, 60))
def test_a_straggler_does_not_keep_its_followers_waiting(size, failed):
    """The first attempt does not come back; of the others, so many fail."""
    search = FirstPassing(size, 100)
    for place in range(1, failed + 1):
        assert place < search.due
        search.note(place, passed=False)
    assert search.due >= size + failed


def test_the_more_attempts_fail_the_more_spare_ones_are_made():
    search = FirstPassing(2, 100)
    assert search.due == 2
    ahead = []
    for place in range(20):
        search.note(place, passed=False)
        ahead.append(search.due - search.settled)
    assert ahead == sorted(ahead)
    assert ahead[-1] == 2 + MOST_SPARE
