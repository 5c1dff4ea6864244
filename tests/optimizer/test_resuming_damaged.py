"""A run whose file somebody changed is not resumed, and stands in nobody's way."""

from __future__ import annotations

import json
import threading

import pytest
from scripted_server import ScriptedServer
from scripted_task import Solve, answer, exact, lm_of, rows

import mipro_nb as mipro
from mipro_nb.errors import RecordError
from mipro_nb.runs.store.record import text_ref

TRAIN, VAL = rows(12), rows(24, start=1000)


def optimizer():
    return mipro.MIPROv2(
        exact, num_candidates=4, num_threads=6, max_bootstrapped_demos=2, max_labeled_demos=3
    )


def begun(record, **settings):
    return optimizer().start(
        Solve(),
        trainset=TRAIN,
        valset=VAL,
        num_trials=8,
        minibatch_size=6,
        requires_permission_to_run=False,
        record=record,
        **settings,
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The file of a run that was stopped in its search, as values."""
    folder = tmp_path_factory.mktemp("stopped")
    far_enough = threading.Event()

    def answer_and_tell(request):
        if request.number == 90:
            far_enough.set()
        return answer(request)

    with ScriptedServer(answer_and_tell, latency=0.005) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        run = begun(folder / "record.sqlite")
        assert far_enough.wait(60)
        run.stop()
        run.wait()
    path = mipro.runs.export(run.id, folder, record=run.record.path)
    return json.loads(path.read_text(encoding="utf-8"))


def events(content, kind):
    return [event["body"] for event in content["events"] if event["body"]["type"] == kind]


def changed(kind, number=0, **fields):
    """A change of some fields of one event."""

    def change(content):
        events(content, kind)[number].update(fields)

    return change


def planned(**plan):
    return lambda content: events(content, "run_planned")[0]["plan"].update(plan)


def text(kind, field, value):
    """A change of the text that an event refers to."""

    def change(content):
        event = events(content, kind)[0]
        old, event[field] = event[field], text_ref(value)
        if old not in json.dumps(content["events"]):
            del content["texts"][old]
        content["texts"][text_ref(value)] = value

    return change


def other_predictor(content):
    for event in events(content, "candidate_proposed"):
        event["predictor"] = "nobody"


def all_banned(content):
    content["events"] += [
        {
            "seq": content["events"][-1]["seq"] + 1 + index,
            "at": content["events"][-1]["at"],
            "body": {
                "type": "candidate_banned",
                "predictor": "solve",
                "part": "instruction",
                "index": index,
                "on": True,
            },
        }
        for index in range(5)
    ]


FAR = {"solve:instruction": 77, "solve:demos": 0}
NOBODYS = {"nobody:instruction": 0, "solve:demos": 0}
# Seen where the run is looked at by itself: by check, by resume and by compile.
INCOHERENT = {
    "rows that are no JSON": text("run_planned", "trainset", "not json"),
    "rows that are no list": text("run_planned", "valset", '{"a": 1}'),
    "rows that are numbers": text("run_planned", "valset", "[1, 2]"),
    "no rows": text("run_planned", "valset", "[]"),
    "more candidates than were found": planned(num_candidates=10**6),
    "a candidate out of order": changed("candidate_proposed", index=999),
    "candidates of nobody": other_predictor,
    "no candidate to try": all_banned,
    "a demo set out of order": changed("demo_set_built", index=999),
    "demos that are none": text("demo_set_built", "demos", '"x"'),
    "a trial of an unknown predictor": changed("trial_asked", -1, configuration=NOBODYS),
    "a trial of an unknown candidate": changed("trial_asked", -1, configuration=FAR),
    "a trial of an unknown example": changed("trial_asked", 0, examples=[999_999]),
    "a trial of no example": changed("trial_told", 1, examples=0),
    "a score of an unknown example": changed("example_scored", example=2**62),
}
# Seen where it is resumed.
UNREADABLE = {
    "a number that is a text": planned(num_threads="6"),
    "a seed that is none": planned(seed=[1]),
    "measured predictors that are none": planned(measured_predictors=5),
    "an auto that there is not": planned(auto="nope"),
    "an auto of another type": planned(auto=["light"]),
    "a strategy with something else": changed("run_planned", strategy={"nope": 1}),
    "no strategy": changed("run_planned", strategy={}),
    "inputs that there are not": changed("run_planned", inputs=["zzz"]),
    "no inputs": changed("run_planned", inputs=[]),
    "caps of something else": changed("run_permitted", caps={"max_fun": 1}),
    "caps below 0": changed("run_permitted", caps={"max_calls": -1}),
}


@pytest.fixture
def damaged(exported, tmp_path, request):
    """The run after a change, in a record of its own."""
    content = json.loads(json.dumps(exported))
    {**INCOHERENT, **UNREADABLE}[request.param](content)
    path = tmp_path / "run.mipro.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return mipro.runs.import_run(path, tmp_path / "record.sqlite")


@pytest.mark.parametrize("damaged", [*INCOHERENT, *UNREADABLE], indirect=True)
def test_it_is_told_which_run_cannot_be_resumed(damaged):
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        with pytest.raises(RecordError, match=rf"^Run {damaged.id} is damaged: "):
            optimizer().resume(
                damaged.id,
                Solve(),
                record=damaged.record.path,
                requires_permission_to_run=False,
                accept_changes=True,
            )
        assert server.requests == []


@pytest.mark.parametrize("damaged", [*INCOHERENT, *UNREADABLE], indirect=True)
def test_compile_begins_anew_beside_it_or_resumes_what_is_sound(damaged):
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        run = begun(damaged.record.path, resume=True)
        run.stop()
        run.wait()
    assert run.status == "stopped"
    assert any(damaged.id in note for note in run.plan.notes)


@pytest.mark.parametrize("damaged", INCOHERENT, indirect=True)
def test_check_tells_of_it(damaged):
    problems = mipro.runs.check(damaged.record.path).problems
    assert problems
    assert {problem.where for problem in problems} == {f"run {damaged.id}"}


def test_the_run_that_all_these_are_damages_of_is_sound(exported, tmp_path):
    path = tmp_path / "run.mipro.json"
    path.write_text(json.dumps(exported), encoding="utf-8")
    run = mipro.runs.import_run(path, tmp_path / "record.sqlite")
    assert mipro.runs.check(run.record.path).ok
    with ScriptedServer(answer) as server:
        mipro.configure(lm=lm_of(server, cache=False))
        program = optimizer().resume(
            run.id, Solve(), record=run.record.path, requires_permission_to_run=False
        )
    assert program.run.status == "finished"
