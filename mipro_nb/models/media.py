"""Values that JSON does not give back: pictures are recorded by their hash, others as text."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, PrivateAttr, model_serializer

from mipro_nb.errors import InvalidArgumentError, shown
from mipro_nb.language.rows.plain import plain
from mipro_nb.language.saved_programs.saving import jsonable

# What no text is: base64 without end.
_DATA = re.compile(r"(?:data:[\w.+/-]*;base64,)?[A-Za-z0-9+/_-]{1024,}=*")
_TEXTS = (str, int, float, bool, type(None))


class GivenValue(BaseModel):
    """A value that is written down otherwise than as JSON gives it back, such as a picture.

    Pictures and the like are written as their hash, arrays as lists, other objects as their text.
    Programs and metrics are given the value itself.
    """

    _given: Any = PrivateAttr()
    _text: str | None = PrivateAttr(None)  # a picture takes long to hash, and is asked for often

    def __init__(self, given: Any) -> None:
        super().__init__()
        self._given = given

    @property
    def given(self) -> Any:
        """Return the value itself."""
        return self._given

    @model_serializer
    def _written(self) -> str:
        if self._text is None:
            try:
                self._text = hashed(
                    json.dumps(jsonable(plain(self._given), "value"), sort_keys=True)
                )
            except InvalidArgumentError:
                self._text = str(self._given)  # as prompts show it
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenValue) and self._written() == other._written()

    __hash__ = None  # type: ignore[assignment]  # as a picture has none

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        try:
            twin = type(self)(copy.deepcopy(self._given, memo))
        except Exception:  # noqa: BLE001 - what cannot be copied, a lock in it, say, is shared
            return self
        twin._text = self._text  # noqa: SLF001 - of this very class
        return twin

    def __repr__(self) -> str:
        return shown(self._written())

    __str__ = __repr__


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
    if _holds_array(value):  # which a row of ours would have as a list
        return GivenValue(value)
    try:
        text = json.dumps(jsonable(value, name))
    except InvalidArgumentError:
        return GivenValue(value)
    return GivenValue(value) if _DATA.search(text) else value


def _holds_array(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_array, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_array, value))
    return hasattr(value, "tolist") and bool(getattr(value, "ndim", 0))


def unwrapped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as programs and metrics are given them."""
    return {
        n: value.given if isinstance(value, GivenValue) else value for n, value in values.items()
    }
