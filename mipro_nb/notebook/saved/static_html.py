"""Views as static HTML, for saved notebooks that are read where no widget runs.

GitHub takes scripts, style sheets, classes, SVG and most inline styles out of a notebook's output.
So all of this is tables and ``<details>`` that read well by themselves; the few inline styles are
neutral in light and dark. Every text is escaped, with its control and direction characters made
visible and nothing in it taken for a formula, and each page is bounded in size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from mipro_nb.notebook.saved.html_parts import (
    CELL_TEXT,
    MOST_BYTES,
    Page,
    bar_text,
    clip_text,
    code,
    details,
    fitting,
    heading,
    labelled,
    long_text,
    paragraph,
    table,
    titled,
)
from mipro_nb.notebook.saved.static_result import demos_part, headroom_rows, result_parts
from mipro_nb.notebook.saved.static_text import (
    best_text,
    comparison_rows,
    comparison_text,
    costs_nothing,
    estimate_notes,
    estimate_rows,
    gain_text,
    history_notes,
    history_text,
    left_texts,
    notice,
    permission_text,
    purpose_text,
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
from mipro_nb.runs.sentences.instructions.repairs import lineage_text
from mipro_nb.runs.sentences.results.headroom import HEAD as HEAD_OF_HEADROOM
from mipro_nb.runs.sentences.results.headroom import headroom_table
from mipro_nb.runs.sentences.results.measured_formats import HEAD, formats_rows
from mipro_nb.runs.sentences.results.objectives import HEAD as OBJECTIVES_HEAD
from mipro_nb.runs.sentences.results.objectives import objectives_rows
from mipro_nb.runs.sentences.resume import NOTHING_SCORED
from mipro_nb.runs.sentences.wording import configuration_text, counted

__all__ = [
    "MOST_BYTES",
    "comparison_html",
    "comparison_text",
    "history_html",
    "history_text",
    "permission_html",
    "permission_text",
    "run_html",
    "run_text",
]

_BEST_TRIALS = 10
_MOST_TRIALS = 300
_MOST_EXAMPLES = 50
_MOST_RUNS = 200
_MOST_ON_FRONT = 50
_MOST_COMPARED = 20
_MOST_PREDICTORS = 50


def run_html(snapshot: vm.RunSnapshot) -> str:
    """Return a run: how it stands, scores, spend, trials, and the best program's prompts."""
    summary = snapshot["summary"]
    page = Page()
    page.add(heading(f"{summary['program']}: {summary['state']}", named=summary["name"]))
    if told := notice(summary):
        page.add(paragraph(told))
    if lines := resume_lines(summary):
        page.add(titled("To resume it", code("\n".join(lines))))
    if hint := resume_hint(summary):
        page.add(paragraph(f"To resume it, {hint}."))
    for part in result_parts(summary["result"], snapshot["demo_sets"]):
        page.add(part)
    page.add(table(None, _summary_rows(snapshot)))
    for part in _measured(summary):
        page.add(part)
    spent, *phases = spend_rows(summary)
    page.add(titled("Spent, against what was estimated", table(spent, phases)))
    for told in spend_notes(summary):
        page.add(paragraph(told))
    trials, best = snapshot["trials"], summary["best"]
    best_trial = best["trial"] if best else None
    first = _first_trials(trials)
    if first:
        page.add(titled("Full evaluations, and the best minibatches", _trials(first, best_trial)))
    page.add("" if summary["result"] else _programs(snapshot))
    if len(trials) > len(first):
        shown = trials[-_MOST_TRIALS:]
        count = "All" if len(shown) == len(trials) else f"Latest {len(shown)} of"
        page.add(details(f"{count} {len(trials):,} trials", _trials(shown, best_trial)))
    for part in _rows(snapshot):
        page.add(part)
    page.add(_candidates(snapshot))
    return page.html()


def _measured(summary: vm.RunSummary) -> Iterator[str]:
    """Yield the tables of headroom, of the prompt formats, and of what configurations take."""
    if headroom := summary["headroom"]:
        rows = headroom_table(headroom)
        told = "".join(map(paragraph, headroom["told"]))
        yield titled("Headroom", f"{table(HEAD_OF_HEADROOM, rows)}{told}")
        yield from headroom_rows(headroom)
    if formats := summary["formats"]:
        yield titled(f"Prompt format: {formats['told']}", table(HEAD, formats_rows(formats)))
    if objectives := summary["objectives"]:
        rows = objectives_rows(objectives, most=_MOST_ON_FRONT)
        told = f"Score and cost per example: {objectives['told']}"
        yield titled(told, table(OBJECTIVES_HEAD, rows))


def permission_html(request: vm.PermissionRequest) -> str:
    """Return a question for permission: what would run, what it would cost, what was answered."""
    page = Page()
    states = {
        "asked": "waits for permission",
        "permitted": "permitted",
        "joined": "joined a run that goes on",
        "declined": "declined",
    }
    program = request["program"]
    named = f"headroom of {program}" if request["measured_rows"] else program
    named = f"Test of {program}" if request["tests"] else named
    page.add(heading(f"{named}{purpose_text(request)}: {states[request['state']]}"))
    rows = [("predictor", f"{name}: {text}") for name, text in request["predictors"].items()]
    rows += [("model", f"{role}: {name}") for role, name in request["models"].items()]
    rows.append(("data", sizes_text(request)))
    rows += [("at most", text) for text in caps_texts(request["caps"])]
    notes = [note.partition("\n") for note in request["notes"]]
    rows += [("note", first) for first, _, listing in notes if not listing]
    page.add(table(None, rows))
    for first, _, listing in notes:
        if listing:
            page.add(titled(first, code(listing)))
    estimate, *phases = estimate_rows(request["estimate"])
    page.add(table(estimate, phases))
    if costs_nothing(request["estimate"]):
        page.add(paragraph("No cost."))
    for told in (*left_texts(request), *estimate_notes(request["estimate"])):
        page.add(paragraph(told))
    page.add(details("Settings", table(None, _settings_rows(request["settings"]))))
    return page.html()


def history_html(rows: Sequence[vm.HistoryRow]) -> str:
    """Return the history: a line per run, the newest first."""
    page = Page()
    page.add(heading(counted(len(rows), "recorded run") if rows else "No run is recorded yet"))
    if not rows:
        return page.html()
    head = ("run", "created", "name", "program", "state", "score", "trials", "calls", "USD", "time")
    page.add(
        table(
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
        page.add(paragraph(f"… and {len(rows) - _MOST_RUNS:,} older ones."))
    for told in history_notes(rows[:_MOST_RUNS]):
        page.add(paragraph(told))
    return page.html()


def comparison_html(comparison: vm.RunComparison) -> str:
    """Return runs side by side: scores, cost, settings that differ, instructions."""
    runs = comparison["runs"][:_MOST_COMPARED]
    page = Page()
    page.add(heading(f"{counted(len(comparison['runs']), 'run')} compared"))
    if comparison["note"]:
        page.add(paragraph(comparison["note"]))
    head, *rows = comparison_rows({**comparison, "runs": runs})
    page.add(table(head, rows))
    for run in runs:
        points = [
            (
                format_count(point["calls"]),
                format_usd(point["usd"]),
                format_duration(point["seconds"]),
                bar_text(point["score"]),
            )
            for point in run["curve"]
        ]
        name = f"{run['row']['name']} ({run['row']['id']})"
        curve = table(("LM calls", "USD", "time", "best full score so far"), points)
        page.add(details(f"{name}: score against cost", curve))
        texts = [labelled(label, clip) for label, clip in run["instructions"].items()]
        page.add(details(f"{name}: instructions", *texts))
    return page.html()


def _summary_rows(snapshot: vm.RunSnapshot) -> list[tuple[str, str]]:
    summary, trials = snapshot["summary"], len(snapshot["trials"])
    rows = [] if summary["measured_rows"] else [(STUDENT, bar_text(summary["baseline"]))]
    if summary["best"] is not None:
        what = best_text(summary["best"])
        rows.append(("best program", f"{bar_text(summary['best']['score'])} {what}"))
    elif summary["lives"] == "ended" and not summary["measured_rows"]:
        rows.append(("best program", NOTHING_SCORED))
    # The result tells these itself.
    told = summary["result"] is not None
    if summary["gain"] is not None and not told:
        rows.append(("", gain_text(summary["gain"])))
    if (test := summary["test"]) and not told:
        rows += [("on the testset", told) for told in test["told"][:1]]
        rows += [("", told) for told in test["told"][1:]]
    rows += [("predictor", f"{name}: {text}") for name, text in summary["predictors"].items()]
    rows += [("model", f"{role}: {name}") for role, name in summary["models"].items()]
    rows.append(("data", sizes_text(summary)))
    if not summary["measured_rows"]:
        rows.append(("evaluations", f"{trials:,}, {counted(summary['errors'], 'failed example')}"))
    if ratings := summary["ratings"]:
        rows.append(("ratings", " ".join(ratings["told"])))
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
    return table(
        head,
        [
            (
                f"{row['trial']}{' ★' if row['trial'] == best else ''}",
                row["kind"],
                configuration_text(row["configuration"], row["format"]),
                row["state"] if row["score"] is None else bar_text(row["score"]),
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
            parts.append(labelled(name, instructions[name, chosen]["instruction"]))
        if chosen != 0 and (name, 0) in instructions:
            own = instructions[name, 0]["instruction"]
            parts.append(details(f"{name}: the student's instruction", long_text(own)))
        demo_set = demo_sets.get((name, configuration.get(variable_of(name, "demos"), -1)))
        if demo_set is not None and demo_set["demos"]:
            parts.append(demos_part(f"{name}: {counted(demo_set['demos'], 'demo')}", demo_set))
    return (
        details("The best program: instructions and demos", *fitting(parts, 40_000))
        if parts
        else ""
    )


def _candidates(snapshot: vm.RunSnapshot) -> str:
    parts = []
    for card in snapshot["instructions"]:
        score = f"{format_score(card['score'])} over {counted(card['examples'], 'example')}"
        marks = ["pinned"] * card["pinned"] + ["banned"] * card["banned"]
        marks += ["not decided yet"] * card["undecided"]
        tip = f"tip: {card['tip']}" if card["tip"] else ""
        lineage = lineage_text(card["source"], card["based_on"], card["evidence"])
        about = ", ".join(filter(None, [card["source"], tip, lineage, *marks]))
        title = f"{card['predictor']}, instruction {card['index']} ({about}): {score}"
        parts.append(labelled(title, card["instruction"]))
    return details("All instructions", *fitting(parts, 40_000)) if parts else ""


def _rows(snapshot: vm.RunSnapshot) -> Iterator[str]:
    """Yield what became of each row: in the trials that are saved, and in the test."""
    yield from map(_examples, snapshot["details"])
    if tested := snapshot.get("tested"):
        yield _test_rows(tested)


def _examples(detail: vm.TrialDetail) -> str:
    trial, examples = detail["trial"], detail["examples"]
    head = ("example", "inputs", "expected", "prediction", "score", "feedback, error, note, rating")
    rows = [
        (
            str(example["example"]),
            _fields_text(example["inputs"]),
            _fields_text(example["expected"]),
            _fields_text(example["prediction"] or {}),
            _score_text(example),
            "\n".join([*_said_of(example), *_rated(example)]),
        )
        for example in examples[:_MOST_EXAMPLES]
    ]
    tried = configuration_text(trial["configuration"], trial["format"])
    title = f"Trial {trial['trial']} ({tried}): examples"
    rest = len(examples) - len(rows)
    more = [paragraph(f"… and {rest:,} more.")] if rest > 0 else []
    return details(title, *_prompts(detail["prompts"]), table(head, rows, 20_000), *more)


def _test_rows(tested: vm.TestsetDetail) -> str:
    """Return the rows of the testset, and what became of each with student and result."""
    programs = ("student", "result") if tested["changed"] else ("student",)
    head = ("row", "inputs", "expected", "program", "prediction", "score", "feedback, error, note")
    shown = tested["rows"][:_MOST_EXAMPLES]
    rows = [
        (
            str(row["example"]),
            _fields_text(row["inputs"]),
            _fields_text(row["expected"]),
            program,
            _fields_text((reply and reply["prediction"]) or {}),
            _score_text(reply),
            "" if reply is None else "\n".join(_said_of(reply)),
        )
        for row in shown
        for program in programs
        for reply in (row["student"] if program == "student" else row["result"],)
    ]
    rest = len(tested["rows"]) - len(shown)
    more = [paragraph(f"… and {rest:,} more.")] if rest > 0 else []
    title = f"Test rows ({len(tested['rows']):,})"
    return details(title, paragraph(tested["told"]), table(head, rows, 20_000), *more)


def _score_text(reply: vm.ReplyDetail | None) -> str:
    if reply is None or reply["score"] is None:
        return "–"
    return f"{reply.get('points', reply['score']):.2f}"


def _said_of(reply: vm.ReplyDetail) -> Iterator[str]:
    """Yield what metric and program say of a reply."""
    for told in (reply["feedback"], reply["error"], *reply.get("notes", ())):
        if told is not None:
            yield clip_text(told, CELL_TEXT)


def _rated(example: vm.ExampleRow) -> Iterator[str]:
    """Yield what a person says of a reply."""
    if rated := example.get("rating"):
        why = rated["reason"]
        reason = f": {clip_text(why, CELL_TEXT)}" if why["text"] else ""
        yield f"rated {rated['rating']}{reason}"


def _prompts(prompts: Sequence[vm.Prompt]) -> list[str]:
    parts = []
    for prompt in prompts[:_MOST_PREDICTORS]:
        title = f"{prompt['predictor']}: prompt as sent for example {prompt['example']}"
        messages = [labelled(message["role"], message["content"]) for message in prompt["messages"]]
        parts.append(details(title, *fitting(messages, 10_000)))
    return fitting(parts, 20_000)


def _fields_text(fields: Mapping[str, vm.Clip]) -> str:
    return "\n".join(f"{name}: {clip_text(clip, CELL_TEXT)}" for name, clip in fields.items())
