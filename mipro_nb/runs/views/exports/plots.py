"""Figures for papers: the trials of a run, its score against its cost, its candidates.

They are drawn without pyplot, so they need no display and leave its state alone; a notebook shows
them as they are returned, and ``figure.savefig("trials.pdf")`` keeps letters as letters.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mipro_nb.runs.configuration import STUDENT
from mipro_nb.runs.state import Choice, RunState
from mipro_nb.runs.statistics.interval import score_interval
from mipro_nb.runs.views.trial_row import trial_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from mipro_nb.runs.view_model import CurvePoint, TrialRow

# Of Okabe and Ito (2008), told apart also by colour-blind readers.
_BLUE, _ORANGE, _GREEN, _VERMILION, _PURPLE, _SKY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
)  # fmt: skip
_GREY = "#666666"
_LINES = (_BLUE, _VERMILION, _GREEN, _PURPLE, _ORANGE, _SKY)
_DASHES = ("-", "--", "-.", ":")
_WIDTH = 5.5  # inches: a column and a half
_HEIGHT = 3.4
_ROW_HEIGHT = 0.24
_LONGEST_LABEL = 40
_SCREEN_DPI = 144

_STYLE: Any = {  # matplotlib's own type lists every parameter that there is
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "text.parse_math": False,  # a name from a program is not a formula
    "text.usetex": False,
}
# Letters stay letters: 42 is TrueType, which every journal takes.
_FILES: Any = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "none"}


class RunFigure(Figure):
    """A figure that notebooks show without pyplot, saved with its letters as letters."""

    def savefig(self, *args: Any, **settings: Any) -> None:
        """Save the figure, with the parameters of matplotlib's own method."""
        with mpl.rc_context({**_STYLE, **_FILES}):
            super().savefig(*args, **settings)

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=_SCREEN_DPI)
        return content.getvalue()


def _styled() -> AbstractContextManager[None]:
    return mpl.rc_context(_STYLE)


def figure_of_trials(state: RunState) -> RunFigure:
    """Return a figure of the scores of all trials, in their order."""
    rows = [trial_row(state, number) for number in sorted(state.trials)]
    scored = [row for row in rows if row["score"] is not None]
    minibatches = [row for row in scored if row["kind"] == "minibatch"]
    full = [row for row in scored if row["kind"] != "minibatch"]
    with _styled():
        figure, axes = _new(_HEIGHT)
        if state.baseline is not None:
            axes.axhline(state.baseline, color=_GREY, linestyle="--", linewidth=1, label=STUDENT)
        if minibatches:
            axes.plot(
                [row["trial"] for row in minibatches],
                _scores(minibatches),
                linestyle="none",
                marker="o",
                markersize=4,
                markerfacecolor="none",
                color=_SKY,
                label="minibatch",
            )
        if full:
            numbers = [row["trial"] for row in full]
            axes.errorbar(
                numbers,
                _scores(full),
                yerr=_errors(full),
                linestyle="none",
                marker="D",
                markersize=5,
                capsize=2,
                elinewidth=1,
                color=_VERMILION,
                label="full evaluation, 95 % interval",
            )
            last = max(row["trial"] for row in scored)
            axes.step(
                [*numbers, last],
                _best_so_far(full, further=1),
                where="post",
                color=_BLUE,
                label="best so far",
            )
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(figure, axes, empty=not scored)
    return figure


def _scores(rows: Sequence[TrialRow]) -> list[float]:
    return [row["score"] or 0.0 for row in rows]


def _best_so_far(rows: Sequence[TrialRow], *, further: int) -> list[float]:
    """Return the best score up to each row, and the last of them `further` times more."""
    best: list[float] = []
    for score in _scores(rows):
        best.append(max([score, *best[-1:]]))
    return best + best[-1:] * further


def _errors(rows: Sequence[TrialRow]) -> list[list[float]]:
    """Return how far each interval reaches below and above its score."""
    points = [(row["score"] or 0.0, row["low"], row["high"]) for row in rows]
    below = [0.0 if low is None else max(0.0, score - low) for score, low, _ in points]
    above = [0.0 if high is None else max(0.0, high - score) for score, _, high in points]
    return [below, above]


def figure_of_curves(curves: Mapping[str, Sequence[CurvePoint]]) -> RunFigure:
    """Return a figure of the best score so far against the cost, a line per run.

    The cost is in USD where it is known of all runs and not nothing, in LM calls elsewhere.
    """
    points = [point for curve in curves.values() for point in curve]
    dollars = all(point["usd"] is not None for point in points)
    dollars = dollars and any(point["usd"] for point in points)
    with _styled():
        figure, axes = _new(_HEIGHT)
        for place, (label, curve) in enumerate(curves.items()):
            axes.step(
                [(point["usd"] or 0.0) if dollars else point["calls"] for point in curve],
                [point["score"] for point in curve],
                where="post",
                marker="D",
                markersize=4,
                color=_LINES[place % len(_LINES)],
                linestyle=_DASHES[place // len(_LINES) % len(_DASHES)],
                label=_short(label),
            )
        axes.set_xlim(left=0)
        axes.set_xlabel("spent, USD" if dollars else "LM calls")
        _finish(figure, axes, empty=not points, legend=len(curves) > 1)
        axes.set_ylabel("best full score so far")
    return figure


def figure_of_candidates(state: RunState) -> RunFigure:
    """Return a figure of how each instruction and each demo set fared, a panel per predictor."""
    predictors = list(dict.fromkeys([*state.candidates, *state.demo_sets]))
    panels = [
        [Choice(name, "instruction", index) for index in sorted(state.candidates.get(name, ()))]
        + [Choice(name, "demos", index) for index in sorted(state.demo_sets.get(name, ()))]
        for name in predictors
    ]
    heights = [max(1, len(choices)) for choices in panels] or [1]
    with _styled():
        figure = RunFigure(
            figsize=(_WIDTH, 1.1 * len(heights) + _ROW_HEIGHT * sum(heights)), layout="constrained"
        )
        grid = figure.subplots(
            len(heights), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
        )
        for axes, choices in zip(grid[:, 0], panels, strict=False):
            _draw_candidates(axes, state, choices)
        bottom = grid[-1, 0]
        bottom.set_xlabel("mean score of the examples tried with it, 95 % interval")
        if not predictors:
            _say_empty(bottom, "no candidates yet")
    return figure


def _draw_candidates(axes: Axes, state: RunState, choices: Sequence[Choice]) -> None:
    axes.set_title(_short(choices[0].predictor), loc="left")
    axes.set_yticks(range(len(choices)), [_candidate_label(choice) for choice in choices])
    axes.set_ylim(len(choices) - 0.5, -0.5)
    for place, choice in enumerate(choices):
        tally = state.tallies.get(choice)
        if tally is None or tally.score is None:
            axes.annotate(
                "not tried", (0, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", color=_GREY, fontsize=7,
            )  # fmt: skip
            continue
        low, high = score_interval(tally.score, tally.examples)
        colour = _BLUE if choice.part == "instruction" else _VERMILION
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=colour, linewidth=1)
        marker = "o" if choice.part == "instruction" else "s"
        axes.plot([tally.score], [place], marker=marker, markersize=4, color=colour)
        axes.annotate(
            f"{tally.examples} examples", (1, place), xycoords=("axes fraction", "data"),
            xytext=(4, 0), textcoords="offset points", va="center", color=_GREY, fontsize=7,
        )  # fmt: skip


def _candidate_label(choice: Choice) -> str:
    kind = "instruction" if choice.part == "instruction" else "demo set"
    own = " (student's)" if choice.part == "instruction" and choice.index == 0 else ""
    return f"{kind} {choice.index}{own}"


def _new(height: float) -> tuple[RunFigure, Axes]:
    figure = RunFigure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _finish(figure: RunFigure, axes: Axes, *, empty: bool, legend: bool = True) -> None:
    axes.set_ylabel("score")
    if empty:
        _say_empty(axes, "no score yet")
    elif legend:
        figure.legend(loc="outside lower center", ncols=2)


def _say_empty(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=_GREY)


def _short(text: str) -> str:
    line = "".join(c if c.isprintable() else "�" for c in text)
    return line if len(line) <= _LONGEST_LABEL else f"{line[: _LONGEST_LABEL - 1]}…"
