"""What each instruction and each demo set adds to the score, and how they do together."""

from __future__ import annotations

from typing import Annotated, TypedDict

from mipro_nb.runs.view_model.parts import ADDED_LATER


class Effect(TypedDict):
    """What a candidate adds to the score, in points, whatever it is combined with.

    Attributes
    ----------
    adds, margin
        Against the first candidate, the student's own instruction or no demos, and half of
        the 95 % interval; None for that one, and where nothing with the candidate was scored.
    """

    index: int
    adds: float | None
    margin: float | None


class EffectCell(TypedDict):
    """The score of an instruction with a demo set, all else as in the result.

    Attributes
    ----------
    score, margin
        What it is believed to be, 0–100, and half of its 95 % interval.
    examples
        Those that it was scored on; 0 where it was not tried.
    result
        Whether it is the result itself.
    """

    score: float
    margin: float
    examples: int
    result: bool


class EffectRow(Effect):
    """What an instruction adds, and its score with each of the demo sets.

    Attributes
    ----------
    cells
        One for each demo set, or just one where the run searched no demos.
    """

    cells: list[EffectCell]


class PredictorEffects(TypedDict):
    """The effects of one predictor's candidates.

    Attributes
    ----------
    demo_sets
        Empty where the run searched no demos.
    told
        What stands out, in sentences.
    left_out
        Candidates that are not shown.
    """

    predictor: str
    instructions: list[EffectRow]
    demo_sets: list[Effect]
    told: list[str]
    left_out: int


class FormatEffect(TypedDict):
    """What a prompt format adds to the score, in points, whatever it is combined with.

    Attributes
    ----------
    adds, margin
        Against the first, and half of the 95 % interval; None for that one, and if it was not
        tried.
    """

    format: str
    adds: float | None
    margin: float | None


class FormatEffects(TypedDict):
    """The effects of the prompt formats that were searched, the one of the student first.

    Attributes
    ----------
    told
        What stands out, in sentences.
    """

    formats: list[FormatEffect]
    told: list[str]


class EffectsView(TypedDict):
    """The effects of all candidates.

    Attributes
    ----------
    told
        How the numbers are to be read.
    formats
        None where no prompt formats were searched.
    left_out
        Predictors that are not shown.
    """

    told: str
    by_predictor: list[PredictorEffects]
    formats: Annotated[FormatEffects | None, ADDED_LATER]
    left_out: int
