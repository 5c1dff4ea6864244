"""Prompts: the texts in a user's own code that are searched."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mipro_nb.arguments import only_known
from mipro_nb.checks import check_name
from mipro_nb.errors import InvalidArgumentError, SavedStateError
from mipro_nb.functions.executions import execution_here
from mipro_nb.functions.turns import TURNS, demos_of
from mipro_nb.language.lms.lm_protocol import Message
from mipro_nb.language.rows.example import Example
from mipro_nb.language.saved_programs import saving

_FORMAT, _VERSION = "mipro_nb prompt", 1


class FunctionPrompt:
    """A text of a function's own that is searched; made by `prompt`.

    ``str(p)`` and f-strings give the text in force: in a run that of the configuration that is
    tried, anywhere else its own. A run that ends leaves the best text and demos on it.

    Attributes
    ----------
    name
        Its name: in plans, views and the record.

    Examples
    --------
    >>> triage = prompt("Is this message spam or ham?", name="triage")
    >>> f"{triage} Answer in one word."
    'Is this message spam or ham? Answer in one word.'
    >>> triage.messages
    []
    """

    @only_known()
    def __init__(self, text: str, *, name: str, messages: Sequence[Message] = ()) -> None:
        if not isinstance(text, str) or not text.strip():
            raise InvalidArgumentError("text", text, "give the text of the prompt, as a str.")
        check_name("name", name, "a prompt", ())
        self.name = name
        self._text = self._given = text
        self._demos = demos_of(messages)
        self._given_demos = list(self._demos)

    @property
    def text(self) -> str:
        """The text in force here."""
        execution = execution_here()
        found = None if execution is None else execution.text_of(self, self.name)
        return self._text if found is None else found

    @property
    def messages(self) -> list[Message]:
        """The demos in force here as chat messages: turns of user and assistant."""
        execution = execution_here()
        found = None if execution is None else execution.turns_of(self)
        return self._own_turns() if found is None else found

    def _own_turns(self) -> list[Message]:
        return [dict(turn) for demo in self._demos for turn in demo[TURNS]]

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return format(self.text, spec)

    def __call__(self) -> str:
        """Return the text in force, for frameworks that ask a function for it."""
        return self.text

    @property
    def own_text(self) -> str:
        """Its own text, whatever is in force here."""
        return self._text

    @property
    def own_demos(self) -> list[Example]:
        """Its own demos, whatever is in force here."""
        return list(self._demos)

    def take(self, text: str | None = None, demos: Sequence[Example] | None = None) -> None:
        """Have another text, or other demos, from now on; each demo with its turns."""
        self._text = self._text if text is None else text
        self._demos = self._demos if demos is None else list(demos)

    def reset(self) -> None:
        """Go back to text and demos as written, from which another run begins."""
        self.take(self._given, self._given_demos)

    def diff(self) -> str:
        """Return a unified diff from the text and demos as written to those it has now.

        Where nothing has changed, it says so.
        """
        before = _lines(self._given, self._given_demos)
        after = _lines(self._text, self._demos)
        names = f"{self.name} as written", f"{self.name} now"
        changes = "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))
        return changes or f"{self.name} is unchanged."

    def source(self) -> str:
        """Return the line of Python that makes this prompt as it is now, to be pasted."""
        demos = f", messages={self._own_turns()!r}" if self._demos else ""
        name = self.name if self.name.isidentifier() else "p"
        return f"{name} = mipro.prompt({self._text!r}, name={self.name!r}{demos})"

    def save(self, path: str | Path) -> None:
        """Write text and demos as readable JSON to `path`."""
        demos = [saving.jsonable(demo.to_dict(), "demos") for demo in self._demos]
        state = {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            "text": self._text,
            "demos": demos,
        }
        saving.save(state, path)

    def load(self, path: str | Path) -> None:
        """Take text and demos from what `save` wrote.

        Raises
        ------
        SavedStateError
            If the file is not a saved prompt, or one of another name or a newer format.
        """
        state = saving.read(path)
        if state.get("format") != _FORMAT or state.get("version") != _VERSION:
            msg = f"{path} is not a prompt saved by this mipro_nb: its 'format' is not {_FORMAT!r}."
            raise SavedStateError(msg)
        if state.get("name") != self.name:
            msg = (
                f"{path} is the prompt {state.get('name')!r}, this one is {self.name!r}: load it "
                "into the prompt it was saved from."
            )
            raise SavedStateError(msg)
        text, demos = state.get("text"), state.get("demos")
        if not isinstance(text, str) or not isinstance(demos, list):
            msg = f"{path} is damaged: it needs text and demos."
            raise SavedStateError(msg)
        self.take(text, [_loaded(demo, path) for demo in demos])

    def __repr__(self) -> str:
        return f"FunctionPrompt({self._text!r}, name={self.name!r}, {len(self._demos)} demos)"


@only_known()
def prompt(text: str, *, name: str, messages: Sequence[Message] = ()) -> FunctionPrompt:
    """Return a prompt of a function of your own, which is searched by `MIPROv2`.

    Parameters
    ----------
    text
        The text as you have it: the system message, or a part of it.
    name
        Its name, letters and digits: in plans, views and the record.
    messages
        Solved examples, as turns of user and assistant.

    Returns
    -------
    FunctionPrompt
        ``str(p)`` is its text, ``p.messages`` are its demos as turns.

    Raises
    ------
    InvalidArgumentError
        If the text is empty, the name has other characters, or `messages` are not such turns.

    Examples
    --------
    >>> triage = prompt("Is this message spam or ham?", name="triage")
    >>> messages = [{"role": "system", "content": str(triage)}, *triage.messages]
    """
    return FunctionPrompt(text, name=name, messages=messages)


def _loaded(demo: Any, path: str | Path) -> Example:
    try:
        (checked,) = demos_of(demo[TURNS])
    except (InvalidArgumentError, ValueError, TypeError, KeyError):
        msg = f"{path} is damaged: a demo of it has no turns."
        raise SavedStateError(msg) from None
    return Example({**demo, **checked.to_dict()})


def _lines(text: str, demos: Sequence[Example]) -> list[str]:
    turns = [turn for demo in demos for turn in demo[TURNS]]
    told = [json.dumps(turn, ensure_ascii=False) for turn in turns]
    return [*text.split("\n"), *told]
