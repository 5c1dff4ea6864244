"""The sampler of the paper: Optuna's tree-structured Parzen estimator, TPE."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState

from mipro_nb.optimizer.search.choices import Choices, are_open
from mipro_nb.optimizer.search.sampler import Sampler, Scores
from mipro_nb.runs.configuration import Configuration
from mipro_nb.runs.statistics.belief import evened

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEEDS = 2**32
# How often the estimator may draw what was tried already, before chance decides.
_DRAWS = 4
# Every draw of the estimator reads all that the study holds. So when it has grown to the second
# number, it goes on with the first: the best half of it and the newest half.
_KEPT, _MOST_KEPT = 200, 400


class TreeSampler(Sampler):
    """Optuna's TPE over one categorical variable per predictor and part.

    The study owns no state: it is rebuilt from what was told when the choices change.

    Parameters
    ----------
    seed
        Seed of all draws.
    paired
        Take the difficulty of examples off the scores.
    """

    def __init__(self, seed: int, *, paired: bool) -> None:
        super().__init__(seed, paired=paired)
        self._seed = seed
        self._generation = 0
        self._choices: Choices = {}
        self._observed: list[tuple[Configuration, float]] = []
        self._study: optuna.Study | None = None

    def ask(self, choices: Choices) -> Configuration:
        """Return the next configuration to try."""
        self._untried.use(choices)
        if self._study is None or choices != self._choices:
            self._study = self._built(choices)
        configuration = self._drawn(self._study)
        self._untried.take(configuration)
        return configuration

    def tell(self, configuration: Configuration, scores: Scores) -> None:
        """Take the scores of an evaluation into account."""
        value = evened(scores, self._difficulties.of(scores))
        super().tell(configuration, scores)
        self._observed.append((configuration, value))
        if len(self._observed) > _MOST_KEPT:
            best = sorted(self._observed[: -_KEPT // 2], key=lambda each: -each[1])
            self._observed = best[: _KEPT // 2] + self._observed[-_KEPT // 2 :]
            self._study = None
        if self._study is not None:
            self._enter(self._study, configuration, value)

    def _drawn(self, study: optuna.Study) -> Configuration:
        fixed = {name: indices[0] for name, indices in self._choices.items()}
        space = self._space()
        if not space:
            return fixed
        for _ in range(_DRAWS):
            trial = study.ask(space)
            study.tell(trial, state=TrialState.FAIL)  # what comes of it is added when it is told
            drawn = {**fixed, **trial.params}
            if drawn in self._untried:
                return drawn
        return self.untried(self._choices) or drawn

    def _space(self) -> dict[str, BaseDistribution]:
        return {
            name: CategoricalDistribution(indices)
            for name, indices in self._choices.items()
            if len(indices) > 1
        }

    def _built(self, choices: Choices) -> optuna.Study:
        self._choices = choices
        seed = (self._seed + self._generation) % _SEEDS
        self._generation += 1
        with _quiet_optuna():
            sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
            study = optuna.create_study(direction="maximize", sampler=sampler)
        for configuration, value in self._observed:
            self._enter(study, configuration, value)
        return study

    def _enter(self, study: optuna.Study, configuration: Configuration, value: float) -> None:
        """Show the study an observation, unless it holds a candidate that may not be chosen."""
        space = self._space()
        if space and are_open(configuration, self._choices):
            params = {name: configuration[name] for name in space}
            study.add_trial(
                optuna.trial.create_trial(params=params, distributions=space, value=value)
            )


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
