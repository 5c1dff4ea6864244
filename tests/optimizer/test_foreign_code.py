"""Programs, metrics and listeners that do what their authors like."""

import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

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
        if f"\n{field}: (" in asked.split("Answer with")[-1]:
            name = field
    return f"{name}: {'x' if name == 'a' else f'text {request.number}'}"


@pytest.fixture
def server():
    with ScriptedServer(_answer) as running:
        lm = mipro.LM("m", base_url=running.base_url, api_key="k-made-up", cache=False)
        mipro.configure(lm=lm)
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


def _compile(student, rows=_ROWS, **settings):
    optimizer = mipro.MIPROv2(right, num_candidates=3, num_threads=2)
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
    judge = mipro.Predict("q -> a")
    seen = []

    def judged(example, prediction, trace=None):
        def call():
            try:
                judge(q="?")
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
    assert optimized.run.state.spend.failed_calls > 0


def test_made_up_answers_are_not_in_the_history(server, capsys):
    mipro.MIPROv2(right, num_candidates=3).plan(
        mipro.Predict("q -> a"), trainset=_ROWS, num_trials=2, minibatch=False
    )
    mipro.inspect_history()
    assert "[reply of rehearsal]" not in capsys.readouterr().out
