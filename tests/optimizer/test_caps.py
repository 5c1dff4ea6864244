"""Hard caps: no call is sent that could exceed one, and what was paid for is kept."""

from __future__ import annotations

import contextlib
import random
import re
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Reply, ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows
from watched import until

import mipro_nb as mipro
from mipro_nb.errors import CapReachedError, InvalidArgumentError
from mipro_nb.language.lms.lm_protocol import Completion
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.gate.limits.caps import Caps, Meter
from mipro_nb.models.prices import Price
from mipro_nb.optimizer import algorithm
from mipro_nb.runs.sentences.resume import begun_again, how_to_resume
from mipro_nb.runs.state import RunState

CAP_IN_USD = re.compile(
    r"The cap max_usd=0\.03 is reached: \$([\d.]+) spent, \$([\d.]+) reserved for calls in flight, "
    r"and the next call might take \$([\d.]+)\."
)


@pytest.fixture
def server():
    with ScriptedServer(answer, latency=0.005) as running:
        mipro.configure(lm=lm_of(running, max_tokens=20))
        yield running
    assert running.exceptions == []


def capped_run(**settings):
    run = begun(**settings)
    run.wait()
    return run


def begun(**settings):
    optimizer = mipro.MIPROv2(exact, num_candidates=4, num_threads=8)
    return optimizer.start(
        Solve(),
        trainset=rows(12),
        valset=rows(24, start=1000),
        **{"num_trials": 400, **settings},
        minibatch_size=6,
        requires_permission_to_run=False,
    )


@pytest.mark.parametrize("most", [1, 40, 90])
def test_no_call_is_sent_above_max_calls(server, most):
    run = capped_run(max_calls=most)
    assert run.status == "capped"
    assert server.count == most == run.state.spend.calls
    assert f"max_calls={most}" in run.state.ended.reason
    assert run.state.caps["max_calls"] == most


def test_the_best_program_so_far_is_returned(server):
    run = capped_run(max_calls=200)
    assert run.wait().score == run.score >= run.state.baseline
    assert "capped" in run.report()


def test_the_lines_that_resume_a_capped_run_work_as_printed(server, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    names = {"MIPROv2": mipro.MIPROv2, "METRIC": exact, "exact": exact, "PROGRAM": Solve()}
    run = capped_run(max_calls=8)
    magic, line = mipro.runs.load(run.id).row["resume_lines"]
    assert how_to_resume(run.id, run.state) == f"To resume run {run.id}, with a higher cap: {line}"
    assert magic.endswith(" --max-calls 16")
    resumed = eval(line, names)  # noqa: S307 - what a person pastes
    assert resumed.run.state.caps["max_calls"] == 16


@pytest.mark.parametrize(
    ("reason", "higher"),
    [
        ("The cap max_seconds=1e+06 is reached.", "--max-seconds 2000000"),
        (str(CapReachedError("max_usd", 0.3, 0.35, 0.0, 0.1)), "--max-usd 0.7"),
        (str(CapReachedError("max_tokens", 1, 12_345_678, 0, 9)), "--max-tokens 24691356"),
    ],
)
def test_a_cell_that_is_run_again_has_the_higher_cap_whichever_it_was(reason, higher):
    state = RunState("capped", ended=SimpleNamespace(reason=reason))
    assert begun_again(state).endswith(f"with --resume {higher}")


@pytest.mark.parametrize("most", [0.006, 0.01])
def test_usd_stay_below_the_cap(server, most):
    run = capped_run(max_usd=most)
    assert run.status == "capped"
    assert 0.5 * most < run.state.spend.usd <= most


def test_tokens_stay_below_the_cap(server):
    run = capped_run(max_tokens=5000)
    spend = run.state.spend
    assert run.status == "capped"
    assert 2500 < spend.input_tokens + spend.output_tokens <= 5000


def test_answers_that_come_back_after_the_cap_are_kept(server):
    run = capped_run(max_calls=60)
    answered = [e.event for e in run.events() if e.event.type == "lm_call_answered"]
    assert len([call for call in answered if not call.from_cache]) == 60 == server.count


@pytest.mark.slow
def test_the_time_cap_ends_the_run():
    with ScriptedServer(answer, latency=0.05) as server:
        mipro.configure(lm=lm_of(server))
        run = capped_run(max_seconds=1.0)
    assert run.status == "capped"
    assert run.state.seconds >= 1.0
    # After it, it may say on what rests what is returned.
    assert run.state.ended.reason.startswith("The cap max_seconds=1 is reached.")


@pytest.mark.slow
def test_at_the_time_cap_calls_that_hang_are_given_up_and_told_as_perhaps_lost(work_clock):
    with ScriptedServer(lambda _: Reply(hang=True)) as server:
        mipro.configure(lm=lm_of(server, timeout=10_000.0))
        run = begun(max_seconds=0.3)
        until(lambda: server.in_flight == 8)
        work_clock.seconds = 0.3
        run.wait()
    assert run.status == "capped"
    assert run.state.ended.reason == "The cap max_seconds=0.3 is reached."
    assert run.state.lost.calls == server.count == 8


@pytest.mark.slow
def test_at_the_time_cap_calls_that_come_back_soon_are_kept(work_clock, monkeypatch):
    monkeypatch.setattr(algorithm, "GRACE_SECONDS", 60.0)
    with ScriptedServer(answer, latency=1.0) as server:
        mipro.configure(lm=lm_of(server))
        run = begun(max_seconds=0.3)
        until(lambda: server.in_flight > 0)
        work_clock.seconds = 0.3
        run.wait()
    assert run.status == "capped"
    assert run.state.spend.calls == server.count > 0
    assert run.state.lost.calls == 0


@pytest.mark.slow
def test_the_time_cap_ends_a_run_that_waits_for_its_last_calls_because_of_another_cap(work_clock):
    with ScriptedServer(lambda _: Reply(hang=True)) as server:
        mipro.configure(lm=lm_of(server, timeout=10_000.0))
        run = begun(max_seconds=1.0, max_calls=3)
        until(lambda: server.in_flight == 3 and run._algorithm.capped is not None)
        work_clock.seconds = 1.0
        run.wait()
    assert run.status == "capped"
    assert run.state.ended.reason.startswith("The cap max_calls=3 is reached")
    assert run.state.lost.calls == server.count == 3


class SetClock:
    """The clock on the wall is set to another time after so many requests."""

    def __init__(self, monkeypatch, shift, after=10):
        self._monkeypatch, self._shift, self._after = monkeypatch, shift, after
        self._time = time.time

    def answer(self, request):
        if request.number == self._after:
            self._monkeypatch.setattr(time, "time", lambda: self._time() + self._shift)
        return answer(request)


@pytest.mark.slow
def test_the_time_cap_holds_although_the_clock_is_put_back(monkeypatch):
    with ScriptedServer(SetClock(monkeypatch, -3600).answer, latency=0.05) as server:
        mipro.configure(lm=lm_of(server))
        run = capped_run(max_seconds=1.5)
    assert run.status == "capped"


def test_a_clock_that_is_put_forward_is_not_taken_for_work(monkeypatch):
    with ScriptedServer(SetClock(monkeypatch, +100_000).answer, latency=0.01) as server:
        mipro.configure(lm=lm_of(server))
        run = capped_run(max_seconds=50_000.0, num_trials=5)
    assert run.status == "finished"


@pytest.mark.parametrize(
    ("cap", "value"),
    [
        ("max_usd", 0),
        ("max_usd", float("nan")),
        ("max_calls", 1.5),
        ("max_calls", -1),
        ("max_tokens", True),
        ("max_seconds", "10"),
    ],
)
def test_a_cap_that_is_none_is_told_before_any_call(server, cap, value):
    with pytest.raises(InvalidArgumentError, match=cap):
        capped_run(**{cap: value})
    assert server.count == 0


def test_dollars_of_unknown_price_cannot_be_capped(server):
    mipro.configure(lm=lm_of(server, price=None))
    with pytest.raises(InvalidArgumentError, match=r"max_usd.*price"):
        capped_run(max_usd=1.0)
    assert server.count == 0


class Own:
    """An LM of the user's own kind."""

    name = "mine"
    structured_outputs = False
    price = (1.0, 2.0)

    def __init__(self):
        self.count = 0

    async def acomplete(self, request):
        self.count += 1
        return Completion("answer: 5")


def use_for(role, own):
    """Return the student and the optimizer's settings with `own` in a role."""
    student, settings = Solve(), {}
    if role == "configured":
        mipro.configure(lm=own)
    elif role == "predictor":
        student.solve.lm = own
    elif role == "teacher":
        settings = {"teacher_settings": {"lm": own}}
    else:
        settings = {role: own}
    return student, settings


@pytest.mark.parametrize("cap", [{"max_calls": 45}, {"max_tokens": 50_000}, {"max_usd": 0.1}])
@pytest.mark.parametrize(
    "role", ["configured", "task_model", "prompt_model", "teacher", "predictor"]
)
def test_calls_of_an_lm_of_the_users_own_kind_are_counted_and_capped(server, role, cap):
    student, settings = use_for(role, own := Own())
    optimizer = mipro.MIPROv2(exact, **settings)
    run = optimizer.start(
        student,
        trainset=rows(20),
        num_trials=40,
        minibatch=False,
        requires_permission_to_run=False,
        prompt_format="lines",
        **cap,
    )
    run.wait()
    assert run.state.state == "capped" or "max_calls" not in cap
    spend = run.state.spend
    assert own.count > 0
    assert spend.attempts == own.count + server.count
    (name, limit) = next(iter(cap.items()))
    spent = {"max_calls": spend.calls, "max_usd": spend.usd}
    spent["max_tokens"] = spend.input_tokens + spend.output_tokens
    assert spent[name] <= limit


def test_a_resumed_run_does_not_repeat_calls_of_an_lm_of_the_users_own_kind():
    mipro.configure(lm=(own := Own()))
    settings = {"trainset": rows(20), "num_trials": 4, "minibatch": False}
    optimizer = mipro.MIPROv2(exact, num_candidates=2)
    settings["requires_permission_to_run"] = False
    whole = optimizer.start(Solve(), prompt_format="lines", **settings)
    whole.wait()
    sent, own.count = own.count, 0
    mipro.configure(record=mipro.runs.open_record().path.with_name("other.sqlite"))
    capped = optimizer.start(Solve(), prompt_format="lines", max_calls=sent // 2, **settings)
    capped.wait()
    mipro.MIPROv2(exact).resume(capped.id, max_calls=10**6, requires_permission_to_run=False)
    assert own.count == sent


def test_the_plan_tells_its_caps(server):
    plan = mipro.MIPROv2(exact).plan(Solve(), trainset=rows(50), max_usd=0.5, max_calls=1000)
    assert "caps        $0.50, 1,000 calls" in plan.text()


@pytest.mark.parametrize(("cap", "value"), [("max_usd", 0.5), ("max_tokens", 10**6)])
def test_the_plan_tells_which_replies_its_cap_limits(server, cap, value):
    def notes(**settings):
        optimizer = mipro.MIPROv2(
            exact,
            task_model=lm_of(server, **settings),
            prompt_model=lm_of(server, max_tokens=100),
            teacher_settings={"lm": lm_of(server, max_completion_tokens=100)},
        )
        plan = optimizer.plan(Solve(), trainset=rows(50), **{cap: value})
        return [note for note in plan.notes if "limited" in note]

    (note,) = notes()
    assert note.startswith(f"Under the cap {cap}, replies of openai/scripted are limited to 4,096 ")
    assert "LM(max_tokens=…)" in note
    assert notes(max_tokens=50) == []
    student = Solve()
    student.solve.lm = lm_of(server)
    plan = mipro.MIPROv2(exact).plan(student, trainset=rows(50), **{cap: value})
    assert note in plan.notes


def test_a_cap_in_calls_limits_no_replies(server):
    mipro.configure(lm=lm_of(server))
    plan = mipro.MIPROv2(exact).plan(Solve(), trainset=rows(50), max_calls=1000)
    assert not any("limited" in note for note in plan.notes)


def test_the_end_at_a_cap_tells_what_was_reserved_and_how_more_of_it_is_used(server):
    mipro.configure(lm=lm_of(server, max_tokens=4000))
    run = capped_run(max_usd=0.03)
    told = CAP_IN_USD.match(run.state.ended.reason)
    spent, reserved, wanted = map(float, told.groups())
    assert spent + wanted > 0.0299
    assert spent + reserved < 0.0301
    assert "LM(max_tokens=…)" in run.state.ended.reason


def call_of(prompt, longest):
    return Call(
        model="any",
        server="here",
        messages=[{"role": "user", "content": prompt}],
        parameters={"max_tokens": longest},
        rollout=0,
        cache=False,
        price=Price(1.0, 2.0),
    )


@given(
    seed=st.integers(0, 1000),
    usd=st.none() | st.floats(1e-6, 1e-3),
    calls=st.none() | st.integers(1, 20),
    tokens=st.none() | st.integers(1, 2000),
)
def test_whatever_comes_back_in_whatever_order_no_cap_is_exceeded(seed, usd, calls, tokens):
    rng = random.Random(seed)
    meter = Meter(Caps(usd, calls, tokens))
    flying, spent = [], []
    for _ in range(60):
        if flying and rng.random() < 0.5:
            reservation, call = flying.pop(rng.randrange(len(flying)))
            came = Answer(
                text="", truncated=False, input_tokens=rng.randint(1, 10),
                output_tokens=rng.randint(0, call.parameters["max_tokens"]),
            )  # fmt: skip
            failed = rng.random() < 0.1
            meter.settle(reservation, call, None if failed else came)
            spent.append((call, None if failed else came))
            continue
        call = call_of("x " * 20, rng.randint(1, 50))
        with contextlib.suppress(CapReachedError):
            reservation = meter.reserve(call)
            if reservation is not None:
                flying.append((reservation, call))
    answered = [(call, came) for call, came in spent if came is not None]
    read_and_written = sum(a.input_tokens + a.output_tokens for _, a in answered)
    price = sum(c.price.usd(a.input_tokens, a.output_tokens) for c, a in answered)
    assert calls is None or len(spent) + len(flying) <= calls
    assert tokens is None or read_and_written <= tokens
    assert usd is None or price <= usd * (1 + 1e-9)
