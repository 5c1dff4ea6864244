"""A run as data frames and figures, whether it goes on or is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs import events as ev
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.objectives import (
    OBJECTIVES,
    Objective,
    cost_of,
    front,
    measured_configurations,
)
from mipro_nb.runs.store.json_values import ANYTHING, ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import TestedProgram
from mipro_nb.runs.views.drill_down.testset import tested_cells, tested_programs
from mipro_nb.runs.views.exports.mlflow_run import MlflowRun
from mipro_nb.runs.views.results.outcomes import example_scores
from mipro_nb.runs.views.spending_curve import spending_curve
from mipro_nb.runs.views.trial_row import trial_row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from optuna import Study
    from optuna.storages import BaseStorage

_Seen = TypeVar("_Seen")

_TRIAL_COLUMNS = (
    "kind", "state", "score", "low", "high", "examples", "scored", "reused", "errors", "calls",
    "cached_calls", "input_tokens", "output_tokens", "usd", "asked_at", "seconds",
)  # fmt: skip
_CELL_COLUMNS = ("example", "score", "error", "feedback", "seconds", "notes")
_OUTCOME_COLUMNS = ("example", "verdict", "student", "result", "tried", "right")
_CALL_COLUMNS = (
    "at", "phase", "trial", "example", "tested", "predictor", "model", "from_cache", "truncated",
    "error", "input_tokens", "output_tokens", "usd", "seconds",
)  # fmt: skip


class Readable(Protocol):
    """A run, as far as frames and figures need to know it."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    @property
    def record(self) -> Record:
        """The record that it is in."""
        ...

    def read(self, view: Callable[[RunState], _Seen]) -> _Seen:
        """Return what `view` makes of the state, while nothing changes it."""
        ...


class RunFrames:
    """The data frames and figures of a `Readable` run, for it to inherit."""

    def to_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per trial: what it tried, its score with interval, and its cost.

        The columns named like ``predictor:instruction`` tell which candidate was chosen; they are
        empty for the baseline, which is the student as given. ``low`` and ``high`` are the 95 %
        interval of the score; ``reused`` counts examples that an earlier trial had scored.
        """
        return self.read(trials_frame)

    def examples_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per example that a trial scored: the example, the prediction, its score.

        Fields of the example are in columns named like ``example_question``, those of the
        prediction in columns named like ``prediction_answer``. ``notes`` tell what of the replies
        was not written as asked and was read all the same.
        """
        valset = self.read(lambda state: state.planned.valset if state.planned else None)
        return examples_frame(self.record, self.id, valset)

    def testset_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per row of the testset and program: what it answered, and its score.

        The ``program`` is "student", the student as given, or "result", the one returned; where
        that is the student itself, there is only the student. Other columns are named as those of
        `examples_dataframe`. The LM calls are those of `calls_dataframe` whose ``phase`` is "test".
        If you change a program by what these rows show, test it on others.
        """
        testset, programs = self.read(
            lambda state: (state.planned.testset if state.planned else None, tested_programs(state))
        )
        return testset_frame(self.record, self.id, testset, programs)

    def outcomes_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per example of the valset: how it came out over all configurations.

        ``student`` and ``result`` are scores in 0–1, the latter that of the best program so far or
        the one returned; ``tried`` counts the configurations that were scored on it, ``right``
        those of the full score. ``verdict`` is "never right", "lost", "still wrong", "won", and
        missing where student and result get it right.
        """
        return self.read(outcomes_frame)

    def calls_dataframe(self: Readable) -> pd.DataFrame:
        """Return a row per LM call: what it was for, its tokens, its cost, how long it took.

        ``tested`` is the configuration that was asked, where a row of the testset was scored.
        """
        return calls_frame(self.record, self.id)

    def pareto(self: Readable, *objectives: Objective) -> pd.DataFrame:
        """Return a row per configuration that no other beats in all of the objectives.

        Only what was scored on the whole valset is compared. The index is the trial, and
        ``run.programs[trial]`` its program; columns are those of `MeasuredConfiguration`, each
        what one example takes.

        Parameters
        ----------
        *objectives
            Among ``"score"``, ``"usd"``, ``"tokens"``, ``"seconds"`` and ``"characters"``. If none
            is given, the score, and USD, or tokens where USD are not known or nothing costs any.

        Raises
        ------
        InvalidArgumentError
            If there is no such objective, or USD are one and a price is not known.
        """
        return self.read(lambda state: pareto_frame(state, objectives))

    def to_optuna(self: Readable, storage: str | BaseStorage | None = None) -> Study:
        """Return an Optuna study with the trials of the run, for Optuna's plots and dashboard.

        Parameters are named like ``"predictor:instruction"``; their values are the indices of
        candidates, 0 being the student's own. Full evaluations are its complete trials. Those on
        minibatches, banned ones and those that were given up are pruned: a score is their
        intermediate value, at the number of its examples. So ``study.best_trial`` is a full
        evaluation; ``study.user_attrs["best_trial"]`` is the number of the trial whose program
        the run returns, which is another one where `prefer` chose.

        Parameters
        ----------
        storage
            Where the study is kept, as `optuna.create_study` takes it: with
            ``"sqlite:///study.db"``, ``optuna-dashboard sqlite:///study.db`` opens it. In memory
            if None. The study's name is the run's id.

        Raises
        ------
        InvalidArgumentError
            If the storage cannot be opened, or has a study of that name.
        """
        from mipro_nb.runs.views.exports.study import StudyOfRun  # noqa: PLC0415 - as with pandas

        # A database may be slow, and what `read` calls holds up a live run.
        return self.read(lambda state: StudyOfRun.of(state, self.id)).write(storage)

    def log_to_mlflow(
        self: Readable, tracking_uri: str | None = None, *, experiment: str = "mipro_nb"
    ) -> str:
        """Write the run into MLflow, as it stands now, and return the id that it has there.

        Parameters are the settings, program and models. Scores, USD and calls of each trial are
        metrics with the trial as their step; ``actual/…`` stands beside ``estimate/…``. Report,
        settings, instructions, and the programs of student and result are files; demos in them are
        rows of yours. Settings longer than 500 characters are whole in ``settings.json`` only.
        No key of an LM is written.

        Parameters
        ----------
        tracking_uri
            Where MLflow writes, such as ``"sqlite:///mlflow.db"`` or the URL of a server; if None,
            where it is set to.
        experiment
            MLflow's experiment; made if it is not there.

        Raises
        ------
        InvalidArgumentError
            If MLflow cannot write there, or the experiment was deleted in it.
        MissingExtraError
            If MLflow is not installed.
        """
        # As with a study: what `read` calls holds up a live run.
        told = self.read(lambda state: MlflowRun.of(state, self.record, self.id))
        return told.write(tracking_uri, experiment)

    def plot_trials(self: Readable) -> Figure:
        """Return a figure of the scores of all trials, in their order."""
        from mipro_nb.runs.views.exports.plots import figure_of_trials  # noqa: PLC0415 - as with pandas

        return self.read(figure_of_trials)

    def plot_score_vs_cost(self: Readable) -> Figure:
        """Return a figure of the best score so far against what had been spent for it."""
        from mipro_nb.runs.views.exports.plots import figure_of_curves  # noqa: PLC0415 - as with pandas

        return figure_of_curves({self.id: spending_curve(self.record, self.id)})

    def plot_candidates(self: Readable) -> Figure:
        """Return a figure of how each instruction and each demo set fared."""
        from mipro_nb.runs.views.exports.plots import figure_of_candidates  # noqa: PLC0415 - as with pandas

        return self.read(figure_of_candidates)


def trials_frame(state: RunState) -> pd.DataFrame:
    """Return a row per trial of a run."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    rows = [dict(trial_row(state, number)) for number in sorted(state.trials)]
    variables = sorted({name for row in rows for name in _configuration(row)})
    frame = pd.DataFrame(rows, columns=["trial", *_TRIAL_COLUMNS])
    for place, variable in enumerate(variables, start=1):
        chosen = [_configuration(row).get(variable) for row in rows]
        frame.insert(place, variable, pd.Series(chosen, dtype="Int64"))
    frame["asked_at"] = pd.to_datetime(frame["asked_at"], unit="s", utc=True)
    return frame.set_index("trial")


def pareto_frame(state: RunState, objectives: tuple[Objective, ...]) -> pd.DataFrame:
    """Return a row per configuration of a run that no other beats, the cheapest first."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    for objective in objectives:
        if objective not in OBJECTIVES:
            raise InvalidArgumentError("objectives", objective, f"give {', '.join(OBJECTIVES)}.")
    measured = measured_configurations(state)
    if "usd" in objectives and any(each.usd is None for each in measured):
        raise InvalidArgumentError(
            "objectives", "usd", "the price of a model is not known: give 'tokens' instead."
        )
    cost = cost_of(measured)
    found = front(measured, objectives or ("score", cost))
    found.sort(key=lambda each: (each.value(cost) or 0.0, each.trial))
    rows = [asdict(each) for each in found]
    columns = ["trial", *OBJECTIVES, "configuration"]
    return pd.DataFrame(rows, columns=columns).set_index("trial")


def _configuration(row: dict[str, Any]) -> dict[str, int]:
    return dict(row["configuration"])


def examples_frame(record: Record, run_id: str, valset: ev.TextRef | None) -> pd.DataFrame:
    """Return a row per example that a trial of a run scored."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    examples = [] if valset is None else kept(record, valset, ROWS)
    last: dict[tuple[str, int], ev.ExampleScored] = {}
    for recorded in record.events(run_id, types=["example_scored"]):
        event = recorded.event
        if isinstance(event, ev.ExampleScored):
            # A failed run that is resumed scores again what had failed.
            last.pop((event.configuration, event.example), None)
            last[event.configuration, event.example] = event
    rows = [
        {"trial": event.trial, "configuration": event.configuration}
        | _columns_of_cell(record, event, examples)
        for event in last.values()
    ]
    columns = ["trial", "configuration", *_CELL_COLUMNS]
    return pd.DataFrame(rows, columns=None if rows else columns)


def testset_frame(
    record: Record,
    run_id: str,
    testset: ev.TextRef | None,
    programs: Mapping[TestedProgram, str],
) -> pd.DataFrame:
    """Return a row per row of the testset and program; `programs` are keys of the ledger."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    examples = [] if testset is None else kept(record, testset, ROWS)
    cells = tested_cells(record, run_id)
    rows = [
        {"program": program} | _columns_of_cell(record, cells[key, place].scored, examples)
        for place in range(len(examples))
        for program, key in programs.items()
        if (key, place) in cells
    ]
    return pd.DataFrame(rows, columns=None if rows else ["program", *_CELL_COLUMNS])


def _columns_of_cell(
    record: Record, cell: ev.Cell, examples: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    row = {name: getattr(cell, name) for name in _CELL_COLUMNS}
    row["notes"] = "\n".join([*cell.notes, *cell.caught])
    example = examples[cell.example] if cell.example < len(examples) else {}
    row |= {f"example_{name}": value for name, value in example.items()}
    reply = None if cell.prediction is None else kept(record, cell.prediction, ANYTHING)
    return row | columns_of_reply(reply)


def outcomes_frame(state: RunState) -> pd.DataFrame:
    """Return a row per example that any configuration of a run was scored on."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    result = {} if state.best is None else state.best.configuration
    rows = [{**asdict(each), "verdict": each.verdict} for each in example_scores(state, result)]
    return pd.DataFrame(rows, columns=list(_OUTCOME_COLUMNS)).set_index("example")


def columns_of_reply(reply: Any) -> dict[str, Any]:
    """Return column → value of a reply, as it was read back from the record; None for none."""
    if isinstance(reply, dict):
        return {f"prediction_{name}": value for name, value in reply.items()}
    return {} if reply is None else {"prediction": reply}


def calls_frame(record: Record, run_id: str) -> pd.DataFrame:
    """Return a row per LM call of a run."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and seldom needed

    rows = [
        {"at": recorded.at, **recorded.event.model_dump(include=set(_CALL_COLUMNS))}
        for recorded in record.events(run_id, types=["lm_call_answered", "lm_call_failed"])
    ]
    frame = pd.DataFrame(rows, columns=list(_CALL_COLUMNS))
    for name in ("trial", "example", "input_tokens", "output_tokens"):
        frame[name] = frame[name].astype("Int64")
    frame["at"] = pd.to_datetime(frame["at"], unit="s", utc=True)
    return frame
