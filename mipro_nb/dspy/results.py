"""What a run leaves on the program that it returns, in the form that DSPy's MIPROv2 has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mipro_nb.runs.configuration import variable_of
from mipro_nb.runs.events import Part

_PARTS: tuple[Part, ...] = ("instruction", "demos")


def attach_results(
    program: Any,
    predictors: Sequence[str],
    *,
    score: float | None,
    trial_logs: Mapping[int, Mapping[str, Any]],
    candidate_programs: Sequence[Mapping[str, Any]],
    run: Any,
) -> None:
    """Set the attributes that DSPy's MIPROv2 sets, and ``run_id``.

    The run itself would keep the program from being saved as a whole.
    """
    size = run.plan.valset_size
    programs = {trial: run.programs[trial] for trial in trial_logs}
    calls = 0
    logs: dict[int, dict[str, Any]] = {}
    minibatches = []
    for trial, told in trial_logs.items():
        examples = len(told["examples"])
        calls += examples
        kind = "full_eval" if told["kind"] != "minibatch" else "mb"
        logs[trial + 1] = {
            f"{kind}_score": told["score"],
            f"{kind}_program": programs[trial],
            "total_eval_calls_so_far": calls,
            **_choices(told["configuration"], predictors),
        }
        if kind == "mb":
            entry = {"score": told["score"], "program": programs[trial], "full_eval": False}
            minibatches.append(entry)
    program.score = score
    program.run_id = run.id
    program.trial_logs = logs
    program.candidate_programs = [
        {**each, "full_eval": each["examples"] == size} for each in candidate_programs
    ]
    program.mb_candidate_programs = sorted(minibatches, key=lambda each: -each["score"])
    program.total_calls = run.state.spend.calls


def _choices(configuration: Mapping[str, int], predictors: Sequence[str]) -> dict[str, int]:
    """Return what a configuration chooses, by the names that DSPy's trial logs have."""
    return {
        f"{place}_predictor_{part}": configuration[variable]
        for place, name in enumerate(predictors)
        for part in _PARTS
        if (variable := variable_of(name, part)) in configuration
    }
