"""Headroom: very different prompts on a few training rows, before anything is optimized."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.core_loop import in_worker
from mipro_nb.errors import ProgramError, ReplyError
from mipro_nb.evaluate.evaluate import mean_score
from mipro_nb.evaluate.ledger import Ledger
from mipro_nb.evaluate.scoring import ExampleResult
from mipro_nb.evaluate.slots import Slots
from mipro_nb.language.execution.scope import bind
from mipro_nb.language.programs.module import Module
from mipro_nb.language.rows.example import Example
from mipro_nb.models.calls import CallLabels, call_labels
from mipro_nb.optimizer.control.concurrency import together
from mipro_nb.optimizer.control.journal import Journal
from mipro_nb.optimizer.phases.scoring.evaluations import cell_of
from mipro_nb.optimizer.planning.headroom import PlannedHeadroom
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.planning.specification.run_spec import RunSpec
from mipro_nb.optimizer.search.configuration import Candidates
from mipro_nb.runs.configuration import STUDENT, Configuration, measured_prompt, split_variable
from mipro_nb.runs.events import HeadroomMeasured, HeadroomScored, PhaseStarted, PromptScore

LABELLED = "labelled demos"
_NOTHING_TO_COMPARE = (
    "There is nothing to compare the student with: the prompt model wrote no usable instruction, "
    "and there are no labelled demos. Give another prompt_model, or max_labeled_demos above 0."
)


async def measure_headroom(
    spec: RunSpec,
    journal: Journal,
    slots: Slots,
    progress: RecordedProgress,
    *,
    planned: PlannedHeadroom,
    candidates: Candidates,
) -> None:
    """Score the student and the candidates on the measured rows, and write down what comes of it.

    Nothing that was scored before the run was resumed is scored again.

    Raises
    ------
    ProgramError
        If there is no other prompt than the student's.
    """
    journal.emit(PhaseStarted(phase="headroom"))
    programs = _prompts(spec, candidates)
    if len(programs) == 1:
        raise ProgramError(_NOTHING_TO_COMPARE)
    # Each draw of a row has a number of its own, so that it is a draw of its own.
    rows: list[Example] = [*spec.rows.val] * planned.repeats
    ledger = Ledger(
        rows,
        spec.metric,
        slots,
        spec.plan.max_errors,
        known=progress.results(rows, HeadroomScored) if progress else {},
        example_timeout=spec.plan.example_timeout,
        taught=frozenset(range(len(rows))),
    )

    async def scored(place: int, name: str) -> list[ExampleResult]:
        call_labels.set(CallLabels("headroom"))  # the task is this prompt's own
        bind(programs[name].named_predictors())
        return await ledger.evaluate(
            name,
            programs[name],
            range(len(rows)),
            priority=place,
            on_result=lambda result: journal.write(
                lambda: journal.emit(HeadroomScored(**cell_of(journal, name, result)))
            ),
        )

    found = await together(*(scored(place, name) for place, name in enumerate(programs)))
    results = dict(zip(programs, found, strict=True))
    # It takes seconds where many rows are asked, in which nothing else would go on.
    journal.emit(await in_worker(_measured, planned, results, spec.plan.seed))


def _prompts(spec: RunSpec, candidates: Candidates) -> dict[str, Module]:
    """Return the programs to compare by their names, the student first; no two of them alike."""
    programs = {STUDENT: spec.student.deepcopy()}
    states = [programs[STUDENT].dump_state()]
    for name, configuration in _configurations(candidates).items():
        program = candidates.apply(spec.student, configuration)
        if program.dump_state() not in states:
            states.append(program.dump_state())
            programs[name] = program
    return programs


def _configurations(candidates: Candidates) -> dict[str, Configuration]:
    """Return what is chosen for each prompt but the student's.

    A number of an instruction that a predictor lacks stands for its own.
    """
    variables = candidates.variables()
    numbers = {name: split_variable(name)[1] for name in variables}
    most = max(variables[name] for name, part in numbers.items() if part == "instruction")
    prompts: dict[str, Configuration] = {
        measured_prompt(number): {
            name: number if part == "instruction" and number < variables[name] else 0
            for name, part in numbers.items()
        }
        for number in range(1, most)
    }
    if (labelled := candidates.labelled()) is not None:
        prompts[LABELLED] = labelled
    return prompts


def _measured(
    planned: PlannedHeadroom, results: dict[str, list[ExampleResult]], seed: int
) -> HeadroomMeasured:
    import numpy as np  # noqa: PLC0415 - takes long

    from mipro_nb.optimizer.phases.scoring.noise import noise_of  # noqa: PLC0415 - numpy takes long

    scores = np.array([[result.score for result in each] for each in results.values()])
    scores = scores.reshape(len(results), planned.repeats, planned.rows)
    noise = noise_of(scores, seed)
    return HeadroomMeasured(
        rows=planned.rows,
        repeats=planned.repeats,
        valset_size=planned.valset_size,
        prompts=[_score_of(name, each) for name, each in results.items()],
        spread=noise.spread,
        floor=noise.floor,
        lead=noise.lead,
        lead_floor=noise.lead_floor,
        floor_once=noise.floor_once,
        redraw=noise.redraw,
        never_right=int((scores.max(axis=(0, 1)) < 1).sum()),
    )


def _score_of(name: str, results: Sequence[ExampleResult]) -> PromptScore:
    return PromptScore(
        prompt=name,
        score=mean_score(results),
        unreadable=sum(isinstance(result.error, ReplyError) for result in results),
        errors=sum(result.counts_as_error for result in results),
    )
