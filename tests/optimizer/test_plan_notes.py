"""What a plan says about metric and data before anything is paid."""

from __future__ import annotations

import threading
from decimal import Decimal
from enum import Enum
from typing import Literal

import pytest
from pydantic import BaseModel
from scripted_task import PlanAndSolve, Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MetricError


@pytest.fixture(autouse=True)
def _nothing_is_sent(server):
    yield server
    assert server.count == 0


def plan_of(student=None, metric=exact, data=None, valset=None, **settings):
    optimizer = mipro.MIPROv2(metric, **settings)
    student = Solve() if student is None else student
    return optimizer.plan(
        student if isinstance(student, mipro.Module) else mipro.Predict(student),
        trainset=data or rows(10),
        valset=valset,
        minibatch=False,
    )


def notes_of(*args, **settings):
    return "\n".join(plan_of(*args, **settings).notes)


def labelled(*labels):
    return [
        mipro.Example(text=f"t{n}", label=label).with_inputs("text")
        for n, label in enumerate(labels)
    ]


def same(example, prediction, trace=None):
    return example.label == prediction.label


def slip(example, prediction, trace=None):
    return example.label == prediction


def near(example, prediction, trace=None):
    return 0.5 if example.label == prediction.label else 0.0


def points(example, prediction, trace=None):
    return 100 if prediction.answer == example.answer else 30


def a_topic():
    class Topic(Enum):
        SPORT = "sport"
        TRADE = "trade"

    return Topic


class Place(BaseModel):
    town: str


# The metric on the rows' own labels


def test_rows_and_metric_in_order_get_no_note():
    assert plan_of().notes == ()
    assert plan_of(PlanAndSolve(), data=rows(200)).estimate.guess is None


@pytest.mark.parametrize(
    ("output", "label", "metric"),
    [("str", 1, same), ("int", "1", same), ("str", "ham", slip), ("list[str]", ("a", "b"), same)],
)
def test_a_metric_that_gives_0_for_the_rows_own_labels_is_told(output, label, metric):
    said = notes_of(f"text -> label: {output}", metric, labelled(*[label] * 10))
    assert f"The metric {metric.__name__} gave 0 on 5 rehearsed rows" in said
    assert "no prompt can score so" in said


class Counts(Solve):
    """Makes something else of what its predictor answers."""

    def forward(self, question):
        return mipro.Prediction(answer=str(len(super().forward(question=question).answer)))


def test_a_program_that_makes_nothing_of_the_rows_own_labels_is_told():
    said = notes_of(Counts())
    assert "gave 0 on 5 rehearsed rows although the predictors answered" in said
    assert "what Counts makes of them scores nothing" in said


def test_a_program_that_computes_its_answer_from_labels_is_not_judged_where_it_scores():
    lengths = [row.copy(answer="1") for row in rows(10)]
    assert plan_of(Counts(), data=lengths).notes == ()


def test_a_program_that_was_answered_more_than_labels_is_not_judged():
    class CountsThePlan(PlanAndSolve):
        def forward(self, question):
            return mipro.Prediction(answer=str(len(super().forward(question).answer) + 100))

    assert plan_of(CountsThePlan()).notes == ()


class Nests(Solve):
    def forward(self, question):
        return mipro.Prediction(answer=super().forward(question))


def test_an_output_that_is_itself_a_prediction_is_told():
    (said,) = plan_of(Nests()).notes
    assert "Nests returns a Prediction whose 'answer' is itself a Prediction" in said
    assert "Write Prediction(answer=….answer)" in said


def test_a_metric_that_reads_a_nested_prediction_gets_no_note():
    assert plan_of(Nests(), metric=lambda e, p: p.answer.answer == e.answer).notes == ()


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_an_output_that_was_never_awaited_is_told():
    class Forgets(Solve):
        async def aforward(self, question):
            await self.solve.acall(question=question)
            return mipro.Prediction(answer=self.solve.acall(question=question))

    (said,) = plan_of(Forgets()).notes
    assert "whose 'answer' was never awaited" in said


# What a program keeps on itself


class Keeps(Solve):
    """Sets attributes while it runs."""

    def __init__(self, **kept):
        super().__init__()
        self.steps = [self.solve]
        self.kept = kept

    def forward(self, question):
        for name, value in self.kept.items():
            setattr(self, name, value(question) if callable(value) else value)
        return super().forward(question)


class Outer(mipro.Module):
    def __init__(self, inner):
        self.inner = [inner]

    def forward(self, question):
        return self.inner[0](question=question)


def test_an_attribute_that_is_set_for_each_row_is_told():
    (said,) = plan_of(Keeps(question=str)).notes
    assert "Keeps sets self.question to something else for each row" in said
    assert "num_threads=6" in said
    (said,) = plan_of(Outer(Keeps(question=str))).notes
    assert "Outer sets self.inner[0].question to something else" in said


def test_demos_that_are_chosen_for_each_row_are_told():
    class Nearest(Solve):
        def forward(self, question):
            self.solve.demos = [mipro.Example(question=f"{question}?", answer="1")]
            return super().forward(question)

    (said,) = plan_of(Nearest()).notes
    assert "Nearest sets self.solve.demos" in said


def test_an_attribute_set_for_each_row_is_in_order_where_rows_are_worked_on_in_turn():
    assert plan_of(Keeps(question=str), num_threads=1).notes == ()


@pytest.mark.parametrize("kept", [lambda _: threading.Lock(), lambda _: [1, 2], 7, None])
def test_what_is_set_once_or_to_the_same_gets_no_note(kept):
    """Something loaded when it is first needed, a lock, a constant."""
    assert plan_of(Keeps(index=kept)).notes == ()


def test_a_metric_that_asks_a_judge_is_not_judged():
    judge = mipro.Predict("question, answer -> right: bool")

    def judged(example, prediction, trace=None):
        verdict = judge(question=example.question, answer=prediction.answer)
        return verdict.right and False

    assert plan_of(metric=judged).notes == ()


def test_a_threshold_that_no_label_reaches_is_told():
    data = labelled(*"abcdefghij")
    said = notes_of("text -> label", near, data, metric_threshold=0.9)
    assert "gave 0.5 at most" in said
    assert "no trace reaches metric_threshold=0.9" in said
    assert "metric_threshold" not in notes_of("text -> label", near, data, metric_threshold=0.5)


# Labels


@pytest.mark.parametrize(
    ("declared", "label"),
    [
        (int, 1.0),
        (int, True),
        (bool, 1),
        (bool, 0.0),
        (float, 1),
        (Literal[0, 1], 1.0),
        (Decimal, 1.5),
        (int | None, 1.0),
    ],
)
def test_a_number_that_equals_a_value_of_the_type_gets_no_note(declared, label):
    signature = mipro.Signature("text -> label: T", T=declared)
    assert notes_of(signature, lambda e, p: True, labelled(*[label] * 10)) == ""


@pytest.mark.parametrize(
    ("declared", "labels", "said"),
    [
        (str, ["a", 1], "is no str, such as 1, of type int"),
        (int, [1, "2"], "is no int, such as '2', of type str"),
        (bool, [True, "yes"], "is no bool, such as 'yes', of type str"),
        (list[str], [["a"], "a"], "is no list[str], such as 'a', of type str"),
        (Literal["ham", "spam"], ["ham", "Ham "], "is no Literal['ham', 'spam'], such as 'Ham '"),
        (Literal["0", "1"], ["0", 1], "is no Literal['0', '1'], such as 1"),
        (Place, [Place(town="Rome"), "Rome"], "is no Place, such as 'Rome', of type str"),
    ],
)
def test_labels_that_are_none_of_the_output_s_values_are_told(declared, labels, said):
    signature = mipro.Signature("text -> label: T", T=declared)
    fits, unfit = labels
    found = notes_of(signature, lambda e, p: True, labelled(*[fits] * 8, unfit, unfit))
    assert f"Valset: 2 of 8 rows whose label 'label' {said}" in found
    assert notes_of(signature, lambda e, p: True, labelled(*[fits] * 10)) == ""


def test_an_enum_that_was_defined_anew_is_told():
    signature = mipro.Signature("text -> label: T", T=a_topic())
    data = labelled(*[a_topic().SPORT] * 10)
    said = notes_of(signature, same, data)
    assert "Trainset: 2 of 2 rows, valset: 8 of 8 rows whose label 'label' is no Topic" in said
    assert "was it defined again" in said


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("spam ", "has white space around it, such as 'spam '"),
        ("\nspam", "has white space around it, such as '\\nspam'"),
        ("cafe\u0301", "is not in the Unicode form NFC, such as 'cafe\\u0301'"),
    ],
)
def test_texts_that_no_model_spells_so_are_counted(label, said):
    found = notes_of("text -> label", same, labelled(*["ham"] * 8, label, label))
    assert f"Valset: 2 of 8 rows whose label 'label' {said}" in found
    assert "gives 0" in found
    assert "label.strip()" in found or "unicodedata.normalize('NFC', label)" in found


def test_texts_within_a_label_are_looked_at_too():
    signature = mipro.Signature("text -> label: T", T=list[str])
    data = labelled(*[["caf\u00e9"]] * 9, ["cafe\u0301"])
    assert "1 of 8 rows whose label 'label' is not in the Unicode form NFC" in notes_of(
        signature, same, data
    )


def test_labels_that_their_type_spells_so_get_no_note():
    signature = mipro.Signature("text -> label: T", T=Literal["spam ", "cafe\u0301"])
    assert notes_of(signature, same, labelled(*["spam ", "cafe\u0301"] * 5)) == ""


def test_numbers_that_are_equal_in_both_types_get_no_note():
    assert notes_of("text -> label: float", same, labelled(*range(10))) == ""
    assert notes_of("text -> label: str | None", same, labelled("a", None, *"bcdefghi")) == ""


def test_labels_that_some_rows_lack_are_counted():
    data = labelled("a", None, *"cdefg", float("nan"), "h", "i")
    data[9] = data[9].without("label")
    said = notes_of("text -> label", lambda e, p: True, data)
    assert "Trainset: 1 of 2 rows, valset: 2 of 8 rows without label 'label'" in said


def test_data_without_any_labels_get_no_note():
    data = [row.without("answer") for row in rows(10)]
    assert notes_of(metric=lambda e, p: len(p.answer) > 0, data=data) == ""


# Rows that come again


def test_rows_that_come_again_are_counted():
    data = rows(4)
    said = notes_of(data=[*data, data[0]], valset=[*rows(3, start=100), *rows(2, start=100)])
    assert "Trainset: 1 row with the inputs of an earlier row" in said
    assert "Valset: 2 rows with the inputs of an earlier row" in said
    assert "of a row of the trainset" not in said


def test_rows_of_other_labels_are_told():
    data = rows(5)
    said = notes_of(data=[*data, data[0].copy(answer="7")], valset=rows(3, start=100))
    assert "1 row of trainset and valset with the inputs of an earlier row, but other lab" in said


@pytest.mark.parametrize("common", [1, 10])
def test_rows_of_the_trainset_in_the_valset_are_counted(common):
    said = notes_of(data=rows(10), valset=rows(10, start=10 - common))
    assert f"Valset: {common} of 10 rows with the inputs of a row of the trainset" in said
    assert "left out of its prompt" in said
    without = notes_of(
        data=rows(10), valset=rows(10), max_bootstrapped_demos=0, max_labeled_demos=0
    )
    assert "left out of its prompt" not in without


@pytest.mark.parametrize("valset", [None, rows(12)[2:]])
def test_demos_of_the_program_itself_that_are_validation_rows_are_counted(valset):
    student = Solve()
    student.solve.demos = [rows(12)[5], rows(12)[5], rows(12)[9], *rows(1, start=500)]
    said = notes_of(student, data=rows(12), valset=valset)
    assert "2 of 9 rows are demos" in said or "2 of 10 rows are demos" in said
    assert "demos that the program has already, of solve. Where one is scored, it is left" in said
    assert "demos that the program has already" not in notes_of(data=rows(12), valset=valset)


def test_a_demo_of_a_program_that_is_a_training_row_alone_gets_no_note():
    student = Solve()
    student.solve.demos = [rows(12)[5]]
    said = notes_of(student, data=rows(12), valset=rows(12, start=100))
    assert "that the program has already" not in said


# The scale of the metric


@pytest.mark.parametrize(
    "metric",
    [
        points,
        lambda e, p: mipro.Score(points(e, p), "so so"),
        lambda e, p: 1.5 * exact(e, p),
    ],
)
def test_a_metric_above_1_makes_the_scale_0_to_100(metric):
    plan = plan_of(metric=metric)
    assert plan.metric_scale == 100
    assert "gives points of 100: scores are shown as it gives them" in plan.notes[0]
    assert "give metric_threshold to keep only good ones" in plan.notes[0]


@pytest.mark.parametrize("metric", [exact, lambda e, p: 1.0000000002, lambda e, p: -1e-9])
def test_other_metrics_are_of_scale_1(metric):
    assert plan_of(metric=metric).metric_scale == 1


def test_a_threshold_above_1_tells_the_scale_too():
    data = [row.without("answer") for row in rows(10)]
    metric = lambda e, p: 70 if p.answer == "right" else 0  # noqa: E731
    assert plan_of(metric=metric, data=data).metric_scale == 1
    assert plan_of(metric=metric, data=data, metric_threshold=60).metric_scale == 100
    with pytest.raises(InvalidArgumentError, match=r"metric_threshold=150: scores go up to 1, or"):
        plan_of(metric=metric, data=data, metric_threshold=150)
    said = notes_of(metric=points, metric_threshold=0.5)
    assert "metric_threshold=0.5 is next to nothing of 100" in said


def test_more_than_100_is_refused():
    with pytest.raises(MetricError, match=r"returned 250\. Scores go up to 1, or up to 100"):
        plan_of(metric=lambda e, p: 250)


def test_a_judge_of_points_is_asked_to_tell_them():
    unbounded = mipro.Predict("answer -> grade: int")
    said = notes_of(metric=lambda e, p: unbounded(answer=p.answer).grade)
    assert "asks an LM for a number, which was made up" in said


# Demos per set


@pytest.mark.parametrize(
    ("bootstrapped", "labelled_demos", "in_all"), [(4, 16, 10), (6, 2, 6), (2, 3, 3)]
)
def test_the_plan_tells_how_many_demos_a_set_holds(bootstrapped, labelled_demos, in_all):
    plan = plan_of(
        data=[*rows(10), *rows(5)],
        valset=rows(5, start=100),
        max_bootstrapped_demos=bootstrapped,
        max_labeled_demos=labelled_demos,
    )
    assert f"of up to {bootstrapped} bootstrapped and {in_all} in all" in str(plan)
    assert plan.settings()["demos_per_set"] == in_all
    assert any("only fill a set up" in note for note in plan.notes) == (bootstrapped == 6)


def fussy(example, prediction, trace=None):
    if example.question == "4 plus 7":
        raise LookupError("no such row")
    return points(example, prediction)


def test_notes_are_sentences():
    class Fails(Solve):
        def forward(self, question):
            if question == "4 plus 7":
                raise LookupError("no such row")
            return super().forward(question=question)

    data = rows(10)
    twice = [*data, data[0].copy(answer="7"), data[1]]
    plans = [
        plan_of(Fails(), fussy, max_labeled_demos=2, max_bootstrapped_demos=6),
        plan_of(data=twice, valset=[*rows(3, start=100), *rows(2, start=100), data[0]]),
        plan_of("text -> label: int", same, labelled("1", "x", None, "2")),
        plan_of("text -> label", slip, labelled("a", "b", "", "c")),
    ]
    plans.append(
        mipro.MIPROv2(exact, auto="light").plan(
            Solve(), trainset=rows(20), valset=rows(60, start=100), max_calls=200
        )
    )
    plans.append(
        mipro.MIPROv2(exact, num_candidates=8).plan(
            Solve(), trainset=rows(20), minibatch_size=5, max_calls=20
        )
    )
    notes = {note for plan in plans for note in plan.notes}
    assert len(notes) > 12
    assert {note for note in notes if not note[0].isupper() and not note[0].isdigit()} == set()
    assert {note for note in notes if not note.endswith(".")} == set()
    assert not any("leader" in note for note in notes), "that is the best trial"
