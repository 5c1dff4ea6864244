"""A forked process exits: what its parent was writing then is whole."""

from __future__ import annotations

import os

import processes
import pytest

from mipro_nb.runs import check

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here")

FORKS = """
import os, sys
from mipro_nb.errors import RecordError
from mipro_nb.runs import open_record
record = open_record(sys.argv[1])
record._db.execute("PRAGMA cache_size=5")  # pages are written before their transaction is over
texts = [f"{n} " * 2000 for n in range(60)]
with record.writing():
    refs = [record.put_text(text) for text in texts[:50]]
    child = os.fork()
    if not child:
        try:
            record.run_ids()
        except RecordError:
            sys.exit(0)  # the interpreter closes all that it knows of
        sys.exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    refs += [record.put_text(text) for text in texts[50:]]
assert [record.text(ref) for ref in refs] == texts
"""


def test_a_forked_process_that_exits_undoes_nothing_of_its_parents(tmp_path):
    path = tmp_path / "record.sqlite"
    processes.run(FORKS, path)
    assert check(path).ok
