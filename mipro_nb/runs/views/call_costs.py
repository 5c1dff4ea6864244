"""What a call of a program takes on the average, as its trials have it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mipro_nb.runs.store.record import Record

_SUMS = """
SELECT count(*),
  sum(json_extract(body, '$.input_tokens') + json_extract(body, '$.output_tokens')),
  sum(from_cache = 0), sum(usd IS NULL), sum(iif(from_cache = 0, usd, 0))
FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type = 'lm_call_answered' AND trial IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True)
class CallCost:
    """What a call takes on the average.

    Attributes
    ----------
    tokens
        Input and output tokens together, of answers from the record as well.
    usd
        The price of a call that was paid for; None where none was, or a price is not known.
    """

    tokens: float
    usd: float | None


def call_cost(record: Record, run_id: str, trials: Sequence[int]) -> CallCost | None:
    """Return what a call in these trials took; None where none was answered."""
    ((calls, tokens, paid, unpriced, usd),) = record.query(_SUMS, run_id, json.dumps(list(trials)))
    if not calls:
        return None
    return CallCost(tokens / calls, usd / paid if paid and not unpriced else None)
