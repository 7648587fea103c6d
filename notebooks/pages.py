"""Pages of an executed notebook: to read, to teach from, and with the solutions open.

`page` gives the whole notebook as one HTML file, `slides` a lecture, `solutions` the exercises
with their hints and answers, `site` Markdown for `docs/build.py`. All are self-contained: pictures
are inside, formulas are MathML, and no script comes from elsewhere. `run.py` runs the notebooks.
"""

from __future__ import annotations

import copy
import re
from html import escape
from typing import Any

# Pages hide the code of solutions until it is asked for, and shrink drawings that are too wide.
STYLE = """<style>
.solution > summary { cursor: pointer; margin: 0.5em 0 0.5em 4em; font-family: sans-serif; }
.jp-RenderedSVG img, .jp-RenderedHTMLCommon svg { max-width: 100%; height: auto; }
</style>
"""
SOLUTION = """
{%- extends BASE -%}
{%- block any_cell -%}
{%- if "solution" in cell.metadata.get("tags", []) -%}
<details class="solution" OPEN><summary>Solution: the code</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock any_cell -%}
"""
LINES = 12  # of code that a slide shows at once; more is a click away


def with_mathml(text: str) -> str:
    """The text with its formulas as MathML: pages need no script from elsewhere to show them."""
    from latex2mathml.converter import convert

    def formula(match: re.Match[str]) -> str:
        block, inline = match.groups()
        if block:
            return convert(block, display="block")
        return convert(inline.replace(r"\displaystyle ", "")) if inline else match[0]

    pattern = r"```.*?```|`[^`]*`|\$\$(.+?)\$\$|\$([^$]+?)\$"
    return re.sub(pattern, formula, text, flags=re.DOTALL)


def for_pages(notebook: Any) -> Any:
    """A copy in which widgets are pictures of how they start, and formulas are MathML."""
    notebook = copy.deepcopy(notebook)
    widgets = notebook.metadata.pop("widgets", {})
    states = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if "text/latex" in shown:
                shown["text/html"] = with_mathml(shown.pop("text/latex"))
            view = shown.pop("application/vnd.jupyter.widget-view+json", None)
            if view is not None:
                svg = states.get(view["model_id"], {}).get("state", {}).get("svg", "")
                note = "<p><i>In Jupyter there are sliders here.</i></p>"
                shown["text/html"] = f"{note}{svg}"
    return notebook


def exporter(template: str, is_open: bool = False) -> Any:
    """nbconvert's exporter with solutions behind a click, and nothing from elsewhere."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    source = SOLUTION.replace("BASE", f"'{template}/index.html.j2'")
    source = source.replace("OPEN", "open" if is_open else "")
    found = HTMLExporter(
        template_name=template,
        extra_loaders=[DictLoader({"course": source})],
        template_file="course",
    )
    found.require_js_url = found.mathjax_url = found.jquery_url = found.mermaid_js_url = ""
    return found


def title_of(notebook: Any) -> str:
    return str(notebook.cells[0].source.splitlines()[0].lstrip("# "))


def page(notebook: Any, name: str) -> str:
    """The whole notebook as Jupyter shows it."""
    resources = {"metadata": {"name": name}}
    html, _ = exporter("lab").from_notebook_node(for_pages(notebook), resources=resources)
    html = re.sub(r'<script[^>]*\bsrc=""[^>]*></script>', "", html)
    html = re.sub(
        r'<script type="module">(?:(?!</script>).)*mermaid.*?</script>', "", html, flags=re.DOTALL
    )
    return str(html.replace("</head>", f"{STYLE}</head>", 1))


# Slides -----------------------------------------------------------------------------------


def fragment(notebook: Any, cells: list[Any], is_open: bool = False) -> str:
    """These cells as HTML without head and body."""
    part = copy.copy(notebook)
    part.cells = cells
    return str(exporter("basic", is_open).from_notebook_node(part)[0])


def groups(cells: list[Any]) -> list[list[Any]]:
    """What belongs on one slide: a text, and the code and pictures that follow it."""
    found: list[list[Any]] = []
    for cell in cells:
        solves = "**Solution**" in cell.source or "<b>Solution</b>" in cell.source
        if not found or (cell.cell_type == "markdown" and not solves):
            found.append([])
        found[-1].append(cell)
    return found


def folded(html: str) -> str:
    """The code with everything that is longer than a slide bears behind a click."""

    def fold(match: re.Match[str]) -> str:
        lines = match[0].count("\n")
        if lines <= LINES:
            return match[0]
        return f"<details><summary>code: {lines} lines</summary>{match[0]}</details>"

    return re.sub(r'<div class="highlight.*?</pre></div>', fold, html, flags=re.DOTALL)


def document(title: str, body: str, script: str = "") -> str:
    from pygments.formatters import HtmlFormatter

    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{colours}{LOOK}</style></head>\n"
        f"<body>{body}{script}</body></html>\n"
    )


def slides(notebook: Any, name: str) -> str:
    """A lecture: one slide for each text with what follows it; arrow keys turn them."""
    notebook = for_pages(notebook)
    parts, heading = [], ""
    for cells in groups(notebook.cells):
        titles = re.findall(r"^#+ (.*)$", cells[0].source, re.M)
        again = f"<h4>{escape(heading)}</h4>" if heading and not titles else ""
        heading = titles[-1] if titles else heading
        parts.append(f"<section>{again}{folded(fragment(notebook, cells))}</section>")
    bar = (
        '<nav><button id="back" aria-label="the slide before">&#8592;</button>'
        '<span id="count" role="status"></span>'
        '<button id="on" aria-label="the next slide">&#8594;</button></nav>'
    )
    return document(title_of(notebook), f"<main>{''.join(parts)}</main>{bar}", TURN)


def solutions(notebook: Any, name: str) -> str:
    """The exercises with their hints and solutions, all open."""
    notebook = for_pages(notebook)
    first = next(i for i, c in enumerate(notebook.cells) if "## Exercises" in c.source)
    cells = notebook.cells[first:]
    cells[0].source = cells[0].source[cells[0].source.index("## Exercises") :]
    for cell in cells:
        cell.source = cell.source.replace("<details>", "<details open>")
    title = f"{title_of(notebook)}: solutions"
    body = f"<main class='all'><h1>{escape(title)}</h1>{fragment(notebook, cells, True)}</main>"
    return document(title, body)


LOOK = """
:root { color-scheme: light; }
body { margin: 0; font: 1.35rem/1.5 Georgia, serif; color: #1f2328; background: #fff; }
section { box-sizing: border-box; min-height: 100vh; padding: 4vh 7vw 9vh; overflow-x: auto; }
.turned section { display: none; } .turned section.now { display: block; }
.all { max-width: 50rem; margin: 0 auto; padding: 2rem; font-size: 1.1rem; }
h1, h2, h3, h4, nav, summary { font-family: Helvetica, Arial, sans-serif; line-height: 1.2; }
h4 { margin: 0; color: #57606a; font-weight: normal; }
.anchor-link, .prompt { display: none; }
pre { font-size: 1rem; line-height: 1.4; overflow-x: auto; margin: 0.5em 0; }
.output_text pre, .output_stream pre { white-space: pre-wrap; }
.highlight { background: #f6f8fa; padding: 0.2em 0.8em; border-radius: 4px; }
img, svg { max-width: 100%; max-height: 72vh; height: auto; }
table { border-collapse: collapse; } td, th { padding: 0.2em 0.8em; border: 1px solid #d0d7de; }
summary { cursor: pointer; color: #1f5fa0; font-size: 1rem; margin: 0.4em 0; }
nav { position: fixed; right: 1rem; bottom: 0.7rem; font-size: 1rem; color: #57606a; }
nav button { font-size: 1.2rem; margin: 0 0.4em; }
@media print {
  .turned section { display: block; page-break-after: always; min-height: 0; }
  nav, .solution { display: none; }
}
"""
TURN = """<script>
const all = [...document.querySelectorAll("section")];
let now = Math.min(all.length, Math.max(1, +location.hash.slice(1) || 1)) - 1;
function show(k) {
  now = Math.min(all.length - 1, Math.max(0, k));
  all.forEach((s, i) => s.classList.toggle("now", i === now));
  document.getElementById("count").textContent = `${now + 1} / ${all.length}`;
  history.replaceState(null, "", "#" + (now + 1));
  scrollTo(0, 0);
}
document.body.classList.add("turned");
document.getElementById("back").onclick = () => show(now - 1);
document.getElementById("on").onclick = () => show(now + 1);
addEventListener("hashchange", () => show((+location.hash.slice(1) || 1) - 1));
addEventListener("keydown", e => {
  if (e.target.closest("input, summary, button, [tabindex]")) return;
  const step = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 }[e.key];
  if (step) { e.preventDefault(); show(now + step); }
  if (e.key === "Home") show(0);
  if (e.key === "End") show(all.length - 1);
});
show(now);
</script>"""


# For the site -----------------------------------------------------------------------------


def shown(output: Any, label: str) -> str:
    """What a cell has put out, as HTML."""
    if output.output_type == "stream":
        return f"<pre>{escape(output.text)}</pre>"
    data = output.get("data", {})
    if "text/html" in data:
        return str(data["text/html"])
    if "image/svg+xml" in data:
        return str(data["image/svg+xml"])
    if "image/png" in data:
        picture = data["image/png"].replace("\n", "")
        return f'<img alt="plot: {escape(label)}" src="data:image/png;base64,{picture}">'
    return f"<pre>{escape(data.get('text/plain', ''))}</pre>"


def site(notebook: Any, name: str) -> str:
    """The notebook as a page in Markdown for Sphinx, with its outputs as HTML."""
    parts, heading = [], title_of(notebook)
    for cell, plain in zip(for_pages(notebook).cells, notebook.cells):
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.*)$", plain.source, re.M) or [heading])[-1]
            parts.append(plain.source)
            continue
        solves = "solution" in cell.metadata.get("tags", [])
        if solves:
            parts.append("<details><summary>Solution: the code</summary>")
        parts.append(f"```python\n{cell.source}\n```")
        outputs = "\n".join(shown(output, heading) for output in cell.outputs)
        if outputs:
            outputs = re.sub(r"\n\s*\n", "\n", outputs)  # an empty line ends a block of HTML
            parts.append(f"``````{{raw}} html\n<div class='output'>{outputs}</div>\n``````")
        if solves:
            parts.append("</details>")
    kit = ", ".join(f"<a href='../{k}/{name}.html'>{k}</a>" for k in ("slides", "solutions"))
    parts.append(f"```{{raw}} html\n<p>To teach from: {kit}</p>\n```")
    return "\n\n".join(parts) + "\n"
