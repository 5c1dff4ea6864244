"""``%load_ext mipro_nb``: the magics ``%mipro`` and ``%%mipro``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.core.completer import Matcher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from mipro_nb.notebook.frontend import missing_widgets, somebody_looks_on
from mipro_nb.notebook.magic.completion import Completer
from mipro_nb.notebook.magic.failures import in_one_line
from mipro_nb.notebook.magic.grammar import Verb
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.unused_value import value_is_unused
from mipro_nb.notebook.magic.verbs import CELL, VERBS
from mipro_nb.notebook.magic.words import did_you_mean, split
from mipro_nb.notebook.plain import Text
from mipro_nb.optimizer.running.resuming.caller_names import typed


@magics_class
class MiproMagics(Magics):
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.notebook = Notebook(shell.user_ns, shell.user_ns_hidden)
        self.matcher: Matcher = Completer(self.notebook).matcher()

    @line_magic("mipro")  # type: ignore[arg-type]
    def line(self, line: str) -> Any:
        """Optimize prompts and look at runs: ``%mipro help`` tells all verbs."""
        with in_one_line(self.notebook):
            name, *words = split(line) or ["help"]
            if name in _HELP_FLAGS:
                name = "help"
            if name not in VERBS:
                meant = _MEANT.get(name) or did_you_mean(name, VERBS) or _MORE
                msg = f"%mipro has no verb {name!r}.{meant}"
                raise UsageError(msg)
            value = self._done(VERBS[name], words)
        if value is not None and value_is_unused():
            display(value)
        return value

    @cell_magic("mipro")  # type: ignore[arg-type]
    def cell(self, line: str, cell: str) -> Any:
        """Optimize the program that the cell declares: ``%mipro help %%mipro`` tells how."""
        with in_one_line(self.notebook):
            return self._done(CELL, split(line), body=cell)

    def _done(self, verb: Verb, words: Sequence[str], **more: Any) -> Any:
        if not _HELP_FLAGS.isdisjoint(words):
            return Text(verb.help())
        texts = verb.texts(words)
        names: dict[str, str] = {
            name: texts[name] for name in ("student", "metric") if name in texts
        }
        with typed({"command": verb.command, **names}):
            return verb.call(self.notebook, **verb.values(texts, self.notebook), **more)


_HELP_FLAGS = frozenset({"--help", "-h"})
# What people type who know the Python twins.
_MEANT = {
    "start": " Did you mean %mipro run … --background?",
    "compile": " Did you mean run?",
    "optimize": " Did you mean run?",
    "plan": " Did you mean estimate?",
}
_MORE = " %mipro help tells all of them."


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Bring the magics into a shell; in place of those that were loaded before."""
    unload_ipython_extension(ipython)
    magics = MiproMagics(ipython)
    ipython.register_magics(magics)
    ipython.Completer.custom_matchers.append(magics.matcher)
    if somebody_looks_on() and (missing := missing_widgets()):
        print(missing)  # noqa: T201 - a note below the cell


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take the magics away again."""
    manager = ipython.magics_manager
    magics = manager.registry.pop(MiproMagics.__name__, None)
    if magics is None:
        return
    for kind in ("line", "cell"):
        manager.magics[kind].pop("mipro", None)
    ipython.Completer.custom_matchers.remove(magics.matcher)
