"""Prompt formats with real replies of local models.

python -m benchmarks.formats [--model PATH …] [--rows 100] [--task NAME …] [--answers FILE]

The first reply counts; nothing is asked again. Every reply is kept in a file as it comes, so that
an interrupted measurement goes on, and rows are taken a few at a time through all cells, so that
one that is cut short has about as many in each. Cells:

- task × shots (none, or 4 demos) × format;
- "json + schema" and "value + grammar" are what servers with structured outputs, and the embedded
  model, are asked with; the others have words alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from benchmarks.against_dspy.table import Table
from benchmarks.formats.tasks import Row, Task, tasks
from mipro_nb.errors import ReplyError
from mipro_nb.language.formats import FORMATS, labels_of
from mipro_nb.language.prompting.prompt import write_messages
from mipro_nb.language.prompting.reply import read_reply, reply_schema
from mipro_nb.models.services.embedded import local

_ROWS_AT_A_TIME = 5
_CONTEXT_TOKENS = 4096
_ANSWERS = Path(__file__).parent / "answers.jsonl"
# How a format is asked for: by words alone, or with what keeps the model to it.
_WAYS = {
    "lines": "lines",
    "tags": "tags",
    "json": "json",
    "json + schema": "json",
    "value": "value",
    "value + grammar": "value",
}


@dataclass(frozen=True)
class Cell:
    """A row of the table."""

    task: Task
    shots: int
    way: str

    @property
    def prompt_format(self) -> str:
        """Return the name of the format."""
        return _WAYS[self.way]

    def question(self, row: Row) -> dict[str, Any]:
        """Return what is sent."""
        task, demos = self.task, self.task.demos[: self.shots]
        sent: dict[str, Any] = {
            "messages": write_messages(
                task.signature, demos, task.inputs(row), prompt_format=self.prompt_format
            ),
            "max_tokens": task.max_tokens,
            "temperature": 0.0,
        }
        if self.way == "json + schema":
            schema = {"name": "reply", "schema": reply_schema(task.signature), "strict": True}
            sent["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.way == "value + grammar":
            sent["extra_body"] = {"grammar": local.grammar_of(labels_of(task.signature))}
        return sent


class Answers:
    """Replies of one model, kept in a file of JSON lines.

    Parameters
    ----------
    file
        Replies of all models; those to the same question are not asked for again.
    server
        The model.
    """

    def __init__(self, file: Path, server: local.LocalServer) -> None:
        self._file = file
        self._server = server
        self._client = openai.OpenAI(base_url=server.base_url, api_key="none", timeout=600.0)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self._kept = {kept["key"]: kept for kept in map(json.loads, lines)}

    def kept(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """Return the reply to `question` if it is there already."""
        return self._kept.get(self._key(question))

    def ask(self, question: dict[str, Any]) -> None:
        """Get the reply to `question`, unless it is there."""
        key = self._key(question)
        if key in self._kept:
            return
        answer = self._client.chat.completions.create(model=self._server.model, **question)
        choice, usage = answer.choices[0], answer.usage
        kept = {
            "key": key,
            "reply": choice.message.content or "",
            "truncated": choice.finish_reason == "length",
            "tokens": usage.total_tokens if usage else 0,
        }
        self._kept[key] = kept
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")

    def _key(self, question: dict[str, Any]) -> str:
        text = json.dumps([self._server.identity, question], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def cells(measured: Iterable[Task]) -> Iterator[Cell]:
    """Return all cells that a task can have."""
    for task in measured:
        for shots in (0, len(task.demos)):
            for way, prompt_format in _WAYS.items():
                if FORMATS[prompt_format].fits(task.signature):
                    yield Cell(task, shots, way)


def measure(answers: Answers, measured: list[Cell], rows: int, until: float) -> None:
    """Ask for all replies that are not there yet, until the clock says `until`."""
    for start in range(0, rows, _ROWS_AT_A_TIME):
        for cell in measured:
            for row in cell.task.rows[start : min(rows, start + _ROWS_AT_A_TIME)]:
                if time.monotonic() >= until:
                    return
                answers.ask(cell.question(row))


def show(title: str, answers: Answers, measured: list[Cell]) -> None:
    """Print the table of what is there; right answers in % of a cell's rows."""
    columns = ("task", "demos", "format", "rows", "as parsed", "read generously", "unreadable")
    table = Table(title, (*columns, "tokens/call"))
    for cell in measured:
        counts = [
            _judged(cell, row, kept)
            for row in cell.task.rows
            if (kept := answers.kept(cell.question(row))) is not None
        ]
        if counts:
            shares = [sum(column) / len(counts) for column in zip(*counts, strict=True)]
            parsed, generously, unreadable = (100 * share for share in shares[:3])
            rows = len(counts)
            name = (cell.task.name, cell.shots, cell.way)
            table.add(*name, rows, parsed, generously, unreadable, round(shares[3]))


def _judged(cell: Cell, row: Row, kept: dict[str, Any]) -> tuple[bool, bool, bool, int]:
    """Return whether it is right as parsed, right read generously, unreadable; and its tokens."""
    task, reply = cell.task, kept["reply"]
    generously = task.generously_right(row, reply)
    try:
        reading = read_reply(
            task.signature, reply, truncated=kept["truncated"], prompt_format=cell.prompt_format
        )
    except ReplyError:
        return False, generously, True, kept["tokens"]
    return task.right(row, reading.values), generously, False, kept["tokens"]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.formats", description=__doc__)
    parser.add_argument("--model", action="append", help="a .gguf file; the embedded one without")
    parser.add_argument("--rows", type=int, default=100, help="rows per cell")
    parser.add_argument("--task", action="append", help="part of a task's name; all without")
    parser.add_argument("--answers", type=Path, default=_ANSWERS, help="where replies are kept")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="per model at most")
    given = parser.parse_args(arguments)
    measured = list(cells(tasks(given.rows, given.task or [])))
    for path in given.model or [None]:
        server = local.start(path, _CONTEXT_TOKENS)
        answers = Answers(given.answers, server)
        measure(answers, measured, given.rows, time.monotonic() + 60 * given.minutes)
        show(f"{server.model}: right answers in %", answers, measured)


if __name__ == "__main__":
    main()
