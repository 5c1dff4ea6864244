"""Modules that mipro_nb does not have: anyone who imports one is told where to look.

Those who come from DSPy guess: ``from mipro_nb.predict import …``. Python's own error does not say
what is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from mipro_nb.arguments import misspelled
from mipro_nb.language.from_dspy.dspy_names import BRIDGE

_PUBLIC = ("datasets", "dspy", "errors", "evaluate", "runs", "teleprompt", "testing")


class MissingModules(MetaPathFinder):
    """Is asked last, for what nobody else has found; raises for an import in `package`.

    Those who only ask whether there is such a module hear, as ever, that there is none.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - what finders are called with
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> None:
        """Return nothing, or raise where somebody imports a module of the package.

        Raises
        ------
        ModuleNotFoundError
            With what to import instead.
        """
        package, _, name = fullname.partition(".")
        if package != self._package or not _is_import():
            return
        meant = misspelled(name, _PUBLIC)
        remedy = (
            f"did you mean {package}.{meant}?"
            if meant
            else f"what scripts use is in {package} itself, as in "
            f"`from {package} import MIPROv2, Predict`. For what DSPy alone has, {BRIDGE}."
        )
        msg = f"No module named {fullname!r}: {remedy}"
        raise ModuleNotFoundError(msg, name=fullname)


def _is_import() -> bool:
    """Tell whether an import asks, and not ``importlib.util.find_spec``."""
    asking = sys._getframe(3)  # noqa: SLF001 - who asks cannot be told otherwise
    return asking.f_code.co_name == "_find_and_load_unlocked"


def tell_of_missing_modules(package: str) -> None:
    """Have imports of modules that `package` does not have say where to look."""
    if not any(isinstance(finder, MissingModules) for finder in sys.meta_path):
        sys.meta_path.append(MissingModules(package))
