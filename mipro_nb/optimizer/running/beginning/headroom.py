"""The run that measures headroom, from its permission to its result."""

from __future__ import annotations

from mipro_nb.errors import RunEndedError
from mipro_nb.optimizer.running.asking.surface import Window
from mipro_nb.optimizer.running.beginning.starting import carried_out, run_of
from mipro_nb.optimizer.running.run import Run
from mipro_nb.runs.views.results.headroom import Headroom, headroom_of


def measured_first(run: Run, window: Window) -> Run:
    """Return a run that measures headroom for one that waits for permission, in its window.

    It waits for a permission of its own.

    Raises
    ------
    InvalidArgumentError
        If there are too few training rows.
    """
    spec, record = run.measuring(), run.record.path
    return run_of(spec, ask=True, student=run.student, record=record).show_in(window)


def measured(run: Run, *, ask: bool) -> Headroom:
    """Return what a run measures, blocking until it is there.

    Raises
    ------
    RunEndedError
        If it ended before all prompts were scored.
    """
    carried_out(run, ask=ask)
    found = run.read(lambda state: headroom_of(run.id, state))
    if found is None:
        ended = run.state.ended
        why = ended.reason if ended is not None and ended.reason else ""
        msg = (
            f"Run {run.id} ended before all prompts were scored, so headroom is not known. {why} "
            "Call headroom(…, resume=True) to go on with it, under a higher cap where it reached "
            "one; what was answered is not paid again."
        )
        raise RunEndedError(msg)
    return found
