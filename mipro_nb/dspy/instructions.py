"""Instructions of which a part is made by a module: its list of tools, and how to call them.

It stays as it is, word for word, while the part that the user wrote is searched: without it an
agent would not know its tools.
"""

from __future__ import annotations

from typing import Any, NamedTuple

# How what ReAct, CodeAct, ReActV2 and RLM write begins; the user's own part stands before it.
_BEGINNINGS = (
    "You are an Agent. In each episode, you will be given the fields",
    "You are an intelligent agent. For each episode, you will receive the fields",
    "You are an Agent. Use the supplied tools to produce",
    "You are tasked with producing the following outputs given the inputs",
)


class Instruction(NamedTuple):
    """An instruction in its two parts: what is searched, and what stays."""

    own: str
    made: str

    def with_own(self, own: str) -> str:
        """Return the whole instruction with another `own` part."""
        return f"{own.rstrip()}\n\n{self.made}" if self.made else own


def taken_apart(signature: Any) -> Instruction:
    """Return the instruction of one of DSPy's signatures in its two parts."""
    text = str(signature.instructions)
    found = (text.find(f"\n{beginning}") for beginning in _BEGINNINGS)
    at = next((place + 1 for place in found if place >= 0), None)
    return Instruction(text, "") if at is None else Instruction(text[:at].strip(), text[at:])
