"""The drawing of micrograd's notebook: `trace` and `draw_dot`, by Graphviz.

The Python package `graphviz` writes the description; to turn it into a picture it needs
Graphviz's program `dot`, which `draw` in this folder does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import Value
from .diagram import check

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
    import graphviz

    from ..toposort import toposort

    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw_dot: rankdir is "LR" or "TB", not {rankdir!r}')
    trace(root)  # numbers in expressions become nodes
    dot = graphviz.Digraph(format=format, graph_attr={"rankdir": rankdir})
    leaves, inner = toposort(root)
    names = {v: str(i) for i, v in enumerate(leaves + inner)}
    for v, name in names.items():
        value: Any = v
        label = f"{escape(value.label)} | " if value.label else ""
        dot.node(
            name=name,
            label=f"{{ {label}data {value.data:.4f} | grad {v._grad:.4f} }}",
            shape="record",
        )
        if value._op:
            dot.node(name=f"{name}op", label=graphviz.escape(value._op))
            dot.edge(f"{name}op", name)
    for v in inner:
        user: Any = v
        for operand in user._prev:
            dot.edge(names[operand], f"{names[v]}op")
    return dot


def escape(text: str) -> str:
    """Text for the label of a record, where braces, bars and angles have a meaning."""
    return "".join(f"\\{c}" if c in '{}|<>\\"' else c for c in text)
