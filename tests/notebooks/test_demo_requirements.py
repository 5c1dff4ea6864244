"""What `make demo` installs: enough for the quickstart, and nothing of a front end."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from executed import NOTEBOOKS


def test_the_demo_needs_all_that_the_package_does_but_the_front_end():
    script = NOTEBOOKS / "demo_requirements.py"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=True
    )
    project = tomllib.loads((NOTEBOOKS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    left_out = {*project["dependencies"], *extras["local"], *extras["demo"]} - {
        *done.stdout.splitlines()
    }
    assert {requirement.split(">=")[0] for requirement in left_out} == {
        "anywidget",
        "jupyter-server",
        "jupyter-ui-poll",
        "jupyterlab",
    }
