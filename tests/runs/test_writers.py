"""Who writes: one process a run, any number of them a record."""

from __future__ import annotations

import os
import re
import time

import processes
import psutil
import pytest
from handmade import ended, planned, whole_run, write

import mipro_nb as mipro
from mipro_nb.errors import RecordError
from mipro_nb.runs import events as ev
from mipro_nb.runs import fold, open_record
from mipro_nb.runs.store.record import Record

pytestmark = pytest.mark.slow

COUNT = 60
WRITER = """
import sys
from pathlib import Path
from mipro_nb.errors import RecordError
from mipro_nb.runs import Record
from mipro_nb.runs.events import GroundingWritten
from mipro_nb.runs.usage import Usage
path, run, count, own = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
record = Record(path)
print("ready", flush=True)
sys.stdin.readline()
written = []
for seq in range(count):
    record.put_flight(run, seq, Usage(1, 10, 0.5))
    try:
        with record.writing():
            record.put_answer(f"{own} {seq}", own)
            record.append(run, GroundingWritten(kind="program description", predictor=None,
                                                text=record.put_text(f"{own} {seq}")), seq)
            record.end_flight(run, seq)
    except RecordError as error:
        print("stopped", error)
        break
    written.append(seq)
print(len(written))
"""


def together(path, *arguments):
    """Have several writers begin at once, and return what each told."""
    writers = [processes.start(WRITER, path, *given) for given in arguments]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    told = []
    for writer in writers:
        output, errors = writer.communicate(timeout=120)
        assert (writer.returncode, errors) == (0, "")
        told.append(output.splitlines())
    return told


def test_two_kernels_write_their_runs_into_one_file_and_nothing_is_lost(tmp_path):
    path = tmp_path / "record.sqlite"
    record = Record(path)
    for run_id in ("one", "two"):
        record.add_run(run_id, "name")
    assert together(path, ("one", COUNT, "a"), ("two", COUNT, "b")) == [[f"{COUNT}"], [f"{COUNT}"]]
    for run_id, own in (("one", "a"), ("two", "b")):
        events = record.events(run_id)
        assert [recorded.seq for recorded in events] == list(range(COUNT))
        texts = [record.text(recorded.event.text) for recorded in events]
        assert texts == [f"{own} {seq}" for seq in range(COUNT)]
    assert record.answers_kept().answers == 2 * COUNT
    assert record.query("SELECT count(*) FROM flights") == [(0,)]
    record.close()
    assert mipro.runs.check(path).ok


def test_of_two_processes_that_write_one_run_one_is_told_to_stop_and_writes_nothing_of_it(tmp_path):
    path = tmp_path / "record.sqlite"
    record = Record(path)
    record.add_run("run", "name")
    told = together(path, ("run", COUNT, "a"), ("run", COUNT, "b"))
    (loser,) = [lines for lines in told if lines[0].startswith("stopped")]
    assert re.search(r"event \d+ of run run is in it already.*one writer", loser[0])
    assert "UNIQUE" not in loser[0]
    (winner,) = [lines for lines in told if lines is not loser]
    assert winner == [f"{COUNT}"] or int(winner[-1]) + int(loser[-1]) == COUNT
    events = record.events("run")
    assert [recorded.seq for recorded in events] == list(range(len(events)))
    assert len(events) == int(winner[-1]) + int(loser[-1])
    # What belongs to an event is there if it is, and only then.
    assert record.answers_kept().answers == len(events)
    assert record.query("SELECT count(*) FROM texts") == [(len(events),)]
    record.close()


def test_a_run_that_is_deleted_elsewhere_is_told_to_its_writer(tmp_path):
    record = Record(tmp_path / "record.sqlite")
    other = Record(record.path)
    record.add_run("run", "name")
    record.append("run", ev.RunPaused(), 0)
    other.delete_run("run")
    with pytest.raises(RecordError, match="its run is not in it; it may have been deleted"):
        record.append("run", ev.RunPaused(), 1)
    for opened in (record, other):
        opened.close()


def started(process):
    return psutil.Process(process).create_time()


@pytest.mark.parametrize(("seconds", "status"), [(0.0, "running"), (3600.0, "cut off")])
@pytest.mark.parametrize("event", ["planned", "resumed"])
def test_a_process_is_known_by_its_number_and_its_beginning(seconds, status, event):
    parent = os.getppid()
    begun = {"process": parent, "process_started": started(parent) - seconds}
    permitted = ev.RunPermitted(by="user")
    if event == "planned":
        write("run", [planned(**begun), permitted])
    else:
        nobody = planned(2**63 - 1)
        write("run", [nobody, permitted, ev.RunResumed(**begun, worked_until=1.0)])
    (run,) = mipro.runs.list()
    assert run.status == fold(run.events()).state == status


def test_a_process_that_has_ended_and_is_not_yet_fetched_carries_no_run_on():
    with processes.start("print('ready', flush=True)") as process:
        process.stdout.readline()
        began = started(process.pid)
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        write(
            "run",
            [planned(process.pid, process_started=began), ev.RunPermitted(by="user")],
        )
        assert mipro.runs.load("run").status == "cut off"


def test_what_is_deleted_is_in_no_file_of_the_record(tmp_path):
    secret = b"a very private sentence"
    record = open_record(tmp_path / "record.sqlite")
    events = [
        planned(2**63 - 1, program=secret.decode(), notes=[secret.decode() * 300]),
        *whole_run()[1:-1],
        ended(record.put_text(secret.decode() * 2000)),
    ]
    write("run", events, record.path, name=secret.decode())
    mipro.runs.tag("run", secret.decode(), record=record.path)
    mipro.runs.rename("run", secret.decode() * 2, record=record.path)
    mipro.runs.rename("run", "harmless", record=record.path)
    contents = [file.read_bytes() for file in tmp_path.glob("record.sqlite*")]
    assert any(secret in content for content in contents)
    mipro.runs.delete("run", record=record.path)
    contents = [file.read_bytes() for file in tmp_path.glob("record.sqlite*")]
    assert len(contents) == 3
    assert not any(secret in content for content in contents)
