"""What an LM answered over HTTP, as the one text that the record keeps, and back again.

A reply that is plain text is kept as that. What is more than one (calls of tools, several replies,
the id of a response that is referred to later) is kept behind the text as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MARK = "\n[the whole answer of the LM, as JSON]\n"


def packed(text: str, whole: Mapping[str, Any] | None) -> str:
    """Return the text to be kept of a reply; `whole` is the answer, None if it is but the text."""
    if whole is None and _MARK not in text:
        return text
    return f"{text}{_MARK}{json.dumps(whole, ensure_ascii=False)}"


def unpacked(kept: str) -> tuple[str, Any]:
    """Return the reply and the whole answer, None if it was but the text."""
    text, mark, whole = kept.rpartition(_MARK)
    return (text, json.loads(whole)) if mark else (kept, None)
