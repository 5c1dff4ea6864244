"""Prints rows as a Markdown table, as soon as each of them is there."""

from __future__ import annotations

from collections.abc import Sequence


class Table:
    """A table with a heading; cells are texts or numbers, None is shown as a dash.

    Parameters
    ----------
    title
        Stands above it.
    columns
        The heading; numbers are written to as many digits as tell something.
    """

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self._widths = [max(len(column), 7) for column in columns]
        print(f"\n### {title}\n")
        self._print(columns)
        self._print(["-" * width for width in self._widths])

    def add(self, *cells: object) -> None:
        """Print one row."""
        self._print([_shown(cell) for cell in cells])

    def _print(self, cells: Sequence[str]) -> None:
        padded = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        print("| " + " | ".join(padded) + " |", flush=True)


def _shown(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell)
