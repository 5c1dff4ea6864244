"""What ``test``, ``rate`` and ``mlflow`` do: what a person does with what came of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mipro_nb.errors import PermissionUnansweredError
from mipro_nb.notebook.magic.grammar import Argument, Option, Verb
from mipro_nb.notebook.magic.kinds import ROWS, RUN, TEXT, WHOLE, choice
from mipro_nb.notebook.magic.known_runs import known_run, newest_run, run_begun_here
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.optimizing import CAP_OPTIONS, UNASKED, YES
from mipro_nb.notebook.plain import Text
from mipro_nb.runs.sentences.results.held_out import held_out_view

_WITHDRAWN = "none"


def _test(_: Notebook, run: str, rows: Any, **settings: Any) -> Text:
    begun = run_begun_here(run)
    try:
        tested = begun.test(rows, **settings)
    except PermissionUnansweredError as error:
        error.add_note(UNASKED)
        raise
    view = held_out_view(begun.state)
    if tested is None or view is None:
        again = f"%mipro test {run} with the same rows scores the rest."
        return Text(f"The test of run {run} ended before all rows were scored: {again}")
    first, *rest = view["told"]
    return Text("\n".join([f"Run {run}: {first}", *rest]))


def _rate(
    _: Notebook, run: str, trial: int, example: int, rating: str, reason: Sequence[str] = ()
) -> Text:
    given: Any = None if rating == _WITHDRAWN else rating
    known_run(run).rate(trial, example, given, reason=" ".join(reason))
    reply = f"The reply of trial {trial} to example {example} of run {run}"
    return Text(f"{reply} has no rating." if given is None else f"{reply} is rated {rating}.")


def _mlflow(_: Notebook, run: str | None = None, **settings: Any) -> Text:
    found = known_run(run or newest_run())
    written = found.log_to_mlflow(**settings)
    return Text(f"Run {found.id} is run {written} in MLflow.")


RESULTS = (
    Verb(
        "test",
        "Scores the student and the result of a finished run, after permission, on further rows.",
        "run.test(rows)\nMIPROv2(metric, …).resume(run_id, program, testset=rows)  # later",
        _test,
        (
            Argument("run", RUN, "a finished run of this kernel, or the program it returned"),
            Argument("rows", ROWS, "rows that no phase of the run has seen"),
        ),
        (*CAP_OPTIONS, YES),
    ),
    Verb(
        "rate",
        "Says what you think of a run's reply to an example; no LM is called.",
        "run.rate(trial, example, rating, reason=…)  # rating None withdraws it\n"
        "mipro_nb.runs.rate(run_id, trial, example, rating, reason=…)",
        _rate,
        (
            Argument("run", RUN, "a run"),
            Argument("trial", WHOLE, "the trial whose reply it is"),
            Argument("example", WHOLE, "the number of the example"),
            Argument(
                "rating",
                choice("good", "bad", _WITHDRAWN, shown_as="RATING"),
                f"good or bad; {_WITHDRAWN} withdraws the rating",
            ),
            Argument("reason", TEXT, "why, if you like", "*"),
        ),
    ),
    Verb(
        "mlflow",
        "Writes a run into MLflow: settings, scores, prompts, estimate and actual.",
        "run.log_to_mlflow(tracking_uri, experiment=…)",
        _mlflow,
        (Argument("run", RUN, "a run; the live one, or else the newest, without it", "?"),),
        (
            Option(
                "--tracking-uri",
                "tracking_uri",
                TEXT,
                "where, such as sqlite:///mlflow.db; where MLflow is set to write, without it",
            ),
            Option("--experiment", "experiment", TEXT, "MLflow's experiment (mipro_nb)"),
        ),
    ),
)
