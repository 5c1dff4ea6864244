"""The watch over code that holds up the loop leaves nothing behind in the interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Tracing, as a debugger does it, hangs in CPython 3.11 and 3.12 where an exception from another
# thread is still announced.
_TRACED = """
import sys, time
from mipro_nb.optimizer.estimating.rehearsing.blocking import BlockedLoopError, Watch

def held_up(seconds):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pass

watch = Watch(time.monotonic() + {time}, lambda: False)
try:
    with watch:
        held_up({held_up})
except BlockedLoopError:
    print("ended")
held_up(0.2)  # nothing comes afterwards
sys.settrace(lambda *_: None)
held_up(0)
print("traced", watch.has_ended_it)
"""


@pytest.mark.parametrize(
    ("time", "held_up", "said"),
    [
        pytest.param(60, 0, ["traced", "False"], id="nothing was held up"),
        pytest.param(0, 60, ["ended", "traced", "True"], id="it was ended"),
    ],
)
def test_code_can_be_traced_after_a_watch(time, held_up, said):
    script = _TRACED.format(time=time, held_up=held_up)
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == said
