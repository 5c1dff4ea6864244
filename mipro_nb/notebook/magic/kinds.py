"""The kinds of values on a ``%mipro`` line: how each is read, and what completes it."""

from __future__ import annotations

import keyword
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.checks import check_executor
from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.functions import FunctionPrompt
from mipro_nb.functions.prompts.finding import is_function, prompts_of
from mipro_nb.language import Example, Module
from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.notebook.magic.known_runs import (
    complete_exported,
    complete_resumable,
    complete_run,
    read_exported,
    read_resumable,
    read_run,
)
from mipro_nb.notebook.magic.objects import Fits, Notebook
from mipro_nb.notebook.magic.words import did_you_mean


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes
    ----------
    shown
        How usage lines and help show it.
    read
        Returns the value that a text means; raises ArgumentTypeError with a sentence otherwise.
    complete
        Returns what a text that is being typed may become, in the order to be shown.
    """

    shown: str
    read: Callable[[Notebook, str], Any]
    complete: Callable[[Notebook, str], Sequence[str]] = lambda _, __: ()


def choice(*choices: str, shown_as: str | None = None) -> Kind:
    """Return the kind that is one of `choices`."""
    return choice_of(lambda: choices, shown_as=shown_as)


def choice_of(known: Callable[[], Sequence[str]], *, shown_as: str | None = None) -> Kind:
    """Return the kind that is one of what is known when a line is read: there may be more then."""

    def read(_: Notebook, text: str) -> str:
        if text not in (choices := known()):
            meant = did_you_mean(text, choices)
            msg = f"{shown(text, 80)!r} is none of {', '.join(choices)}.{meant}"
            raise ArgumentTypeError(msg)
        return text

    return Kind(shown_as or "|".join(known()), read, lambda _, typed: _beginning(known(), typed))


def an_object(shown: str, fits: Fits) -> Kind:
    """Return the kind that is the name of an object of the notebook; `fits` tells which to offer.

    Whether it will do is for the verb to say: only the completion is choosy.
    """
    return Kind(
        shown,
        lambda notebook, text: notebook.find(text, fits),
        lambda notebook, typed: notebook.names(fits, typed),
    )


def _beginning(words: Sequence[str], typed: str) -> list[str]:
    return [word for word in words if word.startswith(typed)]


def _whole(_: Notebook, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        msg = f"{shown(text, 80)!r} is not a whole number."
        raise ArgumentTypeError(msg) from None


def _number(_: Notebook, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        msg = f"{shown(text, 80)!r} is not a number."
        raise ArgumentTypeError(msg) from None


def _names(_: Notebook, text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _new_name(_: Notebook, text: str) -> str:
    if not text.isidentifier() or keyword.iskeyword(text):
        msg = f"{shown(text, 80)!r} is not a valid variable name."
        raise ArgumentTypeError(msg)
    return text


def _is_program(value: Any) -> bool:
    return isinstance(value, Module) or (is_function(value) and bool(prompts_of(value)))


def _is_metric(value: Any) -> bool:
    return callable(value) and not isinstance(value, type | Module | LanguageModel | FunctionPrompt)


def _is_rows(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) > 0 and isinstance(value[0], Mapping | Example)
    return hasattr(type(value), "columns")


def _preference(notebook: Notebook, text: str) -> Any:
    """Return the function of this name; else the phrase, which the optimizer reads."""
    try:
        named = notebook.find(text, _is_metric)
    except ArgumentTypeError:
        return text
    return named if _is_metric(named) else text


def _is_executor(value: Any) -> bool:
    try:
        return check_executor("executor", value) is not None
    except InvalidArgumentError:
        return False


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


WHOLE = Kind("N", _whole)
NUMBER = Kind("X", _number)
NAMES = Kind("A,B", _names)
NEW_NAME = Kind("NAME", _new_name)
TEXT = Kind("TEXT", lambda _, text: text)
TEXTS = an_object("TEXTS", _is_texts)
PATH = Kind("PATH", lambda _, text: text)
RUN = Kind("RUN", read_run, complete_run)
EXPORTED = Kind("RUN", read_exported, complete_exported)
RESUMABLE_RUN = Kind("RUN", read_resumable, complete_resumable)
PROGRAM = an_object("PROGRAM", _is_program)
ROWS = an_object("ROWS", _is_rows)
METRIC = an_object("FN", _is_metric)
PREFERENCE = Kind("TEXT|FN", _preference, lambda notebook, typed: notebook.names(_is_metric, typed))
EXECUTOR = an_object("NAME", _is_executor)
MODEL = an_object("LM", lambda value: isinstance(value, LanguageModel))
