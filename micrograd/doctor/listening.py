"""How a watch hears of things: of calls from a model, of lines and bare numbers from the engine.

Of backward passes it hears through `core/watch.py`, of steps through `optim/looking.py`. Read on
in `loop.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.lines import user_line
from ..core.node import Node
from ..core.observe import Observer
from ..nn.module import Module
from .record import Graph

MOST = 20_000  # nodes whose lines are noted


class Lines(Observer):
    """The user's lines of the first forward pass, for findings to name."""

    def __init__(self) -> None:
        self.kept: list[Any] = []  # keeps identities from being used again
        self.lines: dict[int, str] = {}
        self.reads: list[str] = []  # where a bare number was read
        self.open = False
        self.places: list[tuple[str, str]] = []  # of the graph of that step: operation and line
        self.by_rule: dict[str, set[str]] = {}

    def begin(self) -> None:
        self.open = True
        self.__enter__()

    def end(self) -> None:
        if self.open:
            self.open = False
            self.__exit__()

    def made(self, node: Node) -> None:
        if len(self.kept) < MOST:
            self.kept.append(node)
            self.lines[id(node)] = user_line()

    def read(self, node: Node, what: str) -> None:
        if len(self.reads) < MOST and what == ".data":
            self.reads.append(user_line())

    def learn(self, graph: Graph) -> None:
        """Note where each node of this step's graph was made, and let go of the nodes."""
        graph.lines = self.lines
        self.places = [
            (graph.rule(i), self.lines.get(id(v), "")) for i, v in enumerate(graph.nodes)
        ]
        for rule, line in self.places:
            if line:
                self.by_rule.setdefault(rule, set()).add(line)
        self.kept, self.lines = [], {}

    def name(self, graph: Graph) -> None:
        """Give the nodes of a later graph the lines of those that stand where they do."""
        alike = len(graph) == len(self.places)
        for i in range(graph.first, len(graph)):
            rule = graph.rule(i)
            line = self.places[i][1] if alike and self.places[i][0] == rule else ""
            known = self.by_rule.get(rule, set())
            if not line and len(known) == 1:
                [line] = known
            if line:
                graph.lines[id(graph.nodes[i])] = line


def told_of_calls(model: Any, tell: Callable[[bool], None]) -> Any:
    """The class that a model had; from now on `tell(zeroed)` comes before it is called or zeroed.

    The model gets a class in between, which passes everything on. None where that cannot be, as
    with a function: then its optimizer tells of steps.
    """
    base = type(model)

    def call(this: Any, *xs: Any, **named: Any) -> Any:
        tell(False)
        return base.__call__(this, *xs, **named)

    def zero_grad(this: Any) -> None:
        tell(True)
        base.zero_grad(this)

    names: dict[str, Any] = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    if callable(model):
        names["__call__"] = call
    if hasattr(base, "zero_grad"):
        names["zero_grad"] = zero_grad
    # A Module's own calls are marked with who made what; one that only passes on makes nothing.
    more: dict[str, Any] = {"marks": False} if issubclass(base, Module) else {}
    try:
        model.__class__ = type(base.__name__, (base,), names, **more)
    except TypeError:
        return None
    return base
