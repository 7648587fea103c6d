"""The one topological sort: nodes in an order in which every operand comes before its user.

`toposort` is for those who want the order, `Search` for those who go on from another root,
begin at other leaves, or ask what a gradient reaches. Read on in `rule.py`.
"""

from __future__ import annotations

from typing import Final

from . import build
from .build import mypyc_attr
from .node import CUT, Edges, Node

__all__ = ["Search", "toposort"]


class _Count:
    def __init__(self) -> None:
        self.searches = 0


_count: Final = _Count()


class Seen:
    """A set of nodes that is quick in compiled code: a mark in each node it has met."""

    def __init__(self) -> None:
        _count.searches += 1
        self.mark = _count.searches

    def add(self, node: Node) -> None:
        node._mark = self.mark

    def __contains__(self, node: Node) -> bool:
        return node._mark == self.mark


build.quick_set(globals())


def toposort(*roots: Node) -> tuple[list[Node], list[Node]]:
    """The leaves and the interior nodes under `roots`, operands before their users.

    Every edge counts, also one that carries no gradient. Depth-first and iterative, so
    that a chain of a million nodes needs no stack; linear in nodes and edges.
    """
    search = Search()
    for root in roots:
        search.visit(root)
    return search.leaves, search.inner


@mypyc_attr(acyclic=True)
class Search:
    """A depth-first search that can go on from another root.

    `leaves` and `inner` hold what it has finished, operands before their users; `cuts`
    tells whether it met an edge that carries no gradient. It goes across those too, so
    that the order, and with it every rounding of a sum of gradients, depends on the
    expression alone and not on the numbers in it. On the way it can set the gradients of
    interior nodes to 0, which saves a walk of their own.
    """

    def __init__(self, clear: bool = False) -> None:
        self.clear = clear
        self.seen = Seen()
        self.leaves: list[Node] = []
        self.inner: list[Node] = []
        self.cuts = False

    def visit(self, root: Node) -> None:
        """Add what lies under `root`."""
        if root in self.seen:
            return
        clear = self.clear
        seen = self.seen
        leaves = self.leaves
        inner = self.inner
        stack: list[Node] = []  # from the root to where the search stands
        places: list[int] = []  # for each node with `Edges`, the operand to look at next
        node = root
        while True:
            # A node has just been met: go down to its operands, or finish it.
            seen.add(node)
            if node._a is not None:
                stack.append(node)
            elif node._b is not None:
                stack.append(node)
                places.append(0)
                if not self.cuts:
                    self.cuts = cuts_any(node)
            else:
                leaves.append(node)
            below: Node | None = None
            while stack:
                node = stack[-1]
                a = node._a
                b = node._b
                if a is None:
                    below = self.next_operand(node, places)
                    if below is not None:
                        break
                    places.pop()
                elif b is CUT:
                    self.cuts = True
                    if a not in seen:
                        below = a
                        break
                else:
                    if a not in seen:
                        if a._a is not None or a._b is not None:
                            below = a
                            break
                        seen.add(a)
                        leaves.append(a)
                    if b is not None and b not in seen:
                        if b._a is not None or b._b is not None:
                            below = b
                            break
                        seen.add(b)
                        leaves.append(b)
                stack.pop()
                inner.append(node)
                if clear:
                    node._grad = 0.0
            if below is None:
                return
            node = below

    def live(self, roots: list[Node]) -> list[Node]:
        """Those of `inner` that a gradient of the roots reaches, in the same order."""
        if not self.cuts:
            return self.inner
        reached = Seen()
        stack: list[Node] = []
        for root in roots:
            reached.add(root)
            stack.append(root)
        while stack:
            node = stack.pop()
            a = node._a
            b = node._b
            if a is None:
                if isinstance(b, Edges):
                    for x, partial in zip(b.operands, b.partials):
                        if partial is not None and isinstance(x, Node) and x not in reached:
                            reached.add(x)
                            stack.append(x)
            elif b is not CUT:
                if a not in reached:
                    reached.add(a)
                    stack.append(a)
                if b is not None and b not in reached:
                    reached.add(b)
                    stack.append(b)
        return [node for node in self.inner if node in reached]

    def next_operand(self, node: Node, places: list[int]) -> Node | None:
        """The next operand among `Edges` to go down to, or None when all are done."""
        edges = node._b
        assert isinstance(edges, Edges)
        operands = edges.operands
        seen = self.seen
        for place in range(places[-1], len(operands)):
            operand = operands[place]
            if not isinstance(operand, Node) or operand in seen:
                continue
            if operand._a is not None or operand._b is not None:
                places[-1] = place + 1
                return operand
            seen.add(operand)
            self.leaves.append(operand)
        return None


def cuts_any(node: Node) -> bool:
    """Whether some operand among `Edges` gets no gradient though it is a node."""
    edges = node._b
    if not isinstance(edges, Edges) or None not in edges.partials:
        return False
    for x, partial in zip(edges.operands, edges.partials):
        if partial is None and isinstance(x, Node):
            return True
    return False
