"""Caches outside of a run, in which its answers would be mixed up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.functions.prompts.finding import cached_functions

_KEPT = "the record keeps answers to equal calls."


def check_caches(function: Any) -> None:
    """Return if no answers of this function are kept outside of runs, as far as can be seen.

    A cache by the arguments gives every candidate the answers of the first, and one by the prompt
    gives out the made-up answers of the rehearsal, in the run and ever after.

    Raises
    ------
    InvalidArgumentError
        If there is such a cache.
    """
    if cached := cached_functions(function):
        raise InvalidArgumentError(
            "function",
            cached[0],
            "it has functools' cache, so that every candidate would get the answers of the first: "
            f"give one without, such as {cached[0]}.__wrapped__; {_KEPT}",
        )
    for library, off, is_on in _CACHES:
        module = sys.modules.get(library)
        if module is not None and is_on(module):
            raise InvalidArgumentError(
                "function",
                f"the cache of {library} is on",
                "made-up answers of the rehearsal would get into it, and come out again in the run "
                f"and later: turn it off by {off}; {_KEPT}",
            )


_CACHES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("litellm", "litellm.cache = None", lambda module: getattr(module, "cache", None) is not None),
    (
        "langchain_core.globals",
        "set_llm_cache(None)",
        lambda module: module.get_llm_cache() is not None,
    ),
)
