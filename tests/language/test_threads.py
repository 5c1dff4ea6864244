"""Threads belong to the example whose code started them, and are what they were otherwise."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import mipro_nb as mipro
from mipro_nb.language.execution.attempt import current_attempt
from mipro_nb.language.execution.threads import let_threads_inherit


class Noting(threading.Thread):
    """A thread that is written as a class."""

    def __init__(self, noted):
        super().__init__()
        self.noted = noted

    def run(self):
        self.noted.append(current_attempt())


def _within_an_example(work):
    """Do `work` in the metric of the one example of an evaluation."""

    def metric(example, prediction, trace=None):
        work()
        return True

    class Plain(mipro.Module):
        def forward(self, q):
            return mipro.Prediction(a=q)

    rows = [mipro.Example(q="?").with_inputs("q")]
    assert mipro.Evaluate(devset=rows, metric=metric)(Plain()) == 100


def test_a_thread_belongs_to_the_example_that_started_it():
    noted = []

    def work():
        noted.append(current_attempt())
        for _ in range(2):
            thread = Noting(noted)
            thread.start()
            thread.join()

    _within_an_example(work)
    assert noted[0] is not None
    assert noted == [noted[0]] * 3


def test_work_in_a_pool_belongs_to_the_example_that_submitted_it():
    noted = {}

    def note(name, *, of):
        noted[name] = current_attempt()
        return of

    with ThreadPoolExecutor(1) as pool:
        for example in ("first", "second"):
            _within_an_example(lambda e=example: pool.submit(note, e, of=e).result())
        assert pool.submit(note, "own", of=3).result() == 3
    assert noted["own"] is None
    assert None is not noted["first"] is not noted["second"] is not None


def test_threads_of_ones_own_are_what_they_were():
    let_threads_inherit()
    noted = []
    thread = Noting(noted)
    thread.start()
    thread.join()
    assert noted == [None]
    assert "run" not in vars(thread)


def test_a_thread_that_cannot_be_started_again_says_so():
    told = []

    def work():
        thread = Noting([])
        thread.start()
        thread.join()
        try:
            thread.start()
        except RuntimeError as error:
            told.append(str(error))

    _within_an_example(work)
    assert "once" in told[0]
