"""Runs that ended early: which can be resumed, how, and what was sent without an answer."""

from __future__ import annotations

import re

from mipro_nb.amounts import CAPS, format_count, format_tokens, format_usd
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.wording import counted, measures_headroom
from mipro_nb.runs.state import RunState, State
from mipro_nb.runs.statistics.objectives import chooser_of
from mipro_nb.runs.usage import Usage

RESUMABLE: frozenset[State] = frozenset({"cut off", "stopped", "capped", "failed"})
NOTHING_SCORED = f"the {STUDENT} (nothing else was scored)"
CELL = "%%mipro"
CELL_AGAIN = "run its %%mipro cell again with --resume"
# How much of the cap that ended a run the lines that resume it give.
_TIMES_THE_CAP = 2
# What ended a run is told in words alone; the limit is written with thousands separators.
_REACHED = re.compile(rf"The cap ({'|'.join(CAPS)})=(\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?) is reached")
_HEADROOM_AGAIN = "call headroom(…) as before, with resume=True"
# What a name on a line may be: ``student``, ``programs.qa``, ``programs[0]``.
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*|\[-?\d+\])*")


def resume_lines(run_id: str, state: RunState) -> list[str]:
    """Return the lines that resume a run: of a cell, and of Python.

    After a cap they give twice as much of it, without which the run would be refused. They have the
    names that the user has for program, metric and a function given as ``prefer``;
    where these are not known, the lines say PROGRAM, METRIC and FUNCTION. There are none for a run
    of a ``%%mipro`` cell, which is to be run again: its program has no name; nor for one that
    measures headroom. Of a run that was never planned nothing is known.
    """
    planned = state.planned
    names = planned.names if planned else {}
    if names.get("command") == CELL or measures_headroom(planned):
        return []
    student, metric = names_in_lines(state)
    option = argument = ""
    if planned and (chooser := chooser_of(planned.plan.get("prefer"))) is not None:
        chooser = _name(chooser, "prefer")
        option, argument = f" --prefer {chooser}", f", prefer={chooser}"
    for name, value in _higher_cap(state).items():
        option += f" {_flag(name)} {value}"
        argument += f", {name}={value}"
    return [
        f"%mipro resume {run_id} {student} --metric {metric}{option}",
        f'MIPROv2(metric={metric}).resume("{run_id}", {student}{argument})',
    ]


def names_in_lines(state: RunState) -> tuple[str, str]:
    """Return the user's names for program and metric of a run; PROGRAM and METRIC if not known."""
    names = state.planned.names if state.planned else {}
    return _name(names.get("student"), "student"), _name(names.get("metric"), "metric")


def begun_again(state: RunState) -> str:
    """Return how a run is resumed that no line resumes; after a cap, with twice as much of it."""
    caps = _higher_cap(state)
    if measures_headroom(state.planned):
        return _HEADROOM_AGAIN + "".join(f", {name}={value}" for name, value in caps.items())
    return CELL_AGAIN + "".join(f" {_flag(name)} {value}" for name, value in caps.items())


def how_to_resume(run_id: str, state: RunState) -> str:
    """Return the sentence that says how a run that ended early is resumed, with its id."""
    cap = ", with a higher cap" if state.state == "capped" else ""
    lines = resume_lines(run_id, state)
    if not lines:
        return f"To resume run {run_id}{cap}, {begun_again(state)}."
    return f"To resume run {run_id}{cap}: {lines[-1]}"


def _name(name: str | None, role: str) -> str:
    # It may come with a file from elsewhere, and what the line holds is going to be run.
    if name is not None and _NAME.fullmatch(name):
        return name
    return {"student": "PROGRAM", "metric": "METRIC", "prefer": "FUNCTION"}[role]


def resume_hint(run_id: str, state: RunState) -> str | None:
    """Return how a run is resumed that no line resumes; None where one does."""
    return None if resume_lines(run_id, state) else begun_again(state)


def _higher_cap(state: RunState) -> dict[str, str]:
    """Return twice the cap that ended a run, as code, by its name; nothing if none did."""
    reason = state.ended.reason if state.ended and state.state == "capped" else None
    reached = _REACHED.match(reason or "")
    if reached is None:
        return {}
    name, limit = reached.groups()
    return {name: f"{_TIMES_THE_CAP * float(limit.replace(',', '')):.12g}"}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def lost_text(lost: Usage) -> str | None:
    """Return what to say about calls that were given up in flight; None if none were."""
    if lost.calls == 0:
        return None
    one = lost.calls == 1
    were, they, them = ("was", "it", "it") if one else ("were", "they", "them")
    text = (
        f"{counted(lost.calls, 'call')} {were} in flight when the run was interrupted: {they} may "
        f"have been billed; resuming the run sends {them} again."
    )
    if lost.tokens == 0:
        return text  # only where tokens or USD are capped is the worst known
    worst = "it counts at its worst" if one else "they count at their worst"
    return f"{text} For the caps {worst}: {format_tokens(lost.tokens)} tokens."


def batched_text(batched: Usage) -> str | None:
    """Return what to say about calls that were out in batches when a run ended; None if none."""
    if batched.calls == 0:
        return None
    were, they = ("was", "it") if batched.calls == 1 else ("were", "they")
    worst = format_usd(batched.usd) if batched.usd else f"{format_tokens(batched.tokens)} tokens"
    return (
        f"{counted(batched.calls, 'call')} {were} out in batches when the run ended: {they} may "
        f"still cost up to about {worst}. Resuming the run fetches what was answered."
    )


def unheard_text(lost: Usage, batched: Usage) -> str | None:
    """Return what to say about calls that brought no answer because the run ended; None if none."""
    told = [text for text in (lost_text(lost), batched_text(batched)) if text is not None]
    return " ".join(told) or None


def billed_text(usd: float) -> str | None:
    """Return what is told beneath a cost: what calls may have cost that nobody has an answer of."""
    return None if usd <= 0 else f"up to {format_usd(usd)} more may have been billed"


def reckoned_text(reckoned: Usage) -> str:
    """Return what to say about attempts whose end nobody knows; nothing if caps count none."""
    if reckoned.tokens == 0:
        return ""
    usd = f", {format_usd(reckoned.usd)}" if reckoned.usd else ""
    return (
        "Attempts that timed out or lost their connection may also have been billed. For the caps "
        f"they count at their worst: {format_tokens(reckoned.tokens)} tokens{usd}."
    )


def failed_text(attempts: int, answered: int, failed: int) -> str:
    """Return what to say about requests that were not answered; nothing if all were.

    Parameters
    ----------
    attempts
        Requests that were sent.
    answered, failed
        Calls that were answered, and that failed for good.
    """
    if attempts <= answered:
        return ""
    were = "was" if attempts == 1 else "were"
    return (
        f"{counted(attempts, 'request')} {were} sent: {format_count(attempts - answered)} of them "
        f"brought no answer, and {counted(failed, 'call')} failed for good."
    )


def hedged_text(hedged: int) -> str:
    """Return what to say about slow calls that were sent twice; nothing if none were."""
    if hedged == 0:
        return ""
    were = "was" if hedged == 1 else "were"
    return (
        f"{counted(hedged, 'slow call')} {were} sent a second time: the first answer counts, and "
        "both requests are paid for."
    )
