"""A run as one of MLflow's, beside the other experiments of a team."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError, MissingExtraError
from mipro_nb.runs.state import GOING_ON, RunState, State
from mipro_nb.runs.store.record import Record, time_read
from mipro_nb.runs.views.estimate import estimate_view
from mipro_nb.runs.views.report import write_report
from mipro_nb.runs.views.trial_program import trial_program
from mipro_nb.runs.views.trial_row import trial_row
from mipro_nb.version import __version__

# What MLflow takes at once, and as the value of a parameter in all its versions.
_MOST_METRICS = 1000
_MOST_PARAMS = 100
_LONGEST_PARAM = 500
_STATES: Mapping[State, str] = {
    "finished": "FINISHED",
    "stopped": "KILLED",
    "capped": "KILLED",
    "cut off": "KILLED",
    "failed": "FAILED",
}


class _Metric(NamedTuple):
    """A number, as MLflow takes it."""

    key: str
    value: float
    timestamp: int
    step: int


@dataclass(frozen=True)
class MlflowRun:
    """What MLflow gets to know about a run.

    Attributes
    ----------
    name
        What the run is called.
    tags, params
        By name.
    metrics
        Scores and costs, those of trials with the trial as their step.
    texts
        Texts by the file that each becomes.
    status
        MLflow's word for how it ended; None while it goes on.
    started, ended
        Milliseconds since 1970.
    """

    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Sequence[_Metric]
    texts: Mapping[str, str]
    status: str | None
    started: int
    ended: int | None

    @classmethod
    def of(cls, state: RunState, record: Record, run_id: str) -> Self:
        """Read it from the state of a run, and from its record."""
        ((name, tags, note, created),) = record.query(
            "SELECT name, tags, note, created FROM runs WHERE run_id = ?", run_id
        )
        named = {
            "mipro_nb.run": run_id,
            "mipro_nb.version": __version__,
            "mipro_nb.state": state.state,
            "mipro_nb.tags": ", ".join(json.loads(tags)),
            "mlflow.note.content": note,
        }
        started = created if state.started_at is None else state.started_at
        ended = None if state.state in GOING_ON else state.last_at
        return cls(
            name=name,
            tags={key: value for key, value in named.items() if value},
            params=_params(state),
            metrics=list(_metrics(state, _milliseconds(ended or started))),
            texts=dict(_texts(state, record, run_id)),
            status=_STATES.get(state.state),
            started=_milliseconds(started),
            ended=None if ended is None else _milliseconds(ended),
        )

    def write(self, tracking_uri: str | None, experiment: str) -> str:
        """Write it, and return the id that MLflow gives it.

        Raises
        ------
        InvalidArgumentError
            If MLflow cannot write it, or the experiment was deleted there.
        MissingExtraError
            If MLflow is not installed.
        """
        if not experiment:
            raise InvalidArgumentError("experiment", experiment, "give it a name.")
        mlflow = _library()
        try:
            client = mlflow.MlflowClient(tracking_uri=tracking_uri)
            run = client.create_run(
                _experiment_of(client, experiment),
                start_time=self.started,
                tags=dict(self.tags),
                run_name=self.name,
            ).info.run_id
            try:
                self._fill(mlflow, client, run)
            except Exception:
                with suppress(Exception):  # the first error says what is wrong
                    client.set_terminated(run, "FAILED")
                raise
        except InvalidArgumentError:
            raise
        except Exception as error:  # noqa: BLE001 - of whatever server or store
            problem = f"MLflow cannot write there ({type(error).__name__})"
        else:
            return str(run)
        raise InvalidArgumentError(  # without what it says: a URI may hold a password
            "tracking_uri",
            NOT_SHOWN,
            f"{problem}: give one such as sqlite:///mlflow.db or that of a server which runs.",
        )

    def _fill(self, mlflow: Any, client: Any, run: str) -> None:
        params = [mlflow.entities.Param(*each) for each in self.params.items()]
        metrics = [mlflow.entities.Metric(*each) for each in self.metrics]
        for at in range(0, len(params), _MOST_PARAMS):
            client.log_batch(run, params=params[at : at + _MOST_PARAMS])
        for at in range(0, len(metrics), _MOST_METRICS):
            client.log_batch(run, metrics=metrics[at : at + _MOST_METRICS])
        for file, text in self.texts.items():
            client.log_text(run, text, file)
        if self.status is not None:
            client.set_terminated(run, self.status, end_time=self.ended)


def _library() -> Any:
    try:
        import mlflow  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        msg = "MLflow is not installed: pip install 'mipro_nb[mlflow]' brings it."
        raise MissingExtraError(msg) from error
    return mlflow


def _experiment_of(client: Any, name: str) -> str:
    """Return the id of MLflow's experiment, which is made if it is not there."""
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name))
    if found.lifecycle_stage == "deleted":
        raise InvalidArgumentError(
            "experiment", name, "it was deleted: give another, or restore it."
        )
    return str(found.experiment_id)


def _params(state: RunState) -> dict[str, str]:
    """Return program, models and settings; what is longer than MLflow takes is in a file."""
    if (planned := state.planned) is None:
        return {}
    models = {f"model/{role}": model for role, model in planned.models.items()}
    known = {"program": planned.program, **models, **planned.plan}
    return {
        _key(name): text if len(text) <= _LONGEST_PARAM else f"{text[: _LONGEST_PARAM - 1]}…"
        for name, value in known.items()
        if (text := value if isinstance(value, str) else json.dumps(value))
    }


def _metrics(state: RunState, now: int) -> Iterator[_Metric]:
    best = None
    for number in sorted(state.trials):
        row = trial_row(state, number)
        at = _milliseconds(row["asked_at"] + (row["seconds"] or 0.0))
        scores = {f"score/{'minibatch' if row['kind'] == 'minibatch' else 'full'}": row["score"]}
        if row["kind"] != "minibatch" and row["score"] is not None:
            best = row["score"] if best is None else max(best, row["score"])
            scores["score/best"] = best
        for name, value in {**scores, "usd/trial": row["usd"], "calls/trial": row["calls"]}.items():
            if value is not None:
                yield _Metric(name, float(value), at, number)
    for number, prompt in enumerate(() if state.headroom is None else state.headroom.prompts):
        yield _Metric("headroom/score", float(prompt.score), now, number)
    for name, value in _outcome(state).items():
        if value is not None:
            yield _Metric(name, float(value), now, 0)


def _outcome(state: RunState) -> dict[str, float | None]:
    """Return what came of the run, and what it took against the estimate."""
    spend, ended, headroom = state.spend, state.ended, state.headroom
    tested = None if ended is None else ended.tested
    told: dict[str, float | None] = {
        "student": state.baseline,
        "result": None if state.best is None else state.best.score,
        "gain/low": None if ended is None else ended.gain_low,
        "gain/high": None if ended is None else ended.gain_high,
        "test/student": None if tested is None else tested.student,
        "test/result": None if tested is None else tested.score,
        "test/gain/low": None if tested is None else tested.gain_low,
        "test/gain/high": None if tested is None else tested.gain_high,
        "headroom/noise_floor": None if headroom is None else headroom.floor,
        "actual/calls": spend.calls,
        "actual/input_tokens": spend.input_tokens,
        "actual/output_tokens": spend.output_tokens,
        "actual/usd": spend.usd,
    }
    estimate = None if state.planned is None else estimate_view(state.planned.estimate)
    total = {} if estimate is None else dict(estimate["total"])
    for name, amount in total.items():
        if isinstance(amount, dict):
            told |= {f"estimate/{name}/{bound}": value for bound, value in amount.items()}
    return told


def _texts(state: RunState, record: Record, run_id: str) -> Iterator[tuple[str, str]]:
    yield "report.txt", write_report(run_id, state)
    if state.planned is not None:
        yield "settings.json", _json(state.planned.plan)
    rows = [dict(trial_row(state, number)) for number in sorted(state.trials)]
    yield "trials.json", _json(rows)
    candidates = {
        predictor: {index: candidate.instruction for index, candidate in made.items()}
        for predictor, made in state.candidates.items()
    }
    yield "instructions.json", _json(candidates)
    if 0 in state.trials:
        yield from _prompts("student", trial_program(record, state, 0))
    if state.best is not None:
        yield from _prompts("result", trial_program(record, state, state.best.trial))


def _prompts(whose: str, program: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return a program, and each of its instructions as a text to read."""
    yield f"{whose}/program.json", _json(program)
    for number, (name, entry) in enumerate(program["predictors"].items()):
        # A record may come from elsewhere: no name in it leads to another folder. The number tells
        # names apart that are alike then.
        file = re.sub(r"[^\w-]", "_", name, flags=re.ASCII)
        yield f"{whose}/{number}-{file}.txt", str(entry["instructions"])


def _key(name: str) -> str:
    """Return a name of the characters that MLflow takes."""
    return re.sub(r"[^\w./ -]", "_", name, flags=re.ASCII)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def _milliseconds(at: object) -> int:
    return int(1000 * time_read(at))
