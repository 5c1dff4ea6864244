"""The core loop: waited for from everywhere, stopped by nobody, gone at exit."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading

import processes
import pytest

from mipro_nb.core_loop import core, in_worker, on_core
from mipro_nb.errors import ProgramError

colour = contextvars.ContextVar("colour", default="none")


async def double(number):
    await asyncio.sleep(0)
    return 2 * number


async def thread_name():
    return threading.current_thread().name


def assert_alive():
    assert core().wait_for(asyncio.wait_for(double(21), 30)) == 42
    assert core().wait_for(thread_name()) == "mipro-core"


@pytest.fixture(autouse=True)
def _loop_lives_on():
    yield
    assert_alive()


def test_waiting_from_the_main_thread():
    assert core().wait_for(double(4)) == 8
    assert core() is core()


async def test_waiting_from_a_running_loop():
    # This is what a notebook's cell does: its kernel's loop is running.
    assert core().wait_for(double(4)) == 8
    assert core().wait_for(thread_name()) == "mipro-core"
    assert asyncio.get_running_loop() is not core().loop


async def test_awaiting_from_another_loop_leaves_that_loop_free():
    begun = asyncio.Event()
    release = asyncio.Event()
    mine = asyncio.get_running_loop()

    async def ask_back():
        mine.call_soon_threadsafe(begun.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(release.wait(), mine))
        return "done"

    waiting = asyncio.ensure_future(on_core(ask_back()))
    await begun.wait()
    release.set()
    assert await waiting == "done"


def test_awaiting_on_the_core_loop_itself():
    async def outer():
        return await on_core(thread_name()), asyncio.get_running_loop() is core().loop

    assert core().wait_for(outer()) == ("mipro-core", True)


def test_waiting_from_the_core_loop_itself():
    def sync_code(depth):
        return core().wait_for(async_code(depth - 1)) if depth else core().wait_for(double(4))

    async def async_code(depth):
        await asyncio.sleep(0)
        return sync_code(depth)

    assert core().wait_for(async_code(5)) == 8


def test_others_go_on_while_the_core_loop_is_re_entered():
    async def scenario():
        release = asyncio.Event()
        other = asyncio.ensure_future(release.wait())

        async def inner():
            release.set()
            return await other

        return core().wait_for(inner())

    assert core().wait_for(scenario()) is True


def test_waiting_from_a_worker_thread():
    def sync_code():
        return core().wait_for(double(4)), threading.current_thread().name

    result, name = core().wait_for(in_worker(sync_code))
    assert result == 8
    assert name.startswith("mipro-worker")


def test_user_code_may_be_nested_as_deeply_and_widely_as_it_likes():
    def sync_code(depth):
        if not depth:
            return 1
        return core().wait_for(both(depth - 1))

    async def both(depth):
        return sum(await asyncio.gather(*(in_worker(sync_code, depth) for _ in range(2))))

    assert core().wait_for(both(6)) == 2**7


def test_workers_are_used_again():
    async def one_after_the_other():
        return {await in_worker(threading.get_ident) for _ in range(50)}

    core().wait_for(one_after_the_other())
    before = threading.active_count()
    core().wait_for(one_after_the_other())
    assert threading.active_count() <= before + 1


def test_an_exception_reaches_the_one_who_waits():
    async def fail():
        raise ZeroDivisionError("told")

    for work in (fail, lambda: in_worker(lambda: 1 / 0)):
        with pytest.raises(ZeroDivisionError):
            core().wait_for(work())


def test_ticks_come_in_the_waiting_thread_until_the_work_is_done():
    ticks = []
    enough = threading.Event()

    def tick():
        ticks.append(threading.current_thread())
        if len(ticks) == 3:
            enough.set()

    core().wait_for(in_worker(enough.wait, 60), tick)
    assert set(ticks) == {threading.current_thread()}
    assert len(ticks) >= 3


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("ticking", [True, False] * 5)
def test_an_interrupt_cancels_the_work(ticking):
    begun = threading.Event()
    cancelled = threading.Event()

    async def work():
        begun.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupt():
        begun.wait(60)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        core().wait_for(work(), (lambda: None) if ticking else None)
    assert cancelled.wait(60)


def test_work_that_cancels_itself_does_not_look_like_a_cancelled_waiter():
    async def work():
        raise asyncio.CancelledError

    def user_code():
        try:
            core().wait_for(work())
        except Exception as error:  # noqa: BLE001 - what user code would catch
            return type(error).__name__

    assert core().wait_for(in_worker(user_code)) == "CancelledError"


def test_sync_code_that_was_given_up_ends_unheard(caplog):
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def user_code():
        begun.set()
        release.wait(60)
        ended.set()
        raise ValueError("told to nobody")

    async def give_up():
        task = asyncio.create_task(in_worker(user_code))
        await asyncio.sleep(0)
        begun.wait(60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    core().wait_for(give_up())
    release.set()
    assert ended.wait(60)
    core().wait_for(asyncio.sleep(0.05))  # its error reaches the loop
    assert caplog.records == []


def test_a_worker_outlives_the_loop_that_waited_for_it():
    begun, release = threading.Event(), threading.Event()

    def user_code():
        begun.set()
        release.wait(60)
        return threading.get_ident()

    async def leave_early():
        task = asyncio.create_task(in_worker(user_code))
        await asyncio.sleep(0)
        begun.wait(60)
        task.cancel()

    failures = []
    threading.excepthook, before = failures.append, threading.excepthook
    try:
        asyncio.run(leave_early())  # its loop is closed while the code goes on
        workers = threading.active_count()
        release.set()
        for _ in range(20):
            core().wait_for(in_worker(threading.get_ident))
    finally:
        threading.excepthook = before
    assert failures == []
    assert threading.active_count() <= workers + 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration])
def test_sync_code_that_wants_to_exit_is_an_error_of_the_program(error):
    def user_code():
        raise error

    with pytest.raises(ProgramError, match=f"user_code raised {error.__name__}") as caught:
        core().wait_for(asyncio.wait_for(in_worker(user_code), 60))
    assert isinstance(caught.value.__cause__, error)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_async_code_that_wants_to_exit_ends_alone(error):
    async def user_code():
        await asyncio.sleep(0)
        raise error

    other = core().submit(asyncio.sleep(0.05, "the other"))
    with pytest.raises(error):
        core().wait_for(user_code())
    assert other.result(60) == "the other"


def test_context_variables_go_along_everywhere():
    async def on_the_loop():
        return colour.get()

    async def everywhere():
        token = colour.set("green")
        seen = [await in_worker(colour.get), await on_core(on_the_loop())]
        seen.append(await in_worker(lambda: core().wait_for(on_the_loop())))
        seen.append(core().wait_for(on_the_loop()))
        colour.reset(token)
        return [*seen, colour.get()]

    token = colour.set("red")
    try:
        assert core().wait_for(on_the_loop()) == "red"
        assert core().wait_for(everywhere()) == ["green"] * 4 + ["red"]
        assert asyncio.run(on_core(on_the_loop())) == "red"
    finally:
        colour.reset(token)


def test_what_user_code_sets_in_its_context_stays_there():
    def user_code():
        colour.set("blue")

    async def asked():
        await in_worker(user_code)
        return await in_worker(colour.get), colour.get()

    assert core().wait_for(asked()) == ("none", "none")


EXIT_SCRIPTS = {
    "nothing done": "core()",
    "idle workers": "core().wait_for(in_worker(print, 'worker', flush=True))",
    "async work under way": "core().submit(asyncio.sleep(100_000))",
    "sync work under way": """
begun = threading.Event()
def forever():
    begun.set()
    time.sleep(100_000)
core().submit(in_worker(forever))
begun.wait()
""",
    "sync work that waits for async work": """
begun = threading.Event()
async def forever():
    begun.set()
    await asyncio.sleep(100_000)
core().submit(in_worker(lambda: core().wait_for(forever())))
begun.wait()
""",
    "an open connection": """
import contextlib, socket
from mipro_nb.models import LM
listener = socket.create_server(("127.0.0.1", 0))
lm = LM("m", base_url=f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
LM("other", base_url="http://127.0.0.1:9/v1")
threading.Thread(target=lambda: contextlib.suppress(Exception).__enter__() or lm("hi"),
                 daemon=True).start()
listener.accept()
""",
    "an exception": "core(); sys.excepthook = lambda *_: None; 1 / 0",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXIT_SCRIPTS)
def test_the_interpreter_exits_whatever_is_under_way(name):
    script = f"""
import asyncio, sys, threading, time
threading.excepthook = lambda *_: None
from mipro_nb.core_loop import core, in_worker
{EXIT_SCRIPTS[name]}
print("end of script", flush=True)
"""
    with processes.start(script) as process:
        try:
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert errors == ""
    assert process.returncode == (1 if name == "an exception" else 0)
    assert name == "an exception" or output.endswith("end of script\n")


def test_work_under_way_at_exit_may_tidy_up():
    script = """
import asyncio, threading
from mipro_nb.core_loop import core
begun = threading.Event()
async def work():
    begun.set()
    try:
        await asyncio.sleep(100_000)
    finally:
        await asyncio.sleep(0.01)
        print("tidied up", flush=True)
async def closer():
    print("closed", flush=True)
core().on_close(closer)
core().submit(work())
begun.wait()
"""
    assert processes.run(script) == ["tidied up", "closed"]


@pytest.mark.slow
def test_a_run_under_way_at_exit_is_recorded_as_stopped(tmp_path):
    script = """
import asyncio, sys, threading
import mipro_nb as mipro
begun = threading.Event()
class Slow:
    name, structured_outputs = "slow", False
    async def acomplete(self, request):
        begun.set()
        await asyncio.sleep(100_000)
class Program(mipro.Module):
    def __init__(self):
        super().__init__()
        self.step = mipro.Predict("question -> answer")
    def forward(self, question):
        return self.step(question=question)
rows = [mipro.Example(question=f"{n}", answer="x").with_inputs("question") for n in range(10)]
mipro.configure(lm=Slow(), record=sys.argv[1])
optimizer = mipro.MIPROv2(lambda example, prediction, trace=None: True, num_candidates=2)
run = optimizer.start(Program(), trainset=rows, num_trials=2, minibatch=False,
                      requires_permission_to_run=False)
begun.wait()
print(run.id)
from mipro_nb.runs import load
"""
    from mipro_nb import runs  # noqa: PLC0415

    (run_id,) = processes.run(script, tmp_path / "record.sqlite")
    assert [file.name for file in tmp_path.iterdir()] == ["record.sqlite"]
    run = runs.load(run_id, tmp_path / "record.sqlite")
    assert run.status == "stopped"
    assert run.state.ended.reason == "The interpreter is shutting down."
