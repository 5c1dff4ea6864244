"""Permission: nothing is sent before somebody said yes."""

from __future__ import annotations

import builtins
import sys
from typing import Protocol

from mipro_nb.errors import PermissionDeniedError, PermissionUnansweredError
from mipro_nb.optimizer.plan import Plan

_YES = frozenset({"y", "yes", "j", "ja"})


class Permission(Protocol):
    """Somebody, or something, that can be asked."""

    def ask(self, plan: Plan) -> bool:
        """Return whether `plan` may be carried out.

        Raises
        ------
        PermissionUnansweredError
            If nobody can answer.
        """
        ...


class StdinPermission:
    """Asks on the terminal, or through the notebook's input field, below the estimate."""

    def ask(self, plan: Plan) -> bool:
        """Print the plan and return whether the answer was yes."""
        if not _somebody_there():
            raise PermissionUnansweredError(_UNANSWERED)
        print(plan.text())  # noqa: T201 - the question is about this text
        try:
            answer = input("Run this plan? [y/N] ")
        except (EOFError, RuntimeError) as error:
            # Kernels whose front end takes no input (nbclient, papermill) raise a RuntimeError.
            raise PermissionUnansweredError(_UNANSWERED) from error
        return answer.strip().casefold() in _YES


_UNANSWERED = (
    "Permission is required and there is nobody to ask: this session takes no input. Look at "
    "optimizer.plan(…), and pass requires_permission_to_run=False to run it. No LM call was made."
)


def _somebody_there() -> bool:
    # Kernels replace input() by one that asks the front end.
    replaced = getattr(builtins.input, "__module__", "builtins") != "builtins"
    return replaced or (sys.stdin is not None and sys.stdin.isatty())


def require(permission: Permission, plan: Plan) -> None:
    """Return if `permission` is given.

    Raises
    ------
    PermissionDeniedError
        If the answer was no.
    PermissionUnansweredError
        If nobody could answer.
    """
    if not permission.ask(plan):
        msg = "The plan was not permitted. No LM call was made."
        raise PermissionDeniedError(msg)
