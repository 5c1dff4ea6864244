"""How long to wait before another attempt, and what is said when there is none."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mipro_nb.models.retryable import asked_to_wait, pause_seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "86400"}, 60),
        ({"retry-after": "inf"}, 60),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": ""}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2999 07:28:00 GMT"}, 60),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
    ],
)
def test_a_server_is_waited_for_as_long_as_it_asks_but_no_longer_than_a_minute(headers, seconds):
    assert asked_to_wait(headers) == seconds


def test_a_server_may_name_the_time_of_day():
    soon = datetime.now(UTC) + timedelta(seconds=30)
    assert 25 < asked_to_wait({"retry-after": format_datetime(soon, usegmt=True)}) <= 30


def test_pauses_grow_up_to_8_seconds_and_differ_a_little():
    for failures, longest in ((1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (1000, 8)):
        pauses = [pause_seconds(failures) for _ in range(100)]
        assert 0.75 * longest <= min(pauses) < max(pauses) <= longest


def test_pauses_leave_the_users_random_numbers_alone():
    random.seed(1)
    expected = random.random()
    random.seed(1)
    pause_seconds(1)
    assert random.random() == expected
