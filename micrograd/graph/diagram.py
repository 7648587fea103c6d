"""What a drawing shows: boxes and edges, taken from a graph of Values.

A `Diagram` is the graph as a person should see it, still without positions: which boxes
there are, what is written in each, and which leads to which.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..engine import Value
from ..nodes import attribute, is_leaf, op_name, operands_of
from ..toposort import Node, toposort


class Box(NamedTuple):
    """One box: a node of the graph, or a number written in an expression."""

    op: str  # the symbol of the operation, empty on a leaf
    label: str
    data: float
    grad: float
    kind: str  # "op", "leaf" or "number"
    node: Any = None


class Link(NamedTuple):
    """An edge from a box to one that uses it, as its operand number `place` of `of`."""

    source: int
    target: int
    place: int
    of: int


class Diagram(NamedTuple):
    boxes: list[Box]
    links: list[Link]

    @property
    def has_gradients(self) -> bool:
        return any(box.grad for box in self.boxes)


def diagram(root: Value, constants: bool = True) -> Diagram:
    """The boxes and edges under root, operands before their users.

    With `constants` the numbers in expressions are boxes too; without, only Values are.
    """
    check(root)
    unfold(root)
    _, inner = toposort(root)
    boxes: list[Box] = []
    links: list[Link] = []
    place_of: dict[Node, int] = {}

    def add(v: Node) -> int:
        place = place_of.get(v)
        if place is None:
            kind = "leaf" if is_leaf(v) else "op"
            place = place_of[v] = len(boxes)
            boxes.append(Box(op_name(v), label_of(v), v._data, v._grad, kind, v))
        return place

    for v in inner:
        operands = operands_of(v)
        shown = [
            (i, x)
            for i, x in enumerate(operands)
            if isinstance(x, Node) or (constants and i not in v._rule.settings)
        ]
        sources = []
        for i, x in shown:
            if isinstance(x, Node):
                sources.append((i, add(x)))
            else:
                sources.append((i, len(boxes)))
                boxes.append(Box("", "", x, 0.0, "number"))
        target = add(v)
        links += [Link(source, target, i, len(shown)) for i, source in sources]
    if not inner:
        add(root)
    return Diagram(boxes, links)


def check(root: object) -> None:
    if not isinstance(root, Value):
        raise TypeError(f"draw takes a Value, not {type(root).__name__} {root!r:.60}")


def unfold(root: Value) -> None:
    """Have the weighted sums of neurons show their products, as `_prev` does."""
    for v in toposort(root)[1]:
        if v._rule.name == "weighted_sum":
            v._prev  # type: ignore[attr-defined]  # noqa: B018


def label_of(v: Node) -> str:
    return str(attribute(v, "_label") or "")


def name_values(scope: dict[str, Any]) -> None:
    """Nothing; afterwards the Values among these variables carry their names as labels.

    Write `name_values(locals())`. A list of Values names its elements `w[0]`, `w[1]`, and
    a Value that has a label keeps it.

    >>> from micrograd import Value
    >>> a = Value(2.0)
    >>> b = a * 3
    >>> name_values({"a": a, "b": b})
    >>> a.label, b.label
    ('a', 'b')
    """
    for name, x in scope.items():
        if name.startswith("_"):
            continue
        if isinstance(x, Value):
            x.label = x.label or name
        elif isinstance(x, (list, tuple)):
            for i, element in enumerate(x):
                if isinstance(element, Value):
                    element.label = element.label or f"{name}[{i}]"


def number(x: float) -> str:
    """A number as it stands in a box: four digits, and a point so that it reads as a float."""
    if x != x or x - x != 0:
        return str(x)
    text = f"{x:.4g}"
    return text if "." in text or "e" in text else text + ".0"


def plural(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def summary(shown: Diagram) -> str:
    """The picture in a sentence, for those who cannot see it."""
    leaves = sum(box.kind == "leaf" for box in shown.boxes)
    inner = sum(box.kind == "op" for box in shown.boxes)
    result = shown.boxes[-1]
    name = result.label or "the result"
    return (
        f"Computation graph of {plural(inner, 'operation')} on {plural(leaves, 'leaf')}; "
        f"{name} is {number(result.data)}."
    ).replace("leafs", "leaves")


def names_of(nodes: Iterable[Any]) -> list[str]:
    return [label_of(v) or op_name(v) or "leaf" for v in nodes]
