"""A run as one file: written from the record, and read into another one.

The file is JSON: the run, its events, the texts that they refer to, and what its calls in flight
take. Nothing in a file is believed: whatever it holds is checked before the record is touched.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mipro_nb.errors import RecordError, shown
from mipro_nb.files import expanded, write_whole
from mipro_nb.runs.events import (
    Amount,
    AnyEvent,
    Number,
    RunPlanned,
    RunResumed,
    UnixTime,
    first_problem,
)
from mipro_nb.runs.state import fold
from mipro_nb.runs.store.batches import batched_usage
from mipro_nb.runs.store.record import Record, RecordedEvent
from mipro_nb.runs.store.schema import refs_in
from mipro_nb.runs.usage import Usage

SUFFIX = ".mipro.json"
LONGEST_NAME = 200
"""Characters of a run's name."""
LONGEST_TAG = 100
"""Characters of a tag."""
MOST_TAGS = 50
LONGEST_NOTE = 10_000
"""Characters of a run's note."""
_FORMAT: Literal["mipro_nb run"] = "mipro_nb run"
_VERSION: Literal[1] = 1
_LARGEST_BYTES = 2**30
# A process id that no system has: an imported run goes on nowhere.
_NOWHERE = 2**63 - 1

_ShortText = Annotated[str, Field(min_length=1, max_length=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Run(_Strict):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    created: UnixTime
    name: _ShortText
    tags: Annotated[list[_ShortText], Field(max_length=1000)]
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""


class _Event(_Strict):
    seq: Annotated[int, Field(ge=0, lt=2**63)]
    at: UnixTime
    body: AnyEvent


class _InFlight(_Strict):
    """What calls take at the worst that are sent and not told of."""

    calls: Number
    tokens: Number
    usd: Amount


class _Archive(_Strict):
    format: Literal["mipro_nb run"]
    version: Literal[1]
    run: _Run
    events: list[_Event]
    texts: dict[str, str]
    in_flight: _InFlight


def export_run(record: Record, run_id: str, path: Path, *, overwrite: bool = False) -> Path:
    """Write a run to one file and return the file's path.

    Parameters
    ----------
    record
        The record that the run is in.
    run_id
        The run.
    path
        The file, or a folder: then the file is named after the run.
    overwrite
        Whether a file that is there already may be replaced.

    Raises
    ------
    InvalidArgumentError
        If `path` begins with the ``~`` of nobody.
    RecordError
        If the file is there already, or cannot be written; or the run is damaged.
    """
    path = expanded(path, "path")
    if path.is_dir():
        path /= f"{run_id}{SUFFIX}"
    if path.exists() and not overwrite:
        msg = f"{path} is there already: give another path, or overwrite=True."
        raise RecordError(msg)
    try:
        content = json.dumps(_archive(record, run_id), ensure_ascii=False, indent=1)
    except (ValueError, TypeError, RecursionError) as error:
        msg = f"Run {run_id} in {record.path} is damaged: mipro_nb.runs.check() tells how."
        raise RecordError(msg) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        msg = f"Cannot write the run to {path}: {error}."
        raise RecordError(msg) from error
    return path


def _archive(record: Record, run_id: str) -> dict[str, Any]:
    ((created, name, tags, note),) = record.query(
        "SELECT created, name, tags, note FROM runs WHERE run_id = ?", run_id
    )
    # Before the events: what they tell meanwhile counts twice rather than not at all.
    in_flight = record.in_flight(run_id)
    if not _tells_its_end(record, run_id):  # who imports it cannot ask what came of batches
        in_flight += batched_usage(record, run_id)
    events = record.query("SELECT seq, at, body FROM events WHERE run_id = ? ORDER BY seq", run_id)
    texts = record.query(
        "SELECT ref, text FROM run_texts JOIN texts USING (ref) WHERE run_id = ? ORDER BY ref",
        run_id,
    )
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "run": {
            "id": run_id,
            "created": created,
            "name": name,
            "tags": json.loads(tags),
            **({"note": note} if note else {}),  # without one, older versions read the file
        },
        "events": [{"seq": seq, "at": at, "body": json.loads(body)} for seq, at, body in events],
        "texts": dict(texts),
        "in_flight": asdict(in_flight),
    }


def _tells_its_end(record: Record, run_id: str) -> bool:
    """Tell whether a run ended, with what was out then, and was not resumed since."""
    rows = record.query(
        "SELECT type FROM events WHERE run_id = ? AND type IN ('run_ended', 'run_resumed')"
        " ORDER BY seq DESC LIMIT 1",
        run_id,
    )
    return rows == [("run_ended",)]


def import_run(record: Record, path: Path) -> str:
    """Enter the run in the file at `path` into the record and return its id.

    A run that had not ended when it was written goes on nowhere: here it is one that was cut off,
    and its calls in flight are lost.

    Raises
    ------
    InvalidArgumentError
        If `path` begins with the ``~`` of nobody.
    RecordError
        If the file cannot be read, is damaged, or holds a run that is in the record already.
    """
    path = expanded(path, "path")
    archive = _checked(_loaded(path), path)
    run = archive.run
    with record.writing():
        if record.query("SELECT 1 FROM runs WHERE run_id = ?", run.id):
            msg = f"{path} holds run {run.id}, which is in {record.path} already."
            raise RecordError(msg)
        record.add_run(run.id, run.name, created=run.created, tags=run.tags, note=run.note)
        for text in archive.texts.values():
            record.put_text(text)
        for event in archive.events:
            record.append(run.id, _settled(event.body), event.seq, event.at)
        if (sent := archive.in_flight).calls:
            record.put_flight(run.id, 0, Usage(sent.calls, sent.tokens, sent.usd))
    return run.id


def _loaded(path: Path) -> bytes:
    """Return what is in the file, if it is one of ours."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            msg = f"{path} is too large to be a run: {size:,} bytes."
            raise RecordError(msg)
        raw = path.read_bytes()
        content = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"Cannot read a run from {path}: {error}."
        raise RecordError(msg) from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        msg = f"{path} holds no run that mipro_nb.runs.export wrote."
        raise RecordError(msg)
    version = content.get("version")
    if isinstance(version, int) and version > _VERSION:
        msg = (
            f"{path} was written by a newer mipro_nb (version {version}, this one reads "
            f"{_VERSION}): upgrade mipro_nb."
        )
        raise RecordError(msg)
    return raw


def _checked(raw: bytes, path: Path) -> _Archive:
    """Return the archive; everything that a reader of the record relies on holds."""
    try:
        # As the record reads events, which bears less than json does: depth, half characters.
        archive = _Archive.model_validate_json(raw)
    except ValidationError as error:
        raise _damaged(path, first_problem(error)) from error
    seqs = [event.seq for event in archive.events]
    if seqs != sorted(set(seqs)):
        raise _damaged(path, "its events are not in order")
    for ref, text in archive.texts.items():
        if hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32] != ref:
            raise _damaged(path, f"text {shown(ref, 40)!r} is not what its name says")
    told = refs_in("".join(event.body.model_dump_json() for event in archive.events))
    if strays := archive.texts.keys() - told:
        raise _damaged(path, f"no event refers to text {min(strays)!r}")
    try:
        fold(RecordedEvent(archive.run.id, e.seq, e.at, e.body) for e in archive.events)
    except RecordError as error:
        raise _damaged(path, "its events contradict each other") from error
    return archive


def _damaged(path: Path, problem: str) -> RecordError:
    return RecordError(f"{path} is damaged: {problem}. Export the run again.")


def _settled(event: AnyEvent) -> AnyEvent:
    """Return `event` as it is entered: the process in it is not on this machine."""
    if isinstance(event, RunPlanned) or (
        isinstance(event, RunResumed) and event.process is not None
    ):
        return event.model_copy(update={"process": _NOWHERE})
    return event
