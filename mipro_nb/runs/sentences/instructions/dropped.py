"""Instructions that broke a constraint and were dropped, as every view shows them."""

from __future__ import annotations

from mipro_nb.errors import shown
from mipro_nb.runs.state import RunState

_MOST = 20
_LONGEST = 160


def dropped_notes(state: RunState) -> list[str]:
    """Return a note for each instruction that was dropped, at most so many."""
    notes = [
        f"Dropped, {each.source} for {each.predictor}: {'; '.join(each.reasons)}. The other tries "
        f"could not be used either. Its text: {shown(repr(each.instruction), _LONGEST)}"
        for each in state.dropped[:_MOST]
    ]
    if (more := len(state.dropped) - _MOST) > 0:
        notes.append(f"{more:,} more were dropped: they are the events proposal_dropped.")
    return notes
