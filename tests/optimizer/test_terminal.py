"""The bar on a terminal, of a run that is interrupted."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripted_server import ScriptedServer
from scripted_task import KEY, answer

HERE = Path(__file__).parent
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run in the background
sys.path[:0] = [{tests!r}, {here!r}]
from scripted_task import Solve, exact, rows
import mipro_nb as mipro
lm = mipro.LM("scripted", base_url={url!r}, api_key={key!r})
best = mipro.MIPROv2(exact, task_model=lm, num_candidates=3, num_threads=2).compile(
    Solve(), trainset=rows(10), minibatch=False, num_trials=40, requires_permission_to_run=False)
print(best.run.status)
"""


@pytest.mark.slow
def test_an_interrupt_does_not_draw_the_bar_from_the_beginning_again():
    with ScriptedServer(answer, latency=0.03) as server:
        script = SCRIPT.format(tests=str(HERE.parent), here=str(HERE), url=server.base_url, key=KEY)
        with subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while server.count < 60 and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            printed, bar = process.communicate(timeout=120)
    assert printed.split("\n")[-2] == "stopped"
    percents = [int(number) for number in re.findall(r"(\d+)%\|", bar)]
    assert percents[-1] > 0
    assert percents == sorted(percents)
