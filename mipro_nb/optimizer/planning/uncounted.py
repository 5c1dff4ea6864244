"""LMs of a user's own kind: what they are asked passes no gate, so nobody counts or keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.lm_protocol import LanguageModel
from mipro_nb.models.counted import CountedLM
from mipro_nb.models.gate.caps import Caps

_COUNTING = ("max_usd", "max_calls", "max_tokens")


def uncounted(lms: Iterable[LanguageModel]) -> list[str]:
    """Return the names of those of `lms` whose calls are not counted."""
    unknown = [lm for lm in lms if not isinstance(lm, CountedLM)]
    return list(dict.fromkeys(f"{lm.name} ({type(lm).__name__})" for lm in unknown))


def check_counted(caps: Caps, names: Sequence[str]) -> None:
    """Return if `caps` can be kept where calls of the LMs `names` are not counted.

    Raises
    ------
    InvalidArgumentError
        If calls, tokens or USD are capped, and there are such LMs.
    """
    for cap in _COUNTING:
        limit = getattr(caps, cap)
        if names and limit is not None:
            raise InvalidArgumentError(
                cap,
                limit,
                f"it cannot be kept, since calls of {', '.join(names)} are not counted: only those "
                "of a mipro_nb LM are, LM(…, base_url=…) for a server of your own. Give such an "
                "LM, or max_seconds instead.",
            )


def note(names: Sequence[str]) -> list[str]:
    """Return what the plan says about them; nothing if there are none."""
    told = (
        f"Calls to {', '.join(names)} (a custom LM) are not counted, cached or capped: they are "
        "not in the run's spend, and a resumed run repeats them."
    )
    return [told] if names else []
