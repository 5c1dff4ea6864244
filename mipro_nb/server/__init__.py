"""The Jupyter server's extension: recorded runs, for JupyterLab's side panel and tabs."""

from __future__ import annotations

from mipro_nb.server.extension import load

__all__ = ["load"]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "mipro_nb.server"}]


_load_jupyter_server_extension = load
