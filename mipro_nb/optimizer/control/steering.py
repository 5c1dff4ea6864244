"""Steering: what a person changes in the search while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from mipro_nb.errors import InvalidArgumentError, MiproError
from mipro_nb.numbers import is_count
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.planning.settings.constraints import Constraints
from mipro_nb.optimizer.search.configuration import LONGEST_INSTRUCTION, Candidates
from mipro_nb.runs.configuration import FORMAT
from mipro_nb.runs.events import (
    CandidateApproved,
    CandidateBanned,
    CandidatePinned,
    CandidateProposed,
    Part,
)
from mipro_nb.runs.state import Choice

_TOO_EARLY = (
    "The candidates are not all there yet: wait until the run has bootstrapped and proposed them."
)

_NOTHING_WAITS = (
    "No such instruction waits for a decision: it is approved, rejected or edited already, or the "
    "run asks about none. Give approve='proposals' when you begin it."
)


@dataclass(frozen=True)
class Steering:
    """Pins, bans and adds candidates of a run; used on the core loop only.

    Parameters
    ----------
    journal
        The run's journal: every change is an event, and holds for all trials asked after it.
    candidates
        The search space.
    constraints
        What an instruction has to comply with that is added.
    """

    journal: Journal
    candidates: Candidates | None
    constraints: Constraints

    def pin(self, choice: Choice, *, on: bool) -> None:
        """Pin a candidate, or lift its pin; while any of a part is pinned, only those are tried.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or it is banned.
        """
        self._check(choice)
        if on and choice in self.journal.state.banned:
            raise InvalidArgumentError("index", choice.index, "it is banned: lift the ban first.")
        if on != (choice in self.journal.state.pinned):
            self.journal.emit(CandidatePinned(**asdict(choice), on=on))

    def ban(self, choice: Choice, *, on: bool) -> None:
        """Ban a candidate, or lift its ban; a banned one is not tried, and not returned.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or no other would be left.
        """
        size = self._check(choice)
        banned = self.journal.state.banned
        if on == (choice in banned):
            return
        others = (replace(choice, index=i) for i in range(size) if i != choice.index)
        if on and all(other in banned for other in others):
            raise InvalidArgumentError(
                "index", choice.index, "no other candidate would be left: add one, or lift a ban."
            )
        if on and choice in self.journal.state.pinned:
            self.pin(choice, on=False)
        self.journal.emit(CandidateBanned(**asdict(choice), on=on))

    def approve(self, predictor: str | None, index: int | None) -> None:
        """Let a new instruction be tried that waits for a decision; all of them if none is named.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or only one of predictor and index is given.
        MiproError
            If it does not wait for a decision.
        """
        self._known()
        waiting = self.journal.state.undecided
        if predictor is not None and index is not None:
            choice = Choice(predictor, "instruction", index)
            self._check(choice)
            waiting = [choice] if choice in waiting else []
        elif (predictor, index) != (None, None):
            name, value = ("index", index) if index is None else ("predictor", predictor)
            raise InvalidArgumentError(name, value, "give both, or neither to approve all.")
        if not waiting:
            raise MiproError(_NOTHING_WAITS)
        for each in waiting:
            self.journal.emit(CandidateApproved(predictor=each.predictor, index=each.index))

    def add(self, predictor: str, instruction: str, based_on: int | None, *, replaces: bool) -> int:
        """Add an instruction and return its index; if it `replaces` `based_on`, that is banned.

        Raises
        ------
        InvalidArgumentError
            If it is empty, too long, there already, or breaks a constraint of the plan.
        """
        known = self._known().instructions
        if predictor not in known:
            raise InvalidArgumentError(
                "predictor", predictor, f"the predictors are {', '.join(known)}."
            )
        text = instruction.strip() if isinstance(instruction, str) else ""
        # Lone surrogates could be neither kept nor sent.
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        if not text:
            raise InvalidArgumentError("instruction", instruction, "give some text.")
        if len(text) > LONGEST_INSTRUCTION:
            raise InvalidArgumentError(
                "instruction", text, f"it is longer than {LONGEST_INSTRUCTION:,} characters."
            )
        if text in known[predictor]:
            raise InvalidArgumentError(
                "instruction", text, f"it is candidate {known[predictor].index(text)} already."
            )
        if based_on is not None:
            self._check(Choice(predictor, "instruction", based_on))
        if broken := self.constraints.broken(predictor, text, known[predictor][0], by_hand=True):
            raise InvalidArgumentError(
                "instruction", text, f"the plan does not allow it: {'; '.join(broken)}."
            )
        index = len(known[predictor])
        self.journal.emit(
            CandidateProposed(
                predictor=predictor,
                index=index,
                instruction=text,
                source="user",
                based_on=based_on,
            )
        )
        known[predictor].append(text)
        if based_on is not None and replaces:
            self._replace(Choice(predictor, "instruction", based_on), index)
        return index

    def _replace(self, old: Choice, index: int) -> None:
        """Have the edited candidate stand where the old one stood."""
        if old in self.journal.state.pinned:
            self.pin(replace(old, index=index), on=True)
        self.ban(old, on=True)

    def _known(self) -> Candidates:
        if self.candidates is None:
            raise MiproError(_TOO_EARLY)
        return self.candidates

    def _check(self, choice: Choice) -> int:
        """Return how many candidates the choice is one of."""
        known = self._known()
        sizes = known.variables()
        size = sizes.get(f"{choice.predictor}:{choice.part}")
        if size is None and choice.part == "format":
            raise InvalidArgumentError("part", "format", _why_no_format(choice, sizes))
        if size is None:
            raise InvalidArgumentError(
                "predictor",
                f"{choice.predictor}:{choice.part}",
                f"the search varies {', '.join(sizes)}.",
            )
        index = choice.index
        if not is_count(index) or not 0 <= index < size:
            raise InvalidArgumentError("index", index, f"give a number from 0 to {size - 1}.")
        return size


def _why_no_format(choice: Choice, sizes: Mapping[str, int]) -> str:
    if FORMAT in sizes:
        return (
            f"a format is that of the whole program: give '' as its predictor, not "
            f"{choice.predictor!r}."
        )
    return "this run searches no prompt formats: what it measured of them settled that, or nothing."


def as_part(part: str) -> Part:
    """Return `part` if it names one.

    Raises
    ------
    InvalidArgumentError
        If it does not.
    """
    if part == "instruction":
        return "instruction"
    if part == "demos":
        return "demos"
    if part == "format":
        return "format"
    raise InvalidArgumentError("part", part, "give 'instruction', 'demos' or 'format'.")
