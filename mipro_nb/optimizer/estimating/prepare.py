"""The estimate of a plan, from a rehearsal of this program on these data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mipro_nb.amounts import format_count
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.programs.module import Module
from mipro_nb.language.programs.predict import Predict
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.signature import SignatureMeta
from mipro_nb.models.gate.pacing.hedging import SHARE
from mipro_nb.models.lm import LM, as_counted, reasons_unpriced
from mipro_nb.models.prices import BATCH_PRICE, Price
from mipro_nb.models.tokens import count_message_tokens
from mipro_nb.optimizer.estimating.batch_notes import sends_batches
from mipro_nb.optimizer.estimating.rehearsing.findings import Rehearsal
from mipro_nb.optimizer.estimating.rehearsing.rehearsed_calls import RehearsedCall
from mipro_nb.optimizer.phases.bootstrapping.bootstrap import (
    DEMOS_FOR_THE_PROPOSER,
    bootstrapped_sets,
)
from mipro_nb.optimizer.phases.bootstrapping.speculation import MOST_SPARE
from mipro_nb.optimizer.phases.proposing.grounding import (
    DescribePredictor,
    DescribeProgram,
    ObserveMoreRows,
    ObserveRows,
    SummarizeObservations,
    in_waves,
    row_batches,
)
from mipro_nb.optimizer.phases.proposing.propose import proposal_signature
from mipro_nb.optimizer.phases.proposing.repair import ROWS, SHOWN, repair_signature
from mipro_nb.optimizer.phases.proposing.repair_rounds import PARENTS, REPAIRS, rounds_of
from mipro_nb.optimizer.planning.estimate import (
    ALL,
    NOTHING,
    Amount,
    Estimate,
    PhaseEstimate,
    exactly,
)
from mipro_nb.optimizer.planning.headroom import PlannedHeadroom
from mipro_nb.optimizer.planning.plan import MEASURED_ROWS, Plan
from mipro_nb.optimizer.planning.settings.constraints import constraints_of
from mipro_nb.optimizer.planning.specification.lms import every_lm
from mipro_nb.runs.events import Phase

# Tokens are counted without the models' own vocabularies.
_COUNTING = Amount(0.8, 1.0, 1.25)
# An unreadable reply is asked for once more: none, a few, or all of them.
_ASKED_AGAIN = Amount(1.0, 1.05, 2.0)
# Prompts and replies of another format are a little shorter or longer (benchmarks/README.md).
_OTHER_FORMATS = Amount(0.9, 1.05, 1.25)
# Made-up replies stand for real ones that may be shorter or longer.
_REPLY_LENGTH = Amount(0.2, 1.0, 3.0)
# How often a bootstrapped trace passes the metric, from every time to hardly ever.
_PASS_RATE = Amount(1.0, 0.6, 0.1)
# Attempts of a demo set that are begun and then not needed; in the mean as simulated for pass rates
# from 0.3 to 0.95, most of them being needed by another set.
_SPARE_ATTEMPTS = Amount(0, 0.4, MOST_SPARE)
# A proposed instruction is longer than the student's by about so many tokens.
_INSTRUCTION_TOKENS = Amount(0, 60, 200)
# Tokens of what the prompt model writes at a time.
_WRITTEN = Amount(5, 120, 300)
_TIP_TOKENS = Amount(0, 15, 40)
# Proposals may have to be written again: unreadable ones, and repetitions.
_WRITTEN_ANEW = Amount(1.0, 1.02, 1.5)
_PROPOSAL_ROUNDS = Amount(1.0, 1.1, 2.0)
# And those that break a constraint.
_UNDER_CONSTRAINTS = Amount(1.0, 1.3, 2.0)
# Slow calls that are sent a second time, of all (benchmarks/README.md).
_HEDGED_OF_THE_LAST = Amount(0, 0.01, SHARE)
_HEDGED_OF_ALL = Amount(0, 0.05, 0.2)
# What nobody could wait a day for.
_AT_ONCE = ("formats", "bootstrap", "propose", "repair")


@dataclass(frozen=True)
class _Demos:
    """How many demos a predictor has in the mean.

    Attributes
    ----------
    labelled
        Where the data's own rows can be demos of it.
    bootstrapped
        Where only traces can: it takes or gives what the rows do not have.
    """

    labelled: Amount
    bootstrapped: Amount


@dataclass(frozen=True)
class Models:
    """The models of evaluation, of bootstrapping and of proposing."""

    task: LanguageModel
    teacher: LanguageModel
    prompt: LanguageModel


def estimate(
    plan: Plan,
    rehearsal: Rehearsal,
    models: Models,
    *,
    student: Module,
    trainset: Sequence[Example],
    source: str,
    rows_shown: int = 0,
) -> Estimate:
    """Return what `plan` will cost, phase by phase.

    Answers that the record already holds cost nothing; the estimate does not count on them.

    Parameters
    ----------
    rehearsal
        The program's calls on a few rows.
    student, trainset, source
        Program, rows and source code that the prompt model is shown.
    rows_shown
        Training rows that repairs may rest on.
    """
    lms = every_lm(student, models.task, models.prompt, models.teacher)
    often, hedging = _hedging(plan, lms)
    phases = [_formats(plan, rehearsal, models.task)] if plan.measured_formats else []
    propose = _propose(plan, rehearsal, models.prompt, student, trainset, source)
    if plan.headroom is not None:
        phases += [propose, _headroom(plan, plan.headroom, rehearsal, models.task)]
    else:
        rows = exactly(plan.valset_size)
        phases += [
            _program_phase("baseline", rows, rehearsal, models.task, longer=_longer(plan)),
            _bootstrap(plan, rehearsal, models.teacher),
            propose,
            _search(plan, rehearsal, models.task),
        ]
        if plan.search.repair:
            phases += _repair(plan, rehearsal, models, student, rows_shown)
        if plan.testset_size:
            phases.append(_test(plan, rehearsal, models.task))
    return Estimate(
        [phase.times(often) for phase in phases],
        guess=rehearsal.guess,
        hedging=hedging,
        unpriced=reasons_unpriced(lms),
    )


def _hedging(plan: Plan, lms: Sequence[LanguageModel]) -> tuple[Amount, str | None]:
    """Return how often calls are sent because of hedging, in the mean, and the sentence on it."""
    if not plan.hedge or all(isinstance(lm, LM) and lm.is_embedded for lm in lms):
        return ALL, None
    share = _HEDGED_OF_ALL if plan.hedge is True else _HEDGED_OF_THE_LAST
    most = format_count(100 * share.high)
    told = (
        f"Up to {most} % of these calls are slow ones that are sent a second time "
        f"(hedge={plan.hedge!r}); with hedge=False none are."
    )
    return ALL + share, told


def _program_phase(
    phase: Phase,
    examples: Amount,
    rehearsal: Rehearsal,
    lm: LanguageModel,
    *,
    demos: _Demos | None = None,
    longer_by: Amount = NOTHING,
    longer: Amount = ALL,
    fresh: Amount = ALL,
) -> PhaseEstimate:
    """Return the cost of running the program on `examples`.

    Parameters
    ----------
    demos
        How many demos each predictor has; None for the student's own.
    longer_by
        Tokens by which instructions are longer than the student's.
    longer
        How many times as long prompts and replies are as in the rehearsal.
    fresh
        Share of the calls that are not equal to earlier ones.
    """
    runs = examples * _ASKED_AGAIN * fresh
    calls = runs * _per_row(rehearsal, lambda _: 1.0)
    if demos is None:
        prompt = _per_row(rehearsal, lambda call: call.input_tokens)
    else:
        prompt = _per_row(rehearsal, lambda call: call.bare_tokens)
        prompt += demos.labelled * _demo_tokens(rehearsal, labelled=True)
        prompt += demos.bootstrapped * _demo_tokens(rehearsal, labelled=False)
    optimized = _per_row(rehearsal, lambda call: 1.0 if call.predictor else 0.0)
    written = _per_row(rehearsal, lambda call: call.output_tokens) * _REPLY_LENGTH
    output_tokens = runs * written * longer
    limit = _max_tokens(lm)
    if limit is not None:
        output_tokens = output_tokens.at_most(calls.high * limit)
    input_tokens = runs * (prompt * longer + optimized * longer_by) * _COUNTING
    batched = 0.0 if phase in _AT_ONCE else _share_of_program(rehearsal)
    return _priced(phase, calls, input_tokens, output_tokens, lm, batched=batched)


def _share_of_program(rehearsal: Rehearsal) -> float:
    """Return the part of all tokens that is not the metric's, which may go in batches."""
    tokens = _per_row(rehearsal, lambda call: call.input_tokens + call.output_tokens)
    own = _per_row(
        rehearsal, lambda call: (call.predictor and call.input_tokens + call.output_tokens) or 0
    )
    return own.expected / tokens.expected if tokens.expected else 1.0


def _longer(plan: Plan) -> Amount:
    """Return how many times as long as rehearsed prompts are in the format that turns out best."""
    return _OTHER_FORMATS if plan.measured_formats else ALL


def _formats(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    runs = len(plan.measured_formats) * min(MEASURED_ROWS, plan.distinct_rows)
    return _program_phase("formats", exactly(runs), rehearsal, lm, longer=_longer(plan))


def _headroom(
    plan: Plan, planned: PlannedHeadroom, rehearsal: Rehearsal, lm: LanguageModel
) -> PhaseEstimate:
    """Return the cost of student, new instructions and labelled demos on the measured rows."""
    draws, longer = exactly(planned.rows * planned.repeats), _longer(plan)
    shown = min(plan.max_labeled_demos, plan.distinct_rows)
    phase = _program_phase("headroom", draws, rehearsal, lm, longer=longer)
    phase += _program_phase(
        "headroom",
        # Of proposals that are of no use, fewer are left.
        Amount(0, plan.num_candidates, plan.num_candidates) * draws,
        rehearsal,
        lm,
        demos=None if plan.zero_shot else _Demos(NOTHING, NOTHING),
        longer_by=_INSTRUCTION_TOKENS,
        longer=longer,
    )
    if plan.zero_shot:
        return phase
    demos = _Demos(Amount(0, shown, 1.5 * shown), NOTHING)
    return phase + _program_phase("headroom", draws, rehearsal, lm, demos=demos, longer=longer)


def _bootstrap(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    wanted, labelled = plan.max_bootstrapped_demos, plan.max_labeled_demos
    if plan.zero_shot:
        wanted = DEMOS_FOR_THE_PROPOSER
    sets = len(bootstrapped_sets(plan))
    if not sets:
        return _priced("bootstrap", NOTHING, NOTHING, NOTHING, lm)
    rows = plan.trainset_size
    # Sets share attempts: an example is run once, however many sets look at it.
    distinct = rows * (1 - (1 - min(1.0, wanted / rows)) ** (1 + (sets - 1) / 2))
    attempts = Amount(
        # Only the set in the trainset's own order is sure to be of the full size.
        min(rows, wanted if plan.num_candidates > 2 else 1),  # noqa: PLR2004 - sets 0 and 1
        min(rows, distinct / _PASS_RATE.expected + sets * _SPARE_ATTEMPTS.expected),
        min(rows, sets * wanted / _PASS_RATE.high + sets * _SPARE_ATTEMPTS.high),
    )
    shown = min(labelled, rows)
    demos = None
    if labelled:
        demos = _Demos(Amount(0, shown, 1.5 * shown), NOTHING)
    return _program_phase("bootstrap", attempts, rehearsal, lm, demos=demos, longer=_longer(plan))


def _search(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    calls_per_row = _per_row(rehearsal, lambda _: 1.0).expected
    fresh = ALL
    if as_counted(lm).cache and calls_per_row > 1:
        # Configurations that differ in one predictor ask the others what was asked before.
        fresh = Amount(1 / calls_per_row, (1 + 1 / calls_per_row) / 2, 1.0)
    trials = _program_phase(
        "search",
        _search_examples(plan),
        rehearsal,
        lm,
        demos=None if plan.zero_shot else _search_demos(plan),
        longer_by=_INSTRUCTION_TOKENS,
        longer=_longer(plan),
        fresh=fresh,
    )
    can_be_demos = any(call.predictor and call.labelled for row in rehearsal.calls for call in row)
    if not (plan.labelled_rows and can_be_demos):
        return trials
    return trials + _labelled(plan, rehearsal, lm)


def _labelled(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    """Return the cost of scoring plain labelled demos before any trial; the rest is a trial's."""
    rows, shown = plan.labelled_rows, min(plan.max_labeled_demos, plan.trainset_size)
    return _program_phase(
        "search",
        # Nothing is searched if the student itself reaches stop_at.
        exactly(rows) if plan.stop_at is None else Amount(0, rows, rows),
        rehearsal,
        lm,
        demos=_Demos(Amount(0, shown, 1.5 * shown), NOTHING),
        longer=_longer(plan),
    )


def _repair(
    plan: Plan,
    rehearsal: Rehearsal,
    models: Models,
    student: Module,
    rows_shown: int,
) -> list[PhaseEstimate]:
    """Return the cost of running parents on training rows, and of writing by what they failed."""
    rounds, rows = len(rounds_of(plan)), min(ROWS, rows_shown)
    parents = Amount(rounds, PARENTS * rounds, PARENTS * rounds)
    ran = _program_phase(
        "repair",
        parents * exactly(rows),
        rehearsal,
        models.task,
        demos=None if plan.zero_shot else _search_demos(plan),
        longer_by=_INSTRUCTION_TOKENS,
        longer=_longer(plan),
    )
    reading = _Reading(models.prompt)
    shown = min(SHOWN, rows)
    row = _per_row(rehearsal, lambda call: call.demo_tokens if call.predictor else 0)
    for _, predictor in student.named_predictors():
        times = Amount(0, 1, 1) * exactly(rounds * REPAIRS / len(plan.predictors))
        times *= _UNDER_CONSTRAINTS if constraints_of(plan) else ALL
        reading.ask(
            repair_signature(),
            times=times if rows else NOTHING,
            more=Amount(1, shown, 3 * shown) * row,
            present_instruction=predictor.signature.instructions,
            failures="",
        )
    wrote = _priced(
        "repair", reading.calls, reading.input_tokens, reading.output_tokens, models.prompt
    )
    return [ran + wrote]


def _test(plan: Plan, rehearsal: Rehearsal, lm: LanguageModel) -> PhaseEstimate:
    """Return the cost of the student, and of the best program unless that is the student."""
    rows = plan.testset_size
    longer = _longer(plan)
    student = _program_phase("test", exactly(rows), rehearsal, lm, longer=longer)
    return student + _program_phase(
        "test",
        Amount(0, rows, rows),
        rehearsal,
        lm,
        demos=None if plan.zero_shot else _search_demos(plan),
        longer_by=_INSTRUCTION_TOKENS,
        longer=longer,
    )


def _search_demos(plan: Plan) -> _Demos:
    sets = plan.num_candidates
    made = min(plan.max_bootstrapped_demos, plan.trainset_size)
    shown = min(max(plan.max_labeled_demos, made), plan.trainset_size)
    bootstrapped = max(0, sets - (2 if plan.max_labeled_demos else 1))
    return _Demos(
        Amount(0, shown * (sets - 1) / sets, 1.5 * shown),
        Amount(0, 0.6 * made * bootstrapped / sets, 1.5 * made),
    )


def _search_examples(plan: Plan) -> Amount:
    """Return how many (configuration, example) pairs trials score, and what completes them."""
    size, trials = plan.valset_size, plan.num_trials
    batch = plan.minibatch_size if plan.minibatch else size
    fulls = plan.completing_evaluations if plan.minibatch else 0
    # Of the evaluations at the end, all but the first are made only if the evidence is unclear.
    surely_full = plan.full_evaluations_between + 1 if plan.minibatch else 0
    first = plan.search.stages(batch)[0] if plan.minibatch else batch
    # About every second trial ends after its first stage.
    usual = (first + batch) / 2
    choices = (plan.num_candidates + 1) * (1 if plan.zero_shot else plan.num_candidates)
    # Above a million, repetitions are too rare to matter. The student's own are scored before.
    others = min(1e6, choices ** min(len(plan.predictors), 9)) - 1 - bool(plan.labelled_rows)
    # Plain labelled demos that are among the best are completed like a trial.
    all_there_are = others * size + (size - plan.labelled_rows if plan.labelled_rows else 0)

    def scored(batch: float, fulls: float) -> float:
        """Return the pairs of so large trials and so many full evaluations, each scored once."""
        completed = min(fulls, others) * (size - batch)
        repeated = max(0.0, trials - others) * batch * (1 - batch / size)
        return float(min(min(trials, others) * batch + repeated + completed, all_there_are))

    most = min(trials * batch + fulls * (size - batch), all_there_are)
    expected = min(scored(usual, (surely_full + fulls) / 2), most)
    # Candidates may turn out alike, and their answers be the same.
    least = min(0.6 * scored(first, 0.5 * surely_full), expected)
    if plan.patience is not None:
        least *= min(1.0, plan.patience / trials)
    return Amount(0 if plan.stop_at is not None else least, expected, most)


def _propose(  # noqa: PLR0917 - what proposals are made of
    plan: Plan,
    rehearsal: Rehearsal,
    lm: LanguageModel,
    student: Module,
    trainset: Sequence[Example],
    source: str,
) -> PhaseEstimate:
    reading = _Reading(lm)
    if plan.data_aware_proposer:
        _read_rows(reading, in_waves(row_batches(trainset, plan.view_data_batch_size)))
    code = source if plan.program_aware_proposer else ""
    predictors = student.named_predictors()
    if plan.program_aware_proposer:
        (row,) = row_batches(trainset[:1], 1)
        reading.ask(DescribeProgram, program_code=source, example=row)
        for name, predictor in predictors:
            what = f"{name}: {predictor.signature.declaration}"
            reading.ask(
                DescribePredictor,
                more=_WRITTEN,
                program_code=source,
                program_description="",
                predictor=what,
            )
    demo = _per_row(rehearsal, lambda call: call.demo_tokens if call.predictor else 0)
    shown = DEMOS_FOR_THE_PROPOSER if plan.fewshot_aware_proposer else 0
    more = Amount(0, shown, 1.5 * shown) * demo
    more += _WRITTEN if plan.data_aware_proposer else NOTHING
    more += _WRITTEN * exactly(2) if plan.program_aware_proposer else NOTHING
    more += _TIP_TOKENS if plan.tip_aware_proposer else NOTHING
    under = _UNDER_CONSTRAINTS if constraints_of(plan) else ALL
    for _, predictor in predictors:
        inputs = {"program_code": code, "present_instruction": predictor.signature.instructions}
        times = exactly(plan.num_candidates) * _PROPOSAL_ROUNDS * under
        reading.ask(proposal_signature(inputs), times=times, more=more, **inputs)
    return _priced("propose", reading.calls, reading.input_tokens, reading.output_tokens, lm)


@dataclass
class _Reading:
    """Adds up what prompts to the prompt model cost."""

    lm: LanguageModel
    calls: Amount = NOTHING
    input_tokens: Amount = NOTHING
    output_tokens: Amount = NOTHING

    def ask(
        self,
        signature: SignatureMeta,
        *,
        times: Amount = ALL,
        more: Amount = NOTHING,
        **inputs: str,
    ) -> None:
        """Add a prompt of `inputs`, which will be longer by `more` tokens."""
        asked = times * _WRITTEN_ANEW
        messages = Predict(signature).messages(inputs, self.lm)
        prompt = exactly(count_message_tokens(messages)) + more
        self.calls += asked
        self.input_tokens += asked * prompt * _COUNTING
        self.output_tokens += asked * _WRITTEN


def _read_rows(reading: _Reading, waves: Sequence[Sequence[str]]) -> None:
    read = 0
    for number, wave in enumerate(waves):
        # Once two batches added nothing new, no further wave is read; maybe nothing was found.
        times = Amount(1.0 if number < 2 else 0.0, 1.0, 1.0)  # noqa: PLR2004
        prior = Amount(0, _WRITTEN.expected * read / 2, _WRITTEN.high * read)
        for batch in wave:
            if number == 0:
                reading.ask(ObserveRows, rows=batch)
            else:
                reading.ask(
                    ObserveMoreRows, times=times, more=prior, rows=batch, prior_observations=""
                )
        read += len(wave)
    observed = Amount(0, _WRITTEN.expected, _WRITTEN.high * read)
    reading.ask(SummarizeObservations, times=Amount(0, 1, 1), more=observed, observations="")


def _per_row(rehearsal: Rehearsal, measure: Callable[[RehearsedCall], float]) -> Amount:
    """Return smallest, mean and largest sum of a measure over a row's calls."""
    sums = [sum(measure(call) for call in calls) for calls in rehearsal.calls]
    return Amount(min(sums), sum(sums) / len(sums), max(sums))


def _demo_tokens(rehearsal: Rehearsal, *, labelled: bool) -> Amount:
    return _per_row(
        rehearsal,
        lambda call: call.demo_tokens if call.predictor and call.labelled is labelled else 0,
    )


def _priced(
    phase: Phase,
    calls: Amount,
    input_tokens: Amount,
    output_tokens: Amount,
    lm: LanguageModel,
    *,
    batched: float = 0.0,
) -> PhaseEstimate:
    """Return the cost of a phase; a part of its calls is `batched` if the LM sends batches."""
    price = _price(lm)
    usd = None
    if price is not None:
        usd = Amount(
            price.usd(input_tokens.low, output_tokens.low),
            price.usd(input_tokens.expected, output_tokens.expected),
            price.usd(input_tokens.high, output_tokens.high),
        )
        if sends_batches(lm):
            usd *= exactly(1 - batched + batched * BATCH_PRICE)
    return PhaseEstimate(phase, calls, input_tokens, output_tokens, usd)


def _price(lm: LanguageModel) -> Price | None:
    return as_counted(lm).price


def _max_tokens(lm: LanguageModel) -> int | None:
    return as_counted(lm).max_tokens
