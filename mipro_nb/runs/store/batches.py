"""Batches of LM calls in the record: noted before they are sent, so that they are found again.

A batch may be out for a day, and the process that sent it may be gone by then. Who resumes asks for
the same calls, and finds here which batch has them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mipro_nb.runs.store.record import Record
from mipro_nb.runs.usage import Usage

# Providers keep files of batches for so long; what a person's own calls left behind goes with them.
_KEPT_SECONDS = 30 * 86_400.0
_CALLS = (
    "SELECT custom_id, own_id, batch_id, attempts, tokens, usd"
    " FROM batched_calls JOIN batches USING (own_id) WHERE run_id IS ?"
)


class BatchedCall(NamedTuple):
    """A call that is in a batch, and that nobody has told of.

    Attributes
    ----------
    own_id
        Our name of the batch.
    batch_id
        The provider's; None if it was not heard of.
    usage
        What the call takes at the worst, its earlier attempts included.
    """

    own_id: str
    batch_id: str | None
    usage: Usage


def put_batch(record: Record, run_id: str | None, own_id: str, calls: Mapping[str, Usage]) -> None:
    """Note a batch that is about to be sent: its calls, each at its worst.

    Parameters
    ----------
    run_id
        The run that they belong to; None for a person's own calls.
    calls
        By custom id. Where an earlier batch of the run had one of them, it is in this one now.
    """
    with record.writing():
        now = time.time()
        record.change("DELETE FROM batches WHERE run_id IS NULL AND at < ?", now - _KEPT_SECONDS)
        for custom_id in calls:
            record.change(
                "DELETE FROM batched_calls WHERE custom_id = ?"
                " AND own_id IN (SELECT own_id FROM batches WHERE run_id IS ?)",
                *(custom_id, run_id),
            )
        record.change(
            "INSERT INTO batches (own_id, run_id, at) VALUES (?, ?, ?)", own_id, run_id, now
        )
        for custom_id, usage in calls.items():
            record.change(
                "INSERT INTO batched_calls VALUES (?, ?, ?, ?, ?)",
                *(own_id, custom_id, usage.calls, usage.tokens, usage.usd),
            )


def put_batch_id(record: Record, own_id: str, batch_id: str) -> None:
    """Note what the provider calls a batch."""
    record.change("UPDATE batches SET batch_id = ? WHERE own_id = ?", batch_id, own_id)


def batched_call(record: Record, run_id: str | None, custom_id: str) -> BatchedCall | None:
    """Return in which batch a call of a run is, None if it is in none."""
    rows = record.query(f"{_CALLS} AND custom_id = ?", run_id, custom_id)
    return _by_custom_id(rows).get(custom_id)


def batched_calls(record: Record, run_id: str | None) -> dict[str, BatchedCall]:
    """Return the calls of a run that are in batches, by custom id."""
    return _by_custom_id(record.query(_CALLS, run_id))


def _by_custom_id(rows: Iterable[Sequence[Any]]) -> dict[str, BatchedCall]:
    return {name: BatchedCall(own, batch, Usage(*usage)) for name, own, batch, *usage in rows}


def batched_usage(record: Record, run_id: str) -> Usage:
    """Return what the calls of a run take at the worst that are in batches."""
    return sum((each.usage for each in batched_calls(record, run_id).values()), Usage())


def end_batched_call(record: Record, own_id: str, custom_id: str) -> None:
    """Note that a call is told of: an event says what became of it."""
    with record.writing():
        record.change(
            "DELETE FROM batched_calls WHERE own_id = ? AND custom_id = ?", own_id, custom_id
        )
        record.change(
            "DELETE FROM batches WHERE own_id = ?"
            " AND NOT EXISTS (SELECT * FROM batched_calls WHERE own_id = batches.own_id)",
            own_id,
        )
