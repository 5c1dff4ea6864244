"""Programs of DSPy's, through the bridge: what comes back, what is counted, and what is asked."""

from __future__ import annotations

import asyncio
import doctest
import inspect
import json
import sqlite3
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Literal

import numpy as np
import openai
import pandas as pd
import pytest
from dspy_task import API_KEY, answer, write
from scripted_server import Reply, ScriptedServer
from watched import Watched, until

import mipro_nb as mipro
from mipro_nb.datasets import from_dataframe
from mipro_nb.errors import (
    InvalidArgumentError,
    LMUnavailableError,
    PermissionUnansweredError,
    ProgramError,
)
from mipro_nb.optimizer.running.asking import surface
from mipro_nb.redaction import secrets

pytest.importorskip("dspy.primitives", reason="needs the extra `dspy`")
import dspy

from mipro_nb.dspy import MIPROv2

pytestmark = pytest.mark.slow


def right(example, prediction, trace=None):
    return str(example.answer) == str(prediction.answer).strip()


class TwoSteps(dspy.Module):
    def __init__(self):
        super().__init__()
        self.think = dspy.Predict("question -> hint")
        self.solve = dspy.ChainOfThought("question, hint -> answer")

    def forward(self, question):
        hint = self.think(question=question).hint
        return self.solve(question=question, hint=hint)


def small(metric=right, **settings):
    """Return an optimizer that needs few calls."""
    return MIPROv2(metric=metric, auto=None, num_candidates=4, num_threads=8, **settings)


NO_QUESTION = {"requires_permission_to_run": False}


def compiled(program, rows, metric=right, **settings):
    settings = {"requires_permission_to_run": False, "num_trials": 6, **settings}
    return small(metric).compile(program, trainset=rows, **settings)


def spent(run_id):
    return mipro.runs.load(run_id).state.spend.calls


def limit_of(request):
    """Return the limit of the reply, by either of its names."""
    return request.body.get("max_completion_tokens", request.body.get("max_tokens"))


def answers(run_id):
    """Return the events of the calls that were answered."""
    bodies = [event.event for event in mipro.runs.load(run_id).events()]
    return [body for body in bodies if body.type == "lm_call_answered"]


def test_a_program_comes_back_as_one_of_its_class_with_better_prompts(server, rows):
    program = TwoSteps()
    optimized = compiled(program, rows)
    assert type(optimized) is TwoSteps
    assert "carefully" in optimized.solve.predict.signature.instructions
    assert program.solve.predict.demos == []
    assert (
        program.think.signature.instructions
        == "Given the fields `question`, produce the fields `hint`."
    )
    assert all(isinstance(demo, dspy.Example) for demo in optimized.solve.predict.demos)
    assert server.count == spent(optimized.run_id)


class AsksFirst(dspy.Module):
    """One of its predictors has no inputs."""

    def __init__(self):
        super().__init__()
        self.think = dspy.Predict("-> hint")
        self.solve = dspy.Predict("question, hint -> answer")

    def forward(self, question):
        return self.solve(question=question, hint=self.think().hint)


def test_a_predictor_without_inputs_is_searched_as_well(server, rows):
    optimized = compiled(AsksFirst(), rows)
    assert "carefully" in optimized.solve.signature.instructions
    tried = {
        each["program"].think.signature.instructions for each in optimized.mb_candidate_programs
    }
    assert len(tried) > 1
    capped = compiled(AsksFirst(), rows, seed=1, max_calls=60)
    again = small().resume(capped.run_id, AsksFirst(), max_calls=10_000, **NO_QUESTION)
    assert type(again) is AsksFirst


def test_results_have_the_form_of_dspys(server, rows):
    optimized = compiled(dspy.ChainOfThought("question -> answer"), rows)
    best = optimized.candidate_programs[0]
    assert best["score"] == optimized.score
    assert best["full_eval"] is True
    assert isinstance(best["program"], dspy.ChainOfThought)
    assert optimized.trial_logs[1]["full_eval_score"] == pytest.approx(
        mipro.runs.load(optimized.run_id).state.baseline
    )
    chosen = optimized.trial_logs[3]  # the second is the full evaluation of labelled demos
    assert {"0_predictor_instruction", "0_predictor_demos"} <= chosen.keys()
    assert isinstance(chosen["mb_program"], dspy.ChainOfThought)
    assert chosen["mb_score"] in {each["score"] for each in optimized.mb_candidate_programs}


def test_the_program_is_saved_and_loaded_by_dspy(server, rows, tmp_path):
    optimized = compiled(TwoSteps(), rows)
    optimized.save(str(tmp_path / "state.json"))
    loaded = TwoSteps()
    loaded.load(str(tmp_path / "state.json"))
    assert loaded.dump_state() == optimized.dump_state()
    optimized.save(str(tmp_path / "whole"), save_program=True)
    allowed = {"allow_pickle"} & inspect.signature(dspy.load).parameters.keys()
    whole = dspy.load(str(tmp_path / "whole"), **dict.fromkeys(allowed, True))
    assert whole.dump_state() == optimized.dump_state()


def test_a_saved_program_holds_nothing_of_ours(server, rows, tmp_path):
    optimized = compiled(TwoSteps(), rows[:12], max_calls=60)
    optimized.save(str(tmp_path / "state.json"))
    saved = json.loads((tmp_path / "state.json").read_text())
    assert saved.keys() == {"think", "solve.predict", "metadata"}
    assert all(saved[name]["lm"] is None for name in ("think", "solve.predict"))
    assert API_KEY not in str(saved)


def test_the_plan_tells_what_dspy_saves_with_a_predictors_own_lm(server, rows, lm_at):
    program = TwoSteps()
    assert not any(
        "set_lm(None)" in note for note in small().plan(program, trainset=rows, num_trials=3).notes
    )
    program.solve.set_lm(lm_at(server, extra_headers={"x-mine": "header-4711"}))
    notes = small().plan(program, trainset=rows, num_trials=3).notes
    (told,) = [note for note in notes if "extra_headers" in note]
    assert "set_lm(None)" in told
    assert any("save_program=True" in note and "api_key" in note for note in notes)
    assert "header-4711" not in told


def test_our_own_optimizer_and_evaluate_take_dspys_programs(server, rows):
    optimizer = mipro.MIPROv2(right, num_candidates=4, max_labeled_demos=2)
    given = {"requires_permission_to_run": False, "num_trials": 6, "minibatch_size": 10}
    optimized = optimizer.compile(TwoSteps(), trainset=rows, **given)
    assert type(optimized) is TwoSteps
    evaluate = mipro.Evaluate(devset=rows[:10], metric=right)
    assert evaluate(optimized) > evaluate(TwoSteps())


def test_nothing_is_sent_where_nobody_can_be_asked_and_the_error_names_the_ways(server, rows):
    with pytest.raises(PermissionUnansweredError, match="MIPRO_PERMISSION=yes") as refused:
        compiled(TwoSteps(), rows, requires_permission_to_run=None)
    assert 'configure(permission="granted")' in str(refused.value)
    assert server.count == 0


def test_a_batch_permits_all_its_runs_by_its_environment(server, rows, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    optimized = compiled(TwoSteps(), rows, requires_permission_to_run=True)
    assert optimized.score is not None


def test_at_most_as_many_calls_are_served_as_the_cap_allows(server, rows):
    optimized = compiled(TwoSteps(), rows, max_calls=100)
    assert server.count == 100
    assert mipro.runs.load(optimized.run_id).status == "capped"


def test_a_cap_in_usd_limits_replies_and_is_kept(server, rows):
    optimized = compiled(TwoSteps(), rows, max_usd=0.004)
    assert {limit_of(request) for request in server.requests} == {4096}
    assert mipro.runs.load(optimized.run_id).state.spend.usd <= 0.004


def test_a_run_that_is_resumed_pays_nothing_twice(server, rows):
    optimizer = small()
    given = {"trainset": rows, "requires_permission_to_run": False, "num_trials": 3}
    capped = optimizer.compile(TwoSteps(), **given, max_calls=40)
    best = optimizer.resume(
        capped.run_id, TwoSteps(), requires_permission_to_run=False, max_calls=10_000
    )
    assert type(best) is TwoSteps
    assert server.count == spent(best.run_id)
    before = server.count
    again = optimizer.compile(TwoSteps(), **given)
    assert (server.count, again.score) == (before, best.score)


def test_a_judge_with_an_lm_of_its_own_is_counted_under_its_name(server, rows, lm_at):
    judge = dspy.Predict("question, answer -> is_right: bool")
    judge.set_lm(lm_at(server, "openai/gpt-4o"))

    def judged(example, prediction, trace=None):
        return judge(question=example.question, answer=prediction.answer).is_right

    optimized = compiled(TwoSteps(), rows, judged, max_calls=80)
    asked = sum(request.model == "gpt-4o" for request in server.requests)
    assert asked > 0
    sent = [call for call in answers(optimized.run_id) if call.attempts]
    assert sum(call.model == "openai/gpt-4o" for call in sent) == asked
    assert server.count == 80


def test_calls_in_threads_of_the_programs_own_are_counted(server, rows):
    class Threads(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            with ThreadPoolExecutor(2) as pool:
                first = pool.submit(self.solve, question=question)
                pairs = [(self.solve, {"question": question, "config": {"rollout_id": 1}})]
                dspy.Parallel(num_threads=2, disable_progress_bar=True)(pairs)
                return first.result()

    optimized = compiled(Threads(), rows, max_calls=80)
    assert server.count == 80
    predictors = set(mipro.runs.load(optimized.run_id).calls_dataframe()["predictor"])
    assert "solve" in predictors


def test_calls_by_a_thread_that_was_there_before_are_counted(server, rows):
    class Worker(dspy.Module):
        def __init__(self, pool):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")
            self.pool = pool

        def forward(self, question):
            came = []
            self.pool.ask(lambda: came.append(self.solve(question=question)))
            return came[0]

    pool = _Queue()
    compiled(Worker(pool), rows, max_calls=50)
    pool.close()
    assert server.count == 50


class _Queue:
    """A thread that was started before the run, which knows nothing of it."""

    def __init__(self):
        self._asked, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._lock, self._work = threading.Lock(), None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __deepcopy__(self, memo):
        return self

    def _serve(self):
        while self._asked.acquire() and self._work is not None:
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - the one who asked hears of it
                self._failure = error
            self._done.release()

    def ask(self, work):
        with self._lock:
            self._work, self._failure = work, None
            self._asked.release()
            self._done.acquire()
            if self._failure is not None:
                raise self._failure

    def close(self):
        self._work = None
        self._asked.release()


async def test_async_programs_are_run_and_awaited(server, rows):
    class Async(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.ChainOfThought("question -> answer")

        async def aforward(self, question):
            first, _ = await asyncio.gather(
                self.solve.acall(question=question),
                self.solve.acall(question=question, config={"rollout_id": 2}),
            )
            return first

    given = {"trainset": rows, "requires_permission_to_run": False, "num_trials": 3}
    optimized = await small().acompile(Async(), **given, max_calls=60)
    assert isinstance(optimized, Async)
    assert server.count == 60


def look_up(what: str) -> str:
    """Look something up."""
    return f"{what} are additions"


def test_an_agents_calls_are_labelled_and_its_tools_stay_in_its_instruction(server, rows):
    agent = dspy.ReAct("question -> answer: str", tools=[look_up], max_iters=2)
    tools = agent.react.signature.instructions.partition("You are an Agent.")[2]
    optimized = compiled(agent, rows[:12])
    calls = mipro.runs.load(optimized.run_id).calls_dataframe()
    assert {"react", "extract.predict"} <= set(calls["predictor"])
    for candidate in optimized.candidate_programs:
        assert candidate["program"].react.signature.instructions.endswith(tools)
    instructions = {
        each["program"].react.signature.instructions
        for each in optimized.candidate_programs + optimized.mb_candidate_programs
    }
    assert len(instructions) > 1


def test_the_plan_tells_of_async_tools_that_a_plain_agent_does_not_await(server, rows):
    async def fetch(what: str) -> str:
        """Fetch something."""
        return what

    def told(tools):
        agent = dspy.ReAct("question -> answer: str", tools=tools)
        notes = small().plan(agent, trainset=rows, num_trials=3).notes
        return [note for note in notes if "async tools" in note]

    assert told([look_up]) == []
    (note,) = told([look_up, fetch])
    assert "fetch." in note
    with dspy.context(allow_tool_async_sync_conversion=True):
        assert told([fetch]) == []


def test_no_tool_is_used_before_permission(server, rows):
    used = []

    def deletes(what: str) -> str:
        """Delete something."""
        used.append(what)
        return "gone"

    agent = dspy.ReAct("question -> answer: str", tools=[deletes])
    plan = MIPROv2(metric=right).plan(agent, trainset=rows)
    assert (used, server.count) == ([], 0)
    assert any("no tool is used before permission" in note for note in plan.notes)


def test_a_minibatch_larger_than_the_valset_is_clipped_and_the_plan_says_so(server, rows):
    optimizer = MIPROv2(metric=right, auto=None, num_candidates=3)
    plan = optimizer.plan(TwoSteps(), trainset=rows, valset=rows[:12], num_trials=4)
    assert plan.minibatch_size == 12
    assert "minibatch_size=35 is clipped to the 12 rows of the valset." in plan.notes


def test_no_embedder_is_asked_before_permission(server, rows, monkeypatch):
    asked = []

    class Search(dspy.Module):
        def __init__(self):
            super().__init__()
            self.embed = dspy.Embedder("openai/text-embedding-3-small", caching=False)
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            asked.append(self.embed([question]))
            return self.solve(question=question)

    plan = MIPROv2(metric=right).plan(Search(), trainset=rows)
    assert asked == []
    assert any("asks an embedder" in note for note in plan.notes)
    assert plan.estimate.total.calls.low > 0


@pytest.mark.parametrize("adapter", [dspy.JSONAdapter, dspy.XMLAdapter, dspy.ChatAdapter])
def test_typed_outputs_are_rehearsed_in_the_form_of_the_adapter(server, rows, adapter):
    class Judge(dspy.Signature):
        """Judge the sum."""

        question: str = dspy.InputField()
        verdict: Literal["right", "wrong"] = dspy.OutputField()
        points: list[int] = dspy.OutputField()
        answer: str = dspy.OutputField()

    dspy.configure(adapter=adapter())
    plan = MIPROv2(metric=right).plan(dspy.Predict(Judge), trainset=rows)
    assert plan.estimate.guess is None
    assert plan.formats == {"self": adapter.__name__}
    assert server.count == 0


def test_a_metric_of_gepa_says_what_a_predictor_did_and_its_repair_reads_it(server, rows):
    seen = []

    def metric(gold, pred, trace=None, pred_name=None, pred_trace=None):
        if pred_name is None:
            return right(gold, pred)
        seen.append((type(gold), pred_name, pred_trace))
        return dspy.Prediction(score=0.0, feedback=f"what {pred_name} did was too hasty")

    settings = {"requires_permission_to_run": False, "num_trials": 6}
    optimized = small(metric, search="repair").compile(
        TwoSteps(), trainset=rows, valset=rows[15:], testset=fresh(4), **settings
    )
    run = mipro.runs.load(optimized.run_id)
    assert {name for _, name, _ in seen} <= {*run.state.planned.predictors}
    ((predictor, inputs, prediction),) = seen[0][2]
    assert isinstance(predictor, dspy.Predict)
    assert isinstance(prediction, dspy.Prediction)
    assert "question" in inputs
    assert all(kind is dspy.Example for kind, _, _ in seen)
    repairs = [r for r in server.requests if "Repair the instruction" in r.system]
    assert any("did was too hasty" in "".join(request.texts) for request in repairs)
    assert run.state.ended.tested.examples == 4


def fresh(count):
    return [
        dspy.Example(question=f"How much is {n} + 1?", answer=str(n + 1)).with_inputs("question")
        for n in range(500, 500 + count)
    ]


def test_the_metric_sees_rows_answers_and_traces_as_dspy_has_them(server, rows):
    seen = []

    def metric(example, prediction, trace=None):
        seen.append((type(example), type(prediction), trace))
        return example.inputs().question in {row.question for row in rows}

    compiled(TwoSteps(), rows, metric, max_calls=150)
    assert {(kind, what) for kind, what, _ in seen} == {(dspy.Example, dspy.Prediction)}
    steps = next(trace for _, _, trace in seen if trace)
    predictor, inputs, prediction = steps[0]
    assert isinstance(predictor, dspy.Predict)
    assert (list(inputs), type(prediction)) == (["question"], dspy.Prediction)


def test_settings_of_the_callers_context_hold_in_the_run(server, rows, lm_at):
    dspy.configure(lm=None)
    with dspy.context(lm=lm_at(server, "openai/gpt-4o"), adapter=dspy.ChatAdapter()):
        compiled(TwoSteps(), rows, max_calls=40)
    assert {request.model for request in server.requests} == {"gpt-4o"}


def test_the_teachers_lm_bootstraps_and_predictors_keep_their_own(server, rows, lm_at):
    program = TwoSteps()
    own = lm_at(server, "openai/gpt-4.1-mini")
    program.think.set_lm(own)
    optimizer = small(teacher_settings={"lm": lm_at(server, "openai/gpt-4o")})
    given = {"requires_permission_to_run": False, "num_trials": 3}
    optimized = optimizer.compile(program, trainset=rows, **given)
    calls = mipro.runs.load(optimized.run_id).calls_dataframe()
    of_bootstrap = calls[calls["phase"] == "bootstrap"]
    assert set(of_bootstrap["model"]) == {"openai/gpt-4o"}
    thinking = calls[(calls["predictor"] == "think") & (calls["phase"] == "search")]
    assert set(thinking["model"]) == {"openai/gpt-4.1-mini"}
    assert optimized.think.lm is own


def test_the_key_is_not_in_the_record(server, rows):
    optimized = compiled(TwoSteps(), rows, max_calls=60)
    path = mipro.runs.load(optimized.run_id).record.path
    with closing(sqlite3.connect(path)) as record:
        dumped = "\n".join(record.iterdump())
    assert API_KEY not in dumped


def test_what_is_asked_is_not_taken_for_a_secret(server, rows):
    compiled(TwoSteps(), rows, max_calls=30)
    asked = "user: How much is 1 + 1? Respond with the corresponding output fields."
    assert secrets.taken_out(asked) == asked
    assert API_KEY not in secrets.taken_out(f"the key {API_KEY}")


@pytest.mark.skipif(not hasattr(dspy, "lm15"), reason="DSPy has whole requests since 3.4")
def test_whole_requests_pass_the_gate_with_the_limit_of_a_cap(server, rows):
    class Direct(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            lm = dspy.settings.lm
            hello = dspy.lm15.Message.user("Hello.")
            response = lm(dspy.lm15.Request(model=lm.model, messages=(hello,)))
            assert isinstance(response, dspy.lm15.Response)
            return self.solve(question=question)

    compiled(Direct(), rows, max_calls=60, max_tokens=1_000_000)
    assert server.count == 60
    assert {limit_of(request) for request in server.requests} == {4096}


def test_calls_outside_of_runs_go_as_dspy_sends_them(server):
    lm = dspy.settings.lm
    assert lm("How much?") == ["text: Questions about sums."]
    assert len(lm.history) == 1
    assert mipro.runs.list() == []


def test_the_history_of_an_lm_tells_of_the_calls_that_are_sent(server, rows):
    compiled(TwoSteps(), rows, max_calls=60)
    assert len(dspy.settings.lm.history) == 60
    assert all(entry["usage"] for entry in dspy.settings.lm.history)


def test_what_dspys_takes_and_the_bridge_does_not_use_is_said(server, rows):
    optimizer = MIPROv2(metric=right, log_dir="logs", num_candidates=None, max_errors=None)
    notes = optimizer.plan(TwoSteps(), trainset=rows, valset=None, num_trials=None).notes
    assert any(note.startswith("log_dir=") for note in notes)


def test_a_minibatch_is_clipped_to_the_valset(server, rows):
    optimizer = MIPROv2(metric=right, auto=None, num_candidates=3)
    plan = optimizer.plan(TwoSteps(), trainset=rows[:10], valset=rows[10:22], num_trials=4)
    assert plan.minibatch_size == 12


@pytest.mark.parametrize("name", ["trainset", "valset", "testset"])
@pytest.mark.parametrize(
    "given",
    [
        [{"question": "1?", "answer": "1"}],
        dspy.Example(question="1?", answer="1").with_inputs("question"),
        {"question": "1?"},
        [("1?", "1")],
        "rows.jsonl",
        5,
    ],
)
def test_rows_that_dspy_does_not_take_are_refused_with_the_rows_to_give(server, rows, name, given):
    told = rf"^{name}(\[0\])?=.*\[dspy\.Example\(\*\*row\)\.with_inputs\('question'\) for row in "
    with pytest.raises(InvalidArgumentError, match=told) as refused:
        small().compile(TwoSteps(), **{"trainset": rows, name: given}, num_trials=3)
    assert "inputs=" not in str(refused.value)
    assert server.count == 0


def test_of_a_data_frame_the_rows_are_taken_as_the_error_says(server, rows):
    frame = pd.DataFrame([dict(row.items()) for row in rows])
    with pytest.raises(
        InvalidArgumentError, match=r"trainset=.*datasets\.from_dataframe\(trainset"
    ):
        compiled(TwoSteps(), frame)
    taken = from_dataframe(frame, inputs=["question"])
    assert compiled(TwoSteps(), taken, max_calls=30).run_id


def test_of_a_data_set_the_lists_are_named(server, rows):
    with pytest.raises(InvalidArgumentError, match=r"give one of its lists of rows, \.train"):
        small().compile(TwoSteps(), trainset=types.SimpleNamespace(train=rows), num_trials=3)


def test_auto_none_needs_both_numbers(server, rows):
    with pytest.raises(InvalidArgumentError, match="num_candidates and num_trials"):
        MIPROv2(metric=right, auto=None).compile(TwoSteps(), trainset=rows)


def test_a_program_without_predictors_is_refused(server, rows):
    class Empty(dspy.Module):
        def forward(self, question):
            return dspy.Prediction(answer="1")

    with pytest.raises(ProgramError, match="Empty has no predictors"):
        compiled(Empty(), rows)
    assert server.count == 0


def test_no_lm_at_all_is_an_error_with_the_remedy(rows):
    both = r"dspy.configure\(lm=dspy.LM.* or give task_model, .* and prompt_model, "
    with pytest.raises(ProgramError, match=both):
        compiled(TwoSteps(), rows)


def test_predictors_that_all_have_an_lm_need_no_other_but_the_prompt_model(rows, lm_at):
    with ScriptedServer(answer, api_key=API_KEY) as server:
        program = TwoSteps()
        program.think.set_lm(lm_at(server))
        optimizer = small(prompt_model=lm_at(server, "openai/gpt-4o"))
        settings = {"trainset": rows, "requires_permission_to_run": False}
        with pytest.raises(ProgramError, match=r"give task_model, which runs the program\.$"):
            optimizer.plan(program, trainset=rows, num_trials=3)
        program.solve.set_lm(lm_at(server))
        with pytest.raises(ProgramError, match="give prompt_model, which writes"):
            small().plan(program, trainset=rows, num_trials=3)
        notes = optimizer.plan(program, trainset=rows, num_trials=3).notes
        assert server.count == 0
        optimizer.compile(program, num_trials=3, **settings)
    assert server.exceptions == []
    assert {request.model for request in server.requests} == {"gpt-4o-mini", "gpt-4o"}
    assert any("every predictor has its own" in note for note in notes)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prompt_model": "openai/gpt-4o"}, r"^prompt_model=.*dspy\.LM\('openai/gpt-4o'\)"),
        ({"task_model": "gpt-4o"}, r"^task_model=.*dspy\.LM\('openai/"),
        ({"teacher_settings": {"lm": "openai/o3"}}, r"^teacher_settings.*dspy\.LM\('openai/o3'"),
    ],
)
def test_a_name_where_an_lm_belongs_is_refused_with_the_lm_to_give(given, told):
    with pytest.raises(InvalidArgumentError, match=told):
        small(**given)


def test_our_lm_cannot_run_a_program_of_dspys(server, rows):
    ours = mipro.LM("openai/gpt-4o-mini", base_url=server.base_url, api_key=API_KEY)
    with pytest.raises(InvalidArgumentError, match=r"give a dspy\.LM"):
        mipro.MIPROv2(right, auto="light", task_model=ours).plan(TwoSteps(), trainset=rows)


def test_calls_of_an_lm_with_a_call_method_of_its_own_pass_the_gate(server, rows, lm_at):
    class Odd(dspy.LM):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs)

    lm = Odd("openai/gpt-4o-mini", api_base=server.base_url, api_key=API_KEY, temperature=0.0)
    dspy.configure(lm=lm)
    compiled(TwoSteps(), rows, max_calls=50)
    assert server.count == 50


class Hosted(dspy.BaseLM):
    """An LM class of somebody's own, which hands a client whatever it is called with."""

    def __init__(self, client):
        super().__init__("hosted")
        self.client = client

    def forward(self, prompt=None, messages=None, **kwargs):
        asked = {name: value for name, value in {**self.kwargs, **kwargs}.items() if value}
        return self.client.chat.completions.create(model=self.model, messages=messages, **asked)


class Plain(dspy.BaseLM):
    """One that does not call what it derives from, and answers with texts."""

    def __init__(self, client):
        self.model, self.kwargs, self.history, self.client = "plain", {}, [], client

    def __call__(self, prompt=None, messages=None, **kwargs):
        made = self.client.chat.completions.create(model=self.model, messages=messages)
        return [made.choices[0].message.content]


@pytest.mark.filterwarnings("ignore:Implementing custom LMs:DeprecationWarning")
@pytest.mark.parametrize("lm_class", [Hosted, Plain])
def test_an_lm_class_of_a_users_own_runs_and_its_price_counts(server, rows, lm_class):
    lm = lm_class(openai.OpenAI(base_url=server.base_url, api_key=API_KEY))
    dspy.configure(lm=lm)
    optimizer = small()
    given = {"trainset": rows, "num_trials": 6, "max_usd": 1.0, "requires_permission_to_run": False}
    with pytest.raises(InvalidArgumentError, match=r"lm\.price = \(input, output\)"):
        optimizer.compile(TwoSteps(), **given)
    assert server.count == 0
    lm.price = (1.0, 2.0)
    optimized = optimizer.compile(TwoSteps(), **given)
    spend = mipro.runs.load(optimized.run_id).state.spend
    assert spend.calls == server.count
    assert spend.unpriced_calls == 0
    assert spend.usd == pytest.approx((spend.input_tokens + 2 * spend.output_tokens) / 1e6)
    sent = set().union(*(request.body for request in server.requests))
    assert sent <= {"model", "messages", "temperature", "max_tokens"}


class Counting(dspy.LM):
    """One that keeps something of every call."""

    asked = 0

    def forward(self, prompt=None, messages=None, **kwargs):
        self.asked += 1
        self.last = messages
        return super().forward(prompt, messages, **kwargs)


class CountingAll(dspy.BaseLM):
    """The same, by a class that sends by itself."""

    def __init__(self, client):
        super().__init__("counting")
        self.client, self.asked = client, 0

    def __call__(self, prompt=None, messages=None, **kwargs):
        self.asked, self.last = self.asked + 1, messages
        made = self.client.chat.completions.create(model=self.model, messages=messages)
        return [made.choices[0].message.content]


@pytest.mark.filterwarnings("ignore:Implementing custom LMs:DeprecationWarning")
def test_an_lm_class_of_a_users_own_keeps_what_it_counts(server, rows):
    client = openai.OpenAI(base_url=server.base_url, api_key=API_KEY)
    where = {"api_base": server.base_url, "api_key": API_KEY}
    for lm in (Counting("openai/gpt-4o-mini", **where), CountingAll(client)):
        before = server.count
        dspy.configure(lm=lm)
        compiled(TwoSteps(), rows[:12], num_trials=2)
        assert lm.asked == server.count - before > 0
        assert lm.last
        assert (lm.cache, type(lm).__subclasses__()[0].__name__) == (True, type(lm).__name__)
        assert "cache" not in lm.kwargs


@pytest.mark.filterwarnings("ignore:Implementing custom LMs:DeprecationWarning")
def test_an_lm_that_a_program_holds_besides_keeps_what_it_counts(server, rows):
    class Checks(TwoSteps):
        def __init__(self, lm):
            super().__init__()
            self.judge = lm

        def forward(self, question):
            with dspy.context(lm=self.judge):
                return super().forward(question)

    lm = Counting("openai/gpt-4o", api_base=server.base_url, api_key=API_KEY)
    compiled(Checks(lm), rows[:12], num_trials=2)
    assert lm.asked == sum(request.model == "gpt-4o" for request in server.requests) > 0


@pytest.mark.filterwarnings("ignore:Implementing custom LMs:DeprecationWarning")
def test_the_plan_tells_of_an_lm_class_that_is_called_on_a_copy(server, rows):
    class Registered(CountingAll):
        def __init_subclass__(cls):
            raise AssertionError

    dspy.configure(lm=Registered(openai.OpenAI(base_url=server.base_url, api_key=API_KEY)))
    notes = small().plan(TwoSteps(), trainset=rows, num_trials=3).notes
    assert any("Registered is called on a copy" in note for note in notes)
    compiled(TwoSteps(), rows[:12], num_trials=2, max_calls=20)
    assert server.count == 20


def test_an_lm_whose_call_is_replaced_on_the_object_is_refused(server, rows):
    dspy.settings.lm.acall = lambda *args, **kwargs: None
    with pytest.raises(InvalidArgumentError, match="acall cannot be wrapped"):
        compiled(TwoSteps(), rows)
    assert server.count == 0


def test_a_prompt_format_of_ours_is_refused(server, rows):
    optimizer = mipro.MIPROv2(right, auto="light")
    with pytest.raises(InvalidArgumentError, match="adapter of its own"):
        optimizer.plan(TwoSteps(), trainset=rows, prompt_format="tags")


def test_a_wrong_key_ends_the_run_at_once(server, rows, lm_at):
    dspy.configure(lm=lm_at(server, api_key="another-key-4711"))
    with pytest.raises(LMUnavailableError) as refused:
        compiled(TwoSteps(), rows)
    assert "another-key-4711" not in str(refused.value)


def test_an_address_or_a_model_that_is_not_there_ends_the_run_at_once(rows, lm_at):
    with ScriptedServer(lambda _: Reply(status=404)) as server:
        dspy.configure(lm=lm_at(server))
        with pytest.raises(LMUnavailableError):
            compiled(TwoSteps(), rows)
        assert server.count < len(rows)


def test_a_prompt_model_that_refuses_init_temperature_is_asked_without_it(rows, lm_at):
    def only_default(request):
        if request.model == "gpt-5-mini" and request.body.get("temperature", 1) != 1:
            said = "Unsupported value: 'temperature' does not support 0.5 with this model."
            return Reply(status=400, error={"message": said, "code": "unsupported_value"})
        return answer(request)

    with ScriptedServer(only_default, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server))
        writer = lm_at(server, "openai/gpt-5-mini", temperature=1.0, max_tokens=16_000)
        optimizer = small(prompt_model=writer, init_temperature=0.5)
        optimized = optimizer.compile(
            TwoSteps(), trainset=rows, num_trials=3, requires_permission_to_run=False
        )
    state = mipro.runs.load(optimized.run_id).state
    assert {len(candidates) for candidates in state.candidates.values()} == {5}
    (note,) = (each for each in state.notes if each.topic == "parameters")
    assert "init_temperature" in note.text
    assert state.spend.failed_calls == 0
    refused = [r for r in server.requests if r.body.get("temperature") == 0.5]
    asked = [r for r in server.requests if "Write an instruction" in r.system]
    assert len(refused) <= len(asked) // 2  # LiteLLM refuses them before they are sent


def test_where_nobody_watches_a_server_that_is_gone_ends_a_run(rows, lm_at, short_pauses):
    server = ScriptedServer(answer, api_key=API_KEY).__enter__()
    dspy.configure(lm=lm_at(server, num_retries=1))

    def gone(example, prediction, trace=None):
        if len(server.requests) > 20:
            server.close()
        return right(example, prediction)

    with pytest.raises(LMUnavailableError, match=r"Cannot reach the server|as did all"):
        compiled(TwoSteps(), rows, gone)
    (run,) = mipro.runs.list()
    assert run.status == "failed"


def test_where_somebody_watches_a_server_that_is_gone_pauses_a_run(
    rows, lm_at, short_pauses, monkeypatch
):
    monkeypatch.setattr(surface, "_choose", Watched)
    server = ScriptedServer(answer, api_key=API_KEY).__enter__()
    dspy.configure(lm=lm_at(server, num_retries=1))

    def gone(example, prediction, trace=None):
        if len(server.requests) > 20:
            server.close()
        return right(example, prediction)

    run = small(gone).start(
        TwoSteps(), trainset=rows, num_trials=6, requires_permission_to_run=False
    )
    until(lambda: run.done or (run.status == "paused" and run.in_flight == 0))
    assert run.status == "paused", run.state.ended
    assert "Cannot reach the server" in run.state.pause_reason
    with ScriptedServer(answer, api_key=API_KEY, port=server._port):
        run.resume()
        run.wait(60)
    assert run.status == "finished"
    assert run.state.errors == {}
    assert run.state.spend.failed_calls == 0


def test_errors_that_pass_are_tried_again_and_none_is_an_examples_fault(rows, lm_at, short_pauses):
    def faulty(request):
        if request.number % 7 == 3:
            return Reply(status=503)
        if request.number % 11 == 5:
            return Reply(status=429, headers={"Retry-After": "0.01"})
        return answer(request)

    with ScriptedServer(faulty, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server, num_retries=8))  # so that none fails by chance
        optimized = compiled(TwoSteps(), rows[:30])
        scores = mipro.runs.load(optimized.run_id).examples_dataframe()
        assert scores["error"].isna().all()
        assert server.count == sum(call.attempts for call in answers(optimized.run_id))


def test_programs_see_dspys_own_errors(rows, lm_at):
    heard = []
    # DSPy has one of its own since 3.1; before, it let LiteLLM's through.
    too_long_error = getattr(dspy, "ContextWindowExceededError", None)
    if too_long_error is None:
        too_long_error = pytest.importorskip("litellm").ContextWindowExceededError

    class Careful(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            try:
                return self.solve(question=question)
            except too_long_error as error:
                heard.append(error)
                return dspy.Prediction(answer="too long")

    def too_long(request):
        if "How much is 3 + 1" in request.last_user:
            said = "This model's maximum context length is 10 tokens."
            return Reply(
                said, status=400, error={"message": said, "code": "context_length_exceeded"}
            )
        return answer(request)

    with ScriptedServer(too_long, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server))
        result = mipro.Evaluate(devset=rows[:5], metric=right)(Careful())
    assert len(heard) == 1
    assert result.results[3].prediction.answer == "too long"


def test_a_program_may_ask_another_lm_where_the_first_is_gone(server, rows, lm_at):
    gone = lm_at(server, api_key="another-key-4711")
    spare = lm_at(server, "openai/gpt-4o")
    refusal = getattr(dspy, "LMAuthError", openai.AuthenticationError)

    class FallsBack(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            try:
                return self.solve(question=question, lm=gone)
            except refusal:
                return self.solve(question=question, lm=spare)

    dspy.configure(lm=spare)
    whole = compiled(FallsBack(), rows[:16], num_trials=2)
    told = mipro.runs.load(whole.run_id).state
    assert told.caught
    assert told.errors == {}
    optimizer = small()
    given = {"trainset": rows[:16], "requires_permission_to_run": False, "num_trials": 2}
    cut = optimizer.compile(FallsBack(), **given, max_calls=30)
    resumed = optimizer.resume(
        cut.run_id, FallsBack(), requires_permission_to_run=False, max_calls=10_000
    )
    assert resumed.score == whole.score


def test_a_trajectory_that_is_shortened_is_no_failed_call_of_its_example(rows, lm_at):
    def short_context(request):
        seen = [n for n in range(2) if f"observation_{n}" in request.last_user]
        if len(seen) > 1:
            said = "This model's maximum context length is 10 tokens."
            return Reply(
                said, status=400, error={"message": said, "code": "context_length_exceeded"}
            )
        if seen == [0] and "next_tool_name" in request.last_user:
            values = {"next_thought": "More.", "next_tool_name": "look_up"}
            return write({**values, "next_tool_args": '{"what": "sums"}'})
        if seen == [1] and "next_tool_name" in request.last_user:
            values = {"next_thought": "Enough.", "next_tool_name": "finish"}
            return write({**values, "next_tool_args": "{}"})
        return answer(request)

    with ScriptedServer(short_context, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server))
        agent = dspy.ReAct("question -> answer", tools=[look_up], max_iters=4)
        (one,) = mipro.Evaluate(devset=rows[:1], metric=right)(agent).results
    assert any("observation_1" in request.last_user for request in server.requests)
    assert (one.error, one.caught) == (None, ())


def test_several_replies_and_calls_of_tools_come_through_the_gate(lm_at, rows):
    def several(request):
        return Reply(tool_call=True) if request.body.get("tools") else write({"answer": "1"})

    class Direct(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            tool = {"type": "function", "function": {"name": "scripted_tool", "parameters": {}}}
            (output,) = dspy.settings.lm(question, tools=[tool])
            call = output["tool_calls"][0]
            return dspy.Prediction(answer=call["function"]["name"], other=call.function.name)

    with ScriptedServer(several, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server))
        for _ in range(2):  # the second time from the record
            result = mipro.Evaluate(devset=rows[:1], metric=lambda e, p: 1.0)(Direct())
            (scored,) = result.results
            assert (scored.prediction.answer, scored.prediction.other) == ("scripted_tool",) * 2
        assert server.count == 1


def test_each_of_several_replies_is_counted(server, rows):
    class Draws(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question):
            drawn = self.solve(question=question, config={"n": 3, "temperature": 0.9})
            return dspy.Prediction(answer=drawn.completions.answer[2])

    optimized = compiled(Draws(), rows, max_calls=60)
    assert server.count == spent(optimized.run_id) == 60


def test_pictures_are_counted_and_recorded_by_their_hash(lm_at):
    data = "iVBORw0KGgo" + "A" * 4000
    picture = dspy.Image(f"data:image/png;base64,{data}")
    pictures = [
        dspy.Example(picture=picture, number=n, answer=str(n)).with_inputs("picture", "number")
        for n in range(12)
    ]

    def seen(request):
        return write({"answer": "1"}) if "[[ ##" in request.system else answer(request)

    with ScriptedServer(seen, api_key=API_KEY) as server:
        dspy.configure(lm=lm_at(server))
        program = dspy.Predict("picture: dspy.Image, number: int -> answer")
        optimizer = small(max_bootstrapped_demos=0, max_labeled_demos=0)
        given = {"trainset": pictures, "requires_permission_to_run": False, "num_trials": 2}
        plan = optimizer.plan(program, trainset=pictures, num_trials=2)
        assert plan.estimate.total.input_tokens.low > 1000 * 0.8 * len(pictures[3:])
        optimized = optimizer.compile(program, **given)
        assert data in json.dumps(server.requests[-1].body)
    run = mipro.runs.load(optimized.run_id)
    with closing(sqlite3.connect(run.record.path)) as record:
        assert data not in "\n".join(record.iterdump())


def test_rows_with_different_pictures_are_different_rows(server):
    def picture(number):
        return dspy.Image(f"data:image/png;base64,{str(number) * 4000}")

    pictures = [
        dspy.Example(picture=picture(n), answer=str(n)).with_inputs("picture") for n in range(1, 9)
    ]
    program = dspy.Predict("picture: dspy.Image -> answer")
    told = str(small().plan(program, trainset=pictures[:4], valset=pictures[4:], num_trials=2))
    assert "of up to 4 bootstrapped and 4 in all" in told
    assert "earlier row" not in told
    again = [*pictures[4:], dspy.Example(picture=picture(5), answer="5").with_inputs("picture")]
    told = str(small().plan(program, trainset=pictures[:4], valset=again, num_trials=2))
    assert "Valset: 1 row with the inputs of an earlier row" in told
    assert server.count == 0


def test_what_dspy_saved_is_loaded_into_a_program_of_ours(server, rows, tmp_path):
    class Ours(mipro.Module):
        def __init__(self):
            self.think = mipro.Predict("question -> hint")
            self.solve = mipro.ChainOfThought("question, hint -> answer")

    optimized = compiled(TwoSteps(), rows)
    optimized.save(str(tmp_path / "state.json"))
    ours = Ours()
    ours.load(tmp_path / "state.json")
    for mine, theirs in zip(ours.predictors(), optimized.predictors(), strict=True):
        assert mine.signature.instructions == theirs.signature.instructions
        assert [demo.to_dict() for demo in mine.demos] == [dict(d.items()) for d in theirs.demos]


def test_the_example_of_the_reference_gives_what_it_says(server, rows, monkeypatch):
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    names = {
        "MIPROv2": MIPROv2,
        "metric": lambda example, prediction, trace=None: True,
        "program": dspy.ChainOfThought("question -> answer"),
        "rows": rows[:12],
    }
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(MIPROv2), names, "MIPROv2", None, None
    )
    assert examples.examples
    told = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(examples, out=told.append)
    assert runner.failures == 0, "".join(told)


class Passage:
    """An object that JSON does not know, and nothing can copy."""

    def __init__(self, text):
        self.text, self.lock = text, threading.Lock()


def test_the_metric_and_the_program_see_the_values_of_rows_as_they_are(server):
    seen = []

    class Reads(dspy.Module):
        def __init__(self):
            super().__init__()
            self.solve = dspy.Predict("question -> answer")

        def forward(self, question, passage):
            assert isinstance(passage, Passage)
            return dspy.Prediction(answer=self.solve(question=question).answer, found=[passage])

    def metric(example, prediction, trace=None):
        assert prediction.found[0] is not None
        seen.append((type(example.vector), type(example.nested["vector"]), type(example.passage)))
        return example.vector.sum() == 3

    kept = [
        dspy.Example(
            question=f"How much is {n} + 1?",
            passage=Passage(f"{n}"),
            vector=np.arange(3),
            nested={"vector": np.arange(2)},
            answer=str(n + 1),
        ).with_inputs("question", "passage")
        for n in range(12)
    ]
    optimized = compiled(Reads(), kept, metric)
    assert set(seen) == {(np.ndarray, np.ndarray, Passage)}
    assert optimized.score == 100
    assert mipro.Evaluate(devset=kept[:3], metric=metric)(Reads()) == 100


def test_calls_that_a_metric_makes_by_a_client_of_its_own_are_counted_and_capped(server, rows):
    judge = openai.OpenAI(base_url=server.base_url, api_key=API_KEY)

    def metric(example, prediction, trace=None):
        message = {"role": "user", "content": f"{example.question} Is it {prediction.answer}?"}
        judge.chat.completions.create(model="judge", messages=[message], temperature=0)
        return right(example, prediction)

    program = dspy.Predict("question -> answer")
    plan = small(metric).plan(program, trainset=rows, num_trials=6)
    assert server.requests == []
    assert any("calls judge through a client of its own" in note for note in plan.notes)
    run_id = compiled(program, rows, metric, max_calls=40).run_id
    assert server.count == spent(run_id) <= 40
    assert any(request.body["model"] == "judge" for request in server.requests)
