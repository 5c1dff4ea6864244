"""The programs of a run: of every configuration that it tried, whether it is returned or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mipro_nb.numbers import is_count
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.runs.configuration import Configuration


class Programs(Mapping[int, Any]):
    """Trial → its program, made again at each look; trial 0 is the student as given.

    Parameters
    ----------
    journal
        The run's.
    program_of
        Makes the program of a configuration.
    """

    def __init__(self, journal: Journal, program_of: Callable[[Configuration], Any]) -> None:
        self._journal, self._program_of = journal, program_of

    def __getitem__(self, trial: int) -> Any:
        """Return the program of a trial.

        Raises
        ------
        KeyError
            If there is no such trial.
        """
        found = (
            self._journal.read(lambda state: state.trials.get(trial)) if is_count(trial) else None
        )
        if found is None:
            known = ", ".join(map(str, self)) or "none yet"
            msg = f"Run {self._journal.run_id} has no trial {trial!r}: they are {known}."
            raise KeyError(msg)
        return self._program_of(found.configuration)

    def __iter__(self) -> Iterator[int]:
        return iter(self._journal.read(lambda state: sorted(state.trials)))

    def __len__(self) -> int:
        return self._journal.read(lambda state: len(state.trials))

    def __repr__(self) -> str:
        return f"Programs of run {self._journal.run_id}: trials {', '.join(map(str, self))}"
