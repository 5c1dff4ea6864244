"""Writes the parts of the reference that are read from the code, so that they cannot go stale.

A page says where with a comment, such as ``<!-- generated: magics -->``. Another one,
``<!-- pages: cost-and-caps steering -->``, names the pages below it: so nothing of Sphinx is seen
where a page is read on the forge.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
import tomllib
from pathlib import Path
from typing import Any, get_args, get_type_hints

from sphinx.application import Sphinx

from mipro_nb import runs
from mipro_nb.notebook.magic.verbs import CELL, VERBS

_PROSE = Path(__file__).parents[2] / "prose"
_PAGES = re.compile(r"^<!-- pages: ([\w/ -]+) -->$", re.MULTILINE)
_MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Have marks be replaced as a page is read."""
    app.connect("source-read", _write)
    return {"parallel_read_safe": True}


def _write(app: Sphinx, page: str, source: list[str]) -> None:
    del app, page
    source[0] = written(source[0])


def written(text: str) -> str:
    """Return a page's text with everything that its marks ask for."""
    text = _PAGES.sub(lambda mark: _contents(mark[1].split()), text)
    return _MARK.sub(lambda mark: _PARTS[mark[1]](), text)


def _contents(pages: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", ":titlesonly:", "", *pages, "```"])


def magics() -> str:
    """Return every verb with its help."""
    return "\n\n".join(
        f"## `{verb.command}`\n\n```text\n{verb.help()}\n```" for verb in [*VERBS.values(), CELL]
    )


def events() -> str:
    """Return every event with what it tells and its fields."""
    return "\n\n".join(map(_event, kinds_of_events()))


def tables() -> str:
    """Return the tables of a record file, as SQLite has them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.sqlite")
        runs.Record(path).close()
        db = sqlite3.connect(path)
        statements = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql > ''")]
        db.close()
    return "```sql\n" + ";\n".join(statements) + ";\n```"


def habits() -> str:
    """Return the rules of the prose check."""
    rules = tomllib.loads((_PROSE / "rules.toml").read_text(encoding="utf-8"))["rule"]
    rows = [f"| `{rule['found_in'][0]}` | {rule['instead']} |" for rule in rules]
    return "\n".join(["| in place of | write |", "|---|---|", *rows])


def dictionary() -> str:
    """Return the words of the dictionary, in order."""
    words = tomllib.loads((_PROSE / "dictionary.toml").read_text(encoding="utf-8"))["word"]
    rows = [f"| **{w['name']}** | {w['means']} | {', '.join(w['not'])} |" for w in words]
    return "\n".join(["| word | what it means | not |", "|---|---|---|", *rows])


def kinds_of_events() -> tuple[Any, ...]:
    """Return the class of every event that a run may write."""
    event = get_type_hints(runs.RecordedEvent, include_extras=True)["event"]
    kinds, *_ = get_args(event)  # what it is annotated with beside them tells how it is read
    return get_args(kinds)


def _event(kind: Any) -> str:
    fields = kind.model_fields
    docstring = re.sub(r"\n +", "\n", kind.__doc__.strip()).replace("``", "`")
    lines = [f"## `{fields['type'].default}`", "", docstring, ""]
    own = [name for name in fields if name != "type"]
    if own:
        lines += ["| field | type | if left out |", "|---|---|---|"]
    bases = (getattr(base, "__annotations__", {}) for base in reversed(kind.__mro__))
    annotations = {name: written for base in bases for name, written in base.items()}
    for name in own:
        default = "" if fields[name].is_required() else f"`{fields[name].default!r}`"
        written_type = annotations[name].replace("|", "\\|")
        lines.append(f"| `{name}` | `{written_type}` | {default} |")
    return "\n".join(lines)


_PARTS = {
    "magics": magics,
    "events": events,
    "tables": tables,
    "habits": habits,
    "dictionary": dictionary,
}
