"""Ratings: what a person thinks of a run's replies, and what comes of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from mipro_nb.checks import CountOrZero, Number, Remedy, check
from mipro_nb.core_loop import core
from mipro_nb.errors import InvalidArgumentError, RecordError
from mipro_nb.language.rows.example import Example
from mipro_nb.numbers import own_whole
from mipro_nb.redaction import secrets
from mipro_nb.runs import events as ev
from mipro_nb.runs.state import GOING_ON, Reply, RunState, fold
from mipro_nb.runs.statistics.agreement import Agreement, agreement_of
from mipro_nb.runs.store.json_values import ANYTHING, ROWS, kept
from mipro_nb.runs.store.owners import writer_of
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.views.drill_down.cells import TrialCell, cells_of_trial
from mipro_nb.runs.views.exports.frames import Readable, columns_of_reply
from mipro_nb.runs.views.history import MILESTONES

if TYPE_CHECKING:
    import pandas as pd

GOES_ON_ELSEWHERE = (
    "this run goes on in another process: rate its replies there, or here once it has ended."
)
_Rating = Annotated[
    ev.Rating | None, Remedy("give 'good' or 'bad', or None to withdraw the rating.")
]
_Reason = Annotated[
    Annotated[str, StringConstraints(max_length=ev.LONGEST_REASON)],
    Remedy(f"give a text of at most {ev.LONGEST_REASON:,} characters."),
]
_Threshold = Annotated[Number | None, Remedy("give a score, as the metric gives it, or None.")]
_COLUMNS = ("at", "trial", "example", "rating", "reason", "score")


@dataclass(frozen=True)
class RatedReply:
    """A reply that a person rated.

    Attributes
    ----------
    trial, example
        Where it was seen. An equal reply to the same example is the same one, whatever trial had
        it.
    reply
        Its values by the names of their fields; of a program that answers with something else than
        fields, what it answers with.
    rating
        ``"good"`` or ``"bad"``.
    reason
        Why, as the person put it; empty where they gave no reason.
    score
        What the metric gives it, 0–1.
    at
        When it was rated, UTC.

    Examples
    --------
    >>> run = load(run_id)
    >>> run.rate(0, 3, "bad", reason="It shows its working.")
    >>> [(rated.example, rated.rating, rated.reason) for rated in run.ratings]
    [(3, 'bad', 'It shows its working.')]
    """

    trial: int
    example: int
    reply: Any
    rating: ev.Rating
    reason: str
    score: float | None
    at: datetime


class Ratings:
    """The ratings of a `Readable` run, for it to inherit."""

    def rate(
        self: Readable, trial: int, example: int, rating: ev.Rating | None, *, reason: str = ""
    ) -> None:
        """Say what you think of the reply to an example; no LM is called.

        The rating is an event of the run. It takes the place of the one that the reply had, and
        holds for every equal reply to this example. It can be given at any time, also after the
        run's end.

        Parameters
        ----------
        trial
            The trial whose reply it is.
        example
            The number of the example.
        rating
            ``"good"`` or ``"bad"``; None withdraws the rating.
        reason
            Why, if you like.

        Raises
        ------
        InvalidArgumentError
            If there is no such trial or example, or no reply; if the rating to be withdrawn is not
            there; or if the run goes on in another process, which alone writes its events.
        RecordError
            If the record cannot be written.
        """
        rate_reply(self.record, self.id, trial, example, rating, reason=reason)

    @property
    def ratings(self: Readable) -> list[RatedReply]:
        """The replies that are rated, as of now, in the order of their examples."""
        return ratings_of(self.record, self.id)

    def ratings_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per reply that is rated: where it was seen, the rating, the metric's score.

        Fields of the reply are in columns named like ``prediction_answer``.
        """
        return _ratings_frame(ratings_of(self.record, self.id))

    def agreement(self: Readable, threshold: float | None = None) -> Agreement:
        """Return how often the metric agrees with your ratings, and Cohen's kappa.

        That tells what a metric is worth that asks an LM to judge.

        Parameters
        ----------
        threshold
            The score from which on the metric counts as taking a reply for good, as the metric
            gives its scores. If None, the run's ``metric_threshold``, or else a full score.

        Raises
        ------
        InvalidArgumentError
            If the threshold is not a number.
        """
        check("threshold", threshold, _Threshold)
        return agreement_of(rated_state(self.record, self.id), threshold)

    def relabelled(self: Readable, *, rated_only: bool = False) -> list[Example]:
        """Return the rows of the valset as new ones; replies that are rated good are their labels.

        Such a reply takes the place of the row's labels, field by field. A row without any label
        gets all fields of the reply but its inputs; one label takes the value of the one field,
        whatever their names are. Of several replies to a row that are rated good, the one rated
        last counts. Your own rows stay as they are.

        Parameters
        ----------
        rated_only
            Leave out the rows without a reply that is rated good.

        Raises
        ------
        RecordError
            If the record does not give the rows back, or it is not clear which field of a reply
            is which label.
        """
        return _relabelled(self.record, self.id, rated_only=rated_only)


def rate_reply(
    record: Record,
    run_id: str,
    trial: int,
    example: int,
    rating: ev.Rating | None,
    *,
    reason: str = "",
) -> None:
    """Record what a person thinks of a reply; parameters and errors as in `Ratings.rate`."""
    # Numbers of a data frame are NumPy's.
    trial = check("trial", own_whole(trial), CountOrZero)
    example = check("example", own_whole(example), CountOrZero)
    check("rating", rating, _Rating)
    check("reason", reason, _Reason)
    if rating is None and reason:
        raise InvalidArgumentError("reason", reason, "a rating that is withdrawn has no reason.")
    cell = cells_of_trial(record, run_id, trial).get(example)
    rated = ev.ReplyRated(
        trial=trial,
        example=example,
        rating=rating,
        reason=secrets.keys_taken_out(reason.strip()),
        **_reply(cell, trial, example),
    )
    if rating is None and _key(rated) not in rated_state(record, run_id).ratings:
        raise InvalidArgumentError("rating", None, "this reply has no rating to withdraw.")
    if writer_of(run_id, record) is None:
        _write(record, run_id, rated)
    else:  # who listens to the run is called there
        core().wait_for(_written(record, run_id, rated))


def _reply(cell: TrialCell | None, trial: int, example: int) -> dict[str, Any]:
    """Return of an event what tells which reply it is about."""
    if cell is None:
        told = f"trial {trial} has not scored such an example: run.examples_dataframe() has all."
        raise InvalidArgumentError("example", example, told)
    if cell.scored.prediction is None:
        told = f"trial {trial} has no reply to it that could be rated: it failed."
        raise InvalidArgumentError("example", example, told)
    return {"configuration": cell.scored.configuration, "prediction": cell.scored.prediction}


async def _written(record: Record, run_id: str, rated: ev.ReplyRated) -> None:
    _write(record, run_id, rated)


def _write(record: Record, run_id: str, rated: ev.ReplyRated) -> None:
    """Have who carries the run out write the event, or write it where nobody does."""
    with record.lock:  # held, so that the run neither begins nor ends here meanwhile
        writer = writer_of(run_id, record)
        if writer is not None:
            writer.emit_now(rated)
            return
        with record.writing():  # nor elsewhere
            if fold(record.events(run_id, types=MILESTONES)).state in GOING_ON:
                raise InvalidArgumentError("run_id", run_id, GOES_ON_ELSEWHERE)
            record.append(run_id, rated, record.next_seq(run_id))


_TYPES = ("run_planned", "example_scored", "reply_rated")


def rated_state(record: Record, run_id: str) -> RunState:
    """Return of a run's state what its ratings, and their agreement with the metric, need."""
    return fold(record.events(run_id, types=_TYPES))


def ratings_of(record: Record, run_id: str) -> list[RatedReply]:
    """Return the replies of a run that are rated, in the order of their examples."""
    events = record.events(run_id, types=_TYPES)
    state = fold(events)
    times = {_key(e.event): e.at for e in events if isinstance(e.event, ev.ReplyRated)}
    found = [
        RatedReply(
            trial=rated.trial,
            example=rated.example,
            reply=kept(record, rated.prediction, ANYTHING),
            rating=rated.rating,
            reason=rated.reason,
            score=state.scores.get(rated.configuration, {}).get(rated.example),
            at=datetime.fromtimestamp(times[_key(rated)], UTC),
        )
        for rated in state.ratings.values()
        if rated.rating is not None
    ]
    return sorted(found, key=lambda rated: (rated.example, rated.at))


def _key(rated: ev.ReplyRated) -> Reply:
    return (rated.example, rated.prediction)


def _ratings_frame(ratings: Sequence[RatedReply]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    rows = [
        {name: getattr(rated, name) for name in _COLUMNS} | columns_of_reply(rated.reply)
        for rated in ratings
    ]
    return pd.DataFrame(rows, columns=None if rows else list(_COLUMNS))


def _relabelled(record: Record, run_id: str, *, rated_only: bool) -> list[Example]:
    state = rated_state(record, run_id)
    planned = state.planned
    if planned is None:
        raise RecordError(f"The record of run {run_id} does not tell its rows.")
    if planned.unkept is not None:
        msg = (
            f"The record keeps rows as JSON, which does not give these back: {planned.unkept}. Set "
            "the labels of your own rows, by run.ratings."
        )
        raise RecordError(msg)
    good = {
        rated.example: rated.prediction
        for rated in state.ratings.values()
        if rated.rating == "good"
    }
    valset = kept(record, planned.valset, ROWS)
    rows = []
    for number, row in enumerate(valset):
        if number in good:
            reply = kept(record, good[number], ANYTHING)
            labels = [name for name in row if name not in planned.inputs]
            rows.append({**row, **_labels_of(reply, labels, planned.inputs, number)})
        elif not rated_only:
            rows.append(row)
    return [Example(row).with_inputs(*planned.inputs) for row in rows]


def _labels_of(
    reply: Any, labels: Sequence[str], inputs: Sequence[str], number: int
) -> dict[str, Any]:
    """Return what a reply gives a row as its labels: of those that it has, or all if it has none.

    What the row is asked with stays as it is, whatever the reply says about it.
    """
    fields = reply
    if isinstance(reply, dict):
        fields = {name: value for name, value in reply.items() if name not in inputs}
        found = {name: fields[name] for name in labels if name in fields}
        if found or not labels:
            return found or fields
        if len(fields) == 1:  # there is one thing that it can be
            (fields,) = fields.values()
    if len(labels) == 1 and not isinstance(fields, dict):
        return {labels[0]: fields}
    has = "has no fields" if not isinstance(fields, dict) else f"has {_listed(fields)}"
    msg = (
        f"The reply to example {number} {has}, and the row's labels are {_listed(labels)}: which "
        "one is which must be said. Set the labels of your own rows, by run.ratings."
    )
    raise RecordError(msg)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
