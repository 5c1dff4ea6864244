"""The verbs of ``%mipro``: each is a thin call of public Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

from mipro_nb import runs
from mipro_nb.files import expanded
from mipro_nb.language import Module
from mipro_nb.language.exports import FORMS
from mipro_nb.language.saved_programs import saving
from mipro_nb.notebook import views
from mipro_nb.notebook.magic import optimizing
from mipro_nb.notebook.magic.grammar import Argument, Option, Verb
from mipro_nb.notebook.magic.kinds import EXPORTED, PATH, RESUMABLE_RUN, RUN, TEXT, choice
from mipro_nb.notebook.magic.known_runs import (
    known_run,
    live_run,
    newest_run,
    program_here,
    run_of,
)
from mipro_nb.notebook.magic.naming import NAMING
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.magic.results import RESULTS
from mipro_nb.notebook.magic.session import SETTING, cache, config
from mipro_nb.notebook.plain import Text
from mipro_nb.optimizer import Run
from mipro_nb.runs.recorded.diff import diff_programs


def _status(_: Notebook, run: str | None = None) -> Text:
    return Text(known_run(run or newest_run()).report())


def _pause(_: Notebook, run: str | None = None) -> Text:
    live = live_run(run)
    live.pause()
    return Text(f"Pausing run {live.id}; calls in flight will finish. %mipro resume has it go on.")


def _stop(_: Notebook, run: str | None = None) -> Text:
    live = live_run(run)
    live.stop()
    if not live.permitted:
        return Text(f"Run {live.id} is given up; it had not been permitted.")
    return Text(f"Run {live.id} stops; its wait() returns the best program so far.")


def _history(_: Notebook, words: Sequence[str] = ()) -> Any:
    return views.history(" ".join(words))


def _show(_: Notebook, run: str | None = None) -> Any:
    found = known_run(run or newest_run())
    if isinstance(found, Run) and not (found.permitted or found.resumes):
        msg = f"Run {found.id} waits for permission: there is nothing to show yet."
        raise UsageError(msg)
    return views.show(found.id, record=found.record.path)


def _compare(_: Notebook, runs: list[str]) -> Any:
    return views.compare(*runs)


def _diff(_: Notebook, before: str, after: str) -> Text:
    return Text(diff_programs(before, after) or "Both runs returned the same program.")


def _export(
    notebook: Notebook,
    what: str | Module,
    path: str | None = None,
    *,
    form: str | None = None,
    predictor: str | None = None,
    program: bool = False,
    overwrite: bool = False,
) -> Any:
    if form is not None:
        if program:
            msg = "--program and --as are two things to write: give one of them."
            raise UsageError(msg)
        prompt = program_here(notebook, what).export(form, predictor=predictor)
        return _written(prompt, path, overwrite=overwrite)
    run = run_of(what)
    if path is None:
        msg = "Name the file: %mipro export RUN PATH. With --as FORM, a prompt is shown instead."
        raise UsageError(msg)
    if predictor is not None:
        msg = "--predictor chooses a prompt: give --as FORM with it."
        raise UsageError(msg)
    if not program:
        return _exported(run, path, overwrite=overwrite)
    recorded = runs.load(run)
    state = recorded.program_state()
    if state is None:
        msg = f"Run {run} has returned no program: it is {recorded.status}."
        raise UsageError(msg)
    file = _new_file(path, overwrite=overwrite)
    saving.save(state, file)
    return file


def _exported(run: str, path: str, *, overwrite: bool) -> Path:
    """Write a run, the table of its trials or a report, as the file's name says."""
    suffix = expanded(path, "path").suffix.lower()
    if suffix not in ("", ".json", ".csv", ".html"):
        msg = (
            "Export a run to a .json file, the table of its trials to a .csv file, or a report to "
            "an .html file."
        )
        raise UsageError(msg)
    file = _new_file(path, overwrite=overwrite)
    if suffix == ".html":
        return views.share(run, file, overwrite=overwrite)
    if suffix != ".csv":
        return runs.export(run, file, overwrite=overwrite)
    runs.load(run).to_dataframe().to_csv(file)
    return file


def _written(prompt: Any, path: str | None, *, overwrite: bool) -> Any:
    """Return a prompt to be shown, or the file that it is written to."""
    if path is None:
        return Text(prompt) if isinstance(prompt, str) else prompt
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False, indent=2)
    file = _new_file(path, overwrite=overwrite)
    file.write_bytes(text.encode("utf-8", "backslashreplace"))
    return file


def _new_file(path: str, *, overwrite: bool) -> Path:
    file = expanded(path, "path")
    if file.exists() and not overwrite:
        msg = f"{file} is there already: give another path, or --overwrite."
        raise UsageError(msg)
    return file


def _traceback(notebook: Notebook) -> Text:
    return Text(notebook.last_traceback or "No %mipro line has failed yet.")


def _help(_: Notebook, verb: str | None = None) -> Text:
    topics = {**VERBS, CELL.name: CELL}
    if verb is not None:
        return Text(topics[verb].help())
    width = max(map(len, topics))
    lines = [f"  {name:<{width}}  {topic.summary}" for name, topic in topics.items()]
    return Text("\n".join(["%mipro VERB …, or %%mipro [options] NAME", *lines, "", _MORE]))


_MORE = "%mipro help VERB shows arguments, options and what to write in Python instead."
_RUN = Argument("run", RUN, "a run of this kernel; not needed where only one is live", "?")
_ANY_RUN = Argument("run", RUN, "a run; the live one, or else the newest, without it", "?")
_PROGRAM_TWIN = "MIPROv2(metric, …).{}(program, trainset=…, …)"

_OTHERS = (
    Verb(
        "estimate",
        "Shows what optimizing a program will do and cost; sends nothing.",
        _PROGRAM_TWIN.format("plan"),
        optimizing.estimate,
        (optimizing.STUDENT,),
        (optimizing.INTO, *optimizing.ESTIMATE_OPTIONS),
    ),
    Verb(
        "headroom",
        "Measures, after permission, how much prompts matter before a run is paid for.",
        _PROGRAM_TWIN.format("headroom"),
        optimizing.headroom,
        (optimizing.STUDENT,),
        (optimizing.INTO, *optimizing.HEADROOM_OPTIONS),
    ),
    Verb(
        "run",
        "Optimizes a program, after permission, and gives the best one.",
        f"{_PROGRAM_TWIN.format('compile')}\n{_PROGRAM_TWIN.format('start')}  # --background",
        optimizing.run,
        (optimizing.STUDENT,),
        (optimizing.INTO, *optimizing.OPTIONS),
    ),
    Verb(
        "status",
        "Shows how a run stands: score, gain, spend against the estimate.",
        "run.report(), or mipro_nb.runs.load(run_id).report()",
        _status,
        (_ANY_RUN,),
    ),
    Verb("pause", "Sends no further LM call until resume.", "run.pause()", _pause, (_RUN,)),
    Verb(
        "resume",
        "Resumes a run: after a pause, or one that was cut off, stopped, capped or failed.",
        "run.resume()  # after a pause\nMIPROv2(metric, …).resume(run_id, program, …)",
        optimizing.resume,
        (
            Argument(
                "run", RESUMABLE_RUN, "a run; the live one, or the newest of its program", "?"
            ),
            optimizing.RESUMED_STUDENT,
        ),
        (optimizing.INTO, *optimizing.RESUME_OPTIONS),
    ),
    Verb("stop", "Stops a run and keeps the best so far.", "run.stop()", _stop, (_RUN,)),
    Verb(
        "history",
        "Shows all recorded runs, or those in which all words occur.",
        "mipro_nb.history(text)",
        _history,
        (Argument("words", TEXT, "words of id, name, tags, program, models, settings", "*"),),
    ),
    Verb(
        "show",
        "Shows a run: trials, candidates, examples and calls.",
        "mipro_nb.show(run_id)",
        _show,
        (_ANY_RUN,),
    ),
    Verb(
        "compare",
        "Shows runs side by side.",
        "mipro_nb.compare(run_id, run_id, …)",
        _compare,
        (Argument("runs", RUN, "two runs or more", "+"),),
    ),
    Verb(
        "diff",
        "Shows how the programs that two runs returned differ.",
        "mipro_nb.runs.recorded.diff.diff_programs(run_id, run_id)",
        _diff,
        (Argument("before", RUN, "a run"), Argument("after", RUN, "another one")),
    ),
    Verb(
        "export",
        "Writes a run (.json), its trials (.csv), a report (.html) or its program; or a prompt.",
        "mipro_nb.runs.export(run_id, path)\nmipro_nb.share(run_id, path)  # .html\n"
        "program.save(path)  # --program\n"
        "program.export(form)  # --as",
        _export,
        (
            Argument("what", EXPORTED, "a run, or a program"),
            Argument("path", PATH, "the file; with --as, the prompt is shown without it", "?"),
        ),
        (
            Option("--as", "form", choice(*FORMS, shown_as="FORM"), "a prompt, in this form"),
            Option("--predictor", "predictor", TEXT, "whose prompt, where there are several"),
            Option("--program", "program", None, "only the program, for Module.load(path)"),
            Option("--overwrite", "overwrite", None, "replace a file that is there already"),
        ),
    ),
    *RESULTS,
    *NAMING,
    Verb(
        "cache",
        "Shows how many answers of LMs the record keeps, or clears them.",
        "mipro_nb.runs.open_record().answers_kept(), and .clear_answers()",
        cache,
        (Argument("action", choice("info", "clear"), "info without it", "?"),),
        (Option("--yes", "yes", None, "clear without asking"),),
    ),
    Verb(
        "config",
        "Shows the settings, or changes those that are given as name=value.",
        "mipro_nb.configure(lm=…, record=…)\n# below_usd: only here, and in the dialog",
        config,
        (
            Argument(
                "changes",
                SETTING,
                "lm, record (a file) or below_usd (plans up to that are not asked about); "
                "name= takes a value away",
                "*",
            ),
        ),
    ),
    Verb(
        "traceback",
        "Shows the whole of the last error of a %mipro line.",
        "traceback.print_exception(sys.last_value)",
        _traceback,
    ),
)

CELL = Verb(
    "%%mipro",
    "Optimizes the program that the cell declares: a signature line, below it the instruction. "
    "{variable} stands for its value, {{ and }} for braces.",
    "Predict(Signature(signature, instruction)), or ChainOfThought(…) with --cot\n"
    + _PROGRAM_TWIN.format("compile"),
    optimizing.run_cell,
    (optimizing.NAME,),
    (optimizing.COT, *optimizing.OPTIONS),
    command="%%mipro",
)
_HELP = Verb(
    "help",
    "Shows what can be done, or all about one verb.",
    "help(mipro_nb)",
    _help,
    (
        Argument(
            "verb",
            choice(*(verb.name for verb in _OTHERS), "help", CELL.name, shown_as="VERB"),
            "a verb",
            "?",
        ),
    ),
)
VERBS = {verb.name: verb for verb in (*_OTHERS, _HELP)}
