"""Verbs with their arguments, and how a line is read by them."""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import indent
from typing import Any, Literal, NoReturn

from IPython.core.error import UsageError

from mipro_nb.arguments import meant_by, snake_case
from mipro_nb.errors import shown
from mipro_nb.notebook.magic.kinds import Kind
from mipro_nb.notebook.magic.objects import Notebook

_HELP_WIDTH = 96


@dataclass(frozen=True)
class Argument:
    """Something that stands on the line by its place, such as PROGRAM.

    Attributes
    ----------
    parameter
        The Python parameter that it becomes.
    kind
        What its value is.
    help
        One line that says what it is for.
    count
        Exactly one, one or none (``"?"``), any number (``"*"``), or one and more (``"+"``).
    """

    parameter: str
    kind: Kind
    help: str
    count: Literal["1", "?", "*", "+"] = "1"

    @property
    def shown(self) -> str:
        """Return how errors name it."""
        return self.kind.shown

    @property
    def usage(self) -> str:
        """Return how usage lines show it."""
        shown = self.kind.shown
        forms = {"1": shown, "?": f"[{shown}]", "*": f"[{shown} …]", "+": f"{shown} …"}
        return forms[self.count]


@dataclass(frozen=True)
class Option:
    """Something with a name, such as ``--train ROWS``, or ``--yes``, which has no value.

    Attributes
    ----------
    flag
        Its name with the dashes.
    parameter
        The Python parameter that it becomes.
    kind
        What its value is; None for one that has none.
    help
        One line that says what it is for.
    const
        The parameter's value where the option has none itself.
    required
        Whether the verb does nothing without it.
    ignored
        It is taken from lines that were written for another verb, does nothing, and is not offered.
    """

    flag: str
    parameter: str
    kind: Kind | None
    help: str
    const: Any = True
    required: bool = False
    ignored: bool = False

    @property
    def shown(self) -> str:
        """Return how usage lines and errors show it."""
        return self.flag if self.kind is None else f"{self.flag} {self.kind.shown}"


@dataclass(frozen=True)
class Verb:
    """One thing that ``%mipro`` does.

    Attributes
    ----------
    name
        The word on the line.
    summary
        What it does, a sentence.
    twin
        The same in Python.
    call
        Does it; gets the notebook's objects, and the arguments that were given by parameter.
    arguments, options
        What may follow the verb.
    command
        How a line with it begins.
    """

    name: str
    summary: str
    twin: str
    call: Callable[..., Any]
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    command: str = ""

    def __post_init__(self) -> None:
        if not self.command:
            object.__setattr__(self, "command", f"%mipro {self.name}")

    def read(self, words: Sequence[str], notebook: Notebook) -> dict[str, Any]:
        """Return the parameters that `words` give, by name; those not given are not there.

        Raises
        ------
        UsageError
            If a word is unknown, missing or of the wrong kind.
        """
        return self.values(self.texts(words), notebook)

    def texts(self, words: Sequence[str]) -> dict[str, Any]:
        """Return what `words` give for each parameter, as typed; errors are those of `read`."""
        found, rest = self._parser().parse_known_intermixed_args(words)
        for word in rest:
            self._refuse(word)
        texts = vars(found)
        missing = list(self._missing(texts))
        if missing:
            msg = f"{self.command} needs {' and '.join(missing)}: {self._more}"
            raise UsageError(msg)
        return texts

    def values(self, texts: Mapping[str, Any], notebook: Notebook) -> dict[str, Any]:
        """Return what the `texts` of parameters mean; errors are those of `read`."""
        known = {given.parameter: given for given in self._given()}
        return {name: self._value(known[name], text, notebook) for name, text in texts.items()}

    def _given(self) -> Iterator[Argument | Option]:
        yield from self.arguments
        yield from self.options

    def _value(self, given: Argument | Option, text: Any, notebook: Notebook) -> Any:
        if isinstance(text, list):
            return [self._value(given, one, notebook) for one in text]
        if given.kind is None or not isinstance(text, str):
            return text
        try:
            return given.kind.read(notebook, text)
        except ArgumentTypeError as error:
            msg = f"{self.command}: {given.shown}: {error}"
            raise UsageError(msg) from error

    def help(self) -> str:
        """Return usage, arguments, options and twin as text."""
        told = self._parser().format_help().rstrip()
        return f"{told}\n\nin Python:\n{indent(self.twin, '  ')}"

    def _refuse(self, word: str) -> NoReturn:
        # What stands behind "=" may be a secret: it is not repeated.
        flag = word.partition("=")[0]
        if flag.startswith("-"):
            offered = {option.parameter: option.flag for option in self.options}
            offered |= {snake_case(option.flag.strip("-")): option.flag for option in self.options}
            near = meant_by(flag.strip("-"), offered)
            meant = f" Did you mean {offered[near]}?" if near else ""
            msg = f"{self.command} has no option {flag}{meant and '.'}{meant or f': {self._more}'}"
        else:
            msg = f"{self.command} has no place for {shown(word, 80)!r}: {self._more}"
        raise UsageError(msg)

    def _missing(self, values: Mapping[str, Any]) -> Iterator[str]:
        for argument in self.arguments:
            if argument.count in "1+" and not values.get(argument.parameter):
                yield argument.shown
        for option in self.options:
            if option.required and option.parameter not in values:
                yield option.shown

    @property
    def _more(self) -> str:
        return f"%mipro help {self.name} tells more."

    def _parser(self) -> _Parser:
        parser = _Parser(self.command, self.summary, self._usage())
        for argument in self.arguments:
            parser.add_argument(
                argument.parameter,
                # A line that lacks something is parsed all the same, so that all of it is told.
                nargs="*" if argument.count in "*+" else "?",
                metavar=argument.kind.shown,
                help=_escaped(argument.help),
            )
        for option in self.options:
            how: dict[str, Any] = {"action": "store_const", "const": option.const}
            if option.kind is not None:
                how = {"metavar": option.kind.shown}
            help_ = argparse.SUPPRESS if option.ignored else _escaped(option.help)
            parser.add_argument(option.flag, dest=option.parameter, help=help_, **how)
        return parser

    def _usage(self) -> str:
        """Return the line that tells what has to be there, and what may."""
        words = [self.command, *(argument.usage for argument in self.arguments)]
        words += [option.shown for option in self.options if option.required]
        if not all(option.required for option in self.options):
            words.append("[options]")
        return " ".join(words)


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that never ends the process."""

    def __init__(self, command: str, summary: str, usage: str) -> None:
        super().__init__(
            prog=command,
            usage=_escaped(usage),
            description=summary,
            formatter_class=partial(argparse.HelpFormatter, width=_HELP_WIDTH),
            argument_default=argparse.SUPPRESS,
            add_help=False,
            allow_abbrev=False,
        )
        self.color = False  # from Python 3.14 on there would be escapes in the help

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError."""
        msg = f"{self.prog}: {message.removeprefix('argument ')}"
        raise UsageError(msg)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
