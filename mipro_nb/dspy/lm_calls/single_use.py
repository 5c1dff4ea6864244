"""An LM of DSPy's for one attempt at a call: it neither repeats it nor keeps an answer.

A copy serves for ``dspy.LM``. A class of a user's own may count its calls, or keep what else it
likes: what is called is then the very LM, seen through an object that shares all its attributes but
those of one attempt.
"""

from __future__ import annotations

import copy
from types import MemberDescriptorType
from typing import Any

import dspy

from mipro_nb.dspy.versions import COPIES_ALL

ROLLOUT = "rollout_id"
_ONE_ATTEMPT = {"cache": False, "num_retries": 0}
_OF_ONE_ATTEMPT = ("history", "update_history", "kwargs", *_ONE_ATTEMPT)
_SHARING = "_mipro_nb_sharing"


def single_use(lm: Any) -> Any:
    """Return what stands for an LM in one attempt, with a history of its own."""
    # What a class of the user's own does not have, copy() would add to what is sent.
    known = {name: value for name, value in _ONE_ATTEMPT.items() if hasattr(lm, name)}
    sharing = None if type(lm) is dspy.LM else _sharing_class(type(lm))
    if sharing is not None:
        single: Any = object.__new__(sharing)
        single.__dict__ = vars(lm)
        for name, value in known.items():
            setattr(single, name, value)
        single.kwargs = dict(lm.kwargs)
    elif not COPIES_ALL or type(lm).copy is not dspy.BaseLM.copy:
        single = lm.copy(**known)
    else:
        single = copy.copy(lm)
        vars(single).update(known, kwargs=dict(lm.kwargs))
        single.callbacks = list(getattr(lm, "callbacks", None) or [])
    single.history = []
    single.kwargs.pop(ROLLOUT, None)
    return single


def is_copied(lm: Any) -> bool:
    """Tell whether an LM of a user's own class is called on a copy, for want of another way."""
    return type(lm) is not dspy.LM and _sharing_class(type(lm)) is None


def _sharing_class(cls: type) -> type | None:
    """Return the class of objects that share the attributes of one of `cls`; None if none can.

    A slot of a class comes before what the object's own dict holds: so these attributes, and no
    others, are the object's alone.
    """
    found: type | None = vars(cls).get(_SHARING)
    if found is not None or _has_slots(cls) or _hears_of_subclasses(cls):
        return found
    namespace = {
        "__slots__": _OF_ONE_ATTEMPT,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
    }
    try:
        made = type(cls)(cls.__name__, (cls,), namespace)
        setattr(cls, _SHARING, made)
    except (TypeError, AttributeError):  # a class that lets nobody derive from it
        return None
    return made


def _has_slots(cls: type) -> bool:
    return any(
        isinstance(each, MemberDescriptorType)
        for base in cls.__mro__
        for each in vars(base).values()
    )


def _hears_of_subclasses(cls: type) -> bool:
    """Tell whether a class does something where another derives from it, such as to list it."""
    return any("__init_subclass__" in vars(base) for base in cls.__mro__ if base is not object)
