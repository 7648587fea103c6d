"""The chain rule on Values: gradients that can be differentiated again; and replay.

`backward()` in `engine.py` passes numbers from node to node. Here the same sums are made
of Values, by evaluating the partial derivatives of the table on the nodes themselves.
`transforms.py` builds on it.
"""

from __future__ import annotations

from typing import Any, Final

from .nodes import (
    attribute,
    closure_of,
    is_leaf,
    is_made_by_hand,
    leaf,
    local_gradients,
    operands_of,
    partials,
    place,
    slopes_of,
)
from .number import Number
from .rule import CHOICE, real
from .toposort import Node, Search, toposort
from .watch import WATCH


class Graphs:
    """Whether any gradient is a Value: as long as none is, `.grad` need not look."""

    def __init__(self) -> None:
        self.used = False


GRAPHS: Final = Graphs()


def set_grad_value(v: Node, gradient: object) -> None:
    """Note the gradient as a Value, or with None forget it."""
    if gradient is not None:
        GRAPHS.used = True
        setattr(v, "_grad_value", gradient)  # noqa: B010  (it is not among the fields)
    elif GRAPHS.used and attribute(v, "_grad_value") is not None:
        delattr(v, "_grad_value")


def contributions(v: Node, gradient: Any) -> list[Any]:
    """What each operand of v gets of its gradient, as Values; None where nothing flows."""
    rule = v._rule
    xs = operands_of(v)
    if closure_of(v) is not None or is_made_by_hand(v):
        raise TypeError(
            f"the operation {rule.symbol!r} was made by hand, with a _backward of numbers: it has "
            "a gradient but no gradient of the gradient; define it with micrograd.custom"
        )
    symbolic = WATCH.symbolic()
    if rule.kind == CHOICE and symbolic:
        if rule.arity == 0:
            passed = rule.partials[0](gradient, xs, v)
        else:
            passed = [p(gradient, *xs, v) for p in rule.partials]
        return [s if isinstance(x, Node) else None for x, s in zip(xs, passed)]
    stored = slopes_of(v)
    # What a choice passes on is constant wherever it can be differentiated.
    slopes = stored if rule.kind == CHOICE else partials(rule, list(xs), xs, v)
    found: list[Any] = []
    for slope, known in zip(slopes, stored):
        if slope is None or known is None:
            found.append(None)
            continue
        s = slope._data if isinstance(slope, Node) else slope
        if s != known and (s == s or known == known) and not symbolic:
            raise ValueError(
                f"the data of an operand of {rule.symbol!r} has changed since the forward pass: "
                "call forward() on the result before backward(create_graph=True)"
            )
        if isinstance(slope, Node):
            found.append(slope * gradient)
        else:
            found.append(gradient if s == 1.0 else -gradient if s == -1.0 else s * gradient)
    return found


def adjoints(root: Number, seed: Any) -> dict[Any, Any]:
    """The gradient of root by every node that it depends on: by node, as a Value."""
    search = Search()
    search.visit(root, WATCH.symbolic())
    found: dict[Any, Any] = {root: seed}
    for v in reversed(search.inner):
        gradient = found.get(v)
        if gradient is None:
            continue
        for x, part in zip(operands_of(v), contributions(v, gradient)):
            if part is not None:
                have = found.get(x)
                found[x] = part if have is None else have + part
    return found


def backward_with_graph(root: Number, seed: Any) -> None:
    """`backward(create_graph=True)`: the same sums, as Values."""
    start = seed
    if not isinstance(seed, Number):
        start = leaf(root._blank(), real(seed, "backward: the seed"))
    found = adjoints(root, start)
    for v in toposort(root)[1]:
        v._grad = 0.0
        set_grad_value(v, None)
    for x, gradient in found.items():
        v = x
        total = gradient
        if is_leaf(v):
            old = attribute(v, "_grad_value")
            if old is not None:
                total = old + gradient
            elif v._grad != 0.0:
                total = gradient + v._grad
        v._grad = total._data
        set_grad_value(v, total)


def replay(root: Number) -> None:
    """Compute every node under root anew from the leaves; all of them, or none."""
    inner = toposort(root)[1]
    for v in inner:
        if is_made_by_hand(v):
            raise TypeError(
                f"forward: the operation {v._rule.symbol!r} was made by hand and cannot be "
                "replayed; define it with micrograd.custom"
            )
    before = [(v._data, v._grad, v._da, v._db, v._a, v._b) for v in inner]
    try:
        for v in inner:
            xs = operands_of(v)
            data = [x._data if isinstance(x, Node) else x for x in xs]
            rule: Any = v._rule
            y: float = rule.forward(*data)
            if closure_of(v) is not None:
                v._data = y
                v._grad = 0.0
            elif isinstance(v, Number):
                slopes = local_gradients(rule, list(xs), data, y)
                place(v, rule.twin if rule.flipped else rule, xs, y, slopes)
    except BaseException:
        for v, fields in zip(inner, before):
            v._data, v._grad, v._da, v._db, v._a, v._b = fields
        raise
