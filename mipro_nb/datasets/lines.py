"""Files with a JSON value in each line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.templates.prompt_files import text_of


def json_lines(file: Path) -> list[Any]:
    """Return the value of each line that is not empty.

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read, or a line is not JSON.
    """
    rows = []
    for number, line in enumerate(text_of(file).split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError):
                remedy = f"line {number} is not JSON: {shown(line, 80)}."
                raise InvalidArgumentError("path", str(file), remedy) from None
    return rows
