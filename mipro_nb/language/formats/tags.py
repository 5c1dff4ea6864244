"""A pair of tags a field: ``<name>value</name>``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from mipro_nb.language.formats.description import described
from mipro_nb.language.formats.protocol import Found
from mipro_nb.language.reading.notation.keys import in_doubt
from mipro_nb.language.reading.notation.wrapping import trimmed
from mipro_nb.language.reading.parts.marks import folded
from mipro_nb.language.reading.values import quoted, write_value
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field, json_value
from mipro_nb.language.signatures.signature import SignatureMeta

_ASKED = "Reply in exactly this form:"


class Tags:
    """The format of tags."""

    name = "tags"
    called = "a pair of tags for each output"

    def fits(self, signature: SignatureMeta) -> bool:  # noqa: ARG002 - all formats have it
        """Tell that any signature fits."""
        return True

    def asked(self, signature: SignatureMeta) -> str:
        """Return the form of a reply, and what the values are."""
        outputs = signature.output_fields
        form = "\n".join(f"<{name}>the {name}</{name}>" for name in outputs)
        return "\n\n".join(filter(None, (f"{_ASKED}\n{form}", described(outputs.values()))))

    def write_inputs(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return each input between its tags."""
        return _tagged(signature, signature.input_fields, values)

    def write_answer(self, signature: SignatureMeta, values: Mapping[str, Any] | Example) -> str:
        """Return each output between its tags."""
        return _tagged(signature, signature.output_fields, values)

    def find(self, signature: SignatureMeta, reply: str) -> Found:
        """Return what stands between the tags, but for what more of them put in doubt."""
        names = tuple(signature.output_fields)
        by_folding = {folded(name): name for name in reversed(names)}
        texts: dict[str, str] = {}
        refused: dict[str, str] = {}
        ended: Counter[str] = Counter()
        last, place, before = None, 0, ""
        outside: list[str] = []
        while opening := _opening(names).search(reply, place):
            name = opening[1] if opening[1] in names else by_folding[folded(opening[1])]
            closing = _closing(name, names).search(reply, opening.end())
            # Without an end of its own, a value ends where the next one begins.
            following = _opening(names).search(reply, opening.end())
            end = closing.start() if closing else following.start() if following else len(reply)
            if not texts:
                before = reply[: opening.start()]
            outside.append(reply[place : opening.start()])
            text = trimmed(reply[opening.end() : end], after_mark=True)
            ended[name] += closing is not None
            if name in texts and closing and text not in ("", texts[name]):
                refused.setdefault(name, in_doubt([texts[name], text]))
            elif name not in texts and (text or closing):
                texts[name] = text
                last = None if closing or following else name
            place = closing.end() if closing else end
        for name in texts:
            if len(_closing(name, names).findall(reply)) > ended[name] > 0:
                refused[name] = f"nobody can tell which </{name}> ends it"
        texts = {name: text for name, text in texts.items() if name not in refused}
        outside.append(reply[place:])
        return Found(
            texts, refused=refused, last=last, before=before, outside="\n".join(outside).strip()
        )


@lru_cache(maxsize=256)
def _opening(names: tuple[str, ...]) -> re.Pattern[str]:
    name = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    return re.compile(rf"<\s*({name})\s*>", re.IGNORECASE | re.ASCII)


@lru_cache(maxsize=256)
def _closing(name: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """Return what ends the value of `name`; case counts if two names differ in nothing else."""
    alone = sum(folded(each) == folded(name) for each in names) == 1
    return re.compile(rf"</\s*{re.escape(name)}\s*>", re.IGNORECASE if alone else re.NOFLAG)


def _tagged(
    signature: SignatureMeta, fields: Iterable[str], values: Mapping[str, Any] | Example
) -> str:
    shown = [(signature.fields[name], values[name]) for name in fields if name in values]
    return "\n".join(f"<{field.name}>{_written(field, v)}</{field.name}>" for field, v in shown)


def _written(field: Field, value: Any) -> str:
    if field.kind == "input" and isinstance(value, str):
        return value  # never read back
    text = write_value(field, value)
    if "<" not in text:
        return text
    return quoted(json_value(field, value)).replace("<", "\\u003c")
