"""A run whose process is killed is resumed: the same result, and no answer paid for twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import processes
import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import PlanAndSolve, Solve, answer, exact, lm_of, rows
from whole_runs import TRAIN, VAL, answered, at_random_speed, result

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, RunEndedError
from mipro_nb.terminal import TerminalWindow

pytestmark = pytest.mark.slow

KILLS = 50
REQUESTED = {
    "num_candidates": 4,
    "max_bootstrapped_demos": 2,
    "max_labeled_demos": 3,
    "search": "repair",
}
COMPILED = {
    "testset": rows(6, start=9000),
    "num_trials": 8,
    "minibatch": True,
    "minibatch_size": 4,
    "minibatch_full_eval_steps": 3,
    "view_data_batch_size": 6,
    "trials_in_flight": 3,
}

# Imports once, and forks for every run: only the run itself is killed.
RUNS = """
import os, signal, sys
import mipro_nb as mipro
from scripted_task import PlanAndSolve, exact
from test_resuming import begin
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    child = os.fork()
    if not child:
        url, record, *run = line.split()
        begin(url, record, *run)
        os._exit(0)
    print(child, flush=True)
"""


def optimizer():
    # On a busy machine calls would be hedged: more of them than the questions, and of the two
    # instructions that a second call makes the server write, either may come first.
    return mipro.MIPROv2(exact, num_threads=6, hedge=False, **REQUESTED)


def begin(url, record, run_id=None):
    """Begin a search, or resume one, to its end, unless somebody kills it."""
    mipro.configure(lm=lm_of(Address(url), cache=False))
    if run_id is not None:
        optimizer().resume(run_id, PlanAndSolve(), record=record, requires_permission_to_run=False)
        return
    optimizer().compile(
        PlanAndSolve(),
        trainset=TRAIN,
        valset=VAL,
        record=record,
        requires_permission_to_run=False,
        **COMPILED,
    )


class Address:
    def __init__(self, url):
        self.base_url = url


@pytest.fixture(scope="module")
def runs():
    """Start runs in processes that can be killed; return a process's id."""
    tests = Path(__file__).parents[1]
    set_before = [path for path in (os.environ.get("PYTHONPATH"),) if path]
    paths = os.pathsep.join(map(str, (tests, tests / "optimizer", *set_before)))
    with processes.start(RUNS, env={**os.environ, "PYTHONPATH": paths}) as process:

        def start(*arguments):
            process.stdin.write(" ".join(map(str, arguments)) + "\n")
            process.stdin.flush()
            # Runs print their notes there as well.
            return int(next(line for line in process.stdout if line.strip().isdigit()))

        yield start
        process.stdin.close()
        process.kill()


class KillingServer(ScriptedServer):
    """Kills the process that it serves some seconds after so many requests."""

    def __init__(self, after, seconds, latency):
        super().__init__(self._answer, latency=latency)
        self.killed = threading.Event()
        self.pid = threading.Event()
        self._after, self._seconds, self._process = after, seconds, None

    def serve(self, pid):
        self._process = pid
        self.pid.set()

    def _answer(self, request):
        if request.number == self._after:
            threading.Timer(self._seconds, self._kill).start()
        return answer(request)

    def _kill(self):
        self.pid.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        self.killed.set()


def killed(runs, record, *run_id, after, seconds=0.0, latency=0.0):
    """Have a run be killed; return it as the record has it, and what it had sent."""
    with KillingServer(after, seconds, latency) as server:
        pid = runs(server.base_url, record, *run_id)
        server.serve(pid)
        assert server.killed.wait(60)
        gone(pid)
        (run,) = mipro.runs.list(record)
        assert server.exceptions == []
        return run, sent_to(server)


def gone(pid):
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(pid, 0)
            time.sleep(0.005)


def resumed(run, *, latency=0.0, **settings):
    """Resume a run; return it, and what was sent for it."""
    with ScriptedServer(answer, latency=latency) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        program = optimizer().resume(
            run.id,
            PlanAndSolve(),
            record=run.record.path,
            **{"requires_permission_to_run": False, **settings},
        )
    return program.run, sent_to(server)


def sent_to(server):
    """How often each prompt was sent."""
    return Counter(json.dumps(request.messages) for request in server.requests)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a run tells that nobody interrupts."""
    record = tmp_path_factory.mktemp("whole") / "record.sqlite"
    with ScriptedServer(answer) as server:
        begin(server.base_url, record)
    (run,) = mipro.runs.list(record)
    return result(Recorded(run)), answered(run)


class Recorded:
    """A recorded run, to be looked at like a live one."""

    def __init__(self, run):
        self.state, self.record, self._run = run.state, run.record, run

    def wait(self):
        program = PlanAndSolve()
        program.load_state(self._run.program_state())
        return program


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_killed_run_is_resumed_to_the_same_end(runs, whole, tmp_path, kill):
    expected, answers = whole
    draw = random.Random(kill)
    run, sent = killed(
        runs,
        tmp_path / "record.sqlite",
        after=draw.randrange(answers.total()),
        seconds=draw.choice([0.0, 0.01, 0.03]) * draw.random(),
        latency=at_random_speed(kill),
    )
    if run.status == "finished":
        assert result(Recorded(run)) == expected
        return
    assert run.status == "cut off"
    before = answered(run)
    scored = (e.event for e in run.events() if e.event.type == "example_scored")
    rated = [cell for cell in scored if cell.prediction is not None][-2:]
    for cell in rated:
        run.rate(cell.trial, cell.example, "good")
    again, sent_again = resumed(run, latency=at_random_speed(kill + KILLS))
    assert result(again) == expected
    assert {each.example for each in again.ratings} == {cell.example for cell in rated}
    # What had come back was not sent again; what was in flight was, and is told as lost.
    assert answered(again) <= answers
    assert before + sent_again == answered(again)
    assert sum((sent - before).values()) <= again.state.lost.calls <= again.plan.num_threads


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_is_killed_again_and_again_comes_to_the_same_end(runs, whole, tmp_path, seed):
    expected, answers = whole
    draw = random.Random(seed)
    path, killed_once = tmp_path / "record.sqlite", []
    for _ in range(4):
        run, _ = killed(runs, path, *killed_once, after=draw.randrange(5, 30))
        assert run.status == "cut off"
        killed_once = [run.id]
    again, _ = resumed(run)
    assert result(again) == expected
    assert answered(again) <= answers
    assert [e.seq for e in again.events()] == list(range(len(again.events())))


@pytest.fixture
def record(tmp_path):
    return tmp_path / "record.sqlite"


def begun(server, record, metric=exact, student=None, *, max_errors=10, lm=None, **settings):
    """Begin a run in the background."""
    mipro.configure(lm=lm_of(server, **{"cache": False, **(lm or {})}))
    return mipro.MIPROv2(metric, num_threads=6, max_errors=max_errors, **REQUESTED).start(
        student or PlanAndSolve(),
        record=record,
        **{
            "trainset": TRAIN,
            "valset": VAL,
            "requires_permission_to_run": False,
            **COMPILED,
            **settings,
        },
    )


def cut_short(record, after=60, **settings):
    """Stop a run after so many requests."""
    stop = threading.Event()

    def answer_and_tell(request):
        if request.number == after:
            stop.set()
        return answer(request)

    with ScriptedServer(answer_and_tell, latency=0.005) as server:
        run = begun(server, record, **settings)
        assert stop.wait(60)
        run.stop()
        run.wait()
    assert run.status == "stopped"
    return run


@pytest.mark.parametrize("after", [2, 40, 100])
def test_a_stopped_run_is_resumed_to_the_same_end(whole, record, after):
    again, _ = resumed(cut_short(record, after))
    assert (result(again), again.status) == (whole[0], "finished")


def test_a_capped_run_goes_on_with_a_higher_cap(whole, record):
    expected, answers = whole
    with ScriptedServer(answer) as server:
        run = begun(server, record, max_calls=50)
        run.wait()
        assert (run.status, len(server.requests)) == ("capped", 50)
    with pytest.raises(InvalidArgumentError, match=r"max_calls=50.*has spent 50 calls already"):
        resumed(run)
    higher, sent = resumed(run, max_calls=90)
    assert (higher.status, sent.total()) == ("capped", 40)
    last, sent = resumed(higher, max_calls=1000)
    found = result(last)
    # Beside what a run without a cap does: the full evaluation that a cap keeps for its leader.
    further = found["trials"].keys() - expected["trials"]
    assert all(found["trials"].pop(number)[0] == "full" for number in further)
    scores, wanted = found.pop("scores"), expected["scores"]
    assert {c: {e: scores[c][e] for e in wanted[c]} for c in wanted} == wanted
    assert found == {name: part for name, part in expected.items() if name != "scores"}
    reserve = sum(map(len, scores.values())) - sum(map(len, wanted.values()))
    calls_of_an_example = 2
    assert 90 + sent.total() <= answers.total() + calls_of_an_example * reserve


def test_a_run_that_compile_finds_keeps_its_caps(record):
    run = cut_short(record, after=40, max_calls=70, max_usd=5.0)
    with ScriptedServer(answer) as server:
        same = begun(server, record, resume=True)
        same.wait()
    assert (same.id, same.status, same.state.usage.calls) == (run.id, "capped", 70)
    with ScriptedServer(answer) as server:
        with pytest.raises(InvalidArgumentError, match=r"^max_calls=70: .*spent 70 calls already"):
            begun(server, record, resume=True)
        higher = begun(server, record, resume=True, max_calls=90)
        higher.wait()
    assert (higher.status, higher.state.usage.calls) == ("capped", 90)
    assert higher.state.caps["max_usd"] == 5.0


def test_calls_that_were_lost_count_for_the_cap(runs, record):
    run, _ = killed(runs, record, after=40, latency=0.005)
    lost = run.record.query("SELECT sum(attempts) FROM flights")[0][0]
    told = answered(run).total()
    assert lost > 0
    again, sent_again = resumed(run, max_calls=told + lost + 10)
    assert (again.status, sent_again.total()) == ("capped", 10)
    assert again.state.usage.calls == told + lost + 10


def one_in_three_dropped(request):
    return Reply(drop=True) if request.number % 3 == 1 else answer(request)


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("caps", [{"max_tokens": 40_000}, {"max_usd": 0.06}], ids=["tokens", "usd"])
def test_attempts_whose_end_nobody_knows_still_count_for_the_cap_afterwards(record, caps):
    with ScriptedServer(one_in_three_dropped) as server:
        run = begun(server, record, lm={"num_retries": 6, "max_tokens": 1000}, **caps)
        run.wait()
        assert run.status == "capped"
        dropped = server.count // 3
    (name, limit), read_back = *caps.items(), mipro.runs.load(run.id, record).state
    at_least = {"max_tokens": 1000, "max_usd": 1000 * 2.0 / 1e6}[name] * dropped
    counted = {"max_tokens": read_back.usage.tokens, "max_usd": read_back.usage.usd}[name]
    assert answered_for(read_back, name) + at_least <= counted <= limit * (1 + 1e-9)
    assert "timed out or lost their connection" in run.report()
    # What is left of the same cap may be too little for a single call.
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False, max_tokens=1000))
        with contextlib.suppress(InvalidArgumentError):
            optimizer().resume(
                run.id,
                PlanAndSolve(),
                record=record,
                requires_permission_to_run=False,
                **caps,
            )
    resumed = mipro.runs.load(run.id, record).state
    assert resumed.spend.calls - read_back.spend.calls == server.count
    assert answered_for(resumed, name) + at_least <= limit * (1 + 1e-9)


def answered_for(state, cap):
    """What the answered calls of a run took, in the unit of a cap."""
    spend = state.spend
    return spend.usd if cap == "max_usd" else spend.input_tokens + spend.output_tokens


def twice_the_same(answers):
    """Rows of which each is there twice: equal prompts, which a run sends once."""
    return {"student": Solve(), "valset": VAL[:8] * 2, "minibatch": False, "lm": answers}


@pytest.mark.parametrize("after", [30, 55, 80])
@pytest.mark.parametrize("imported", [False, True], ids=["same record", "imported"])
def test_equal_calls_are_answered_from_what_the_run_had_been_told(record, after, imported):
    # With the cache the answers are in the record; what is imported brings those of its run alone.
    settings = twice_the_same({"cache": imported})
    with ScriptedServer(answer) as server:
        whole = begun(server, record.with_name("whole.sqlite"), **settings)
        whole.wait()
        answers = _shared(sent_to(server))
    assert set(answers.values()) == {1}
    run = cut_short(record, after, **settings)
    if imported:
        file = mipro.runs.export(run.id, record.with_suffix(".json"), record=record)
        record = record.with_name("imported.sqlite")
        mipro.runs.import_run(file, record=record)
    before = _shared(answered(run))
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, **settings["lm"]))
        again = (
            optimizer().resume(run.id, Solve(), record=record, requires_permission_to_run=False).run
        )
        sent = _shared(sent_to(server))
    assert not before & sent
    assert result(again) == result(whole)
    assert before + sent <= answers


def _shared(calls):
    """Leave out the repairs: several are drawn from one prompt."""
    return Counter({text: n for text, n in calls.items() if "Repair the instruction" not in text})


def test_a_copy_that_ends_in_another_record_leaves_the_run_going_on(record):
    elsewhere = record.with_name("elsewhere.sqlite")
    with ScriptedServer(answer, latency=0.01) as server:
        run = begun(server, record, num_trials=400)
        file = mipro.runs.export(run.id, record.with_suffix(".json"), record=record)
        mipro.runs.import_run(file, record=elsewhere)
        program = optimizer().resume(
            run.id,
            PlanAndSolve(),
            record=elsewhere,
            requires_permission_to_run=False,
            max_seconds=0.2,
        )
        assert program.run.status == "capped"
        assert mipro.live_runs() == [run]
        (listed,) = mipro.runs.list(record)
        assert (run.status, listed.status, listed.row["here"]) == ("running", "running", True)
        with pytest.raises(mipro.errors.MiproError, match="is going on: stop it first"):
            mipro.runs.delete(run.id, record=record)
        run.stop()
        run.wait()
    (listed,) = mipro.runs.list(record)
    assert listed.status == "stopped"


def test_a_finished_run_is_not_resumed(record):
    with ScriptedServer(answer) as server:
        run = begun(server, record)
        run.wait()
    with pytest.raises(RunEndedError, match=rf"Run {run.id} is finished"):
        resumed(run)


def test_a_run_that_goes_on_is_not_resumed(record):
    with ScriptedServer(answer, latency=0.02) as server:
        run = begun(server, record)
        with pytest.raises(RunEndedError, match="need not be resumed"):
            optimizer().resume(run.id, PlanAndSolve(), record=record)
        run.stop()
        run.wait()


def test_an_unknown_program_is_asked_for(runs, record):
    run, _ = killed(runs, record, after=10)
    with pytest.raises(InvalidArgumentError, match=r"student=None: .*give its program"):
        optimizer().resume(run.id, record=record)


def test_a_run_of_this_session_needs_no_program_again(whole, record):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        program = optimizer().resume(run.id, record=record, requires_permission_to_run=False)
    assert result(program.run) == whole[0]


def metric_then(example, prediction):
    return prediction.answer == example.answer


def metric_now(example, prediction):
    return example.answer in prediction.answer


def test_changed_code_is_told_and_asked_about(record, monkeypatch, capsys):
    run = cut_short(record, metric=metric_then)
    changed = mipro.MIPROv2(metric_now, num_threads=6, **REQUESTED)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        with pytest.raises(InvalidArgumentError) as told_off:
            changed.resume(run.id, record=record, requires_permission_to_run=False)
        assert server.requests == []
        for line in (
            "The metric's code changed:",
            "-    return prediction.answer == example.answer",
        ):
            assert line in str(told_off.value)
        with pytest.raises(mipro.errors.PermissionUnansweredError):
            changed.resume(run.id, record=record)
        assert "+    return example.answer in prediction.answer" in capsys.readouterr().out
        program = changed.resume(
            run.id, record=record, requires_permission_to_run=False, accept_changes=True
        )
    assert program.run.status == "finished"


def test_another_model_is_told(record):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        mipro.configure(
            lm=mipro.LM("openai/other", base_url=server.base_url, api_key="none", price=(1, 1))
        )
        with pytest.raises(InvalidArgumentError, match=r"The models were .*scripted.* are .*other"):
            optimizer().resume(run.id, record=record, requires_permission_to_run=False)


def test_compile_finds_the_run_that_it_had_begun(whole, record):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        same = begun(server, record, resume=True)
        same.wait()
        calls = len(server.requests)
    assert (same.id, result(same)) == (run.id, whole[0])
    assert calls < whole[1].total()


@pytest.mark.parametrize(
    "other",
    [
        {"valset": rows(12, start=2000)},
        {"num_trials": 9},
        {"metric": metric_then},
        {"seed": 10},
    ],
    ids=["data", "plan", "metric", "seed"],
)
def test_compile_begins_anew_where_anything_is_different(record, other):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        another = begun(server, record, resume=True, **other)
        another.wait()
    assert another.id != run.id


def test_what_a_person_steered_stays(record):
    banned, added = ("solve.predict", 1), "Count very slowly."
    reached = threading.Event()

    def answer_and_tell(request):
        if request.number == 110:
            reached.set()
        return answer(request)

    with ScriptedServer(answer_and_tell, latency=0.005) as server:
        run = begun(server, record, num_trials=45)
        assert reached.wait(60)
        run.ban(*banned)
        index = run.add_instruction("plan", added)
        run.stop()
        run.wait()
    asked = set(run.state.trials)
    again, _ = resumed(run)
    late = [t.configuration for n, t in again.state.trials.items() if n not in asked and n]
    assert late
    assert all(trial["solve.predict:instruction"] != 1 for trial in late)
    assert again.state.candidates["plan"][index].instruction == added
    assert any(trial["plan:instruction"] == index for trial in late)


def failing_metric(example, prediction):
    if FAILING and example.question == VAL[-1].question:  # not the first that is scored
        raise ValueError(example.question)
    return prediction.answer == example.answer


FAILING = []


def test_a_failed_run_scores_anew_what_had_failed(record):
    with ScriptedServer(answer) as server:
        good = begun(server, record, metric=failing_metric).wait()
        FAILING.append(True)
        run = begun(server, record, metric=failing_metric, max_errors=1)
        with pytest.raises(mipro.errors.TooManyErrorsError):
            run.wait()
        FAILING.clear()
        assert run.status == "failed"
        program = mipro.MIPROv2(failing_metric, num_threads=6, **REQUESTED).resume(
            run.id, record=record, requires_permission_to_run=False
        )
    assert program.run.status == "finished"
    assert program.dump_state() == good.dump_state()


class Undecided:
    """A surface on which nobody has answered yet."""

    def open(self, run, *, ask, blocking):
        return TerminalWindow(run, quiet=True)


def test_of_two_who_carry_a_run_on_only_one_does(whole, record, monkeypatch):
    cut_short(record)
    monkeypatch.setattr(mipro.surface, "_choose", Undecided)
    with ScriptedServer(answer) as server:
        first, second = (
            begun(server, record, resume=True, requires_permission_to_run=True) for _ in range(2)
        )
        assert first.begin(by="user")
        first.wait()
        with pytest.raises(RunEndedError, match="was resumed elsewhere"):
            second.begin(by="user")
    assert result(first) == whole[0]


def test_rows_that_are_given_again_are_divided_as_before(record):
    data = rows(140)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        light = mipro.MIPROv2(exact, auto="light", num_threads=6)
        settings = {"record": record, "requires_permission_to_run": False}
        capped = light.compile(PlanAndSolve(), trainset=data, max_calls=150, **settings).run
        assert (capped.status, capped.plan.valset_size) == ("capped", 100)
        program = light.resume(
            capped.id, PlanAndSolve(), trainset=data, max_calls=100_000, **settings
        )
    assert program.run.status == "finished"
    assert program.run.plan.auto == "light"


@pytest.mark.parametrize(
    ("other", "wrong"),
    [
        ({"trainset": TRAIN, "valset": rows(12, start=2000)}, r"^valset=.*rows differ"),
        ({"trainset": TRAIN, "valset": VAL[:6]}, r"^valset=.*rows differ"),
        ({"student": Solve()}, r"^student=.*the predictors of the run were"),
    ],
    ids=["other rows", "fewer rows", "another program"],
)
def test_a_run_is_not_resumed_with_other_rows_or_predictors(record, other, wrong):
    run = cut_short(record)
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        with pytest.raises(InvalidArgumentError, match=wrong):
            optimizer().resume(
                run.id,
                **{"student": PlanAndSolve(), **other},
                record=record,
                accept_changes=True,
                requires_permission_to_run=False,
            )
        assert server.requests == []
