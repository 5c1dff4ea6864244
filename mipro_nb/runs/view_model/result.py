"""What came of a run: scores, prompts, examples, and what a call takes."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from mipro_nb.runs.view_model.effects import EffectsView
from mipro_nb.runs.view_model.parts import ADDED_LATER, Clip


class GainView(TypedDict):
    """The 95 % interval of the gain over the student, in points.

    Attributes
    ----------
    unclear
        Why it is not called a gain: chance may have made it. Empty where it is one.
    """

    low: float
    high: float
    unclear: Annotated[str, ADDED_LATER]


class TestView(TypedDict):
    """What the student and the returned program scored on rows that no phase had seen.

    Attributes
    ----------
    low, high, student_low, student_high
        95 % intervals of the scores; None where the metric gives scores outside of 0–1.
    gain
        None where the student itself is returned.
    validation
        The returned program's score on the valset.
    gap
        By how many points that is above the test score.
    errors
        Rows that failed.
    told
        All of it in sentences.
    """

    examples: int
    student: float
    student_low: float | None
    student_high: float | None
    score: float
    low: float | None
    high: float | None
    gain: GainView | None
    validation: float | None
    gap: float | None
    errors: int
    told: list[str]


Verdict = Literal["never right", "lost", "still wrong", "won"]
"""How an example came out that the student or the result fails.

- ``"never right"``: no configuration that was scored on it gets it right.
- ``"lost"``: the student gets it right, the result does not.
- ``"still wrong"``: neither does, another configuration does.
- ``"won"``: the result gets it right, the student does not.
"""


class ResultScore(TypedDict):
    """A line of the result: what was scored, and how it fared.

    Attributes
    ----------
    low, high, test_low, test_high
        95 % intervals; None where the metric gives scores outside of 0–1.
    examples
        Rows of the valset that the score rests on.
    test
        The score on the testset; None where there is none.
    call
        What a call takes in the mean, in words; None where that is not known.
    """

    what: str
    score: float
    low: float | None
    high: float | None
    examples: int
    test: float | None
    test_low: float | None
    test_high: float | None
    call: Annotated[str | None, ADDED_LATER]


class ResultPrompt(TypedDict):
    """What became of a predictor's prompt.

    Attributes
    ----------
    instruction
        The index of the instruction found; None where it is the student's own.
    before, after
        The student's instruction, and the one found.
    demo_set
        The index of the demo set found; None where the run searched none.
    demos
        How many demos that one has.
    """

    predictor: str
    instruction: int | None
    before: Clip
    after: Clip
    demo_set: int | None
    demos: int


class ExampleOutcome(TypedDict):
    """How an example came out, over all configurations that were scored on it.

    Attributes
    ----------
    student, result
        Scores in 0–1; None where it was not scored.
    tried, right
        Configurations that were scored on it, and those that got the full score.
    """

    example: int
    verdict: Verdict
    inputs: dict[str, Clip]
    expected: dict[str, Clip]
    student: float | None
    result: float | None
    tried: int
    right: int


class ResultView(TypedDict):
    """What came of a run that has ended.

    Attributes
    ----------
    trial
        The trial whose program was returned.
    changed
        Whether that is another program than the student.
    scores
        The student first, then the student with plain labelled demos if that was scored, then the
        result if that is another program.
    gain, test
        What follows of the scores on the valset, and of those on the testset, in sentences.
    cost
        What a call takes now, against what it took, in a sentence; None where it is the same, or
        nothing is known.
    why
        Why this one won, in sentences.
    failing
        Examples that the result fails.
    failing_told
        How many these are, in words.
    outcomes
        The examples that student or result fail, as many as a page can bear.
    outcomes_left_out
        How many more there are.
    effects
        What each candidate adds to the score; None where too little was scored to tell.
    """

    trial: int
    changed: bool
    scores: list[ResultScore]
    gain: list[str]
    test: list[str]
    cost: str | None
    why: list[str]
    prompts: list[ResultPrompt]
    failing: int
    failing_told: str
    outcomes: list[ExampleOutcome]
    outcomes_left_out: int
    effects: Annotated[EffectsView | None, ADDED_LATER]


class ObjectiveRow(TypedDict):
    """A configuration that was scored on the whole valset, and what one example takes.

    Attributes
    ----------
    usd, seconds
        None where they are not known.
    seconds
        Those of its LM calls, one after the other.
    characters
        Length of its instructions.
    on_front
        Whether no other is better in score and cost.
    best
        Whether it is the best so far, or what was returned.
    """

    trial: int
    score: float
    usd: float | None
    tokens: float
    seconds: float | None
    characters: int
    on_front: bool
    best: bool


class ObjectivesView(TypedDict):
    """Score and cost of the configurations that were scored on the whole valset.

    Attributes
    ----------
    cost
        What cost is told in.
    told
        How many there are, in words.
    """

    cost: Literal["usd", "tokens"]
    told: str
    rows: list[ObjectiveRow]
