"""The notebook: magics, the permission dialog, live and recorded views, plots."""

from mipro_nb.notebook.surface import NotebookSurface, notebook_surface, surface_here
from mipro_nb.notebook.views import compare, history, share, show

__all__ = [
    "NotebookSurface",
    "compare",
    "history",
    "notebook_surface",
    "share",
    "show",
    "surface_here",
]
