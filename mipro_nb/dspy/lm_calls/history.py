"""The histories of LMs and modules: an entry for each answer, wherever it comes from.

A program or a metric may read what was asked last. So what the record has kept, and what a
rehearsal makes up, is told like what was sent.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

import dspy

from mipro_nb.dspy.lm_calls.usage import usage_of
from mipro_nb.language.execution.attempt import current_attempt
from mipro_nb.models.calls import Answer

Entry = Mapping[str, Any]


def entry_of(
    lm: Any, prompt: Any, options: Mapping[str, Any], answer: Answer, outputs: Any
) -> Entry:
    """Return an entry, in the form of DSPy's, on an answer that was not sent for: it is free."""
    return {
        "prompt": prompt if isinstance(prompt, str) else None,
        "messages": options.get("messages"),
        "kwargs": {
            name: value
            for name, value in options.items()
            if name != "messages" and not name.startswith("api_")
        },
        "response": None,
        "outputs": outputs,
        "usage": usage_of(answer),
        "cost": 0.0,
        "timestamp": dt.datetime.now().isoformat(),  # noqa: DTZ005 - as DSPy's have it
        "uuid": str(uuid.uuid4()),
        "model": lm.model,
        "response_model": lm.model,
        "model_type": getattr(lm, "model_type", "chat"),
    }


def tell_lm(lm: Any, entry: Entry) -> None:
    """Tell an LM of an answer."""
    if hasattr(lm, "history"):
        with dspy.context(caller_modules=None):
            lm.update_history(entry)


def tell_modules(entry: Entry) -> None:
    """Tell the modules that call an LM now of an answer."""
    most = 0 if dspy.settings.disable_history else dspy.settings.max_history_size
    for module in dspy.settings.caller_modules or ():
        if most:
            del module.history[: max(0, len(module.history) - most + 1)]
            module.history.append(entry)


def tell_rehearsed(lm: Any, entry: Entry) -> None:
    """Tell both of an answer that was made up; they forget it once the row is rehearsed."""
    attempt = current_attempt()
    if attempt is None or dspy.settings.disable_history:
        return
    for owner in (lm, *(dspy.settings.caller_modules or ())):
        history = getattr(owner, "history", None)
        if history is not None:
            history.append(entry)
            attempt.afterwards(partial(_forget, history, entry))


def _forget(history: list[Entry], entry: Entry) -> None:
    place = next((n for n, each in enumerate(history) if each is entry), None)
    if place is not None:
        del history[place]
