"""`Observer`, which is told of every node while a `with` block runs, and `no_grad`.

`detect_anomaly` is in `check.py`, `scope` in `graph/`, tracing in `compiler/`; how the
engine reaches them is in `watch.py`.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from .toposort import Node
from .watch import WATCH


class Observer(ContextDecorator):
    """The base of a mode: what it overrides is called by the engine, in this thread alone."""

    symbolic = False  # whether the numbers in the graph only stand for others

    def __enter__(self) -> Any:
        WATCH.enter(self)
        return self

    def __exit__(self, *error: object) -> None:
        WATCH.leave(self)

    def made(self, node: Node) -> None:
        """A new interior node is complete."""

    def born(self, node: Node) -> None:
        """A Value was made from a number: a leaf."""

    def read(self, node: Node, what: str) -> None:
        """A bare number is about to leave the graph, by what is named (".data", "bool()")."""

    def stepped(self, node: Node) -> None:
        """backward() has done the chain rule at a node."""

    def stepping(self, node: Node | None) -> None:
        """The chain rule at this node is about to make nodes of its own; None: no longer."""

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        """A comparison ("less", ...) or a detached Value ("stop") is about to leave the graph.

        A node that comes back takes its place.
        """
        return None


class no_grad(Observer):
    """A `with` block, or a decorator, in which results record no parents.

    They are leaves: their gradient goes nowhere, and the graph behind them is freed.

    >>> from micrograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y, y._prev
    (Value(data=9.0, grad=0.0), ())
    """

    def made(self, node: Node) -> None:
        from .nodes import cut_off

        cut_off(node)
