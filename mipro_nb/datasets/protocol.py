"""What a data set has to be."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from mipro_nb.language import Example


@runtime_checkable
class DataSet(Protocol):
    """Rows in disjoint sets, each with its inputs declared.

    Further sets, such as ``val`` or ``dev``, are attributes as well: lists of `Example`.

    Attributes
    ----------
    train, test : list of Example
        Rows to learn from, and rows that tell how good a program has become.

    Examples
    --------
    >>> isinstance(SMSSpam(train=20, val=10, test=30), DataSet)
    True
    """

    train: list[Example]
    test: list[Example]
