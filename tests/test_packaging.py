"""What is packed: the front end, built, in the wheel and in the sdist; and what is needed."""

import ast
import email
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mipro_nb

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[1]
_WIDGETS = {"mipro_nb/notebook/static/widget.js", "mipro_nb/notebook/static/widget.css"}
_USERS_EXTRAS = ("dask", "datasets", "dspy", "litellm", "local", "mlflow", "testing")
_BROUGHT_BY = {"mlflow": "mlflow-skinny"}  # packages that need not be installed here
_ON_REQUEST = ("mipro_nb/dspy/", "mipro_nb/testing/")  # loaded for those who ask for them
_DATA = f"mipro_nb-{mipro_nb.__version__}.data/data/share/jupyter/labextensions/mipro-nb/"


def _build(target, source, folder, **settings):
    return subprocess.run(  # noqa: S603 - the command stands here
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **settings,
    )


def _built(target, source, folder, **settings):
    done = _build(target, source, folder, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    (package,) = folder.iterdir()
    return package


def _without_npm(folder):
    """Return an environment in which a program is found only in an empty folder."""
    folder.mkdir()
    return {**os.environ, "PATH": str(folder)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return _built("wheel", _ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    return _built("sdist", _ROOT, tmp_path_factory.mktemp("sdist"))


def test_the_wheel_holds_the_widgets(wheel):
    with zipfile.ZipFile(wheel) as packed:
        assert set(packed.namelist()) >= _WIDGETS
        assert all(packed.getinfo(name).file_size > 1000 for name in _WIDGETS)


def test_the_wheel_puts_the_extension_where_jupyterlab_looks_for_it(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        package = json.loads(packed.read(f"{_DATA}package.json"))
        install = json.loads(packed.read(f"{_DATA}install.json"))
    assert package["name"] == "mipro-nb"
    assert package["version"] == mipro_nb.__version__
    assert _DATA + package["jupyterlab"]["_build"]["load"] in names
    assert (install["packageManager"], install["packageName"]) == ("python", "mipro_nb")


def test_the_wheel_enables_the_extension_of_the_jupyter_server(wheel):
    folder = f"mipro_nb-{mipro_nb.__version__}.data/data/etc/jupyter/jupyter_server_config.d/"
    with zipfile.ZipFile(wheel) as packed:
        enabled = json.loads(packed.read(f"{folder}mipro_nb.json"))
        assert "mipro_nb/server/template.ipynb" in packed.namelist()
    assert enabled == {"ServerApp": {"jpserver_extensions": {"mipro_nb.server": True}}}


def test_the_wheel_holds_nothing_twice_and_no_sources_of_the_front_end(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    assert not [name for name in names if name.startswith("mipro_nb/labextension")]
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".tsx"))]
    assert {name.split("/")[0].removesuffix(".data") for name in names} == {
        "mipro_nb",
        f"mipro_nb-{mipro_nb.__version__}",
        f"mipro_nb-{mipro_nb.__version__}.dist-info",
    }


def _required(wheel):
    """Return the names of the packages that a wheel needs, and of those of its users' extras."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        told = email.message_from_bytes(packed.read(name)).get_all("Requires-Dist")
    requirements = [Requirement(each) for each in told]
    always = {canonicalize_name(each.name) for each in requirements if each.marker is None}
    optional = {
        canonicalize_name(each.name)
        for each in requirements
        if each.marker and any(each.marker.evaluate({"extra": name}) for name in _USERS_EXTRAS)
    }
    return always, optional


def _imported(wheel):
    """Return the packages that a wheel's modules import as they are loaded, and those later."""
    at_once, later = set(), set()
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.endswith(".py"):
                tree = ast.parse(packed.read(name))
                inside = {
                    node
                    for function in ast.walk(tree)
                    if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
                    for node in ast.walk(function)
                }
                if name.startswith(_ON_REQUEST):
                    inside = set(ast.walk(tree))
                at_once |= _packages(node for node in ast.walk(tree) if node not in inside)
                later |= _packages(inside)
    own = {"mipro_nb", "__future__", *sys.stdlib_module_names}
    return at_once - own, later - own


def _packages(nodes):
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module)
    return {name.split(".")[0] for name in found}


def _missing(imported, required):
    there = packages_distributions()
    return {
        package
        for package in imported
        if required.isdisjoint(
            map(canonicalize_name, there.get(package, [_BROUGHT_BY.get(package, package)]))
        )
    }


def test_whatever_is_imported_is_a_dependency(wheel):
    always, optional = _required(wheel)
    at_once, later = _imported(wheel)
    assert {"pydantic", "IPython"} <= at_once
    assert {"openai", "numpy"} <= at_once | later
    assert _missing(at_once, always) == set()
    assert _missing(later, always | optional) == set()


def test_the_extension_is_built_for_the_oldest_jupyterlab_that_is_allowed():
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = map(Requirement, settings["project"]["dependencies"])
    (jupyterlab,) = [each for each in requirements if each.name == "jupyterlab"]
    lock = json.loads((_ROOT / "js/labextension/package-lock.json").read_text(encoding="utf-8"))
    built_for = lock["packages"]["node_modules/@jupyterlab/application"]["version"]
    assert str(jupyterlab.specifier) == ">=" + re.match(r"\d+\.\d+", built_for).group()


def test_the_sdist_holds_the_front_end_both_built_and_as_sources(sdist):
    with tarfile.open(sdist) as packed:
        names = {name.split("/", 1)[1] for name in packed.getnames()}
    assert names >= _WIDGETS | {
        "build_assets.py",
        "js/labextension/package-lock.json",
        "js/labextension/src/index.ts",
        "js/package-lock.json",
        "js/widgets/src/widget.tsx",
        "mipro_nb/labextension/package.json",
    }
    assert not [name for name in names if "node_modules" in name]


def test_a_wheel_is_made_of_the_sdist_without_npm_and_is_the_same(sdist, wheel, tmp_path):
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    made = _built("wheel", source, tmp_path / "wheel", env=_without_npm(tmp_path / "empty"))
    with zipfile.ZipFile(made) as of_sdist, zipfile.ZipFile(wheel) as of_tree:
        assert sorted(of_sdist.namelist()) == sorted(of_tree.namelist())
        for name in _WIDGETS:
            assert of_sdist.read(name) == of_tree.read(name)


@pytest.mark.parametrize("outdated", [False, True])
def test_where_npm_is_needed_and_missing_one_sentence_says_so(outdated, sdist, tmp_path):
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    if outdated:
        (source / "js/widgets/src/widget.tsx").touch()
    else:
        (source / "mipro_nb/notebook/static/widget.js").unlink()
    done = _build("wheel", source, tmp_path / "wheel", env=_without_npm(tmp_path / "empty"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "npm is not there: install Node 20 or newer" in done.stderr.splitlines()[-1]


def test_a_wheel_without_widgets_is_not_made_in_silence(sdist, tmp_path):
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    skipping = {**os.environ, "SKIP_JUPYTER_BUILDER": "1"}
    whole = _build("wheel", source, tmp_path / "whole", env=skipping)
    assert (whole.returncode, "without its widgets" in whole.stdout + whole.stderr) == (0, False)
    (source / "mipro_nb/notebook/static/widget.js").unlink()
    bare = _build("wheel", source, tmp_path / "bare", env=skipping)
    assert bare.returncode == 0
    (line,) = [line for line in (bare.stdout + bare.stderr).splitlines() if "its widgets" in line]
    assert "widget.js" in line
    assert "unset SKIP_JUPYTER_BUILDER" in line


def test_jupyterlab_has_the_extension_that_was_built():
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    (line,) = [line for line in done.stderr.splitlines() if "mipro-nb v" in line]
    assert "enabled" in line
    assert "OK" in line
    installed = Path(sys.prefix, "share/jupyter/labextensions/mipro-nb/package.json")
    built = _ROOT / "mipro_nb/labextension/package.json"
    assert installed.read_text(encoding="utf-8") == built.read_text(encoding="utf-8")
