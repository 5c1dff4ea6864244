"""The best score against what had been spent by then."""

from __future__ import annotations

from mipro_nb.runs import events as ev
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import CurvePoint
from mipro_nb.runs.views.history import SCORE_EVENTS

_PAID_CALLS = """
SELECT CAST(seq AS INTEGER), type = 'lm_call_answered', CAST(usd AS REAL)
FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type IN ('lm_call_answered', 'lm_call_failed')
    AND CASE type WHEN 'lm_call_answered' THEN NOT from_cache ELSE usd END
ORDER BY seq
"""


def spending_curve(record: Record, run_id: str) -> list[CurvePoint]:
    """Return the best full score so far against what had been spent, at each full evaluation."""
    paid = record.query(_PAID_CALLS, run_id)
    state, place, calls, known_usd, unpriced = RunState(), 0, 0, 0.0, 0
    curve: list[CurvePoint] = []
    for recorded in record.events(run_id, types=SCORE_EVENTS):
        state.apply(recorded)
        event = recorded.event
        best = state.best
        if not isinstance(event, ev.TrialTold) or event.kind == "minibatch" or best is None:
            continue
        while place < len(paid) and paid[place][0] < recorded.seq:
            _, answered, usd = paid[place]
            calls += answered
            known_usd += usd or 0.0
            unpriced += usd is None
            place += 1
        curve.append(
            {
                "calls": calls,
                "usd": None if unpriced else known_usd,
                "seconds": state.seconds,
                "score": best.score or 0.0,
            }
        )
    return curve
