"""The doors: where calls of DSPy's LMs turn to the gate of a run.

`BaseLM.__call__` and ``acall`` are wrapped once, and so are those of classes that override them.
They do what they always did, unless what calls them belongs to a run, a rehearsal or an evaluation
of ours: then the call passes its gate, and leaves by DSPy's own transport. Hosted embedders are
stopped where nothing may be sent yet.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

import dspy

from mipro_nb.core_loop import core, on_core
from mipro_nb.dspy.lm_calls.asked import Asked
from mipro_nb.dspy.lm_calls.call import answered
from mipro_nb.dspy.lm_calls.callers import scope_of_caller
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models.gate.attempts import is_under_way
from mipro_nb.models.gate.gate import gate_here

_MARK = "_mipro_nb_door"


def open_doors() -> None:
    """Have calls of DSPy's LMs and embedders find the gate, if they belong to one."""
    _wrap(dspy.BaseLM, _OF_AN_LM)
    open_doors_of_subclasses(dspy.BaseLM)
    _wrap(dspy.Embedder, {"__call__": _embedding, "acall": _embedding_async})


def open_doors_of_subclasses(cls: Any) -> None:
    """Do the same for the classes that override what they have of `cls`, as far as they let us."""
    for derived in cls.__subclasses__():
        with contextlib.suppress(TypeError, AttributeError):
            _wrap(derived, _OF_AN_LM)
        open_doors_of_subclasses(derived)


def check_door_of(lm: Any) -> None:
    """Return if calls of an LM find the gate.

    Raises
    ------
    InvalidArgumentError
        If they cannot: it is not an LM, or is called in a way that could not be wrapped.
    """
    if not isinstance(lm, dspy.BaseLM):
        raise InvalidArgumentError("lm", type(lm), "it is not a dspy.LM: give one.")
    for name in _OF_AN_LM:
        method = vars(lm).get(name, getattr(type(lm), name, None))
        if not hasattr(method, _MARK):
            raise InvalidArgumentError(
                "lm",
                type(lm),
                f"its {name} cannot be wrapped, so its calls would pass neither permission nor "
                "caps: give a dspy.LM, with dspy.LM(…, engine=…) for a server of your own.",
            )


def _wrap(cls: type, makers: Mapping[str, Callable[[Any], Any]]) -> None:
    for name, make in makers.items():
        method = vars(cls).get(name)
        if method is not None and not hasattr(method, _MARK):
            made = make(method)
            setattr(made, _MARK, True)
            setattr(cls, name, made)


def _calling(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def calling(self: Any, *args: Any, **options: Any) -> Any:
        if is_under_way():
            return original(self, *args, **options)
        scope = scope_of_caller()
        if scope is not None:
            return scope.copy().run(
                _in_settings, dspy.settings.config, calling, self, *args, **options
            )
        if gate_here() is None:
            return original(self, *args, **options)
        return core().wait_for(answered(Asked(self, args, options, original)))

    return calling


def _in_settings(
    given: Mapping[str, Any], call: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    """Make a call with DSPy's settings as they are `given`: who calls is one of them."""
    with dspy.context(**given):
        return call(*args, **kwargs)


def _calling_async(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def calling(self: Any, *args: Any, **options: Any) -> Any:
        if is_under_way() or gate_here() is None:
            return await original(self, *args, **options)
        return await on_core(answered(Asked(self, args, options, original, is_async=True)))

    return calling


def _embedding(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def embedding(self: Any, *args: Any, **kwargs: Any) -> Any:
        gate = gate_here()
        if gate is not None and isinstance(self.model, str):
            core().wait_for(gate.let_by())
        return original(self, *args, **kwargs)

    return embedding


def _embedding_async(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def embedding(self: Any, *args: Any, **kwargs: Any) -> Any:
        gate = gate_here()
        if gate is not None and isinstance(self.model, str):
            await on_core(gate.let_by())
        return await original(self, *args, **kwargs)

    return embedding


_OF_AN_LM = {"__call__": _calling, "acall": _calling_async}
