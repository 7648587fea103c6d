"""What several test files share: distances between floats, derivatives of any order, graphs.

The graphs are those that people build and walk by hand. Random ones are in `graphs.py`.
"""

from __future__ import annotations

import math

from micrograd import Value


def ulps(found: float, expected: float) -> float:
    """How many units in the last place of `expected` the two are apart; nan is nan."""
    if found == expected or (found != found and expected != expected):
        return 0.0
    if found - found != 0 or expected - expected != 0:
        return math.inf
    return abs(found - expected) / math.ulp(expected)


def derivative(f, x: float, order: int) -> float:
    """The derivative of f at x of that order, by differentiating the gradient again."""
    leaf = Value(x)
    y = f(leaf)
    for _ in range(order):
        leaf.grad = 0
        y.backward(create_graph=True)
        y = leaf.grad
        if not isinstance(y, Value):
            return 0.0 * y if y == 0 else y
    return y.data if isinstance(y, Value) else y


def readme_expression(a, b):
    """The expression of micrograd's README; at -4 and 2 it is 24.7041."""
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    return g


def product_by_hand(a, b, name):
    """A product with a step of its own, as courses do."""
    out = Value(a.data * b.data, (a, b), name)

    def _backward():
        a.grad += b.data * out.grad
        b.grad += a.data * out.grad

    out._backward = _backward
    return out


def notebook_trace(root):
    """What the function of micrograd's notebook finds: nodes and edges, by recursion."""
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges
