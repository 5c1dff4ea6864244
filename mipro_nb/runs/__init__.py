"""The record of runs: events, the file they are kept in, and old runs read back.

`list` and `load` are what users call; the rest is what runs are written with.
"""

from mipro_nb.runs.history import RecordedRun
from mipro_nb.runs.history import list_runs as list  # noqa: A004 - users read `runs.list()`
from mipro_nb.runs.history import load_run as load
from mipro_nb.runs.record import Record, RecordedEvent, default_path, open_record
from mipro_nb.runs.state import RunState, Spend, fold

__all__ = [
    "Record",
    "RecordedEvent",
    "RecordedRun",
    "RunState",
    "Spend",
    "default_path",
    "fold",
    "list",
    "load",
    "open_record",
]
