"""Orders of the backward pass, right and wrong, each on a table of gradients of its own.

Recursion without a sort, breadth first, `=` for `+=`, no reset: each is a few lines that someone
writes at first. They are compared in `comparison.py`; how a single gradient is split is in
`shares.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .record import Graph

Gradients = list[float]
LIMIT = 200_000  # products of the chain rule, after which a wrong order is cut short


class Pushed(Exception):
    """A wrong order has done more products than anyone would wait for."""


class Tape:
    """The products of the chain rule of one order, in a table of gradients of its own."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.gradient: Gradients = [0.0] * len(graph)
        self.steps: list[tuple[int, int, float]] = []  # node, operand, its gradient afterwards
        self.top = graph.index[id(graph.root)]

    def push(self, i: int, replace: bool = False) -> None:
        """One node's step: to each operand its gradient times the local one."""
        graph = self.graph
        for x, slope in zip(graph.operands[i], graph.slopes[i]):
            if slope is not None and type(x) is not float:
                product = slope * self.gradient[i]
                self.gradient[x] = product if replace else self.gradient[x] + product
                self.steps.append((i, int(x), self.gradient[x]))
                if len(self.steps) > LIMIT:
                    raise Pushed


def right(tape: Tape) -> None:
    """The order of backward(): every node after all that use it."""
    tape.gradient[tape.top] = 1.0
    for i in tape.graph.order:
        tape.push(i)


def recursion(tape: Tape) -> None:
    """`def backward(v): v._backward(); for p in v._prev: backward(p)`, without a sort."""
    tape.gradient[tape.top] = 1.0
    stack = [tape.top]
    while stack:
        i = stack.pop()
        tape.push(i)
        stack += reversed(list(dict.fromkeys(tape.graph.under(i))))


def breadth_first(tape: Tape) -> None:
    """A queue from the root outwards, each node once."""
    tape.gradient[tape.top] = 1.0
    queue, seen = deque([tape.top]), {tape.top}
    while queue:
        i = queue.popleft()
        tape.push(i)
        for x in tape.graph.under(i):
            if x not in seen:
                seen.add(x)
                queue.append(x)


def assignment(tape: Tape) -> None:
    """The right order with `=` in the place of `+=`."""
    tape.gradient[tape.top] = 1.0
    for i in tape.graph.order:
        tape.push(i, replace=True)


def no_reset(tape: Tape) -> None:
    """The right order twice, without setting gradients to 0 in between."""
    for _ in range(2):
        tape.gradient[tape.top] = 1.0
        for i in tape.graph.order:
            tape.push(i)


def reverse_of_making(tape: Tape) -> None:
    """From the node made last to the one made first: operands are made before their users."""
    tape.gradient[tape.top] = 1.0
    depth = [0] * len(tape.graph)
    for i in range(tape.graph.first, len(depth)):
        depth[i] = 1 + max((depth[x] for x in tape.graph.under(i)), default=0)
    for i in sorted(tape.graph.order, key=lambda i: (-depth[i], -i)):
        tape.push(i)


def not_reversed(tape: Tape) -> None:
    """From the leaves up, the sort walked in the order in which it was built."""
    tape.gradient[tape.top] = 1.0
    for i in reversed(tape.graph.order):
        tape.push(i)


ORDERS: dict[str, tuple[Callable[[Tape], None], str]] = {
    "recursion": (recursion, "it passes a node's gradient on each time it comes by, before the "
                  "node has it all and again what it passed before"),
    "breadth first": (breadth_first, "it comes to a node by the shortest way, before the longer "
                      "ways have brought their share"),
    "= for +=": (assignment, "where a node is used more than once the last share replaces the "
                 "others"),
    "no reset": (no_reset, "what the first call left is passed on again in the second"),
    "reverse of making": (reverse_of_making, ""),
    "not reversed": (not_reversed, "it passes gradients on before they have arrived"),
}  # fmt: skip


ONE_PASS = ("recursion", "breadth first", "= for +=")
