"""How each example of the valset came out, over all configurations that were scored on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.results.validation_rows import ValidationRows

_MOST_SHOWN = 100
# What is worst is what one wants to look at first.
_ORDER: tuple[vm.Verdict, ...] = ("never right", "lost", "still wrong", "won")


@dataclass(frozen=True)
class ExampleScores:
    """How one example came out; scores in 0–1, None where it was not scored."""

    example: int
    student: float | None
    result: float | None
    tried: int
    right: int

    @property
    def verdict(self) -> vm.Verdict | None:
        """Return what there is to look at in it; None if student and result get it right."""
        if not self.right and self.tried:
            return "never right"
        student, result = is_right(self.student), is_right(self.result)
        if self.result is None or (student and result):
            return None
        if result:
            return "won" if self.student is not None else None
        return "lost" if student else "still wrong"


def is_right(score: float | None) -> bool:
    """Tell whether an example got the full score."""
    return score is not None and score >= 1


def example_scores(state: RunState, result: Configuration) -> Iterator[ExampleScores]:
    """Give how every example came out that was scored, in their order."""
    student, of_result = state.scores_with({}), state.scores_with(result)
    for example in sorted({n for scores in state.scores.values() for n in scores}):
        scores = [scores[example] for scores in state.scores.values() if example in scores]
        yield ExampleScores(
            example,
            student.get(example),
            of_result.get(example),
            tried=len(scores),
            right=sum(map(is_right, scores)),
        )


def outcomes(
    record: Record, state: RunState, result: Configuration
) -> tuple[list[vm.ExampleOutcome], int]:
    """Return the examples that student or result fail, and how many more of them there are.

    Those that nothing gets right come first. More than a hundred are not shown.
    """
    found = [(each, verdict) for each in example_scores(state, result) if (verdict := each.verdict)]
    found.sort(key=lambda pair: (_ORDER.index(pair[1]), pair[0].example))
    rows = ValidationRows(record, state)
    shown: list[vm.ExampleOutcome] = [
        {
            "example": each.example,
            "verdict": verdict,
            "inputs": rows.inputs(each.example),
            "expected": rows.expected(each.example),
            "student": each.student,
            "result": each.result,
            "tried": each.tried,
            "right": each.right,
        }
        for each, verdict in found[:_MOST_SHOWN]
    ]
    return shown, len(found) - len(shown)
