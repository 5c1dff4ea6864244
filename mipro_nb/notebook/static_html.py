"""Views as static HTML, for saved notebooks that are read where no widget runs.

GitHub takes scripts, style sheets, classes, SVG and most inline styles out of a notebook's output.
So all of this is tables and ``<details>`` that read well by themselves; the few inline styles are
neutral in light and dark. Every text is escaped, with its control and direction characters made
visible and nothing in it taken for a formula, and each page is bounded in size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any

from mipro_nb.amounts import (
    caps_texts,
    format_about,
    format_count,
    format_duration,
    format_score,
    format_time,
    format_usd,
)
from mipro_nb.notebook.plain import visible
from mipro_nb.notebook.static_text import (
    best_text,
    comparison_rows,
    comparison_text,
    costs_nothing,
    estimate_rows,
    gain_text,
    guess_texts,
    history_notes,
    history_text,
    left_texts,
    notice,
    permission_text,
    resume_hint,
    resume_lines,
    run_text,
    scores_text,
    sizes_text,
    spend_notes,
    spend_rows,
)
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import STUDENT, variable_of
from mipro_nb.runs.sentences.measured_formats import HEAD, formats_rows
from mipro_nb.runs.sentences.repairs import lineage_text
from mipro_nb.runs.sentences.resume import NOTHING_SCORED
from mipro_nb.runs.sentences.wording import configuration_text, counted

__all__ = [
    "comparison_html",
    "comparison_text",
    "history_html",
    "history_text",
    "permission_html",
    "permission_text",
    "run_html",
    "run_text",
]

MOST_BYTES = 200_000
_BEST_TRIALS = 10
_MOST_TRIALS = 300
_MOST_EXAMPLES = 50
_MOST_RUNS = 200
_MOST_COMPARED = 20
_MOST_PREDICTORS = 50
_LONG_TEXT = 2000
_CELL_TEXT = 300
_BAR_CELLS = 10
_LONGEST_WORD = 40

_OPENING = '<div class="tex2jax_ignore mathjax_ignore" style="overflow-x:auto">'
_CELL_STYLE = "text-align:left;padding:2px 8px"
_LONG_CELL_STYLE = f"{_CELL_STYLE};overflow-wrap:anywhere"
_TEXT_STYLE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;text-align:left;padding:4px 8px;"
    "background:transparent;border-left:3px solid rgba(128,128,128,0.35)"
)
# Front ends look for formulas between these, but never across an element.
_FORMULA_SIGN = re.compile(r"[$\\]")


class _Page:
    """HTML that grows until it is full; what has no room left is counted, not shown."""

    def __init__(self) -> None:
        self._parts = [_OPENING]
        self._room = MOST_BYTES - 500
        self._left_out = 0

    def add(self, part: str) -> None:
        size = len(part.encode())
        if size > self._room:
            self._left_out += 1
            return
        self._room -= size
        self._parts.append(part)

    def html(self) -> str:
        if self._left_out:
            self._parts.append(_paragraph("There is more than fits here: the record has all."))
        return "".join([*self._parts, "</div>"])


def run_html(snapshot: vm.RunSnapshot) -> str:
    """Return a run: how it stands, scores, spend, trials, and the best program's prompts."""
    summary = snapshot["summary"]
    page = _Page()
    page.add(_heading(f"{summary['program']}: {summary['state']}", named=summary["name"]))
    if told := notice(summary):
        page.add(_paragraph(told))
    if lines := resume_lines(summary):
        page.add(_titled("To resume it", _code("\n".join(lines))))
    if hint := resume_hint(summary):
        page.add(_paragraph(f"To resume it, {hint}."))
    page.add(_table(None, _summary_rows(snapshot)))
    if formats := summary["formats"]:
        page.add(_titled(f"Prompt format: {formats['told']}", _table(HEAD, formats_rows(formats))))
    spent, *phases = spend_rows(summary)
    page.add(_titled("Spent, against what was estimated", _table(spent, phases)))
    for told in spend_notes(summary):
        page.add(_paragraph(told))
    trials, best = snapshot["trials"], summary["best"]
    best_trial = best["trial"] if best else None
    first = _first_trials(trials)
    if first:
        page.add(_titled("Full evaluations, and the best minibatches", _trials(first, best_trial)))
    page.add(_programs(snapshot))
    if len(trials) > len(first):
        shown = trials[-_MOST_TRIALS:]
        count = "All" if len(shown) == len(trials) else f"Latest {len(shown)} of"
        page.add(_details(f"{count} {len(trials):,} trials", _trials(shown, best_trial)))
    for detail in snapshot["details"]:
        page.add(_examples(detail))
    page.add(_candidates(snapshot))
    return page.html()


def permission_html(request: vm.PermissionRequest) -> str:
    """Return a question for permission: what would run, what it would cost, what was answered."""
    page = _Page()
    states = {
        "asked": "waits for permission",
        "permitted": "permitted",
        "joined": "joined a run that goes on",
        "declined": "declined",
    }
    resumed = request["resumes"]
    what = "" if resumed is None else f", to resume run {resumed}"
    page.add(_heading(f"{request['program']}{what}: {states[request['state']]}"))
    rows = [("predictor", f"{name}: {text}") for name, text in request["predictors"].items()]
    rows += [("model", f"{role}: {name}") for role, name in request["models"].items()]
    rows.append(("data", sizes_text(request)))
    rows += [("at most", text) for text in caps_texts(request["caps"])]
    notes = [note.partition("\n") for note in request["notes"]]
    rows += [("note", first) for first, _, code in notes if not code]
    page.add(_table(None, rows))
    for first, _, code in notes:
        if code:
            page.add(_titled(first, _code(code)))
    estimate, *phases = estimate_rows(request["estimate"])
    page.add(_table(estimate, phases))
    if costs_nothing(request["estimate"]):
        page.add(_paragraph("No cost."))
    for told in (*left_texts(request), *guess_texts(request["estimate"])):
        page.add(_paragraph(told))
    page.add(_details("Settings", _table(None, _settings_rows(request["settings"]))))
    return page.html()


def history_html(rows: Sequence[vm.HistoryRow]) -> str:
    """Return the history: a line per run, the newest first."""
    page = _Page()
    page.add(_heading(counted(len(rows), "recorded run") if rows else "No run is recorded yet"))
    if not rows:
        return page.html()
    head = ("run", "created", "name", "program", "state", "score", "trials", "calls", "USD", "time")
    page.add(
        _table(
            head,
            [
                (
                    row["id"],
                    format_time(row["created"]),
                    " ".join([row["name"], *(f"#{tag}" for tag in row["tags"])]),
                    row["program"],
                    row["state"],
                    scores_text(row["baseline"], row["score"]),
                    format_count(row["trials"]),
                    format_count(row["calls"]),
                    format_about(format_usd(row["usd"]), row["about"]),
                    format_duration(row["seconds"]),
                )
                for row in rows[:_MOST_RUNS]
            ],
        )
    )
    if len(rows) > _MOST_RUNS:
        page.add(_paragraph(f"… and {len(rows) - _MOST_RUNS:,} older ones."))
    for told in history_notes(rows[:_MOST_RUNS]):
        page.add(_paragraph(told))
    return page.html()


def comparison_html(comparison: vm.RunComparison) -> str:
    """Return runs side by side: scores, cost, settings that differ, instructions."""
    runs = comparison["runs"][:_MOST_COMPARED]
    page = _Page()
    page.add(_heading(f"{counted(len(comparison['runs']), 'run')} compared"))
    if comparison["note"]:
        page.add(_paragraph(comparison["note"]))
    head, *rows = comparison_rows({**comparison, "runs": runs})
    page.add(_table(head, rows))
    for run in runs:
        points = [
            (
                format_count(point["calls"]),
                format_usd(point["usd"]),
                format_duration(point["seconds"]),
                _bar_text(point["score"]),
            )
            for point in run["curve"]
        ]
        name = f"{run['row']['name']} ({run['row']['id']})"
        curve = _table(("LM calls", "USD", "time", "best full score so far"), points)
        page.add(_details(f"{name}: score against cost", curve))
        texts = [_labelled(label, clip) for label, clip in run["instructions"].items()]
        page.add(_details(f"{name}: instructions", *texts))
    return page.html()


def _summary_rows(snapshot: vm.RunSnapshot) -> list[tuple[str, str]]:
    summary, trials = snapshot["summary"], len(snapshot["trials"])
    rows = [(STUDENT, _bar_text(summary["baseline"]))]
    if summary["best"] is not None:
        what = best_text(summary["best"])
        rows.append(("best program", f"{_bar_text(summary['best']['score'])} {what}"))
    elif summary["lives"] == "ended":
        rows.append(("best program", NOTHING_SCORED))
    if summary["gain"] is not None:
        rows.append(("", gain_text(summary["gain"])))
    if test := summary["test"]:
        rows += [("on the testset", told) for told in test["told"][:1]]
        rows += [("", told) for told in test["told"][1:]]
    rows += [("predictor", f"{name}: {text}") for name, text in summary["predictors"].items()]
    rows += [("model", f"{role}: {name}") for role, name in summary["models"].items()]
    rows.append(("data", sizes_text(summary)))
    rows.append(("evaluations", f"{trials:,}, {counted(summary['errors'], 'failed example')}"))
    rows.append(("time", format_duration(summary["seconds"])))
    rows += [("at most", text) for text in caps_texts(summary["caps"])]
    rows += [("note", note) for note in summary["notes"]]
    rows.append(("run", " ".join([summary["id"], *(f"#{tag}" for tag in summary["tags"])])))
    return rows


def _settings_rows(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in islice(settings.items(), 100)]


def _first_trials(trials: Sequence[vm.TrialRow]) -> list[vm.TrialRow]:
    """Return the trials that matter most: full evaluations, and the best of the others."""
    scored = [row for row in trials if row["score"] is not None]
    full = [row for row in scored if row["kind"] != "minibatch"]
    others = [row for row in scored if row["kind"] == "minibatch"]
    by_score = sorted(full, key=_worst_last)[: 3 * _BEST_TRIALS]
    by_score += sorted(others, key=_worst_last)[:_BEST_TRIALS]
    return sorted(by_score, key=lambda row: row["trial"])


def _worst_last(row: vm.TrialRow) -> float:
    return -(row["score"] or 0.0)


def _trials(rows: Sequence[vm.TrialRow], best: int | None) -> str:
    head = ("trial", "kind", "tried", "score", "95 % interval", "examples", "calls", "USD", "time")
    return _table(
        head,
        [
            (
                f"{row['trial']}{' ★' if row['trial'] == best else ''}",
                row["kind"],
                configuration_text(row["configuration"]),
                row["state"] if row["score"] is None else _bar_text(row["score"]),
                "–"
                if row["low"] is None
                else f"{format_score(row['low'])} – {format_score(row['high'])}",
                f"{row['examples']:,}" + (f", {row['reused']} reused" if row["reused"] else ""),
                format_count(row["calls"]),
                format_about(format_usd(row["usd"]), row["about"]),
                format_duration(row["seconds"]),
            )
            for row in rows
        ],
    )


def _programs(snapshot: vm.RunSnapshot) -> str:
    """Return the best program's instructions and demos, beside the student's instructions."""
    best = snapshot["summary"]["best"]
    configuration = best["configuration"] if best else {}
    instructions = {(c["predictor"], c["index"]): c for c in snapshot["instructions"]}
    demo_sets = {(c["predictor"], c["index"]): c for c in snapshot["demo_sets"]}
    parts = []
    for name in islice(dict.fromkeys(predictor for predictor, _ in instructions), _MOST_PREDICTORS):
        chosen = configuration.get(variable_of(name, "instruction"), 0)
        if (name, chosen) in instructions:
            parts.append(_labelled(name, instructions[name, chosen]["instruction"]))
        if chosen != 0 and (name, 0) in instructions:
            own = instructions[name, 0]["instruction"]
            parts.append(_details(f"{name}: the student's instruction", _long(own)))
        demo_set = demo_sets.get((name, configuration.get(variable_of(name, "demos"), -1)))
        if demo_set is not None and demo_set["demos"]:
            parts.append(_demos(f"{name}: {counted(demo_set['demos'], 'demo')}", demo_set))
    return (
        _details("The best program: instructions and demos", *_fitting(parts, 40_000))
        if parts
        else ""
    )


def _candidates(snapshot: vm.RunSnapshot) -> str:
    parts = []
    for card in snapshot["instructions"]:
        score = f"{format_score(card['score'])} over {counted(card['examples'], 'example')}"
        marks = ["pinned"] * card["pinned"] + ["banned"] * card["banned"]
        tip = f"tip: {card['tip']}" if card["tip"] else ""
        lineage = lineage_text(card["source"], card["based_on"], card["evidence"])
        about = ", ".join(filter(None, [card["source"], tip, lineage, *marks]))
        title = f"{card['predictor']}, instruction {card['index']} ({about}): {score}"
        parts.append(_labelled(title, card["instruction"]))
    return _details("All instructions", *_fitting(parts, 40_000)) if parts else ""


def _demos(title: str, demo_set: vm.DemoSetCard) -> str:
    parts = [
        _table(None, [(name, _clip_text(clip, _CELL_TEXT)) for name, clip in demo.items()])
        for demo in demo_set["preview"]
    ]
    if demo_set["demos"] > len(parts):
        parts.append(_paragraph(f"… and {demo_set['demos'] - len(parts):,} more."))
    return _details(title, *parts)


def _examples(detail: vm.TrialDetail) -> str:
    trial, examples = detail["trial"], detail["examples"]
    head = ("example", "inputs", "expected", "prediction", "score", "feedback, error or note")
    rows = [
        (
            str(example["example"]),
            _fields_text(example["inputs"]),
            _fields_text(example["expected"]),
            _fields_text(example["prediction"] or {}),
            "–" if example["score"] is None else f"{example.get('points', example['score']):.2f}",
            "\n".join(
                _clip_text(told, _CELL_TEXT)
                for told in (example["feedback"], example["error"], *example.get("notes", ()))
                if told is not None
            ),
        )
        for example in examples[:_MOST_EXAMPLES]
    ]
    title = f"Trial {trial['trial']} ({configuration_text(trial['configuration'])}): examples"
    rest = len(examples) - len(rows)
    more = [_paragraph(f"… and {rest:,} more.")] if rest > 0 else []
    return _details(title, *_prompts(detail["prompts"]), _table(head, rows, 20_000), *more)


def _prompts(prompts: Sequence[vm.Prompt]) -> list[str]:
    parts = []
    for prompt in prompts[:_MOST_PREDICTORS]:
        title = f"{prompt['predictor']}: prompt as sent for example {prompt['example']}"
        messages = [
            _labelled(message["role"], message["content"]) for message in prompt["messages"]
        ]
        parts.append(_details(title, *_fitting(messages, 10_000)))
    return _fitting(parts, 20_000)


def _fields_text(fields: Mapping[str, vm.Clip]) -> str:
    return "\n".join(f"{name}: {_clip_text(clip, _CELL_TEXT)}" for name, clip in fields.items())


def _clip_text(clip: vm.Clip, limit: int) -> str:
    text = clip["text"][:limit]
    rest = clip["characters"] - len(text)
    return f"{text}… ({clip['characters']:,} characters)" if rest > 0 else text


def _bar_text(score: float | None) -> str:
    """Return a score with a bar of letters, which no front end takes away."""
    if score is None:
        return format_score(score)
    full = round(max(0.0, min(100.0, score)) / 100 * _BAR_CELLS)
    return f"{format_score(score)}\u00a0{'█' * full}{'░' * (_BAR_CELLS - full)}"


def _heading(text: str, named: str = "") -> str:
    more = f" · {_inline(named)}" if named and not text.startswith(named) else ""
    return f"<p><b>MIPROv2 · {_inline(text)}</b>{more}</p>"


def _titled(title: str, content: str) -> str:
    return f"<p><b>{_inline(title)}</b></p>{content}"


def _paragraph(text: str) -> str:
    return f"<p>{_inline(text, _LONG_TEXT)}</p>"


def _details(title: str, *parts: str) -> str:
    body = "".join(parts)
    return f"<details><summary>{_inline(title)}</summary>{body}</details>"


def _labelled(label: str, clip: vm.Clip) -> str:
    return _titled(label, _long(clip))


def _long(clip: vm.Clip) -> str:
    return _code(_clip_text(clip, _LONG_TEXT))


def _code(text: str) -> str:
    return f'<pre style="{_TEXT_STYLE}">{escape(visible(text))}</pre>'


def _inline(text: str, limit: int = _CELL_TEXT) -> str:
    shown = visible(text if len(text) <= limit else f"{text[:limit]}…")
    safe = _FORMULA_SIGN.sub(r"<span>\g<0></span>", escape(shown))
    return safe.replace("\n", "<br>")


def _table(head: Sequence[str] | None, rows: Iterable[Sequence[str]], room: int = 40_000) -> str:
    """Return a table of the first rows that fit into so many bytes, and how many do not."""
    lines = [_row("td", row) for row in rows]
    kept = lines[: _how_many_fit(lines, room)]
    if len(kept) < len(lines):
        kept.append(_row("td", [f"… and {len(lines) - len(kept):,} more"]))
    top = "" if head is None else f"<thead>{_row('th', head)}</thead>"
    return f"<table>{top}<tbody>{''.join(kept)}</tbody></table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(_cell(tag, text) for text in cells)}</tr>"


def _cell(tag: str, text: str) -> str:
    shown = _inline(text)
    # Elsewhere words stay whole: a table of narrow columns would break all of them.
    long = any(len(word) > _LONGEST_WORD for word in text[:_CELL_TEXT].split())
    return f'<{tag} style="{_LONG_CELL_STYLE if long else _CELL_STYLE}">{shown}</{tag}>'


def _fitting(parts: Sequence[str], room: int) -> list[str]:
    """Return the first of `parts` that fit into so many bytes, and a line for the rest."""
    count = _how_many_fit(parts, room)
    rest = len(parts) - count
    return [*parts[:count], *([_paragraph(f"… and {rest:,} more.")] if rest else [])]


def _how_many_fit(parts: Sequence[str], room: int) -> int:
    for count, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            return count
    return len(parts)
