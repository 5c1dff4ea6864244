"""The front end's own tests: one more here, so that all that failed is told in one place."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parents[1] / "js"


@pytest.mark.npm
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (JS / "node_modules").exists(), reason="js/node_modules is not installed")
def test_the_tests_of_the_widgets_pass():
    tested = subprocess.run(  # noqa: S603 - a command of the repository
        [shutil.which("npm"), "--prefix", JS, "test"],
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
