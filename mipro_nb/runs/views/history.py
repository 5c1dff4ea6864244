"""The history: all runs of a record, each in a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from mipro_nb.checks import Remedy
from mipro_nb.errors import RecordError
from mipro_nb.runs.sentences.resume import billed_text, resume_hint, resume_lines
from mipro_nb.runs.sentences.wording import (
    resting_text,
    told_metric,
    told_rows,
    told_settings,
)
from mipro_nb.runs.state import RunState, as_it_stands
from mipro_nb.runs.store.owners import lives_here
from mipro_nb.runs.store.record import Record, time_read
from mipro_nb.runs.view_model import HistoryRow

_RUNS = """
SELECT run_id, created, name, tags, note,
    (SELECT at FROM events WHERE run_id = runs.run_id AND type != 'reply_rated'
        ORDER BY seq DESC LIMIT 1)
FROM runs WHERE run_id IN (SELECT value FROM json_each(?))
ORDER BY created DESC, rowid DESC
"""
_EVENTS = """
SELECT run_id, seq, at, body FROM events INDEXED BY events_by_type
WHERE run_id IN (SELECT value FROM json_each(?)) AND type IN (SELECT value FROM json_each(?))
ORDER BY run_id, seq
"""
_TRIALS = """
SELECT run_id, count(*) FROM events INDEXED BY events_by_type
WHERE run_id IN (SELECT value FROM json_each(?)) AND type = 'trial_told' GROUP BY run_id
"""
# Calls that failed may also have been billed. Those that were lost are not
# among them: what they took is not known.
_SPEND = """
SELECT run_id, sum(type = 'lm_call_answered'), coalesce(sum(usd), 0.0),
    sum(usd IS NULL)
FROM events INDEXED BY events_by_type
WHERE run_id IN (SELECT value FROM json_each(?))
    AND type IN ('lm_call_answered', 'lm_call_failed') AND NOT coalesce(from_cache, 0)
GROUP BY run_id
"""
# What became of a run is told by these; the scores of one that has not ended also by the others.
MILESTONES = (
    "run_planned", "run_permitted", "run_paused", "run_resumed", "run_noted", "format_chosen",
    "run_ended",
)  # fmt: skip
SCORE_EVENTS = (*MILESTONES, "trial_asked", "trial_told", "candidate_banned")


class _Spent(NamedTuple):
    calls: int = 0
    usd: float | None = 0.0


def history_rows(
    record: Record,
    run_ids: Iterable[str] | None = None,
    folded: Mapping[str, RunState] = MappingProxyType({}),
) -> list[HistoryRow]:
    """Return the line of every run, or of those given, the newest first.

    SQLite adds up what there is much of (calls, trials); only the few events that tell how a run
    began and ended are read.

    Parameters
    ----------
    record, run_ids
        The runs; all of the record where none are given.
    folded
        By id, states of runs all of whose events were read: of these, none is read again.
    """
    chosen = [run_id for run_id, _ in record.run_ids()] if run_ids is None else list(run_ids)
    ids = json.dumps(chosen)
    runs = record.query(_RUNS, ids)
    unread = [run_id for run_id in chosen if run_id not in folded]
    states = _states(record, unread, MILESTONES)
    open_ends = [run_id for run_id in unread if run_id in states and states[run_id].ended is None]
    states.update(_states(record, open_ends, SCORE_EVENTS))
    trials = dict(record.query(_TRIALS, ids))
    spent = _spent(record, json.dumps(unread))
    for run_id, state in folded.items():
        states[run_id] = as_it_stands(replace(state), run_id)
        spent[run_id] = _Spent(state.spend.calls, state.spend.usd)
    return [
        _row(
            run, states.get(run[0], RunState()), trials.get(run[0], 0), spent.get(run[0], _Spent())
        )
        for run in runs
    ]


def _states(record: Record, run_ids: Sequence[str], types: Sequence[str]) -> dict[str, RunState]:
    """Return the fold of each run's events of some types.

    A damaged event hides no run: what came before it is told.
    """
    states: dict[str, RunState] = {}
    damaged = set()
    for run_id, *row in record.query(_EVENTS, json.dumps(run_ids), json.dumps(types)):
        if run_id not in damaged:
            state = states.setdefault(run_id, RunState())
            try:
                state.apply(record.read_event(run_id, *row))
            except RecordError:
                damaged.add(run_id)
    return {run_id: as_it_stands(state, run_id) for run_id, state in states.items()}


def _spent(record: Record, ids: str) -> dict[str, _Spent]:
    """Return what the calls of each run took."""
    return {
        run_id: _Spent(calls, None if unpriced else usd)
        for run_id, calls, usd, unpriced in record.query(_SPEND, ids)
    }


def _row(run: tuple[Any, ...], state: RunState, trials: int, spent: _Spent) -> HistoryRow:
    run_id, created, last_at = run[0], time_read(run[1]), time_read(run[5])
    name, tags = str(run[2]), _tags(run[3])
    planned, ended, best = state.planned, state.ended, state.best
    return {
        "id": run_id,
        "name": name,
        "tags": tags,
        "note": run[4] if isinstance(run[4], str) else "",
        "program": planned.program if planned else name,
        "state": state.state,
        "created": created,
        "seconds": state.seconds_at(last_at or created),
        "baseline": ended.baseline if ended else state.baseline,
        "score": ended.score if ended else best.score if best else None,
        "rests": _rests(state),
        "trials": trials,
        "calls": spent.calls,
        "usd": spent.usd,
        "about": state.about,
        "lost_usd": state.unheard.usd,
        "billed": billed_text(state.unheard.usd),
        "models": planned.models if planned else {},
        "settings": told_settings(planned.plan, state.measured_format) if planned else {},
        "rows": told_rows(planned) if planned else {},
        "metric": told_metric(planned) if planned else "",
        "resume_lines": resume_lines(run_id, state),
        "resume_hint": resume_hint(run_id, state),
        "here": state.goes_on and state.process == os.getpid() and lives_here(run_id),
    }


def _rests(state: RunState) -> str | None:
    """Return what the score of a run rests on that returned an unconfirmed program."""
    planned, ended = state.planned, state.ended
    if planned is None or ended is None or ended.score is None or ended.examples is None:
        return None
    size = planned.plan.get("valset_size")
    if not isinstance(size, int) or ended.examples >= size:
        return None
    return resting_text(ended.score, ended.examples, size)


def _tags(text: object) -> list[str]:
    """Return the tags; what a damaged file has instead hides no run."""
    try:
        tags = json.loads(text) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        return []
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


SearchText = Annotated[str, Remedy("give the words to look for as a str.")]


def matches(row: HistoryRow, text: str) -> bool:
    """Tell whether every word of `text` occurs in the line, whatever its case.

    Looked at are id, name, tags, note, program, state and models. A word with a ``=`` is looked for
    in the settings as well, as ``name=value``: names of settings alone would be in every line.
    """
    told = [row["id"], row["name"], *row["tags"], row["note"], row["program"], row["state"]]
    hay = "\n".join([*told, *row["models"].values()]).casefold()
    settings = "\n".join(f"{name}={value}" for name, value in row["settings"].items()).casefold()
    return all(
        word in hay or ("=" in word and word in settings) for word in text.casefold().split()
    )
