"""A look at a model that leaves no trace: one forward pass recorded, its graph as flat lists.

`restored` puts back whatever a forward pass may change; `Recorder` remembers the user's line
of every operation and who read a bare number; `Graph` has the numbers of each node and the
gradients that `backward` would give, without touching anybody's `.grad`.
Read on in `anatomy.py`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..core.lines import user_line
from ..core.node import Node, closure_of, is_leaf
from ..core.observe import Observer
from ..core.view import View
from ..nn.module import Module


@contextmanager
def restored(model: Any, leaves: Iterable[Any]) -> Iterator[None]:
    """A block after which parameters, gradients, modes, buffers and random states are as before."""
    values = [(p, p._data, p.grad) for p in leaves]
    modules = model.modules() if isinstance(model, Module) else []
    modes = [(m, m.training) for m in modules]
    buffers = [(b, list(b)) for m in modules for b in m.buffers().values()]
    generators = [
        (g, g.getstate()) for m in modules for g in vars(m).values() if isinstance(g, random.Random)
    ]
    state = random.getstate()
    numpy = sys.modules.get("numpy")
    other = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        for p, data, grad in values:
            if p._data != data or data != data:
                p.data = data
            if p.grad is not grad:
                p.grad = grad
        for m, mode in modes:
            if m.training != mode:
                m.training = mode
        for numbers, kept in buffers:
            numbers[:] = kept
        for g, kept_state in generators:
            g.setstate(kept_state)
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(other)


class Recorder(Observer):
    """Remembers, of every node made in its block, the user's line; and every bare number read."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.lines: dict[int, str] = {}
        self.births: dict[int, str] = {}  # Values made from numbers
        self.reads: list[tuple[Any, str, str]] = []  # node, how, line
        self.detached: list[tuple[Any, str]] = []

    def made(self, node: Node) -> None:
        self.lines[id(node)] = user_line()
        self.nodes.append(node)

    def born(self, node: Node) -> None:
        self.births[id(node)] = user_line()
        self.nodes.append(node)

    def read(self, node: Node, what: str) -> None:
        self.reads.append((node, what, user_line()))

    def escaping(self, name: str, a: Any, b: Any) -> Any:
        if name == "stop":
            self.detached.append((a, user_line()))
        return None


class Graph:
    """The nodes under a root, leaves first and operands before their users, with all numbers."""

    def __init__(self, view: View, lines: dict[int, str] | None = None) -> None:
        self.view = view
        self.root = view.root
        self.nodes: list[Any] = view.nodes
        self.first = len(view.leaves)  # where the operations begin
        self.index: dict[int, int] = {id(v): Place(i) for i, v in enumerate(self.nodes)}
        self.data: list[float] = [v._data for v in self.nodes]
        place = self.index.get
        # Operands as places in the list; a number that stands in an expression as itself.
        edges = [view.edges(v) for v in self.nodes]
        self.operands: list[list[Any]] = [[place(id(x), x) for x in xs] for xs, _ in edges]
        self.slopes: list[tuple[Any, ...]] = [slopes for _, slopes in edges]
        self.below: list[list[int]] = [[x for x in xs if type(x) is Place] for xs in self.operands]
        self.rules = [
            "" if is_leaf(v) else str((rule := view.rule(v)).name or rule.symbol)
            for v in self.nodes
        ]
        self.lines = lines or {}
        self.gradient = self.swept()

    def __len__(self) -> int:
        return len(self.nodes)

    def rule(self, i: int) -> str:
        """The name of the operation that made a node; empty on a leaf."""
        return self.rules[i]

    def line(self, i: int) -> str:
        """The user's line that made a node, or nothing."""
        return self.lines.get(id(self.nodes[i]), "")

    def under(self, i: int) -> list[int]:
        """The operands of a node that are nodes."""
        return self.below[i]

    def swept(self) -> list[float]:
        """The gradient of the root by each node: the chain rule, kept apart from `.grad`."""
        gradient = [0.0] * len(self.nodes)
        reached = [False] * len(self.nodes)
        top = self.index[id(self.root)]
        gradient[top], reached[top] = 1.0, True
        self.order: list[int] = []  # the nodes whose step was done, the root first
        for i in range(len(self.nodes) - 1, self.first - 1, -1):
            if not reached[i]:
                continue
            self.order.append(i)
            g = gradient[i]
            if closure_of(self.nodes[i]) is not None:
                self.step_by_hand(i, gradient, reached)
                continue
            for x, slope in zip(self.operands[i], self.slopes[i]):
                if slope is not None and type(x) is Place:
                    gradient[x] += slope * g
                    reached[x] = True
        self.reached = reached
        return gradient

    def step_by_hand(self, i: int, gradient: list[float], reached: list[bool]) -> None:
        """The same where the user wrote the step: it is run, and all `.grad` put back."""
        v = self.nodes[i]
        places = sorted({*self.under(i), i})
        kept = [(self.nodes[k], self.nodes[k].grad) for k in places]
        try:
            for k in places:
                self.nodes[k].grad = gradient[k]
            closure_of(v)(v)
            for k in places:
                if k != i:
                    gradient[k] = self.nodes[k]._grad
                    reached[k] = True
        finally:
            for x, g in kept:
                x.grad = g


class Place(int):
    """The place of a node in a `Graph`, told apart from a number in an expression."""

    __slots__ = ()
