"""A run as one file: what is written is read back, and no file is believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from event_strategies import EVENT_CLASSES, any_event
from handmade import NOBODY, answered, ended, keep, planned, sensible, whole_run, write
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import mipro_nb as mipro
from mipro_nb.amounts import format_score
from mipro_nb.errors import RecordError, UnknownRunError
from mipro_nb.runs import Record, open_record
from mipro_nb.runs import events as ev
from mipro_nb.runs.recorded.archive import export_run, import_run
from mipro_nb.runs.usage import Usage
from mipro_nb.runs.views.exports.mlflow_run import MlflowRun


def contents(record, run_id):
    """All that a record holds of a run."""
    return (
        record.query("SELECT run_id, created, name, tags, note FROM runs WHERE run_id = ?", run_id),
        [(r.seq, r.at, r.event.model_dump_json()) for r in record.events(run_id)],
        record.query(
            "SELECT ref, text FROM run_texts JOIN texts USING (ref) WHERE run_id = ? ORDER BY ref",
            run_id,
        ),
    )


def test_a_run_is_the_same_in_another_record(finished, tmp_path):
    mipro.runs.tag(finished.id, "best", record=finished.record.path)
    mipro.runs.note(finished.id, "For the paper.", record=finished.record.path)
    path = mipro.runs.export(finished.id, tmp_path / "run", record=finished.record.path)
    assert path == tmp_path / "run"  # exactly as it was given
    again = mipro.runs.import_run(path)
    assert again.record is open_record()
    assert (again.tags, again.note) == (("best",), "For the paper.")
    ours, theirs = contents(again.record, again.id), contents(finished.record, finished.id)
    assert ours[0] == theirs[0]
    assert ours[1][1:] == theirs[1][1:]  # the first tells the process
    assert ours[2] == theirs[2] != []
    assert again.report() == finished.report()
    assert again.program_state() == finished.program_state()


texts = st.text(max_size=20)
events = st.lists(any_event, max_size=8).map(sensible)


@pytest.mark.slow
@given(
    events, st.lists(texts, max_size=3), st.lists(st.text(min_size=1).map(str.strip), max_size=2)
)
def test_any_run_comes_back_as_it_was(tmp_path_factory, made, kept, tags):
    folder = tmp_path_factory.mktemp("archive")
    record, other = Record(folder / "one.sqlite"), Record(folder / "other.sqlite")
    record.add_run("run", "name", created=1.5, tags=[tag for tag in tags if tag])
    # Those name a process, which the other machine does not have.
    made = [e for e in made if not isinstance(e, ev.RunPlanned | ev.RunResumed)]
    made += [answered(reply=record.put_text(text)) for text in kept]
    for seq, event in enumerate(made):
        record.append("run", event, 3 * seq, at=float(seq))
    import_run(other, export_run(record, "run", folder / "file"))
    assert contents(other, "run") == contents(record, "run")
    record.close()
    other.close()


def test_a_file_is_named_after_its_run_in_a_folder(tmp_path):
    write("20261124-a", whole_run())
    path = mipro.runs.export("2026", tmp_path)
    assert path == tmp_path / "20261124-a.mipro.json"
    assert json.loads(path.read_text(encoding="utf-8"))["run"]["id"] == "20261124-a"
    assert mipro.runs.export("2026", tmp_path / "new" / "folder" / "file").exists()


def test_a_file_is_overwritten_only_if_that_is_asked_for(tmp_path):
    write("run", whole_run())
    path = tmp_path / "file"
    path.write_text("precious")
    with pytest.raises(RecordError, match="overwrite=True"):
        mipro.runs.export("run", path)
    assert path.read_text() == "precious"
    mipro.runs.export("run", path, overwrite=True)
    assert "run_planned" in path.read_text()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "mipro_home"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    write("run", whole_run())
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="Cannot write the run"):
        mipro.runs.export("run", tmp_path / "file" / "below")
    with pytest.raises(UnknownRunError):
        mipro.runs.export("nobody", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_run_that_goes_on_is_cut_off_where_it_is_imported(tmp_path):
    write("run", [planned(), ev.RunPermitted(by="user")])
    path = mipro.runs.export("run", tmp_path / "file")
    again = mipro.runs.import_run(path, tmp_path / "other.sqlite")
    assert (mipro.runs.load("run").status, again.status) == ("running", "cut off")
    assert not again.row["here"]
    mipro.runs.delete("run", record=tmp_path / "other.sqlite")


def test_calls_in_flight_are_lost_where_the_run_is_imported(tmp_path):
    record = write("run", [planned(), ev.RunPermitted(by="user")])
    for flight in range(3):
        record.put_flight("run", flight, Usage(1, 100, 0.25))
    path = mipro.runs.export("run", tmp_path / "file")
    other = open_record(tmp_path / "other.sqlite")
    mipro.runs.import_run(path, other.path)
    again = mipro.runs.export("run", tmp_path / "again", record=other.path)
    assert json.loads(again.read_text())["in_flight"] == json.loads(path.read_text())["in_flight"]
    assert other.take_lost("run") == Usage(3, 300, 0.75)
    assert record.take_lost("run") == Usage(3, 300, 0.75)


def test_a_run_that_is_there_already_is_left_alone(tmp_path):
    record = write("run", whole_run(), name="mine")
    path = mipro.runs.export("run", tmp_path / "file")
    before = contents(record, "run")
    with pytest.raises(RecordError, match=r"holds run run, which is in .* already"):
        mipro.runs.import_run(path)
    assert contents(record, "run") == before


def exported(tmp_path):
    """A sound file, as values."""
    record = open_record()
    ref = keep(record, [{"question": "q"}])
    write("run", [planned(NOBODY, valset=ref), *whole_run()[1:-1], ended(record.put_text("{}"))])
    path = mipro.runs.export("run", tmp_path / "sound")
    return json.loads(path.read_text(encoding="utf-8"))


def set_at(content, path, value):
    *way, last = path
    for step in way:
        content = content[step]
    content[last] = value


DAMAGES = {
    "another format": (["format"], "theirs"),
    "no version": (["version"], None),
    "a version of text": (["version"], "1"),
    "a field too many": (["extra"], 1),
    "an empty id": (["run", "id"], ""),
    "an id that is a path": (["run", "id"], "../../x"),
    "an id with a line in it": (["run", "id"], "run\n"),
    "a time before all times": (["run", "created"], -1),
    "a time after all times": (["run", "created"], 1e30),
    "no time at all": (["run", "created"], float("nan")),
    "a name that is none": (["run", "name"], 3),
    "tags that are none": (["run", "tags"], "a"),
    "an empty tag": (["run", "tags"], [""]),
    "events that are none": (["events"], {}),
    "an event that is none": (["events", 0], []),
    "an event of an unknown type": (["events", 0, "body", "type"], "x"),
    "an event that lacks a field": (["events", 2, "body"], {"type": "phase_started"}),
    "an event with a wrong value": (["events", 3, "body", "usd"], "'; DROP TABLE runs; --"),
    "an event twice": (["events", 1, "seq"], 0),
    "a number below 0": (["events", 0, "seq"], -1),
    "a call that earned money": (["events", 3, "body", "usd"], -1e6),
    "a call of endless price": (["events", 3, "body", "usd"], float("inf")),
    "a call that ended before it began": (["events", 3, "body", "seconds"], -1),
    "lost calls that earned money": (["events", -1, "body", "lost_usd"], -1e6),
    "a score beyond any metric's": (["events", -1, "body", "score"], 1e308),
    "a number that SQLite cannot hold": (["events", 13, "seq"], 2**70),
    "a result of a trial that was not asked": (["events", 5, "body", "trial"], 77),
    "calls in flight that earn money": (
        ["in_flight"],
        {"calls": 1, "tokens": 1, "usd": -1e6},
    ),
    "calls in flight that nobody can count": (
        ["in_flight"],
        {"calls": 2**64, "tokens": 1, "usd": 0.0},
    ),
    "texts that are none": (["texts"], []),
    "a text that is not what its name says": (["texts", "0" * 32], "x"),
    "a text that nobody refers to": (["texts", "2d711642b726b04401627ca9fbac32f5"], "x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_hostile_file_is_refused_and_the_record_left_alone(tmp_path, damage):
    content = exported(tmp_path)
    set_at(content, *DAMAGES[damage])
    path = tmp_path / "damaged.mipro.json"
    path.write_text(json.dumps(content))
    other = open_record(tmp_path / "other.sqlite")
    with pytest.raises(RecordError, match=r"damaged\.mipro\.json") as caught:
        mipro.runs.import_run(path, other.path)
    assert len(str(caught.value)) < 1000
    assert other.run_ids() == []
    assert other.query("SELECT count(*) FROM texts") == [(0,)]


AMOUNTS = {"usd", "seconds", "lost_usd", "reckoned_usd"} | {
    name
    for cls in EVENT_CLASSES
    for name, field in cls.model_fields.items()
    if name.endswith(("tokens", "calls", "attempts")) or field.annotation is int
} - {"process", "rollout"}


@given(any_event, st.sampled_from([-1, -0.5, float("inf"), float("-inf"), float("nan")]))
def test_no_event_tells_of_less_than_nothing_or_of_endless_amounts(event, amount):
    for name in AMOUNTS & type(event).model_fields.keys():
        with pytest.raises(ValidationError):
            type(event).model_validate({**event.model_dump(), name: amount})


def test_the_file_that_all_these_are_damages_of_is_sound(tmp_path):
    exported(tmp_path)
    assert mipro.runs.import_run(tmp_path / "sound", tmp_path / "other.sqlite").score == 80.0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format": ' + b"[" * 100_000],
)
def test_a_file_that_is_no_run_is_refused(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"notes\.txt"):
        mipro.runs.import_run(path)


def test_values_nested_too_deeply_to_be_read_back_are_refused(tmp_path):
    text = json.dumps(exported(tmp_path))
    path = tmp_path / "deep"
    path.write_text(text.replace('"plan": {}', f'"plan": {{"a": {"[" * 900}{"]" * 900}}}'))
    with pytest.raises(RecordError, match="deep is damaged"):
        mipro.runs.import_run(path, tmp_path / "other.sqlite")
    path.write_text(text.replace('"plan": {}', f'"plan": {{"a": {"[" * 100}{"]" * 100}}}'))
    run = mipro.runs.import_run(path, tmp_path / "other.sqlite")
    assert run.row["settings"].keys() == run.state.planned.plan.keys() == {"a"}


def test_a_file_that_is_not_there_is_told(tmp_path):
    for path in (tmp_path / "nobody", tmp_path):
        with pytest.raises(RecordError, match="Cannot read a run"):
            mipro.runs.import_run(path)


def test_a_file_of_a_newer_version_asks_for_a_newer_mipro(tmp_path):
    path = tmp_path / "newer"
    path.write_text(json.dumps({**exported(tmp_path), "version": 2, "novelty": True}))
    with pytest.raises(RecordError, match="upgrade mipro_nb"):
        mipro.runs.import_run(path)


def test_a_field_that_a_newer_version_added_to_an_event_is_no_obstacle(tmp_path):
    content = exported(tmp_path)
    set_at(content, ["events", 2, "body", "mood"], "good")
    path = tmp_path / "file"
    path.write_text(json.dumps(content))
    assert mipro.runs.import_run(path, tmp_path / "other.sqlite").status == "finished"


@pytest.mark.slow
@given(st.data())
def test_no_change_of_a_file_does_harm(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("changed")
    record = Record(folder / "one.sqlite")
    record.add_run("run", "name", created=1.5)
    for seq, event in enumerate([planned(NOBODY), answered(reply=text_of(record)), ended()]):
        record.append("run", event, seq, at=1.5)
    raw = bytearray(export_run(record, "run", folder / "file").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    (folder / "file").write_bytes(raw)
    other = Record(Path(":memory:"))
    try:
        import_run(other, folder / "file")
    except RecordError:
        assert other.run_ids() == []
    else:
        assert len(other.run_ids()) == 1
    record.close()
    other.close()


def text_of(record):
    return record.put_text("text")


def test_what_is_imported_can_be_looked_at(finished, tmp_path):
    path = mipro.runs.export(finished.id, tmp_path, record=finished.record.path)
    again = mipro.runs.import_run(path)
    assert len(again.to_dataframe()) == len(finished.to_dataframe())
    assert again.examples_dataframe().equals(finished.examples_dataframe())


AMOUNT = {"low": 1, "expected": 2, "high": 3}
PHASE = {
    "phase": "search",
    **dict.fromkeys(("calls", "input_tokens", "output_tokens"), AMOUNT),
    "usd": None,
}


@pytest.mark.parametrize(
    "estimate",
    [
        {"phases": [PHASE], "total": PHASE, "guess": 7},
        {"phases": [PHASE], "total": PHASE, "hedging": ["often"]},
        {"phases": [PHASE], "total": PHASE | {"calls": "many"}},
        {"phases": [PHASE], "total": PHASE | {"usd": {"low": 1}}},
        {"phases": "none", "total": PHASE},
        {"phases": [{}], "total": PHASE},
        {"phases": [PHASE], "total": "much"},
    ],
)
def test_an_estimate_that_is_none_is_left_out_of_all_that_is_made_of_a_run(
    finished, tmp_path, estimate
):
    file = mipro.runs.export(finished.id, tmp_path, record=finished.record.path)
    written = json.loads(file.read_text("utf-8"))
    written["events"][0]["body"]["estimate"] = estimate
    file.write_text(json.dumps(written), "utf-8")
    run = mipro.runs.import_run(file, tmp_path / "other.sqlite")
    score = format_score(run.score)
    page = mipro.share(run.id, tmp_path / "report.html", record=run.record.path).read_text("utf-8")
    assert score in page
    assert score in repr(mipro.show(run.id, record=run.record.path))
    assert score in run.report()
    logged = list(run.read(lambda state: MlflowRun.of(state, run.record, run.id)).metrics)
    assert not any(metric.key.startswith("estimate/") for metric in logged)
    assert any(metric.key == "actual/calls" for metric in logged)
