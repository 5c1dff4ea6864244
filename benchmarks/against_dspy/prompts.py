"""Reads the prompts of both libraries, and answers them in the form that each asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from benchmarks.against_dspy.task import Prompt, Task, instruction_text, tickets_in

# mipro_nb asks for lines ``name: value``, DSPy for sections ``[[ ## name ## ]]``.
_LINES = "Reply in exactly this form:\n"
_LINE = re.compile(r"^(\w+):", re.MULTILINE)
_SECTION = re.compile(r"`\[\[ ## (\w+) ## \]\]`")

_BLAND = "Tickets are short texts; each of them belongs to one team."
_NEW_INSTRUCTION = frozenset({"instruction", "proposed_instruction"})


@dataclass(frozen=True)
class Question:
    """One chat request, as far as the simulated LM understands it.

    Attributes
    ----------
    wanted
        Names of the fields that the answer must have.
    in_sections
        Whether they are to stand in DSPy's sections.
    ticket
        The ticket to sort; None if the request is one of the prompt model.
    prompt
        Instruction and demos by which to sort it.
    seen
        Tickets that a request of the prompt model quotes.
    """

    wanted: tuple[str, ...]
    in_sections: bool
    ticket: int | None
    prompt: Prompt
    seen: tuple[int, ...] = ()

    @property
    def writes_instruction(self) -> bool:
        """Tell whether a new instruction is wanted."""
        return not _NEW_INSTRUCTION.isdisjoint(self.wanted)


def read(messages: list[dict[str, Any]]) -> Question:
    """Return what `messages` ask for."""
    texts = [message["content"] for message in messages]
    *before, last = texts
    wanted = tuple(name for name in _SECTION.findall(last) if name != "completed")
    in_sections = bool(wanted)
    if not in_sections:
        form = texts[0].split(_LINES)[1].split("\n\n")[0]
        wanted = tuple(_LINE.findall(form))
    if "answer" not in wanted:
        whole = "\n".join(texts)
        return Question(wanted, in_sections, None, Prompt.of(whole, ()), tuple(tickets_in(whole)))
    return Question(wanted, in_sections, tickets_in(last)[0], Prompt.of(texts[0], before))


def write(question: Question, task: Task, draft: int) -> str:
    """Return the simulated LM's reply.

    Parameters
    ----------
    draft
        Number of the instruction that it writes, if one is wanted.
    """
    values = {}
    for name in question.wanted:
        if name == "answer" and question.ticket is not None:
            values[name] = task.answer(question.prompt, question.ticket)
        elif name in _NEW_INSTRUCTION:
            values[name] = (
                task.written(draft, question.seen, question.prompt.rules)
                if task.has_rules
                else instruction_text(draft)
            )
        else:
            values[name] = _BLAND
    if not question.in_sections:
        return "\n".join(f"{name}: {value}" for name, value in values.items())
    sections = [f"[[ ## {name} ## ]]\n{value}\n" for name, value in values.items()]
    return "\n".join([*sections, "[[ ## completed ## ]]"])
