"""What ``estimate``, ``headroom``, ``run`` and ``%%mipro`` do: MIPROv2 by a line's options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from textwrap import dedent
from typing import Any, TypeVar, get_origin

from IPython.core.error import UsageError

from mipro_nb import runs
from mipro_nb.errors import InvalidArgumentError, PermissionUnansweredError
from mipro_nb.language import ChainOfThought, Module, Predict, Signature
from mipro_nb.language.formats import AUTO, FORMATS
from mipro_nb.notebook.magic.cell_variables import with_variables
from mipro_nb.notebook.magic.grammar import Argument, Option
from mipro_nb.notebook.magic.kinds import (
    EXECUTOR,
    METRIC,
    MODEL,
    NAMES,
    NEW_NAME,
    NUMBER,
    PATH,
    PREFERENCE,
    PROGRAM,
    ROWS,
    TEXTS,
    WHOLE,
    choice,
    choice_of,
)
from mipro_nb.notebook.magic.known_runs import run_to_resume, run_to_resume_of
from mipro_nb.notebook.magic.objects import Notebook
from mipro_nb.notebook.plain import Text
from mipro_nb.optimizer import MIPROv2, Plan, Run
from mipro_nb.optimizer.planning.requested_headroom import LEAST_ROWS, MOST_ROWS
from mipro_nb.optimizer.running.run import runs_here
from mipro_nb.optimizer.search.strategy import STRATEGIES
from mipro_nb.runs.sentences.resume import RESUMABLE, begun_again, resume_lines
from mipro_nb.runs.views.results.headroom import Headroom

T = TypeVar("T")

STUDENT = Argument("student", PROGRAM, "the program, which is never changed")
INTO = Option("--into", "into", NEW_NAME, "also leave the result in this variable")
COT = Option("--cot", "cot", None, "make it a ChainOfThought, not a Predict")
NAME = Argument("into", NEW_NAME, "the variable that the optimized program is left in")

CAP_OPTIONS = (
    Option("--max-usd", "max_usd", NUMBER, "cap: US dollars"),
    Option("--max-calls", "max_calls", WHOLE, "cap: LM calls"),
    Option("--max-tokens", "max_tokens", WHOLE, "cap: tokens in and out"),
    Option("--max-seconds", "max_seconds", NUMBER, "cap: seconds of work"),
)
YES = Option(
    "--yes",
    "requires_permission_to_run",
    None,
    "run without asking for permission",
    const=False,
)
OPTIONS = (
    Option("--train", "trainset", ROWS, "rows to learn from", required=True),
    Option("--val", "valset", ROWS, "rows to score on; 80 % of --train without it"),
    Option("--test", "testset", ROWS, "further rows to score the result on, once, at the end"),
    Option("--metric", "metric", METRIC, "metric(example, prediction, trace=None)", required=True),
    Option("--inputs", "inputs", NAMES, "input columns, where rows are dicts or a data frame"),
    Option(
        "--auto",
        "auto",
        choice("light", "medium", "heavy"),
        "sets candidates, trials and minibatch, and caps the valset",
    ),
    Option("--num-candidates", "num_candidates", WHOLE, "candidates per predictor (10)"),
    Option("--num-trials", "num_trials", WHOLE, "trials (30)"),
    Option("--minibatch", "minibatch", None, "score trials on minibatches (as it is by default)"),
    Option(
        "--no-minibatch", "minibatch", None, "score every trial on the whole valset", const=False
    ),
    Option("--minibatch-size", "minibatch_size", WHOLE, "rows in a minibatch (25)"),
    Option(
        "--minibatch-full-eval-steps",
        "minibatch_full_eval_steps",
        WHOLE,
        "trials between full evaluations (10)",
    ),
    Option("--stop-at", "stop_at", NUMBER, "score of a full evaluation that ends the search"),
    Option("--patience", "patience", WHOLE, "trials without a new leader that end the search"),
    Option("--num-threads", "num_threads", WHOLE, "programs in flight at once (6)"),
    Option(
        "--trials-in-flight",
        "trials_in_flight",
        WHOLE,
        "trials under way at once; as many as num_threads needs without it",
    ),
    Option("--search", "search", choice(*STRATEGIES), "how configurations are found (paired)"),
    Option("--hedge", "hedge", None, "send any slow call a second time, not only the last ones"),
    Option("--no-hedge", "hedge", None, "send no slow call a second time", const=False),
    Option("--max-bootstrapped-demos", "max_bootstrapped_demos", WHOLE, "per demo set (4)"),
    Option("--max-labeled-demos", "max_labeled_demos", WHOLE, "per demo set, in all (16)"),
    Option(
        "--example-timeout",
        "example_timeout",
        NUMBER,
        "seconds that program and metric may take for one example, LM calls apart",
    ),
    Option(
        "--prompt-format",
        "prompt_format",
        choice_of(lambda: [*FORMATS, AUTO]),
        "how outputs are asked for, auto to measure it; else as LM or configuration say",
    ),
    Option("--must-keep", "must_keep", TEXTS, "texts that new instructions hold: a list's name"),
    Option("--max-instruction-tokens", "max_instruction_tokens", WHOLE, "of a new instruction"),
    Option("--max-copied-words", "max_copied_words", WHOLE, "in a row, from a training row"),
    Option("--smallest-edit", "smallest_edit", None, "change instructions as little as possible"),
    Option(
        "--approve",
        "approve",
        choice("proposals"),
        "ask about each new instruction before it is tried; without it, about none",
    ),
    Option(
        "--prefer",
        "prefer",
        PREFERENCE,
        'which program is returned: "cheapest within 1 point", or a function; the best without it',
    ),
    Option("--max-errors", "max_errors", WHOLE, "failed examples in one evaluation (10)"),
    Option("--metric-threshold", "metric_threshold", NUMBER, "score that a demo's trace needs"),
    Option("--init-temperature", "init_temperature", NUMBER, "of the proposals (1.0)"),
    Option("--seed", "seed", WHOLE, "of every random choice (9)"),
    Option("--prompt-model", "prompt_model", MODEL, "writes instructions; else the configured LM"),
    Option("--task-model", "task_model", MODEL, "runs the program; else the configured LM"),
    Option("--teacher", "teacher", MODEL, "bootstraps demos; else the task model"),
    Option("--executor", "executor", EXECUTOR, "whose workers run program and metric"),
    *CAP_OPTIONS,
    Option("--verbose", "verbose", None, "print candidates and trials as they come"),
    YES,
    Option("--resume", "resume", None, "resume the newest run of this plan that ended early"),
    Option("--background", "background", None, "do not wait: the result is the live Run"),
    Option("--record", "record", PATH, "record file; else the configured one"),
)

# A line may be tried with estimate before it is run.
_ONLY_FOR_RUNS = frozenset(
    {"verbose", "requires_permission_to_run", "resume", "background", "record"}
)
ESTIMATE_OPTIONS = tuple(
    replace(option, ignored=option.parameter in _ONLY_FOR_RUNS) for option in OPTIONS
)
# Of MIPROv2 itself, what headroom depends on as well.
_OF_HEADROOM = inspect.signature(MIPROv2.headroom).parameters.keys() | {
    *("metric", "prompt_model", "task_model"),
    *("num_threads", "max_errors", "init_temperature", "hedge"),
}
HEADROOM_OPTIONS = (
    Option("--rows", "rows", WHOLE, f"training rows that are asked, {LEAST_ROWS} to {MOST_ROWS}"),
    Option("--repeats", "repeats", WHOLE, "times each is asked; 2 where the LM draws, else 1"),
    # Here as well: a line is that of a run.
    *(replace(each, ignored=each.parameter not in _OF_HEADROOM) for each in OPTIONS),
)
RESUMED_STUDENT = Argument(
    "student", PROGRAM, "its program; not needed where the run was begun in this session", "?"
)
_ALIKE = frozenset(
    {
        *("prompt_model", "task_model", "teacher", "inputs", "prefer", "executor"),
        *("max_usd", "max_calls", "max_tokens", "max_seconds", "example_timeout"),
        *("verbose", "requires_permission_to_run"),
    }
)
RESUME_OPTIONS = (
    Option("--metric", "metric", METRIC, "its metric; not needed where the program is not"),
    Option("--train", "trainset", ROWS, "its rows to learn from; those in the record without it"),
    Option("--val", "valset", ROWS, "its rows to score on, beside --train"),
    Option("--test", "testset", ROWS, "its rows to score the result on, beside --train"),
    *(option for option in OPTIONS if option.parameter in _ALIKE),
    Option(
        "--accept-changes",
        "accept_changes",
        None,
        "go on with --yes although code or models have changed",
    ),
)
UNASKED = "On this line, that is --yes."


def estimate(
    notebook: Notebook,
    student: Any,
    *,
    into: str | None = None,
    **options: Any,
) -> Plan:
    """Return the plan with its estimate; nothing is sent."""
    requested = {name: value for name, value in options.items() if name not in _ONLY_FOR_RUNS}
    optimizer, settings = _optimizer(requested)
    return _left(notebook, into, optimizer.plan(student, **settings))


def headroom(
    notebook: Notebook,
    student: Any,
    *,
    into: str | None = None,
    **options: Any,
) -> Headroom:
    """Return how much prompts matter, and how much is chance, measured after permission."""
    wanted = {name: value for name, value in options.items() if name in _OF_HEADROOM}
    optimizer, settings = _optimizer(wanted)
    try:
        found = optimizer.headroom(student, **settings)
    except PermissionUnansweredError as error:
        error.add_note(UNASKED)
        raise
    return _left(notebook, into, found)


def run(
    notebook: Notebook,
    student: Any,
    *,
    into: str | None = None,
    background: bool = False,
    **options: Any,
) -> Module | Run:
    """Optimize the program and return the best one; in the background, the live run."""
    optimizer, settings = _optimizer(options)
    optimize = optimizer.start if background else optimizer.compile
    try:
        result = optimize(student, **settings)
    except PermissionUnansweredError as error:
        error.add_note(UNASKED)
        raise
    return _left(notebook, into, result)


def resume(
    notebook: Notebook,
    run: str | Module | None = None,
    student: Any = None,
    *,
    into: str | None = None,
    **options: Any,
) -> Any:
    """Have a paused run go on; or resume one that ended early, and return the best program."""
    if isinstance(run, Module):
        if student is not None:
            msg = "Name the run before its program: %mipro resume RUN PROGRAM."
            raise UsageError(msg)
        run, student = run_to_resume_of(run), run
    run_id = run or run_to_resume()
    live = runs_here.find_live(run_id)
    if live is None:
        result = _resumed(run_id, student, options)
        return _left(notebook, into, result)
    if student is not None or into is not None or options:
        msg = f"Run {run_id} is {live.status} and goes on as it was begun: {_resume_line(run_id)}."
        raise UsageError(msg)
    live.resume()
    return Text(f"Run {run_id} goes on.")


def _resumed(run_id: str, student: Any, options: Mapping[str, Any]) -> Any:
    begun = runs_here.begun(run_id)
    if begun is None and (student is None or "metric" not in options):
        raise UsageError(_why_more_is_needed(run_id))
    given = options if begun is None else {"metric": begun.metric, **options}
    optimizer, settings = _optimizer(given)
    try:
        return optimizer.resume(run_id, student, **settings)
    except PermissionUnansweredError as error:
        error.add_note(UNASKED)
        raise
    except InvalidArgumentError as error:
        if error.argument == "accept_changes":
            error.add_note("On this line, that is --accept-changes.")
        raise


def _why_more_is_needed(run_id: str) -> str:
    loaded = runs.load(run_id)
    status = loaded.status
    if status == "finished":
        return f"Run {run_id} is finished: %mipro show {run_id} shows what came of it."
    if status not in RESUMABLE:
        return f"Run {run_id} goes on in another kernel: steer it from there."
    lines = resume_lines(run_id, loaded.state)
    if not lines:
        return f"Run {run_id} was begun in another session: {begun_again(loaded.state)}."
    return (
        f"Run {run_id} was begun in another session: give its program and its metric, as in "
        f"{lines[0]}."
    )


def _resume_line(run_id: str) -> str:
    return f"%mipro resume {run_id}"


def run_cell(
    notebook: Notebook, into: str, *, body: str, cot: bool = False, **options: Any
) -> None:
    """Optimize the program that a cell's body declares and leave it in the variable `into`."""
    written = with_variables(body, notebook)
    run(notebook, program_of(written, notebook, cot=cot), into=into, **options)


def program_of(body: str, notebook: Notebook, *, cot: bool) -> Module:
    """Return the program of a cell: its first line is the signature, the rest the instruction.

    Types may be classes of the notebook, such as pydantic models.

    Raises
    ------
    UsageError
        If there is no signature line.
    SignatureError
        If it cannot be read.
    """
    declaration, _, instruction = body.strip().partition("\n")
    if not declaration:
        msg = (
            "The cell is empty: write a signature, such as question -> answer, and below it the "
            "instruction."
        )
        raise UsageError(msg)
    declared: Any = Signature  # its metaclass makes signatures, not instances of it
    signature = declared(
        declaration.strip(),
        dedent(instruction).strip() or None,
        **_types_in(declaration, notebook),
    )
    return ChainOfThought(signature) if cot else Predict(signature)


def _types_in(declaration: str, notebook: Notebook) -> dict[str, Any]:
    """Return the classes and typing forms of the notebook that a declaration names."""
    found = {name: notebook.namespace.get(name) for name in re.findall(r"\w+", declaration)}
    parameters = inspect.signature(type(Signature).__call__).parameters
    return {
        name: value
        for name, value in found.items()
        if name not in parameters and (isinstance(value, type) or get_origin(value) is not None)
    }


def _left(notebook: Notebook, name: str | None, value: T) -> T:
    if name is not None:
        notebook.namespace[name] = value
    return value


def _optimizer(options: Mapping[str, Any]) -> tuple[MIPROv2, dict[str, Any]]:
    """Return the optimizer, and what is for its compile."""
    own = inspect.signature(MIPROv2).parameters.keys()
    teacher = {"lm": options["teacher"]} if "teacher" in options else None
    optimizer = MIPROv2(
        **{name: value for name, value in options.items() if name in own},
        teacher_settings=teacher,
    )
    rest = options.keys() - own - {"teacher"}
    return optimizer, {name: options[name] for name in rest}
