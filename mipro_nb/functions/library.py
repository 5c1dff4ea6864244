"""Plain functions, as the rest of mipro_nb asks for them: taken for programs."""

from __future__ import annotations

from mipro_nb.functions.program import program
from mipro_nb.functions.prompts.finding import is_function
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.foreign import Library
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example


class _Functions:
    """See `mipro_nb.language.programs.foreign.Library`."""

    def as_program(self, value: object) -> Module | None:
        """Return a function as a program, with the prompts that its code names.

        Raises
        ------
        InvalidArgumentError
            If it names none.
        """
        made: Module | None = program(value) if is_function(value) else None
        return made

    def as_lm(self, value: object) -> LanguageModel | None:
        """Return None: LMs of functions are their own."""

    def as_row(self, value: object) -> Example | None:
        """Return None: rows are not theirs."""


FUNCTIONS: Library = _Functions()
