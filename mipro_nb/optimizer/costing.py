"""The estimate of a plan, from a rehearsal of this program on these data."""

from __future__ import annotations

import math
from collections.abc import Callable

from mipro_nb.language.lm_protocol import LanguageModel
from mipro_nb.models.lm import LM
from mipro_nb.models.prices import Price
from mipro_nb.models.tokens import count_tokens
from mipro_nb.optimizer.estimate import (
    NOTHING,
    Amount,
    Estimate,
    PhaseEstimate,
    exactly,
)
from mipro_nb.optimizer.grounding import MOST_SUMMARY_BATCHES
from mipro_nb.optimizer.plan import Plan
from mipro_nb.optimizer.rehearsal import Rehearsal, RehearsedCall
from mipro_nb.runs.events import Phase

# An unreadable reply is asked for once more: none, a few, or all of them.
_ASKED_AGAIN = Amount(1.0, 1.05, 2.0)
# Made-up replies stand for real ones that may be shorter or longer.
_REPLY_LENGTH = Amount(0.5, 1.0, 4.0)
# How often a bootstrapped trace passes the metric, from every time to hardly ever.
_PASS_RATE = Amount(1.0, 0.6, 0.1)
# A proposed instruction is longer than the student's by about so many tokens.
_INSTRUCTION_TOKENS = Amount(10, 60, 200)
_PROPOSAL_OVERHEAD_TOKENS = 350
_PROPOSAL_OUTPUT_TOKENS = Amount(20, 120, 400)
_PROPOSAL_ROUNDS = Amount(1.0, 1.1, 2.0)


def estimate(
    plan: Plan,
    rehearsal: Rehearsal,
    *,
    task: LanguageModel,
    teacher: LanguageModel,
    prompt: LanguageModel,
    source: str,
) -> Estimate:
    """Return what `plan` will cost, phase by phase.

    Parameters
    ----------
    rehearsal
        The program's calls on a few rows.
    task, teacher, prompt
        The models of evaluation, of bootstrapping and of proposing.
    source
        The program's source, which proposals hold.
    """
    return Estimate(
        (
            _program_phase("baseline", exactly(plan.valset_size), rehearsal, task),
            _bootstrap(plan, rehearsal, teacher),
            _propose(plan, rehearsal, prompt, source),
            _search(plan, rehearsal, task),
        )
    )


def _program_phase(
    phase: Phase,
    examples: Amount,
    rehearsal: Rehearsal,
    lm: LanguageModel,
    *,
    demos: Amount = NOTHING,
    longer_by: Amount = NOTHING,
) -> PhaseEstimate:
    """Return the cost of running the program on `examples` with so many `demos` each."""
    calls = examples * _per_row(rehearsal, lambda _: 1.0) * _ASKED_AGAIN
    rows = examples * _ASKED_AGAIN
    prompt_tokens = _per_row(rehearsal, lambda call: call.input_tokens)
    demo_tokens = _per_row(rehearsal, lambda call: call.demo_tokens if call.predictor else 0)
    optimized = _per_row(rehearsal, lambda call: 1.0 if call.predictor else 0)
    input_tokens = rows * (prompt_tokens + demo_tokens * demos + optimized * longer_by)
    written = _per_row(rehearsal, lambda call: call.output_tokens)
    output_tokens = rows * written * _REPLY_LENGTH
    limit = _max_tokens(lm)
    if limit is not None:
        bound = calls.high * limit
        output_tokens = Amount(
            min(output_tokens.low, bound),
            min(output_tokens.expected, bound),
            min(output_tokens.high, bound),
        )
    return _priced(phase, calls, input_tokens, output_tokens, lm)


def _bootstrap(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    wanted = plan.max_bootstrapped_demos if not plan.zero_shot else 3
    sets = max(0, plan.num_candidates - 2)
    if not wanted or not sets:
        return _priced("bootstrap", NOTHING, NOTHING, NOTHING, lm)
    rows = plan.trainset_size
    # Sets share attempts: an example is run once, however many sets look at it.
    distinct = rows * (1 - (1 - min(1.0, wanted / rows)) ** (1 + (sets - 1) / 2))
    attempts = Amount(
        min(rows, wanted),
        min(rows, distinct / _PASS_RATE.expected),
        min(rows, sets * wanted / _PASS_RATE.high),
    )
    return _program_phase(
        "bootstrap", attempts, rehearsal, lm, demos=exactly(plan.max_labeled_demos)
    )


def _propose(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel, source: str) -> PhaseEstimate:
    predictors = len(plan.predictors)
    code = count_tokens(source) if plan.program_aware_proposer else 0
    row = _per_row(rehearsal, lambda call: call.demo_tokens).expected
    calls, input_tokens, output_tokens = NOTHING, NOTHING, NOTHING
    if plan.data_aware_proposer:
        batches = min(
            MOST_SUMMARY_BATCHES, math.ceil(plan.trainset_size / plan.view_data_batch_size)
        )
        reads = Amount(min(2, batches) + 1, batches + 1, 2 * (batches + 1))
        calls += reads
        input_tokens += reads * exactly(row * min(plan.view_data_batch_size, plan.trainset_size))
        input_tokens += reads * exactly(_PROPOSAL_OVERHEAD_TOKENS)
        output_tokens += reads * _PROPOSAL_OUTPUT_TOKENS
    if plan.program_aware_proposer:
        described = Amount(1 + predictors, 1 + predictors, 2 * (1 + predictors))
        calls += described
        input_tokens += described * exactly(code + _PROPOSAL_OVERHEAD_TOKENS)
        output_tokens += described * _PROPOSAL_OUTPUT_TOKENS
    proposals = exactly(predictors * plan.num_candidates) * _PROPOSAL_ROUNDS
    shown_demos = 3 * row if plan.fewshot_aware_proposer else 0
    calls += proposals
    input_tokens += proposals * exactly(code + shown_demos + _PROPOSAL_OVERHEAD_TOKENS)
    output_tokens += proposals * _PROPOSAL_OUTPUT_TOKENS
    return _priced("propose", calls, input_tokens, output_tokens, lm)


def _search(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    if plan.minibatch:
        trial_examples = plan.num_trials * plan.minibatch_size
        fulls, size = plan.full_evaluations, plan.valset_size
        completed = size - plan.minibatch_size
        examples = Amount(
            0.6 * trial_examples + 0.3 * fulls * completed,
            0.9 * trial_examples + fulls * completed,
            trial_examples + fulls * completed,
        )
    else:
        all_examples = plan.num_trials * plan.valset_size
        examples = Amount(0.5 * all_examples, 0.9 * all_examples, all_examples)
    most = max(plan.max_labeled_demos, plan.max_bootstrapped_demos)
    demos = Amount(0, 0.8 * most, most)
    return _program_phase(
        "search", examples, rehearsal, lm, demos=demos, longer_by=_INSTRUCTION_TOKENS
    )


def _per_row(rehearsal: Rehearsal, measure: Callable[[RehearsedCall], float]) -> Amount:
    """Return smallest, mean and largest sum of a measure over a row's calls."""
    sums = [sum(measure(call) for call in calls) for calls in rehearsal.calls]
    return Amount(min(sums), sum(sums) / len(sums), max(sums))


def _priced(
    phase: Phase, calls: Amount, input_tokens: Amount, output_tokens: Amount, lm: LanguageModel
) -> PhaseEstimate:
    price = _price(lm)
    usd = None
    if price is not None:
        usd = Amount(
            price.usd(input_tokens.low, output_tokens.low),
            price.usd(input_tokens.expected, output_tokens.expected),
            price.usd(input_tokens.high, output_tokens.high),
        )
    return PhaseEstimate(phase, calls, input_tokens, output_tokens, usd)


def _price(lm: LanguageModel) -> Price | None:
    return lm.price if isinstance(lm, LM) else None


def _max_tokens(lm: LanguageModel) -> int | None:
    return lm.max_tokens if isinstance(lm, LM) else None
