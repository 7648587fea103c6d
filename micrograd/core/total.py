"""`Total`: a float whose operators answer where Python's raise.

The partial derivatives in `ops.py` are written with plain operators. At an edge, where
Python's own floats raise ZeroDivisionError, the engine evaluates them with this type.
"""

from __future__ import annotations

from typing import Any

from ..numerics import ieee


def number(x: Any) -> float:
    return x.x if isinstance(x, Total) else float(x)


class Total:
    """A number with the arithmetic of IEEE 754."""

    __slots__ = ("x",)

    def __init__(self, x: float) -> None:
        self.x = x

    def __float__(self) -> float:
        return self.x

    def _apply(self, rule: Any, operands: tuple[Any, ...]) -> Total:
        return Total(rule.forward(*map(number, operands)))

    def __neg__(self) -> Total:
        return Total(-self.x)

    def __add__(self, other: Any) -> Total:
        return Total(self.x + number(other))

    def __sub__(self, other: Any) -> Total:
        return Total(self.x - number(other))

    def __mul__(self, other: Any) -> Total:
        return Total(self.x * number(other))

    def __truediv__(self, other: Any) -> Total:
        return Total(ieee.div(self.x, number(other)))

    def __radd__(self, other: Any) -> Total:
        return Total(number(other) + self.x)

    def __rsub__(self, other: Any) -> Total:
        return Total(number(other) - self.x)

    def __rmul__(self, other: Any) -> Total:
        return Total(number(other) * self.x)

    def __rtruediv__(self, other: Any) -> Total:
        return Total(ieee.div(number(other), self.x))
