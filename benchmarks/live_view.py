"""What the live view costs: wall time of a run with it against without, and the saved state.

python benchmarks/live_view.py

A kernel runs the toy task of the tests against a scripted LM on loopback. The front end is one
without a screen that takes in every message; what drawing costs is measured by
`npm --prefix js run dev:measure`. Each pair of runs is made in turn, so that both meet the same
machine.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

_TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(_TESTS), str(_TESTS / "optimizer"), str(_TESTS / "notebook")]

from kernels import FrontEnd  # noqa: E402 - of the tests
from scripted_server import ScriptedServer  # noqa: E402
from scripted_task import KEY, Solve, answer, exact, lm_of, rows  # noqa: E402

import mipro_nb as mipro  # noqa: E402
from mipro_nb.notebook.saved.bundle import EMPTY, bounded, mime_bundle  # noqa: E402
from mipro_nb.optimizer.running.run import runs_here  # noqa: E402
from mipro_nb.runs.following.follower import Follower  # noqa: E402

_PAIRS = 5
_SET_UP = """
import sys, time
sys.path[:0] = {paths!r}
from scripted_task import *
from mipro_nb import terminal
from mipro_nb.optimizer.running.asking import surface
lm = mipro.LM("scripted", base_url={url!r}, api_key={key!r}, price=(1, 2), cache=False,
              prompt_format="lines")
mipro.configure(lm=lm)
optimizer = mipro.MIPROv2(exact, num_candidates=10, num_threads={threads})
from mipro_nb.notebook import surface_here

class Quiet:
    def open(self, run, *, ask, blocking):
        return terminal.TerminalWindow(run, quiet=True)

def seconds(chosen, trials, seed):
    surface.prefer(chosen)
    began = time.perf_counter()
    best = optimizer.compile(
        Solve(), trainset=rows(30), valset=rows(100, start=1000), num_trials=trials,
        minibatch_size=25, requires_permission_to_run=False, seed=seed,
    )
    return time.perf_counter() - began, best.run
"""


def overhead(latency: float, threads: int, trials: int) -> tuple[float, float]:
    """Return the median ratio of a run's wall time with and without a view, and its seconds."""
    ratios, plain = [], []
    with ScriptedServer(answer, latency=latency) as server, _front_end(server, threads) as end:
        for seed in range(_PAIRS):
            times = end.run(
                f"without, _ = seconds(Quiet, {trials}, {seed})\n"
                f"with_view, _ = seconds(surface_here, {trials}, {seed})\n"
                "print(without, with_view)"
            )
            assert times.error is None, times.error
            without, with_view = map(float, times.text.split()[-2:])
            ratios.append(with_view / without)
            plain.append(without)
    return statistics.median(ratios), statistics.median(plain)


def saved_bytes(trials: int) -> dict[str, int]:
    """Return the size of what a notebook keeps of a run, by mime type, in bytes of JSON."""
    with ScriptedServer(answer) as server, tempfile.TemporaryDirectory() as folder:
        mipro.configure(lm=lm_of(server), record=f"{folder}/record.sqlite")
        run = mipro.MIPROv2(exact, num_candidates=10, num_threads=16).start(
            Solve(),
            trainset=rows(30),
            valset=rows(100, start=1000),
            num_trials=trials,
            minibatch_size=25,
            requires_permission_to_run=False,
        )
        run.wait()
        snapshot = bounded(
            Follower(run.record, run.id, lambda _: None, find_live=runs_here.find_live).for_saving()
        )
        bundle = mime_bundle("run", {**EMPTY, "snapshot": snapshot})
        return {name: len(json.dumps(value).encode()) for name, value in bundle.items()}


def _front_end(server: ScriptedServer, threads: int) -> FrontEnd:
    folder = tempfile.mkdtemp()
    end = FrontEnd(env={"MIPRO_HOME": folder})
    paths = [str(_TESTS), str(_TESTS / "optimizer")]
    set_up = _SET_UP.format(paths=paths, url=server.base_url, key=KEY, threads=threads)
    assert end.run(set_up).error is None
    return end


def main() -> None:
    print("wall time with the live view / without it, median of pairs")
    for latency, threads, trials in ((0.1, 16, 20), (0.02, 16, 40), (0.0, 16, 40)):
        ratio, plain = overhead(latency, threads, trials)
        print(f"  {latency * 1000:4.0f} ms per call: {ratio:.3f}  ({plain:.1f} s without)")
    print("what a saved notebook holds of a run of 500 trials")
    for name, size in saved_bytes(500).items():
        print(f"  {name:<32} {size / 1000:7.1f} kB")


if __name__ == "__main__":
    main()
