"""Variables of the notebook in the body of a cell: ``{name}``; ``{{`` and ``}}`` are braces."""

from __future__ import annotations

import re

from IPython.core.error import UsageError

from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.words import did_you_mean

# Other braces, as of JSON or a set, mean themselves.
_BRACES = re.compile(r"\{\{|\}\}|\{([^\W\d]\w*)\}")
_WORDS = {"{{": "{", "}}": "}"}


def with_variables(body: str, notebook: Notebook) -> str:
    """Return the body of a cell with the values of variables in place of their names.

    Raises
    ------
    UsageError
        If there is no variable of a name, or it holds something else than a text or a number.
    """
    return _BRACES.sub(lambda found: _WORDS.get(found[0]) or _value(found[1], notebook), body)


def _value(name: str, notebook: Notebook) -> str:
    if name not in notebook.namespace:
        known = notebook.names(_can_be_written)
        msg = (
            f"%%mipro: {{{name}}} stands for a variable, and there is none of this name."
            f"{did_you_mean(name, known)} For braces, write {{{{{name}}}}}."
        )
        raise UsageError(msg)
    value = notebook.namespace[name]
    if not _can_be_written(value):
        msg = (
            f"%%mipro: {{{name}}} is a {type(value).__name__}: give a variable that holds a text "
            f"or a number. For braces, write {{{{{name}}}}}."
        )
        raise UsageError(msg)
    return str(value)


def _can_be_written(value: object) -> bool:
    return isinstance(value, str | int | float)
