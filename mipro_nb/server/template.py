"""The notebook that one begins with: a prompt, rows and a metric to replace by one's own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.runs.following.protocol import request

TEMPLATE = Path(__file__).with_name("template.ipynb")
_SETTINGS = '"minibatch": False'


class Template:
    """Answers what is asked for a new notebook."""

    @request
    def template(self, max_usd: float | None, max_calls: int | None) -> dict[str, Any]:
        """Return a notebook with a small task that can be run as it is, under these caps."""
        caps = Caps(max_usd=max_usd, max_calls=max_calls).to_dict()
        given = {name: limit for name, limit in caps.items() if limit is not None}
        told = "".join(f', "{name}": {limit!r}' for name, limit in given.items())
        notebook: dict[str, Any] = json.loads(_text())
        for cell in notebook["cells"]:
            cell["source"] = cell["source"].replace(_SETTINGS, _SETTINGS + told)
        return notebook


@cache
def _text() -> str:
    return TEMPLATE.read_text(encoding="utf-8")
