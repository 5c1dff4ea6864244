"""Errors of magics: one line in the cell, the rest by ``%mipro traceback``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception

from IPython.core.error import UsageError

from mipro_nb.errors import MiproError, shown
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.plain import visible

_CHARACTERS = 2000
_REST = "(%mipro traceback tells the rest.)"


@contextmanager
def in_one_line(notebook: Notebook) -> Iterator[None]:
    """Have IPython show an error that leaves the block in one line; its type stays what it is."""
    try:
        yield
    except Exception as error:
        notebook.last_traceback = "".join(format_exception(error)).rstrip()
        told = _told(error)
        if isinstance(error, UsageError):
            error.args = (told,)  # IPython itself shows these without a traceback
        else:
            line = f"{type(error).__name__}: {told}"
            # IPython asks an error itself for its traceback, if it can tell one.
            error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        raise


def _told(error: Exception) -> str:
    # Errors are written in one line, but what they quote from elsewhere may not be.
    words = [str(error), *getattr(error, "__notes__", ())]
    is_whole = isinstance(error, MiproError) and error.__cause__ is None
    if not is_whole and not isinstance(error, UsageError):
        words.append(_REST)
    return visible(shown(" ".join(" ".join(words).split()), _CHARACTERS))
