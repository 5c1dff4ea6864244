"""The sampler: Optuna's TPE over the configurations that may be tried at present."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution

from mipro_nb.optimizer.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEEDS = 2**32


@dataclass(frozen=True)
class Draw:
    """A configuration to try, and the trial that the sampler knows it as.

    `trial` is None where there was nothing to choose.
    """

    configuration: Configuration
    trial: optuna.Trial | None
    study: optuna.Study | None


class Sampler:
    """Draws configurations, the more often the better their like have scored.

    What may be tried can change at any time: the study is then built anew from what was observed,
    over the choices that are left. It owns no state of its own.

    Parameters
    ----------
    seed
        Seed of all draws.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generation = 0
        self._allowed: dict[str, tuple[int, ...]] = {}
        self._observed: list[tuple[Configuration, float]] = []
        self._study: optuna.Study | None = None

    def ask(self, allowed: Mapping[str, Sequence[int]]) -> Draw:
        """Return the next configuration to try.

        Parameters
        ----------
        allowed
            Variable → the candidates that may be chosen, one at least.
        """
        choices = {name: tuple(indices) for name, indices in allowed.items()}
        if self._study is None or choices != self._allowed:
            self._rebuild(choices)
        fixed = {name: indices[0] for name, indices in choices.items() if len(indices) == 1}
        space = self._space()
        if not space or self._study is None:
            return Draw(fixed, None, None)
        trial = self._study.ask(space)
        drawn = {**fixed, **trial.params}
        return Draw({name: drawn[name] for name in choices}, trial, self._study)

    def tell(self, draw: Draw, score: float) -> None:
        """Take the score of a drawn configuration into account."""
        self._observed.append((draw.configuration, score))
        if draw.trial is not None and draw.study is not None and draw.study is self._study:
            draw.study.tell(draw.trial, score)
        else:  # what may be tried has changed since it was drawn
            self._enter(draw.configuration, score)

    def add(self, configuration: Configuration, score: float) -> None:
        """Take into account what was not drawn: the student, and full evaluations."""
        self._observed.append((configuration, score))
        self._enter(configuration, score)

    def _space(self) -> dict[str, BaseDistribution]:
        return {
            name: CategoricalDistribution(indices)
            for name, indices in self._allowed.items()
            if len(indices) > 1
        }

    def _rebuild(self, allowed: dict[str, tuple[int, ...]]) -> None:
        self._allowed = allowed
        seed = (self._seed + self._generation) % _SEEDS
        self._generation += 1
        with _quiet_optuna():
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
        for configuration, score in self._observed:
            self._enter(configuration, score)

    def _enter(self, configuration: Configuration, score: float) -> None:
        """Show the study an observation, unless it holds a candidate that may not be chosen."""
        space = self._space()
        params = {name: configuration[name] for name in space}
        known = all(index in self._allowed[name] for name, index in params.items())
        if self._study is not None and space and known:
            self._study.add_trial(
                optuna.trial.create_trial(params=params, distributions=space, value=score)
            )


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
