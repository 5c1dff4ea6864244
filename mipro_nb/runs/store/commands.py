"""Commands: what other processes want of a run that goes on, left for it in the record.

The run looks for them, does what they say, and takes them away or says why not. So a run is reached
wherever its record is, whatever its kernel is busy with.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from mipro_nb.errors import RunEndedError
from mipro_nb.runs.store.record import Record

Command = Literal["pause", "resume", "stop"]
"""What a run can be told to do from outside."""

PATIENCE_SECONDS = 15.0
_LOOK_SECONDS = 0.1


class Waiting(NamedTuple):
    """A command that a run has not answered yet."""

    command_id: str
    command: Command


def command_run(record: Record, run_id: str, command: Command) -> None:
    """Have a run of another process do something, and wait until it has.

    Raises
    ------
    RunEndedError
        If the run says that it cannot, or does not answer; then nothing is done later either.
    RecordError
        If the record cannot be written.
    """
    command_id = secrets.token_hex(8)
    record.change(
        "INSERT INTO commands (command_id, run_id, command) VALUES (?, ?, ?)",
        *(command_id, run_id, command),
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _is_answered(record, command_id):
        if time.monotonic() > deadline and _withdrawn(record, command_id):
            msg = (
                f"Run {run_id} does not answer: its kernel may be suspended, or its process hangs. "
                f"Nothing was changed. Try again, or {command} it where it was begun."
            )
            raise RunEndedError(msg)
        time.sleep(_LOOK_SECONDS)


def _is_answered(record: Record, command_id: str) -> bool:
    """Tell whether the run has done what it was to do; raise if it could not."""
    rows = record.query("SELECT refusal FROM commands WHERE command_id = ?", command_id)
    if rows and rows[0][0] is not None:
        record.change("DELETE FROM commands WHERE command_id = ?", command_id)
        raise RunEndedError(str(rows[0][0]))
    return not rows


def _withdrawn(record: Record, command_id: str) -> bool:
    """Take a command back; False if the run has answered it meanwhile."""
    statement = "DELETE FROM commands WHERE command_id = ? AND refusal IS NULL"
    return record.change(statement, command_id) > 0


def commands_waiting(record: Record, run_id: str) -> list[Waiting]:
    """Return what a run is to do, the oldest first."""
    rows = record.query(
        "SELECT command_id, command FROM commands WHERE run_id = ? AND refusal IS NULL"
        " ORDER BY rowid",
        run_id,
    )
    return [Waiting(*row) for row in rows]


def answer_command(record: Record, waiting: Waiting, obey: Callable[[Command], None]) -> None:
    """Do what a command says and take it away, or leave in its place why that cannot be done.

    Raises
    ------
    RecordError
        If the record cannot be written; the command then waits.
    """
    command_id = waiting.command_id
    try:
        with record.writing():
            if record.change("DELETE FROM commands WHERE command_id = ?", command_id):
                obey(waiting.command)  # else it was taken back
    except RunEndedError as error:
        statement = "UPDATE commands SET refusal = ? WHERE command_id = ?"
        record.change(statement, str(error), command_id)


def forget_commands(record: Record, run_id: str) -> None:
    """Take away what is left of earlier commands: nobody waits for an answer to them."""
    record.change("DELETE FROM commands WHERE run_id = ?", run_id)
