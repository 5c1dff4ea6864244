"""How runs compare: the score that each had reached against what it had spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from mipro_nb.runs.configuration import variable_of
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import Clip, ComparedRun, HistoryRow, RunComparison
from mipro_nb.runs.views.clip import clip, more_of_instruction, more_of_text, within
from mipro_nb.runs.views.history import SCORE_EVENTS, history_rows
from mipro_nb.runs.views.spending_curve import spending_curve

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class _Predictor(BaseModel):
    instructions: str


class _Program(BaseModel):
    """What a comparison shows of a saved program."""

    predictors: dict[str, _Predictor]


_PROGRAM = TypeAdapter(_Program)


_OTHER_METRICS = (
    "These runs were scored by different metrics: their scores do not tell which run is better."
)
_OTHER_ROWS = (
    "These runs were scored on different validation rows: their scores may differ because of the "
    "rows."
)
_OTHER_TRAINING = (
    "These runs learned from different training rows: a better one may owe that to its rows."
)


class Comparison(dict[str, list[ComparedRun]]):
    """Runs side by side; its text form is a table.

    Examples
    --------
    >>> compare(run_id, other_run_id).to_dataframe()["score"].tolist()
    [100.0, 100.0]
    """

    @property
    def runs(self) -> list[ComparedRun]:
        """The runs, in the order in which they were given."""
        return self["runs"]

    @property
    def note(self) -> str | None:
        """Why the scores cannot be compared, or differ; None where rows and metric are the same."""
        rows = [run["row"] for run in self.runs]
        said: list[tuple[str, set[str | None]]] = [
            (_OTHER_METRICS, {_code(row["metric"]) for row in rows if row["metric"]}),
            (_OTHER_ROWS, {row["rows"].get("valset") for row in rows}),
            (_OTHER_TRAINING, {row["rows"].get("trainset") for row in rows}),
        ]
        return " ".join(sentence for sentence, found in said if len(found) > 1) or None

    def shown(self) -> RunComparison:
        """Return what a view shows."""
        return {"runs": self.runs, "note": self.note}

    def to_dataframe(self) -> pd.DataFrame:
        """Return a row per run, with those rows and settings in which the runs differ."""
        import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

        rows = [run["row"] for run in self.runs]
        different = differing_settings(rows)
        given = [{"metric": row["metric"], **row["rows"]} for row in rows]
        others = [
            name
            for name in ("metric", "trainset", "valset")
            if len({each.get(name) for each in given}) > 1
        ]
        table = [
            {
                "run": row["id"],
                "name": row["name"],
                "program": row["program"],
                "state": row["state"],
                "baseline": row["baseline"],
                "score": row["score"],
                "trials": row["trials"],
                "calls": row["calls"],
                "usd": row["usd"],
                "seconds": row["seconds"],
                **{name: each.get(name) for name in others},
                **{name: row["settings"].get(name) for name in different},
            }
            for row, each in zip(rows, given, strict=True)
        ]
        return pd.DataFrame(table).set_index("run")

    def plot(self) -> Figure:
        """Return a figure of the best score so far against the cost, a line per run."""
        from mipro_nb.runs.views.exports.plots import figure_of_curves  # noqa: PLC0415 - as with pandas

        return figure_of_curves(
            {f"{run['row']['name']} ({run['row']['id']})": run["curve"] for run in self.runs}
        )

    def __repr__(self) -> str:
        table = str(self.to_dataframe().T.to_string(na_rep="–"))
        return f"{self.note}\n{table}" if self.note else table


def compare(record: Record, run_ids: Sequence[str]) -> Comparison:
    """Return how the runs compare, in the order given."""
    rows = {row["id"]: row for row in history_rows(record, run_ids)}
    runs: list[ComparedRun] = [
        {
            "row": rows[run_id],
            "curve": spending_curve(record, run_id),
            "instructions": returned_instructions(record, run_id),
        }
        for run_id in run_ids
    ]
    return Comparison(runs=runs)


def _code(metric: str) -> str:
    """Return the fingerprint of a metric's code: one metric may have several names."""
    return metric.rpartition(" ")[2]


def differing_settings(rows: Sequence[HistoryRow]) -> list[str]:
    """Return the names of the settings that are not the same in all runs, in a fixed order."""
    names = dict.fromkeys(name for row in rows for name in row["settings"])
    return [
        name
        for name in names
        if len({json.dumps(row["settings"].get(name), default=str) for row in rows}) > 1
    ]


def returned_instructions(record: Record, run_id: str) -> dict[str, Clip]:
    """Return the instructions of the program that a run returned, or of the best one so far."""
    types = [*SCORE_EVENTS, "candidate_proposed"]
    state = RunState()
    for recorded in record.events(run_id, types=types):
        state.apply(recorded)
    if state.ended is not None and state.ended.program is not None:
        ref = state.ended.program
        predictors = kept(record, ref, _PROGRAM).predictors
        return {
            name: clip(
                saved.instructions, within(more_of_text(ref), "predictors", name, "instructions")
            )
            for name, saved in predictors.items()
        }
    configuration = state.best.configuration if state.best is not None else {}
    chosen = {
        name: configuration.get(variable_of(name, "instruction"), 0) for name in state.candidates
    }
    return {
        name: clip(candidates[chosen[name]].instruction, more_of_instruction(name, chosen[name]))
        for name, candidates in state.candidates.items()
        if chosen[name] in candidates
    }
