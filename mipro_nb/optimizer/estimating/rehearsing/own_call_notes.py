"""What a plan says of LM calls that program or metric make by clients of their own."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.errors import shown
from mipro_nb.language.execution.own_calls import SeenOwnCalls

_LONGEST = 160


def own_call_notes(program: str, seen: Sequence[SeenOwnCalls]) -> list[str]:
    """Return notes on what was `seen` of such calls in the rehearsal of a program, row by row."""
    calls = {model: call for each in seen for model, call in each.calls.items()}
    places = sorted({place for each in seen for place in each.places})
    notes = []
    if calls:
        notes.append(
            f"{program} or its metric calls {_listed(calls)} through a client of its own. These "
            "calls are counted, capped and recorded as all others are; the estimate takes them for "
            "calls to the program's LM."
        )
    if unpriced := [model for model, call in calls.items() if call.price is None]:
        notes.append(
            f"The price of {_listed(unpriced)} is not known: under max_usd= such calls are "
            "refused. Call it through mipro_nb.LM(…, price=…) instead, which gives the price."
        )
    if places:
        notes.append(
            f"{program} or its metric also connects to {_listed(places)}, in the rehearsal as "
            "well: what is asked there is neither counted nor capped."
        )
    return notes


def _listed(names: Sequence[str] | dict[str, object]) -> str:
    return shown(", ".join(names), _LONGEST)
