"""What the scores of a rehearsal tell of the metric, its scale and its threshold."""

from __future__ import annotations

from collections.abc import Sequence

from mipro_nb.optimizer.estimating.rehearsing.seen import Seen
from mipro_nb.runs.sentences.wording import counted


def notes_on_scores(
    seen: Sequence[Seen], scale: int, name: str, program: str, metric_threshold: float | None
) -> list[str]:
    """Return notes on the scores that the metric `name` gave for what `program` made of rows.

    Parameters
    ----------
    seen
        What was seen on each row.
    scale
        What the metric gives for a full score.
    name, program
        Names of the metric and of the program.
    metric_threshold
        What a score must reach for its trace to make demos; None for anything above 0.
    """
    notes = []
    own = [each.score for each in seen if each.own_labels and each.score is not None]
    given = [each.score for each in seen if each.given_labels and each.score is not None]
    wrong = next((each.wrong_score for each in seen if each.wrong_score is not None), None)
    unread = next((each.unread for each in seen if each.unread is not None), None)
    if unread is not None and not any(each.score for each in seen):
        notes.append(unread)
    elif own and not any(own) and wrong:
        notes.append(
            f"The metric {name} gave 0 for the rows' own labels and {wrong:g} for a wrong "
            "answer, and the highest score wins: if it is a loss, return 1 / (1 + loss)."
        )
    elif own and not any(own):
        notes.append(
            f"The metric {name} gave 0 on {counted(len(own), 'rehearsed row')} although the "
            "answers were the rows' own labels: no prompt can score so. Look for a label and "
            "an answer of different types or spelling, or a slip in the metric."
        )
    elif own and metric_threshold is not None and max(own) < metric_threshold:
        notes.append(
            f"The metric {name} gave {max(own):g} at most although the answers were the rows' "
            f"own labels: no trace reaches metric_threshold={metric_threshold:g}, so no demo "
            "is bootstrapped."
        )
    elif given and not own and not any(given):
        notes.append(
            f"The metric {name} gave 0 on {counted(len(given), 'rehearsed row')} although the "
            f"predictors answered with the rows' own labels: what {program} makes of "
            "them scores nothing. Look at what it returns, or for a slip in the metric."
        )
    if scale != 1:
        notes.append(
            f"The metric {name} gives points of 100: scores are shown as it gives them, "
            "metric_threshold is in its units, and more than 100 is refused."
            + _threshold_wanted(metric_threshold)
        )
    elif any(each.asked_for_numbers for each in seen):
        notes.append(
            f"The metric {name} asks an LM for a number, which was made up: its scores are "
            "taken for 0–1, and any above 1 is refused. If it judges by points, divide them "
            "by the highest, or bound the field so that the rehearsal sees them (ge=0, le=100)."
        )
    return notes


def _threshold_wanted(metric_threshold: float | None) -> str:
    if metric_threshold is None:
        return " Any trace above 0 makes demos: give metric_threshold to keep only good ones."
    if 0 < metric_threshold <= 1:
        return f" metric_threshold={metric_threshold:g} is next to nothing of 100: is it meant so?"
    return ""
