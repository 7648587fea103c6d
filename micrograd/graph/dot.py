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
from .diagram import Box, Diagram, check
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
    check(root, "trace")
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
    check(root, "draw_dot")
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


def digraph(shown: Diagram, rankdir: str = "LR") -> graphviz.Digraph:
    """A diagram as a `graphviz.Digraph`: a record for each box, a cluster for each frame."""
    graphviz = package()
    dot = graphviz.Digraph(graph_attr={"rankdir": rankdir}, node_attr={"fontname": "Helvetica"})
    boxes_of: dict[int, list[int]] = {}
    frames_of: dict[int, list[int]] = {}
    for i, box in enumerate(shown.boxes):
        boxes_of.setdefault(box.frame, []).append(i)
    for g, frame in enumerate(shown.frames):
        frames_of.setdefault(frame.parent, []).append(g)

    def fill(part: Any, g: int) -> None:
        for i in boxes_of.get(g, ()):
            record(part, shown.boxes[i], str(i))
        for child in frames_of.get(g, ()):
            with part.subgraph(name=f"cluster_{child}") as cluster:
                label = graphviz.escape(clean(shown.frames[child].head))
                cluster.attr(label=label, style="rounded", fontname="Helvetica")
                fill(cluster, child)

    fill(dot, -1)
    for link in shown.links:
        # Graphviz chooses the order: where it matters, each operand says which it is.
        numbered = shown.boxes[link.target].ordered and link.of > 1
        place = {"headlabel": str(link.place + 1), "fontsize": "10"} if numbered else {}
        dot.edge(str(link.source), str(link.target), **place)
    return dot


def record(dot: Any, box: Box, name: str) -> None:
    """One box."""
    if box.kind == "number":
        label = box.label or box.rows[0][1]
        dot.node(name, label=package().escape(label), style="dashed", shape="box")
        return
    note = [box.note] if box.note else []
    cells = [escape(" ".join(box.title.split())), *map(escape, note)]
    cells += [" ".join(row) for row in box.rows]
    rounded = {"style": "rounded"} if box.kind == "leaf" else {}
    dot.node(name, label="|".join(cells), shape="record", **rounded)


def render(shown: Diagram, format: str, rankdir: str = "LR") -> bytes:
    """The diagram as Graphviz's program draws it, in a format such as "svg" or "png"."""
    graphviz = package()
    try:
        return bytes(digraph(shown, rankdir).pipe(format=format))
    except graphviz.ExecutableNotFound:
        raise ValueError(
            f"Graphviz's program dot, which draws {format} here, is not on this machine: install "
            'it ("apt install graphviz", "brew install graphviz", "winget install graphviz"), or '
            'save as .svg with engine="builtin", which needs no program'
        ) from None


def escape(text: str) -> str:
    """Text for the label of a record, where braces, bars and angles have a meaning."""
    return "".join(f"\\{c}" if c in '{}|<>\\"' else c for c in text)
