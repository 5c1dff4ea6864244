"""The signature of a prompt: what its function is given, and what the rows say of the answer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from mipro_nb.errors import InvalidArgumentError, SignatureError
from mipro_nb.language.rows.example import Example
from mipro_nb.language.signatures.fields import Field, adapter
from mipro_nb.language.signatures.signature import SignatureMeta, make_signature

REPLY = "reply"
_PLAIN = (bool, int, float, str)
_ANY = "data"
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def named_inputs(function: Callable[..., Any], rows: Sequence[Example] = ()) -> list[str]:
    """Return the names of what a function is given: its parameters, or the rows' inputs.

    Raises
    ------
    InvalidArgumentError
        If it does not take the inputs of a row.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = inspect.Signature([inspect.Parameter(_ANY, _VARIADIC[1])])
    if not rows:
        names = [n for n, p in signature.parameters.items() if p.kind not in _VARIADIC]
        return names or [_ANY]
    for row in rows:
        try:
            signature.bind(**row.inputs().to_dict())
        except TypeError as error:
            given = ", ".join(row.inputs().keys())
            name = name_of(function)
            raise InvalidArgumentError(
                "trainset",
                f"inputs {given}",
                f"{name}{signature} does not take them by name ({error}): name inputs and "
                f"parameters alike, or put a function around it that takes {given}.",
            ) from None
    return list(rows[0].inputs().keys())


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function is called."""
    if isinstance(function, functools.partial):
        return name_of(function.func)
    return str(getattr(function, "__name__", type(function).__name__))


def signature_for(
    text: str, inputs: Sequence[str], rows: Sequence[Example] = (), *, single: bool = False
) -> SignatureMeta:
    """Return the signature of a prompt.

    Parameters
    ----------
    text
        Its text.
    inputs
        Names of the function's inputs.
    rows
        Rows whose labels, if it is the `single` prompt of its function, are what it answers. What
        each of several answers is not known: a reply.
    """
    fields = {name: _field(name, "input", rows) for name in inputs}
    labels = dict.fromkeys(n for row in rows if single for n in row.labels())
    outputs = [name for name in labels if name.isidentifier() and name not in fields]
    for name in outputs or [REPLY if REPLY not in fields else f"{REPLY}_text"]:
        fields[name] = _field(name, "output", rows if outputs else ())
    return make_signature("Prompt", fields, text)


def _field(name: str, kind: Any, rows: Sequence[Example]) -> Field:
    kinds = {type(row[name]) for row in rows if name in row}
    only = kinds.pop() if len(kinds) == 1 else None
    made = Field(name, kind, only if only in _PLAIN else (Any if rows else str))
    try:
        adapter(made)
    except (SignatureError, ValueError):
        return Field(name, kind, Any)
    return made
