"""Builds the front end while a wheel or an sdist of mipro_nb is built.

hatch-jupyter-builder calls `build`, unless SKIP_JUPYTER_BUILDER is set. Nothing is done where the
built files are there and as new as their sources: so what is installed from an sdist needs no Node.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
JS = ROOT / "js"
PACKAGE = ROOT / "mipro_nb"
BUILT = (
    PACKAGE / "notebook" / "static" / "widget.js",
    PACKAGE / "notebook" / "static" / "widget.css",
    PACKAGE / "labextension" / "package.json",
)
# The JupyterLab extension draws with the components of js/shared and their dependencies.
NPM_PACKAGES = (JS, JS / "labextension")
NOT_SOURCES = {"dev", "dist", "node_modules", "tests"}


def build(target_name: str, version: str) -> None:  # noqa: ARG001 (named by the hook)
    """Build widgets and JupyterLab extension, unless they are newer than their sources."""
    if all(file.exists() for file in BUILT):
        oldest = min(file.stat().st_mtime for file in BUILT)
        if all(source.stat().st_mtime <= oldest for source in _sources(JS)):
            return
    npm = shutil.which("npm")
    if npm is None:
        msg = (
            "mipro_nb's widgets have to be built, and npm is not there: install Node 20 or newer "
            "(https://nodejs.org), or install mipro_nb from a wheel or an sdist."
        )
        raise SystemExit(msg)
    for folder in NPM_PACKAGES:
        if not _is_installed(folder):
            _run(npm, "ci", "--no-audit", "--no-fund", folder=folder)
        _run(npm, "run", "build", folder=folder)


class SayWhatIsMissing(BuildHookInterface[Any]):
    """Warns those who pack mipro_nb without its front end; hatchling finds this class."""

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Look whether the built files are there."""
        missing = [str(file.relative_to(ROOT)) for file in BUILT if not file.exists()]
        if missing:
            self.app.display_warning(
                f"mipro_nb is packed without its widgets ({', '.join(missing)}): notebooks will "
                "show text instead. To have them built, unset SKIP_JUPYTER_BUILDER."
            )


def _run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 (every word of it stands above)


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and path.name not in NOT_SOURCES:
            yield from _sources(path)


def _is_installed(folder: Path) -> bool:
    """Tell whether npm has installed what the lockfile names."""
    installed = folder / "node_modules" / ".package-lock.json"
    lockfile = folder / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lockfile.stat().st_mtime
