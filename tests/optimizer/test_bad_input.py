"""Everything that can be known to be wrong is said before anything is sent, and in clear words."""

from __future__ import annotations

import threading

import pytest
from scripted_task import PlanAndSolve, Solve, exact, rows

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, MetricError, ProgramError, SignatureError

RUN = {"trainset": rows(30), "requires_permission_to_run": False}


class NoPredictors(mipro.Module):
    def forward(self, question):
        return mipro.Prediction(answer="")


class FailsAtOnce(Solve):
    def forward(self, question):
        msg = "no such file"
        raise FileNotFoundError(msg)


class NoForward(mipro.Module):
    def __init__(self):
        self.solve = mipro.Predict("question -> answer")


def no_arguments():
    return True


def too_many(example, prediction, trace, more):
    return True


def forgets_to_return(example, prediction, trace=None):
    _ = example.answer == prediction.answer


def returns_text(example, prediction, trace=None):
    return "good"


def has_a_typo(example, prediction, trace=None):
    return example.anwser == prediction.answer


def opaque_rows():
    bad = mipro.Example(question="?", answer=threading.Lock()).with_inputs("question")
    return [*rows(20), bad]


def case(error, message, *, init=None, compile_=None, student=Solve, metric=exact):
    return pytest.param(error, message, init or {}, compile_ or {}, student, metric, id=message)


CASES = [
    case(InvalidArgumentError, "trainset=[]: it is empty", compile_={"trainset": []}),
    case(InvalidArgumentError, "trainset=None", compile_={"trainset": None}),
    case(InvalidArgumentError, "one row cannot be split", compile_={"trainset": rows(1)}),
    case(
        InvalidArgumentError,
        "it has no inputs: use example.with_inputs",
        compile_={"trainset": [mipro.Example(question="?", answer="!")] * 5},
    ),
    case(
        InvalidArgumentError,
        "rows that are dicts need compile(…, inputs=",
        compile_={"trainset": [{"question": "?", "answer": "!"}] * 5},
    ),
    case(InvalidArgumentError, "valset=[]: it is empty", compile_={"valset": []}),
    case(InvalidArgumentError, "trainset[20].answer", compile_={"trainset": opaque_rows()}),
    case(InvalidArgumentError, "valset[20].answer", compile_={"valset": opaque_rows()}),
    case(InvalidArgumentError, "auto='extreme': choose one of", init={"auto": "extreme"}),
    case(
        InvalidArgumentError,
        "hedge='head': choose one of 'tail', True, False.",
        init={"hedge": "head"},
    ),
    case(InvalidArgumentError, "hedge=1: choose one of", init={"hedge": 1}),
    case(
        InvalidArgumentError,
        "num_trials=15: auto='light' sets it",
        init={"auto": "light"},
        compile_={"num_trials": 15},
    ),
    case(
        InvalidArgumentError,
        "num_candidates=7: auto='light' sets it",
        init={"auto": "light", "num_candidates": 7},
    ),
    case(
        InvalidArgumentError,
        "minibatch_size=100: the valset has only 24 rows",
        compile_={"minibatch_size": 100},
    ),
    case(InvalidArgumentError, "minibatch_size=25: the valset has only 24 rows"),
    *(
        case(InvalidArgumentError, f"{name}={value}: give a whole number", init={name: value})
        for name in ("num_candidates", "num_threads", "max_errors")
        for value in (0, -3)
    ),
    *(
        case(InvalidArgumentError, f"{name}={value}: give a whole number", compile_={name: value})
        for name in (
            "num_trials",
            "minibatch_size",
            "minibatch_full_eval_steps",
            "view_data_batch_size",
        )
        for value in (0, -3)
    ),
    case(
        InvalidArgumentError,
        "num_candidates=1000000000000: give a whole number of at least 1 and at most 100000",
        init={"num_candidates": 10**12},
    ),
    case(
        InvalidArgumentError,
        "num_trials=1000000000000: give a whole number of at least 1 and at most 100000",
        compile_={"num_trials": 10**12},
    ),
    *(
        case(InvalidArgumentError, f"{name}=-1: give a whole number", compile_={name: -1})
        for name in ("max_bootstrapped_demos", "max_labeled_demos", "seed")
    ),
    *(
        case(InvalidArgumentError, f"{name}=-1: give", init={name: -1})
        for name in ("max_bootstrapped_demos", "max_labeled_demos", "seed", "init_temperature")
    ),
    case(MetricError, "metric=None is not callable", metric=None),
    case(MetricError, "no_arguments() cannot be called so", metric=no_arguments),
    case(MetricError, "too_many(example, prediction, trace, more) cannot", metric=too_many),
    case(MetricError, "forgets_to_return returned None", metric=forgets_to_return),
    case(MetricError, "returns_text returned 'good'", metric=returns_text),
    case(MetricError, "has_a_typo raised AttributeError", metric=has_a_typo),
    case(
        MetricError,
        "has_a_typo raised AttributeError",
        metric=has_a_typo,
        student=PlanAndSolve,
    ),
    case(ProgramError, "NoPredictors has no predictors", student=NoPredictors),
    case(ProgramError, "FailsAtOnce failed before its first LM call", student=FailsAtOnce),
    case(ProgramError, "NoForward defines neither forward nor aforward", student=NoForward),
    case(InvalidArgumentError, "give a Module", student=lambda: "question -> answer"),
    case(InvalidArgumentError, "give a Module", student=lambda: Solve),
    case(InvalidArgumentError, "give an LM", init={"prompt_model": "gpt-4"}),
    case(InvalidArgumentError, "teacher_settings=", init={"teacher_settings": "gpt"}),
    case(InvalidArgumentError, "auto=['light']: choose one of", init={"auto": ["light"]}),
    case(InvalidArgumentError, "verbose='no': give True", init={"verbose": "no"}),
    case(InvalidArgumentError, "track_stats=0: give True", init={"track_stats": 0}),
    case(InvalidArgumentError, "inputs=3: give a list", compile_={"inputs": 3}),
    case(InvalidArgumentError, "inputs=[3]: give a list", compile_={"inputs": [3]}),
    case(InvalidArgumentError, "is unknown: give {'lm': LM}", init={"teacher_settings": {"k": 1}}),
]


@pytest.mark.parametrize(("error", "message", "init", "compile_", "student", "metric"), CASES)
@pytest.mark.parametrize("how", ["compile", "start", "acompile", "plan"])
async def test_it_is_told_before_anything_is_sent(  # noqa: PLR0917 - the columns of the table
    server, error, message, init, compile_, student, metric, how
):
    with pytest.raises(error) as caught:
        await _run(how, metric, init, student(), {**RUN, **compile_})
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1500
    assert server.count == 0
    assert mipro.runs.list() == []


async def _run(how, metric, init, student, settings):
    result = getattr(mipro.MIPROv2(metric, **init), how)(student, **settings)
    return await result


@pytest.mark.parametrize("how", ["compile", "start", "acompile"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"record": 3}, "record=3: give a path"),
        ({"resume": "no"}, "resume='no': give True or False"),
        ({"requires_permission_to_run": 0}, "requires_permission_to_run=0: give True or False"),
    ],
)
async def test_what_only_runs_take_is_checked_as_well(server, how, given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        await _run(how, exact, {}, Solve(), {**RUN, "minibatch": False, **given})
    assert server.count == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"api_key": 5}, "api_key=.*not shown.*: give the key as a str"),
        ({"api_key": b"key"}, "api_key=.*not shown.*: give the key as a str"),
        ({"base_url": 5}, "base_url=.*: give a whole URL"),
        ({"api_base": b"http://127.0.0.1"}, "base_url=.*: give a whole URL"),
        ({"seed": "x"}, "seed='x': give a whole number, or None"),
        ({"seed": True}, "seed=True: give a whole number, or None"),
        ({"cache": "no"}, "cache='no': give True or False"),
        ({"structured_outputs": "no"}, "structured_outputs='no': give True or False"),
        ({"stream": 1}, "stream=1: give True or False"),
    ],
)
def test_an_lm_tells_what_is_wrong_with_it(given, message):
    with pytest.raises(InvalidArgumentError, match=message):
        mipro.LM("openai/x", **{"api_key": "key", **given})


@pytest.mark.parametrize("record", [3, ["record.sqlite"], b"record.sqlite"])
def test_a_record_is_a_path(record):
    with pytest.raises(InvalidArgumentError, match="give a path"):
        mipro.configure(record=record)


def test_an_unknown_keyword_is_refused_with_the_one_that_was_meant(server):
    optimizer, evaluate = mipro.MIPROv2(exact), mipro.Evaluate(devset=rows(3), metric=exact)
    for how in (optimizer.compile, optimizer.start, optimizer.plan):
        with pytest.raises(InvalidArgumentError, match=r"num_trails=3: .*did you mean num_trials="):
            how(Solve(), **RUN, num_trails=3)
    with pytest.raises(InvalidArgumentError, match="did you mean num_candidates="):
        mipro.MIPROv2(exact, num_candidate=3)
    with pytest.raises(InvalidArgumentError, match="did you mean num_threads="):
        evaluate(Solve(), num_thread=3)
    with pytest.raises(InvalidArgumentError, match=r"gpu=1: .*they are devset, metric, "):
        mipro.Evaluate(devset=rows(3), metric=exact, gpu=1)
    assert server.count == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: mipro.MIPROv2(exact, log_dir="logs"),
        lambda: mipro.MIPROv2(exact).compile(Solve(), **RUN, teacher=Solve()),
        lambda: mipro.MIPROv2(exact).start(Solve(), **RUN, provide_traceback=True),
        lambda: mipro.Evaluate(devset=rows(3), metric=exact, failure_score=0.0),
    ],
)
def test_a_parameter_of_dspy_is_told_with_the_bridge(server, call):
    said = "a parameter of DSPy's and not part of mipro_nb: .*from mipro_nb.dspy import MIPROv2"
    with pytest.raises(InvalidArgumentError, match=said):
        call()
    assert server.count == 0


async def test_a_trainset_is_not_optional(server):
    for how in ("compile", "start", "acompile", "plan"):
        with pytest.raises(InvalidArgumentError, match=r"trainset=\(missing\)"):
            await getattr(mipro.MIPROv2(exact), how)(Solve())


@pytest.mark.parametrize(
    "declaration", ["question -> question", "a, a -> b", "a -> b, b", "question -> answer, answer"]
)
def test_duplicate_field_names_are_refused(declaration):
    with pytest.raises(SignatureError, match=r"twice|duplicate|both|more than once"):
        mipro.Predict(declaration)


def test_without_an_lm_it_is_told_what_to_configure():
    with pytest.raises(ProgramError, match=r"No LM is configured: call configure\(lm="):
        mipro.MIPROv2(exact).compile(Solve(), **RUN)


def test_a_student_that_is_already_optimized_is_fine(server):
    settings = {**RUN, "num_trials": 1, "minibatch": False}
    optimizer = mipro.MIPROv2(exact, num_candidates=2, max_bootstrapped_demos=1)
    once = optimizer.compile(Solve(), **settings)
    assert optimizer.compile(once, **settings).score >= once.score
