"""Demo sets of labelled rows: labels take turns, whatever a draw or the model's leaning gives."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Reply, ScriptedServer
from scripted_task import demo_sets, lm_of, run_of

import mipro_nb as mipro
from mipro_nb.optimizer.planning.data.balance import in_turn

labelled = st.lists(st.tuples(st.sampled_from("abc"), st.integers()))


@given(items=labelled, before=labelled)
def test_nothing_is_lost_and_each_label_keeps_its_order(items, before):
    ordered = in_turn(items, lambda item: item[0], before)
    assert Counter(ordered) == Counter(items)
    for label in "abc":
        assert [i for i in ordered if i[0] == label] == [i for i in items if i[0] == label]


@given(st.integers(1, 9), st.integers(1, 9))
def test_labels_take_turns_as_long_as_there_are_two(first, second):
    ordered = in_turn("a" * first + "b" * second, str)
    both = ordered[: 2 * min(first, second)]
    assert all(one != other for one, other in pairwise(both))


def test_an_answer_that_is_always_the_same_makes_no_set_of_one_label():
    signature = "text -> tone: Literal['kind', 'rude']"
    train = [
        mipro.Example(text=f"message {n}", tone="kind" if n % 4 else "rude").with_inputs("text")
        for n in range(20)
    ]

    def same(example, prediction, trace=None):
        return example.tone == prediction.tone

    with ScriptedServer(lambda request: Reply("tone: kind")) as server:
        mipro.configure(lm=lm_of(server))
        run = run_of(
            mipro.MIPROv2(same, num_candidates=6, max_bootstrapped_demos=3, max_labeled_demos=6),
            student=mipro.Predict(signature),
            train=train,
            val=train[:4],
        )
    for demos in demo_sets(run, "self")[1:]:
        tones = [demo["tone"] for demo in demos]
        assert Counter(tones) == {"kind": 3, "rude": 3}
        assert all(one != other for one, other in pairwise(tones))
