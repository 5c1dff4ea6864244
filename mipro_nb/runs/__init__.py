"""The record of runs: events, the file they are kept in, and old runs read back.

`list`, `search` and `load` find runs; `rename`, `tag`, `note`, `rate`, `delete`, `export`,
`import_run` and `compare` are what a person does with them; `check` tells whether they are all
sound. The rest is what runs are written with.
"""

from mipro_nb.runs.checks.record_check import CheckReport
from mipro_nb.runs.checks.record_check import check_record as check
from mipro_nb.runs.recorded.ratings import RatedReply
from mipro_nb.runs.recorded.recorded_runs import RecordedRun, export, import_run
from mipro_nb.runs.recorded.recorded_runs import compare_runs as compare
from mipro_nb.runs.recorded.recorded_runs import delete_runs as delete
from mipro_nb.runs.recorded.recorded_runs import list_runs as list  # noqa: A004 - users read `runs.list()`
from mipro_nb.runs.recorded.recorded_runs import load_run as load
from mipro_nb.runs.recorded.recorded_runs import note_run as note
from mipro_nb.runs.recorded.recorded_runs import rate_run as rate
from mipro_nb.runs.recorded.recorded_runs import rename_run as rename
from mipro_nb.runs.recorded.recorded_runs import search_runs as search
from mipro_nb.runs.recorded.recorded_runs import tag_run as tag
from mipro_nb.runs.state import RunState, Spend, fold
from mipro_nb.runs.statistics.agreement import Agreement
from mipro_nb.runs.store.open_records import default_path, open_record
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.views.comparison import Comparison

__all__ = [
    "Agreement",
    "CheckReport",
    "Comparison",
    "RatedReply",
    "Record",
    "RecordedEvent",
    "RecordedRun",
    "RunState",
    "Spend",
    "check",
    "compare",
    "default_path",
    "delete",
    "export",
    "fold",
    "import_run",
    "list",
    "load",
    "note",
    "open_record",
    "rate",
    "rename",
    "search",
    "tag",
]
