"""What several test files share: distances between floats, derivatives of any order, graphs.

The graphs are those that people build and walk by hand. Random ones are in `graphs.py`.
"""

from __future__ import annotations

import math
import os
import random
import signal
import struct
from contextlib import contextmanager

import pytest

from micrograd import Value

LONG = bool(os.environ.get("MICROGRAD_LONG"))  # the searches that take an hour, too
# Rows of the table that sum series of long whole numbers: a number takes up to milliseconds.
SERIES = {
    *("gammainc", "gammaincc", "gammainc_by", "gamma_density", "gamma_slope", "erfcx", "erfcx_by"),
    *("betainc", "betainc_by", "beta_density", "beta_slope", "erfinv", "derfinv"),
    *("j0", "j1", "y0", "y1", "i0", "i1", "bessel_j", "bessel_y", "bessel_i"),
}


def fewer(name: str, points) -> list:
    """The points on which to try a row of the table: of a slow one a tenth, by chance."""
    points = list(points)
    if LONG or name not in SERIES:
        return points
    return random.Random(name).sample(points, len(points) // 10 + 1)


def ulps(found: float, expected: float) -> float:
    """How many units in the last place of `expected` the two are apart; nan is nan."""
    if found == expected or (found != found and expected != expected):
        return 0.0
    if found - found != 0 or expected - expected != 0:
        return math.inf
    return abs(found - expected) / math.ulp(expected)


def bits(xs):
    """Bytes that tell 0.0 from -0.0; every nan is the same."""
    return [struct.pack("d", math.nan if x != x else x) for x in xs]


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


@contextmanager
def interrupted(seconds):
    """What runs within is ended as by Ctrl-C after so many seconds, and that is expected."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
