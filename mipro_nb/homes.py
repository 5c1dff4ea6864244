"""Paths that begin with ``~``."""

from __future__ import annotations

from pathlib import Path

from mipro_nb.errors import InvalidArgumentError


def expanded(path: str | Path, argument: str) -> Path:
    """Return `path` with the home folder in place of a ``~``.

    Raises
    ------
    InvalidArgumentError
        If it is not a path, or nobody knows that home folder; it names `argument`.
    """
    if not isinstance(path, str | Path):
        raise InvalidArgumentError(argument, path, "give a path, as a str or a Path.")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InvalidArgumentError(
            argument, str(path), "there is no such home folder: give a path without ~."
        ) from error
