"""Values of every type that signatures declare: hostile texts, with the marks of formats in them.

Strategies of hypothesis, which has to be installed.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from hypothesis import strategies as st
from pydantic import BaseModel


class Color(Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """A model within a model."""

    street: str
    tags: list[str] = []


class Person(BaseModel):
    """A pydantic model."""

    name: str
    age: int | None
    weight: float
    address: Address


LINES = [
    "<label>x</label>",
    "</label>",
    "label: x",
    "LABEL : x",
    "\\label:",
    "\\\\label: y",
    " label: z",
    "**label:** y",
    "**answer**: y",
    "## question: y",
    "question: q",
    "```",
    "```json",
    '"quoted"',
    "'quoted'",
    '"',
    "",
    " ",
    "\t",
    "\\",
    "\r",
    "\x00",
    "\u2028",
    "null",
    "{}",
    '{"label": "x"}',
    "l\u0131ne: dotless i",
    "\u017ftem: long s",
]
texts: st.SearchStrategy[str] = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=8)), max_size=5).map("\n".join),
)
floats = st.floats(allow_nan=False, allow_infinity=False)
addresses = st.builds(Address, street=texts, tags=st.lists(texts, max_size=2))
people = st.builds(
    Person, name=texts, age=st.none() | st.integers(), weight=floats, address=addresses
)

words = ("spam", "not spam", " outer space ", "two\nlines", '"quoted"', "label: x", "", "a.")
Words = Literal["spam", "not spam", " outer space ", "two\nlines", '"quoted"', "label: x", "", "a."]
Mixed = Literal[1, "1", None, True, "None", Color.RED]  # noqa: PYI061 - it may be written so

TYPES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, texts),
    "bool": (bool, st.booleans()),
    "int": (int, st.integers()),
    "float": (float, floats),
    "literal of str": (Words, st.sampled_from(words)),
    "literal of int": (Literal[1, 2, -3], st.sampled_from([1, 2, -3])),
    "mixed literal": (Mixed, st.sampled_from([1, "1", None, True, "None", Color.RED])),
    "enum": (Color, st.sampled_from(Color)),
    "list[str]": (list[str], st.lists(texts, max_size=3)),
    "list[float]": (list[float], st.lists(floats, max_size=3)),
    "dict[str, int]": (dict[str, int], st.dictionaries(texts, st.integers(), max_size=3)),
    "str | None": (str | None, st.none() | texts),
    "int | str": (int | str, st.integers() | texts),
    "tuple": (tuple[int, str], st.tuples(st.integers(), texts)),
    "set[int]": (set[int], st.sets(st.integers(), max_size=3)),
    "model": (Person, people),
    "list of models": (list[Person], st.lists(people, max_size=2)),
    "model | None": (Person | None, st.none() | people),
    "Any": (Any, st.recursive(texts | st.none() | st.integers(), st.lists, max_leaves=4)),
}
