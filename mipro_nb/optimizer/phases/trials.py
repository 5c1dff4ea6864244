"""Search: trials over the joint space of instructions and demo sets, and full evaluations.

Trial k is asked once trials 1 … k-p have been told, in order, with p the plan's
``trials_in_flight``; every choice rests on told trials only. So the same seed and the same LM
answers give the same trials at any speed of the network.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.optimizer.control.approval import Approval
from mipro_nb.optimizer.control.concurrency import Background
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.allowed import allowed_choices, check_asked
from mipro_nb.optimizer.phases.proposing.repair import Draft, Repair, configuration_of
from mipro_nb.optimizer.phases.proposing.repair_rounds import parents_of, rounds_of
from mipro_nb.optimizer.phases.scoring.evaluations import Evaluated, Evaluations
from mipro_nb.optimizer.phases.stopping import Stopping
from mipro_nb.optimizer.planning.reserve import is_short
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.choices import are_open
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.optimizer.search.minibatches import minibatch
from mipro_nb.optimizer.search.prospects import Prospects
from mipro_nb.optimizer.search.samplers import make_sampler
from mipro_nb.optimizer.search.strategy import SearchStrategy
from mipro_nb.runs.configuration import Configuration, configuration_key
from mipro_nb.runs.events import CandidateProposed, EvaluationKind, PhaseStarted
from mipro_nb.runs.state import Choice, RunState, TrialState
from mipro_nb.runs.statistics.belief import comparable
from mipro_nb.runs.usage import Usage

if TYPE_CHECKING:
    from mipro_nb.optimizer.phases.scoring.leader import Known

Tasks = deque[asyncio.Task[Evaluated]]


class Search:
    """Trials over the joint space of one instruction and one demo set per predictor."""

    def __init__(
        self,
        spec: RunSpec,
        journal: Journal,
        candidates: Candidates,
        evaluations: Evaluations,
        progress: RecordedProgress,
        *,
        dearest_call: Callable[[], Usage],
        approval: Approval,
        repair: Repair,
    ) -> None:
        self._approval, self._repair = approval, repair
        self._rounds = rounds_of(spec.plan)
        self._repairing: asyncio.Task[list[Draft]] | None = None
        # Configurations with repaired instructions, each to be tried once before any other.
        self._to_try: deque[Configuration] = deque()
        self._scores: dict[str, dict[int, float]] = {}
        # Repaired before the run was resumed: they join when they joined then.
        self._recorded = progress.repaired()
        self._awaited = {
            _choice_of(each) for repaired in self._recorded.values() for each in repaired
        }
        self._dearest_call = dearest_call
        self._progress = progress
        self._plan, self._student, self._journal = spec.plan, spec.student, journal
        self._candidates, self._evaluations = candidates, evaluations
        self._strategy: SearchStrategy = spec.plan.search
        self._sampler = make_sampler(
            self._strategy.sampler_name, spec.plan.seed, paired=self._strategy.paired
        )
        self._student_scores: list[float] = []
        self._tried: dict[str, Configuration] = {}
        self._full: set[str] = set()
        self._untold: set[str] = set()
        self._told_configurations: dict[str, Configuration] = {}
        self._asked = self._told = self._confirmed = 0
        self._stopping = Stopping(spec.plan)
        self._next_number = self._first_trial = 1
        self._ahead: Tasks | None = None

    def begin(self, background: Background) -> None:
        """Begin what rests on no score: plain labelled demos, on a sample of the valset.

        It goes on in the `background`. If that is not done before, `run` begins with it.
        """
        self._journal.emit(PhaseStarted(phase="search"))
        self._ahead = deque(background.begin(each) for each in self._labelled())

    async def run(self, baseline: Evaluated, background: Background) -> None:
        """Make all trials and full evaluations of the plan."""
        if self._ahead is None:
            self.begin(background)
        self._take_baseline(baseline)
        in_flight: Tasks = self._ahead or deque()
        full: Tasks = deque()
        try:
            await self._approved(in_flight, full)
            for _ in range(self._plan.num_trials):
                if len(in_flight) == self._plan.trials_in_flight:
                    await self._tell_oldest(in_flight, full)
                if self._ends_early():
                    break
                await self._repaired(in_flight, full)
                await self._use_reserve(in_flight, full)
                in_flight.append(self._ask())
            while in_flight:
                await self._tell_oldest(in_flight, full)
            await self._tell_all(full)
            if self._plan.minibatch and not self._stopping.has_reached_target:
                self._evaluate_fully(self._finalists(self._strategy.finalists), full)
                await self._tell_all(full)
            await self._recall_reserved()
        finally:
            repairing = [] if self._repairing is None else [self._repairing]
            tasks = [*in_flight, *full, *repairing]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take_baseline(self, baseline: Evaluated) -> None:
        self._student_scores = [result.score for result in baseline.results]
        zeros = dict.fromkeys(self._candidates.variables(), 0)
        # Not so if the student has demos of its own, which no demo set holds.
        if self._evaluations.is_student(self._candidates.apply(self._student, zeros)):
            self._tell(zeros, baseline.scores)
            self._full.add(configuration_key(zeros))
            self._stopping.take_first_leader(configuration_key(zeros))

    def _labelled(self) -> list[Coroutine[Any, Any, Evaluated]]:
        """Return the work of scoring the student with plain labelled demos on a sample of the rows.

        What is found is compared with it, and it competes with the trials for full evaluations. It
        is left out where the caps leave too little for it and for a trial with its full evaluation,
        and where a person has banned it by then.
        """
        plan, number = self._plan, self._next_number
        configuration = self._candidates.labelled() if plan.labelled_rows else None
        begun = self._progress.trials.get(number)
        if configuration is None or (
            begun is not None and not self._is_labelled(begun, configuration)
        ):
            return []  # a run of an older version has a trial of its own at this number
        self._first_trial = number + 1
        rows, every = plan.labelled_rows, range(plan.valset_size)
        is_open = are_open(configuration, self._choices())
        if begun is None and (not is_open or self._is_short(rows + plan.valset_size)):
            self._next_number = self._first_trial
            return []
        # Its score has to be told to the sampler before that may choose it.
        self._untold.add(configuration_key(configuration))
        sample = random.Random(f"{plan.seed}:labelled").sample(every, rows)
        if rows == len(every) or (begun is not None and begun.kind == "full"):
            self._full.add(configuration_key(configuration))
            return [self._evaluation("full", configuration, every)]
        return [self._evaluation("minibatch", configuration, sample)]

    def _is_labelled(self, begun: TrialState, configuration: Configuration) -> bool:
        """Tell whether the first evaluation of a run is that of plain labelled demos."""
        sizes = (self._plan.labelled_rows, self._plan.valset_size)
        return begun.configuration == configuration and len(begun.examples) in sizes

    def _ask(self) -> asyncio.Task[Evaluated]:
        """Begin the next trial."""
        choices = self._choices()
        while self._to_try and not are_open(self._to_try[0], choices):
            self._to_try.popleft()
        configuration = self._to_try.popleft() if self._to_try else self._sampler.ask(choices)
        if configuration_key(configuration) in self._untold - self._told_configurations.keys():
            # It is being scored, of which the sampler has not been told: by now it counts as tried.
            configuration = self._sampler.ask(choices)
        check_asked(self._strategy.sampler_name, configuration, choices)
        # What was asked before the run was resumed stays, whatever was banned or added since.
        configuration = self._progress.asked(self._next_number) or configuration
        examples = self._examples()
        self._asked += 1
        prospects = None
        if self._plan.minibatch and self._strategy.stop_losers:
            prospects = self._sampler.prospects(configuration, examples)
        kind: EvaluationKind = "minibatch" if self._plan.minibatch else "full"
        return asyncio.create_task(self._evaluation(kind, configuration, examples, prospects))

    def _examples(self) -> Sequence[int]:
        """Return the examples of the next trial."""
        plan = self._plan
        every = range(plan.valset_size)
        if not plan.minibatch:
            return every
        rng = random.Random(f"{plan.seed}:minibatch:{self._asked}")
        if self._strategy.stratified:
            return minibatch(plan.minibatch_size, self._student_scores, rng)
        return rng.sample(every, plan.minibatch_size)

    def _evaluation(
        self,
        kind: EvaluationKind,
        configuration: Configuration,
        examples: Sequence[int],
        prospects: Prospects | None = None,
    ) -> Coroutine[Any, Any, Evaluated]:
        """Return the work of the next evaluation, which has the next number."""
        number = self._next_number
        self._next_number += 1
        program = self._candidates.apply(self._student, configuration)
        return self._evaluations.evaluate(
            number, kind, configuration, program, examples, prospects=prospects
        )

    async def _tell_oldest(self, in_flight: Tasks, full: Tasks) -> None:
        """Tell the oldest trial; every so many, begin a full evaluation beside the trials."""
        evaluated = await in_flight[0]
        in_flight.popleft()
        if self._plan.stop_at is not None:
            await self._tell_all(full)  # one of them may have reached it
        self._take(evaluated)
        self._tried[configuration_key(evaluated.configuration)] = evaluated.configuration
        if evaluated.trial < self._first_trial:
            self._stopping.take_first_leader(self._leading())
            is_last = is_due = False
        else:
            self._told += 1
            self._stopping.take_trial(self._leading)
            is_last = self._told == self._plan.num_trials
            is_due = self._told % self._plan.minibatch_full_eval_steps == 0
        if self._plan.minibatch and is_due and not is_last:
            await self._tell_all(full)
            self._evaluate_fully(self._finalists(1), full)
        elif self._confirmed < self._plan.confirmations and not is_last:
            confirmed = self._seem_to_reach_target()
            self._confirmed += len(confirmed)
            self._evaluate_fully(confirmed, full)

    def _evaluate_fully(self, configurations: Sequence[Configuration], full: Tasks) -> None:
        for best in configurations:
            self._full.add(configuration_key(best))
            work = self._evaluation("full", best, range(self._plan.valset_size))
            full.append(asyncio.create_task(work))

    def _seem_to_reach_target(self) -> list[Configuration]:
        """Return the best configuration not fully evaluated yet, if it may reach ``stop_at``.

        Or what was evaluated at this point before the run was resumed.
        """
        begun = self._progress.kind(self._next_number)
        if begun is not None:
            return self._finalists(1) if begun == "full" else []
        return [
            configuration
            for configuration in self._best(1)
            if self._stopping.meets_target(100 * self._sampler.belief(configuration).mean)
        ]

    def _leading(self) -> str:
        """Return the key of the best configuration by what was told, the first of equals."""
        return max(self._told_configurations, key=lambda key: comparable(self._mean(key)))

    def _mean(self, key: str) -> float:
        """Return a mean score where the whole valset was scored, else what is believed of it."""
        scores = self._scores[key]
        if len(scores) == self._plan.valset_size:
            return sum(scores.values()) / len(scores)
        return self._sampler.belief(self._told_configurations[key]).mean

    def _ends_early(self) -> bool:
        """Tell, and write down, whether the search ends before all trials are asked.

        Not while instructions are repaired, or wait to be tried: they are paid for.
        """
        repairing = any(begin <= self._asked < join for begin, join in self._rounds)
        stopped = None if repairing or self._to_try else self._stopping.due
        if stopped is not None:
            self._journal.emit(stopped)
        return stopped is not None

    async def _tell_all(self, full: Tasks) -> None:
        """Tell the sampler what full evaluations gave, at a point fixed by the plan."""
        while full:
            evaluated = await full[0]
            full.popleft()
            self._take(evaluated)

    def _take(self, evaluated: Evaluated) -> None:
        self._evaluations.note_failures(evaluated)
        self._tell(evaluated.configuration, evaluated.scores)
        if evaluated.kind == "full":
            self._stopping.take_full(evaluated)

    def _tell(self, configuration: Configuration, scores: Mapping[int, float]) -> None:
        self._sampler.tell(configuration, scores)
        key = configuration_key(configuration)
        self._told_configurations[key] = configuration
        self._scores.setdefault(key, {}).update(scores)

    def _choices(self) -> dict[str, list[int]]:
        return allowed_choices(self._candidates, self._journal.state, self._awaited)

    async def _repaired(self, in_flight: Tasks, full: Tasks) -> None:
        """Begin a round of repairs, or have the one that is under way join, where it is due.

        A round begins when so many trials are asked, and all of them told; it joins when so many
        more are. So it rests on the same scores however fast calls come back.
        """
        for number, (begin, join) in enumerate(self._rounds, start=1):
            if begin == self._asked:
                while in_flight:
                    await self._tell_oldest(in_flight, full)
                await self._tell_all(full)
                if number not in self._recorded:
                    await self._use_reserve(in_flight, full, repairs=True)
                    work = self._repair.drafts(number, self._parents(number))
                    self._repairing = asyncio.create_task(work)
            if join == self._asked:
                await self._join(number)
                await self._approved(in_flight, full)

    async def _approved(self, in_flight: Tasks, full: Tasks) -> None:
        """Wait until somebody has decided about new instructions; nothing is in flight then."""
        if self._plan.approve is not None:
            await asyncio.gather(*in_flight, *full)
            await self._approval.given()

    async def _join(self, number: int) -> None:
        if number in self._recorded:
            joined = self._recorded[number]
            self._awaited -= {_choice_of(each) for each in joined}
            self._to_try.extend(configuration_of(each) for each in joined)
        elif self._repairing is not None:
            drafts = await self._repairing
            self._repairing = None
            self._to_try.extend(self._repair.join(number, drafts))

    def _parents(self, number: int) -> list[Configuration]:
        """Return the configurations to repair."""
        choices = self._choices()
        usable = {
            key: scores
            for key, scores in self._scores.items()
            if are_open(self._told_configurations[key], choices)
        }
        drawn = parents_of(usable, random.Random(f"{self._plan.seed}:parents:{number}"))
        found = [self._told_configurations[key] for key in drawn]
        return found or [{name: each[0] for name, each in choices.items()}]

    async def _use_reserve(self, in_flight: Tasks, full: Tasks, *, repairs: bool = False) -> None:
        """Evaluate the leader fully while the caps leave enough for that, but for no trial besides.

        Nor for a round of repairs, if it `repairs` next.

        If none is better than what is fully evaluated, the trials go on as far as the caps allow.
        """
        plan = self._plan
        if not plan.minibatch or plan.caps == Caps():
            return
        await asyncio.sleep(0)  # the trial that was begun last is written down first
        # A minibatch for the trial, and all but a minibatch for its full evaluation.
        if not self._is_short(plan.valset_size, repairs=repairs):
            return
        # The sampler is told nothing, and the number is beyond those of the plan: if the run is
        # resumed under higher caps, its trials are those that they would have been.
        await asyncio.gather(*in_flight, *full)
        leader = self._journal.read(self._leader)
        if leader is None or leader.whole or self._is_short(plan.valset_size - len(leader.scores)):
            return
        number = self._beyond_the_plan
        while number in self._journal.state.trials:
            number += 1
        await self._evaluate_beyond(number, leader.configuration)

    def _is_short(self, examples: int, *, repairs: bool = False) -> bool:
        plan, dearest = self._plan, self._dearest_call()
        repairs = repairs or self._repairing is not None
        return self._journal.read(
            lambda state: is_short(state, plan, examples, dearest, repairs=repairs)
        )

    def _leader(self, state: RunState) -> Known | None:
        from mipro_nb.optimizer.phases.scoring.leader import (  # noqa: PLC0415 - numpy takes long
            known_configurations,
            leader_of,
        )

        return leader_of(known_configurations(state, self._plan.valset_size))

    @property
    def _beyond_the_plan(self) -> int:
        return self._first_trial + self._plan.num_trials + self._plan.completing_evaluations

    async def _evaluate_beyond(self, number: int, configuration: Configuration) -> None:
        program = self._candidates.apply(self._student, configuration)
        every = range(self._plan.valset_size)
        await self._evaluations.evaluate(number, "full", configuration, program, every)

    async def _recall_reserved(self) -> None:
        """Take the leaders into account that were fully evaluated before a cap was raised."""
        number = self._beyond_the_plan
        while configuration := self._progress.asked(number):
            await self._evaluate_beyond(number, configuration)
            number += 1

    def _finalists(self, most: int) -> list[Configuration]:
        """Return what is fully evaluated next: what was, before the run was resumed, or else.

        If any evaluation was begun after those, there were no more.
        """
        begun: list[Configuration] = []
        number = self._next_number
        while self._progress.kind(number) == "full" and len(begun) < most:
            begun.append(self._progress.asked(number) or {})
            number += 1
        if self._progress.kind(number) is not None:
            return begun
        best = self._best(most)
        return best if best[: len(begun)] == begun else begun

    def _best(self, most: int) -> list[Configuration]:
        """Return the best-averaging configurations that are not fully evaluated yet.

        All but the first only if they may well be the best. One that may not be tried any more is
        not worth a full evaluation.
        """
        choices = self._choices()
        open_ = [
            (self._sampler.belief(configuration), configuration)
            for key, configuration in self._tried.items()
            if key not in self._full and are_open(configuration, choices)
        ]
        open_.sort(key=lambda each: -each[0].mean)
        return [
            configuration
            for belief, configuration in open_[:most]
            if belief.at_best >= open_[0][0].mean
        ]


def _choice_of(proposed: CandidateProposed) -> Choice:
    return Choice(proposed.predictor, "instruction", proposed.index)
