"""What a widget asks is checked against what answers it."""

from __future__ import annotations

import pytest

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.notebook.request_handler import RequestHandler
from mipro_nb.runs import open_record
from mipro_nb.runs.following.protocol import REQUESTS, answered, requests_of


@pytest.fixture
def answers(tmp_path):
    handler = RequestHandler(open_record(tmp_path / "record.sqlite"), print, print)
    return requests_of(handler)


def test_every_request_of_a_view_is_answered(answers):
    kinds = ("RequestHandler.", "RecordedRequests.")
    names = {m.__name__ for m in REQUESTS if m.__qualname__.startswith(kinds)}
    assert set(answers) == names
    assert answered(answers["history"], {}) == []


@pytest.mark.parametrize(
    ("what", "ask", "argument"),
    [
        ("snapshot", {"run": 3}, "run"),
        ("trial", {"run": "r", "trial": "1"}, "trial"),
        ("trial", {"run": "r", "trial": True}, "trial"),
        ("trial", {"run": "r"}, "trial"),
        ("add", {"run": "r", "predictor": "p", "instruction": "i", "based_on": 0.5}, "based_on"),
        ("pin", {"run": "r", "predictor": "p", "part": "x", "index": 1, "on": True}, "part"),
        ("ban", {"run": "r", "predictor": "p", "part": "demos", "index": 1, "on": 1}, "on"),
        ("tag", {"run": "r", "tags": ["a", 1]}, "tags"),
        ("compare", {"runs": "r"}, "runs"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(answers, what, ask, argument):
    with pytest.raises(InvalidArgumentError) as refused:
        answered(answers[what], ask)
    assert refused.value.argument == argument
