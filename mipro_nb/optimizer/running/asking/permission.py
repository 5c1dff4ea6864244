"""Permission given once for the whole process, for scripts that nobody sits in front of."""

from __future__ import annotations

import os

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.language.lms.settings import settings

VARIABLE = "MIPRO_PERMISSION"
_YES = "yes"


def is_asked(*, required: bool) -> bool:
    """Tell whether somebody is asked before the first LM call.

    Parameters
    ----------
    required
        What ``requires_permission_to_run`` says.

    Raises
    ------
    InvalidArgumentError
        If the environment's `VARIABLE` is neither "yes" nor empty.
    """
    return required and not _is_granted()


def _is_granted() -> bool:
    if settings.permission is not None:
        return True
    given = os.environ.get(VARIABLE, "")
    if given.strip().lower() not in ("", _YES):
        raise InvalidArgumentError(VARIABLE, given, f"set it to {_YES}, or leave it unset.")
    return bool(given.strip())
