"""What mipro_nb says of names that DSPy has and it has not."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys

import pytest

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError

BRIDGE = r"not part of mipro_nb: .*: `from mipro_nb\.dspy import MIPROv2`"


@pytest.mark.parametrize("name", ["ReAct", "JSONAdapter", "BootstrapFewShot", "Embedder"])
def test_an_attribute_says_so(name):
    with pytest.raises(AttributeError, match=f"{name} is DSPy's and {BRIDGE}"):
        getattr(mipro, name)
    assert not hasattr(mipro, name)


@pytest.mark.parametrize(
    "line",
    [
        "from mipro_nb import ReAct",
        "from mipro_nb.teleprompt import BootstrapFewShot, MIPROv2",
        "from mipro_nb.evaluate import SemanticF1",
        "from mipro_nb.datasets import HotPotQA",
    ],
)
def test_an_import_says_so(line):
    with pytest.raises(ImportError, match=BRIDGE):
        exec(line, {})  # noqa: S102 - our own


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from mipro_nb.predict import ChainOfThought", "`from mipro_nb import MIPROv2, Predict`"),
        ("import mipro_nb.optimizers", "in mipro_nb itself"),
        ("import mipro_nb.teleprompt.mipro_optimizer_v2", r"from mipro_nb\.dspy import MIPROv2"),
        ("from mipro_nb.dataset import from_file", r"did you mean mipro_nb\.datasets\?"),
    ],
)
def test_an_import_of_a_module_that_is_not_there_says_where_to_look(line, told):
    with pytest.raises(ModuleNotFoundError, match=rf"^No module named 'mipro_nb\..*{told}"):
        exec(line, {})  # noqa: S102 - our own


def test_those_who_ask_whether_there_is_a_module_hear_that_there_is_none():
    assert importlib.util.find_spec("mipro_nb.predict") is None
    assert importlib.util.find_spec("mipro_nb.datasets") is not None


def test_teleprompt_is_there_without_an_import_of_its_own():
    code = "import mipro_nb as dspy; assert dspy.teleprompt.MIPROv2 is dspy.MIPROv2"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own


def test_other_names_are_missing_as_in_any_module():
    with pytest.raises(AttributeError, match="module 'mipro_nb' has no attribute 'nothing'"):
        mipro.nothing  # noqa: B018 - looked up
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from mipro_nb import nothing", {})  # noqa: S102 - our own
    assert importlib.import_module("mipro_nb.notebook") is not None


def test_a_setting_says_so_and_none_of_ours_is_told_that_nobody_may_set():
    with pytest.raises(
        InvalidArgumentError, match=f"track_usage is a setting of DSPy's and {BRIDGE}"
    ):
        mipro.configure(track_usage=True)
    with pytest.raises(InvalidArgumentError) as unknown:
        mipro.configure(nothing=1)
    assert "stand_in" not in str(unknown.value)


def test_a_parameter_says_so():
    with pytest.raises(
        InvalidArgumentError, match=f"callbacks is a parameter of DSPy's and {BRIDGE}"
    ):
        mipro.Predict("a -> b", callbacks=[])
    with pytest.raises(InvalidArgumentError, match=BRIDGE):
        mipro.LM("openai/gpt-4o-mini", api_key="key-of-a-test", finetuning_model="other")
