"""A task whose true scores are known: what a language model would know of it, as formulas.

Tickets are to be sorted to teams. Whether the simulated LM sorts a ticket rightly is a coin that
falls the same way whenever the same prompt asks for the same ticket; the odds are

    logistic(instruction + demos + their interaction - difficulty of the ticket).

All four are hidden from the optimizers: they see prompts, answers and scores, as with a real LM.
Everything is drawn from hashes of a seed, so each seed is another task. Only the standard library
is used: the server and both libraries' processes share this module.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

# Given without a valset, both libraries keep the first 20 % of 125 rows for bootstrapping.
ROWS = 125
TRAIN_ROWS = 25
DEMOS = 4  # bootstrapped and labelled ones at most, which is DSPy's default

MOST_INSTRUCTIONS = 100_000

SIGNATURE = "question -> answer"
# A model that both libraries know the price of: DSPy looks for one that it does not at every call.
MODEL = "gpt-4o-mini"
_QUALITY_OF_OWN = -0.5
_QUALITY_MEAN, _QUALITY_SPREAD = 0.2, 0.6
_HELP_MEAN, _HELP_SPREAD = 0.3, 0.4
_COST_OF_LENGTH = 0.04  # times the number of demos squared: more is not always better
_INTERACTION_SPREAD = 0.35
_DIFFICULTY_MEAN, _DIFFICULTY_SPREAD = 0.6, 1.6

_POPULATION = range(10_000, 14_000)
_TICKET = re.compile(r"Ticket (\d{5}):")
_GUIDELINE = re.compile(r"guideline (\d{5})")
_WORDS = (
    *("account", "broken", "cannot", "card", "charge", "connection", "customer", "delayed"),
    *("delivery", "device", "error", "file", "invoice", "lost", "machine", "message", "number"),
    *("office", "order", "password", "payment", "phone", "printer", "program", "question"),
    *("refund", "screen", "second", "server", "signal", "still", "update", "wrong"),
)


@dataclass(frozen=True)
class Row:
    """One ticket and its team."""

    question: str
    answer: str


@dataclass(frozen=True)
class Prompt:
    """What of a prompt matters: the number of its instruction (None: the student's) and demos."""

    instruction: int | None
    demos: tuple[int, ...]

    @classmethod
    def of(cls, instruction: str, demos: Iterable[str]) -> Prompt:
        """Return what the texts of an instruction and of its demos amount to."""
        found = _GUIDELINE.search(instruction)
        tickets = sorted({ticket for text in demos for ticket in tickets_in(text)})
        return cls(int(found[1]) if found else None, tuple(tickets))


def tickets_in(text: str) -> list[int]:
    """Return the numbers of the tickets that `text` quotes, in order."""
    return [int(number) for number in _TICKET.findall(text)]


def instruction_text(number: int) -> str:
    """Return the instruction that the prompt model writes as its `number`-th."""
    return (
        f"Read the ticket, find out what the customer needs and name the team that can help. "
        f"Decide by guideline {number:05} and answer with the team's name alone."
    )


class Task:
    """One task with its hidden truth.

    Parameters
    ----------
    seed
        Chooses the truth.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._strength = cache(self._strength_of)
        self._difficulty = cache(self._difficulty_of)

    def rows(self, count: int = ROWS) -> list[Row]:
        """Return the first `count` tickets."""
        return [Row(self._question(number), self.team(number)) for number in range(count)]

    def team(self, ticket: int) -> str:
        """Return the right answer for a ticket."""
        return f"team-{self._random('team', ticket).randrange(100, 1000)}"

    def answer(self, prompt: Prompt, ticket: int) -> str:
        """Return the LM's answer: the right team, or none."""
        coin = self._random("coin", prompt.instruction, prompt.demos, ticket).random()
        odds = _logistic(self._strength(prompt) - self._difficulty(ticket))
        return self.team(ticket) if coin < odds else "team-unknown"

    def true_score(self, prompt: Prompt) -> float:
        """Return the share of all tickets, in %, that are sorted rightly with this prompt."""
        strength = self._strength(prompt)
        return 100 * math.fsum(_logistic(strength - d) for d in self._population) / len(_POPULATION)

    @cached_property
    def _population(self) -> list[float]:
        return [self._difficulty(ticket) for ticket in _POPULATION]

    def _strength_of(self, prompt: Prompt) -> float:
        quality = _QUALITY_OF_OWN
        if prompt.instruction is not None:
            quality = self._normal(_QUALITY_MEAN, _QUALITY_SPREAD, "quality", prompt.instruction)
        helps = [self._normal(_HELP_MEAN, _HELP_SPREAD, "help", demo) for demo in prompt.demos]
        together = self._normal(0, _INTERACTION_SPREAD, prompt.instruction, prompt.demos)
        return quality + sum(helps) - _COST_OF_LENGTH * len(helps) ** 2 + together

    def _difficulty_of(self, ticket: int) -> float:
        return self._normal(_DIFFICULTY_MEAN, _DIFFICULTY_SPREAD, "difficulty", ticket)

    def _question(self, ticket: int) -> str:
        words = self._random("words", ticket).choices(_WORDS, k=20)
        return f"Ticket {ticket:05}: {' '.join(words)}"

    def _normal(self, mean: float, spread: float, *what: object) -> float:
        return self._random(*what).gauss(mean, spread)

    def _random(self, *what: object) -> random.Random:
        return random.Random(f"{self.seed}:{what}")


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
