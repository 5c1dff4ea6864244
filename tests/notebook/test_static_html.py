"""Static output: what a saved notebook shows where no widget runs, whatever an LM wrote."""

from __future__ import annotations

import copy
import json
import re
import time
from dataclasses import asdict
from html.parser import HTMLParser

import pytest
import scripted_task
from hypothesis import given
from hypothesis import strategies as st

import mipro_nb as mipro
from mipro_nb.notebook.saved.static_html import (
    MOST_BYTES,
    comparison_html,
    comparison_text,
    history_html,
    history_text,
    permission_html,
    permission_text,
    run_html,
    run_text,
)
from mipro_nb.runs.sentences.resume import CELL_AGAIN, billed_text, lost_text
from mipro_nb.runs.usage import Usage
from mipro_nb.runs.views.drill_down.details import trial_detail
from mipro_nb.runs.views.view import RunView, told_caps

TAGS = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre"}
TAGS |= {"br", "span", "del", "ins"}
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
# What tells a view's form, and is ours: never from an LM.
OURS = {"kind", "state", "phase", "unit", "source", "lives", "verdict"}


class Page(HTMLParser):
    """Reads a page and fails at whatever does not belong into one."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.titles = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, tag
        assert {name for name, _ in attributes} <= {"style", "class"}
        assert all("url" not in (value or "") for _, value in attributes)
        if tag != "br":
            self.open.append(tag)
        if tag not in ("br", "span", "del", "ins"):
            self.texts.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "pre" not in self.open and self.open[-1:] != ["span"]:
            assert not re.search(r"[$\\]", data)  # a front end would look for a formula
        self.texts[-1] += data

    def unknown_decl(self, data):
        raise AssertionError(data)

    handle_decl = handle_pi = handle_comment = unknown_decl

    @property
    def text(self):
        return "\n".join(self.texts)


def clip(text, characters=None):
    return {"text": text, "characters": characters or len(text), "more": None}


def amount(low, expected, high):
    return {"low": low, "expected": expected, "high": high}


def estimate(phase):
    return {
        "phase": phase,
        "calls": amount(10, 20, 40),
        "input_tokens": amount(1000, 2000, 40_000),
        "output_tokens": amount(100, 200, 400),
        "usd": amount(0.1, 0.25, 1.5),
    }


def spend(calls=21, usd=0.3):
    return {
        "calls": calls,
        "cached_calls": 3,
        "failed_calls": 1,
        "hedged_calls": 0,
        "attempts": calls + 2,
        "input_tokens": 12_345,
        "output_tokens": 678,
        "usd": usd,
        "about": False,
    }


NOTHING = Usage()


def lost(calls=NOTHING):
    return {**asdict(calls), "told": lost_text(calls), "billed": billed_text(calls.usd)}


def trial(number, kind="minibatch", score=50.0, configuration=None):
    return {
        "trial": number,
        "kind": kind,
        "configuration": {"solve:instruction": 1, "solve:demos": 1}
        if configuration is None
        else configuration,
        "format": None,
        "state": "done",
        "examples": 25,
        "scored": 25,
        "reused": 5,
        "errors": 0,
        "reason": None,
        "score": score,
        "low": max(0.0, score - 10),
        "high": min(100.0, score + 10),
        "calls": 20,
        "cached_calls": 0,
        "input_tokens": 100,
        "output_tokens": 10,
        "usd": None,
        "about": False,
        "asked_at": 1_800_000_000.0,
        "seconds": 4.2,
    }


def card(index, **fields):
    standing = {"score": 70.0, "trials": 2, "examples": 50, "pinned": False, "banned": False}
    return {"predictor": "solve", "index": index, **standing, **fields}


def instruction(index, text):
    tip = "Be creative." if index else None
    source = "proposed" if index else "student"
    lineage = {"demo_set": None, "based_on": None, "evidence": [], "undecided": False}
    return card(index, instruction=clip(text), source=source, tip=tip, **lineage)


def example(number, error=None):
    return {
        "example": number,
        "inputs": {"question": clip(f"what is {number}?")},
        "expected": {"answer": clip("42")},
        "prediction": None if error else {"answer": clip("43")},
        "score": 0.0,
        "feedback": None if error else clip("almost"),
        "error": clip(error) if error else None,
        "seconds": 1.0,
        "scored_by": 0,
    }


def result_score(what, score):
    interval = {"low": score - 10, "high": min(100.0, score + 10)}
    tested = {"test": score - 5, "test_low": score - 20, "test_high": score + 5}
    call = "212 tokens, $0.00004"
    return {"what": what, "score": score, **interval, "examples": 100, **tested, "call": call}


def effects():
    """What two instructions and two demo sets add, as an `EffectsView`."""
    cell = {"score": 64.0, "margin": 5.0, "examples": 25, "result": False}
    own = {"index": 0, "adds": None, "margin": None}
    other = {"index": 1, "adds": 9.0, "margin": 4.0}
    solve = {
        "predictor": "solve",
        "instructions": [{**own, "cells": [cell, cell]}, {**other, "cells": [cell, cell]}],
        "demo_sets": [own, other],
        "told": ["Instruction 1 adds 9.0 ± 4.0 points over your own, whatever the demos."],
        "left_out": 3,
    }
    named = {**solve, "predictor": "plan", "told": ["No demo set is clearly better."]}
    return {
        "told": "Scores by instruction and demo set.",
        "by_predictor": [solve, named],
        "formats": None,
        "left_out": 1,
    }


def result():
    """What came of that run, as a `ResultView`."""
    prompt = {
        "predictor": "solve",
        "instruction": 1,
        "before": clip("Answer the question in a word."),
        "after": clip("Answer the question in a few words."),
        "demo_set": 1,
        "demos": 3,
    }
    outcome = {
        "example": 7,
        "verdict": "never right",
        "inputs": {"question": clip("what is hard?")},
        "expected": {"answer": clip("this")},
        "student": 0.0,
        "result": 0.0,
        "tried": 4,
        "right": 0,
    }
    return {
        "trial": 2,
        "changed": True,
        "scores": [result_score("student as given", 33.3), result_score("best program", 92.5)],
        "gain": ["+59.2 points over the student; 95 % interval of the gain +40.0 to +70.0."],
        "test": ["gain on the testset: +40.0 to +70.0 (95 % interval)"],
        "cost": "3 demos make a call 8 times as expensive.",
        "why": ["Trial 2 has the highest score."],
        "prompts": [prompt],
        "failing": 7,
        "failing_told": "7 examples of 100 still fail",
        "outcomes": [outcome],
        "outcomes_left_out": 6,
        "effects": effects(),
    }


def snapshot():
    """A finished run, as a `RunSnapshot`."""
    best = {"solve:instruction": 1, "solve:demos": 1}
    summary = {
        "id": "20261124-010203-abcdef",
        "name": "my run",
        "tags": ["paper"],
        "state": "finished",
        "resume_lines": [
            "%mipro resume 20261124-010203-abcdef student --metric exact",
            'MIPROv2(metric=exact).resume("20261124-010203-abcdef", student)',
        ],
        "resume_hint": None,
        "reason": None,
        "program": "Solve",
        "predictors": {"solve": "question -> answer"},
        "models": {"task": "openai/gpt", "prompt": "openai/gpt"},
        "settings": {"seed": 9},
        "notes": ["a note about the plan"],
        "ratings": {"good": 1, "bad": 0, "told": ["1 rating of replies: 1 good, 0 bad."]},
        "trainset_size": 25,
        "valset_size": 100,
        "testset_size": 0,
        "measured_rows": 0,
        "headroom": None,
        "created": 1_800_000_000.0,
        "ended": 1_800_000_100.0,
        "seconds": 100.0,
        "as_of": 1_800_000_200.0,
        "phases": [
            {"phase": name, "state": "done", "done": 1, "total": 1, "unit": "x", "spend": spend()}
            for name in ("baseline", "bootstrap", "propose", "search")
        ],
        "approval": None,
        "formats": None,
        "done": 1,
        "total": 1,
        "eta": None,
        "in_flight": None,
        "num_threads": 6,
        "spend": spend(84, 1.2),
        "lost": lost(),
        "estimate": {
            "phases": [estimate(p) for p in ("baseline", "bootstrap", "propose", "search")],
            "total": estimate("other"),
            "guess": None,
            "hedging": None,
        },
        "caps": {"max_usd": 2.0, "max_calls": None, "max_tokens": None, "max_seconds": None},
        "baseline": 33.3,
        "best": {
            "trial": 2,
            "score": 92.5,
            "configuration": best,
            "format": None,
            "rests": None,
        },
        "gain": {"low": 40.0, "high": 70.0, "unclear": ""},
        "test": None,
        "result": result(),
        "objectives": None,
        "errors": 1,
        "steerable": False,
        "lives": "ended",
    }
    demo_set = card(
        1,
        source="bootstrapped",
        bootstrapped=1,
        labelled=2,
        preview=[{"question": clip("a demo's question"), "answer": clip("a demo's answer")}],
        demos=3,
    )
    trials = [
        trial(0, "baseline", 33.3, {}),
        trial(1),
        trial(2, "full", 92.5),
        {**trial(3), "state": "given up", "score": None, "low": None, "high": None},
    ]
    prompt = {
        "predictor": "solve",
        "example": 0,
        "messages": [{"role": "system", "content": clip("the prompt as sent")}],
    }
    noted = {
        **example(0),
        "notes": [clip("'answer' was read without its mark")],
        "rating": {"rating": "good", "reason": clip("to the point")},
    }
    details = {
        "trial": trials[2],
        "prompts": [prompt],
        "examples": [noted, example(1, "it broke")],
    }
    return {
        "schema": 1,
        "seq": 99,
        "summary": summary,
        "trials": trials,
        "instructions": [instruction(0, "the student's own"), instruction(1, "a better one")],
        "demo_sets": [demo_set],
        "details": [details],
    }


def history_row(number=0):
    return {
        "id": f"20261124-01020{number}",
        "name": f"run {number}",
        "tags": ["paper"],
        "program": "Solve",
        "state": "finished",
        "created": 1_800_000_000.0 + number,
        "seconds": 100.0,
        "baseline": 33.3,
        "score": 92.5 - number,
        "trials": 10,
        "calls": 12_345,
        "usd": 1.5,
        "about": False,
        "lost_usd": 0.0,
        "billed": None,
        "rests": None,
        "models": {"task": "gpt"},
        "settings": {"seed": number, "auto": "light"},
        "metric": "exact",
        "rows": {"trainset": "12 rows (aa)", "valset": f"24 rows (b{number})"},
        "resume_lines": [],
        "resume_hint": CELL_AGAIN,
        "here": False,
    }


def comparison(count=2):
    point = {"calls": 10, "usd": 0.5, "seconds": 60.0, "score": 80.0}
    return {
        "runs": [
            {
                "row": history_row(number),
                "curve": [point, {**point, "usd": None, "score": 90.0}],
                "instructions": {"solve": clip(f"instruction of run {number}")},
            }
            for number in range(count)
        ],
        "note": "These runs were scored on different validation rows.",
    }


def request(state="asked"):
    summary = snapshot()["summary"]
    names = ("program", "predictors", "models", "trainset_size", "valset_size", "testset_size")
    names += ("measured_rows", "settings", "notes", "estimate", "caps")
    return {
        "state": state,
        "resumes": None,
        "tests": False,
        "left": None,
        "seconds": None,
        "seconds_told": None,
        "joins": None,
        "run_name": None,
        "measurement": None,
        **{name: summary[name] for name in names},
    }


VIEWS = {
    "run": (run_html, run_text, snapshot),
    "permission": (permission_html, permission_text, request),
    "history": (history_html, history_text, lambda: [history_row(0), history_row(1)]),
    "comparison": (comparison_html, comparison_text, comparison),
}


def poisoned(value, poison, key=None):
    """The value with every text in it replaced, names included."""
    if isinstance(value, dict):
        cut = value.keys() == {"text", "characters", "more"}
        named = key in ("predictors", "models", "settings", "configuration", "inputs", "expected")
        return {
            f"{poison}{name}" if named else name: (
                len(poison) if cut and name == "characters" else poisoned(inner, poison, name)
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [poisoned(inner, poison, key) for inner in value]
    return poison if isinstance(value, str) and key not in OURS else value


# What an LM may write, and a piece of it as it is to be read.
HOSTILE = {
    "tags": ("<b>bold</b><img src=x onerror=alert(1)>", "<b>bold</b><img"),
    "a script": ("</pre></td></table><script>alert(1)</script>", "</td></table><script>"),
    "the end of an attribute": ("\" onclick='alert(1)' x=\"", "\" onclick='alert(1)'"),
    "a markdown link": ("[click](javascript:alert(1)) ![x](//x.png)", "[click](javascript:"),
    "entities": ("&lt;script&gt; &#60;script&#62; &amp;amp;", "&lt;script&gt; &#60;"),
    "a comment": ("<!-- --!> <![CDATA[ ]]> <?php ?>", "<!-- --!> <![CDATA["),
    "a formula": ("$\\href{javascript:alert(1)}{x}$ $$x$$ \\(y\\) \\[z\\]", "$\\href{"),
    "terminal escapes": ("\x1b[31mred\x1b[0m \x1b]8;;x\x07link\x07 \x9b2J", "␛[31mred␛[0m"),
    "right-to-left": ("safe \u202eexe.txt\u202c \u2066x\u2069 \u200f", "safe ⟨U+202E⟩exe.txt"),
    "invisible": ("a\u200bb\ufeffc\u2060d\u2028e\x00f", "a⟨U+200B⟩b⟨U+FEFF⟩c"),
    "half a character": ("half \ud83d end", "half ⟨U+D83D⟩ end"),
    "lines": ("one\r\ntwo\nthree\rfour\ttabbed", "three␍four"),
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("view", VIEWS)
def test_hostile_text_is_shown_as_text(view, hostile):
    to_html, to_text, make = VIEWS[view]
    written, read = HOSTILE[hostile]
    value = poisoned(make(), written)
    html, text = to_html(value), to_text(value)
    html.encode()
    page = Page(html).text
    assert read in page
    assert read in text
    assert not UNSEEN.search(page + text)


@given(st.text())
def test_no_text_at_all_breaks_a_page(text):
    for to_html, to_text, make in VIEWS.values():
        Page(to_html(poisoned(make(), text))).text.encode()
        to_text(poisoned(make(), text)).encode()


@pytest.mark.parametrize("letter", ["x", "\u202e", "\x00", '"', "\U0001f600", "\n", "$", "word "])
@pytest.mark.parametrize("view", VIEWS)
def test_lines_of_a_megabyte_leave_a_page_small(view, letter):
    to_html, to_text, make = VIEWS[view]
    value = poisoned(make(), letter * (1_000_000 // len(letter)))
    html, text = to_html(value), to_text(value)
    Page(html)
    assert len(html.encode()) <= MOST_BYTES
    assert len(text.encode()) <= MOST_BYTES
    assert max(len(line) for line in text.split("\n")) <= 1000


def large_snapshot():
    made = snapshot()
    long = clip("word " * 400, 1_000_000)
    made["trials"] = [trial(number, "full" if number % 10 == 0 else "minibatch", number % 100)
                      for number in range(2000)]  # fmt: skip
    made["instructions"] = [{**instruction(n, ""), "instruction": long} for n in range(200)]
    made["demo_sets"] = [{**made["demo_sets"][0], "index": n} for n in range(200)]
    examples = [example(number) for number in range(1000)]
    made["details"] = [{**made["details"][0], "examples": examples} for _ in range(2)]
    return made


def test_a_long_run_leaves_a_page_small_and_says_what_is_left_out():
    made = large_snapshot()
    html = run_html(made)
    page = Page(html)
    assert 20_000 < len(html.encode()) <= MOST_BYTES
    assert "more" in page.text
    assert "2,000 trials" in page.text
    assert len(history_html([history_row(n) for n in range(5000)]).encode()) <= MOST_BYTES
    assert "older" in history_html([history_row(n) for n in range(5000)])
    assert "older" in history_text([history_row(n) for n in range(5000)])
    assert len(comparison_html(comparison(500)).encode()) <= MOST_BYTES


def test_a_run_is_told_with_scores_spend_trials_and_prompts():
    text = Page(run_html(snapshot())).text
    for part in (
        "Solve: finished",
        "92.5",
        "33.3",
        "+40.0 to +70.0",
        "solve: instr 1 · demos 1",
        "2 ★",
        "20 (10 to 40)",
        "12.3k",
        "the student's own",
        "a better one",
        "a demo's answer",
        "the prompt as sent",
        "what is 1?",
        "it broke",
        "'answer' was read without its mark",
        "rated good: to the point",
        "1 rating of replies: 1 good, 0 bad.",
        "almost",
        "a note about the plan",
        "given up",
    ):
        assert part in text, part
    plain = run_text(snapshot())
    told = ("20261124-010203-abcdef: finished", "92.5", "33.3", "+40.0", "search", "total")
    for part in (*told, "1 rating of replies: 1 good, 0 bad."):
        assert part in plain


def test_a_run_without_anything_yet_is_told():
    made = snapshot()
    made["summary"] |= {
        "state": "running",
        "baseline": None,
        "best": None,
        "gain": None,
        "result": None,
    }
    made |= {"trials": [], "instructions": [], "demo_sets": [], "details": []}
    assert "Solve: running" in Page(run_html(made)).text
    assert "–" not in run_text(made).split("phase")[0]


def test_a_run_with_neither_caps_nor_an_estimate_is_told():
    made = snapshot()
    made["summary"] |= {"caps": told_caps({}), "estimate": None}
    assert "at most" not in Page(run_html(made)).text
    assert "12.3k" in run_text(made)


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        ("running", None, "%mipro show 20261124-010203-abcdef tells what became of it"),
        ("paused", None, "This is how it stood at 2027-01-15 08:03 UTC"),
        ("paused", "The server is dead. Resume goes on.", "The server is dead. Resume goes on."),
        ("cut off", None, "It can be resumed: what was answered is not paid for again."),
        ("capped", "The cap max_usd=2 is reached.", "The cap max_usd=2 is reached."),
        ("failed", "ValueError: no", "ValueError: no"),
    ],
)
def test_how_a_run_stands_is_told_so_that_no_saved_view_lies(state, reason, told):
    made = snapshot()
    made["summary"] |= {"state": state, "reason": reason}
    assert told in Page(run_html(made)).text.replace("\n", "")
    assert told in run_text(made)


@pytest.mark.parametrize("state", ["cut off", "stopped", "capped", "failed"])
def test_a_run_that_ended_early_tells_what_carries_it_on(state):
    made = snapshot()
    made["summary"]["state"] = state
    for shown in (Page(run_html(made)).text, run_text(made)):
        assert "%mipro resume 20261124-010203-abcdef student --metric exact\n" in shown
        assert 'MIPROv2(metric=exact).resume("20261124-010203-abcdef", student)\n' in shown
    assert "resume it" not in Page(run_html(snapshot())).text
    assert "resume it" not in run_text(snapshot())


def test_a_run_of_a_cell_is_resumed_by_its_cell():
    made = snapshot()
    made["summary"] |= {"state": "stopped", "resume_lines": [], "resume_hint": CELL_AGAIN}
    for shown in (Page(run_html(made)).text, run_text(made)):
        assert "run its %%mipro cell again with --resume" in shown
        assert "%mipro resume" not in shown


def test_where_nothing_was_scored_the_best_program_is_the_student():
    made = snapshot()
    made["summary"] |= {"state": "stopped", "best": None, "gain": None, "baseline": None}
    assert "the student as given (nothing else was scored)" in Page(run_html(made)).text
    assert "best program       the student as given (nothing else was scored)" in run_text(made)


def test_a_score_that_no_full_evaluation_confirmed_says_on_how_many_examples_it_rests():
    said = "on 25 of 80 examples, 95 % interval 80.5 … 99.3"
    rows = [{**history_row(0), "rests": said}, history_row(1)]
    compared = comparison()
    compared["runs"][0]["row"] |= {"rests": said}
    for shown in (Page(history_html(rows)).text, history_text(rows), comparison_text(compared)):
        assert shown.count(said) == 1


def test_what_may_have_been_billed_is_told_beneath_the_cost_and_not_in_it():
    said = "up to $0.0152 more may have been billed"
    made = snapshot()
    made["summary"]["lost"] = lost(Usage(3, 1200, 0.0152))
    rows = [{**history_row(0), "billed": said}, history_row(1)]
    compared = comparison()
    compared["runs"][0]["row"] |= {"billed": said}
    for shown in (
        Page(run_html(made)).text,
        run_text(made),
        Page(history_html(rows)).text,
        history_text(rows),
        comparison_text(compared),
    ):
        assert shown.count(said) == 1
        assert "$1.50" in shown or "$1.20" in shown


def test_requests_without_an_answer_and_lost_calls_are_told():
    made = snapshot()
    made["summary"]["lost"] = lost(Usage(3, 1200, 0.0012))
    sent = "86 requests were sent: 2 of them brought no answer, and 1 call failed for good."
    in_flight = (
        "3 calls were in flight when the run was interrupted: they may have been billed; resuming "
        "the run sends them again. For the caps they count at their worst: 1,200 tokens."
    )
    for shown in (Page(run_html(made)).text, run_text(made)):
        assert sent in shown
        assert in_flight in shown
    made["summary"]["lost"] = lost(Usage(3))  # nothing is capped
    assert "more may have been billed" not in run_text(made)


def test_of_free_models_no_dollars_are_told():
    asked = request()
    assert "USD" in permission_text(asked)
    for phase in [*asked["estimate"]["phases"], asked["estimate"]["total"]]:
        phase["usd"] = {"low": 0, "expected": 0, "high": 0}
    for shown in (Page(permission_html(asked)).text, permission_text(asked)):
        assert shown.lower().count("no cost") == 1
        assert "USD" not in shown
        assert "$0.00" not in shown


def test_a_question_to_carry_a_run_on_shows_what_changed_line_by_line():
    asked = request()
    asked["resumes"] = "20261124-010203-abcdef"
    asked["notes"] = ["The metric's code changed:\n@@ -1 +1 @@\n-    old()\n+    <b>new</b>()"]
    page = permission_html(asked)
    assert "Solve, to resume run 20261124-010203-abcdef: waits" in Page(page).text
    assert "@@ -1 +1 @@\n-    old()\n+    &lt;b&gt;new&lt;/b&gt;()</pre>" in page
    assert "  note       The metric's code changed:\n" in permission_text(asked)
    assert "\n             -    old()\n             +    <b>new</b>()\n" in permission_text(asked)


def test_a_question_to_test_a_finished_run_says_so():
    asked = request() | {"resumes": "20261124-010203-abcdef", "tests": True}
    told = "Test of Solve, to test run 20261124-010203-abcdef: waits"
    assert told in Page(permission_html(asked)).text
    assert told.removesuffix(" waits") in permission_text(asked)


def test_where_there_is_no_clear_gain_it_is_said():
    made = snapshot()
    made["summary"]["result"] = None
    assert "no clear gain" not in run_html(made)
    made["summary"]["gain"]["unclear"] = "no clear gain"
    assert "no clear gain" in run_html(made)
    assert "no clear gain" in run_text(made)


def test_the_test_score_is_told_beside_the_validation_score():
    made = snapshot()
    made["summary"]["result"] = None
    assert "testset" not in run_text(made)
    told = ["test score 85.0 (77 … 91), over 120 rows", "validation score 92.5: 7.5 points above"]
    made["summary"] |= {"testset_size": 120, "test": {"score": 85.0, "told": told}}
    for sentence in told:
        assert sentence in run_text(made)
        assert sentence in Page(run_html(made)).text
    asked = request() | {"testset_size": 120}
    for page in (permission_text(asked), Page(permission_html(asked)).text, run_html(made)):
        assert "100 to validate on, 120 to test the result on" in page


def test_a_repaired_instruction_tells_what_it_comes_of():
    made = snapshot()
    made["instructions"][1] |= {"source": "repaired", "based_on": 0, "evidence": [3, 7]}
    assert "repaired from instruction 0, by training rows 3, 7" in Page(run_html(made)).text


def test_unknown_prices_are_told_as_unknown():
    made = snapshot()
    made["summary"]["spend"]["usd"] = None
    made["summary"]["estimate"]["total"]["usd"] = None
    (total,) = [line for line in run_text(made).splitlines() if line.startswith("  total")]
    assert total.split()[-2:] == ["unknown", "unknown"]
    asked = request()
    asked["estimate"]["total"]["usd"] = None
    assert "unknown" in permission_text(asked)
    assert "unknown" in permission_html(asked)


@pytest.mark.parametrize(
    ("state", "told"),
    [("asked", "waits for permission"), ("permitted", "permitted"), ("declined", "declined")],
)
def test_a_question_for_permission_is_told_with_its_cost(state, told):
    text = Page(permission_html(request(state))).text.replace("\n", "")
    for part in (f"Solve: {told}", "20 (10 to 40)", "0.25", "a note about the plan", "2.00"):
        assert part in text
    for part in ("20 (10 to 40)", "$0.25 ($0.10 to $1.50)", "25 rows", "at most    $2.00"):
        assert part in permission_text(request(state))


def test_the_history_is_told_a_line_per_run():
    text = Page(history_html([history_row(0), history_row(1)])).text
    for part in ("2 recorded runs", "run 0", "run 1", "33.3 → 92.5", "#paper", "12,345"):
        assert part in text
    lines = history_text([history_row(0), history_row(1)]).splitlines()
    assert len(lines) == 3
    assert "33.3 → 91.5" in lines[2]
    assert "1 recorded run<" in history_html([history_row()])


def test_an_empty_history_says_so():
    assert "No run is recorded yet" in history_html([])
    assert "No run is recorded yet" in history_text([])


def test_a_comparison_tells_what_differs():
    text = Page(comparison_html(comparison())).text
    for part in ("2 runs compared", "run 0", "run 1", "seed", "instruction of run 1", "90.0"):
        assert part in text
    plain = comparison_text(comparison())
    assert "seed" in plain
    assert "auto" not in plain + text  # which is the same


def test_a_page_reads_well_without_any_style():
    bare = re.sub(r' (style|class)="[^"]*"', "", run_html(snapshot()))
    assert Page(bare).text == Page(run_html(snapshot())).text
    assert "92.5\u00a0█████████░" in Page(bare).text


def test_a_view_is_not_changed_by_being_shown():
    for to_html, to_text, make in VIEWS.values():
        value = make()
        before = copy.deepcopy(value)
        to_html(value)
        to_text(value)
        assert value == before
        json.dumps(value)


def test_a_real_run_is_told_as_it_ended(server):
    run = scripted_task.run_of(mipro.MIPROv2(scripted_task.exact, num_candidates=2))
    view = RunView(run.record, run.id)
    view.apply(run.events())
    best = view.state.best.trial
    details = [trial_detail(run.record, run.id, view.state, trial) for trial in {0, best}]
    made = view.snapshot(now=time.time(), in_flight=None, details=details)
    text = Page(run_html(made)).text
    for part in ("Solve: finished", run.id, f"{run.score:.1f}", "1000 plus 1003"):
        assert part in text
    assert f"{run.score:.1f}" in run_text(made)


def shown_clip(text):
    return {"text": text, "characters": len(text), "more": None}


def test_headroom_is_told_with_its_table_and_no_best_program():
    prompt = {"score": 40.0, "low": 20.0, "high": 60.0, "lead": 0.0, "unreadable": 0, "errors": 2}
    headroom = {
        "rows": 30,
        "repeats": 1,
        "prompts": [{**prompt, "prompt": "<b>student</b>"}],
        "floor": 12.0,
        "spread": 9.0,
        "expected": "Expect little.",
        "told": ["Noise floor: 12.0 points.", "Expect little <i>indeed</i>."],
        "examples": [
            {
                "example": n,
                "inputs": {"question": shown_clip(f"{n} plus <i>1</i>")},
                "expected": {"answer": shown_clip(str(n + 1))},
                "scores": [None if n == 7 else 0.5],
            }
            for n in (7, 3)
        ],
    }
    none = {"trials": [], "details": [], "instructions": [], "demo_sets": []}
    made = {**snapshot(), **none}
    summary = {"measured_rows": 30, "headroom": headroom, "baseline": None, "best": None}
    made["summary"] |= {**summary, "gain": None, "result": None, "lives": "ended"}
    page, text = run_html(made), run_text(made)
    assert "&lt;b&gt;student&lt;/b&gt;" in page
    assert "Expect little &lt;i&gt;indeed&lt;/i&gt;." in page
    for told in (page, text):
        assert "20.0 … 60.0" in told
        assert "Noise floor: 12.0 points." in told
        assert "best program" not in told
        assert "0 evaluations" not in told
        assert told.index("plus") < told.index("… and 28 more")
    assert re.search(r"7 +7 plus <i>1</i> +8 +–\n +3 +3 plus <i>1</i> +4 +0.5\n", text)
    assert "<i>1</i>" not in page
    asked = request() | {"measured_rows": 30}
    assert "25 training rows, 30 of them asked" in permission_text(asked)
    assert "Headroom of Solve" in permission_text(asked)
    assert "headroom of Solve" in permission_html(asked)
