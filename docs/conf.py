"""How Sphinx builds these pages: `make docs`.

Sphinx with MyST and furo, because it imports the package itself, so that the reference shows names
as users write them; it reports every link, anchor and name that leads nowhere; it renders notebooks
with the outputs that are stored in them; and the site needs nothing from elsewhere. (Material for
MkDocs, the alternative, announces its own end for May 2027.)
"""

import sys
from pathlib import Path

from mipro_nb import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "mipro_nb"
release = __version__
author = "The mipro_nb authors"
copyright = "The mipro_nb authors, Apache-2.0"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "generated",
    "outside",
    "public_names",
    "self_contained",
]
exclude_patterns = ["extensions"]
default_role = "code"
suppress_warnings = [
    # Names of attributes are looked up like any other, and several classes have a `score`.
    "ref.python",
    # What only the JupyterLab extension draws has HTML beside it.
    "mystnb.unknown_mime_type",
]

# `make notebooks` runs them and stores their outputs.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # would be fetched from elsewhere
nb_merge_streams = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
autoclass_content = "class"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = False  # else "a, b" becomes two parameters with one text
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
add_module_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "mipro_nb"
html_static_path = ["static"]
html_css_files = ["outputs.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
