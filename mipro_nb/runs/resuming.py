"""Runs that ended early: which can be carried on, how, and what was sent without an answer."""

from __future__ import annotations

from mipro_nb.runs.outlay import Outlay
from mipro_nb.runs.state import State

RESUMABLE: frozenset[State] = frozenset({"cut off", "stopped", "capped", "failed"})


def resume_code(run_id: str) -> str:
    """Return the line of Python that carries a run on, with names to put one's own for."""
    return f'MIPROv2(metric=metric).resume("{run_id}", student)'


def lost_text(lost: Outlay) -> str:
    """Return what is told of calls that were given up in flight; at least one was."""
    calls = "1 call was" if lost.calls == 1 else f"{lost.calls:,} calls were"
    text = f"{calls} in flight when the run was interrupted: paid for perhaps, and sent again."
    if lost.tokens == 0:
        return text  # only where tokens or USD are capped is the worst reckoned
    usd = f", USD {lost.usd:.4f}" if lost.usd else ""
    return f"{text} For the caps they count at their worst: {lost.tokens:,} tokens{usd}."


def reckoned_text(reckoned: Outlay) -> str:
    """Return what is told of attempts whose end nobody knows; nothing if caps reckon none."""
    if reckoned.tokens == 0:
        return ""
    usd = f", USD {reckoned.usd:.4f}" if reckoned.usd else ""
    return (
        "Attempts that timed out or lost their connection were paid for perhaps. For the caps they "
        f"count at their worst: {reckoned.tokens:,} tokens{usd}."
    )


def failed_text(attempts: int, answered: int, failed: int) -> str:
    """Return what is told of requests that were not answered; nothing if all were.

    Parameters
    ----------
    attempts
        Requests that were sent.
    answered, failed
        Calls that were answered, and that failed for good.
    """
    if attempts <= answered:
        return ""
    return (
        f"{attempts:,} requests were sent: {attempts - answered:,} of them brought no answer, and "
        f"{'1 call' if failed == 1 else f'{failed:,} calls'} failed for good."
    )
