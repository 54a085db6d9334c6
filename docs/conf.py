"""How Sphinx builds these pages and the API reference: ``make docs``, where every warning is an error."""

from __future__ import annotations

from sphinx.application import Sphinx

project = "sfray"
extensions = ["myst_parser", "sphinx.ext.napoleon", "autoapi.extension", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = "sfray"
root_doc = "index"

myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

# The source is read, not imported: no engine has to be installed.
autoapi_dirs = ["../sfray"]
autoapi_root = "api"
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_member_order = "bysource"
autoapi_options = ["members", "undoc-members", "show-inheritance", "show-module-summary"]
napoleon_use_ivar = True  # a field is described once, where its class lists it

# Functions, modules and data that a docstring refers to must be there. Types in signatures may be re-exported under
# another name, or other projects' own, so they are not looked up.
nitpicky = True
nitpick_ignore_regex = [("py:(class|exc|obj)", ".*")]
suppress_warnings = ["autoapi.python_import_resolution", "ref.python"]


def examples_as_code(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Takes an indented paragraph of a docstring for code, as Markdown does."""
    for i in range(len(lines) - 1, 1, -1):
        begins = lines[i].startswith("    ") and not lines[i - 1].strip() and lines[i - 2][:1].strip()
        if begins and not lines[i - 2].endswith("::"):
            lines[i:i] = ["::", ""]


def setup(app: Sphinx) -> None:
    """Runs before the sections of Google style are read."""
    app.connect("autodoc-process-docstring", examples_as_code, priority=100)
