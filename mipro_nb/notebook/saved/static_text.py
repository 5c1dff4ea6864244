"""Views as plain text, for terminals and for front ends that show nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mipro_nb.amounts import (
    caps_texts,
    format_about,
    format_count,
    format_duration,
    format_points,
    format_range,
    format_score,
    format_time,
    format_tokens,
    format_usd,
)
from mipro_nb.notebook.plain import visible
from mipro_nb.notebook.saved.static_result import (
    effects_tables,
    measured_rows,
    result_lines,
    result_sentences,
    scores_rows,
)
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.results.headroom import HEAD as HEAD_OF_HEADROOM
from mipro_nb.runs.sentences.results.headroom import headroom_table
from mipro_nb.runs.sentences.results.measured_formats import HEAD, formats_rows
from mipro_nb.runs.sentences.results.objectives import HEAD as OBJECTIVES_HEAD
from mipro_nb.runs.sentences.results.objectives import objectives_rows
from mipro_nb.runs.sentences.resume import (
    NOTHING_SCORED,
    RESUMABLE,
    failed_text,
    hedged_text,
)
from mipro_nb.runs.sentences.wording import configuration_text, counted, data_text, measured_text

_LONGEST_LINE = 300
_LONGEST_CELL = 60
_MOST_RUNS = 50
_MOST_MEASURED = 20
_MOST_ON_FRONT = 20
_MOST_NOTE_LINES = 40


_UNRATED: vm.RatingsView = {"good": 0, "bad": 0, "told": []}


def run_text(snapshot: vm.RunSnapshot) -> str:
    """Return a run as text: how it stands, its scores, and what it spent of its estimate."""
    summary = snapshot["summary"]
    lines = [f"Run {summary['id']}: {summary['state']}, {format_duration(summary['seconds'])}"]
    if told := notice(summary):
        lines.append(f"  {told}")
    how = [*resume_lines(summary), resume_hint(summary)]
    lines += [f"  to resume it       {line}" for line in how if line]
    lines.append(f"  program            {summary['program']}")
    if result := summary["result"]:
        lines += _table(scores_rows(result))
        lines += [f"  {told}" for told in (*result_sentences(result), *result_lines(result))]
        lines += _effects_lines(result)
    lines += _headroom_lines(summary) if summary["measured_rows"] else _found_lines(snapshot)
    lines += [f"  note: {note.splitlines()[0]}" for note in summary["notes"] if note]
    if formats := summary["formats"]:
        lines.append(f"  prompt format      {formats['told']}")
        lines += _table([HEAD, *formats_rows(formats)])
    if objectives := summary["objectives"]:
        lines.append(f"  {objectives['told']}")
        lines += _table([OBJECTIVES_HEAD, *objectives_rows(objectives, most=_MOST_ON_FRONT)])
    lines += _table(spend_rows(summary))
    lines += [f"  {told}" for told in spend_notes(summary)]
    return _joined(lines)


def _effects_lines(result: vm.ResultView) -> list[str]:
    lines = []
    for told, rows in effects_tables(result["effects"]) if result["effects"] else ():
        lines += [*(f"  {said}" for said in told), *_table(rows)]
    return lines


def _headroom_lines(summary: vm.RunSummary) -> list[str]:
    """Return what a run found that measures headroom and optimizes nothing."""
    headroom = summary["headroom"]
    if headroom is None:
        return []
    lines = _table([HEAD_OF_HEADROOM, *headroom_table(headroom)])
    lines += [f"  {told}" for told in headroom["told"]]
    head, *rows = measured_rows(headroom, _fields_text, _MOST_MEASURED)
    if rows:
        rest = headroom["rows"] - len(rows)
        lines += [*_table([head, *rows]), *([f"  … and {rest:,} more rows"] if rest else [])]
    return lines


def _fields_text(fields: Mapping[str, vm.Clip]) -> str:
    """Return the values of a row, each with its name where there are several."""
    if len(fields) == 1:
        return next(iter(fields.values()))["text"]
    return ", ".join(f"{name}: {clip['text']}" for name, clip in fields.items())


def _found_lines(snapshot: vm.RunSnapshot) -> list[str]:
    """Return what a run found that optimizes: the best program, the gain, and the evaluations."""
    summary, lines = snapshot["summary"], []
    if summary["baseline"] is not None:
        lines.append(f"  {STUDENT}   {format_score(summary['baseline'])}")
    if summary["best"] is not None:
        best = summary["best"]
        lines.append(f"  best program       {format_score(best['score'])}  ({best_text(best)})")
    elif summary["lives"] == "ended":
        lines.append(f"  best program       {NOTHING_SCORED}")
    if summary["gain"] is not None and not summary["result"]:
        lines.append(f"  {gain_text(summary['gain'])}")
    if (test := summary["test"]) and not summary["result"]:
        lines += [f"  {told}" for told in test["told"]]
    evaluations = counted(len(snapshot["trials"]), "evaluation")
    lines.append(f"  {evaluations}, {counted(summary['errors'], 'failed example')}")
    lines += [f"  {told}" for told in (summary["ratings"] or _UNRATED)["told"]]
    return lines


def best_text(best: vm.BestTrial) -> str:
    """Return what the best program is, and what its score rests on if that is not the valset."""
    what = configuration_text(best["configuration"], best["format"])
    return f"{what}; {best['rests']}" if best["rests"] else what


def sizes_text(about: vm.RunSummary | vm.PermissionRequest) -> str:
    """Return how many rows there are to learn from, to validate on and to test on.

    Or how many headroom is measured on.
    """
    if about["measured_rows"]:
        return measured_text(about["trainset_size"], about["measured_rows"])
    return data_text(about["trainset_size"], about["valset_size"], about["testset_size"])


def left_texts(request: vm.PermissionRequest) -> list[str]:
    """Return what there is left to pay and how long it takes, a sentence each."""
    left, seconds = request["left"], request["seconds"]
    told = []
    if left is not None and left["calls"]["high"] == 0:
        told.append(f"Nothing left to pay. {left['told']}")
    elif left is not None:
        calls = format_range(left["calls"], format_count)
        usd = format_range(left["usd"], format_usd)
        told.append(f"{calls} LM calls left, USD: {usd}. {left['told']}")
    if seconds is not None:
        told.append(f"It takes {format_range(seconds, format_duration)}.")
    return [*told, *filter(None, [request["seconds_told"]])]


def purpose_text(request: vm.PermissionRequest) -> str:
    """Return which run is to go on, and for what; "" for a new one."""
    verb = "test" if request["tests"] else "resume"
    return "" if request["resumes"] is None else f", to {verb} run {request['resumes']}"


def permission_text(request: vm.PermissionRequest) -> str:
    """Return a question for permission as text: what would run, and what it would cost."""
    title = "Headroom of" if request["measured_rows"] else "MIPROv2 plan for"
    title = "Test of" if request["tests"] else title
    what = purpose_text(request)
    lines = [f"{title} {request['program']}{what}: {request['state']}"]
    lines += [f"  predictor  {name}: {text}" for name, text in request["predictors"].items()]
    lines += [f"  model      {role}: {name}" for role, name in request["models"].items()]
    lines.append(f"  data       {sizes_text(request)}")
    for note in request["notes"]:
        first, *rest = note.split("\n", _MOST_NOTE_LINES)  # the rest is code, line by line
        lines += [f"  note       {first}", *(f"             {line}" for line in rest)]
    lines += _table(estimate_rows(request["estimate"]))
    lines += [f"  left       {text}" for text in left_texts(request)]
    lines += ["  no cost"] if costs_nothing(request["estimate"]) else []
    lines += [f"  {note}" for note in estimate_notes(request["estimate"])]
    lines += [f"  at most    {text}" for text in caps_texts(request["caps"])]
    return _joined(lines)


def history_text(rows: Sequence[vm.HistoryRow]) -> str:
    """Return the history as text: a line per run, the newest first."""
    if not rows:
        return "No run is recorded yet."
    table = [("run", "created", "name", "state", "score", "trials", "calls", "USD")]
    table += [
        (
            row["id"],
            format_time(row["created"]),
            " ".join([row["name"], *(f"#{tag}" for tag in row["tags"])]),
            row["state"],
            scores_text(row["baseline"], row["score"]),
            format_count(row["trials"]),
            format_count(row["calls"]),
            format_about(format_usd(row["usd"]), row["about"]),
        )
        for row in rows[:_MOST_RUNS]
    ]
    lines = _table(table)
    if len(rows) > _MOST_RUNS:
        lines.append(f"  … and {len(rows) - _MOST_RUNS:,} older ones")
    lines += [f"  {told}" for told in history_notes(rows[:_MOST_RUNS])]
    return _joined(lines)


def comparison_text(comparison: vm.RunComparison) -> str:
    """Return a comparison as text: a column per run."""
    note = comparison["note"]
    return _joined([*([f"  {note}"] if note else []), *_table(comparison_rows(comparison))])


def notice(summary: vm.RunSummary) -> str:
    """Return what a reader has to know of how a run stands; nothing where it has finished."""
    state, reason = summary["state"], summary["reason"]
    if state in ("planned", "running", "paused"):
        because = f"{reason} " if reason else ""
        return (
            f"{because}This is how it stood at {format_time(summary['as_of'])}; "
            f"%mipro show {summary['id']} tells what became of it."
        )
    if state == "cut off":
        return (
            "It was cut off: the process that it ran in is gone. It can be resumed: what was "
            "answered is not paid for again."
        )
    return reason or ""


def resume_lines(summary: vm.RunSummary) -> list[str]:
    """Return the lines of code that resume a run which ended early; none for others."""
    return list(summary["resume_lines"]) if summary["state"] in RESUMABLE else []


def resume_hint(summary: vm.RunSummary) -> str:
    """Return how a run is resumed that no line can resume: a cell declares its program."""
    return summary["resume_hint"] or "" if summary["state"] in RESUMABLE else ""


def spend_notes(summary: vm.RunSummary) -> list[str]:
    """Return what the table of the spend does not tell: requests beyond the answered calls."""
    spend, lost = summary["spend"], summary["lost"]
    failed = failed_text(spend["attempts"], spend["calls"], spend["failed_calls"])
    hedged = hedged_text(spend["hedged_calls"])
    return [text for text in (lost["billed"], failed, hedged, lost["told"]) if text]


def history_notes(rows: Sequence[vm.HistoryRow]) -> list[str]:
    """Return what scores in a history rest on, and what costs leave out: calls maybe billed."""
    rests = [f"{row['id']}: scored {row['rests']}" for row in rows if row["rests"]]
    return rests + [f"{row['id']}: {row['billed']}" for row in rows if row["billed"]]


def gain_text(gain: vm.GainView) -> str:
    """Return the interval of the gain over the student."""
    low, high = format_points(gain["low"]), format_points(gain["high"])
    text = f"gain over the student: {low} to {high} (95 % interval)"
    return f"{text}: {gain['unclear']}" if gain["unclear"] else text


def scores_text(baseline: float | None, score: float | None) -> str:
    """Return a score with where it began: "0.0 → 92.5"."""
    return f"{format_score(baseline)} → {format_score(score)}"


def spend_rows(summary: vm.RunSummary) -> list[tuple[str, ...]]:
    """Return what each phase spent, beside what it was expected to."""
    estimate = summary["estimate"]
    expected = {phase["phase"]: phase for phase in estimate["phases"]} if estimate else {}
    total = estimate["total"] if estimate else None
    rows: list[tuple[str, ...]] = [
        ("phase", "calls", "estimated", "cached", "tokens in", "tokens out", "USD", "estimated")
    ]
    spends: list[tuple[str, vm.SpendView, vm.PhaseEstimateView | None]] = [
        (p["phase"], p["spend"], expected.get(p["phase"])) for p in summary["phases"]
    ]
    for name, spend, guess in [*spends, ("total", summary["spend"], total)]:
        rows.append(
            (
                name,
                format_count(spend["calls"]),
                format_range(guess["calls"], format_count) if guess else "–",
                format_count(spend["cached_calls"]),
                format_about(format_tokens(spend["input_tokens"]), spend["about"]),
                format_about(format_tokens(spend["output_tokens"]), spend["about"]),
                format_about(format_usd(spend["usd"]), spend["about"]),
                format_range(guess["usd"], format_usd) if guess else "–",
            )
        )
    return rows


def estimate_rows(estimate: vm.EstimateView) -> list[tuple[str, ...]]:
    """Return what each phase is expected to cost; no USD where every model is free."""
    free = costs_nothing(estimate)
    head = ("phase", "LM calls", "tokens in", "tokens out", "USD")
    rows: list[tuple[str, ...]] = [head[:-1] if free else head]
    named = [(phase["phase"], phase) for phase in estimate["phases"]]
    for name, phase in [*named, ("total", estimate["total"])]:
        row = (
            name,
            format_range(phase["calls"], format_count),
            format_range(phase["input_tokens"], format_tokens),
            format_range(phase["output_tokens"], format_tokens),
            format_range(phase["usd"], format_usd),
        )
        rows.append(row[:-1] if free else row)
    return rows


def estimate_notes(estimate: vm.EstimateView) -> list[str]:
    """Return what the table of an estimate does not tell: calls sent twice, and what is a guess."""
    guess = f"A guess, since {estimate['guess']}." if estimate["guess"] else None
    return [told for told in (estimate["hedging"], guess) if told]


def costs_nothing(estimate: vm.EstimateView) -> bool:
    """Tell whether every model is known to be free."""
    usd = estimate["total"]["usd"]
    return usd is not None and usd["high"] == 0


def comparison_rows(comparison: vm.RunComparison) -> list[tuple[str, ...]]:
    """Return a comparison as a table with a column per run; only settings that differ are told."""
    rows = [run["row"] for run in comparison["runs"]]
    table: list[tuple[str, ...]] = [
        ("", *(row["id"] for row in rows)),
        ("name", *(row["name"] for row in rows)),
        ("program", *(row["program"] for row in rows)),
        *_differing("{}", [{"metric": row["metric"] or "–", **row["rows"]} for row in rows]),
        ("state", *(row["state"] for row in rows)),
        (STUDENT, *(format_score(row["baseline"]) for row in rows)),
        ("score", *(_score_text(row) for row in rows)),
        ("trials", *(format_count(row["trials"]) for row in rows)),
        ("LM calls", *(format_count(row["calls"]) for row in rows)),
        ("USD", *(_cost_text(row) for row in rows)),
        ("time", *(format_duration(row["seconds"]) for row in rows)),
    ]
    table += _differing("{} model", [row["models"] for row in rows])
    table += _differing("{}", [row["settings"] for row in rows])
    return table


def _differing(label: str, columns: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a row for each name whose values differ."""
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [str(column.get(name, "–")) for column in columns]
        if len(set(values)) > 1:
            rows.append((label.format(name), *values))
    return rows


def _score_text(row: vm.HistoryRow) -> str:
    score = format_score(row["score"])
    return f"{score} {row['rests']}" if row["rests"] else score


def _cost_text(row: vm.HistoryRow) -> str:
    usd = format_about(format_usd(row["usd"]), row["about"])
    return f"{usd}, {row['billed']}" if row["billed"] else usd


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[_cut(_one_line(cell), _LONGEST_CELL) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(_cut(_one_line(line), _LONGEST_LINE) for line in lines)


def _one_line(text: str) -> str:
    return visible(text[:_LONGEST_LINE]).replace("\n", "␊").replace("\t", " ")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
