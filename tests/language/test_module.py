"""Programs as trees of predictors."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from typing import NamedTuple

import pytest
from scripted_lm import ScriptedLM

from mipro_nb.errors import ProgramError
from mipro_nb.language import ChainOfThought, Example, Module, Predict


class Pair(NamedTuple):
    left: Predict
    right: Predict


class Leaf(Module):
    def __init__(self, declaration="question -> answer"):
        super().__init__()
        self.predict = Predict(declaration)

    def forward(self, question):
        return self.predict(question=question)


class Tree(Module):
    def __init__(self):
        super().__init__()
        self.first = Predict("a -> b")
        self.cot = ChainOfThought("a -> b")
        self.leaf = Leaf()
        self.steps = [Predict("a -> b"), Leaf(), (Predict("a -> b"),)]
        self.by_lang = {"en": Predict("a -> b"), 2: [Leaf()]}
        self.again = self.first
        self.steps_again = self.steps
        self.setting = {"temperature": 1.0}


def test_predictors_are_named_by_how_they_are_reached():
    tree = Tree()
    assert [name for name, _ in tree.named_predictors()] == [
        "first",
        "cot.predict",
        "leaf.predict",
        "steps[0]",
        "steps[1].predict",
        "steps[2][0]",
        "by_lang['en']",
        "by_lang[2][0].predict",
    ]
    assert tree.predictors()[0] is tree.first
    assert tree.predictors()[7] is tree.by_lang[2][0].predict


def test_a_predictor_alone_is_a_program_too():
    predictor = Predict("a -> b")
    assert predictor.named_predictors() == [("self", predictor)]


def test_a_tree_may_hold_itself():
    tree = Leaf()
    tree.me = tree
    tree.ring = [tree]
    tree.ring.append(tree.ring)
    assert [name for name, _ in tree.named_predictors()] == ["predict"]
    twin = tree.deepcopy()
    assert twin.me is twin
    assert twin.ring[0] is twin
    assert twin.ring[1] is twin.ring


def test_what_an_optimizer_left_is_no_part_of_the_program():
    tree = Leaf()
    tree.attach_results(candidate_programs=[{"program": Leaf(), "score": 1.0}], score=1.0)
    assert tree.score == 1.0
    assert [name for name, _ in tree.named_predictors()] == ["predict"]
    assert tree.deepcopy().candidate_programs is tree.candidate_programs


def test_a_predictor_may_be_called_score():
    class Essay(Module):
        def __init__(self):
            self.score = Predict("essay -> points: int")
            self.run = Leaf()

    essay = Essay()
    assert [name for name, _ in essay.named_predictors()] == ["score", "run.predict"]
    assert essay.deepcopy().score is not essay.score


def test_a_copy_is_independent():
    tree = Tree()
    tree.first.demos = [Example(a="1", b="2")]
    twin = tree.deepcopy()
    assert [n for n, _ in twin.named_predictors()] == [n for n, _ in tree.named_predictors()]
    assert not set(map(id, twin.predictors())) & set(map(id, tree.predictors()))
    twin.first.demos[0].b = "changed"
    twin.first.signature = twin.first.signature.with_instructions("Changed.")
    twin.setting["temperature"] = 0.0
    assert tree.first.demos[0].b == "2"
    assert tree.first.signature.instructions != "Changed."
    assert tree.setting == {"temperature": 1.0}


def test_a_copy_shares_what_the_original_shares():
    twin = Tree().deepcopy()
    assert twin.again is twin.first
    assert twin.steps_again is twin.steps


class Connection:
    """Cannot be copied."""

    def __init__(self):
        self.lock = threading.Lock()


def containers(predictor, lock):
    counting = defaultdict(list)
    counting["p"] = predictor
    counting["lock"] = lock
    return {
        "list": [predictor, lock],
        "tuple": (lock, predictor),
        "dict": {"lock": lock, "p": predictor},
        "nested": [{"deep": (predictor, [lock])}],
        "ordered": OrderedDict(lock=lock, p=predictor),
        "defaultdict": counting,
        "named tuple": Pair(predictor, lock),
    }


@pytest.mark.parametrize("kind", containers(None, None))
@pytest.mark.parametrize("make", [threading.Lock, Connection], ids=["lock", "connection"])
def test_an_uncopyable_neighbour_does_not_leave_predictors_shared(kind, make):
    uncopyable = make()
    tree = Leaf()
    tree.held = containers(Predict("a -> b"), uncopyable)[kind]
    twin = tree.deepcopy()
    assert type(twin.held) is type(tree.held)
    assert [n for n, _ in twin.named_predictors()] == [n for n, _ in tree.named_predictors()]
    assert not set(map(id, twin.predictors())) & set(map(id, tree.predictors()))
    assert str(uncopyable) in str(twin.held)


def test_the_factory_of_a_defaultdict_is_copied_along():
    tree = Leaf()
    tree.held = defaultdict(list, p=Predict("a -> b"))
    assert tree.deepcopy().held["new"] == []


def test_an_uncopyable_object_reached_twice_is_shared_whole():
    tree = Leaf()
    tree.one = Connection()
    tree.other = tree.one
    tree.inner = [tree.one.lock]
    twin = tree.deepcopy()
    assert twin.one is twin.other is tree.one
    assert twin.other.lock.acquire(blocking=False)


def test_lms_are_shared_by_copies():
    lm = ScriptedLM("answer: yes")
    tree = Tree()
    tree.set_lm(lm)
    tree.lms = [lm]
    twin = tree.deepcopy()
    assert all(predictor.lm is lm for predictor in twin.predictors())
    assert twin.lms[0] is lm


def test_reset_copy_forgets_demos_and_lm_but_not_the_instruction():
    tree = Tree()
    tree.set_lm(ScriptedLM(""))
    tree.first.demos = [Example(a="1", b="2")]
    tree.first.signature = tree.first.signature.with_instructions("Tuned.")
    blank = tree.reset_copy()
    assert blank.first.demos == []
    assert blank.first.lm is None
    assert blank.first.signature.instructions == "Tuned."
    assert len(tree.first.demos) == 1


async def test_a_program_runs_by_call_and_by_acall():
    leaf = Leaf()
    leaf.set_lm(ScriptedLM("answer: yes"))
    assert leaf(question="?").answer == "yes"
    assert (await leaf.acall("?")).answer == "yes"


async def test_an_async_program_can_be_called_like_a_sync_one():
    class Async(Leaf):
        forward = None

        async def aforward(self, question):
            return await self.predict.acall(question=question)

    program = Async()
    program.set_lm(ScriptedLM("answer: yes"))
    assert program(question="?").answer == "yes"
    assert (await program.acall(question="?")).answer == "yes"


async def test_a_sync_forward_runs_in_a_worker_thread_when_awaited():
    class Where(Module):
        def forward(self):
            return threading.current_thread().name

    assert (await Where().acall()).startswith("mipro-worker")
    assert Where()() == threading.current_thread().name


def test_a_program_needs_a_forward():
    class Empty(Module):
        pass

    with pytest.raises(ProgramError, match="Empty defines neither forward nor aforward"):
        Empty()()


def test_repr_lists_the_predictors():
    assert repr(Leaf()) == "Leaf(predict = Predict('question -> answer', 0 demos))"
