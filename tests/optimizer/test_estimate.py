"""The estimate: always low ≤ expected ≤ high, and what a run then takes lies within."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_task import PlanAndSolve, Solve, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models.prices import Price
from mipro_nb.optimizer.estimating.prepare import Models, estimate
from mipro_nb.optimizer.estimating.rehearsing.findings import Rehearsal
from mipro_nb.optimizer.estimating.rehearsing.rehearsed_calls import RehearsedCall
from mipro_nb.optimizer.planning.estimate import NOTHING, Amount, Estimate, PhaseEstimate, exactly
from mipro_nb.optimizer.planning.plan import resolve
from mipro_nb.optimizer.planning.settings.requested import RequestedSettings
from mipro_nb.optimizer.search.strategy import STRATEGIES

NO_DEMOS = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0}
AMOUNTS = ("calls", "input_tokens", "output_tokens", "usd")


def lm(**settings):
    return mipro.LM("x", **{"base_url": "http://127.0.0.1:9/v1", "price": (1.0, 2.0), **settings})


def ordered(amount):
    return 0 <= amount.low <= amount.expected <= amount.high


@st.composite
def requested(draw):
    flag = st.booleans()
    valset_size = draw(st.integers(1, 1000))
    return valset_size, RequestedSettings(
        auto=None,
        num_candidates=draw(st.integers(1, 30)),
        num_trials=draw(st.integers(1, 200)),
        minibatch=draw(flag),
        minibatch_size=draw(st.integers(1, valset_size)),
        minibatch_full_eval_steps=draw(st.integers(1, 50)),
        max_bootstrapped_demos=draw(st.integers(0, 20)),
        max_labeled_demos=draw(st.integers(0, 20)),
        metric_threshold=None,
        num_threads=draw(st.integers(1, 64)),
        max_errors=10,
        init_temperature=1.0,
        seed=9,
        view_data_batch_size=draw(st.integers(1, 50)),
        program_aware_proposer=draw(flag),
        data_aware_proposer=draw(flag),
        tip_aware_proposer=draw(flag),
        fewshot_aware_proposer=draw(flag),
        search=draw(st.sampled_from(list(STRATEGIES.values()))),
        hedge=draw(st.sampled_from(["tail", True, False])),
        example_timeout=None,
        prompt_format=None,
        trials_in_flight=None,
    )


tokens = st.integers(0, 5000)
calls = st.lists(
    st.builds(RehearsedCall, st.sampled_from(["solve", None]), *[tokens] * 4, st.booleans()),
    min_size=1,
    max_size=4,
)
rehearsals = st.builds(Rehearsal, st.lists(calls, min_size=1, max_size=5), st.just(()))


@given(requested(), st.integers(1, 500), rehearsals, st.sampled_from([None, 1, 250]), st.booleans())
def test_low_expected_and_high_are_in_order(asked, trainset_size, rehearsal, max_tokens, cache):
    valset_size, wished = asked
    student = PlanAndSolve()
    plan = resolve(
        wished,
        program="P",
        predictors=dict.fromkeys(["plan", "solve.predict"], "a -> b"),
        models={"task": "any"},
        formats={"plan": "lines", "solve.predict": "lines"},
        trainset_size=trainset_size,
        valset_size=valset_size,
        distinct_rows=trainset_size,
    )
    models = Models(*[lm(max_tokens=max_tokens, cache=cache)] * 3)
    found = estimate(
        plan, rehearsal, models, student=student, trainset=rows(trainset_size), source="source"
    )
    for phase in (*found.phases, found.total):
        for name in AMOUNTS:
            assert ordered(getattr(phase, name)), (phase.phase, name)
    assert found.phases[0].calls.low >= valset_size


amounts = st.builds(lambda values: Amount(*sorted(values)), st.tuples(*[st.floats(0, 1e9)] * 3))


@given(amounts, amounts, st.floats(0, 1e9))
def test_amounts_stay_in_order(one, other, bound):
    for made in (one + other, one * other, one.at_most(bound), one + NOTHING):
        assert ordered(made)
    assert exactly(bound) == Amount(bound, bound, bound)


def plan_of(student=None, count=50, optimizer=None, **settings):
    return (optimizer or mipro.MIPROv2(exact)).plan(
        student or Solve(), trainset=rows(count), **settings
    )


def test_the_baseline_is_the_whole_valset(server):
    baseline = plan_of().estimate.phases[0]
    assert (baseline.phase, baseline.calls.low) == ("baseline", 40)
    assert plan_of(PlanAndSolve()).estimate.phases[0].calls.low == 80


def test_a_judge_is_counted(server):
    judge = mipro.Predict("question, answer -> right: bool")

    def judged(example, prediction, trace=None):
        return judge(question=example.question, answer=prediction.answer).right

    assert plan_of(optimizer=mipro.MIPROv2(judged)).estimate.phases[0].calls.low == 80


def test_calls_that_are_sent_twice_are_counted_and_told(server):
    once, last, all_ = (
        plan_of(optimizer=mipro.MIPROv2(exact, hedge=hedge)).estimate
        for hedge in (False, "tail", True)
    )
    assert last.total.calls.high == pytest.approx(1.03 * once.total.calls.high)
    assert last.total.usd.high == pytest.approx(1.03 * once.total.usd.high)
    assert last.total.calls.low == once.total.calls.low
    assert once.total.calls.expected < last.total.calls.expected < all_.total.calls.expected
    assert "Up to 3 % of these calls are slow ones" in last.text()
    assert "sent a second time" not in once.text()


@pytest.mark.real_lm
def test_none_is_counted_of_the_embedded_model():
    mipro.configure(lm=mipro.LM.local())
    assert plan_of().estimate.hedging is None


def test_each_model_has_its_own_price(server):
    free, dear = lm_of(server, price=(0.0, 0.0)), lm_of(server, price=(100.0, 100.0))
    optimizer = mipro.MIPROv2(
        exact, task_model=free, prompt_model=dear, teacher_settings={"lm": free}
    )
    usd = {phase.phase: phase.usd for phase in plan_of(optimizer=optimizer).estimate.phases}
    assert usd["baseline"].high == usd["bootstrap"].high == usd["search"].high == 0
    assert usd["propose"].low > 0


def test_an_unknown_price_is_unknown_and_not_zero(server):
    optimizer = mipro.MIPROv2(exact, prompt_model=lm_of(server, price=None))
    found = plan_of(optimizer=optimizer).estimate
    assert {phase.phase: phase.usd is None for phase in found.phases} == {
        "baseline": False, "bootstrap": False, "propose": True, "search": False,
    }  # fmt: skip
    assert found.total.usd is None
    assert "unknown" in found.text()
    assert found.to_dict()["total"]["usd"] is None


def test_the_price_is_that_of_the_tokens():
    phase = PhaseEstimate("search", exactly(1), exactly(1e6), exactly(1e6), exactly(3.0))
    assert Price(1.0, 2.0).usd(1e6, 1e6) == 3.0
    assert Estimate((phase, phase)).total.usd == exactly(6.0)
    assert replace(phase, usd=None) + phase == replace(phase + phase, usd=None)


def test_replies_are_not_longer_than_max_tokens(server):
    mipro.configure(lm=lm_of(server, max_tokens=2))
    baseline = plan_of(PlanAndSolve()).estimate.phases[0]
    assert baseline.output_tokens.high <= 2 * baseline.calls.high


@pytest.mark.parametrize(
    "flag", ["program_aware_proposer", "data_aware_proposer", "fewshot_aware_proposer"]
)
def test_each_source_that_is_off_makes_proposing_cheaper(server, flag):
    all_on, one_off = plan_of().estimate.phases[2], plan_of(**{flag: False}).estimate.phases[2]
    assert one_off.input_tokens.expected < all_on.input_tokens.expected


def test_a_long_program_and_long_rows_make_proposing_dearer(server):
    class Longer(Solve):
        def forward(self, question):
            """Say a lot about what happens here, in many words: it is all sent along."""
            return self.solve(question=question)

    longer = plan_of(Longer()).estimate.phases[2].input_tokens.low
    assert longer > plan_of().estimate.phases[2].input_tokens.low


def test_the_table_has_a_line_per_phase(server):
    lines = plan_of(optimizer=mipro.MIPROv2(exact, hedge=False)).estimate.text().splitlines()
    assert [line.split()[0] for line in lines] == [
        "estimate", "baseline", "bootstrap", "propose", "search", "total",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("student", [Solve, PlanAndSolve])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        NO_DEMOS,
        {"minibatch": False, "num_trials": 6},
        {"max_labeled_demos": 0},
        {"max_bootstrapped_demos": 0},
        {"program_aware_proposer": False, "data_aware_proposer": False},
    ],
    ids=str,
)
def test_what_a_run_takes_lies_within_its_estimate(server, student, settings):
    optimizer = mipro.MIPROv2(
        exact, num_candidates=4, max_bootstrapped_demos=2, max_labeled_demos=3
    )
    settings = {"num_trials": 8, "minibatch_size": 10, "minibatch_full_eval_steps": 4, **settings}
    run = optimizer.start(
        student(), trainset=rows(40), requires_permission_to_run=False, **settings
    )
    run.wait()
    estimated, spent = run.plan.estimate, run.state.spend
    assert spent.calls == server.count
    assert_within(estimated.total, spent)
    for phase in estimated.phases:
        if phase.phase in run.state.spend_by_phase:
            assert_within(phase, run.state.spend_by_phase[phase.phase])
        else:
            assert phase.calls.low == 0


def assert_within(estimated, spent):
    for name in AMOUNTS:
        amount, actual = getattr(estimated, name), getattr(spent, name)
        assert amount.low <= actual <= amount.high, (estimated.phase, name, amount, actual)


def test_the_report_shows_the_estimate_beside_what_was_spent(server):
    optimizer = mipro.MIPROv2(exact, num_candidates=2)
    run = optimizer.start(
        Solve(), trainset=rows(10), minibatch=False, num_trials=2, requires_permission_to_run=False
    )
    run.wait()
    lines = [line.split() for line in run.report().splitlines()]
    assert ["total", str(run.state.spend.calls)] in [line[:2] for line in lines]
    assert "estimated" in [line[0] for line in lines]


class TestPricesThatAreNotKnown:
    @pytest.fixture(autouse=True)
    def proxy(self, monkeypatch):
        monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example.com/v1/secret-path?q=a-key")
        monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")
        mipro.configure(lm=mipro.LM("openai/gpt-4o-mini"))

    def planned(self, **settings):
        return mipro.MIPROv2(exact).plan(Solve(), trainset=rows(50), **settings)

    def test_are_noted_with_model_reason_and_the_remedy_that_applies(self):
        (note,) = [note for note in self.planned().notes if "price" in note]
        assert note == (
            "The price of openai/gpt-4o-mini is not known (OPENAI_BASE_URL points to "
            "proxy.example.com): give LM('openai/gpt-4o-mini', …, price=(input, output)), in USD "
            "per million tokens."
        )

    @pytest.mark.parametrize("settings", [{"max_usd": 0.5}, {"prefer": "cheapest within 1 point"}])
    def test_are_refused_where_usd_count(self, settings):
        told = r"gpt-4o-mini is not known \(OPENAI_BASE_URL points to proxy\.example\.com\)"
        with pytest.raises(InvalidArgumentError, match=told) as caught:
            self.planned(**settings)
        assert "mipro.program" not in str(caught.value)
        assert "secret-path" not in str(caught.value)
