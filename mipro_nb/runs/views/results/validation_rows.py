"""The rows of a run's valset as views show them: what is given, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mipro_nb.runs import view_model as vm
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.clip import clip_fields, more_of_text, within

_CHARACTERS = 160


class ValidationRows:
    """Reads the rows once, and cuts their texts to what fits a table.

    Parameters
    ----------
    record, state
        The run.
    """

    def __init__(self, record: Record, state: RunState) -> None:
        planned = state.planned
        self._rows = [] if planned is None else kept(record, planned.valset, ROWS)
        self._inputs = set() if planned is None else set(planned.inputs)
        self._more = "" if planned is None else more_of_text(planned.valset)

    def inputs(self, example: int) -> dict[str, vm.Clip]:
        """Return what the program is given of a row."""
        return self._fields(example, given=True)

    def expected(self, example: int) -> dict[str, vm.Clip]:
        """Return what the metric compares with."""
        return self._fields(example, given=False)

    def _fields(self, example: int, *, given: bool) -> dict[str, vm.Clip]:
        row: Mapping[str, Any] = self._rows[example] if example < len(self._rows) else {}
        chosen = {name: value for name, value in row.items() if (name in self._inputs) == given}
        return clip_fields(chosen, within(self._more, example), _CHARACTERS)
