"""Who makes the present call: a predictor of a program of ours, of a judge, or none."""

from __future__ import annotations

from contextvars import Context
from typing import Any, Protocol
from weakref import WeakValueDictionary

import dspy

from mipro_nb.language.execution.scope import lost
from mipro_nb.language.signatures.signature import SignatureMeta


class Proxy(Protocol):
    """What stands for a ``dspy.Predict`` in a program of ours.

    Attributes
    ----------
    inner
        The predictor of DSPy's.
    scope, bound_name
        As in `mipro_nb.language.prompting.predictor.Predictor`.
    """

    inner: Any
    scope: Context | None
    bound_name: str | None

    @property
    def signature(self) -> SignatureMeta:
        """Its signature as ours."""
        ...


_proxies: WeakValueDictionary[int, Proxy] = WeakValueDictionary()


def register(proxy: Proxy) -> None:
    """Have `proxy_of` find what stands for its predictor, for as long as it is there."""
    _proxies[id(proxy.inner)] = proxy


def proxy_of(predictor: Any) -> Proxy | None:
    """Return what stands for a predictor of DSPy's, None if it is none of a program of ours."""
    found = _proxies.get(id(predictor))
    return found if found is not None and found.inner is predictor else None


def calling_predictor() -> Any:
    """Return the ``dspy.Predict`` that makes the present call, None if none does."""
    modules = dspy.settings.caller_modules or []
    return next((each for each in reversed(modules) if isinstance(each, dspy.Predict)), None)


def scope_of_caller() -> Context | None:
    """Return what the present call belongs to, where its thread has inherited nothing.

    None if it belongs to nothing of ours.
    """
    proxy = proxy_of(calling_predictor())
    return proxy.scope if proxy is not None and lost() else None
