"""Pictures, sounds and files: in the record they stand by their hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, PrivateAttr, model_serializer

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.saving import jsonable

# What no text is: base64 without end.
_DATA = re.compile(r"(?:data:[\w.+/-]*;base64,)?[A-Za-z0-9+/_-]{1024,}=*")
_TEXTS = (str, int, float, bool, type(None))


class Media(BaseModel):
    """A value of a row that holds pictures or the like; written down, it is their hash.

    Programs and metrics are given the value itself.
    """

    _given: Any = PrivateAttr()
    _hashed: str | None = PrivateAttr(None)  # a picture takes long to hash, and is asked for often

    def __init__(self, given: Any) -> None:
        super().__init__()
        self._given = given

    @property
    def given(self) -> Any:
        """Return the value itself."""
        return self._given

    @model_serializer
    def _written(self) -> str:
        if self._hashed is None:
            self._hashed = hashed(json.dumps(jsonable(self._given, "value"), sort_keys=True))
        return self._hashed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Media) and bool(self._given == other.given)

    __hash__ = None  # type: ignore[assignment]  # as a picture has none


def hashed(text: str) -> str:
    """Return `text` with the data in it by their hash."""
    return _DATA.sub(_by_hash, text)


def _by_hash(data: re.Match[str]) -> str:
    digest = hashlib.sha256(data[0].encode()).hexdigest()
    return f"{len(data[0])} characters, sha256 {digest}"


def wrapped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as they can be written down: data by their hash, the rest as JSON or text."""
    return {name: _wrapped(name, value) for name, value in values.items()}


def _wrapped(name: str, value: Any) -> Any:
    if isinstance(value, _TEXTS):
        return value
    try:
        text = json.dumps(jsonable(value, name))
    except InvalidArgumentError:
        return str(value)  # as prompts show it
    return Media(value) if _DATA.search(text) else value


def unwrapped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as programs and metrics are given them."""
    return {n: value.given if isinstance(value, Media) else value for n, value in values.items()}
