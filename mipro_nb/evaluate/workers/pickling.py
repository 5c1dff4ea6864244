"""Pickles between the core and its workers: by value what they cannot import, LMs by number.

An LM holds a connection and a key. Neither leaves the core: a worker gets the LM's number and its
name, and asks the core. A class that a worker cannot import is made there once more, and comes back
as its number: by value it would be another class, or change the one that is here.
"""

from __future__ import annotations

import io
import itertools
import pickle
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import cloudpickle

from mipro_nb.language.lms.lm_protocol import LanguageModel
from mipro_nb.language.signatures.signature import SignatureMeta

_numbers = itertools.count()
# In the core; a class has the same number for all workers, as it may go to one by several ways.
_numbers_of_classes: WeakKeyDictionary[type, int] = WeakKeyDictionary()
# In a worker.
_classes_of_the_core: WeakKeyDictionary[type, int] = WeakKeyDictionary()


class Lent:
    """What workers get from the core and name by number: LMs that they may ask, and classes."""

    def __init__(self) -> None:
        self._lent: dict[int, Any] = {}
        self._lms: dict[int, int] = {}  # by identity: they may be anything

    def number_of_lm(self, lm: LanguageModel) -> int:
        """Return the number of an LM."""
        number = self._lms.setdefault(id(lm), next(_numbers))
        self._lent[number] = lm
        return number

    def number_of_class(self, cls: type) -> int:
        """Return the number of a class."""
        number = _numbers_of_classes.setdefault(cls, next(_numbers))
        self._lent[number] = cls
        return number

    def __getitem__(self, number: int) -> Any:
        return self._lent[number]


def is_lm(thing: object) -> bool:
    """Tell whether something is an LM; asks its class first, since an object may say anything."""
    return hasattr(type(thing), "acomplete") and isinstance(thing, LanguageModel)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, lm_reference: Callable[[Any], Any]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._lm_reference = lm_reference

    def persistent_id(self, thing: Any) -> Any:
        return ("lm", self._lm_reference(thing)) if is_lm(thing) else None

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, SignatureMeta):  # they know themselves how
            return NotImplemented
        return super().reducer_override(thing)


class _ToWorkers(_Pickler):
    def __init__(self, file: io.BytesIO, lm_reference: Callable[[Any], Any], lent: Lent) -> None:
        super().__init__(file, lm_reference)
        self._lent = lent

    def reducer_override(self, thing: Any) -> Any:
        reduced = super().reducer_override(thing)
        if isinstance(thing, type) and isinstance(reduced, tuple) and len(reduced) > _OF_A_CALL:
            make, arguments, *rest = reduced
            return (_made_in_worker, (self._lent.number_of_class(thing), make, *arguments), *rest)
        return reduced


class _ToTheCore(_Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if isinstance(thing, type) and type(thing).__hash__ is not None:
            number = _classes_of_the_core.get(thing)
            if number is not None:
                return ("class", number)
        return super().persistent_id(thing)


# A class by value is made of more than a function and its arguments.
_OF_A_CALL = 2


def _made_in_worker(number: int, make: Callable[..., type], *arguments: Any) -> type:
    made = make(*arguments)
    _classes_of_the_core[made] = number
    return made


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, found: Callable[[str, Any], Any]) -> None:
        super().__init__(file)
        self._found = found

    def persistent_load(self, pid: Any) -> Any:
        return self._found(*pid)


def dumps_for_workers(thing: Any, lm_reference: Callable[[Any], Any], lent: Lent) -> bytes:
    """Return `thing` pickled for workers; `lm_reference` returns what stands for an LM."""
    return _dumped(thing, lambda file: _ToWorkers(file, lm_reference, lent))


def dumps_for_core(thing: Any, lm_reference: Callable[[Any], Any]) -> bytes:
    """Return `thing` pickled in a worker for the core, which has the classes that it has sent."""
    return _dumped(thing, lambda file: _ToTheCore(file, lm_reference))


def dumps(thing: Any, lm_reference: Callable[[Any], Any]) -> bytes:
    """Return `thing` pickled for the process itself."""
    return _dumped(thing, lambda file: _Pickler(file, lm_reference))


def _dumped(thing: Any, pickler: Callable[[io.BytesIO], _Pickler]) -> bytes:
    file = io.BytesIO()
    pickler(file).dump(thing)
    return file.getvalue()


def loads_in_core(pickled: bytes, lent: Lent) -> Any:
    """Return what a worker has pickled."""

    def found(kind: str, reference: Any) -> Any:
        return lent[reference.number if kind == "lm" else reference]

    return _Unpickler(io.BytesIO(pickled), found).load()


def loads(pickled: bytes, lm_of: Callable[[Any], Any]) -> Any:
    """Return in a worker what was pickled; `lm_of` returns the LM that something stands for."""
    return _Unpickler(io.BytesIO(pickled), lambda _, reference: lm_of(reference)).load()
