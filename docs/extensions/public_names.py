"""Links what docstrings name in backticks, where it is public."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

import mipro_nb
from mipro_nb import datasets, errors, runs, testing

_NAME = re.compile(r"(?<![`:\w])`([A-Z]\w+)((?:\.\w+)?)`(?![`_])")


def setup(app: Sphinx) -> dict[str, Any]:
    """Have docstrings be looked through as they are read."""
    app.connect("autodoc-process-docstring", _link)
    return {"parallel_read_safe": True}


def public_classes() -> dict[str, str]:
    """Return the full name of every public class by its short one."""
    faces = {
        "mipro_nb": mipro_nb.__all__,
        "mipro_nb.runs": runs.__all__,
        "mipro_nb.datasets": datasets.__all__,
        "mipro_nb.testing": testing.__all__,
        "mipro_nb.errors": vars(errors),
    }
    return {
        name: f"{face}.{name}"
        for face, names in faces.items()
        for name in names
        if name[0].isupper()
    }


def _link(*told: Any) -> None:
    lines: list[str] = told[-1]
    known = public_classes()

    def linked(found: re.Match[str]) -> str:
        full = known.get(found[1])
        return f":py:obj:`~{full}{found[2]}`" if full else found[0]

    lines[:] = [_NAME.sub(linked, line) for line in lines]
