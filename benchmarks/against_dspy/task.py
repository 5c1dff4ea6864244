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
from dataclasses import dataclass, replace
from functools import cache

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

# Of tasks with hidden rules: topics, each of which goes to one team. Without its rule, or a demo of
# the topic, hardly any ticket is sorted rightly.
TOPICS = 12
_WITHOUT_RULE, _HELP_OF_RULE, _HELP_OF_DEMO = -2.5, 3.5, 3.0
_LEARNT, _KEPT = 0.5, 0.9

_POPULATION = range(10_000, 14_000)
_TICKET = re.compile(r"Ticket (\d{5}):")
_GUIDELINE = re.compile(r"guideline (\d{5})")
_RULE = re.compile(r"Topic (\d\d) goes to (team-\d{3})")
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
    """What of a prompt matters.

    Attributes
    ----------
    instruction
        Number of its instruction; None for the student's.
    demos
        The tickets that it quotes.
    rules
        Topic and team of each rule that its instruction states.
    """

    instruction: int | None
    demos: tuple[int, ...]
    rules: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, instruction: str, demos: Iterable[str]) -> Prompt:
        """Return what the texts of an instruction and of its demos amount to."""
        found = _GUIDELINE.search(instruction)
        tickets = sorted({ticket for text in demos for ticket in tickets_in(text)})
        return cls(int(found[1]) if found else None, tuple(tickets), rules_in(instruction))


def tickets_in(text: str) -> list[int]:
    """Return the numbers of the tickets that `text` quotes, in order."""
    return [int(number) for number in _TICKET.findall(text)]


def rules_in(text: str) -> tuple[tuple[int, str], ...]:
    """Return topic and team of each rule that `text` states."""
    return tuple(sorted({(int(topic), team) for topic, team in _RULE.findall(text)}))


def instruction_text(number: int, rules: Iterable[tuple[int, str]] = ()) -> str:
    """Return the instruction that the prompt model writes as its `number`-th."""
    stated = "".join(f" Topic {topic:02} goes to {team}." for topic, team in rules)
    return (
        f"Read the ticket, find out what the customer needs and name the team that can help. "
        f"Decide by guideline {number:05} and answer with the team's name alone.{stated}"
    )


class Task:
    """One task with its hidden truth.

    Parameters
    ----------
    seed
        Chooses the truth.
    has_rules
        Whether the team follows from the ticket's topic by a rule that only solved tickets tell.
    """

    def __init__(self, seed: int, *, has_rules: bool = False) -> None:
        self.seed, self.has_rules = seed, has_rules
        self._strength = cache(self._strength_of)
        self._difficulty = cache(self._difficulty_of)
        self.topic = cache(self._topic_of)

    def rows(self, count: int = ROWS) -> list[Row]:
        """Return the first `count` tickets."""
        return [Row(self._question(number), self.team(number)) for number in range(count)]

    def team(self, ticket: int) -> str:
        """Return the right answer for a ticket."""
        which = ("topic", self.topic(ticket)) if self.has_rules else ("team", ticket)
        return f"team-{self._random(*which).randrange(100, 1000)}"

    def _topic_of(self, ticket: int) -> int:
        return self._random("topic of", ticket).randrange(TOPICS)

    def written(self, draft: int, seen: Iterable[int], known: Iterable[tuple[int, str]]) -> str:
        """Return the `draft`-th instruction of a prompt model that has `seen` solved tickets.

        It finds the rule behind each of their topics half of the time, and keeps most rules that
        it is shown.
        """
        rng = self._random("written", draft)
        kept = {rule for rule in known if rng.random() < _KEPT}
        topics = sorted({self.topic(ticket): self.team(ticket) for ticket in seen}.items())
        found = {rule for rule in topics if rng.random() < _LEARNT}
        return instruction_text(draft, sorted(kept | found))

    def answer(self, prompt: Prompt, ticket: int) -> str:
        """Return the LM's answer: the right team, or none."""
        coin = self._random("coin", prompt.instruction, prompt.demos, ticket).random()
        odds = self._odds(prompt, ticket)
        return self.team(ticket) if coin < odds else "team-unknown"

    def true_score(self, prompt: Prompt) -> float:
        """Return the share of all tickets, in %, that are sorted rightly with this prompt."""
        return 100 * math.fsum(self._odds(prompt, n) for n in _POPULATION) / len(_POPULATION)

    def _odds(self, prompt: Prompt, ticket: int) -> float:
        strength = self._strength(replace(prompt, rules=())) - self._difficulty(ticket)
        if self.has_rules:
            topic = self.topic(ticket)
            strength += _WITHOUT_RULE
            if (topic, self.team(ticket)) in prompt.rules:
                strength += _HELP_OF_RULE
            elif any(self.topic(demo) == topic for demo in prompt.demos):
                strength += _HELP_OF_DEMO
        return _logistic(strength)

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
        if self.has_rules:
            words.append(f"[topic {self.topic(ticket):02}]")
        return f"Ticket {ticket:05}: {' '.join(words)}"

    def _normal(self, mean: float, spread: float, *what: object) -> float:
        return self._random(*what).gauss(mean, spread)

    def _random(self, *what: object) -> random.Random:
        return random.Random(f"{self.seed}:{what}")


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
