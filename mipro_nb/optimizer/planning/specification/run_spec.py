"""The specification of a run: all that it needs to know before it starts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from mipro_nb.evaluate.metric import Metric
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.optimizer.planning.data.rows import Rows
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.optimizer.planning.specification.source import ProgramSource, function_source

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSpec:
    """Everything about a run that is known before its first LM call.

    Attributes
    ----------
    student
        A copy of the user's program; never changed.
    task_lm
        Runs the program.
    prompt_lm
        Writes summaries and instructions.
    teacher_lm
        Bootstraps demos; None for the program's own LMs.
    prompt_format
        The format that was configured when the run was planned; None for none.
    chosen_formats
        Name → prompt format of those predictors whose format somebody chose: the programs that the
        run hands back keep it, whatever is configured where they are used.
    changed
        Returns the specification with some of its `CHANGEABLE` settings changed by a person; the
        program is not rehearsed again.
    tested
        Returns the specification with rows to test the result on, and the estimate of that alone.
    measuring
        Returns the specification of a run that measures headroom for this one; likewise.
    executor
        Whose workers run examples; None to run them in this process.
    unmeasured_formats
        Name → the format of its own, if any, that a predictor had before its format was measured.
    searched_formats
        The formats that the search tries, each as name → format, that of the student first; none
        where formats are not searched.
    """

    plan: Plan
    student: Module
    rows: Rows
    metric: Metric
    source: ProgramSource
    task_lm: LanguageModel
    prompt_lm: LanguageModel
    teacher_lm: LanguageModel | None
    prompt_format: str | None
    chosen_formats: Mapping[str, str]
    verbose: bool
    track_stats: bool
    changed: Callable[[Mapping[str, Any]], RunSpec]
    tested: Callable[[Sequence[Example]], RunSpec]
    measuring: Callable[[], RunSpec]
    executor: Any = None
    unmeasured_formats: Mapping[str, str | None] = field(default_factory=dict)
    searched_formats: Sequence[Mapping[str, str]] = ()

    def in_formats(self, formats: Mapping[str, str]) -> RunSpec:
        """Return the specification with the best formats as measured, by predictor."""
        student = self.student.deepcopy()
        before = {}
        for name, predictor in student.named_predictors():
            if name in formats:
                before[name] = predictor.prompt_format
                predictor.prompt_format = formats[name]
        chosen = {**self.chosen_formats, **formats}
        return replace(self, student=student, chosen_formats=chosen, unmeasured_formats=before)

    def in_chosen_formats(self, program: Module, found: Mapping[str, str] | None = None) -> Module:
        """Return `program`, a copy of the student, with the formats that it is handed back with.

        Those that the search `found` instead go before the others.
        """
        formats = {**self.chosen_formats, **(found or {})}
        for name, predictor in program.named_predictors():
            predictor.prompt_format = formats.get(name)
        return program

    def sources(self) -> dict[str, str]:
        """Return the user's own part in the run, by role: code, and the student's state."""
        student = self.in_chosen_formats(self.student.deepcopy())
        teachers = [teacher.dump_state() for teacher in student.teachers]
        return {
            "teacher": json.dumps(teachers, indent=1, ensure_ascii=False),
            "program": self.source.text,
            "metric": function_source(self.metric.function),
            "student": json.dumps(student.dump_state(), indent=1, ensure_ascii=False),
        }
