"""What ``rename``, ``tag``, ``note`` and ``delete`` do: what a person keeps of recorded runs."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb import runs
from mipro_nb.notebook.magic.grammar import Argument, Option, Verb
from mipro_nb.notebook.magic.kinds import RUN, TEXT
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.session import agreed
from mipro_nb.notebook.plain import Text
from mipro_nb.runs.sentences.wording import counted


def _rename(_: Notebook, run: str, name: Sequence[str]) -> Text:
    return Text(f"Run {run} is called {runs.rename(run, ' '.join(name)).name!r}.")


def _tag(_: Notebook, run: str, tags: Sequence[str] = ()) -> Text:
    kept = runs.tag(run, *(tag for given in tags for tag in given.split(",") if tag)).tags
    return Text(f"Run {run} has {'the tags ' + ', '.join(kept) if kept else 'no tags'}.")


def _note(_: Notebook, run: str, text: Sequence[str] = ()) -> Text:
    kept = runs.note(run, " ".join(text)).note
    return Text(f"Run {run} has this note: {kept}" if kept else f"Run {run} has no note.")


def _delete(_: Notebook, run: Sequence[str], *, yes: bool = False) -> Text:
    ids = list(dict.fromkeys(run))
    named = ", ".join(f"{found.id} ({found.name})" for found in map(runs.load, ids))
    if not yes and not agreed(f"Delete {named} from the record for good? [y/N] "):
        return Text("Nothing was deleted.")
    runs.delete(*ids)
    return Text(f"{counted(len(ids), 'run')} deleted: {named}.")


_RUN = Argument("run", RUN, "a run")

NAMING = (
    Verb(
        "rename",
        "Gives a run another name.",
        "mipro_nb.runs.rename(run_id, name)",
        _rename,
        (_RUN, Argument("name", TEXT, "its name, of one word or more", "+")),
    ),
    Verb(
        "tag",
        "Gives a run these tags, in place of those that it had.",
        "mipro_nb.runs.tag(run_id, *tags)",
        _tag,
        (
            _RUN,
            Argument(
                "tags",
                TEXT,
                "its tags, with spaces or commas between them; none are left without any",
                "*",
            ),
        ),
    ),
    Verb(
        "note",
        "Gives a run a note, in place of the one that it had.",
        "mipro_nb.runs.note(run_id, text)",
        _note,
        (_RUN, Argument("text", TEXT, "its note; none is left without any", "*")),
    ),
    Verb(
        "delete",
        "Deletes runs from the record for good, after a question.",
        "mipro_nb.runs.delete(*run_ids)",
        _delete,
        (Argument("run", RUN, "the runs", "+"),),
        (Option("--yes", "yes", None, "delete without asking"),),
    ),
)
