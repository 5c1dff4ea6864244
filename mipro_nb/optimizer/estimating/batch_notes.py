"""What a person should know before yes where LMs send their calls in batches."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mipro_nb.amounts import format_count
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.models.lm import LM
from mipro_nb.optimizer.estimating.rehearsing.findings import Rehearsal
from mipro_nb.optimizer.planning.plan import Plan

_DAY_SECONDS = 86_400
_SOURCE = "https://platform.openai.com/docs/guides/batch"


def sends_batches(lm: LanguageModel) -> bool:
    """Tell whether an LM sends the calls of evaluations in batches."""
    return isinstance(lm, LM) and lm.batch


def batch_notes(
    plan: Plan, rehearsal: Rehearsal, *, scoring: Iterable[LanguageModel], prompt: LanguageModel
) -> list[str]:
    """Return the notes; none where no LM sends batches.

    Parameters
    ----------
    plan
        The plan.
    rehearsal
        The program's calls on a few rows.
    scoring
        The LMs that run the program while it is scored.
    prompt
        The one that writes instructions.
    """
    names = list(dict.fromkeys(lm.name for lm in scoring if sends_batches(lm)))
    if not names:
        if not sends_batches(prompt):
            return []
        return [f"batch=True changes nothing for {prompt.name}: what writes cannot wait."]
    named = ", ".join(names)
    told = (
        f"Calls of evaluations to {named} go in batches, at half the price, as OpenAI charges them "
        f"({_SOURCE}). A batch takes up to 24 hours, and {_in_a_row(plan, rehearsal)}. You may "
        "close the kernel meanwhile: resuming the run fetches what was answered. Sent at once, and "
        "at the full price: what bootstraps, proposes, repairs or measures formats, and what the "
        "metric asks."
    )
    notes = [told]
    if plan.hedge is True:
        notes.append("hedge=True does not apply to calls that go in batches.")
    seconds = plan.caps.max_seconds
    if seconds is not None and seconds < _DAY_SECONDS:
        notes.append(
            f"max_seconds={seconds:g} may end the run before its first batch is over: what is not "
            "done by then is cancelled. Leave it out, or cap by max_usd."
        )
    return notes


def _in_a_row(plan: Plan, rehearsal: Rehearsal) -> str:
    """Return how many batches follow one another, in words, and what to do about it."""
    calls = max(sum(call.predictor is not None for call in row) for row in rehearsal.calls)
    deep = max(1, calls)
    if plan.headroom is not None:
        return f"each row needs {format_count(deep)} of them, one after the other"
    stages = plan.search.stages(plan.minibatch_size) if plan.minibatch else [plan.valset_size]
    rounds = math.ceil(plan.num_trials / plan.trials_in_flight) * len(stages)
    rounds += 1 + bool(plan.completing_evaluations and plan.minibatch) + bool(plan.testset_size)
    scored = (
        f"trials are scored on {format_count(plan.minibatch_size)} rows"
        if plan.minibatch
        else "trials are scored on the whole valset"
    )
    return (
        f"up to {format_count(rounds * deep)} follow one another: {scored}, "
        f"{format_count(plan.trials_in_flight)} at a time. With fewer trials, or more "
        "trials_in_flight, fewer do"
    )
