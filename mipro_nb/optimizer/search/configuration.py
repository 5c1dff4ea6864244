"""Configurations: which instruction and demo set each predictor gets, and in which format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.runs.configuration import FORMAT, Configuration, split_variable, variable_of

# In characters, whether an LM proposed it or a person wrote it: longer ones would be paid for with
# every call of a trial.
LONGEST_INSTRUCTION = 20_000
LABELLED_SET = 1
"""The demo set of labelled rows as they stand, where there are labelled demos; set 0 is empty."""


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
    formats
        The prompt formats of the program, each as predictor → format; the first is the student's.
        Empty where formats are not searched.
    """

    instructions: Mapping[str, list[str]]
    demo_sets: Mapping[str, Sequence[Sequence[Example]]] | None
    formats: Sequence[Mapping[str, str]] = ()

    def variables(self) -> dict[str, int]:
        """Return the name of every variable with its number of choices, in a fixed order."""
        sizes = {}
        for predictor, texts in self.instructions.items():
            sizes[variable_of(predictor, "instruction")] = len(texts)
            if self.demo_sets is not None:
                sizes[variable_of(predictor, "demos")] = len(self.demo_sets[predictor])
        if self.formats:
            sizes[FORMAT] = len(self.formats)
        return sizes

    def formats_of(self, configuration: Configuration) -> Mapping[str, str]:
        """Return the predictors that `configuration` asks in another format, and in which."""
        chosen = configuration.get(FORMAT, 0)
        return self.formats[chosen] if chosen else {}

    def labelled(self) -> Configuration | None:
        """Return the student's own instructions with plain labelled demos.

        None where there is no such demo set, or where it has no demo for any predictor.
        """
        sets = self.demo_sets or {}
        if not any(len(each) > LABELLED_SET and each[LABELLED_SET] for each in sets.values()):
            return None
        return {
            name: LABELLED_SET if split_variable(name)[1] == "demos" else 0
            for name in self.variables()
        }

    def apply(self, student: Module, configuration: Configuration) -> Module:
        """Return a copy of `student` in which `configuration` is set."""
        program, formats = student.deepcopy(), self.formats_of(configuration)
        for name, predictor in program.named_predictors():
            if name in formats:
                predictor.prompt_format = formats[name]
            text = self.instructions[name][configuration[variable_of(name, "instruction")]]
            predictor.signature = predictor.signature.with_instructions(text)
            if self.demo_sets is not None:
                predictor.demos = list(
                    self.demo_sets[name][configuration[variable_of(name, "demos")]]
                )
        return program
