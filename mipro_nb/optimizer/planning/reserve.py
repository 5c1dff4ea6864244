"""The reserve: what a capped run keeps back to evaluate its best trial fully.

A minibatch shows what looks good; only a full evaluation tells whether it is. So a run that is
going to end at a cap makes no further trial once the rest would be too little for both.
"""

from __future__ import annotations

from collections.abc import Mapping

from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer.planning.estimate import PhaseEstimate
from mipro_nb.optimizer.planning.plan import Plan
from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState, TrialState
from mipro_nb.runs.usage import Usage

# Prompts with demos are longer than those seen so far, and calls may be made twice.
_MARGIN = 1.2

# What comes after the first phases: a run that ends at a cap leaves the testset out.
_AFTER = ("search", "test")

Amounts = Mapping[str, float]
"""Cap → how much of what it limits."""


def is_short(
    state: RunState, plan: Plan, examples: int, dearest_call: Usage, *, repairs: bool = False
) -> bool:
    """Tell whether what the caps leave is too little to score so many more examples.

    Those that the trials in flight have still to score are counted, and a round of repairs if it
    `repairs`. The last call is sent only if its worst case fits, which is also taken into account.
    """
    pending = sum(
        len(trial.examples) - trial.scored for trial in state.trials.values() if trial.going
    )
    left, each = _left(state, plan.caps, dearest_call), _dearest(state, plan)
    beside = _of_a_round(plan, each) if repairs else dict.fromkeys(each, 0.0)
    needed = {cap: _MARGIN * ((pending + examples) * each[cap] + beside[cap]) for cap in each}
    return any(needed[cap] > amount for cap, amount in left.items())


def _of_a_round(plan: Plan, each: Amounts) -> Amounts:
    """Return what a round of repairs takes, by the estimate; its seconds as those of examples."""
    rounds = min(plan.search.repair, plan.num_trials)
    phases = {phase.phase: _expected(phase) for phase in plan.estimate.phases}
    repair, baseline = phases.get("repair"), phases.get("baseline")
    if not rounds or repair is None or baseline is None:
        return dict.fromkeys(each, 0.0)
    examples = repair["max_calls"] / max(1.0, baseline["max_calls"]) * plan.valset_size
    amounts = {**repair, "max_seconds": examples * each["max_seconds"]}
    return {cap: amount / rounds for cap, amount in amounts.items()}


def _left(state: RunState, caps: Caps, dearest_call: Usage) -> Amounts:
    spent = state.usage
    taken = {
        "max_calls": float(spent.calls),
        "max_tokens": float(spent.tokens + dearest_call.tokens),
        "max_usd": spent.usd + dearest_call.usd,
        "max_seconds": state.seconds,
    }
    limits = {name: value for name, value in caps.to_dict().items() if value is not None}
    return {name: limit - taken[name] for name, limit in limits.items()}


def _dearest(state: RunState, plan: Plan) -> Amounts:
    """Return what one example takes, by the dearest evaluation so far.

    Only by those that are over: of the others, calls are paid for whose examples are not scored.
    Before the first trial is, the estimate has to do: the student's prompts may have no demos.
    """
    over = [trial for trial in state.trials.values() if trial.scored and not trial.going]
    costs = [_cost(trial) for trial in over]
    if all(trial.kind == "baseline" for trial in over):
        costs += _foreseen(plan)
    dearest = {
        cap: max((cost[cap] for cost in costs), default=0.0)
        for cap in ("max_calls", "max_tokens", "max_usd")
    }
    return {**dearest, "max_seconds": _seconds_of_an_example(state)}


def _cost(trial: TrialState) -> Amounts:
    spend = trial.spend
    calls = spend.attempts + spend.cached_calls
    # An answer from the record costs nothing; the next example's may be none.
    share = calls / spend.attempts / trial.scored if spend.attempts else 0.0
    return {
        "max_calls": calls / trial.scored,
        "max_tokens": share * (spend.input_tokens + spend.output_tokens),
        "max_usd": share * spend.known_usd,
    }


def _foreseen(plan: Plan) -> list[Amounts]:
    """Return what the estimate says of one example of a trial, if it says anything."""
    phases = {phase.phase: _expected(phase) for phase in plan.estimate.phases}
    baseline, search = phases.get("baseline"), phases.get("search")
    if baseline is None or search is None or not search["max_calls"]:
        return []
    calls = baseline["max_calls"] / plan.valset_size
    return [{cap: calls * amount / search["max_calls"] for cap, amount in search.items()}]


def _seconds_of_an_example(state: RunState) -> float:
    """Return how many seconds passed for each example, in the baseline or in all trials."""
    baseline = state.trials.get(0)
    of_baseline = baseline.seconds if baseline is not None else None
    rates = [of_baseline / baseline.scored] if of_baseline and baseline and baseline.scored else []
    trials = [trial for trial in state.trials.values() if trial.kind != "baseline"]
    scored = sum(trial.scored for trial in trials)
    if scored and state.last_at is not None:
        # Trials share the slots: what one takes says little.
        begun = min(trial.asked_at for trial in trials)
        rates.append((state.last_at - begun) / scored)
    return max(rates, default=0.0)


def reserve_note(plan: Plan, caps: Caps) -> str | None:
    """Return the note on the reserve before the run; None if there is nothing to say."""
    limits = {name: value for name, value in caps.to_dict().items() if value is not None}
    if plan.headroom is not None:
        return _too_little(plan, limits)
    if not limits or not plan.minibatch:
        return None
    phases = {phase.phase: _expected(phase) for phase in plan.estimate.phases}
    baseline = phases.get("baseline")
    if baseline is None:
        return None
    before = {
        cap: sum(amounts[cap] for name, amounts in phases.items() if name not in _AFTER)
        for cap in baseline
    }
    for cap, limit in limits.items():
        if before.get(cap, 0.0) + _MARGIN * baseline.get(cap, 0.0) > limit:
            return (
                f"The cap {cap}={limit:g} probably leaves nothing for a full evaluation of the "
                "best trial: what is returned then rests on a few examples, and the report says on "
                "how many."
            )
    calls = counted(round(baseline["max_calls"]), "call")
    reserved = (
        f"Of the {'cap' if len(limits) == 1 else 'caps'}, one full evaluation of the best trial "
        f"(about {calls}) is kept in reserve: trials end before they would use it up."
    )
    if plan.labelled_rows:
        reserved += (
            " Your own instructions with plain labelled demos are scored only if the caps leave "
            "enough for that as well."
        )
    if plan.testset_size:
        reserved += " A run that ends at a cap does not score the testset, unless it is resumed."
    return reserved


def _too_little(plan: Plan, limits: Amounts) -> str | None:
    """Return the note on a cap that headroom is probably not measured under; None if none is."""
    total = _expected(plan.estimate.total)
    for cap, limit in limits.items():
        if total.get(cap, 0.0) > limit:
            return (
                f"The cap {cap}={limit:g} is probably too low: headroom is reported only once all "
                "prompts are scored. Where a cap ends it before, resume=True goes on under a "
                "higher one."
            )
    return None


def _expected(phase: PhaseEstimate) -> Amounts:
    return {
        "max_calls": phase.calls.expected,
        "max_tokens": phase.input_tokens.expected + phase.output_tokens.expected,
        "max_usd": phase.usd.expected if phase.usd else 0.0,
    }
