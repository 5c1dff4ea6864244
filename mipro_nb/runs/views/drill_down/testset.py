"""Looking into a test: each row of the testset, with student and result, and the calls it took.

Nothing of it goes back into a run: test rows tell, and neither teach nor choose.
"""

from __future__ import annotations

from mipro_nb.errors import InvalidArgumentError
from mipro_nb.runs import events as ev
from mipro_nb.runs.configuration import STUDENT, configuration_key
from mipro_nb.runs.sentences.results.held_out import LOOKED_AT
from mipro_nb.runs.state import RunState
from mipro_nb.runs.store.json_values import ROWS, kept
from mipro_nb.runs.store.record import Record
from mipro_nb.runs.view_model import CallDetail, ReplyDetail, TestedProgram, TestsetDetail
from mipro_nb.runs.views.drill_down.calls import call_detail
from mipro_nb.runs.views.drill_down.cells import KeptCell
from mipro_nb.runs.views.drill_down.rows import asked_by, reply_of, share_of

_CALLS = """
SELECT seq, at, body FROM events INDEXED BY events_by_type
WHERE run_id = ? AND type IN ('lm_call_answered', 'lm_call_failed') AND trial IS NULL
AND example = ? AND json_extract(body, '$.phase') = 'test'
ORDER BY seq
"""


def rows_of_testset(
    record: Record, run_id: str, state: RunState, *, characters: int = 1_000_000
) -> TestsetDetail | None:
    """Return the rows of the testset with what became of them; None where none is scored.

    Parameters
    ----------
    record, run_id, state
        The record, the run in it, and what is known of the run.
    characters
        What all texts of the rows may have together, about.

    Raises
    ------
    RecordError
        If the record cannot be read.
    """
    ref = None if state.planned is None else state.planned.testset
    if ref is None or not state.test_scores:
        return None
    testset, programs = kept(record, ref, ROWS), tested_programs(state)
    cells = tested_cells(record, run_id)
    limit = share_of(characters, testset, len(testset), len(programs))

    def reply(program: TestedProgram, row: int) -> ReplyDetail | None:
        cell = cells.get((programs.get(program, ""), row))
        return None if cell is None else reply_of(record, state, cell, limit)

    return {
        "changed": "result" in programs,
        "told": LOOKED_AT,
        "rows": [
            {
                "example": row,
                **asked_by(state, ref, testset, row, limit),
                "student": reply("student", row),
                "result": reply("result", row),
            }
            for row in range(len(testset))
        ],
    }


def calls_of_row(record: Record, run_id: str, state: RunState, example: int) -> list[CallDetail]:
    """Return the LM calls that a row of the testset took, in order, failed ones included.

    Raises
    ------
    InvalidArgumentError
        If the testset has no such row.
    RecordError
        If the record cannot be read.
    """
    planned = state.planned
    ref = None if planned is None else planned.testset
    rows = 0 if ref is None else len(kept(record, ref, ROWS))
    if not 0 <= example < rows:
        raise InvalidArgumentError("example", example, f"the testset has {rows:,} rows.")
    names = {key: program for program, key in tested_programs(state).items()}
    calls = []
    for row in record.query(_CALLS, run_id, example):
        recorded = record.read_event(run_id, *row)
        call = call_detail(record, recorded)
        if (key := getattr(recorded.event, "tested", None)) in names:
            call["program"] = names[key]
        calls.append(call)
    return calls


def tested_programs(state: RunState) -> dict[TestedProgram, str]:
    """Return the programs that are tested, and their keys in the ledger.

    The result is one of them only where it is not the student itself.
    """
    programs: dict[TestedProgram, str] = {"student": STUDENT}
    others = [key for key in state.test_scores if key != STUDENT]
    if state.ended is not None:
        returned = configuration_key(state.ended.configuration or {})
        others = [key for key in others if key == returned]
    if others:
        programs["result"] = others[-1]
    return programs


def tested_cells(record: Record, run_id: str) -> dict[tuple[str, int], KeptCell[ev.ExampleTested]]:
    """Return (configuration, row) → its cell, as it was scored last."""
    return {
        (recorded.event.configuration, recorded.event.example): KeptCell(
            recorded.seq, recorded.event
        )
        for recorded in record.events(run_id, types=["example_tested"])
        if isinstance(recorded.event, ev.ExampleTested)
    }
