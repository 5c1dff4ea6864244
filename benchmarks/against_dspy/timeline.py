"""Calls in flight over time, and what they are for: a picture of what a run waits for.

python -m benchmarks.against_dspy.timeline [--threads 64] [--into benchmarks/timeline.png]

One optimization with a heavy tail of latencies, without hedging and as it is by default.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.against_dspy.processes import Loopback, measure

_LATENCIES = {"p50": 0.4, "p99": 4.0}
_SEED = 1
_MOMENTS = 400
_HEDGES: dict[str, bool | str] = {"hedge=False": False, 'hedge="tail", the default': "tail"}
# What calls are for, as events tell it, with the name and the colour of each: those of Okabe and
# Ito (2008), which colour-blind readers tell apart as well.
_WHAT = {
    "bootstrap": ("bootstrap", "#E69F00"),
    "propose": ("proposals", "#D55E00"),
    "baseline": ("the student", "#0072B2"),
    "minibatch": ("trials", "#56B4E9"),
    "full": ("full evaluations", "#009E73"),
    "sent twice": ("given up for the second one", "#000000"),
}


def draw(timelines: dict[str, list[dict[str, Any]]], threads: int) -> Figure:
    """Return the figure: one panel for each timeline, all with the same axes."""
    figure = Figure(figsize=(9, 2.6 * len(timelines)), layout="constrained")
    axes = figure.subplots(len(timelines), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for panel, (title, calls) in zip(axes, timelines.items(), strict=True):
        begin = min(call["begun"] for call in calls)
        wall = max(call["over"] for call in calls) - begin
        moments = np.linspace(0, wall, _MOMENTS)
        in_flight = [_in_flight(calls, what, begin + moments) for what in _WHAT]
        names, colours = zip(*_WHAT.values(), strict=True)
        panel.stackplot(moments, in_flight, labels=names, colors=colours, step="mid")
        panel.axhline(threads, color="0.6", linewidth=0.8)
        panel.set_title(f"{title}: {wall:.1f} s", loc="left")
        panel.set_ylabel("calls in flight")
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("seconds")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", frameon=False, ncols=3)
    return figure


def _in_flight(calls: list[dict[str, Any]], what: str, moments: Any) -> Any:
    of_kind = [call for call in calls if call["what"] == what]
    begun = np.sort([call["begun"] for call in of_kind])
    over = np.sort([call["over"] for call in of_kind])
    return np.searchsorted(begun, moments, "right") - np.searchsorted(over, moments, "right")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--into", type=Path, default=Path(__file__).parents[1] / "timeline.png")
    chosen = parser.parse_args()
    timelines = {}
    with Loopback() as server:
        for title, hedge in _HEDGES.items():
            (done,) = measure(
                "mipro_nb",
                "timeline",
                server,
                _LATENCIES,
                seeds=[_SEED],
                threads=chosen.threads,
                optimizer={"auto": "light", "hedge": hedge},
            )
            timelines[title] = done["timeline"]
    draw(timelines, chosen.threads).savefig(chosen.into, dpi=110)
    print(chosen.into)


if __name__ == "__main__":
    main()
