"""A faulty server changes neither what a run finds out nor what it may spend, and is told of."""

from __future__ import annotations

import random

import pytest
from faulty import FINAL, Faulty
from scripted_server import ScriptedServer
from scripted_task import KEY, PlanAndSolve, answer, exact, kind, lm_of, question_of
from whole_runs import CANDIDATES, SEARCH, TRAIN, VAL, at_random_speed, made, result

import mipro_nb as mipro

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

ENOUGH_RETRIES = 12
# Long enough that a busy machine answers in time what is answered at all.
TIMEOUT = 12.0


def run_on(server, tmp_path, *, metric=exact, num_retries=ENOUGH_RETRIES, **settings):
    """Run a search to its end on a server that has faults."""
    mipro.configure(lm=lm_of(server, num_retries=num_retries, timeout=TIMEOUT, cache=True))
    optimizer = mipro.MIPROv2(metric, num_threads=16, **CANDIDATES)
    run = optimizer.start(
        PlanAndSolve(),
        trainset=TRAIN,
        valset=VAL,
        record=tmp_path / "faulty.sqlite",
        requires_permission_to_run=False,
        **{**SEARCH, **settings},
    )
    run.wait(300)
    return run


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """What a run tells that met no fault."""
    run, _ = made(tmp_path_factory.mktemp("clean"))
    return result(run)


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_that_pass_change_nothing_and_each_is_told(clean, tmp_path, seed):
    faulty = Faulty(seed)
    with ScriptedServer(faulty, latency=at_random_speed(seed)) as server:
        run = run_on(server, tmp_path)
        assert result(run) == clean
        assert server.exceptions == []
        state = mipro.runs.load(run.id, run.record.path).state
        assert state.spend.attempts + state.lost.calls == server.count
    met = faulty.met
    assert state.faults == {
        kind: times
        for kind, times in {
            "in trouble": met["500"] + met["503"],
            "turned away": met["429"],
            "no answer": met["hang"] + met["lost"],
            "broken answer": sum(
                met[name] for name in ("half", "page", "no choices", "an error inside")
            ),
        }.items()
        if times
    }
    assert sum(met.values()) > 20
    assert state.spend.failed_calls == 0
    assert f"{state.faults['in trouble']} × in trouble" in run.report()


def test_answers_of_no_use_that_are_billed_are_paid_for(tmp_path):
    faulty = Faulty(5, hangs=0)
    with ScriptedServer(faulty) as server:
        run = run_on(server, tmp_path)
    billed = [
        e.event for e in run.events() if e.event.type == "lm_call_failed" and e.event.input_tokens
    ]
    assert len(billed) == faulty.met["no choices"] > 0
    for call in billed:
        assert (call.input_tokens, call.output_tokens, call.attempts) == (30, 5, 1)
        assert call.usd == pytest.approx(40e-6)
        assert not call.final


@pytest.mark.parametrize("most", [1, 40, 150])
def test_no_call_is_sent_above_max_calls_whatever_the_server_does(tmp_path, most):
    with ScriptedServer(Faulty(most, share=0.3), latency=at_random_speed(most)) as server:
        run = run_on(server, tmp_path, max_calls=most)
        assert run.status == "capped"
        assert server.count == most
    state = run.state
    assert state.spend.attempts + state.lost.calls == most


def test_what_comes_of_the_prompt_itself_is_final_and_listed(tmp_path):
    outcomes = {row.question: random.Random(row.question).choice([*FINAL, None]) for row in VAL}

    def respond(request):
        outcome = outcomes.get(question_of(request)) if kind(request) == "task" else None
        return answer(request) if outcome is None else FINAL[outcome]

    with ScriptedServer(respond) as server:
        mipro.configure(lm=lm_of(server))
        evaluate = mipro.MIPROv2(exact, num_threads=4, num_candidates=3, max_errors=1000)
        run = evaluate.start(
            PlanAndSolve(),
            trainset=TRAIN,
            valset=VAL,
            num_trials=2,
            minibatch=False,
            requires_permission_to_run=False,
        )
        run.wait(120)
    assert run.status == "finished"
    assert run.state.spend.failed_calls == 0  # each was an answer, and of no use
    scored = [e.event for e in run.events() if e.event.type == "example_scored"]
    assert all(cell.unusable_reply for cell in scored if cell.error)
    for said in ("content filter", "tool", "That I will not say."):
        assert any(said in cell.error for cell in scored if cell.error)
    assert {VAL[example].question for _, example in run.state.errors} == {
        question for question, outcome in outcomes.items() if outcome
    }
    assert run.state.faults == {}


def test_a_server_that_never_answered_fails_the_run_at_once(tmp_path):
    with ScriptedServer(answer, api_key="another") as server:
        mipro.configure(lm=lm_of(server))
        with pytest.raises(mipro.errors.LMUnavailableError, match="refused the key") as caught:
            run_on(server, tmp_path)
        assert KEY not in str(caught.value)
    (run,) = mipro.runs.list(tmp_path / "faulty.sqlite")
    assert run.status == "failed"
    assert not any(e.event.type == "run_paused" for e in run.events())
