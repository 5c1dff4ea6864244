"""Programs, metrics and listeners that do what their authors like."""

import asyncio
import copy
import itertools
import multiprocessing.pool
import pickle
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from scripted_server import Reply, ScriptedServer

import mipro_nb as mipro
from mipro_nb import errors

_ROWS = [mipro.Example(q=f"{i}?", a="x").with_inputs("q") for i in range(12)]


def right(example, prediction, trace=None):
    return prediction.a == example.a


def _answer(request):
    asked = request.system
    name = "instruction" if "Write an instruction" in asked else "a"
    for field in ("observations", "summary", "description", "role"):
        if f"\n{field}: <{field}>" in asked:
            name = field
    return f"{name}: {'x' if name == 'a' else f'text {request.number}'}"


@pytest.fixture
def server():
    with ScriptedServer(_answer) as running:
        lm = mipro.LM("m", base_url=running.base_url, api_key="k-made-up", cache=False)
        mipro.configure(lm=lm)
        yield running


@pytest.fixture
def slow_server():
    with ScriptedServer(_answer, latency=0.05) as running:
        mipro.configure(lm=mipro.LM("m", base_url=running.base_url, cache=False))
        yield running


class InThreads(mipro.Module):
    def __init__(self):
        self.first = mipro.Predict("q -> a")
        self.second = mipro.Predict("q -> a", top_p=0.5)

    def forward(self, q):
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda p: p(q=q), [self.first, self.second]))
        return answers[0]


class NamedLikeResults(mipro.Module):
    def __init__(self):
        self.score = mipro.Predict("q -> a")

    def run(self, q):
        return self.score(q=q)

    def forward(self, q):
        return self.run(q)


class Emptying(mipro.Module):
    def __init__(self):
        self.ask = mipro.Predict("q -> a")

    def forward(self, parts):
        return self.ask(q=parts.pop())


def _compile(student, rows=_ROWS, metric=right, **settings):
    optimizer = mipro.MIPROv2(metric, num_candidates=3, num_threads=2)
    return optimizer.compile(
        student,
        trainset=rows,
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
        **settings,
    )


def test_nothing_is_sent_before_permission_even_from_threads_of_the_program(server):
    mipro.MIPROv2(right, num_candidates=3).plan(
        InThreads(), trainset=_ROWS, num_trials=2, minibatch=False
    )
    assert server.count == 0


def test_nothing_is_sent_before_permission_from_threads_of_the_metric(server):
    seen = []

    def judged(example, prediction, trace=None):
        def call():
            try:
                mipro.settings.lm("?")
            except errors.CallRefusedError as error:
                seen.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return True

    mipro.MIPROv2(judged, num_candidates=3).plan(
        mipro.Predict("q -> a"), trainset=_ROWS, num_trials=2, minibatch=False
    )
    assert seen
    assert server.count == 0


def test_calls_from_threads_of_the_program_are_counted_and_bootstrapped(server):
    optimized = _compile(InThreads())
    assert optimized.run.state.spend.calls == server.count
    sets = optimized.run.state.demo_sets
    assert sets["first"][2].bootstrapped == sets["second"][2].bootstrapped > 0


def test_a_program_with_attributes_named_like_results_still_works(server):
    optimized = _compile(NamedLikeResults())
    assert optimized(q="1?").a == "x"
    assert [name for name, _ in optimized.named_predictors()] == ["score"]
    assert optimized.trial_logs[0]["kind"] == "baseline"
    assert copy.deepcopy(optimized).trial_logs is optimized.trial_logs


def test_code_that_changes_its_inputs_changes_a_copy(server):
    rows = [mipro.Example(parts=["a", "b"], a="x").with_inputs("parts") for _ in range(8)]
    optimized = _compile(Emptying(), rows)
    assert optimized.score == 100
    assert all(row.parts == ["a", "b"] for row in rows)


def test_a_listener_that_raises_does_not_end_the_run(server):
    optimizer = mipro.MIPROv2(right, num_candidates=3)
    run = optimizer.start(
        mipro.Predict("q -> a"),
        trainset=_ROWS,
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
    )
    run.listen(lambda _: 1 / 0)
    assert run.wait(60).score == 100


def test_results_with_failures_can_be_pickled_and_copied(server):
    broken = mipro.Predict("q -> wrong: int")
    evaluate = mipro.Evaluate(devset=_ROWS[:2], metric=lambda e, p: True)
    result = evaluate(broken)
    again = pickle.loads(pickle.dumps(result))  # noqa: S301 - our own
    assert [str(f.error) for f in again.failed] == [str(f.error) for f in result.failed]
    assert copy.deepcopy(result).failed[0].error.raw_text == result.failed[0].error.raw_text


def test_headers_with_keys_are_sent_but_never_written_down(server, tmp_path):
    canary = "canary-5e11e"
    mipro.configure(lm=mipro.LM("m", base_url=server.base_url, extra_headers={"x-api-key": canary}))
    _compile(mipro.Predict("q -> a"), record=tmp_path / "record.sqlite")
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"RunPlanned" in written or b"run_planned" in written
    assert canary.encode() not in written


def test_a_password_in_the_url_is_refused_and_not_shown():
    with pytest.raises(errors.InvalidArgumentError) as caught:
        mipro.LM("m", base_url="http://user:canary-77@127.0.0.1/v1")
    assert "canary-77" not in str(caught.value)


def test_a_seed_that_numpy_cannot_take_is_refused_before_any_call(server):
    with pytest.raises(errors.InvalidArgumentError, match="seed"):
        _compile(mipro.Predict("q -> a"), seed=2**33)
    assert server.count == 0


def test_saving_over_a_file_never_leaves_half_of_it(server, tmp_path):
    path = tmp_path / "program"
    program = mipro.Predict("q -> a")
    program.demos = [mipro.Example(q="\ud800", a="1")]
    program.save(path)
    again = mipro.Predict("q -> a")
    again.load(path)
    assert again.demos[0].q == "\ud800"
    assert [p.name for p in tmp_path.iterdir()] == ["program"]


def test_a_refused_grounding_call_costs_a_source_and_not_the_run():
    def refusing(request):
        answer = _answer(request)
        return answer if answer.startswith(("a:", "instruction:")) else Reply(refusal="No.")

    with ScriptedServer(refusing) as server:
        mipro.configure(lm=mipro.LM("m", base_url=server.base_url, cache=False))
        optimized = _compile(mipro.Predict("q -> a"))
    assert optimized.run.status == "finished"
    written = optimized.run.state.grounding
    assert [each.text for each in written if each.kind != "program source"] == [""] * 2


def test_made_up_answers_are_not_in_the_history(server, capsys):
    mipro.MIPROv2(right, num_candidates=3).plan(
        mipro.Predict("q -> a"), trainset=_ROWS, num_trials=2, minibatch=False
    )
    mipro.inspect_history()
    assert "[reply of rehearsal]" not in capsys.readouterr().out


class Away(BaseException):
    """What testing frameworks and the like raise past everybody's ``except Exception``."""


_EXITS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, Away]


def _fails_on_one_row(raising):
    """A sync and an async program, and a sync and an async metric, that call `raising` on "3?"."""

    class Sync(mipro.Module):
        def __init__(self):
            self.ask = mipro.Predict("q -> a")

        def forward(self, q):
            if q == "3?":
                raising()
            return self.ask(q=q)

    class Async(Sync):
        async def aforward(self, q):
            if q == "3?":
                raising()
            return await self.ask.acall(q=q)

    def sync(example, prediction, trace=None):
        if example.q == "3?":
            raising()
        return right(example, prediction)

    async def awaited(example, prediction, trace=None):
        await asyncio.sleep(0)
        return sync(example, prediction)

    plain = mipro.Predict("q -> a")
    return {
        "program": (Sync(), right),
        "async program": (Async(), right),
        "metric": (plain, sync),
        "async metric": (plain, awaited),
    }


_CODES = list(_fails_on_one_row(None))


def _run(student, metric, **settings):
    """Run to the end on rows of which the fourth is one of the valset."""
    optimizer = mipro.MIPROv2(metric, num_candidates=3, num_threads=3)
    run = optimizer.start(
        student,
        trainset=_ROWS[6:],
        valset=_ROWS[:6],
        **{
            "num_trials": 2,
            "minibatch": False,
            "requires_permission_to_run": False,
            **settings,
        },
    )
    run.wait(120)
    return run


def _errors(run):
    """What the events say about the examples of the valset that failed, by their place."""
    told = [e.event for e in run.events() if e.event.type == "example_scored" and e.event.error]
    return {event.example: event.error for event in told}


@pytest.mark.slow
@pytest.mark.parametrize("code", _CODES)
@pytest.mark.parametrize("error", _EXITS)
def test_code_that_exits_fails_its_example_and_nothing_else(server, code, error):
    def raising():
        raise error

    run = _run(*_fails_on_one_row(raising)[code])
    assert run.status == "finished"
    errors = _errors(run)
    assert list(errors) == [3]
    assert f"raised {error.__name__}" in errors[3]


def test_code_that_cancels_its_own_task_fails_its_example_and_nothing_else(server):
    async def cancelling(example, prediction, trace=None):
        if example.q == "3?":
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        return right(example, prediction)

    run = _run(mipro.Predict("q -> a"), cancelling)
    assert run.status == "finished"
    assert "raised CancelledError" in _errors(run)[3]


@pytest.fixture
def forever():
    """Blocks, until the test is over."""
    event = threading.Event()
    yield event.wait
    event.set()


@pytest.mark.slow
@pytest.mark.parametrize("code", ["program", "metric"])
def test_code_that_never_returns_is_given_up_after_its_time(server, forever, code):
    student, metric = _fails_on_one_row(lambda: server.count and forever())[code]
    run = _run(student, metric, example_timeout=1.5)
    assert run.status == "finished"
    assert "took longer than example_timeout=1.5 s" in _errors(run)[3]


@pytest.mark.slow
def test_a_teacher_that_never_returns_is_given_up_after_its_time(server, forever):
    began = []

    def blocking(example, prediction, trace=None):
        if trace is not None and example.q == "8?":
            began.append(example.q)
            forever()
        return example.q != "0?"

    run = _run(mipro.Predict("q -> a"), blocking, example_timeout=1.5)
    assert run.status == "finished"
    assert began
    (failed,) = [
        event.event
        for event in run.events()
        if event.event.type == "trace_bootstrapped" and event.event.error
    ]
    assert "The metric blocking took longer than example_timeout=1.5 s" in failed.error


@pytest.mark.slow
def test_a_run_that_hung_is_resumed_with_a_time_for_each_example(server, forever):
    hung = threading.Event()

    def blocking(example, prediction, trace=None):
        if example.q == "3?" and server.count:
            hung.set()
            forever()
        return True

    optimizer = mipro.MIPROv2(blocking, num_candidates=3, num_threads=3)
    student = mipro.Predict("q -> a")
    run = optimizer.start(
        student,
        trainset=_ROWS[6:],
        valset=_ROWS[:6],
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
    )
    assert hung.wait(60)
    run.stop()
    run.wait(60)
    assert run.status == "stopped"
    again = optimizer.resume(
        run.id, student, example_timeout=1.5, requires_permission_to_run=False
    ).run
    assert (again.id, again.status) == (run.id, "finished")
    assert "took longer than example_timeout=1.5 s" in _errors(again)[3]
    # One that was in flight when the run was stopped may never have reached the server.
    assert again.state.spend.attempts + again.state.lost.calls >= server.count


@pytest.mark.slow
def test_a_metric_that_never_returns_is_told_before_any_call(server, forever):
    def blocking(example, prediction, trace=None):
        forever()

    with pytest.raises(errors.ExampleTimeoutError, match="metric blocking took longer than exampl"):
        _compile(mipro.Predict("q -> a"), metric=blocking, example_timeout=1.5)
    assert server.count == 0


@pytest.mark.slow
def test_a_program_that_never_returns_is_told_before_any_call(server, forever):
    class Blocking(mipro.Module):
        def __init__(self):
            self.ask = mipro.Predict("q -> a")

        def forward(self, q):
            forever()

    with pytest.raises(errors.ProgramError, match=r"Blocking took longer than .*=1\.5"):
        _compile(Blocking(), example_timeout=1.5)
    assert server.count == 0


@pytest.mark.slow
def test_a_pause_does_not_count(slow_server):
    optimizer = mipro.MIPROv2(right, num_candidates=2, num_threads=3)
    run = optimizer.start(
        InThreads(),
        trainset=_ROWS,
        num_trials=2,
        minibatch=False,
        example_timeout=2,
        requires_permission_to_run=False,
    )
    run.pause()
    time.sleep(2.5)
    run.resume()
    run.wait(60)
    assert _errors(run) == {}


_POOL = ThreadPoolExecutor(2)


def _in_thread(work):
    came = Future()

    def tell():
        try:
            came.set_result(work())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            came.set_exception(error)

    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
    return came.result()


def _in_pool(work):
    with ThreadPoolExecutor(2) as pool:
        first, _ = pool.map(lambda _: work(), range(2))
        return first


def _in_thread_pool(work):
    with multiprocessing.pool.ThreadPool(2) as pool:
        return pool.apply(work)


_WAYS = {
    "a thread": _in_thread,
    "a thread of a thread": lambda work: _in_thread(lambda: _in_thread(work)),
    "a pool": _in_pool,
    "a pool for all": lambda work: _POOL.submit(work).result(),
    "a thread pool of multiprocessing": _in_thread_pool,
    "a loop of its own": lambda work: _in_thread(lambda: asyncio.run(asyncio.to_thread(work))),
}


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_judge_in_threads_of_the_metric_is_counted_and_capped(server, way, is_async):
    numbers = itertools.count()  # equal calls would be sent once

    def judged(example, prediction, trace=None):
        said = _WAYS[way](lambda: mipro.settings.lm(f"Judge {next(numbers)}"))
        return bool(said) and example.q != "0?"  # a student that is always right is not optimized

    async def judged_async(example, prediction, trace=None):
        return await asyncio.to_thread(judged, example, prediction)

    run = _run(mipro.Predict("q -> a"), judged_async if is_async else judged, max_calls=30)
    assert run.status == "capped"
    assert server.count == run.state.spend.calls <= 30
    told = [e.event for e in run.events() if e.event.type == "lm_call_answered"]
    judges = [event for event in told if event.predictor is None and event.example is not None]
    assert len(judges) >= 6
    mine = server.count
    assert _POOL.submit(lambda: mipro.settings.lm("Mine.")).result() == ["a: x"]
    assert server.count == mine + 1


def test_calls_of_ones_own_beside_a_run_are_not_the_runs(slow_server):
    optimizer = mipro.MIPROv2(right, num_candidates=2)
    run = optimizer.start(
        InThreads(),
        trainset=_ROWS,
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
    )
    mine = 0
    while not run.done:
        mipro.settings.lm("Mine.")
        _in_thread(lambda: mipro.settings.lm("Mine."))
        _in_pool(lambda: mipro.settings.lm("Mine."))
        mine += 4
    assert run.status == "finished"
    assert slow_server.count == run.state.spend.calls + mine


def test_a_pool_that_a_run_made_serves_its_owner_afterwards(server):
    pools = []

    def judged(example, prediction, trace=None):
        if not pools:
            pools.append(ThreadPoolExecutor(2))
        return bool(pools[0].submit(mipro.settings.lm, "Judge!").result())

    for _ in range(2):
        run = _run(mipro.Predict("q -> a"), judged)
        assert run.status == "finished"
        assert _errors(run) == {}
    assert pools[0].submit(mipro.settings.lm, "Mine.").result() == ["a: x"]


def test_a_metric_may_evaluate_and_a_program_may_compile(server):
    compiled = []

    def evaluating(example, prediction, trace=None):
        inner = mipro.Evaluate(devset=_ROWS[:2], metric=right, num_threads=2)
        return inner(mipro.Predict("q -> a")) == 100

    async def evaluating_async(example, prediction, trace=None):
        return evaluating(example, prediction)

    class Compiles(mipro.Module):
        def __init__(self):
            self.ask = mipro.Predict("q -> a")

        def forward(self, q):
            if q == "3?":
                compiled.append(_compile(mipro.Predict("q -> a"), _ROWS[:5]))
            return self.ask(q=q)

    for metric in (evaluating, evaluating_async):
        run = _run(mipro.Predict("q -> a"), metric)
        assert (run.status, run.score, _errors(run)) == ("finished", 100, {})
    run = _run(Compiles(), right)
    assert (run.status, run.score, _errors(run)) == ("finished", 100, {})
    assert compiled[-1].run.status == "finished"


def test_a_compile_in_async_code_is_an_error_of_that_code(server):
    async def compiling(example, prediction, trace=None):
        if example.q == "3?":
            _compile(mipro.Predict("q -> a"), _ROWS[:5])
        return True

    run = _run(mipro.Predict("q -> a"), compiling)
    assert run.status == "finished"
    assert "would stop all runs" in _errors(run)[3]


def test_prints_of_many_threads_arrive(server, capfd):
    def printing(example, prediction, trace=None):
        threads = [
            threading.Thread(target=print, args=(f"of {example.q} {n}\n" * 20,)) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return True

    run = _run(mipro.Predict("q -> a"), printing)
    assert run.status == "finished"
    printed = capfd.readouterr().out
    for q in range(6):
        for n in range(8):
            assert printed.count(f"of {q}? {n}") >= 20
