"""What holds for all tests."""

from __future__ import annotations

import gc
import itertools
import signal

import hypothesis
import pytest

from mipro_nb.language import configure
from mipro_nb.language.formats import FORMATS
from mipro_nb.models import retryable
from mipro_nb.models.gate.pacing import hedging
from mipro_nb.models.services import service
from mipro_nb.optimizer.search import samplers
from mipro_nb.runs.store.open_records import close_records

# How long an example takes says more about the machine than about the code. The examples are the
# same in every run: then a failure is of the change that is tested. `make test-properties` looks
# for new ones.
hypothesis.settings.register_profile("mipro_nb", deadline=None, derandomize=True)
hypothesis.settings.register_profile("new-examples", deadline=None)
hypothesis.settings.load_profile("mipro_nb")

# Whatever they were started with: what a shell runs in the background has SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

_REGISTRIES = (FORMATS, samplers._registered, service._registered)
_HOMES = itertools.count()
_SERVICE_VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "MIPRO_PERMISSION")


# One worker has the browser, which goes from test to test; one has the embedded LM, which needs
# all cores.
_OF_ONE_WORKER = ("browser", "real_lm")
# What these tests wait for is long: files with them come first, so that no worker has one left
# when the other is done.
_LONG = ("npm", "notebook", "slow")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Say which tests run in one process, where there are several (``--dist loadgroup``).

    Tests of one file do: they share kernels, builds and runs. What takes longest begins first.
    """
    ranks = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        group = next((name for name in _OF_ONE_WORKER if name in marks), item.path.stem)
        item.add_marker(pytest.mark.xdist_group(group))
        ranks[group] = min(_rank(group, marks), ranks.get(group, 2))
    items.sort(key=lambda item: ranks[item.get_closest_marker("xdist_group").args[0]])


def _rank(group, marks):
    if group in _OF_ONE_WORKER:
        return 0
    return 1 if marks & {*_LONG} else 2


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Have the garbage collector look for cycles less often, and not in what stays to the end.

    It takes a seventh of the time of a test that optimizes: thousands of tests and all that they
    import are looked through again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture
def own_folder(request, tmp_path_factory):
    """Return where a test's records go: its tmp_path, or a path where nothing is made until then.

    To make a tmp_path, pytest looks through all those of the tests before.
    """
    if "tmp_path" in request.fixturenames:
        return request.getfixturevalue("tmp_path")
    return tmp_path_factory.getbasetemp() / "homes" / str(next(_HOMES))


@pytest.fixture(autouse=True)
def _own_surroundings(own_folder, monkeypatch):
    """Give every test its own records, settings and registries, and nobody's key."""
    registered = [dict(registry) for registry in _REGISTRIES]
    monkeypatch.setenv("MIPRO_HOME", str(own_folder / "mipro_home"))
    for variable in _SERVICE_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    configure(lm=None, record=None, prompt_format=None, permission=None, executor=None)
    yield
    for registry, before in zip(_REGISTRIES, registered, strict=True):
        registry.clear()
        registry.update(before)
    configure(lm=None, record=None, prompt_format=None, permission=None, executor=None)
    close_records(own_folder)  # a thousand tests would have more open than a process may


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Have no call taken for slow because the machine stalls: it would be sent a second time."""
    monkeypatch.setattr(hedging, "LEAST_SECONDS", 3600.0)


@pytest.fixture
def short_pauses(monkeypatch):
    """Have calls that failed be tried again at once, nearly: not after half a second and more."""
    monkeypatch.setattr(retryable, "_FIRST_PAUSE_SECONDS", 0.01)
