"""What a view shows."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mipro_nb.runs.view_model.history import HistoryRow, RunComparison
from mipro_nb.runs.view_model.permission import PermissionRequest
from mipro_nb.runs.view_model.run import RunSnapshot


class Shown(TypedDict):
    """What a view shows, None for what it does not: a widget's traits, saved in the notebook.

    Attributes
    ----------
    search
        What the history is searched for at first.
    """

    permission: PermissionRequest | None
    snapshot: RunSnapshot | None
    history: list[HistoryRow] | None
    comparison: RunComparison | None
    search: NotRequired[str]
