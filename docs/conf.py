"""How Sphinx builds these pages and the API reference: ``make docs``, where every warning is an error."""

from __future__ import annotations

import ast
import re
import textwrap
from functools import cache
from pathlib import Path

from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

ROOT = Path(__file__).parents[1]

project = "sfray"
extensions = ["myst_parser", "sphinx.ext.napoleon", "autoapi.extension", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = "sfray"
html_copy_source = False
root_doc = "index"
python_use_unqualified_type_names = True  # Path, as the source has it
python_maximum_signature_line_length = 100
exclude_patterns = ["_templates"]

myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

# The source is read, not imported: no engine has to be installed.
autoapi_dirs = ["../sfray"]
autoapi_root = "api"
autoapi_template_dir = "_templates"
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_member_order = "bysource"
autoapi_options = ["members", "undoc-members", "show-inheritance", "show-module-summary"]
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # what fields_once looks for

# Every name of sfray that a docstring or a signature refers to must be there. These are other projects'.
nitpicky = True
OTHERS = """
    abc argparse collections dataclasses enum fractions hydra matplotlib numpy omegaconf packaging pathlib psutil
    peft pyarrow random ray re rich signal string threading tokenizers torch transformers typer types typing verl vllm
"""
nitpick_ignore_regex = [
    ("py:(class|exc|obj)", rf"({'|'.join(OTHERS.split())})\..*"),
    ("py:class", r"[\d.]+|_[A-Z]+"),  # values in the annotations of commands, which Sphinx takes for types
]


def examples_as_code(_app: Sphinx, _what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Takes an indented paragraph of a docstring for code, as Markdown does."""
    for i in range(len(lines) - 1, 1, -1):
        begins = lines[i].startswith("    ") and not lines[i - 1].strip() and lines[i - 2][:1].strip()
        if begins and not lines[i - 2].endswith("::"):
            lines[i:i] = ["::", ""]


def no_types(_app: Sphinx, what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Keeps napoleon from taking what is before a colon for a type: types are in the signatures alone.

    An empty type before a colon of its own says so.
    """
    if what in {"attribute", "data", "property"} and lines:
        lines[0] = f": {lines[0]}"
    for i, line in enumerate(lines[:-1]):
        if line.strip() in {"Returns:", "Yields:"}:
            text = lines[i + 1].lstrip()
            lines[i + 1] = f"{lines[i + 1].removesuffix(text)}: {text}"


FIELD = re.compile(r"^:ivar (\w+): (.*(?:\n[ \t]+.*)*)\n?", re.M)


def fields_once(_app: Sphinx, what: str, _name: str, obj: object, _skip: bool, _options: object) -> None:
    """Moves what a class's docstring says of its fields to the fields, which AutoAPI lists with type and default."""
    if what not in {"class", "exception"}:
        return
    bare = {child.short_name: child for child in obj.children if child.type == "attribute" and not child.docstring}

    def moved(field: re.Match[str]) -> str:
        """Nothing, where the text went to its field; else the text as it was."""
        if field[1] not in bare:
            return field[0]
        first, _, rest = field[2].partition("\n")
        bare[field[1]].docstring = f"{first}\n{textwrap.dedent(rest)}".rstrip()
        return ""

    obj.docstring = FIELD.sub(moved, obj.docstring)


@cache
def imported_names() -> dict[str, str]:
    """Every name of sfray as a module imports it -> the name where it is defined, or where it is imported from."""
    found = {}
    for file in (ROOT / "sfray").rglob("*.py"):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sfray":
                found |= {f"{module}.{name.asname or name.name}": f"{node.module}.{name.name}" for name in node.names}
    return found


class NamesAsPythonFindsThem(SphinxPostTransform):
    """Looks a name up in the module that uses it and where that imports it from, before Sphinx looks anywhere."""

    default_priority = 5  # before Sphinx's own, 10

    def run(self) -> None:
        """Changes the references of one page."""
        objects, imported = self.env.get_domain("py").objects, imported_names()
        for node in self.document.findall(addnodes.pending_xref):
            if node.get("refdomain") == "py" and node["reftype"] != "mod":
                target = node["reftarget"]
                for name in (f"{node.get('py:module')}.{target}", target):
                    while name in imported:
                        name = imported[name]
                    if name in objects:
                        node["reftarget"], node["refspecific"] = name, False
                        if node["reftype"] in {"class", "exc"}:  # a type may be data, an alias
                            node["reftype"] = "obj"
                        break


def setup(app: Sphinx) -> None:
    """Adds the above; napoleon reads the sections of Google style after what has a low number here."""
    app.connect("autodoc-process-docstring", examples_as_code, priority=100)
    app.connect("autodoc-process-docstring", no_types, priority=200)
    app.connect("autoapi-skip-member", fields_once)
    app.add_post_transform(NamesAsPythonFindsThem)
