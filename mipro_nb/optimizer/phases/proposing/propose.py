"""Proposing: candidate instructions, each from one call to the prompt model."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mipro_nb.errors import (
    LMError,
    LMUnavailableError,
    PromptTooLongError,
    RequestRefusedError,
    shown,
)
from mipro_nb.language.formats import write_fields
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field
from mipro_nb.language.signatures.signature import SignatureMeta, make_signature
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.bootstrapping.bootstrap import DemoSet, bootstrapped_sets
from mipro_nb.optimizer.phases.proposing.grounding import PROPOSING, Grounding, ask
from mipro_nb.optimizer.phases.proposing.written import UnusableTextError, problems_told
from mipro_nb.optimizer.planning.settings.constraints import Constraints, constraints_of
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import LONGEST_INSTRUCTION
from mipro_nb.runs.events import CandidateProposed, ProposalDropped
from mipro_nb.runs.sentences.wording import counted

# The kinds of tips are those of the paper (arXiv:2406.11695, appendix on program-aware proposal).
TIPS: Mapping[str, str] = {
    "none": "",
    "creative": "Be creative: find an angle on the task that others would not think of.",
    "simple": "Keep the instruction short and clear.",
    "description": "Describe the task and what a good answer looks like in detail.",
    "high stakes": "Tell of a situation with high stakes in which the answer must be right.",
    "persona": "Give the language model a persona that fits the task ('You are a …').",
}
# Instructions that headroom is measured by shall be as different as can be.
_OPPOSITE_TIPS = ("description", "simple")
SOURCES: Mapping[str, str] = {
    "dataset_summary": "what the data look like",
    "program_code": "source of the program that the model is a part of",
    "program_description": "what that program does",
    "predictor_role": "what the model has to achieve in it",
    "task_demos": "solved examples of the task",
    "present_instruction": "the instruction to improve on",
    "tip": "how to write it",
    "requirements": "what the instruction has to comply with",
    "objection": "what was wrong with the last attempt",
}
# Without these there is nothing to improve on.
_NEEDED = ("present_instruction", "tip", "requirements", "objection")
_ATTEMPTS = 3
_DEMOS_SHOWN = 3
_REPEATS = "it repeats another instruction"

_PROPOSE = """Write an instruction for a language model that has to solve the task below.

It is put before every input, so it must hold for all of them: say what the model has to do and
how to decide. Write the instruction itself and nothing else, in plain text."""


@dataclass(frozen=True)
class _Draft:
    text: str
    tip: str
    demo_set: int | None
    attempt: int


def proposal_signature(sources: Iterable[str]) -> SignatureMeta:
    """Return the signature of a proposal that is grounded in `sources`."""
    fields = {name: Field(name, "input", str, SOURCES[name]) for name in sources}
    fields["instruction"] = Field("instruction", "output", str, "the new instruction")
    return make_signature("ProposeInstruction", fields, _PROPOSE)


async def propose(
    spec: RunSpec,
    journal: Journal,
    grounding: Grounding,
    demo_sets: Sequence[asyncio.Task[DemoSet]],
    constraints: Constraints,
) -> dict[str, list[str]]:
    """Return for each predictor its candidate instructions; the first is the student's own.

    Each proposal is asked for as soon as there is what it is shown. One that is empty, breaks
    `constraints`, or repeats an earlier one or the form of the question, is proposed again, at most
    twice; if it still does, there is one candidate fewer. Of one that breaks a constraint, the
    prompt model is told which, and it is recorded if it is dropped.

    Raises
    ------
    LMError
        If calls failed and not a single candidate came of the others; not if a server refuses them
        all for what they hold, which is noted.
    """
    proposers = {
        name: _Proposer(spec, journal, grounding, demo_sets, name, predictor.signature, constraints)
        for name, predictor in spec.student.named_predictors()
    }
    lists = await together(*(proposer.drafts() for proposer in proposers.values()))
    texts: dict[str, list[str]] = {}
    for (name, proposer), drafts in zip(proposers.items(), lists, strict=True):
        own = proposer.signature.instructions
        journal.emit(CandidateProposed(predictor=name, index=0, instruction=own, source="student"))
        for index, draft in enumerate(drafts, start=1):
            journal.emit(
                CandidateProposed(
                    predictor=name,
                    index=index,
                    instruction=draft.text,
                    source="proposed",
                    tip=draft.tip,
                    demo_set=draft.demo_set,
                )
            )
        for _, dropped in sorted(proposer.dropped.items()):
            journal.emit(dropped)
        texts[name] = [own, *(draft.text for draft in drafts)]
    return texts


@dataclass(frozen=True)
class _Proposer:
    """Proposes instructions for one predictor."""

    spec: RunSpec
    journal: Journal
    grounding: Grounding
    demo_sets: Sequence[asyncio.Task[DemoSet]]
    name: str
    signature: SignatureMeta
    constraints: Constraints
    dropped: dict[int, ProposalDropped] = field(default_factory=dict)
    unusable: dict[int, UnusableTextError] = field(default_factory=dict)

    async def drafts(self) -> list[_Draft]:
        """Return the drafts in the order of their numbers, all different."""
        drafts: dict[int, _Draft] = {}
        failures: list[LMError] = []
        attempts = dict.fromkeys(range(1, self.spec.plan.num_candidates + 1), 0)
        while attempts:
            written = await together(*(self._usable(*each, failures) for each in attempts.items()))
            taken = {_plain(draft.text) for draft in drafts.values()}
            repeated: dict[int, int] = {}
            for number, draft in zip(attempts, written, strict=True):
                if draft is None:
                    continue
                if _plain(draft.text) in taken:
                    self.unusable[number] = UnusableTextError(_REPEATS, draft.text)
                    repeated[number] = draft.attempt + 1
                else:
                    taken.add(_plain(draft.text))
                    drafts[number] = draft
                    self.dropped.pop(number, None)
                    self.unusable.pop(number, None)
            attempts = repeated
        if failures and not drafts:
            self._go_without(failures)
        elif len(drafts) < self.spec.plan.num_candidates:
            self._tell_of_fewer(len(drafts))
        return [draft for _, draft in sorted(drafts.items())]

    def _tell_of_fewer(self, usable: int) -> None:
        wanted = self.spec.plan.num_candidates
        # What broke a constraint has a note of its own.
        problems = [each for n, each in sorted(self.unusable.items()) if n not in self.dropped]
        told = [problems_told(problems)] if problems else []
        told += [f"{len(self.dropped):,} of them: a constraint is broken"] if self.dropped else []
        text = (
            f"Of {counted(wanted, 'proposal')} for {self.name}, {usable:,} became instruction "
            f"candidates. After {_ATTEMPTS} tries, the others could still not be used. "
            f"{'; '.join(told)}. "
        )
        self.journal.note("proposals", f"{text}{self._remedy(wanted - usable)}")

    def _remedy(self, missing: int) -> str:
        """Return what helps so that fewer proposals are `missing`."""
        remedies = []
        constraints = constraints_of(self.spec.plan)
        if self.dropped and constraints:
            remedies.append(f"looser constraints ({', '.join(constraints)})")
        if missing > len(self.dropped) or not remedies:
            remedies += ["another prompt_model", "a higher init_temperature"]
        text = " or ".join(filter(None, [", ".join(remedies[:-1]), remedies[-1]]))
        return f"{text[0].upper()}{text[1:]} may bring more."

    def _go_without(self, failures: Sequence[LMError]) -> None:
        """Tell that there is no new instruction, where a server refuses to write one.

        Raises
        ------
        LMError
            If calls failed for another reason: then they may succeed when the run is resumed.
        """
        others = [each for each in failures if not isinstance(each, RequestRefusedError)]
        if others:
            raise others[0]
        text = f"No new instruction for {self.name}: {failures[0]}"
        self.journal.note("proposals", text)

    async def _usable(self, number: int, begin: int, failures: list[LMError]) -> _Draft | None:
        """Return the first draft of this number, from attempt `begin` on, that has a new text."""
        own = [self.signature.instructions]
        for attempt in range(begin, _ATTEMPTS):
            try:
                draft = await self._draft(number, attempt, failures)
                check_usable(draft.text, own)
            except UnusableTextError as error:
                self.unusable[number] = error
                continue
            broken = self.constraints.broken(self.name, draft.text, own[0])
            if not broken:
                return draft
            self.dropped[number] = ProposalDropped(
                predictor=self.name,
                instruction=draft.text,
                source="proposed",
                reasons=list(broken),
            )
        return None

    async def _draft(self, number: int, attempt: int, failures: list[LMError]) -> _Draft:
        plan = self.spec.plan
        own = f"{plan.seed}:{self.name}:{number}:{attempt}"
        tip = self._tip(number, own)
        demo_set, inputs = await self._sources(number, tip)
        inputs |= demands(self.constraints, self.signature.instructions, self.dropped.get(number))
        try:
            # A number of this draft's own, so that no two drafts share a kept answer; at
            # temperature 0 they may: another would be the same.
            rollout = 1 + zlib.crc32(own.encode()) if plan.init_temperature > 0 else 0
            text = await self._written(inputs, rollout)
        except LMUnavailableError:
            raise
        except LMError as error:
            failures.append(error)
            problem = f"the call failed: {shown(str(error), 160).rstrip('.')}"
            raise UnusableTextError(problem) from error
        return _Draft(text, tip, demo_set, attempt)

    def _tip(self, number: int, own: str) -> str:
        """Return the name of the tip that a draft is written by; `own` tells the draft."""
        plan = self.spec.plan
        if not plan.tip_aware_proposer:
            return "none"
        if plan.headroom is not None:
            return _OPPOSITE_TIPS[number % len(_OPPOSITE_TIPS)]
        return random.Random(own).choice(list(TIPS))

    async def _written(self, inputs: Mapping[str, str], rollout: int) -> str:
        """Return what the prompt model writes, without its longest sources if they do not fit."""
        while True:
            try:
                return await ask(
                    self.spec,
                    proposal_signature(inputs),
                    "instruction",
                    temperature=self.spec.plan.init_temperature,
                    rollout=rollout,
                    labels=PROPOSING,
                    **inputs,
                )
            except PromptTooLongError:
                spare = [name for name in inputs if name not in _NEEDED]
                if not spare:
                    raise
                longest = max(spare, key=lambda name: len(inputs[name]))
                inputs = {name: text for name, text in inputs.items() if name != longest}
                text = (
                    f"Instructions for {self.name} are proposed without what is too long for the "
                    f"prompt model's context: {longest.replace('_', ' ')}."
                )
                self.journal.note("context", text)

    async def _sources(self, number: int, tip: str) -> tuple[int | None, dict[str, str]]:
        """Return the demo set that is shown, and all that the proposal is grounded in.

        Sources that are off or empty are left out.
        """
        summary, description, role, (demo_set, demos) = await asyncio.gather(
            # Others await them as well: a proposal that is cancelled takes none of them along.
            asyncio.shield(self.grounding.dataset_summary),
            asyncio.shield(self.grounding.program_description),
            asyncio.shield(self.grounding.roles[self.name]),
            self._shown_demos(number),
        )
        texts = {
            "dataset_summary": summary,
            "program_code": self.grounding.program_code,
            "program_description": description,
            "predictor_role": role,
            "task_demos": _demo_text(self.signature, demos),
            "present_instruction": self.signature.instructions,
            "tip": TIPS[tip],
        }
        return demo_set, {name: text for name, text in texts.items() if text}

    async def _shown_demos(self, number: int) -> tuple[int | None, Sequence[Example]]:
        """Return the bootstrapped demos of one set, another one for each proposal.

        Where a set has none for this predictor, those of the next are shown, so that a proposal
        waits for no more sets than it must.
        """
        if not self.spec.plan.fewshot_aware_proposer:
            return None, ()
        sets = bootstrapped_sets(self.spec.plan)
        for turn in range(len(sets)):
            chosen = sets[(number + turn) % len(sets)]
            demos = (await asyncio.shield(self.demo_sets[chosen])).bootstrapped[self.name]
            if demos:
                return chosen, demos[:_DEMOS_SHOWN]
        return None, ()


def demands(constraints: Constraints, own: str, dropped: ProposalDropped | None) -> dict[str, str]:
    """Return what a proposal has to comply with, and what was `dropped` before it."""
    told = {
        "requirements": constraints.requirements(own),
        "objection": "" if dropped is None else objection(dropped.instruction, dropped.reasons),
    }
    return {name: text for name, text in told.items() if text}


def objection(text: str, reasons: Sequence[str]) -> str:
    """Return what is wrong with an instruction, for who writes it again."""
    return f"{'; '.join(reasons)}. The last attempt was: {text}"


def _demo_text(signature: SignatureMeta, demos: Sequence[Example]) -> str:
    return "\n\n".join(write_fields(signature, signature.fields, demo) for demo in demos)


def check_usable(text: str, known: Sequence[str]) -> None:
    """Return if a text may be an instruction candidate beside those that are `known`.

    Raises
    ------
    UnusableTextError
        If it may not be one.
    """
    if len(text) > LONGEST_INSTRUCTION:
        problem = f"it is longer than {LONGEST_INSTRUCTION:,} characters"
        raise UnusableTextError(problem, text)
    if _plain(text) in {_plain(each) for each in known}:
        raise UnusableTextError(_REPEATS, text)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
