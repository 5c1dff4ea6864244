"""One row of data, and what a program answers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from mipro_nb.arguments import misspelled
from mipro_nb.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView


class Example:
    """A row: named values, some of which are the inputs of a program.

    Values are reached as attributes (``example.question``) or items (``example["question"]``).
    Where a value is named like a method (``items``, ``labels``, ``copy``), the attribute is the
    method, and ``example["items"]`` always the value.

    Parameters
    ----------
    base
        Mapping or Example whose values are taken over.
    **values
        Named values; they win over those of `base`.

    Examples
    --------
    >>> row = Example(question="1 + 1?", answer="2").with_inputs("question")
    >>> row.inputs()
    Example(question='1 + 1?')
    """

    _values: dict[str, Any]
    _input_names: tuple[str, ...] | None

    def __init__(self, base: Mapping[str, Any] | Example | None = None, /, **values: Any) -> None:
        taken: dict[str, Any] = {}
        input_names = None
        if isinstance(base, Example):
            taken.update(base.items())
            input_names = base.input_names
        elif base is not None and not hasattr(base, "keys"):
            remedy = "give values by name, Example(question='…'), or a dict of them."
            raise InvalidArgumentError("base", base, remedy)
        elif base is not None:
            taken.update(base)
        taken.update(values)
        object.__setattr__(self, "_values", taken)
        object.__setattr__(self, "_input_names", input_names)

    def with_inputs(self, *names: str) -> Self:
        """Return a copy whose inputs are `names`; every other value is a label.

        Raises
        ------
        InvalidArgumentError
            If the row has no value of one of the names.
        """
        missing = [name for name in names if name not in self._values]
        if missing:
            has = ", ".join(self._values) or "nothing"
            remedy = f"the row has no {', '.join(missing)}; it has {has}."
            raise InvalidArgumentError("with_inputs", names, remedy)
        row = self.copy()
        object.__setattr__(row, "_input_names", tuple(dict.fromkeys(names)))
        return row

    @property
    def input_names(self) -> tuple[str, ...] | None:
        """Names of the inputs, or None where `with_inputs` was never called."""
        return self._input_names

    def inputs(self) -> Example:
        """Return the input values alone.

        Raises
        ------
        InvalidArgumentError
            If `with_inputs` was never called on this row.
        """
        names = self._require_input_names()
        return Example({name: self._values[name] for name in names}).with_inputs(*names)

    def labels(self) -> Example:
        """Return every value that is not an input."""
        names = self._require_input_names()
        return Example({name: v for name, v in self._values.items() if name not in names})

    def _require_input_names(self) -> tuple[str, ...]:
        if self._input_names is None:
            raise InvalidArgumentError(
                "example", self, "say which values are inputs: example.with_inputs('question')."
            )
        return self._input_names

    def copy(self, **values: Any) -> Self:
        """Return a copy in which `values` replace or extend the present ones."""
        row = object.__new__(type(self))
        object.__setattr__(row, "_values", {**self._values, **values})
        object.__setattr__(row, "_input_names", self._input_names)
        return row

    def without(self, *names: str) -> Self:
        """Return a copy that lacks the values of `names`."""
        row = self.copy()
        for name in names:
            row._values.pop(name, None)  # noqa: SLF001 - a row of this very class
        if self._input_names is not None:
            left = tuple(name for name in self._input_names if name not in names)
            object.__setattr__(row, "_input_names", left)
        return row

    def to_dict(self) -> dict[str, Any]:
        """Return the values as a new dict."""
        return dict(self._values)

    toDict = to_dict  # noqa: N815 - the name that DSPy's users know

    def keys(self) -> KeysView[str]:
        """Return the names, as a dict does."""
        return self._values.keys()

    def values(self) -> ValuesView[Any]:
        """Return the values, as a dict does."""
        return self._values.values()

    def items(self) -> ItemsView[str, Any]:
        """Return (name, value) pairs, as a dict does."""
        return self._values.items()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of `name`, or `default`."""
        return self._values.get(name, default)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in {"_values", "_input_names"}:
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            has = ", ".join(self._values) or "nothing"
            methods = [each for each in dir(type(self)) if not each.startswith("_")]
            near = misspelled(name, [*self._values, *methods])
            meant = f"did you mean {near}? It" if near else "it"
            msg = f"{type(self).__name__} has no {name!r}; {meant} has {has}."
            raise AttributeError(msg) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Example) and self._values == other._values

    def __hash__(self) -> int:
        return hash(frozenset((name, _hash(value)) for name, value in self._values.items()))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{type(self).__name__}({inside})"

    def __getstate__(self) -> dict[str, Any]:
        return {"values": dict(self._values), "input_names": self._input_names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", state["values"])
        object.__setattr__(self, "_input_names", state["input_names"])


def _hash(value: Any) -> int:
    # Equal rows must hash alike, whatever their values are: lists and models have no hash.
    try:
        return hash(value)
    except TypeError:
        return 0


class Prediction(Example):
    """What a program answered: its output fields as attributes.

    An output that is named like a method (``items``, ``keys``, ``labels``) is read as an item:
    ``prediction["items"]``.

    Examples
    --------
    >>> prediction = Predict("question -> answer")(question="What is 6 times 7?")
    >>> prediction.answer, prediction["answer"]
    ('42', '42')
    """
