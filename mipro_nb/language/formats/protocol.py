"""What a prompt format has to do: ask for the outputs, show them in demos, find them in a reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mipro_nb.language.rows.example import Example
    from mipro_nb.language.signatures.signature import SignatureMeta


@dataclass(frozen=True)
class Found:
    """What a format found in a reply.

    Attributes
    ----------
    texts
        The text of each output found.
    values
        In place of a text, the value that JSON gave.
    refused
        In place of either, why what is given for an output cannot be its value.
    last
        The output whose text ends only where the reply ends; None if all ended before.
    before
        The text before the first of them.
    outside
        The text that belongs to none of them: it may have another value.
    notes
        What was left out.

    Examples
    --------
    >>> found = Found({"answer": "42"})
    >>> found.marks("answer"), len(found)
    (True, 1)
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    last: str | None = None
    before: str = ""
    outside: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts) + len(self.values) + len(self.refused)

    def marks(self, name: str) -> bool:
        """Tell whether the reply marks the value of the output `name`."""
        return name in self.texts or name in self.values


@runtime_checkable
class PromptFormat(Protocol):
    """One way to ask for outputs and to read them.

    Attributes
    ----------
    name
        What is given as ``prompt_format=``.
    called
        What it is called in a sentence, such as "a pair of tags for each output".

    Examples
    --------
    >>> isinstance("tags", PromptFormat)
    False
    """

    name: str
    called: str

    def fits(self, signature: SignatureMeta) -> bool:
        """Tell whether the outputs of `signature` can be asked for in this format."""
        ...

    def asked(self, signature: SignatureMeta) -> str:
        """Return the part of the system message that says in which form to reply."""
        ...

    def write_inputs(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return the inputs among `values` as a user's turn."""
        ...

    def write_answer(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return the outputs among `values` as the reply of an LM."""
        ...

    def find(self, signature: SignatureMeta, reply: str) -> Found:
        """Return the outputs that `reply`, without thoughts, has in this format."""
        ...
