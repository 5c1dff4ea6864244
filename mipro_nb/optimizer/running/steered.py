"""Steering a run: pauses, and a person's word on its candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from mipro_nb.numbers import own_whole
from mipro_nb.optimizer.algorithm import Algorithm
from mipro_nb.optimizer.control.steering import as_part
from mipro_nb.runs.state import Choice, RunState

T = TypeVar("T")


class Steerable(Protocol):
    """What steering needs of a run."""

    def read(self, view: Callable[[RunState], T]) -> T:
        """Return ``view(state)``, while no event changes the state."""

    def _steer(self, change: Callable[[Algorithm], T]) -> T:
        """Make a change on the core loop, between two steps of the run."""


class Steered:
    """The steering of a `Steerable` run, for it to inherit."""

    def pause(self: Steerable) -> None:
        """Send no further LM call until `resume`; those in flight come back and are kept.

        Raises
        ------
        RunEndedError
            If the run has ended.
        """
        self._steer(lambda algorithm: algorithm.pausing.pause())

    def resume(self: Steerable) -> None:
        """Go on after a pause.

        Raises
        ------
        RunEndedError
            If the run has ended.
        """
        self._steer(lambda algorithm: algorithm.pausing.resume())

    def pin(
        self: Steerable, predictor: str, index: int, *, part: str = "instruction", on: bool = True
    ) -> None:
        """Have only this candidate, and others that are pinned, be tried from now on.

        Parameters
        ----------
        predictor
            Name of the predictor; ``""`` for a prompt format, which is that of the whole program.
        index
            Number of the candidate; of a format, its place in ``run.state.searched_formats``.
        part
            ``"instruction"``, ``"demos"``, or ``"format"`` in a run that searches formats.
        on
            False lifts the pin.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or it is banned.
        RunEndedError
            If the run has ended.
        """
        choice = Choice(predictor, as_part(part), own_whole(index))
        self._steer(lambda algorithm: algorithm.steering.pin(choice, on=on))

    def ban(
        self: Steerable, predictor: str, index: int, *, part: str = "instruction", on: bool = True
    ) -> None:
        """Have this candidate neither be tried from now on nor be returned.

        The student as given is what the search is measured by: it is returned where nothing else
        is better, whatever is banned.

        Parameters and errors are those of `pin`; the last candidate that is not banned stays.
        """
        choice = Choice(predictor, as_part(part), own_whole(index))
        self._steer(lambda algorithm: algorithm.steering.ban(choice, on=on))

    @property
    def undecided(self: Steerable) -> list[tuple[str, int]]:
        """The new instructions that wait for your decision, as (predictor, index).

        There are none unless the run was begun with ``approve="proposals"``.
        """
        waiting = self.read(lambda state: state.undecided)
        return [(choice.predictor, choice.index) for choice in waiting]

    def approve(self: Steerable, predictor: str | None = None, index: int | None = None) -> None:
        """Let a new instruction be tried that waits for your decision.

        To reject it, `ban` it; to edit it, give `add_instruction` your text and its number as
        `based_on`. The run goes on once each is decided about.

        Parameters
        ----------
        predictor
            Name of the predictor.
        index
            Number of the candidate. With neither of them, all that wait are approved.

        Raises
        ------
        InvalidArgumentError
            If there is no such candidate, or only one of predictor and index is given.
        MiproError
            If it does not wait for a decision.
        RunEndedError
            If the run has ended.
        """
        self._steer(lambda algorithm: algorithm.steering.approve(predictor, own_whole(index)))

    def add_instruction(
        self: Steerable,
        predictor: str,
        instruction: str,
        *,
        based_on: int | None = None,
        replaces: bool = True,
    ) -> int:
        """Add an instruction of your own to the search and return its number.

        Parameters
        ----------
        predictor
            Name of the predictor.
        instruction
            The text.
        based_on
            Number of the candidate that it is an edit of; None if of none.
        replaces
            Ban that candidate in its favour; where it was pinned, the edit is pinned.

        Raises
        ------
        InvalidArgumentError
            If it is empty, too long, or there already.
        RunEndedError
            If the run has ended.
        """
        return self._steer(
            lambda algorithm: algorithm.steering.add(
                predictor, instruction, own_whole(based_on), replaces=replaces
            )
        )
