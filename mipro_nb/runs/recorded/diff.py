"""How the programs that two runs returned differ, as text."""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path
from typing import Any

from mipro_nb.errors import RecordError
from mipro_nb.runs.recorded.recorded_runs import RecordedRun, load_run


def diff_programs(run_a: str, run_b: str, record: str | Path | None = None) -> str:
    """Return a unified diff of the instructions and demos of two runs' programs.

    Programs are written as JSON with a line for every line of an instruction; "" if they are
    the same.

    Parameters
    ----------
    run_a, run_b
        Ids of the runs, or as much of their beginning as is unique.
    record
        The record file; the configured one, or else the default, if None.

    Raises
    ------
    UnknownRunError
        If no run, or more than one, has an id that begins so.
    RecordError
        If a run has returned no program yet.
    """
    before, after = load_run(run_a, record), load_run(run_b, record)
    lines = unified_diff(_lines(before), _lines(after), before.id, after.id, lineterm="")
    return "\n".join(lines)


def _lines(run: RecordedRun) -> list[str]:
    state = run.program_state()
    if state is None:
        msg = f"Run {run.id} has returned no program: it is {run.status}."
        raise RecordError(msg)
    readable = {name: _readable(predictor) for name, predictor in state["predictors"].items()}
    return json.dumps(readable, indent=2, ensure_ascii=False).split("\n")


def _readable(predictor: dict[str, Any]) -> dict[str, Any]:
    return {**predictor, "instructions": predictor["instructions"].split("\n")}
