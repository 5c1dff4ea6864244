"""Programs go to other processes as they are: by pickle, copy, joblib and cloudpickle."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import textwrap
from typing import Literal

import pytest
from pydantic import BaseModel
from scripted_lm import ScriptedLM

from mipro_nb.language import (
    ChainOfThought,
    Example,
    InputField,
    Module,
    OutputField,
    Predict,
    Prediction,
    Signature,
    configure,
)
from mipro_nb.models import LM


class Step(BaseModel):
    text: str


class Judge(Signature):
    """Judge the text."""

    text: str = InputField(desc="what the pupil wrote", default="nothing")
    steps: list[Step] = OutputField()
    score: float = OutputField(ge=0, le=1)


class Program(Module):
    def __init__(self):
        self.judge = Predict(Judge, temperature=0.5)
        self.by_language = {"en": ChainOfThought("text -> items: list[str], labels")}

    def forward(self, text):
        return self.judge(text=text)


def by_pickle(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own


def by_cloudpickle(value):
    cloudpickle = pytest.importorskip("cloudpickle")
    return pickle.loads(cloudpickle.dumps(value))  # noqa: S301 - our own


def by_joblib(value):
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


ways = pytest.mark.parametrize("sent", [copy.deepcopy, by_pickle, by_cloudpickle, by_joblib])


@ways
def test_a_program_arrives_as_it_is(sent):
    program = Program()
    program.judge.demos = [Example(text="a", steps=[Step(text="b")], score=0.5)]
    program.judge.lm = LM("m", base_url="http://127.0.0.1:9/v1", api_key="key-of-a-test")
    program.attach_results(score=84.0, run=object())
    again = sent(program)
    assert again.dump_state() == program.dump_state()
    assert again.judge.signature.fields == program.judge.signature.fields
    assert again.judge.options == {"temperature": 0.5}
    assert again.judge.lm.name == "m"
    assert again.score == 84.0


@ways
def test_a_program_that_arrived_runs(sent):
    configure(lm=ScriptedLM('steps: [{"text": "b"}]\nscore: 0.5'))
    assert sent(Program())(text="a").steps == [Step(text="b")]


@ways
@pytest.mark.parametrize(
    "signature", [Judge, Signature("text -> kind: Literal['a', 'b']", "Sort it."), Signature]
)
def test_a_signature_arrives_as_it_is(sent, signature):
    again = sent(signature)
    assert again.fields == signature.fields
    assert again.instructions == signature.instructions


@ways
def test_values_that_are_named_like_methods_arrive(sent):
    prediction = Prediction(items=["a"], keys=1, labels="x", copy="y", get=2, values={})
    assert sent(prediction) == prediction
    assert {name: prediction[name] for name in prediction} == prediction.to_dict()


def test_classes_of_a_script_go_to_another_process_by_cloudpickle(tmp_path):
    pytest.importorskip("cloudpickle")
    written = tmp_path / "program.pickle"
    script = f"""
        from typing import Literal
        import cloudpickle
        import mipro_nb as mipro

        class Sort(mipro.Signature):
            '''Sort the mail.'''
            text: str = mipro.InputField()
            folder: Literal["work", "home"] = mipro.OutputField()

        class Sorter(mipro.Module):
            def __init__(self):
                self.sort = mipro.Predict(Sort)
            def renewed(self):
                return mipro.Predict(Sort)

        with open({str(written)!r}, "wb") as file:
            cloudpickle.dump(Sorter(), file)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)  # noqa: S603
    again = pickle.loads(written.read_bytes())  # noqa: S301 - our own
    for predictor in (again.sort, again.renewed()):
        assert predictor.signature.instructions == "Sort the mail."
        assert predictor.signature.output_fields["folder"].type == Literal["work", "home"]
