"""What a graph is made of, and the one topological sort that everything shares.

`Node` holds the fields of a `Value` (its methods are in `engine.py`), `Fan` the
operands of a node that has more than two, and `toposort` puts the nodes under some
roots in an order in which every operand comes before its user.

Read `engine.py` first; it says what the fields mean to the chain rule.
"""

from __future__ import annotations

from typing import Any, Final

try:
    from mypy_extensions import mypyc_attr
except ImportError:  # it is only the compiler of Python that looks at the decorator

    def mypyc_attr(*attributes: str, **settings: object) -> Any:  # type: ignore[misc]
        return lambda cls: cls


__all__ = ["CUT", "Fan", "Node", "Search", "compiled", "mypyc_attr", "toposort"]

# True where this file, and so the engine, runs as machine code.
compiled: Final = not __file__.endswith(".py")


FIELDS: Final = ("_data", "_grad", "_rule", "_a", "_b", "_da", "_db")


@mypyc_attr(acyclic=True)
class Node:
    """The fields of one value in a graph; `Value` in `engine.py` adds the methods.

    An operation of one or two operands keeps them in place, `_a` and `_b`, with the
    local gradients `_da` and `_db` beside them: no tuple, no closure, no dictionary.

    ======================  ==========  ============  ====================================
    the node is             `_a`        `_b`          `_da`, `_db`
    ======================  ==========  ============  ====================================
    a leaf                  None        None
    f(x)                    x           None          df/dx
    f(x, y)                 x           y             df/dx, df/dy
    f(x, 3.0) or f(3.0, x)  x           None          df/dx, the number
    locally constant in x   x           `CUT`         none: no gradient flows to x
    anything else           None        a `Fan`       in the `Fan`
    ======================  ==========  ============  ====================================
    """

    # `_mark` and `_more` exist in compiled code alone: in Python a set and `__dict__` do it.
    __slots__ = FIELDS

    _data: float
    _grad: float
    _rule: Any  # the row of the table in ops.py that made this node
    _a: Node | None
    _b: Node | None
    _da: float
    _db: float
    _mark: int  # the number of the last search that met this node
    _more: dict[str, Any] | None  # attributes that a user set, as on any Python object

    def __init__(self) -> None:
        # A compiled class reads a field faster if it is known to be set from the start.
        self._data = 0.0
        self._grad = 0.0
        self._rule = None
        self._a = None
        self._b = None
        self._da = 0.0
        self._db = 0.0
        self._mark = 0
        self._more = None


if not compiled:
    # In a class made by Python 3.11 or 3.12 the place for a `__dict__`, which users' own
    # attributes need, costs 40 bytes an instance. `AST`, the base of the nodes of syntax
    # trees, has one for 8 and passes it on; nothing else of it is used.
    from _ast import AST

    def _init(self: object) -> None:
        """Nothing: the fields are set by whoever makes a node."""

    globals()["Node"] = type("Node", (AST,), {"__slots__": FIELDS, "__init__": _init})


@mypyc_attr(acyclic=True)
class Fan(Node):
    """The edges of a node that two fields cannot hold.

    `operands` are nodes and numbers in order; `partials` the local gradients, None for
    an operand that gets no gradient; `closure`, if any, replaces the chain rule.
    """

    __slots__ = ("closure", "operands", "partials")

    def __init__(self, operands: tuple[Any, ...], partials: list[Any], closure: Any = None) -> None:
        super().__init__()
        self.operands: tuple[Any, ...] = operands
        self.partials: list[Any] = partials
        self.closure: Any = closure


# In the place of a second operand: the operation is flat here, so its edge is cut.
CUT: Final = Fan((), [])


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


if not compiled:  # in plain Python nothing is quicker than the built-in set
    globals()["Seen"] = set


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
        places: list[int] = []  # for each fan in it, the operand to look at next
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
                    below = self.next_of_fan(node, places)
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
                if isinstance(b, Fan):
                    for x, slope in zip(b.operands, b.partials):
                        if slope is not None and isinstance(x, Node) and x not in reached:
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

    def next_of_fan(self, node: Node, places: list[int]) -> Node | None:
        """The next operand of a fan to go down to, or None when all are done."""
        fan = node._b
        assert isinstance(fan, Fan)
        operands = fan.operands
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
    """Whether some operand of a fan that is a node gets no gradient."""
    fan = node._b
    if not isinstance(fan, Fan) or None not in fan.partials:
        return False
    for x, slope in zip(fan.operands, fan.partials):
        if slope is None and isinstance(x, Node):
            return True
    return False
