"""What a run will cost: calls, tokens and USD by phase, each as expected, low and high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mipro_nb.amounts import UNKNOWN, format_count, format_range, format_tokens, format_usd
from mipro_nb.errors import InvalidArgumentError
from mipro_nb.models.gate.limits.caps import Caps
from mipro_nb.runs import view_model as vm
from mipro_nb.runs.events import Phase


@dataclass(frozen=True)
class Amount:
    """A quantity that is not known yet: at least, probably, at most."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Amount) -> Amount:
        return Amount(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def at_most(self, bound: float) -> Amount:
        """Return the quantity where it cannot exceed `bound`."""
        return Amount(min(self.low, bound), min(self.expected, bound), min(self.high, bound))

    def to_dict(self) -> vm.Range:
        """Return the quantity as JSON-able values."""
        return {"low": self.low, "expected": self.expected, "high": self.high}

    def text(self, form: Callable[[float], str]) -> str:
        """Return ``expected (low to high)``, each written by `form`."""
        return format_range(self.to_dict(), form)


NOTHING = Amount(0, 0, 0)
ALL = Amount(1, 1, 1)


def exactly(value: float) -> Amount:
    """Return a quantity that is known."""
    return Amount(value, value, value)


@dataclass(frozen=True)
class PhaseEstimate:
    """What one phase will cost.

    Attributes
    ----------
    calls
        LM calls.
    input_tokens, output_tokens
        Tokens of all of them together.
    usd
        Their price; None if a model's price is not known.
    """

    phase: Phase
    calls: Amount
    input_tokens: Amount
    output_tokens: Amount
    usd: Amount | None

    def __add__(self, other: PhaseEstimate) -> PhaseEstimate:
        known = self.usd is not None and other.usd is not None
        return PhaseEstimate(
            self.phase,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd if known else None,  # type: ignore[operator]
        )

    def times(self, often: Amount) -> PhaseEstimate:
        """Return what it will cost if every call is sent so many times, in the mean."""
        return PhaseEstimate(
            self.phase,
            self.calls * often,
            self.input_tokens * often,
            self.output_tokens * often,
            None if self.usd is None else self.usd * often,
        )

    def to_dict(self) -> vm.PhaseEstimateView:
        """Return the estimate as JSON-able values."""
        return {
            "phase": self.phase,
            "calls": self.calls.to_dict(),
            "input_tokens": self.input_tokens.to_dict(),
            "output_tokens": self.output_tokens.to_dict(),
            "usd": None if self.usd is None else self.usd.to_dict(),
        }


@dataclass(frozen=True)
class Estimate:
    """What a run will cost, by phase.

    Attributes
    ----------
    phases
        A part for each.
    guess
        Why it is a guess, as words that follow "since"; None if it rests on the program's calls.
    hedging
        What of it is for slow calls that are sent twice, a sentence; None if none are.
    unpriced
        Why prices of models are not known and how to give them, each a part of a sentence.
    """

    phases: Sequence[PhaseEstimate] = ()
    guess: str | None = None
    hedging: str | None = None
    unpriced: Sequence[str] = ()

    @property
    def total(self) -> PhaseEstimate:
        """Return the sum of the phases."""
        total = PhaseEstimate("other", NOTHING, NOTHING, NOTHING, NOTHING)
        for phase in self.phases:
            total = total + phase
        return total

    def check_caps(self, caps: Caps) -> None:
        """Return if `caps` can be kept in a run of this estimate.

        Raises
        ------
        InvalidArgumentError
            If USD are capped and the price of a model is not known.
        """
        if caps.max_usd is not None and self.total.usd is None:
            raise InvalidArgumentError(
                "max_usd",
                caps.max_usd,
                f"{'; '.join(self.unpriced)}; or give max_calls or max_tokens instead.",
            )

    def to_dict(self) -> vm.EstimateView:
        """Return the estimate as JSON-able values, with its total."""
        return {
            "phases": [phase.to_dict() for phase in self.phases],
            "total": self.total.to_dict(),
            "guess": self.guess,
            "hedging": self.hedging,
        }

    def text(self) -> str:
        """Return the estimate as a table of text: expected (low to high)."""
        rows: list[tuple[str, ...]] = [
            ("estimate", "LM calls", "input tokens", "output tokens", "USD")
        ]
        rows += [_row(phase.phase, phase) for phase in self.phases]
        rows.append(_row("total", self.total))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(("", *map(str.ljust, row, widths))).rstrip() for row in rows]
        if self.hedging is not None:
            lines.append(f"  {self.hedging}")
        if self.guess is not None:
            lines.append(f"  A guess, since {self.guess}.")
        return "\n".join(lines)


def with_test(planned: Mapping[str, Any], test: Estimate) -> dict[str, Any]:
    """Return the estimate of a run and its test, {} where that of the run is not a whole one.

    Parameters
    ----------
    planned
        That of the run, as its event tells it; a test that was begun before may be in it.
    test
        That of the test.
    """
    try:
        phases = [_as_told(phase) for phase in planned["phases"] if phase["phase"] != "test"]
        guess, hedging = planned.get("guess"), planned.get("hedging")
    except (KeyError, TypeError):  # it came with a file that says something else
        return {}
    both = Estimate([*phases, *test.phases], guess or test.guess, hedging or test.hedging)
    return dict(both.to_dict())


def _as_told(phase: Mapping[str, Any]) -> PhaseEstimate:
    def amount(name: str) -> Amount:
        return Amount(**phase[name])

    usd = None if phase["usd"] is None else amount("usd")
    return PhaseEstimate(
        phase["phase"], amount("calls"), amount("input_tokens"), amount("output_tokens"), usd
    )


def _row(name: str, estimate: PhaseEstimate) -> tuple[str, ...]:
    return (
        name,
        estimate.calls.text(format_count),
        estimate.input_tokens.text(format_tokens),
        estimate.output_tokens.text(format_tokens),
        UNKNOWN if estimate.usd is None else estimate.usd.text(format_usd),
    )
