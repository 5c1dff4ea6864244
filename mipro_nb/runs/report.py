"""A run told in a few lines of text: score, gain, spend against estimate."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from mipro_nb.runs.resuming import RESUMABLE, failed_text, lost_text, reckoned_text, resume_code
from mipro_nb.runs.state import RunState, Spend


class _Amount(BaseModel):
    low: float
    expected: float
    high: float


class _Total(BaseModel):
    """What a report tells of an estimate."""

    calls: _Amount
    usd: _Amount | None


def write_report(run_id: str, state: RunState) -> str:
    """Return the report of a run, finished or not, as lines of text."""
    lines = [f"Run {run_id}: {state.state}, {state.seconds:.0f} s"]
    ended = state.ended
    reason = ended.reason if ended is not None else state.pause_reason
    if reason:
        lines.append(f"  {reason}")
    if state.state in RESUMABLE:
        lines.append(f"  to carry it on:    {resume_code(run_id)}")
    if state.baseline is not None:
        lines.append(f"  student as given   {state.baseline:6.1f}  (full valset)")
    best = state.best
    if best is not None and best.score is not None:
        lines.append(f"  best program       {best.score:6.1f}  ({_what(best.configuration)})")
    if ended is not None and ended.gain_low is not None and ended.gain_high is not None:
        lines.append(_gain_line(ended.gain_low, ended.gain_high))
    lines.append(f"  {len(state.trials)} evaluations, {len(state.errors)} failed examples")
    if state.faults:
        lines.append(f"  faults met: {_faults(state.faults)}")
    lines += _spend_lines(state)
    return "\n".join(lines)


def _what(configuration: dict[str, int]) -> str:
    if not any(configuration.values()):
        return "the student as given"
    return ", ".join(f"{name} {value}" for name, value in sorted(configuration.items()))


def _faults(faults: dict[str, int]) -> str:
    often = sorted(faults.items(), key=lambda fault: (-fault[1], fault[0]))
    return ", ".join(f"{times:,} × {kind}" for kind, times in often)


def _gain_line(low: float, high: float) -> str:
    interval = f"  gain, 95 % interval {low:+.1f} … {high:+.1f} points"
    return interval if low > 0 else f"{interval}: no clear gain over the student"


def _spend_lines(state: RunState) -> list[str]:
    lines = [f"  {'phase':<10} {'calls':>7} {'cached':>7} {'tokens in':>10} {'out':>8} {'USD':>9}"]
    lines += [_spend_line(phase, spend) for phase, spend in state.spend_by_phase.items()]
    lines.append(_spend_line("total", state.spend))
    spend = state.spend
    if told := failed_text(spend.attempts, spend.calls, spend.failed_calls):
        lines.append(f"  {told}")
    if state.lost.calls:
        lines.append(f"  {lost_text(state.lost)}")
    if told := reckoned_text(state.reckoned):
        lines.append(f"  {told}")
    estimate = _estimate_of(state)
    if estimate is not None:
        lines.append(f"  estimated  {_range(estimate.calls)} calls, {_usd(estimate.usd)}")
    return lines


def _spend_line(phase: str, spend: Spend) -> str:
    usd = "unknown" if spend.usd is None else f"{spend.usd:.4f}"
    return (
        f"  {phase:<10} {spend.calls:>7,} {spend.cached_calls:>7,} "
        f"{spend.input_tokens:>10,} {spend.output_tokens:>8,} {usd:>9}"
    )


def _estimate_of(state: RunState) -> _Total | None:
    try:
        return _Total.model_validate(state.planned.estimate["total"]) if state.planned else None
    except (KeyError, ValidationError):  # it came with a file that says something else
        return None


def _range(amount: _Amount) -> str:
    return f"{amount.low:,.0f} – {amount.expected:,.0f} – {amount.high:,.0f}"


def _usd(amount: _Amount | None) -> str:
    if amount is None:
        return "USD unknown"
    return f"USD {amount.low:.4f} – {amount.expected:.4f} – {amount.high:.4f}"
