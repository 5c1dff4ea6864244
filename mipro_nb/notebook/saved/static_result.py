"""What came of a run, in saved notebooks and in terminals: the card that live views begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import ndiff
from html import escape

from mipro_nb.amounts import MISSING, format_score
from mipro_nb.notebook.plain import visible
from mipro_nb.notebook.saved.html_parts import (
    CELL_TEXT,
    clip_text,
    details,
    labelled,
    paragraph,
    pre,
    table,
    titled,
)
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.sentences.instructions.changes import Change, changes
from mipro_nb.runs.sentences.results.effects import effects_rows, formats_rows, left_out_text
from mipro_nb.runs.sentences.wording import counted

_MOST_PREDICTORS = 50
_MOST_OUTCOMES = 30
_MOST_LINES = 40


def scores_rows(result: vm.ResultView) -> list[tuple[str, ...]]:
    """Return the scores: the student as given, with labelled demos, and the best program."""
    tested = any(row["test"] is not None for row in result["scores"])
    head = ("", "score", "95 % interval", "examples", "a call takes")
    rows = [
        (
            row["what"],
            format_score(row["score"]),
            _interval(row["low"], row["high"]),
            f"{row['examples']:,}",
            row["call"] or MISSING,
        )
        for row in result["scores"]
    ]
    if not tested:
        return [head, *rows]
    tests = [
        (format_score(row["test"]), _interval(row["test_low"], row["test_high"]))
        for row in result["scores"]
    ]
    columns = [("test score", "95 % interval"), *tests]
    return [(*row, *test) for row, test in zip([head, *rows], columns, strict=True)]


def result_sentences(result: vm.ResultView) -> list[str]:
    """Return what follows of the scores, one sentence after the other."""
    cost = [result["cost"]] if result["cost"] else []
    return [*result["gain"], *result["test"], *cost, result["failing_told"], *result["why"]]


def result_lines(result: vm.ResultView) -> list[str]:
    """Return what changed in the prompts as lines of text, those that are gone behind a "-"."""
    lines = []
    for prompt in result["prompts"]:
        before, after = prompt["before"], prompt["after"]
        lines.append(f"{prompt['predictor']}: {_what_changed(prompt)}")
        if before["text"] != after["text"]:
            changed = ndiff(_lines_of(before), _lines_of(after))
            lines += [f"  {line}" for line in changed if not line.startswith("?")][:_MOST_LINES]
    return lines


def result_parts(result: vm.ResultView | None, demo_sets: Sequence[vm.DemoSetCard]) -> list[str]:
    """Return what came of a run as HTML; nothing before its end."""
    if result is None:
        return []
    head, *rows = scores_rows(result)
    parts = [table(head, rows), *map(paragraph, result_sentences(result))]
    cards = {(card["predictor"], card["index"]): card for card in demo_sets}
    for prompt in result["prompts"][:_MOST_PREDICTORS]:
        name, before, after = prompt["predictor"], prompt["before"], prompt["after"]
        if before["text"] == after["text"]:
            parts.append(labelled(f"{name}: the instruction is as it was", before))
        else:
            changed = "".join(map(_change_html, changes(before["text"], after["text"])))
            parts.append(titled(f"{name}: your instruction, and the one found", pre(changed)))
        demo_set = cards.get((name, -1 if prompt["demo_set"] is None else prompt["demo_set"]))
        if demo_set is not None and prompt["demos"]:
            parts.append(demos_part(f"{name}: {counted(prompt['demos'], 'demo')}", demo_set))
    if result["outcomes"]:
        parts.append(_outcomes(result))
    if effects := result["effects"]:
        parts.append(_effects(effects))
    return parts


def effects_tables(effects: vm.EffectsView) -> Iterator[tuple[list[str], list[tuple[str, ...]]]]:
    """Give for each predictor what stands out, in sentences, and its table."""
    for each in effects["by_predictor"]:
        told = [*each["told"], *filter(None, [left_out_text(each)])]
        if len(effects["by_predictor"]) > 1:
            told = [f"{each['predictor']}: {said}" for said in told]
        yield told, effects_rows(each)
    if formats := effects["formats"]:
        yield list(formats["told"]), formats_rows(formats)


def demos_part(title: str, demo_set: vm.DemoSetCard) -> str:
    """Return the first demos of a demo set, folded."""
    parts = [
        table(None, [(name, clip_text(clip, CELL_TEXT)) for name, clip in demo.items()])
        for demo in demo_set["preview"]
    ]
    if demo_set["demos"] > len(parts):
        parts.append(paragraph(f"… and {demo_set['demos'] - len(parts):,} more."))
    return details(title, *parts)


def _change_html(change: Change) -> str:
    kind, text = change
    shown = escape(visible(text))
    if kind == "same":
        return shown
    tag = "del" if kind == "removed" else "ins"
    return f"<{tag}>{shown}</{tag}>"


def _outcomes(result: vm.ResultView) -> str:
    head = ("example", "inputs", "expected", "how it came out", "right in")
    rows = [
        (
            str(row["example"]),
            _fields(row["inputs"]),
            _fields(row["expected"]),
            row["verdict"],
            f"{row['right']:,} of {counted(row['tried'], 'configuration')}",
        )
        for row in result["outcomes"][:_MOST_OUTCOMES]
    ]
    rest = len(result["outcomes"]) - len(rows) + result["outcomes_left_out"]
    more = [paragraph(f"… and {rest:,} more.")] if rest else []
    return details("What still fails, and what was won and lost", table(head, rows, 20_000), *more)


def headroom_rows(headroom: vm.HeadroomView) -> Iterator[str]:
    """Yield the first of the measured rows, each with its score from every prompt."""
    head, *rows = measured_rows(headroom, _fields, _MOST_OUTCOMES)
    if rows:
        rest = headroom["rows"] - len(rows)
        more = [paragraph(f"… and {rest:,} more.")] if rest else []
        yield details("The measured rows", table(head, rows, 20_000), *more)


def measured_rows(
    headroom: vm.HeadroomView, written: Callable[[dict[str, vm.Clip]], str], most: int
) -> list[tuple[str, ...]]:
    """Return the first of the measured rows below a head, each with its score from every prompt.

    Parameters
    ----------
    headroom
        What was measured.
    written
        Writes the fields of a row.
    most
        Rows at most.
    """
    head = ("row", "inputs", "expected", *(each["prompt"] for each in headroom["prompts"]))
    rows = (
        (
            str(row["example"]),
            written(row["inputs"]),
            written(row["expected"]),
            *("–" if score is None else f"{score:.4g}" for score in row["scores"]),
        )
        for row in headroom.get("examples", [])[:most]
    )
    return [head, *rows]


def _effects(effects: vm.EffectsView) -> str:
    parts = []
    for told, (head, *rows) in effects_tables(effects):
        parts += [*map(paragraph, told), table(head, rows, 20_000)]
    if effects["left_out"]:
        parts.append(paragraph(f"… and {counted(effects['left_out'], 'more predictor')}."))
    return details("What each instruction and demo set adds", paragraph(effects["told"]), *parts)


def _fields(fields: dict[str, vm.Clip]) -> str:
    return "\n".join(f"{name}: {clip_text(clip, CELL_TEXT)}" for name, clip in fields.items())


def _what_changed(prompt: vm.ResultPrompt) -> str:
    same = prompt["before"]["text"] == prompt["after"]["text"]
    instruction = "the instruction as it was" if same else "another instruction"
    return f"{instruction}, {counted(prompt['demos'], 'demo')}"


def _lines_of(clip: vm.Clip) -> list[str]:
    return clip["text"].splitlines()


def _interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{format_score(low)} – {format_score(high)}"
