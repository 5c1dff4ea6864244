"""Installs with uv, from where pip would.

python uv_install.py --python PYTHON [what `uv pip install` takes]

uv does not read pip's settings. A mirror that pip is configured for would not be used. These
settings reach uv through its environment, since an address may hold a password.
"""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# What pip calls it, what uv does, and what uv wants between two values.
_SETTINGS = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("proxy", "ALL_PROXY", " "),
)
# Who has told uv itself of an index means that one.
_TOLD_TO_UV = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
# The later one is the stronger.
_SECTIONS = ("global", "install", ":env:")
_TRUE = {"1", "on", "t", "true", "y", "yes"}


def main(arguments: list[str]) -> None:
    """Become uv."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback
    configured = _configured()
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "pip", "install", "--quiet", *arguments]
    if configured.get("no-index", "").lower() in _TRUE:
        command.append("--no-index")
    if not _can_cache(uv):
        command.append("--no-cache")
    os.execve(uv, command, {**_as_uv_reads_it(configured), **os.environ})  # noqa: S606 - no shell


def _can_cache(uv: str) -> bool:
    """Tell whether uv can keep what it fetches: with a read-only home it cannot, and gives up."""
    told = subprocess.run([uv, "cache", "dir"], capture_output=True, check=False)  # noqa: S603
    folder = Path(os.fsdecode(told.stdout.rstrip(b"\n")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return told.returncode == 0 and os.access(folder, os.W_OK)


def _configured() -> dict[str, str]:
    """Return pip's settings, from its files and its environment."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], stdout=subprocess.PIPE, check=False
    )
    if told.returncode:
        sys.exit(told.returncode)  # pip has said why
    found: dict[tuple[str, str], str] = {}
    for line in told.stdout.decode(errors="surrogateescape").splitlines():
        name, _, value = line.partition("=")
        section, _, setting = name.rpartition(".")
        found[section, setting] = ast.literal_eval(value)
    return {
        setting: value
        for wanted in _SECTIONS
        for (section, setting), value in found.items()
        if section == wanted
    }


def _as_uv_reads_it(configured: Mapping[str, str]) -> dict[str, str]:
    environment = {
        name: between.join(configured[setting].split())
        for setting, name, between in _SETTINGS
        if configured.get(setting, "").strip()
    }
    if any(name in os.environ for name in _TOLD_TO_UV):
        environment = {key: value for key, value in environment.items() if key not in _TOLD_TO_UV}
    if "UV_INDEX" in environment:
        # As with pip, the best of all indexes: the first that knows a package may have it too old.
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return environment


if __name__ == "__main__":
    main(sys.argv[1:])
