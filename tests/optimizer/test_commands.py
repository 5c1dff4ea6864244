"""A run is paused, resumed and stopped from another process, over the record."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import RecordError, RunEndedError
from mipro_nb.optimizer.running import commands_taken
from mipro_nb.runs import open_record
from mipro_nb.runs.events import RunNoted
from mipro_nb.runs.following.recorded_requests import RecordedRequests
from mipro_nb.runs.store import commands

_ANSWERED = 5


@pytest.fixture
def holding_server():
    """A server that answers a few calls and holds back the others: no run comes to its end."""
    released = threading.Event()

    def held(request):
        if running.count > _ANSWERED:
            released.wait(60)
        return answer(request)

    with ScriptedServer(held) as running:
        mipro.configure(lm=lm_of(running))
        yield running
        released.set()


def _begin(**settings):
    return mipro.MIPROv2(exact, num_candidates=2, num_threads=4).start(
        Solve(),
        **{"trainset": rows(8), "valset": rows(12, start=1000), "minibatch": False, **settings},
        requires_permission_to_run=False,
    )


@pytest.fixture
def outside():
    """Requests of somebody who knows no run but by its record, such as the Jupyter server."""
    return RecordedRequests(open_record(), lambda run, delta: None)


def _waiting(record):
    return record.query("SELECT command, refusal FROM commands")


def test_a_run_is_paused_resumed_and_stopped_from_outside(holding_server, outside):
    run = _begin(num_trials=20)
    until(lambda: holding_server.count > _ANSWERED)
    outside.pause(run.id)
    assert run.status == "paused"
    outside.resume(run.id)
    assert run.status == "running"
    outside.stop(run.id)
    run.wait(60)
    assert run.status == "stopped"
    assert _waiting(run.record) == []
    with pytest.raises(RunEndedError, match="is stopped: it does not go on"):
        outside.pause(run.id)


def test_who_commands_a_run_that_ends_meanwhile_is_told_so(holding_server, outside, monkeypatch):
    monkeypatch.setattr(commands_taken, "_LOOK_SECONDS", 3600.0)
    run = _begin(num_trials=20)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(outside.pause, run.id)
        until(lambda: _waiting(run.record))
        run.stop()
        run.wait(60)
        with pytest.raises(RunEndedError, match="The run has ended"):
            asked.result(60)
    assert _waiting(run.record) == []


def test_a_run_that_does_not_answer_does_nothing_later_either(holding_server, outside, monkeypatch):
    monkeypatch.setattr(commands_taken, "_LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0.0)
    run = _begin(num_trials=20)
    with pytest.raises(RunEndedError, match=r"Nothing was changed. Try again, or stop it where"):
        outside.stop(run.id)
    assert _waiting(run.record) == []
    run.stop()
    run.wait(60)


def test_what_nobody_waits_for_any_more_is_not_done_by_a_resumed_run(server):
    capped = _begin(num_trials=2, max_calls=5)
    capped.wait(60)
    statement = "INSERT INTO commands (command_id, run_id, command) VALUES ('x', ?, 'stop')"
    capped.record.change(statement, capped.id)
    again = _begin(num_trials=2, max_calls=500, resume=True)
    again.wait(60)
    assert (again.id, again.status) == (capped.id, "finished")


def test_a_command_waits_while_the_record_cannot_be_written(record_of_a_run):
    record, waiting = record_of_a_run

    def fail(command):
        raise RecordError("The disk is full.")

    with pytest.raises(RecordError):
        commands.answer_command(record, waiting, fail)
    assert commands.commands_waiting(record, "run") == [waiting]


def test_what_waits_to_be_written_is_not_undone_with_a_command_that_is_refused(server, monkeypatch):
    run = _begin(num_trials=2)
    run.wait(60)
    journal, refused = run._journal, []

    def refuse(command):
        journal.emit_now(RunNoted(topic="proposals", text="of the command"))
        refused.append(command)
        raise RunEndedError("not now")

    run.record.change(
        "INSERT INTO commands (command_id, run_id, command) VALUES ('x', ?, 'pause')", run.id
    )
    journal._ended = False
    journal.backlog.put(lambda: journal.emit(RunNoted(topic="proposals", text="that waited")))
    commands_taken.CommandsTaken(journal, refuse)._take()
    assert refused == ["pause"]
    noted = [e.event.text for e in run.record.events(run.id, types=["run_noted"])]
    assert noted[-1] == "that waited"


@pytest.fixture
def record_of_a_run():
    record = open_record()
    record.add_run("run", "Run")
    record.change("INSERT INTO commands (command_id, run_id, command) VALUES ('x', 'run', 'stop')")
    (waiting,) = commands.commands_waiting(record, "run")
    return record, waiting
