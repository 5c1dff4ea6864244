"""Repair: better instructions, written by what others got wrong on training rows.

In a round, some configurations of the search, its parents, are run on a few training rows. The
prompt model is shown an instruction of a parent with rows that it failed, and writes one that would
have got them right. Validation rows are never shown: they choose, and what has been taught cannot
choose. So rows that are in both sets are left out.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mipro_nb.errors import LMError, LMUnavailableError, PromptTooLongError, shown
from mipro_nb.evaluate.scoring import HOPELESS, ExampleResult, score_example
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.execution.attempt import attempting
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.execution.tracing import Step, tracing
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field
from mipro_nb.language.signatures.signature import SignatureMeta, make_signature
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.models.gate.recording.draws import Execution, execution
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.proposing.grounding import ask
from mipro_nb.optimizer.phases.proposing.propose import SOURCES, check_usable, objection
from mipro_nb.optimizer.phases.proposing.repair_rounds import PARENTS
from mipro_nb.optimizer.phases.proposing.written import UnusableTextError, problems_told
from mipro_nb.optimizer.planning.data.rows import evidence_rows
from mipro_nb.optimizer.planning.settings.constraints import Constraints
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.redaction import secrets
from mipro_nb.runs.configuration import Configuration, configuration_key, variable_of
from mipro_nb.runs.events import CandidateProposed, PhaseStarted, ProposalDropped
from mipro_nb.runs.sentences.wording import counted

# Repairs of a round, by all of its parents, for a program of any number of predictors.
REPAIRS = 4
# Rows that each parent of a round is run on, and how many failed ones one repair is shown.
ROWS = 8
SHOWN = 4
# One that breaks a constraint is written again.
_ATTEMPTS = 2
# The search waits for a round, sooner or later.
_PRIORITY = -1
_REPAIRING = CallLabels("repair")
_LONGEST_VALUE = 1500
_NO_FEEDBACK = (
    "The metric {metric} gave no feedback on {predictor}, so repairs go by what it says of the "
    "whole"
)

_REPAIR = """Repair the instruction of a language model by what it got wrong.

It is put before every input. You see it, and inputs that it was not enough for: what the model
answered, what was expected, and what is said of the answer. Find out which rule would have led to
the expected answers, and write the whole instruction with that rule in it. State rules that hold
for inputs of this kind; do not quote these inputs. Keep what is right. Write the instruction itself
and nothing else, in plain text."""


def repair_signature(demanded: Iterable[str] = ()) -> SignatureMeta:
    """Return the signature of a repair, of which is `demanded` what these sources say."""
    fields = {
        "present_instruction": Field(
            "present_instruction", "input", str, "the instruction to repair"
        ),
        "failures": Field("failures", "input", str, "inputs that it was not enough for"),
        **{name: Field(name, "input", str, SOURCES[name]) for name in demanded},
        "instruction": Field("instruction", "output", str, "the repaired instruction"),
    }
    return make_signature("RepairInstruction", fields, _REPAIR)


@dataclass(frozen=True)
class Draft:
    """An instruction that was written, and what by.

    Attributes
    ----------
    parent
        The configuration that it comes of.
    evidence
        The rows of the trainset that the prompt model saw.
    broken
        Why it cannot be a candidate: constraints that it breaks.
    unusable
        Why there is no text; None if there is one.
    """

    predictor: str
    parent: Configuration
    text: str
    evidence: Sequence[int]
    broken: Sequence[str] = ()
    unusable: UnusableTextError | None = None

    def check(self, known: Sequence[str]) -> None:
        """Return if it may be a candidate beside those that are `known`.

        Raises
        ------
        UnusableTextError
            If it may not be one.
        """
        if self.unusable is not None:
            raise self.unusable
        if self.broken:
            problem = "a constraint is broken"
            raise UnusableTextError(problem)
        check_usable(self.text, known)


@dataclass(frozen=True)
class _Failure:
    """A training row that a parent failed, with the calls that it took."""

    result: ExampleResult
    steps: Sequence[Step]


class Repair:
    """Has instructions repaired; used on the core loop only.

    Parameters
    ----------
    spec, journal, slots
        Those of the run.
    candidates
        The search space that repaired instructions join.
    constraints
        What they have to comply with.
    """

    def __init__(
        self,
        spec: RunSpec,
        journal: Journal,
        slots: Slots,
        candidates: Candidates,
        constraints: Constraints,
    ) -> None:
        self._constraints = constraints
        self._spec, self._journal, self._slots = spec, journal, slots
        self._candidates = candidates
        self._without_feedback: set[str] = set()
        self._pool = evidence_rows(spec.rows)
        random.Random(f"{spec.plan.seed}:evidence").shuffle(self._pool)

    async def drafts(self, number: int, parents: Sequence[Configuration]) -> list[Draft]:
        """Return what is written in a round, in a fixed order; nothing of it is a candidate yet.

        Parameters
        ----------
        number
            Of the round, from 1 on.
        parents
            Configurations to repair.
        """
        self._journal.emit(PhaseStarted(phase="repair"))
        rows = self._rows(number)
        lists = await together(
            *(self._of_parent(number, place, parents, rows) for place in range(len(parents)))
        )
        return [draft for drafts in lists for draft in drafts]

    def join(self, number: int, drafts: Sequence[Draft]) -> list[Configuration]:
        """Have what is usable among `drafts` join the search; return a configuration with each."""
        events = []
        problems = []
        dropped = [_dropped(number, draft) for draft in drafts if draft.broken]
        for draft in drafts:
            known = self._candidates.instructions[draft.predictor]
            try:
                draft.check(known)
            except UnusableTextError as error:
                problems.append(error)
                continue
            events.append(_event(number, draft, index=len(known)))
            known.append(draft.text)
        self._journal.write(lambda: self._emit([*dropped, *events]))
        if told := _told(number, len(drafts), problems):
            self._journal.note("proposals", told)
        return [configuration_of(event) for event in events]

    def _emit(self, events: Sequence[CandidateProposed | ProposalDropped]) -> None:
        for event in events:
            self._journal.emit(event)

    def _rows(self, number: int) -> list[int]:
        """Return the rows of a round: not those of rounds before, as long as there are others."""
        count = min(ROWS, len(self._pool))
        first = (number - 1) * count
        return [self._pool[(first + place) % len(self._pool)] for place in range(count)]

    async def _of_parent(
        self, number: int, place: int, parents: Sequence[Configuration], rows: Sequence[int]
    ) -> Sequence[Draft]:
        parent = parents[place]
        program = self._candidates.apply(self._spec.student, parent)
        names = {id(each): name for name, each in program.named_predictors()}
        ran = await together(*(self._run(parent, program, index) for index in rows))
        failures = [failure for failure in ran if _is_evidence(failure.result)]
        failures.sort(key=lambda failure: failure.result.score)  # stable
        if not failures:
            return []
        writers = list(range(place, REPAIRS, len(parents)))
        return await together(
            *(self._draft(number, parent, writer, failures, names) for writer in writers)
        )

    async def _run(self, parent: Configuration, program: Module, index: int) -> _Failure:
        example = self._spec.rows.train[index]
        call_labels.set(CallLabels("repair", example=index))
        execution.set(Execution("repair", configuration_key(parent), index))
        bind(program.named_predictors())
        async with self._slots.hold(_PRIORITY):
            with tracing() as steps:
                result = await score_example(
                    program,
                    index,
                    example,
                    self._spec.metric,
                    example_timeout=self._spec.plan.example_timeout,
                    taught=True,
                )
        return _Failure(result, list(steps))

    async def _draft(
        self,
        number: int,
        parent: Configuration,
        writer: int,
        failures: Sequence[_Failure],
        names: Mapping[int, str],
    ) -> Draft:
        """Return what one repair comes to: each looks at other rows, and at another predictor."""
        call_labels.set(_REPAIRING)
        execution.set(Execution("repair", number, writer))
        name = in_turn(list(self._candidates.instructions), (number - 1) * REPAIRS + writer)
        first = writer // PARENTS * SHOWN % len(failures)
        looked_at = [*failures[first:], *failures[:first]][:SHOWN]
        texts = {f.result.index: await self._text(name, f, names) for f in looked_at}
        own = self._candidates.instructions[name][parent[variable_of(name, "instruction")]]
        drawn = f"{self._spec.plan.seed}:repair:{number}:{writer}"
        text = ""
        broken: tuple[str, ...] = ()
        for attempt in range(_ATTEMPTS):
            again = f":{attempt}" if attempt else ""
            demanded = {
                "requirements": self._constraints.requirements(own),
                "objection": objection(text, broken) if broken else "",
            }
            try:
                text = await self._written(name, own, texts, f"{drawn}{again}", demanded)
            except UnusableTextError as error:
                return Draft(name, parent, "", list(texts), unusable=error)
            broken = self._constraints.broken(name, text, own)
            if not broken:
                break
        return Draft(name, parent, text, list(texts), broken)

    async def _written(
        self,
        name: str,
        own: str,
        texts: dict[int, str],
        drawn: str,
        demanded: Mapping[str, str],
    ) -> str:
        """Return what the prompt model writes; rows that do not fit are taken out of `texts`."""
        temperature = self._spec.plan.init_temperature
        demanded = {source: text for source, text in demanded.items() if text}
        while True:
            try:
                return await ask(
                    self._spec,
                    repair_signature(demanded),
                    "instruction",
                    temperature=temperature,
                    rollout=1 + zlib.crc32(drawn.encode()) if temperature > 0 else 0,
                    labels=_REPAIRING,
                    present_instruction=own,
                    failures="\n\n".join(texts.values()),
                    **demanded,
                )
            except PromptTooLongError:
                if len(texts) == 1:
                    problem = "not even one row fits the prompt model's context"
                    raise UnusableTextError(problem) from None
                texts.popitem()
                self._journal.note(
                    "context",
                    f"Repairs of {name} are shown fewer rows, as many as the prompt model's "
                    "context has room for.",
                )
            except LMUnavailableError:
                raise
            except LMError as error:
                problem = f"the call failed: {shown(str(error), 160).rstrip('.')}"
                raise UnusableTextError(problem) from error

    async def _text(self, name: str, failure: _Failure, names: Mapping[int, str]) -> str:
        """Return a failed row in words, as one predictor of the program met it."""
        result = failure.result
        own = [step for step in failure.steps if names.get(id(step.predictor)) == name]
        parts = [("inputs", _fields(result.example.inputs().to_dict()))]
        for step in own:
            if dict(step.inputs) != result.example.inputs().to_dict():
                parts.append(("what the model was given", _fields(step.inputs)))
            parts.append(("what it answered", _fields(step.prediction.to_dict())))
        answer = result.prediction
        if isinstance(answer, Example) and [answer.to_dict()] != [
            step.prediction.to_dict() for step in own
        ]:
            parts.append(("what the program answered", _fields(answer.to_dict())))
        if result.error is not None:
            parts.append(("what went wrong", _cut(str(result.error))))
        parts.append(("expected", _fields(result.example.labels().to_dict())))
        if feedback := await self._feedback(name, failure, own):
            parts.append(("what is said of it", _cut(feedback)))
        # Errors of the user's code, and what it answers with, may quote anything.
        return secrets.clean("\n".join(f"{what}:\n{text}" for what, text in parts if text))

    async def _feedback(self, name: str, failure: _Failure, own: Sequence[Step]) -> str | None:
        """Return the metric's words: on this predictor, where it has any, else on the whole."""
        result = failure.result
        if result.error is not None:
            return result.feedback
        try:
            with attempting(self._spec.plan.example_timeout):
                score = await self._spec.metric.of_predictor(
                    result.example, result.prediction, failure.steps, name, own
                )
        except HOPELESS:
            raise
        except Exception as error:  # noqa: BLE001 - the user's metric may raise anything
            self._tell_of_no_feedback(name, error)
            return result.feedback
        return result.feedback if score is None or score.feedback is None else score.feedback

    def _tell_of_no_feedback(self, name: str, error: Exception) -> None:
        """Tell it once for each predictor, whatever the row, unless the plan has told it."""
        begin = _NO_FEEDBACK.format(metric=self._spec.metric.name, predictor=name)
        planned = any(note.startswith(begin) for note in self._spec.plan.notes)
        if not planned and name not in self._without_feedback:
            self._without_feedback.add(name)
            self._journal.note("proposals", no_feedback(self._spec.metric.name, name, error))


def no_feedback(metric: str, predictor: str, error: Exception) -> str:
    """Return a note on a metric that fails where it is asked about one predictor."""
    begin = _NO_FEEDBACK.format(metric=metric, predictor=predictor)
    return f"{begin}: {shown(str(error), 200)}"


def in_turn(predictors: Sequence[str], repair: int) -> str:
    """Return the predictor of a repair by its number: all have one before any has another.

    From one time around to the next they begin with another one, so that they come to others of a
    round's parents.
    """
    around, place = divmod(repair, len(predictors))
    return predictors[(place + around) % len(predictors)]


def _event(number: int, draft: Draft, index: int) -> CandidateProposed:
    return CandidateProposed(
        predictor=draft.predictor,
        index=index,
        instruction=draft.text,
        source="repaired",
        based_on=draft.parent[variable_of(draft.predictor, "instruction")],
        repair_round=number,
        parent=draft.parent,
        evidence=list(draft.evidence),
    )


def _dropped(number: int, draft: Draft) -> ProposalDropped:
    return ProposalDropped(
        predictor=draft.predictor,
        instruction=draft.text,
        source="repaired",
        reasons=list(draft.broken),
        repair_round=number,
    )


def configuration_of(repaired: CandidateProposed) -> Configuration:
    """Return the configuration that a repaired instruction is first tried in: its parent's."""
    return {**repaired.parent, variable_of(repaired.predictor, "instruction"): repaired.index}


def _told(number: int, drafts: int, problems: Sequence[UnusableTextError]) -> str:
    if not drafts:
        return (
            f"Round {number} of repairs found nothing to repair: no training row that it looked at "
            "was answered wrongly."
        )
    if not problems:
        return ""
    return (
        f"Of {counted(drafts, 'repair')} in round {number}, {drafts - len(problems):,} became "
        f"instruction candidates. The others could not be used. {problems_told(problems)}."
    )


def _is_evidence(result: ExampleResult) -> bool:
    """Tell whether a better instruction may help: not where the program itself fails."""
    return result.score < 1 and not result.counts_as_error


def _fields(values: Mapping[str, object]) -> str:
    return "\n".join(f"  {name}: {_cut(str(value))}" for name, value in values.items())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
