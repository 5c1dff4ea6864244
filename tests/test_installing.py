"""What the Makefile installs with: uv, with the indexes that pip is configured for."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_SECRET = "pa55word"
_AUTHORIZED = "Basic " + base64.b64encode(f"someone:{_SECRET}".encode()).decode()

pytestmark = pytest.mark.skipif(
    not Path(sys.executable).with_name("uv").exists(), reason="make setup installs uv"
)


class _Index(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers["Authorization"] == _AUTHORIZED:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - the name that is called

    def log_message(self, *_):
        pass


def _publish(folder, version):
    """Put a package of one line into an index."""
    folder.mkdir(parents=True)
    info = f"mirrored-{version}.dist-info"
    with zipfile.ZipFile(folder / f"mirrored-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("mirrored.py", f"version = {version!r}\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: mirrored\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(
            f"{info}/RECORD", f"mirrored.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """The address of a server with the indexes ``old`` and ``new``, which asks who one is."""
    folder = tmp_path_factory.mktemp("indexes")
    _publish(folder / "old" / "mirrored", "1.0")
    _publish(folder / "new" / "mirrored", "2.0")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Index, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://someone:{_SECRET}@127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def install(tmp_path):
    """Installs what it is told, under the given settings, and returns which version came."""
    environment = tmp_path / "it's an environment"
    subprocess.run(  # noqa: S603 - the command stands here
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True
    )
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))
    }

    def run(requirement="mirrored", config="", **settings):
        (tmp_path / "pip.conf").write_text(config, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - the command stands here
            [sys.executable, _ROOT / "uv_install.py", "--python", environment, requirement],
            env={
                **surroundings,
                "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
                "UV_CACHE_DIR": str(tmp_path / "cache"),
                "UV_HTTP_RETRIES": "0",
                **settings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert _SECRET not in done.stdout
        if done.returncode:
            return done.stdout
        (module,) = environment.rglob("mirrored.py")
        return module.read_text(encoding="utf-8").strip()

    return run


def test_the_index_in_pips_files_is_used(install, indexes):
    assert install(config=f"[global]\nindex-url = {indexes}/old\n") == "version = '1.0'"


def test_the_environment_comes_before_the_files_and_a_command_before_all(install, indexes):
    config = f"[global]\nindex-url = {indexes}/absent\n[install]\nindex-url = {indexes}/old\n"
    assert install(config=config) == "version = '1.0'"
    assert install("mirrored>1", config=config, PIP_INDEX_URL=f"{indexes}/new") == "version = '2.0'"


def test_the_best_of_all_indexes_is_taken_as_with_pip(install, indexes):
    settings = {"PIP_INDEX_URL": f"{indexes}/new", "PIP_EXTRA_INDEX_URL": f"{indexes}/old"}
    assert install(**settings) == "version = '2.0'"


def test_constraints_of_pip_hold(install, indexes, tmp_path):
    (tmp_path / "constraints.txt").write_text("mirrored<2\n", encoding="utf-8")
    settings = {
        "PIP_INDEX_URL": f"{indexes}/new",
        "PIP_EXTRA_INDEX_URL": f"{indexes}/old",
        "PIP_CONSTRAINT": str(tmp_path / "constraints.txt"),
    }
    assert install(**settings) == "version = '1.0'"


def test_who_has_told_uv_of_an_index_means_that_one(install, indexes):
    settings = {"PIP_INDEX_URL": f"{indexes}/new", "UV_DEFAULT_INDEX": f"{indexes}/old"}
    assert install(**settings) == "version = '1.0'"


def test_without_an_index_folders_are_looked_through(install, tmp_path):
    _publish(tmp_path / "wheels", "3.0")
    config = f"[install]\nno-index = yes\nfind-links =\n  {tmp_path}/wheels\n  {tmp_path}\n"
    assert install(config=config) == "version = '3.0'"


def test_a_cache_that_cannot_be_written_is_done_without(install, indexes, tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    settings = {"PIP_INDEX_URL": f"{indexes}/new", "UV_CACHE_DIR": str(taken / "cache")}
    assert install(**settings) == "version = '2.0'"


def test_what_fails_shows_no_password(install, indexes):
    config = f"[global]\nindex-url = {indexes}/old\n"
    assert "No solution found" in install("mirrored>7", config=config)


def test_settings_that_pip_cannot_read_end_it_with_pips_words(install):
    assert "pip.conf" in install(config="index-url = nowhere\n")


@pytest.fixture
def checkout(tmp_path):
    """A folder with the Makefile and an environment that sees what this one has installed."""
    folder = tmp_path / "it's a Pläce (1), $HOME"
    folder.mkdir()
    shutil.copy(_ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "requirements-nodeps.txt", "notebooks/demo_requirements.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=folder, check=True)
    (packages,) = folder.glob(".venv/lib/*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    for stamp in ("uv", "demo", "dev"):
        (folder / ".venv" / f".stamp-{stamp}").touch()
    return folder


def _make(folder, *arguments, **settings):
    done = subprocess.run(  # noqa: S603 - the command stands here
        [shutil.which("make"), *arguments],
        cwd=folder,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


_MAKE_IS_THERE = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@_MAKE_IS_THERE
def test_the_kernel_of_ipykernel_6_shares_packages_whatever_the_folder_is_called(checkout):
    stamp = ".venv/ipykernel6/.stamp"
    assert _make(checkout, "-o", ".venv/.stamp-dev", "INSTALL=true", stamp)[0] == 0
    python = checkout / ".venv/ipykernel6/bin/python"
    subprocess.run([python, "-c", "import ipykernel"], cwd=checkout, check=True)  # noqa: S603


@_MAKE_IS_THERE
def test_an_environment_that_came_along_or_lost_its_python_is_made_anew(checkout):
    anew = "-m venv --clear .venv"
    assert anew not in _make(checkout, "-n", "demo")[1]
    moved = checkout.rename(checkout.with_name("moved"))
    assert anew in _make(moved, "-n", "demo")[1]
    assert anew not in _make(moved.rename(checkout), "help")[1]
    for stamp in ("uv", "demo"):
        (checkout / ".venv" / f".stamp-{stamp}").touch()
    for link in (checkout / ".venv/bin").glob("python*"):
        link.unlink()
        link.symlink_to("/removed/python3")
    assert anew in _make(checkout, "-n", "demo")[1]


@_MAKE_IS_THERE
@pytest.mark.parametrize(
    ("arguments", "settings"), [(["SEED=abc"], {}), (["SEED=1 2"], {}), ([], {"SEED": ""})]
)
def test_a_seed_that_is_no_number_is_refused_before_anything_is_installed(
    checkout, arguments, settings
):
    code, said = _make(checkout, "demo", *arguments, **settings)
    assert code != 0
    assert "give a whole number" in said


@_MAKE_IS_THERE
def test_the_demos_seed_may_come_from_the_environment(checkout):
    assert "MIPRO_DEMO_SEED='7'" in _make(checkout, "-n", "demo", MIPRO_DEMO_SEED="7")[1]
