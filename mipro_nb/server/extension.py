"""What the Jupyter server loads: the routes below ``mipro_nb/``."""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join

from mipro_nb.server.handlers import ChangesSocket, FilesHandler, RequestsHandler
from mipro_nb.server.run_files import RunFiles
from mipro_nb.server.served_runs import ServedRuns


def load(server: ServerApp) -> None:
    """Have a Jupyter server answer what is asked about recorded runs."""
    runs = {"runs": ServedRuns(parent=server)}
    routes = [
        ("requests", RequestsHandler, runs),
        ("changes", ChangesSocket, runs),
        ("files", FilesHandler, {"files": RunFiles()}),
    ]
    server.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(server.base_url, "mipro_nb", name), handler, given)
            for name, handler, given in routes
        ],
    )
