"""Who looks on while a graph is built: no_grad, anomaly checks, scopes, tracing.

An `Observer` is told of every node that its thread makes between entering and leaving
a `with` block. As long as none is active anywhere the engine pays for one comparison.
`no_grad` is in `no_grad.py`, `detect_anomaly` in `autodiff/`, `scope` in `graph/`, tracing
in `compiler/`.
"""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from typing import Any, Final

from .sort import Node, mypyc_attr


class Watch:
    """The observers of each thread, and how many there are in all."""

    def __init__(self) -> None:
        self.active = 0
        self.lock: Any = threading.Lock()
        self.local: Any = threading.local()

    def observers(self) -> list[Any]:
        """Those of this thread, the outermost first."""
        found: list[Any] | None = getattr(self.local, "observers", None)
        if found is None:
            found = self.local.observers = []
        return found

    def enter(self, observer: object) -> None:
        with self.lock:
            self.active += 1
        self.observers().append(observer)

    def leave(self, observer: object) -> None:
        self.observers().remove(observer)
        with self.lock:
            self.active -= 1

    def hide(self) -> list[Any]:
        """The observers of this thread, which see nothing from here on; for `show`."""
        hidden = self.observers()
        self.local.observers = []
        return hidden

    def show(self, hidden: list[Any]) -> None:
        self.local.observers = hidden

    def made(self, node: Node) -> None:
        """Tell all observers of a new node."""
        for observer in self.observers():
            observer.made(node)

    def born(self, node: Node) -> None:
        """Tell them of a Value that was made from a number."""
        for observer in self.observers():
            observer.born(node)

    def read(self, node: Node, what: str) -> None:
        """Tell them that a bare number leaves the graph: by `.data`, `bool()` and the like."""
        for observer in self.observers():
            observer.read(node, what)

    def stepped(self, node: Node) -> None:
        """Tell them that the chain rule has been done at a node."""
        for observer in self.observers():
            observer.stepped(node)

    def stepping(self, node: Node | None) -> None:
        """Tell them of the node whose step of the chain rule is made of new nodes from here on."""
        for observer in self.observers():
            observer.stepping(node)

    def escaping(self, name: str, a: object, b: object) -> Any:
        """What an observer puts in the place of a comparison or a detached Value, or None."""
        for observer in self.observers():
            node = observer.escaping(name, a, b)
            if node is not None:
                return node
        return None

    def symbolic(self) -> bool:
        """Whether the numbers in the graph only stand for others: it is being traced."""
        return self.active > 0 and any([observer.symbolic for observer in self.observers()])


WATCH: Final = Watch()


@mypyc_attr(native_class=False)
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
