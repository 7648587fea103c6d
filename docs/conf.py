"""Settings of Sphinx; `python docs/build.py` builds the site."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docutils import nodes
from latex2mathml.converter import convert

import micrograd

project = "micrograd"
author = "The micrograd authors"
release = micrograd.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["site", "html", "microgpt", "**/README.md"]
default_role = "code"  # `name` in docstrings
html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_title = f"micrograd {release}"
html_show_sphinx = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
suppress_warnings = ["myst.xref_missing"]  # links to sources lead into the repository


def plain(line: str) -> str:
    """The line without marks that mean something else in reStructuredText."""
    if line.lstrip().startswith((">>>", "...")) or line.startswith("    "):
        return line
    parts = line.split("`")
    parts[::2] = [re.sub(r"(\*|_\b)", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def lists(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Lines such as "lr:  the learning rate" become a list; docstrings are plain text."""
    found: list[str] = []
    inside = False
    for line in map(plain, lines):
        match = re.match(r"([a-z_]\w*):\s{1,}(\S.*)$", line)
        if match:
            if not inside:
                found.append("")
            found.append(f"* ``{match[1]}``: {match[2]}")
            inside = True
            continue
        if inside and line.startswith("     "):
            found.append("  " + line.strip())
            continue
        if inside and line:
            found.append("")
        inside = False
        found.append(line)
    lines[:] = found


def links(app: Any, page: str, source: list[str]) -> None:
    """Links to notebooks lead to the pages that `build.py` makes of them."""
    source[0] = re.sub(
        r"\]\((?:\.\./)+notebooks/([\w-]+)\.ipynb\)", r"](/notebooks/\1.md)", source[0]
    )


def inline_formula(writer: Any, node: Any) -> None:
    """A formula as MathML, which browsers draw without any script from elsewhere."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def formula(writer: Any, node: Any) -> None:
    writer.body.append(f"<p>{convert(node.astext(), display='block')}</p>")
    raise nodes.SkipNode


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
    app.connect("autodoc-process-docstring", lists)
    app.connect("source-read", links)
