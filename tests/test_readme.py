"""What the README shows runs as it stands."""

import ast
import re
from pathlib import Path

import pytest
from scripted_server import ScriptedServer

import mipro_nb as mipro
from mipro_nb.datasets import SMSSpam
from mipro_nb.optimizer.estimating.rehearsing import bounds

_ROOT = Path(__file__).parents[1]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"```python\n(.*?)```", _README, re.DOTALL)


@pytest.mark.parametrize("block", _BLOCKS)
def test_every_python_block_is_python(block):
    ast.parse(block)


def _multiplied(request):
    asked = re.findall(r"What is (\d+) times (\d+)\?", "\n".join(request.texts))
    a, b = map(int, asked[-1]) if asked else (1, 1)
    return f"reasoning: because\nanswer: {a * b}"


def test_the_example_with_a_key_runs(tmp_path, monkeypatch, capsys):
    block = next(b for b in _BLOCKS if "openai/gpt-4o-mini" in b)
    assert len([line for line in block.splitlines() if line.strip()]) <= 17
    block = block.replace("trainset=rows)", "trainset=rows, requires_permission_to_run=False)")
    monkeypatch.chdir(tmp_path)
    with ScriptedServer(_multiplied) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "made-up-key")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own
    assert (tmp_path / "optimized.json").is_file()
    assert "student as given    100.0" in capsys.readouterr().out


def test_the_files_and_targets_it_names_are_there():
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make (\w+)", _README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in ("notebooks/01_quickstart.ipynb", "requirements-nodeps.txt"):
        assert name in _README
        assert (_ROOT / name).is_file()


def test_its_links_lead_to_files_and_their_headings():
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", _README):
        target = _ROOT / (path or "README.md")
        assert target.is_file(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings]


def test_it_is_read_in_one_go():
    assert len(_README.splitlines()) < 150


def test_the_plan_that_the_guide_shows_is_the_plan_one_gets(monkeypatch):
    monkeypatch.setattr(bounds, "_SECONDS", 300.0)  # a slow machine rehearses fewer rows
    mipro.configure(lm=mipro.LM("openai/gpt-4o-mini", api_key="unused"))
    student = mipro.ChainOfThought("text -> label: Literal['ham', 'spam']")
    rows = SMSSpam(train=125, val=0, test=0).train
    plan = mipro.MIPROv2(lambda e, p: e.label == p.label, auto="light").plan(student, trainset=rows)
    # What the price library lists may change from one release to the next.
    without_prices = [line.rsplit("  $", 1)[0].rstrip() for line in plan.text().splitlines()]
    guide = (_ROOT / "docs/guides/cost-and-caps.md").read_text(encoding="utf-8")
    for line in without_prices:
        assert line in guide
