"""A run told in a few lines of text: score, gain, spend against estimate."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from mipro_nb.amounts import (
    format_count,
    format_duration,
    format_points,
    format_range,
    format_score,
    format_tokens,
    format_usd,
)
from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.sentences.instructions.approval import decided_text, waiting_text
from mipro_nb.runs.sentences.instructions.dropped import dropped_notes
from mipro_nb.runs.sentences.instructions.repairs import repair_lines
from mipro_nb.runs.sentences.replies.ratings import ratings_view
from mipro_nb.runs.sentences.replies.readings import reading_notes
from mipro_nb.runs.sentences.results.gain import gain_view, labelled_gain_view
from mipro_nb.runs.sentences.results.headroom import HEAD as HEAD_OF_HEADROOM
from mipro_nb.runs.sentences.results.headroom import headroom_table, headroom_view
from mipro_nb.runs.sentences.results.held_out import held_out_view
from mipro_nb.runs.sentences.results.measured_formats import (
    HEAD,
    as_columns,
    formats_rows,
    formats_view,
)
from mipro_nb.runs.sentences.results.objectives import HEAD as HEAD_OF_OBJECTIVES
from mipro_nb.runs.sentences.results.objectives import objectives_rows, objectives_view
from mipro_nb.runs.sentences.results.result import with_labelled
from mipro_nb.runs.sentences.resume import (
    NOTHING_SCORED,
    RESUMABLE,
    batched_text,
    begun_again,
    billed_text,
    failed_text,
    hedged_text,
    lost_text,
    reckoned_text,
    resume_lines,
)
from mipro_nb.runs.sentences.wording import (
    configuration_text,
    counted,
    measures_headroom,
    resting_text,
    told_reason,
    told_settings,
)
from mipro_nb.runs.state import RunState, Spend
from mipro_nb.runs.statistics.labelled import labelled_demos, labelled_evaluation
from mipro_nb.runs.view_model import GainView
from mipro_nb.runs.views.results.effects import format_effects

_MOST_ON_FRONT = 10


class _Amount(BaseModel):
    low: float
    expected: float
    high: float


class _Total(BaseModel):
    """What a report says about an estimate."""

    calls: _Amount
    usd: _Amount | None


def write_report(run_id: str, state: RunState) -> str:
    """Return the report of a run, finished or not, as lines of text."""
    lines = [f"Run {run_id}: {state.state}, {format_duration(state.seconds)}"]
    if reason := told_reason(state, state.state):
        lines.append(f"  {reason}")
    if state.state in RESUMABLE:
        how = resume_lines(run_id, state)[-1:] or [begun_again(state)]
        lines.append(f"  to resume it:      {how[0]}")
    lines += _format_lines(state)
    lines += _headroom_lines(state) if measures_headroom(state.planned) else _found_lines(state)
    if state.faults:
        lines.append(f"  faults met: {_faults(state.faults)}")
    lines += [f"  {note.text}" for note in state.notes]
    lines += [f"  {note}" for note in filter(None, (waiting_text(state), decided_text(state)))]
    lines += [f"  {note}" for note in dropped_notes(state)]
    lines += [f"  {note}" for note in reading_notes(state)]
    lines += _spend_lines(state)
    return "\n".join(lines)


def _headroom_lines(state: RunState) -> list[str]:
    """Return what a run found that measures headroom and optimizes nothing."""
    view = headroom_view(state)
    if view is None:
        return ["  headroom is not known: not all prompts are scored"]
    table = as_columns([HEAD_OF_HEADROOM, *headroom_table(view)])
    return [*(f"  {line}" for line in table), *(f"  {told}" for told in view["told"])]


def _found_lines(state: RunState) -> list[str]:
    """Return what a run found that optimizes: scores, gain, and what they rest on."""
    lines: list[str] = []
    if state.baseline is not None:
        lines.append(f"  {STUDENT}   {format_score(state.baseline):>6}  (full valset)")
    lines += _labelled_lines(state)
    best = state.best
    if best is not None and best.score is not None:
        what = _what(best.configuration, state.format_of(best.configuration))
        if not state.is_whole(best):
            what += f"; {resting_text(best.score, len(best.examples), state.valset_size)}"
        lines.append(f"  best program       {format_score(best.score):>6}  ({what})")
    elif state.state in RESUMABLE:
        lines.append(f"  best program       {NOTHING_SCORED}")
    if (gain := gain_view(state)) is not None:
        lines.append(_gain_line("gain", gain))
    if (gain := labelled_gain_view(state)) is not None:
        lines.append(_gain_line("gain over labelled demos", gain))
    if test := held_out_view(state):
        lines += [f"  {told}" for told in test["told"]]
    lines += [f"  {line}" for line in repair_lines(state)]
    lines += _objectives_lines(state)
    evaluations = counted(len(state.trials), "evaluation")
    lines.append(f"  {evaluations}, {counted(len(state.errors), 'failed example')}")
    lines += _ratings_lines(state)
    return lines


def _labelled_lines(state: RunState) -> list[str]:
    labelled = labelled_evaluation(state)
    if labelled is None:
        return []
    what = with_labelled(labelled_demos(state, labelled.configuration))
    if not state.is_whole(labelled):
        what += (
            f"; {resting_text(labelled.score or 0.0, len(labelled.examples), state.valset_size)}"
        )
    return [f"  labelled demos     {format_score(labelled.score):>6}  ({what})"]


def _format_lines(state: RunState) -> list[str]:
    measured = formats_view(state)
    if measured is not None:
        table = as_columns([HEAD, *formats_rows(measured)])
        effects = format_effects(state)
        return [
            f"  prompt format      {measured['told']}",
            *(f"    {line}" for line in table),
            *(f"  {line}" for line in (effects["told"] if effects else ())),
        ]
    settings = told_settings(state.planned.plan) if state.planned is not None else {}
    formats = settings.get("prompt_format")
    return [f"  prompt format      {formats}"] if isinstance(formats, str) else []


def _objectives_lines(state: RunState) -> list[str]:
    if (view := objectives_view(state)) is None:
        return []
    table = as_columns([HEAD_OF_OBJECTIVES, *objectives_rows(view, most=_MOST_ON_FRONT)])
    return [f"  {view['told']}", *(f"    {line}" for line in table)]


def _ratings_lines(state: RunState) -> list[str]:
    ratings = ratings_view(state)
    return [f"  {told}" for told in ratings["told"]] if ratings else []


def _what(configuration: dict[str, int], prompt_format: str | None) -> str:
    if not any(configuration.values()):
        return f"the {STUDENT}"
    return configuration_text(configuration, prompt_format)


def _faults(faults: dict[str, int]) -> str:
    often = sorted(faults.items(), key=lambda fault: (-fault[1], fault[0]))
    return ", ".join(f"{times:,} × {kind}" for kind, times in often)


def _gain_line(what: str, gain: GainView) -> str:
    low, high = format_points(gain["low"]), format_points(gain["high"])
    interval = f"  {what}, 95 % interval {low} … {high} points"
    return f"{interval}: {gain['unclear']}" if gain["unclear"] else interval


def _spend_lines(state: RunState) -> list[str]:
    lines = [f"  {'phase':<10} {'calls':>7} {'cached':>7} {'tokens in':>10} {'out':>8} {'USD':>9}"]
    lines += [_spend_line(phase, spend) for phase, spend in state.spend_by_phase.items()]
    lines.append(_spend_line("total", state.spend))
    if told := billed_text(state.unheard.usd):
        lines.append(f"  {told}")
    spend = state.spend
    if told := failed_text(spend.attempts, spend.calls, spend.failed_calls):
        lines.append(f"  {told}")
    if told := hedged_text(spend.hedged_calls):
        lines.append(f"  {told}")
    if told := lost_text(state.lost):
        lines.append(f"  {told}")
    if told := batched_text(state.batched):
        lines.append(f"  {told}")
    if told := reckoned_text(state.reckoned):
        lines.append(f"  {told}")
    estimate = _estimate_of(state)
    if estimate is not None:
        calls = format_range(estimate.calls.model_dump(), format_count)
        cost = format_range(estimate.usd.model_dump() if estimate.usd else None, format_usd)
        lines.append(f"  estimated  {calls} calls, cost {cost}")
    return lines


def _spend_line(phase: str, spend: Spend) -> str:
    told = (
        f"  {phase:<10} {format_count(spend.calls):>7} {format_count(spend.cached_calls):>7} "
        f"{format_tokens(spend.input_tokens):>10} {format_tokens(spend.output_tokens):>8} "
        f"{format_usd(spend.usd):>9}"
    )
    return f"{told}  (about)" if spend.about else told


def _estimate_of(state: RunState) -> _Total | None:
    try:
        return _Total.model_validate(state.planned.estimate["total"]) if state.planned else None
    except (KeyError, ValidationError):  # it came with a file that says something else
        return None
