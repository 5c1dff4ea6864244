"""The mime bundle of a run's output: what saved notebooks, GitHub and terminals show of it."""

from __future__ import annotations

from typing import Any

from mipro_nb.notebook.saved.static_html import (
    comparison_html,
    history_html,
    permission_html,
    run_html,
)
from mipro_nb.notebook.saved.static_text import (
    comparison_text,
    history_text,
    permission_text,
    run_text,
)
from mipro_nb.runs.following.protocol import Kind, RunBundle
from mipro_nb.runs.view_model import RunSnapshot, Shown
from mipro_nb.runs.views.view import SCHEMA

RUN_MIME = "application/vnd.mipro.run+json"
EMPTY: Shown = {"permission": None, "snapshot": None, "history": None, "comparison": None}
"""What a view shows that shows nothing."""
# Of more trials than this, a saved notebook keeps the best and the full evaluations.
_MOST_TRIALS = 1000


def mime_bundle(kind: Kind, content: Shown) -> dict[str, Any]:
    """Return a view as the types that front ends choose from.

    Parameters
    ----------
    kind
        ``"run"``, ``"history"`` or ``"comparison"``.
    content
        ``permission``, ``snapshot``, ``history`` and ``comparison``, None for what is not shown.
    """
    html, text = _static(content)
    snapshot = content["snapshot"]
    saved: RunBundle = {
        "schema": SCHEMA,
        "kind": kind,
        "run": snapshot["summary"]["id"] if snapshot else None,
        **content,
    }
    return {RUN_MIME: saved, "text/html": html, "text/plain": text}


def _static(content: Shown) -> tuple[str, str]:
    if content["history"] is not None:
        return history_html(content["history"]), history_text(content["history"])
    if content["comparison"] is not None:
        return comparison_html(content["comparison"]), comparison_text(content["comparison"])
    if content["snapshot"] is not None:
        return run_html(content["snapshot"]), run_text(content["snapshot"])
    if content["permission"] is not None:
        return permission_html(content["permission"]), permission_text(content["permission"])
    return "", ""


def bounded(snapshot: RunSnapshot) -> RunSnapshot:
    """Return a snapshot that a notebook can bear to be saved with, whatever the run's length."""
    trials = snapshot["trials"]
    if len(trials) <= _MOST_TRIALS:
        return snapshot
    full = [row for row in trials if row["kind"] != "minibatch"]
    others = sorted(
        (row for row in trials if row["kind"] == "minibatch"),
        key=lambda row: (-(row["score"] or 0.0), row["trial"]),
    )
    kept = [*full, *others][:_MOST_TRIALS]
    return {
        **snapshot,
        "trials": sorted(kept, key=lambda row: row["trial"]),
        "left_out": len(trials) - len(kept),
    }
