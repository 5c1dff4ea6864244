"""Headroom as it is handed to who measured it: numbers, sentences, a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mipro_nb.runs.events import HeadroomMeasured
from mipro_nb.runs.sentences.results.headroom import (
    HEAD,
    differ,
    headroom_table,
    headroom_view,
    leads_surely,
    valset_floor,
)
from mipro_nb.runs.sentences.results.measured_formats import as_columns
from mipro_nb.runs.state import RunState
from mipro_nb.runs.view_model import HeadroomView

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Headroom:
    """How much very different prompts differ on training rows, and how much of that is chance.

    The prompts answered the same rows, and their scores are compared in pairs, row by row. The
    noise floor is the 95 % quantile of the distance between best and worst over random orders of
    the prompts within each row: the permutation test for randomized blocks (Pitman, Biometrika 29,
    1938). It takes into account that the best of several looks better than it is.
    Where prompts are found to differ, it is taken again without their mean differences. How far a
    score moves when rows are asked again is 1.96 √(2s²/n), with the mean variance s² of the draws
    of a row and n rows (Miller, "Adding Error Bars to Evals", arXiv:2411.00640).

    Attributes
    ----------
    run_id
        The run that measured it: ``mipro_nb.show(run_id)`` shows its prompts and calls.
    measured
        Its event, with all numbers.

    Examples
    --------
    >>> headroom = MIPROv2(exact).headroom(student, trainset=rows[::2], valset=rows[1::2])
    >>> headroom.scores["student as given"], headroom.differ
    (100.0, False)
    >>> headroom.expectation
    'The student is right on all of these rows: they leave a run nothing to gain. ...'
    """

    run_id: str
    measured: HeadroomMeasured
    _view: HeadroomView

    @property
    def noise_floor(self) -> float:
        """How far equally good prompts are apart on these rows, in points, in 95 of 100 cases."""
        return self.measured.floor

    @property
    def valset_noise_floor(self) -> float:
        """The same on the valset of a run with the same arguments, about: rows are asked once."""
        return valset_floor(self.measured, self.measured.valset_size)

    @property
    def spread(self) -> float:
        """How far the best prompt is from the worst, in points."""
        return self.measured.spread

    @property
    def differ(self) -> bool:
        """Whether prompts are further apart than the noise floor."""
        return differ(self.measured)

    @property
    def lead(self) -> float:
        """How far the best of the other prompts is ahead of the student, in points."""
        return self.measured.lead

    @property
    def lead_is_clear(self) -> bool:
        """Whether that is more than chance, the best of several being the luckiest as well."""
        return leads_surely(self.measured)

    @property
    def scores(self) -> dict[str, float]:
        """The score of each prompt, 0–100, the student's first."""
        return {each.prompt: each.score for each in self.measured.prompts}

    @property
    def told(self) -> Sequence[str]:
        """What was found, in sentences."""
        return tuple(self._view["told"])

    @property
    def expectation(self) -> str:
        """What a run can be expected to bring, in words."""
        return self._view["expected"]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-able values."""
        return {
            "run_id": self.run_id,
            **self.measured.model_dump(exclude={"type"}),
            "valset_noise_floor": self.valset_noise_floor,
            "differ": self.differ,
            "lead_is_clear": self.lead_is_clear,
            "told": list(self.told),
        }

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per prompt: score, interval, points over the student, what failed."""
        import pandas as pd  # noqa: PLC0415 - slow to import, and only wanted on request

        return pd.DataFrame(self._view["prompts"]).set_index("prompt")

    def __str__(self) -> str:
        table = as_columns([HEAD, *headroom_table(self._view)])
        lines = [_title(self._view), *(f"  {line}" for line in table), *self.told]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = [_row("th", HEAD), *(_row("td", each) for each in headroom_table(self._view))]
        told = "".join(f"<p>{escape(each)}</p>" for each in self.told)
        title = f"<p><b>{escape(_title(self._view))}</b></p>"
        return f"<div>{title}<table>{''.join(rows)}</table>{told}</div>"


def headroom_of(run_id: str, state: RunState) -> Headroom | None:
    """Return the headroom that a run has measured; None if it has not."""
    view = headroom_view(state)
    if state.headroom is None or view is None:
        return None
    return Headroom(run_id, state.headroom, view)


def _title(view: HeadroomView) -> str:
    times = "" if view["repeats"] == 1 else f", each asked {view['repeats']:,} times"
    return f"Headroom on {view['rows']:,} training rows{times}"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(each)}</{tag}>' for each in cells)}</tr>"
