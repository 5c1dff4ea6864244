"""The notebook that one begins with: a prompt, rows and a metric to replace by one's own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from mipro_nb.runs.following.protocol import request

TEMPLATE = Path(__file__).with_name("template.ipynb")


class Template:
    """Answers what is asked for a new notebook."""

    @request
    def template(self) -> dict[str, Any]:
        """Return a notebook with a small task that can be run as it is."""
        return _template()


@cache
def _template() -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    return notebook
