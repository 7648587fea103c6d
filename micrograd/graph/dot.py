"""Graphviz: `trace` and `draw_dot` of micrograd's notebook, and diagrams in its language.

The Python package `graphviz` writes the description; to turn it into a picture it needs
Graphviz's program `dot`, which the drawings of `picture/svg.py` do without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..core.node import Node, op_name
from ..core.view import View
from ..engine import Value
from .diagram import Diagram, check
from .picture.measure import clean

if TYPE_CHECKING:
    import graphviz


def trace(root: Value) -> tuple[set[Any], set[tuple[Any, Any]]]:
    """All nodes under root, and all edges as pairs of an operand and its user.

    >>> a = Value(2.0)
    >>> nodes, edges = trace(a * a + 1)
    >>> len(nodes), len(edges)
    (4, 3)
    """
    check(root)
    nodes: set[Any] = {root}
    edges: set[tuple[Any, Any]] = set()
    stack = [root]
    while stack:
        v = stack.pop()
        for operand in v._prev:
            edges.add((operand, v))
            if operand not in nodes:
                nodes.add(operand)
                stack.append(operand)
    return nodes, edges


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> graphviz.Digraph:
    """The graph as a `graphviz.Digraph`: a record for each Value, an oval for each operation.

    `format` is what it will be rendered to, `rankdir` "LR" from left to right or "TB" from
    top to bottom.
    """
    graphviz = package()
    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw_dot: rankdir is "LR" or "TB", not {rankdir!r}')
    check(root)
    view = View(root, constants=True)
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    names = {v: str(i) for i, v in enumerate(view.nodes)}
    for v, name in names.items():
        label = f"{escape(clean(v.label))} | " if v.label else ""
        dot.node(
            name=name,
            label=f"{{ {label}data {v._data:.4f} | grad {v._grad:.4f} }}",
            shape="record",
        )
        if op_name(v):
            dot.node(name=f"{name}op", label=graphviz.escape(clean(op_name(v))))
            dot.edge(f"{name}op", name)
    for v in view.inner:
        for x in view.operands(v):
            if isinstance(x, Node):
                dot.edge(names[x], f"{names[v]}op")
    return dot


def package() -> Any:
    """The Python package graphviz, which is imported when it is needed."""
    try:
        return import_module("graphviz")
    except ImportError:
        raise ImportError(
            "this needs the Python package graphviz: pip install graphviz (draw(root).svg does not)"
        ) from None


def digraph(shown: Diagram) -> graphviz.Digraph:
    """A diagram as a `graphviz.Digraph`: one record for each box."""
    graphviz = package()
    dot = graphviz.Digraph(graph_attr={"rankdir": "LR"}, node_attr={"fontname": "Helvetica"})
    for i, box in enumerate(shown.boxes):
        if box.kind == "number":
            dot.node(str(i), label=graphviz.escape(box.rows[0][1]), style="dashed", shape="box")
            continue
        note = [box.note] if box.note else []
        cells = [escape(" ".join(box.title.split())), *map(escape, note)]
        cells += [" ".join(row) for row in box.rows]
        rounded = {"style": "rounded"} if box.kind == "leaf" else {}
        dot.node(str(i), label="|".join(cells), shape="record", **rounded)
    for link in shown.links:
        dot.edge(str(link.source), str(link.target))
    return dot


def render(shown: Diagram, format: str) -> bytes:
    """The diagram as Graphviz's program draws it, in a format such as "svg" or "png"."""
    graphviz = package()
    try:
        return bytes(digraph(shown).pipe(format=format))
    except graphviz.ExecutableNotFound:
        raise ValueError(
            f"Graphviz's program dot, which draws {format} here, is not on this machine: install "
            'it ("apt install graphviz", "brew install graphviz", "winget install graphviz"), or '
            'save as .svg with engine="builtin", which needs no program'
        ) from None


def escape(text: str) -> str:
    """Text for the label of a record, where braces, bars and angles have a meaning."""
    return "".join(f"\\{c}" if c in '{}|<>\\"' else c for c in text)
