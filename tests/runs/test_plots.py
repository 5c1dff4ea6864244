"""Figures for papers."""

from __future__ import annotations

import processes
import pytest
from handmade import BETTER, asked, planned, trial, whole_run, write

import mipro_nb as mipro
from mipro_nb.runs import events as ev

pytestmark = pytest.mark.slow

PLOTS = ("plot_trials", "plot_score_vs_cost", "plot_candidates")


def words(figure):
    """Everything that is written in a figure."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [text for artist in found if (text := str(artist.get_text()))]


def line(axes, label):
    return next(artist for artist in axes.lines if artist.get_label() == label)


def test_the_trials_are_drawn_with_their_scores(finished):
    (axes,) = finished.plot_trials().axes
    trials = finished.state.trials
    minibatches = {n: t.score for n, t in trials.items() if t.kind == "minibatch"}
    drawn = line(axes, "minibatch")
    assert dict(zip(*drawn.get_data(), strict=True)) == minibatches
    best = list(line(axes, "best so far").get_ydata())
    assert best == sorted(best)
    assert best[-1] == finished.state.ended.score
    assert set(line(axes, "student as given").get_ydata()) == {finished.state.baseline}
    (full,) = axes.containers
    assert list(full.lines[0].get_ydata()) == [
        t.score for t in trials.values() if t.kind != "minibatch"
    ]


def test_the_score_is_drawn_against_dollars(finished):
    (axes,) = finished.plot_score_vs_cost().axes
    (drawn,) = axes.lines
    spent, score = drawn.get_data()
    assert axes.get_xlabel() == "spent, USD"
    assert score[-1] == finished.state.ended.score
    assert 0 < spent[-1] <= finished.state.spend.usd


def test_without_prices_the_score_is_drawn_against_calls():
    events = [planned(), *whole_run()[1:4], *trial(0, "baseline", {}, 50.0)]
    events[3] = events[3].model_copy(update={"usd": None})
    write("run", events)
    (axes,) = mipro.runs.load("run").plot_score_vs_cost().axes
    assert axes.get_xlabel() == "LM calls"
    assert [list(values) for values in axes.lines[0].get_data()] == [[1], [50.0]]


def test_each_candidate_is_drawn_with_how_it_fared(finished):
    figure = finished.plot_candidates()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["plan", "solve.predict"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == "instruction 0 (student's)"
    assert "demo set 2" in labels
    tally = next(iter(finished.state.tallies.values()))
    assert f"{tally.examples} examples" in words(figure)


def test_runs_are_drawn_side_by_side():
    for run_id in ("one", "two"):
        write(run_id, whole_run())
    figure = mipro.runs.compare("one", "two").plot()
    (axes,) = figure.axes
    assert [drawn.get_label() for drawn in axes.lines] == ["name (one)", "name (two)"]


@pytest.mark.parametrize("plot", PLOTS)
def test_a_run_that_has_nothing_to_draw_says_so(plot):
    write("run", [planned()])
    write("empty", [])
    for run_id in ("run", "empty"):
        (axes,) = getattr(mipro.runs.load(run_id), plot)().axes
        assert any(text.get_text().startswith("no ") for text in axes.texts)


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_figures_are_files_whose_letters_are_letters(finished, tmp_path, plot, suffix):
    path = tmp_path / f"figure.{suffix}"
    getattr(finished, plot)().savefig(path)
    content = path.read_bytes()
    if suffix == "pdf":
        assert b"/FontFile2" in content  # TrueType
        assert b"/Type3" not in content
    if suffix == "svg":
        assert b"<text" in content
    assert len(content) > 3000


def test_a_notebook_shows_a_figure_as_it_is_returned(finished):
    assert finished.plot_trials()._repr_png_().startswith(b"\x89PNG")


def test_hostile_names_are_drawn_as_they_are(tmp_path):
    name = "$\\frac{1}{0}$ \x1b[31m \u202e _^{ % & #" + "x" * 1000
    variable = f"{name}:instruction"
    events = [
        planned(predictors={name: "a -> b"}),
        ev.CandidateProposed(predictor=name, index=0, instruction="i", source="student"),
        *trial(0, "baseline", {}, 50.0),
        asked(1, "full", {variable: 0}),
    ]
    write("run", events)
    figure = mipro.runs.load("run").plot_candidates()
    figure.savefig(tmp_path / "figure.pdf")
    (title,) = [axes.get_title(loc="left") for axes in figure.axes]
    assert title.startswith("$\\frac{1}{0}$ \ufffd[31m \ufffd _^{ % & #x")
    assert len(title) == 40
    assert BETTER


def test_figures_need_no_display_and_leave_the_users_settings_alone(finished):
    script = """
import sys
import mipro_nb as mipro
assert "matplotlib" not in sys.modules and "pandas" not in sys.modules
run = mipro.runs.load(sys.argv[1], sys.argv[2])
from matplotlib import rcParams
def settings():
    return {name: rcParams[name] for name in rcParams if name != "backend"}  # that loads pyplot
before = settings()
for plot in sys.argv[3:]:
    getattr(run, plot)()._repr_png_()
assert settings() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    processes.run(script, finished.id, finished.record.path, *PLOTS)
