"""What several test files share: distances between floats, derivatives of any order."""

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
