"""DSPy, as the rest of mipro_nb asks for it: its programs, LMs and rows taken for ours."""

from __future__ import annotations

import dspy

from mipro_nb.dspy.lm_calls.lm import DSPyLM
from mipro_nb.dspy.program import student_of
from mipro_nb.dspy.rows import own_row
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.foreign import Library
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example


class _DSPy:
    """See `mipro_nb.language.programs.foreign.Library`."""

    def as_program(self, value: object) -> Module | None:
        """Return a ``dspy.Module`` as a program."""
        return student_of(value) if isinstance(value, dspy.Module) else None

    def as_lm(self, value: object) -> LanguageModel | None:
        """Return a ``dspy.LM`` as an LM."""
        return DSPyLM(value) if isinstance(value, dspy.BaseLM) else None

    def as_row(self, value: object) -> Example | None:
        """Return a ``dspy.Example`` as a row."""
        return own_row(value) if isinstance(value, dspy.Example) else None


DSPY: Library = _DSPy()
