"""Which LM predictors use, and where records go, unless told otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mipro_nb.arguments import meant_by, only_known
from mipro_nb.checks import check_executor
from mipro_nb.errors import NOT_SHOWN, InvalidArgumentError
from mipro_nb.language.formats import check_choice
from mipro_nb.language.from_dspy import dspy_names
from mipro_nb.language.lms.lm_protocol import LanguageModel, check_lm

if TYPE_CHECKING:
    from collections.abc import Iterator


_GRANTED = "granted"


@dataclass(frozen=True)
class _Values:
    lm: LanguageModel | None = None
    record: Path | None = None
    prompt_format: str | None = None
    permission: str | None = None
    executor: Any = None
    stand_in: LanguageModel | None = None


_overlay: ContextVar[dict[str, Any] | None] = ContextVar("mipro_settings", default=None)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    known = [field.name for field in fields(_Values)]
    for name in values:
        if name not in known:
            # Somebody may have put a key here.
            offered = [each for each in known if each != "stand_in"]
            near = meant_by(name, offered)
            meant = f"did you mean {near}=?" if near else f"they are {', '.join(offered)}."
            said = dspy_names.told("setting", name, dspy_names.SETTINGS)
            remedy = said or f"there is no such setting: {meant}"
            raise InvalidArgumentError(name, NOT_SHOWN, remedy)
    if values.get("permission") not in (None, _GRANTED):
        raise InvalidArgumentError(
            "permission", values["permission"], f"give {_GRANTED!r}, or None to be asked."
        )
    check_lm("lm", values.get("lm"))
    check_executor("executor", values.get("executor"))
    if values.get("record") is not None:
        if not isinstance(values["record"], str | Path):
            raise InvalidArgumentError(
                "record", values["record"], "give a path, as a str or a Path."
            )
        values = {**values, "record": Path(values["record"])}
    check_choice(values.get("prompt_format"))
    return values


class Settings:
    """Process-wide settings, with overlays that hold inside a ``with context(…)`` block.

    Attributes
    ----------
    lm
        The LM of every predictor that has none of its own.
    record
        The record file; None for the default in the user's data folder.
    prompt_format
        Name of the format in which outputs are asked for, unless a predictor or its LM has one of
        its own; "auto" to have runs measure it, while all other calls are made in the default one;
        None for the default.
    permission
        "granted" has runs begin without asking; None has them ask, unless the environment's
        ``MIPRO_PERMISSION`` is "yes".
    executor
        Whose workers run programs and metrics, as in `MIPROv2.compile`; None to run them in this
        process.
    stand_in
        Answers in place of every LM, predictors' own included, while a program is rehearsed.
    """

    def __init__(self) -> None:
        self._base = _Values()

    @only_known(first="lm")
    def configure(self, **values: Any) -> None:
        """Set `lm`, `record`, `prompt_format`, `permission` or `executor` for the whole process.

        Raises
        ------
        InvalidArgumentError
            If a name is unknown, `lm` is not an LM, `executor` cannot run examples, or there is no
            such format.
        """
        self._base = replace(self._base, **_checked(values))

    @only_known(first="lm")
    @contextmanager
    def context(self, **values: Any) -> Iterator[None]:
        """Set the same inside a ``with`` block, for this thread or task alone."""
        token = _overlay.set({**(_overlay.get() or {}), **_checked(values)})
        try:
            yield
        finally:
            _overlay.reset(token)

    def _get(self, name: str) -> Any:
        overlay = _overlay.get() or {}
        return overlay[name] if name in overlay else getattr(self._base, name)

    @property
    def lm(self) -> LanguageModel | None:
        """Return the LM in force here."""
        return self._get("lm")  # type: ignore[no-any-return]

    @property
    def stand_in(self) -> LanguageModel | None:
        """Return what answers in place of every LM here, None outside rehearsals."""
        return self._get("stand_in")  # type: ignore[no-any-return]

    @property
    def prompt_format(self) -> str | None:
        """Return the prompt format in force here, or "auto"; None for the default."""
        return self._get("prompt_format")  # type: ignore[no-any-return]

    @property
    def permission(self) -> str | None:
        """Return "granted" if runs begin here without asking, None if they ask."""
        return self._get("permission")  # type: ignore[no-any-return]

    @property
    def executor(self) -> Any:
        """Return the executor whose workers run examples here, None to run them in this process."""
        return self._get("executor")

    @property
    def record(self) -> Path | None:
        """Return the record file in force here, None for the default."""
        return self._get("record")  # type: ignore[no-any-return]


settings = Settings()
configure = settings.configure
context = settings.context
