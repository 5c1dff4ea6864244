"""How a run reports replies that were read in another form, and of unreadable ones."""

from __future__ import annotations

import pytest
from scripted_server import Reply, ScriptedServer
from scripted_task import Solve, answer, exact, kind, lm_of, question_of, rows, run_of
from watched import Watched, until

import mipro_nb as mipro
from mipro_nb.errors import LMError
from mipro_nb.optimizer.planning.specification.progress import RecordedProgress
from mipro_nb.optimizer.running.asking import surface
from mipro_nb.runs import events as ev
from mipro_nb.runs.views.drill_down.details import trial_detail
from mipro_nb.runs.views.view import RunView

UNMARKED = "'answer' was read without its mark"
VAL = rows(4, start=1000)


def replies(request):
    """The toy LM: without a mark where a sum begins with an odd number, never for 1002."""
    reply = answer(request)
    if kind(request) != "task":
        return reply
    first = int(question_of(request).split()[0])
    if first == 1002:
        return "name: answer"
    return reply.text.removeprefix("answer: ") if first % 2 else reply


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("noted") / "record.sqlite"
    with ScriptedServer(replies) as server:
        lm = lm_of(server)
        optimizer = mipro.MIPROv2(exact, prompt_model=lm, task_model=lm, num_candidates=3)
        made = run_of(optimizer, val=VAL, record=path)
    return mipro.runs.load(made.id, path)


def events_of(run, cls):
    return [each.event for each in run.events() if isinstance(each.event, cls)]


def test_each_scored_example_keeps_how_its_replies_were_read(run):
    notes = {(e.example, tuple(e.notes)) for e in events_of(run, ev.ExampleScored)}
    assert notes == {(0, ()), (1, (UNMARKED,)), (2, ()), (3, (UNMARKED,))}
    shown = trial_detail(run.record, run.id, run.state, 0)["examples"]
    assert [[note["text"] for note in row.get("notes", [])] for row in shown] == [
        [], [UNMARKED], [], [UNMARKED],
    ]  # fmt: skip
    frame = run.examples_dataframe()
    assert set(frame["notes"][frame["example"] == 1]) == {UNMARKED}
    assert set(frame["notes"][frame["example"] == 0]) == {""}


def test_traces_that_are_bootstrapped_count_too(run):
    traces = {e.example: e.notes for e in events_of(run, ev.TraceBootstrapped)}
    assert any(traces.values())
    assert all(notes == ([UNMARKED] if n % 2 else []) for n, notes in traces.items())
    cells = {(e.configuration, e.example) for e in events_of(run, ev.ExampleScored)}
    in_all = len(cells) + len(traces)
    noted = sum(number in (1, 3) for _, number in cells) + sum(map(bool, traces.values()))
    assert f"{noted} examples of {in_all} got replies in another form" in run.report()


def test_report_and_view_tell_it_alike(run):
    unreadable = sum(number == 2 for _, number in run.state.scored_by)
    view = RunView(run.record, run.id)
    view.apply(run.events())
    notes = view.snapshot(now=0.0, in_flight=None)["summary"]["notes"]
    told = [note for note in notes if "another form" in note or "unreadable" in note]
    assert len(told) == 2
    assert f"{unreadable} example" in told[1]
    assert all(f"  {note}\n" in run.report() for note in told)


def test_a_run_that_is_resumed_knows_the_notes(run):
    known = RecordedProgress.of(run.record, run.id).results(VAL)
    for results in known.values():
        assert {n: result.notes for n, result in results.items()} == {
            0: (), 1: (UNMARKED,), 2: (), 3: (UNMARKED,),
        }  # fmt: skip


def test_the_terminal_tells_it_at_the_end(capsys):
    with ScriptedServer(replies) as server:
        lm = lm_of(server)
        mipro.MIPROv2(exact, prompt_model=lm, task_model=lm, num_candidates=2).compile(
            Solve(),
            trainset=rows(6),
            valset=VAL,
            num_trials=1,
            minibatch=False,
            requires_permission_to_run=False,
        )
    printed = capsys.readouterr().out
    assert "got replies in another form than asked for" in printed
    assert "unreadable" in printed


def test_calls_that_failed_and_were_caught_are_told(tmp_path):
    class Catches(Solve):
        def forward(self, question):
            try:
                return super().forward(question)
            except LMError:
                return mipro.Prediction(answer="")

    def refuses(request):
        if kind(request) == "task" and question_of(request).startswith("1002 "):
            return Reply("Not this one.", status=400)
        return answer(request)

    with ScriptedServer(refuses) as server:
        lm = lm_of(server)
        optimizer = mipro.MIPROv2(exact, prompt_model=lm, task_model=lm, num_candidates=3)
        made = run_of(optimizer, Catches(), val=VAL, record=tmp_path / "caught.sqlite")
    run = mipro.runs.load(made.id, tmp_path / "caught.sqlite")
    cells = [cell for cell in run.state.scored_by if cell[1] == 2]
    assert run.state.caught == set(cells)
    assert f"{len(cells)} example" in run.report()
    assert "met failed LM calls whose errors the program or the metric caught" in run.report()
    shown = trial_detail(run.record, run.id, run.state, 0)["examples"]
    (note,) = shown[2]["notes"]
    assert note["text"].startswith("A failed LM call was caught: ")
    assert "notes" not in shown[1]
    frame = run.examples_dataframe()
    assert all("was caught" in note for note in frame["notes"][frame["example"] == 2])
    known = RecordedProgress.of(run.record, run.id).results(VAL)
    assert all(result[2].caught == (note["text"],) for result in known.values())


def illegible(request):
    """The toy LM, none of whose answers can be read."""
    return answer(request) if kind(request) != "task" else "name: answer"


def illegible_run(server, path):
    lm = lm_of(server)
    optimizer = mipro.MIPROv2(exact, prompt_model=lm, task_model=lm, num_candidates=2)
    return optimizer.start(
        Solve(),
        trainset=rows(6),
        valset=rows(24, start=1000),
        num_trials=1,
        minibatch=False,
        requires_permission_to_run=False,
        record=path,
    )


def test_unreadable_replies_pause_a_run_once_where_somebody_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(surface, "_choose", Watched)
    path = tmp_path / "illegible.sqlite"
    with ScriptedServer(illegible) as server:
        run = illegible_run(server, path)
        until(lambda: run.done or (run.status == "paused" and run.in_flight == 0))
        assert run.status == "paused"
        assert "Almost none of the student's replies can be read" in run.state.pause_reason
        run.resume()
        run.wait(60)
    assert run.status == "finished"
    assert [event.type for event in map(_event, run.events())].count("run_paused") == 1
    (note,) = [note.text for note in run.state.notes if note.topic == "replies"]
    assert note.startswith("20 of the first 20 examples of the student got a reply that is unread")
    assert "another prompt_format=" in note


def test_a_run_that_nobody_can_resume_notes_unreadable_replies_and_goes_on(tmp_path):
    path = tmp_path / "illegible.sqlite"
    with ScriptedServer(illegible) as server:
        run = illegible_run(server, path)
        run.wait(60)
    assert run.status == "finished"
    events = [_event(recorded) for recorded in run.events()]
    assert "run_paused" not in [event.type for event in events]
    told = next(n for n, e in enumerate(events) if e.type == "run_noted" and e.topic == "replies")
    assert told < next(n for n, e in enumerate(events) if isinstance(e, ev.TrialTold))


def _event(recorded):
    return recorded.event
