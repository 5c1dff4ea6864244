"""Pickles between the core and its workers: by value what they cannot import, LMs by number.

An LM holds a connection and a key. Neither leaves the core: a worker gets the LM's number and its
name, and asks the core.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle

from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.signatures.signature import SignatureMeta

_NOTEBOOK = "__main__"


class LMs:
    """The LMs of the core that workers may ask, by number."""

    def __init__(self) -> None:
        self._lms: list[LanguageModel] = []
        self._numbers: dict[int, int] = {}  # by identity: they may be anything

    def number_of(self, lm: LanguageModel) -> int:
        """Return the number of an LM."""
        if id(lm) not in self._numbers:
            self._numbers[id(lm)] = len(self._lms)
            self._lms.append(lm)
        return self._numbers[id(lm)]

    def __getitem__(self, number: int) -> LanguageModel:
        return self._lms[number]


def is_lm(thing: object) -> bool:
    """Tell whether something is an LM; asks its class first, since an object may say anything."""
    return hasattr(type(thing), "acomplete") and isinstance(thing, LanguageModel)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, lm_reference: Callable[[Any], Any], *, home: bool) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._lm_reference, self._home = lm_reference, home

    def persistent_id(self, thing: Any) -> Any:
        if is_lm(thing):
            return ("lm", self._lm_reference(thing))
        if self._home and isinstance(thing, type) and _is_of_the_notebook(thing):
            return ("class", thing.__qualname__)
        return None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, SignatureMeta):  # they know themselves how
            return NotImplemented
        return super().reducer_override(thing)


def _is_of_the_notebook(cls: type) -> bool:
    # By value it would come back as a change to the class that is there.
    return cls.__module__ == _NOTEBOOK and "<locals>" not in cls.__qualname__


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, lm_of: Callable[[Any], Any]) -> None:
        super().__init__(file)
        self._lm_of = lm_of

    def persistent_load(self, pid: Any) -> Any:
        kind, reference = pid
        if kind == "lm":
            return self._lm_of(reference)
        found: Any = sys.modules[_NOTEBOOK]
        for name in reference.split("."):
            found = getattr(found, name)
        return found


def dumps(thing: Any, lm_reference: Callable[[Any], Any], *, home: bool = False) -> bytes:
    """Return `thing` pickled.

    Parameters
    ----------
    thing
        Anything.
    lm_reference
        Returns what stands for an LM.
    home
        Whether it goes back to the core, which has the classes of the notebook.
    """
    file = io.BytesIO()
    _Pickler(file, lm_reference, home=home).dump(thing)
    return file.getvalue()


def loads(pickled: bytes, lm_of: Callable[[Any], Any]) -> Any:
    """Return what was pickled; `lm_of` returns the LM that something stands for."""
    return _Unpickler(io.BytesIO(pickled), lm_of).load()
