"""Files that users name: paths that begin with ``~``, and files that are written as a whole."""

from __future__ import annotations

import contextlib
from pathlib import Path

from mipro_nb.errors import InvalidArgumentError


def expanded(path: str | Path, argument: str) -> Path:
    """Return `path` with the home folder in place of a ``~``.

    Raises
    ------
    InvalidArgumentError
        If it is not a path, or that home folder is unknown; it names `argument`.
    """
    if not isinstance(path, str | Path):
        raise InvalidArgumentError(argument, path, "give a path, as a str or a Path.")
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InvalidArgumentError(
            argument, str(path), "there is no such home folder: give a path without ~."
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all: a failure leaves an older one as it was.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    # In the same folder, as it is then moved in one step.
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
