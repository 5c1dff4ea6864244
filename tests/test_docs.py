"""What the documentation shows runs as it stands, and it leaves out nothing that is public."""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import itertools
import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from scripted_server import ScriptedServer

import mipro_nb as mipro
from mipro_nb import datasets, errors, runs, testing

_ROOT = Path(__file__).parents[1]
_DOCS = _ROOT / "docs"
# Copied there from elsewhere for the site.
_COPIES = ("contributing/changelog.md", "contributing/index.md", "explanation/benchmarks.md")
_PAGES = [
    page
    for page in sorted(_DOCS.rglob("*.md"))
    if page.relative_to(_DOCS).as_posix() not in _COPIES
]
_FACES = {
    "mipro_nb": mipro.__all__,
    "mipro_nb.runs": runs.__all__,
    "mipro_nb.datasets": datasets.__all__,
    "mipro_nb.testing": testing.__all__,
}
_MODULES = {each.__name__: each for each in (mipro, runs, datasets, testing)}
_FENCED = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_UNREFERENCED = {"__version__", "errors", "runs"}


def _public():
    for face, names in _FACES.items():
        for name in names:
            if name not in _UNREFERENCED:
                yield f"{face}.{name}", getattr(_MODULES[face], name)


_CLASSES = {name: each for name, each in _public() if inspect.isclass(each)}


_ways = itertools.count()


def _multiplied(request):
    shown = "\n".join(request.texts)
    if "Write an instruction" in shown:
        return f"instruction: Multiply the numbers in way {next(_ways)}."
    asked = re.findall(r"What is (\d+) times (\d+)\?", shown)
    a, b = map(int, asked[-1]) if asked else (1, 1)
    if (a, b) == (8, 8) and "Multiply the numbers" not in shown:
        b += 1  # a student that is right on all rows would not be optimized
    if "[[ ## answer ## ]]" in shown:  # as DSPy asks
        return f"[[ ## reasoning ## ]]\nbecause\n\n[[ ## answer ## ]]\n{a * b}"
    return f"reasoning: because\nanswer: {a * b}"


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The names that a reader has after "Get started", with an LM that multiplies and a yes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIPRO_PERMISSION", "yes")
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # DSPy would fetch it
    # No list of prices knows a server on loopback.
    defaults = inspect.unwrap(mipro.LM.__init__).__kwdefaults__
    monkeypatch.setitem(defaults, "price", (0.15, 0.60))
    line = json.dumps({"question": "What is 2 times 3?", "answer": "2 * 3 = 6\n#### 6"})
    (tmp_path / "gsm8k.jsonl").write_text(f"{line}\n" * 10, encoding="utf-8")
    with ScriptedServer(_multiplied) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "made-up-key")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        mipro.configure(lm=mipro.LM("openai/gpt-4o-mini"))
        names = {"mipro": mipro}
        exec(_of_get_started(), names)  # noqa: S102 - our own
        names["rows"] = names["rows"][::5]  # a run on all of them takes five times as long
        yield names


def _of_get_started():
    """The part of "Get started" with data, metric and student."""
    (block,) = (
        block
        for block in _FENCED.findall((_DOCS / "get-started.md").read_text(encoding="utf-8"))
        if "def exact" in block
    )
    return block


@pytest.mark.slow
@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.relative_to(_DOCS).as_posix())
def test_the_code_of_a_page_runs_from_top_to_bottom(page, reader):
    if page.name == "from-dspy.md":
        pytest.importorskip("dspy.primitives", reason="needs the extra `dspy`")
    if page.name == "beyond-one-machine.md":
        pytest.importorskip("distributed", reason="needs the extra `dask`")
    for number, block in enumerate(_FENCED.findall(page.read_text(encoding="utf-8")), 1):
        code = compile(
            block, f"{page.name}, block {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, reader))  # noqa: S307 - our own
        else:
            exec(code, reader)  # noqa: S102 - our own


@pytest.mark.parametrize("name", _CLASSES)
def test_every_public_class_has_an_example_that_gives_what_it_says(name, reader):
    face = name.rpartition(".")[0]
    own = {key: each for key, each in vars(sys.modules[face]).items() if key in _FACES[face]}
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(_CLASSES[name]), {**own, **_with_runs(name, reader)}, name, None, None
    )
    assert examples.examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    told = []
    runner.run(examples, out=told.append)
    assert runner.failures == 0, "".join(told)


def _with_runs(name, reader):
    """The names of a reader, and where an example needs them two finished runs of theirs."""
    if not name.startswith("mipro_nb.runs."):
        return reader
    optimizer = mipro.MIPROv2(reader["exact"], num_candidates=2)
    settings = {"trainset": reader["rows"][:12], "num_trials": 2, "minibatch": False}
    ids = [optimizer.compile(reader["student"], **settings).run.id for _ in range(2)]
    return {**reader, "run_id": ids[0], "other_run_id": ids[1]}


def test_the_reference_has_every_public_name():
    reference = "\n".join(
        page.read_text(encoding="utf-8") for page in (_DOCS / "reference").glob("*.md")
    )
    shown = set(re.findall(r"^\.\. auto\w+:: (\S+)$", reference, re.MULTILINE))
    assert {name for name, _ in _public()} - shown == set()
    assert "mipro_nb.errors" in shown


def test_every_public_name_says_what_it_is():
    for name, each in [*_public(), *((n, e) for n, e in vars(errors).items() if n[0].isupper())]:
        if inspect.isroutine(each) or inspect.isclass(each):
            assert inspect.getdoc(each), name


def test_the_page_of_the_record_names_every_table():
    page = (_DOCS / "reference/record.md").read_text(encoding="utf-8")
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    for (table,) in runs.open_record().query(tables):
        assert f"| `{table}` |" in page


def _extension(name, monkeypatch):
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    monkeypatch.setattr(sys, "path", [str(_DOCS / "extensions"), *sys.path])
    return runpy.run_path(str(_DOCS / "extensions" / f"{name}.py"))


def test_the_pages_of_magics_and_events_have_all_of_them(monkeypatch):
    generated = _extension("generated", monkeypatch)
    magics = generated["written"]("<!-- generated: magics -->")
    assert "## `%mipro run`" in magics
    assert "## `%%mipro`" in magics
    assert "--max-usd X" in magics
    events = generated["written"]("<!-- generated: events -->")
    for kind in generated["kinds_of_events"]():
        assert f"## `{kind.model_fields['type'].default}`" in events


def test_the_contents_of_a_page_are_seen_in_the_site_alone(monkeypatch):
    written = _extension("generated", monkeypatch)["written"]
    assert written("A page.\n\n<!-- pages: one two/three -->\n") == (
        "A page.\n\n```{toctree}\n:hidden:\n:titlesonly:\n\none\ntwo/three\n```\n"
    )
    for page in [*_PAGES, _ROOT / "CONTRIBUTING.md"]:
        assert "toctree" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "loaded"),
    [
        (
            "page.html",
            '<script src="https://cdn.example/a.js"></script>',
            "https://cdn.example/a.js",
        ),
        ("page.html", '<link rel="stylesheet" href="//cdn.example/a.css">', "//cdn.example/a.css"),
        ("page.html", '<p style="background: url(http://cdn.example/a)">', "http://cdn.example/a"),
        ("page.html", "<style>@import 'https://cdn.example/b'</style>", "https://cdn.example/b"),
        ("site.css", "src: url(https://cdn.example/font)", "https://cdn.example/font"),
        ("page.html", '<a href="https://elsewhere.example">a link</a>', None),
        ("page.html", '<img src="images/live.png">', None),
    ],
)
def test_what_a_site_would_fetch_from_elsewhere_is_found(name, text, loaded, tmp_path, monkeypatch):
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = _extension("self_contained", monkeypatch)["fetched_from_elsewhere"](tmp_path)
    assert found == ([] if loaded is None else [(name, loaded)])


def test_links_to_files_outside_lead_to_their_pages(monkeypatch):
    turned = _extension("outside", monkeypatch)["turned"]
    page = _DOCS / "guides/from-dspy.md"
    assert turned("[a](../../benchmarks/README.md#results)", page) == (
        "[a](../explanation/benchmarks.md#results)"
    )
    assert turned("[`b`](../../CHANGELOG.md)", page) == "[`b`](../contributing/changelog.md)"
    assert turned("[the Makefile](../../Makefile)", page) == "the Makefile"
    for same in ("[b](metrics.md)", "[c](https://dspy.ai)", "`[d](../../Makefile)`"):
        assert turned(same, page) == same
    changelog = _DOCS / "contributing/changelog.md"
    assert turned("[e](docs/guides/metrics.md)", changelog) == "[e](../guides/metrics.md)"
