"""``%mipro cache`` and ``%mipro config``: what holds for the whole session."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError

from mipro_nb import runs
from mipro_nb.errors import PermissionUnansweredError, shown
from mipro_nb.language import configure, settings
from mipro_nb.models import LM
from mipro_nb.notebook.magic.kinds import MODEL, NUMBER, PATH, Kind
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.words import did_you_mean
from mipro_nb.notebook.plain import Text
from mipro_nb.notebook.surface import notebook_surface
from mipro_nb.optimizer.running.asking.surface import current_surface
from mipro_nb.runs.sentences.wording import counted

_NOTHING = ("", "none", "None")


def cache(_: Notebook, action: str = "info", *, yes: bool = False) -> Text:
    """Tell how many answers are kept, or clear them."""
    record = runs.open_record()
    kept = record.answers_kept()
    held = f"{counted(kept.answers, 'answer')}, {kept.bytes / 1e6:,.1f} MB, in {record.path}"
    if action == "info":
        return Text(held)
    if not yes and not agreed(f"Delete {held}? Equal calls will cost again. [y/N] "):
        return Text("Nothing was deleted.")
    deleted = record.clear_answers()
    what = f"{counted(deleted, 'answer')} {'was' if deleted == 1 else 'were'}"
    return Text(f"{what} deleted from {record.path}.")


def agreed(question: str) -> bool:
    """Tell whether the person says yes to a question.

    Raises
    ------
    PermissionUnansweredError
        If there is nobody to ask.
    """
    try:
        return input(question).strip().casefold() in ("y", "yes")
    except (EOFError, RuntimeError) as error:
        # Kernels whose front end takes no input (nbclient, papermill) raise a RuntimeError.
        msg = "There is nobody to ask: this session takes no input. Give --yes to do it."
        raise PermissionUnansweredError(msg) from error


@dataclass(frozen=True)
class _Setting:
    """A setting: how its value is read, taken and told, and what completes it."""

    kind: Kind
    take: Callable[[Any], None]
    tell: Callable[[], str]


@dataclass(frozen=True)
class Change:
    """A setting that is asked for, or, if `given`, shall have `value`."""

    name: str
    given: bool = False
    value: Any = None


def config(_: Notebook, changes: Sequence[Change] = ()) -> Text:
    """Make the changes, and tell how the settings that were named stand; all if none was."""
    for change in changes:
        if change.given:
            _SETTINGS[change.name].take(change.value)
    told = [change.name for change in changes] or list(_SETTINGS)
    width = max(map(len, told))
    return Text("\n".join(f"{name:<{width}}  {_SETTINGS[name].tell()}" for name in told))


def _read_change(notebook: Notebook, text: str) -> Change:
    name, equals, value = text.partition("=")
    if name not in _SETTINGS:
        # What stands behind "=" may be a secret: it is not repeated.
        msg = f"{shown(name, 80)!r} is not a setting.{did_you_mean(name, _SETTINGS)}"
        raise ArgumentTypeError(msg)
    if not equals:
        return Change(name)
    read = _SETTINGS[name].kind.read
    return Change(name, given=True, value=None if value in _NOTHING else read(notebook, value))


def _complete_change(notebook: Notebook, typed: str) -> list[str]:
    name, equals, value = typed.partition("=")
    if not equals:
        return [f"{known}=" for known in _SETTINGS if known.startswith(name)]
    complete = _SETTINGS[name].kind.complete if name in _SETTINGS else Kind.complete
    return [f"{name}={found}" for found in complete(notebook, value)]


def _read_lm(notebook: Notebook, text: str) -> Any:
    return LM(text) if "/" in text else MODEL.read(notebook, text)


def _take_below(usd: float | None) -> None:
    if current_surface() is not notebook_surface():
        msg = "below_usd is for notebooks: here every plan is asked about, unless --yes is given."
        raise UsageError(msg)
    notebook_surface().below_usd = usd


def _tell_below() -> str:
    usd = notebook_surface().below_usd
    return "none: every plan is asked about" if usd is None else f"{usd:g}"


_SETTINGS = {
    "lm": _Setting(
        Kind("LM", _read_lm, MODEL.complete),
        lambda lm: configure(lm=lm),
        lambda: repr(settings.lm),
    ),
    "record": _Setting(
        PATH,
        lambda path: configure(record=path),
        lambda: str(runs.open_record().path),
    ),
    "below_usd": _Setting(NUMBER, _take_below, _tell_below),
}
SETTING = Kind("NAME[=VALUE]", _read_change, _complete_change)
