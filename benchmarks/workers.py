"""Examples per second on an executor's workers, and what a worker adds to an LM call.

The metric is 50 ms of pure Python for each example, which hold the interpreter's lock; the LM
answers at once, from this process. Run with Dask where the extra `dask` is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import mipro_nb as mipro

EXAMPLES = 60
CALLS = 40
METRIC_SECONDS = 0.05
IN_FLIGHT = 16


class AtOnce:
    """A service that answers at once."""

    name = "at once"

    async def send(self, call: mipro.Call) -> mipro.Answer:
        """Return the same to every call."""
        del call
        return mipro.Answer(text="answer: 4", input_tokens=1, output_tokens=1)


class ManyCalls(mipro.Module):
    """Asks the LM many times, one after another, and tells how long that took."""

    def __init__(self) -> None:
        self.add = mipro.Predict("question -> answer")

    def forward(self, question: str) -> mipro.Prediction:
        """Return how many seconds all the calls took."""
        begun = time.perf_counter()
        for number in range(CALLS):
            self.add(question=f"{question} {number}")
        return mipro.Prediction(answer=time.perf_counter() - begun)


def computing(example: mipro.Example, prediction: mipro.Prediction, trace: object = None) -> bool:
    """Compute for 50 ms of this thread's own time, however busy the machine is."""
    del example, prediction, trace
    until = time.thread_time() + METRIC_SECONDS
    while time.thread_time() < until:
        pass
    return True


def trivial(example: mipro.Example, prediction: mipro.Prediction, trace: object = None) -> bool:
    del example, prediction, trace
    return True


def rows(count: int) -> list[mipro.Example]:
    return [mipro.Example(question=f"{n} + 1?").with_inputs("question") for n in range(count)]


@contextmanager
def processes(count: int) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        yield pool


@contextmanager
def cluster(count: int) -> Iterator[Any]:
    from distributed import LocalCluster  # noqa: PLC0415 - an extra

    with LocalCluster(
        n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as running:
        yield running


def measured(executor: Any) -> tuple[float, float, float]:
    """Return examples per second, milliseconds of a call in turn, and calls per second in all."""
    student = mipro.Predict("question -> answer")
    with mipro.context(executor=executor):
        mipro.Evaluate(devset=rows(4), metric=trivial, num_threads=4)(student)  # all has begun
        begun = time.perf_counter()
        evaluate = mipro.Evaluate(devset=rows(EXAMPLES), metric=computing, num_threads=IN_FLIGHT)
        assert evaluate(student) == 100
        per_second = EXAMPLES / (time.perf_counter() - begun)
        alone = mipro.Evaluate(devset=rows(3), metric=trivial, num_threads=1)(ManyCalls())
        seconds = statistics.median(each.prediction.answer for each in alone.results)
        begun = time.perf_counter()
        mipro.Evaluate(devset=rows(IN_FLIGHT), metric=trivial, num_threads=IN_FLIGHT)(ManyCalls())
        calls = CALLS * IN_FLIGHT / (time.perf_counter() - begun)
    return per_second, 1000 * seconds / CALLS, calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2])
    counts = parser.parse_args().counts
    mipro.configure(lm=mipro.LM("at-once", service=AtOnce(), cache=False, prompt_format="lines"))
    places: list[tuple[str, Callable[[], Any] | None]] = [("this process", None)]
    places += [(f"{n} process(es)", lambda n=n: processes(n)) for n in counts]
    if importlib.util.find_spec("distributed") is not None:
        places += [(f"Dask, {n} worker(s)", lambda n=n: cluster(n)) for n in counts]
    print("| program and metric in | examples/s | ratio | ms per LM call | LM calls/s |")
    print("|---|---|---|---|---|")
    first = None
    for name, make in places:
        with ExitStack() as stack:
            found = measured(None if make is None else stack.enter_context(make()))
        first = first or found[0]
        speed, call, calls = found
        print(f"| {name} | {speed:.1f} | {speed / first:.2f} | {call:.2f} | {calls:.0f} |")


if __name__ == "__main__":
    main()
