"""Arguments by a wrong name, or in a wrong place: what is said, and that nothing is sent."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from scripted_server import Reply, ScriptedServer

import mipro_nb as mipro
from mipro_nb import datasets, runs
from mipro_nb.datasets import from_dataframe
from mipro_nb.errors import InvalidArgumentError, LMUnavailableError, MetricError, SignatureError
from mipro_nb.language.from_dspy.dspy_names import BRIDGE
from mipro_nb.models.services.known import litellm

QA = "question -> answer"
ROWS = [mipro.Example(question=f"{n}?", answer="x").with_inputs("question") for n in range(4)]


def exact(example, prediction, trace=None):
    return prediction.answer == example.answer


@pytest.fixture
def server():
    with ScriptedServer(lambda _: "answer: x") as running:
        yield running
    assert running.exceptions == []


def lm_of(server, /, **given):
    return mipro.LM("m", base_url=server.base_url, **given)


def refused(call):
    with pytest.raises(InvalidArgumentError) as caught:
        call()
    return str(caught.value)


MEANT = {
    "base_url": "url base api_url endpoint host server baseURL OPENAI_API_BASE port proxy_host",
    "api_key": "key token auth openai_api_key secret apiKey my_password access_token credentials",
    "num_retries": "retries retry",
    "temperature": "temp temprature",
    "max_tokens": "max_token",
    "prompt_format": "format",
}


@pytest.mark.parametrize(
    ("name", "meant"), [(name, meant) for meant, names in MEANT.items() for name in names.split()]
)
def test_another_word_for_a_parameter_of_an_lm_is_refused_and_its_value_not_shown(
    server, name, meant
):
    said = refused(lambda: lm_of(server, **{name: "hidden-5Qw8"}))
    assert f"{name}=(not shown): did you mean {meant}=?" in said
    assert "hidden" not in said
    assert "hidden" not in refused(lambda: mipro.Predict(QA, **{name: "hidden-5Qw8"}))
    assert server.count == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model_name", "first argument of LM"),
        ("system", "give the instruction to the signature"),
        ("messages", "ChatPrompt"),
        ("rollout", "a predictor's"),
    ],
)
def test_what_is_not_an_lms_is_told_with_its_place(name, said):
    assert said in refused(lambda: mipro.LM("m", base_url="http://h/v1", **{name: "x"}))


def test_what_only_a_server_knows_reaches_it(server):
    known = {"reasoning_effort": "low", "top_k": 4, "a_servers_own": "x"}
    known |= {"ban_eos_token": True, "stop_token_ids": [1], "thinking_token_budget": 5}
    lm_of(server, **known, extra_body={"token": "t"})("hi")
    body = server.requests[0].body
    assert body.items() >= {**known, "token": "t"}.items()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"instructions": "Be nice"}, "Signature('a -> b', 'Be brief.')"),
        ({"lm": object()}, "predict.lm = LM(…)"),
        ({"demos": ROWS}, "predict.demos = […]"),
        ({"name": "qa"}, "the attribute it is kept in"),
        ({"format": "json"}, "did you mean prompt_format=?"),
        ({"api_key": "k"}, "predict.lm = LM(…, api_key=…)"),
        ({"cache": False}, "predict.lm = LM(…, cache=…)"),
        ({"url": "http://h"}, "did you mean LM(…, base_url=…)?"),
        ({"response_format": mipro.Example}, "it is sent as JSON"),
        ({"metadata": {"when": object()}}, "metadata=<class 'dict'>: it is sent as JSON"),
    ],
)
@pytest.mark.parametrize("made", [mipro.Predict, mipro.ChainOfThought])
def test_what_is_no_option_of_a_predictors_calls_is_refused_with_its_place(made, options, said):
    assert said in refused(lambda: made(QA, **options))


@pytest.mark.parametrize("made", [mipro.Predict, mipro.ChainOfThought])
def test_an_instruction_by_place_is_told_where_it_goes(made):
    assert "give the instruction to the signature" in refused(lambda: made(QA, "Be nice"))
    assert "given twice" in refused(lambda: made(QA, signature=QA))


OPTIMIZER = mipro.MIPROv2(exact)
STUDENT = mipro.Predict(QA)
CONFUSED = [
    (lambda: mipro.MIPROv2(exact, max_usd=1), "max_usd=1: it belongs to compile(…)."),
    (lambda: mipro.MIPROv2(exact, num_trials=5), "num_trials=5: it belongs to compile(…)."),
    (lambda: mipro.MIPROv2(exact, budget=2), "did you mean max_usd= of compile(…)?"),
    (lambda: mipro.MIPROv2(exact, lm=1), "did you mean task_model=?"),
    (lambda: OPTIMIZER.plan(STUDENT, num_threads=2), "it belongs to MIPROv2(…)."),
    (lambda: OPTIMIZER.plan(STUDENT, auto="light"), "auto=(not shown): it belongs to MIPROv2(…)."),
    (lambda: OPTIMIZER.plan(STUDENT, max_cost=2), "did you mean max_usd=?"),
    (lambda: OPTIMIZER.plan(STUDENT, time=2), "did you mean max_seconds=?"),
    (lambda: OPTIMIZER.plan(STUDENT, yes=True), "did you mean requires_permission_to_run=?"),
    (lambda: OPTIMIZER.plan(STUDENT, train=ROWS), "did you mean trainset=?"),
    (lambda: OPTIMIZER.plan(STUDENT, gpu=1), "help(MIPROv2.plan) tells which there are."),
    (lambda: OPTIMIZER.plan(STUDENT, ROWS), "give it by name, as trainset=…."),
    (lambda: mipro.MIPROv2.plan(STUDENT, trainset=ROWS, gpu=1), "there is no such parameter"),
    (lambda: OPTIMIZER.resume("r", num_trials=2), "it belongs to compile(…)."),
    (lambda: mipro.Evaluate(ROWS, exact), "give it by name, as devset=…."),
    (
        lambda: mipro.Evaluate(devset=ROWS, metric=exact)(STUDENT, max_errors=1),
        "it belongs to Evaluate(…).",
    ),
    (mipro.MIPROv2, "metric=(missing): it has to be given."),
    (lambda: mipro.configure("openai/m"), "lm=(not shown): give it by name, as lm=…."),
    (lambda: mipro.SearchStrategy(stop_loser=True), "did you mean stop_losers=?"),
    (lambda: mipro.Example("a"), "base='a': give values by name"),
    (lambda: mipro.history(5), "text=5: give the words to look for as a str."),
    (lambda: runs.search(5), "text=5: give the words to look for as a str."),
    (lambda: mipro.history(tag="x"), "they are text, record."),
    (lambda: runs.list(limit=2), "limit=2: there is no such parameter: it is record."),
    (lambda: mipro.OutputField("what it is"), "give it by name, as desc=…."),
    (lambda: runs.list("a", "b"), "it is one too many: 1 can be given by place."),
]


@pytest.mark.parametrize(("call", "said"), CONFUSED)
def test_a_name_is_told_with_what_was_meant(call, said):
    assert said in refused(call)


CLASSES = frozenset({
    "MIPROv2", "Evaluate", "LM", "Predict", "ChainOfThought", "ChatPrompt", "SearchStrategy",
    "Price", "Score", "FunctionPrompt", "GSM8K", "SMSSpam",
})  # fmt: skip
# IPython calls some, the rest is what runs are written with, or hands on what it is given.
OTHERS = frozenset({
    "load_ipython_extension", "unload_ipython_extension", "fold", "default_path", "open_record",
    "http_client", "gsm8k_metric",
})  # fmt: skip
PUBLIC = {
    f"{module.__name__}.{name}": value
    for module in (mipro, runs, datasets)
    for name in module.__all__
    if name not in OTHERS
    and (name in CLASSES or not isinstance(value := getattr(module, name), type))
    and callable(value := getattr(module, name))
}


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_callable_raises_pythons_own_error(name):
    try:
        PUBLIC[name](nothing_of_that_name=1)
    except InvalidArgumentError as error:
        assert "nothing_of_that_name" in str(error) or "(missing)" in str(error)  # noqa: PT017


def test_a_model_without_its_service_is_told_with_it(monkeypatch):
    monkeypatch.setattr(litellm, "find_spec", lambda _: None)  # it takes long to import
    for model, meant in {
        "gpt-4o-mini": "openai/gpt-4o-mini",
        "openi/gpt-4o-mini": "openai/gpt-4o-mini",
        "claude-3-5-haiku": "anthropic/claude-3-5-haiku",
    }.items():
        said = refused(lambda model=model: mipro.LM(model))
        assert said.startswith(f"model='{model}': did you mean '{meant}'?")
        assert len(said) < 320
    assert "did you mean" not in refused(lambda: mipro.LM("my-model"))


@pytest.mark.parametrize(("end", "asked"), [("", True), ("/v1", False)])
def test_where_nothing_is_found_at_an_address_without_a_path_it_is_asked_for_v1(end, asked):
    with ScriptedServer(lambda _: Reply(status=404)) as server:
        lm = mipro.LM("unknown", base_url=server.base_url.removesuffix("/v1") + end)
        with pytest.raises(LMUnavailableError) as caught:
            lm("hi")
    assert ("Should base_url end in /v1?" in str(caught.value)) is asked


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ("question, answer", "it has no arrow: write ->"),
        ("question - > answer", "write the arrow '- >' between inputs and outputs as ->"),
        ("question => answer", "write the arrow '=>' between inputs and outputs as ->"),
        ("a -> b -> c", "more than one arrow"),
    ],
)
def test_a_missing_arrow_is_told(declaration, said):
    with pytest.raises(SignatureError) as caught:
        mipro.Predict(declaration)
    assert said in str(caught.value)


def test_inputs_that_were_given_are_shown_by_their_names(server):
    mipro.configure(lm=lm_of(server))
    said = refused(lambda: STUDENT(q="?"))
    assert said.startswith("inputs=(q): question missing; q unknown: the inputs of")
    assert server.count == 0


class Fixed(mipro.Module):
    def forward(self, question):
        return mipro.Prediction(answer=question)


def test_what_a_metric_returned_is_told_in_a_sentence():
    with pytest.raises(MetricError, match=r"returned 'yes'\. It must return"):
        mipro.Evaluate(devset=ROWS, metric=lambda example, prediction, trace=None: "yes")(Fixed())


@pytest.mark.parametrize(
    ("name", "best"), [("trainset", ".train"), ("testset", ".test"), ("valset", ".train or .test")]
)
def test_a_data_set_is_not_its_rows(name, best):
    data = SimpleNamespace(train=ROWS[:2], test=ROWS[2:])
    given = {"trainset": ROWS, name: data}
    assert f"give one of its lists of rows, {best}." in refused(
        lambda: OPTIMIZER.plan(STUDENT, **given)
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: mipro.LM("m", base_url="http://h/v1").history,
        lambda: mipro.Signature(QA).append,
        lambda: STUDENT.batch,
    ],
)
def test_an_attribute_of_dspys_is_told_with_the_bridge(call):
    with pytest.raises(AttributeError) as caught:
        call()
    assert f"DSPy's and not part of mipro_nb: {BRIDGE}." in str(caught.value)


def test_a_parameter_of_dspys_methods_is_told_with_the_bridge(tmp_path):
    lm = mipro.LM("m", base_url="http://h/v1")
    for call in (lambda: lm(messages=[]), lambda: STUDENT.save(tmp_path, save_program=True)):
        assert f"not part of mipro_nb: {BRIDGE}." in refused(call)
    assert "temperature=1: it belongs to LM(…)." in refused(lambda: lm("hi", temperature=1))
    assert "hidden" not in refused(lambda: lm("hi", api_key="hidden-5Qw8"))
    assert not any(tmp_path.iterdir())


def test_other_attributes_are_missing_as_in_any_object():
    for owner in (mipro.LM("m", base_url="http://h/v1"), mipro.Signature(QA), STUDENT):
        assert not hasattr(owner, "nothing_of_that_name")
        with pytest.raises(AttributeError, match="no attribute 'nothing_of_that_name'"):
            owner.nothing_of_that_name  # noqa: B018 - looked up


def test_a_misspelled_name_is_told_with_the_one_that_was_meant():
    with pytest.raises(AttributeError, match=r"did you mean MIPROv2\?"):
        mipro.MiproV2  # noqa: B018 - looked up
    with pytest.raises(ImportError, match=r"did you mean MIPROv2\?"):
        exec("from mipro_nb import MiproV2", {})  # noqa: S102 - our own
    with pytest.raises(AttributeError, match=r"did you mean with_inputs\?"):
        ROWS[0].with_input("question")
    exec("from mipro_nb import models, checks", {})  # noqa: S102 - near to Module, and a module


def test_a_frame_is_read_by_its_own_names():
    assert "did you mean inputs=?" in refused(lambda: from_dataframe([], input_keys=["a"]))
