"""Configurations: which instruction and which demo set each predictor gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.language.example import Example
from mipro_nb.language.module import Module

Configuration = dict[str, int]

# In characters, whether an LM proposed it or a person wrote it: longer ones would be paid for with
# every call of a trial.
LONGEST_INSTRUCTION = 20_000
_DEMOS = ":demos"


@dataclass(frozen=True)
class Candidates:
    """The search space: what each predictor may be given.

    Attributes
    ----------
    instructions
        Predictor → its candidate instructions; the first is the student's own. A person may
        add some while the search goes on.
    demo_sets
        Predictor → its candidate demo sets; None where demos are not searched.
    """

    instructions: Mapping[str, list[str]]
    demo_sets: Mapping[str, Sequence[Sequence[Example]]] | None

    def variables(self) -> dict[str, int]:
        """Return the name of every variable with its number of choices, in a fixed order."""
        sizes = {}
        for predictor, texts in self.instructions.items():
            sizes[instruction_variable(predictor)] = len(texts)
            if self.demo_sets is not None:
                sizes[demos_variable(predictor)] = len(self.demo_sets[predictor])
        return sizes

    def apply(self, student: Module, configuration: Configuration) -> Module:
        """Return a copy of `student` in which `configuration` is set."""
        program = student.deepcopy()
        for name, predictor in program.named_predictors():
            text = self.instructions[name][configuration[instruction_variable(name)]]
            predictor.signature = predictor.signature.with_instructions(text)
            if self.demo_sets is not None:
                predictor.demos = list(self.demo_sets[name][configuration[demos_variable(name)]])
        return program


def instruction_variable(predictor: str) -> str:
    """Return the name of the variable that chooses a predictor's instruction."""
    return f"{predictor}:instruction"


def demos_variable(predictor: str) -> str:
    """Return the name of the variable that chooses a predictor's demo set."""
    return f"{predictor}{_DEMOS}"


def holds_no_demos(variable: str, index: int) -> bool:
    """Return whether this choice of a variable is the empty demo set."""
    return variable.endswith(_DEMOS) and index == 0
