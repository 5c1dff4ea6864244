"""What a person thinks of a run's replies, as every view shows it."""

from __future__ import annotations

from mipro_nb.runs.sentences.wording import counted
from mipro_nb.runs.state import RunState
from mipro_nb.runs.statistics.agreement import Agreement, agreement_of
from mipro_nb.runs.view_model import RatingsView


def ratings_view(state: RunState) -> RatingsView | None:
    """Return how many replies are rated good and bad; None where none is rated."""
    if not state.ratings:
        return None
    good = sum(rated.rating == "good" for rated in state.ratings.values())
    bad = len(state.ratings) - good
    told = f"{counted(len(state.ratings), 'rating')} of replies: {good:,} good, {bad:,} bad."
    return {"good": good, "bad": bad, "told": [told, *_agreement_lines(agreement_of(state))]}


def _agreement_lines(agreed: Agreement) -> list[str]:
    if agreed.share is None:
        return []
    same = agreed.both_good + agreed.both_bad
    told = (
        f"The metric agrees with {same:,} of {counted(agreed.replies, 'rating')} "
        f"({100 * agreed.share:.1f} %); scores of {agreed.threshold:g} and more count as good."
    )
    return [told, _kappa_text(agreed)]


def _kappa_text(agreed: Agreement) -> str:
    if agreed.kappa is None:
        return "Cohen's kappa is not defined: both say the same of all replies."
    kappa = round(agreed.kappa, 2) + 0.0  # never "-0.00"
    return f"Cohen's kappa is {kappa:.2f}: 1 is full agreement, 0 what chance brings."
