"""What a notebook is saved with."""

from __future__ import annotations

import json

from mipro_nb.notebook.saved.bundle import EMPTY, bounded, mime_bundle


def row(number, kind, score):
    return {"trial": number, "kind": kind, "score": score}


def test_a_short_run_is_kept_whole():
    snapshot = {"trials": [row(0, "baseline", 20.0), row(1, "minibatch", None)]}
    assert bounded(snapshot) is snapshot


def test_of_a_long_run_full_evaluations_and_the_best_trials_are_kept():
    trials = [
        row(n, "full" if n % 10 == 0 else "minibatch", None if n == 1 else n / 25)
        for n in range(2500)
    ]
    kept = bounded({"trials": trials})
    assert (len(kept["trials"]), kept["left_out"]) == (1000, 1500)
    numbers = [r["trial"] for r in kept["trials"]]
    assert numbers == sorted(numbers)
    assert sum(r["kind"] == "full" for r in kept["trials"]) == 250
    assert numbers[-1] == 2499
    assert 1 not in numbers


def test_a_view_of_nothing_is_still_a_bundle():
    bundle = mime_bundle("run", EMPTY)
    assert json.loads(json.dumps(bundle)) == bundle
    assert bundle["application/vnd.mipro.run+json"]["run"] is None
