"""Programs saved by DSPy, as its JSON has them: instructions and demos are read from it.

DSPy writes no names of fields but the words that stand before them in its prompts ("Some Context:"
for ``some_context``), and types not at all: fields are compared by these.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mipro_nb.errors import SavedStateError, shown

if TYPE_CHECKING:
    from mipro_nb.language.signatures.signature import SignatureMeta

_OF_A_PREDICTOR = frozenset({"signature", "demos"})


def is_dspys(state: object) -> bool:
    """Tell whether `state` is one that DSPy has saved."""
    return bool(_predictors_in(state))


def translated(state: Mapping[str, Any], signatures: Mapping[str, SignatureMeta]) -> dict[str, Any]:
    """Return the predictors in a state of DSPy's as our own saved form has them.

    Parameters
    ----------
    state
        The state.
    signatures
        Those of the program that it is loaded into, by the names of its predictors.

    Raises
    ------
    SavedStateError
        If a predictor has other fields than the one of its name.
    """
    made = {}
    with_lms = []
    for name, saved in _predictors_in(state).items():
        if saved.get("lm"):
            with_lms.append(name)
        if name in signatures:
            made[name] = _translated(name, saved, signatures[name])
        else:
            made[name] = saved  # the caller says which predictors are not here
    if with_lms:
        warnings.warn(
            f"The LM that DSPy saved with {', '.join(with_lms)} is not taken over: set it with "
            "configure(lm=…), or program.set_lm(…).",
            stacklevel=5,
        )
    return made


def _predictors_in(state: object) -> dict[str, Any]:
    if not isinstance(state, Mapping) or "format" in state:
        return {}
    if state.keys() >= _OF_A_PREDICTOR:  # a single predictor
        return {"self": state}
    found = {name: saved for name, saved in state.items() if name != "metadata"}
    fits = all(isinstance(s, Mapping) and s.keys() >= _OF_A_PREDICTOR for s in found.values())
    return found if fits else {}


def _translated(name: str, saved: Mapping[str, Any], signature: SignatureMeta) -> dict[str, Any]:
    written, demos = saved["signature"], saved["demos"]
    try:
        prefixes = [str(field["prefix"]) for field in written["fields"]]
        instructions = str(written["instructions"])
        shown_demos = [{n: demo[n] for n in signature.fields if n in demo} for demo in demos]
    except (KeyError, TypeError) as error:
        msg = f"The saved predictor {name!r} is damaged: it is not as DSPy saves one."
        raise SavedStateError(msg) from error
    if [_squeezed(_label(prefix)) for prefix in prefixes] != list(map(_squeezed, signature.fields)):
        there = ", ".join(prefix.rstrip(":") for prefix in prefixes)
        msg = (
            f"The predictor {name!r} that DSPy saved has the fields {shown(there)}; this one has "
            f"{', '.join(signature.fields)}: load it into a program of the same signatures."
        )
        raise SavedStateError(msg)
    return {
        "signature": signature.declaration,
        "instructions": instructions,
        "demos": shown_demos,
    }


def _label(prefix: str) -> str:
    """Return what names the field: older versions went on behind it, as in "Reasoning: Let's …"."""
    return prefix.partition(":")[0]


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
