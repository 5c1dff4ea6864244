"""What a rehearsal found: calls as the estimate has them, and notes to read before saying yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mipro_nb.evaluate.metric import Metric, scale_of
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.prompting.predictor import Predictor
from mipro_nb.language.rows.example import Example
from mipro_nb.optimizer.estimating.rehearsing.made_up import made_up
from mipro_nb.optimizer.estimating.rehearsing.rehearsed_calls import (
    RehearsedCall,
    first_of_each,
    measured,
    names_by_signature,
)
from mipro_nb.optimizer.estimating.rehearsing.score_notes import notes_on_scores
from mipro_nb.optimizer.estimating.rehearsing.seen import Seen, merged


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal found.

    Attributes
    ----------
    calls
        A list of calls per rehearsed row; where it had to guess, also of a row as there might be.
    notes
        What a person should know of it before saying yes.
    guess
        Why `calls` were not measured; None if they were.
    metric_scale
        What the metric gives for a full score, as far as was seen.
    no_feedback
        A note on a metric that fails where it is asked about one predictor, as repairs ask it.
    """

    calls: Sequence[Sequence[RehearsedCall]]
    notes: Sequence[str]
    guess: str | None = None
    metric_scale: Literal[1, 100] = 1
    no_feedback: str | None = None


def findings_of(
    student: Module,
    lm: LanguageModel,
    metric: Metric,
    seen: Sequence[Seen],
    row: Example,
    *,
    metric_threshold: float | None,
) -> Rehearsal:
    """Return what was found on all rows.

    Parameters
    ----------
    student, lm, metric, metric_threshold
        As for the rehearsal.
    seen
        What was seen on each row.
    row
        One of the rows, for what no row has called.
    """
    program = type(student).__name__
    notes = merged(seen)
    guess = next((each.guess for each in seen if each.guess is not None), None)
    calls = [each.calls for each in seen if each.calls or each.error is None]
    called = {call.predictor for row_calls in calls for call in row_calls}
    names = names_by_signature(student).values()
    uncalled = [name for name in names if name not in called]
    if uncalled and guess is None:
        guess = f"no rehearsed row calls {', '.join(uncalled)}"
        notes.append(
            f"N{guess[1:]}: made-up answers, or these rows, led {program} past it. It is "
            "optimized all the same; if it is never called, that is paid for in vain: take it "
            "out, or add rows that need it."
        )
    if uncalled:
        predictors = dict(student.named_predictors())
        calls = _with_uncalled(calls, {name: predictors[name] for name in uncalled}, row, lm)
    elif any(each.guess for each in seen):
        # Of a program that was ended: as if a model let it end at once.
        calls.append(first_of_each(max(calls, key=len)))
    scale = scale_of(each.score for each in seen if each.score is not None)
    notes += notes_on_scores(seen, scale, metric.name, program, metric_threshold)
    told = next((each.no_feedback for each in seen if each.no_feedback is not None), None)
    return Rehearsal(calls, notes, guess, scale, told)


def _with_uncalled(
    calls: list[list[RehearsedCall]],
    uncalled: Mapping[str, Predictor],
    row: Example,
    lm: LanguageModel,
) -> list[list[RehearsedCall]]:
    """Return the calls of rows that made some, and of one that calls what none of them did."""
    guessed = [_guessed(name, predictor, row, lm) for name, predictor in uncalled.items()]
    called = [made for made in calls if any(call.predictor for call in made)]
    return [*called, [*first_of_each(max(calls, key=len)), *guessed]]


def _guessed(
    name: str, predictor: Predictor, row: Example, default: LanguageModel
) -> RehearsedCall:
    signature = predictor.signature
    values = {
        field_name: row[field_name] if field_name in row else made_up(each)
        for field_name, each in signature.fields.items()
    }
    inputs = {field_name: values[field_name] for field_name in signature.input_fields}
    lm = predictor.lm or default
    reply = predictor.write_answer(values, lm)
    return measured(name, predictor.request(inputs, lm), reply, row)
