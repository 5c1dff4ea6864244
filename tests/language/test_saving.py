"""Saved programs."""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path

import processes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from mipro_nb.errors import InvalidArgumentError, SavedStateError
from mipro_nb.language import ChainOfThought, Example, Module, Predict, Signature
from mipro_nb.language.prompting.prompt import write_messages


class Step(BaseModel):
    text: str
    weight: float = 1.0


class Program(Module):
    def __init__(self):
        self.plan = Predict(Signature("question -> steps: list[Step], tags: set[str]", Step=Step))
        self.answer = ChainOfThought("question -> answer: float")


@pytest.fixture
def tuned():
    program = Program()
    program.plan.signature = program.plan.signature.with_instructions("Plan well.\n\nÜber alles.")
    program.plan.demos = [
        Example(question="¿?", steps=[Step(text="a"), Step(text="b", weight=2)], tags={"x", "y"}),
        Example(question="labelled only", tags="none"),
    ]
    program.answer.predict.demos = [
        Example(question="1/0", reasoning="limit", answer=math.inf).with_inputs("question"),
        Example(question="raw", answer="about 3"),
    ]
    return program


def state_of(program):
    return [(p.signature.instructions, p.demos) for p in program.predictors()]


def test_a_program_comes_back_as_it_was(tuned, tmp_path):
    tuned.save(tmp_path / "tuned.json")
    loaded = Program()
    loaded.load(tmp_path / "tuned.json")
    assert state_of(loaded) == state_of(tuned)
    demo = loaded.plan.demos[0]
    assert isinstance(demo.steps[1], Step)
    assert isinstance(demo.tags, set)
    assert loaded.dump_state() == tuned.dump_state()


@pytest.mark.parametrize("prompt_format", ["lines", "tags", "json"])
def test_a_loaded_program_sends_the_same_prompts(tuned, prompt_format):
    tuned.plan.demos = [Example(question="q", steps=[Step(text="a")], tags={"x"})]
    loaded = Program()
    loaded.load_state(tuned.dump_state())

    def prompt(predictor):
        inputs = {"question": "?"}
        return write_messages(
            predictor.signature, predictor.demos, inputs, prompt_format=prompt_format
        )

    for one, other in zip(tuned.predictors(), loaded.predictors(), strict=True):
        assert prompt(one) == prompt(other)


def test_raw_labels_of_another_type_stay_what_they_were():
    predictor = Predict("q -> ok: bool, n: int")
    predictor.demos = [Example(q="1", ok="yes", n="2"), {"q": "a dict", "ok": True, "n": 3}]
    loaded = Predict("q -> ok: bool, n: int")
    loaded.load_state(predictor.dump_state())
    assert [demo.to_dict() for demo in loaded.demos] == [
        {"q": "1", "ok": "yes", "n": "2"},
        {"q": "a dict", "ok": True, "n": 3},
    ]


@pytest.mark.parametrize("name", ["mipro_optimized", "tuned.json", "tuned.v1", "günther"])
@pytest.mark.parametrize("kind", [str, Path])
def test_the_path_is_taken_as_given(tuned, tmp_path, name, kind):
    tuned.save(kind(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    Program().load(kind(tmp_path / name))


def test_the_file_can_be_read_by_people(tuned, tmp_path):
    path = tmp_path / "tuned"
    tuned.save(path)
    text = path.read_text(encoding="utf-8")
    assert "Über alles." in text
    assert len(text.splitlines()) > 20
    saved = json.loads(text)
    assert list(saved["predictors"]) == ["plan", "answer.predict"]


def test_a_demo_without_json_form_is_named_before_anything_is_written(tuned, tmp_path):
    tuned.plan.demos = [Example(question=object())]
    with pytest.raises(InvalidArgumentError, match=r"plan\.demos"):
        tuned.save(tmp_path / "tuned")
    assert not list(tmp_path.iterdir())


def test_another_structure_is_refused(tuned):
    with pytest.raises(SavedStateError, match=r"answer\.predict, plan.*has self"):
        Predict("question -> answer").load_state(tuned.dump_state())


def test_another_signature_is_refused_and_nothing_is_loaded(tuned):
    class Other(Program):
        def __init__(self):
            super().__init__()
            self.answer = ChainOfThought("question -> answer: int")

    other = Other()
    before = state_of(other)
    with pytest.raises(SavedStateError, match=r"'question -> reasoning, answer: float'.*: int'"):
        other.load_state(tuned.dump_state())
    assert state_of(other) == before


def sorted_into(*folders):
    choices = ", ".join(map(repr, folders))
    return ChainOfThought(f"text -> folders: list[Literal[{choices}]]")


def test_a_program_whose_choices_have_grown_takes_over_all_and_says_so(tmp_path):
    saved = sorted_into("work", "home")
    saved.predict.signature = saved.predict.signature.with_instructions("Sort it.")
    saved.predict.demos = [Example(text="x", reasoning="r", folders=["work"])]
    saved.save(tmp_path / "saved")
    grown = sorted_into("work", "home", "spam")
    with pytest.warns(UserWarning, match="its instruction and 1 of 1 demos were taken over"):
        grown.load(tmp_path / "saved")
    assert state_of(grown) == state_of(saved)
    assert "spam" in grown.predict.signature.declaration


def test_demos_whose_choice_is_gone_are_left_out_and_named(tmp_path):
    saved = sorted_into("work", "home")
    saved.predict.demos = [
        Example(text="x", folders=["work"]),
        Example(text="y", folders=["home", "work"]),
    ]
    other = sorted_into("work", "private")
    with pytest.warns(UserWarning, match=r"Left out.* demo 1 \(folders=\['home', 'work'\]\)"):
        other.load_state(saved.dump_state())
    assert other.predict.demos == saved.predict.demos[:1]


@pytest.mark.parametrize("version", [2, 10**9])
def test_a_newer_format_asks_for_an_upgrade(tuned, version):
    with pytest.raises(SavedStateError, match="upgrade mipro_nb"):
        Program().load_state({**tuned.dump_state(), "version": version})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SavedStateError, match="nowhere"):
        Program().load(tmp_path / "nowhere")
    with pytest.raises(SavedStateError):
        Program().load(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    content=st.binary() | st.text().map(str.encode) | json_values.map(json.dumps).map(str.encode)
)
def test_any_other_file_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    with pytest.raises(SavedStateError):
        Program().load(path)


@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_nesting_is_refused_or_kept(tmp_path, depth):
    path = tmp_path / "deep"
    predictor = Predict("q -> a: Any")
    predictor.demos = [Example(q="?", a="DEEP")]
    predictor.save(path)
    deep = "[" * depth + "]" * depth
    path.write_text(path.read_text(encoding="utf-8").replace('"DEEP"', deep), encoding="utf-8")
    try:
        predictor.load(path)
    except SavedStateError:
        assert depth == 100_000


def damaged(state, draw):
    """Return `state` with one value, somewhere in it, replaced or removed."""
    if not isinstance(state, dict | list) or not state or draw(st.integers(0, 3)) == 0:
        return draw(json_values)
    twin = state.copy()
    key = draw(st.sampled_from(sorted(state) if isinstance(state, dict) else range(len(state))))
    if draw(st.integers(0, 3)) == 0:
        del twin[key]
    else:
        twin[key] = damaged(state[key], draw)
    return twin


@given(data=st.data())
def test_a_damaged_state_is_loaded_or_refused_but_never_half(data):
    program = Program()
    program.plan.demos = [Example(question="q", steps=[Step(text="a")], tags={"x"})]
    fresh = Program()
    before = state_of(fresh)
    try:
        fresh.load_state(damaged(program.dump_state(), data.draw))
    except SavedStateError:
        assert state_of(fresh) == before
    else:
        for predictor in fresh.predictors():
            write_messages(predictor.signature, predictor.demos, {"question": "?"})


@given(data=st.data())
def test_a_file_of_damaged_bytes_is_loaded_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged_bytes"
    program = Program()
    program.plan.demos = [Example(question="q", steps=[Step(text="a")], tags={"x"})]
    program.save(path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(1, 3))] = data.draw(st.binary(max_size=3))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with contextlib.suppress(SavedStateError):
        Program().load(path)


class Fussy(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def known(cls, word: str) -> str:
        return {"one": "1"}[word]


def test_a_value_over_which_a_users_own_type_fails_stays_as_it_was_saved():
    predictor = Predict(Signature("q -> a: Fussy", Fussy=Fussy))
    predictor.demos = [Example(q="?", a={"word": "two"})]
    loaded = Predict(Signature("q -> a: Fussy", Fussy=Fussy))
    loaded.load_state(predictor.dump_state())
    assert loaded.demos[0].a == {"word": "two"}


def test_predictors_that_have_no_names_are_refused(tuned):
    state = tuned.dump_state()
    state["predictors"][3] = state["predictors"]["plan"]
    with pytest.raises(SavedStateError, match=r"3, answer\.predict, plan"):
        Program().load_state(state)


def test_what_is_wrong_with_a_huge_program_is_told_in_short(tuned):
    state = tuned.dump_state()
    state["predictors"]["plan"]["signature"] = "x" * 1_000_000
    with pytest.raises(SavedStateError) as caught:
        Program().load_state(state)
    assert len(str(caught.value)) < 1000
    state["predictors"]["y" * 1_000_000] = {}
    with pytest.raises(SavedStateError) as caught:
        Program().load_state(state)
    assert len(str(caught.value)) < 1000


def test_a_program_that_cannot_be_written_leaves_nothing_half_written(tuned, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        tuned.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


TAGGED = """
from mipro_nb import Example, Predict, Signature
predictor = Predict(Signature("question -> tags: set[str], more: dict[str, list[set[int]]]"))
tags = {str(n) for n in range(20)}
predictor.demos = [Example(question="?", tags=tags, more={"a": [set(range(9, 0, -1)), set()]})]
print(predictor.dump_state(), predictor.signature)
from mipro_nb.language.formats import write_fields
print(write_fields(predictor.signature, predictor.signature.fields, predictor.demos[0]))
"""


@pytest.mark.slow
def test_sets_are_written_alike_in_every_process():
    texts = {
        tuple(processes.run(TAGGED, env={**os.environ, "PYTHONHASHSEED": seed}))
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
