"""Configurations as they are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mipro_nb.runs.configuration import configuration_key, split_variable, variable_of


@given(st.text(), st.sampled_from(["instruction", "demos"]))
def test_a_variable_is_split_into_what_it_was_made_of(predictor, part):
    assert split_variable(variable_of(predictor, part)) == (predictor, part)


def test_a_configuration_has_one_text_form():
    assert configuration_key({"b:demos": 2, "a:instruction": 0}) == "a:instruction=0 b:demos=2"
    assert configuration_key({"a:instruction": 0, "b:demos": 2}) == "a:instruction=0 b:demos=2"
