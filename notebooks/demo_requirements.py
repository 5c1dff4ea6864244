"""Print what the demo needs installed, a requirement a line: all but what a front end needs.

python notebooks/demo_requirements.py
"""

import re
import tomllib
from pathlib import Path

_PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
# `make demo` executes its notebook without a front end, and JupyterLab is most of what there is to
# install. (ipywidgets stays: tqdm's bars are one line in the executed notebook with it, and a
# hundred without.)
_OF_THE_FRONT_END = {"anywidget", "jupyter-server", "jupyter-ui-poll", "jupyterlab"}


def requirements() -> list[str]:
    """Return the requirements of the demo."""
    project = tomllib.loads(_PYPROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["local"], *extras["demo"]]
    return [each for each in wanted if _name(each) not in _OF_THE_FRONT_END]


def _name(requirement: str) -> str:
    (name,) = re.findall(r"^[\w-]+", requirement)
    return str(name)


if __name__ == "__main__":
    print("\n".join(requirements()))
