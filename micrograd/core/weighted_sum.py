"""`weighted_sum`: what a neuron does before its activation, as one node."""

from __future__ import annotations

from typing import Any, Final

from .node import Edges, Node, fill, made
from .number import lift
from .rule import TABLE

# `ops.py` has filled the table: whoever imports this file has imported the engine before.
WEIGHTED_SUM: Final[Any] = TABLE["weighted_sum"]


def weighted_sum(weights: Any, xs: Any, start: Any) -> Any:
    """start + w1*x1 + w2*x2 + ..., the number and the graph of `sum(products, start)`.

    It is one node; whoever looks at it, by `_prev` or in a drawing, sees the products and sums
    that it stands for (`view.py`).
    """
    ws = tuple(weights)
    vs = tuple(xs)
    n = len(ws)
    if n != len(vs):
        raise ValueError(f"weighted_sum: {n} weights for {len(vs)} inputs")
    if n == 0:
        return start
    operands: tuple[Any, ...] = (start,) + ws + vs  # noqa: RUF005  (a third faster compiled)
    # The gradient of a weight is its input, and that of an input its weight.
    partials: list[Any] = [1.0] * (2 * n + 1)
    maker: Node | None = None
    total = 0.0
    if isinstance(start, Node):
        maker = start
        total = start._data
    elif type(start) is float:
        total = start
    else:
        return of_other_numbers(ws, vs, start)
    for i in range(n):
        w = ws[i]
        x = vs[i]
        a = 0.0
        b = 0.0
        if isinstance(w, Node):
            maker = w
            a = w._data
            partials[i + n + 1] = a
        elif type(w) is float:
            a = w
            partials[i + n + 1] = w
        else:
            return of_other_numbers(ws, vs, start)
        if isinstance(x, Node):
            maker = x
            b = x._data
            partials[i + 1] = b
        elif type(x) is float:
            b = x
            partials[i + 1] = x
        else:
            return of_other_numbers(ws, vs, start)
        total += a * b
    if maker is None:
        return total
    value = maker._blank()
    fill(value, total, WEIGHTED_SUM, None, Edges(operands, partials), 0.0, 0.0)
    return made(value)


def of_other_numbers(ws: tuple[Any, ...], vs: tuple[Any, ...], start: Any) -> Any:
    """The same with other kinds of numbers made floats; with arrays, by their own operators."""
    lifted = [x if isinstance(x, Node) else lift(x) for x in (start, *ws, *vs)]
    if None in lifted:
        return sum([w * v for w, v in zip(ws, vs)], start)
    n = len(ws)
    return weighted_sum(lifted[1 : n + 1], lifted[n + 1 :], lifted[0])
