"""The objects of a notebook by their names: what is meant by ``--train data.train[:50]``."""

from __future__ import annotations

import ast
import inspect
import types
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from mipro_nb.errors import shown
from mipro_nb.language import Module
from mipro_nb.notebook.magic.words import did_you_mean

Fits = Callable[[Any], bool]


class Notebook:
    """What a line can speak of: the objects of the notebook, and what went wrong last.

    Parameters
    ----------
    namespace
        Where the notebook's variables live; names that a magic assigns also go there.
    ours
        What IPython itself has put there; it is offered to nobody.

    Attributes
    ----------
    last_traceback
        Text of the last error of a ``%mipro`` line, for ``%mipro traceback``; None before it.
    """

    def __init__(
        self, namespace: MutableMapping[str, Any], ours: Mapping[str, Any] | None = None
    ) -> None:
        self.namespace = namespace
        self.last_traceback: str | None = None
        self._ours = ours or {}

    def find(self, text: str, fits: Fits) -> Any:
        """Return what `text` names: ``rows``, ``data.train`` or ``rows[:50]``.

        Nothing is called or computed.

        Raises
        ------
        ArgumentTypeError
            If there is no such object; objects that fit are suggested.
        """
        try:
            return self._value(ast.parse(text, mode="eval").body, text, fits)
        except (SyntaxError, ValueError):
            raise ArgumentTypeError(_no_name(text)) from None

    def _value(self, node: ast.expr, text: str, fits: Fits) -> Any:
        match node:
            case ast.Name(id=name):
                if name not in self.namespace:
                    meant = did_you_mean(text, self.names(fits)) or did_you_mean(
                        name, self._visible()
                    )
                    msg = f"there is no {shown(name, 80)!r} in this notebook.{meant}"
                    raise ArgumentTypeError(msg)
                return self.namespace[name]
            case ast.Attribute(value=inner, attr=attribute):
                holder = self._value(inner, text, fits)
                return _read(ast.unparse(node), lambda: _attribute(holder, attribute, inner))
            case ast.Subscript(value=inner, slice=index):
                holder, key = self._value(inner, text, fits), _key(index)
                return _read(ast.unparse(node), lambda: holder[key])
        raise ArgumentTypeError(_no_name(text))

    def names(self, fits: Fits, typed: str = "") -> list[str]:
        """Return the names of the objects that fit, those inside an object as ``data.train``.

        Parameters
        ----------
        fits
            Tells whether an object is wanted.
        typed
            What the names have to begin with; dots in it lead further inside.
        """
        *heads, _ = typed.split(".")
        if heads:
            holder = self.namespace.get(heads[0])
            for name in heads[1:]:
                holder = _inside(holder).get(name)
            prefix = ".".join(heads)
            found = [f"{prefix}.{name}" for name in _fitting(_inside(holder), fits)]
        else:
            visible = self._visible()
            found = list(_fitting(visible, fits))
            for name, holder in visible.items():
                if name not in found and not isinstance(holder, Module):
                    found += [f"{name}.{inner}" for inner in _fitting(_inside(holder), fits)]
        return sorted(name for name in found if name.startswith(typed))

    def _visible(self) -> dict[str, Any]:
        absent = object()
        return {
            name: value
            for name, value in self.namespace.items()
            if not name.startswith("_") and value is not self._ours.get(name, absent)
        }


def _attribute(holder: Any, name: str, expression: ast.expr) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError:
        head = ast.unparse(expression)
        meant = did_you_mean(name, dir(holder))
        msg = f"{head} has no {name!r}.{meant}"
        raise ArgumentTypeError(msg) from None


def _read(what: str, reading: Callable[[], Any]) -> Any:
    try:
        return reading()
    except ArgumentTypeError:
        raise
    except Exception as error:
        msg = f"{what} cannot be read: {type(error).__name__}: {shown(str(error), 200)}"
        raise ArgumentTypeError(msg) from error


def _key(index: ast.expr) -> Any:
    if isinstance(index, ast.Slice):
        parts = (index.lower, index.upper, index.step)
        return slice(*(None if part is None else ast.literal_eval(part) for part in parts))
    return ast.literal_eval(index)


def _no_name(text: str) -> str:
    return (
        f"{shown(text, 80)!r} is not a name: give that of an object of this notebook, such as "
        "rows, data.train or rows[:50]."
    )


def _inside(holder: Any) -> dict[str, Any]:
    """Return the attributes that `holder` has of its own; no property of it is read."""
    if isinstance(holder, types.ModuleType | type) or inspect.isroutine(holder):
        return {}
    try:
        attributes = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _fitting(attributes: Mapping[str, Any], fits: Fits) -> Iterator[str]:
    for name, value in list(attributes.items()):
        if isinstance(name, str) and name.isidentifier() and not name.startswith("_"):
            try:
                wanted = fits(value)
            except Exception:  # noqa: BLE001, S112 - a stranger's object may raise whatever it is asked
                continue
            if wanted:
                yield name
