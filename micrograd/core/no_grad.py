"""`no_grad`: a `with` block in which results record no parents."""

from __future__ import annotations

from .node import Node, cut_off
from .observe import Observer
from .rule import UNRECORDED


class no_grad(Observer):
    """A `with` block, or a decorator, in which results record no parents.

    They are leaves: their gradient goes nowhere, and the graph behind them is freed; `backward()`
    of one of them is a ValueError that says so.

    >>> from micrograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y, y._prev
    (Value(data=9.0, grad=0.0), ())
    """

    def made(self, node: Node) -> None:
        cut_off(node)
        node._rule = UNRECORDED
