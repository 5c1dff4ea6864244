"""A label, chosen by the embedded model in one pass: its first token says which one it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from mipro_nb.models.calls import Answer, Call


async def chosen_label(
    call: Call, labels: Sequence[str], send: Callable[[Call], Awaitable[Answer]]
) -> Answer:
    """Return the answer to a call whose reply a grammar keeps to `labels`.

    Where only one of them begins with the first token, the grammar leaves nothing to choose: the
    rest of the label need not be written, nor its end. Else the call is sent whole; the prompt,
    which takes the time, has been read then.
    """
    begun = await send(replace(call, parameters={**call.parameters, "max_tokens": 1}))
    of_these = [label for label in labels if begun.text and label.startswith(begun.text)]
    if len(of_these) != 1:
        return await send(call)
    return begun.model_copy(update={"text": of_these[0], "truncated": False})
