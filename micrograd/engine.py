"""`Value`: a number that remembers how it was computed, and `backward()`.

Each operation makes a node. A node keeps its number, its operands, and the local
gradients: how fast its number changes with each operand. `backward()` puts the nodes in
topological order and walks it from the result to the leaves; every node adds to the
gradient of each operand its own gradient times the local one. That is the chain rule;
the `+=` is there because a number that is used twice is responsible twice.

The operators state their local gradients in place, because they are the hot path and the
lesson; all other operations come from the table in `ops.py`, which is to be read next. How a
node lies in memory is in `core/node.py`, its attributes are in `core/number.py`, the sort is in
`core/sort.py`. Where a C compiler is at hand this file becomes machine code as it stands.
"""

from __future__ import annotations

import numbers
import threading
from typing import Any, Final

from .core import build
from .core.build import mypyc_attr
from .core.chain import PASSES, accumulate, backward_with_graph
from .core.node import BLANK, CUT, LEAF, Edges, Node, apply, by_hand, fill, node, unary
from .core.number import Number, lift, values
from .core.rule import method, real
from .core.sort import Search
from .core.watch import WATCH
from .numerics import ieee
from .ops import TABLE

ADD: Final[Any] = TABLE["add"]
SUB: Final[Any] = TABLE["sub"]
MUL: Final[Any] = TABLE["mul"]
DIV: Final[Any] = TABLE["div"]
POW: Final[Any] = TABLE["pow"]
NEG: Final[Any] = TABLE["neg"]
EXP: Final[Any] = TABLE["exp"]
RELU: Final[Any] = TABLE["relu"]
SUB_FROM: Final[Any] = SUB.reflected
DIV_INTO: Final[Any] = DIV.reflected

# One backward pass at a time: it keeps the adjoints in the nodes, which threads may share.
LOCK: Final[Any] = threading.RLock()


@mypyc_attr(acyclic=True)
class Value(Number):
    """A real number that records how it was computed, so that it can be differentiated.

    `Value(2.0)` is a leaf. Arithmetic with Values and numbers, the functions of `math`
    as methods, and those of `micrograd` give new Values that know their operands.

    data:  the number, a float
    grad:  how fast the root of the latest `backward()` changes with this number
    label: a name for drawings

    `_children` and `_op` are for operations made by hand, as in micrograd: give the
    operands and a name, then assign a `_backward`.

    >>> a, b = Value(2.0), Value(-3.0)
    >>> c = a * b + a**2
    >>> c
    Value(data=-2.0, grad=0.0)
    >>> c.backward()
    >>> a.grad, b.grad
    (1.0, 2.0)
    """

    __slots__ = ()

    def __init__(
        self, data: object, _children: object = (), _op: object = "", label: object = ""
    ) -> None:
        super().__init__()
        if data is BLANK:
            return
        number = data if type(data) is float else real(data, "Value")
        if _op or _children:
            by_hand(self, values(_children), number, str(_op))
        else:
            fill(self, number, LEAF, None, None, 0.0, 0.0)
        if label:
            self.label = str(label)
        if WATCH.active or WATCH.noting:
            WATCH.born(self)

    # The operators, each with its local gradients -----------------------------------------

    def __add__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data + other._data, ADD, self, other, 1.0, 1.0)
        c = lift(other)
        return NotImplemented if c is None else node(self._data + c, ADD, self, None, 1.0, c)

    def __radd__(self, other: object) -> Any:
        return self.__add__(other)

    def __mul__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data * other._data, MUL, self, other, other._data, self._data)
        c = lift(other)
        return NotImplemented if c is None else node(self._data * c, MUL, self, None, c, c)

    def __rmul__(self, other: object) -> Any:
        return self.__mul__(other)

    def __sub__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data - other._data, SUB, self, other, 1.0, -1.0)
        c = lift(other)
        return NotImplemented if c is None else node(self._data - c, SUB, self, None, 1.0, c)

    def __rsub__(self, other: object) -> Any:
        c = lift(other)
        return NotImplemented if c is None else node(c - self._data, SUB_FROM, self, None, -1.0, c)

    def __truediv__(self, other: object) -> Any:
        if isinstance(other, Value):
            b = other._data
            if b == 0.0:
                return apply(DIV, (self, other))
            y = self._data / b
            return node(y, DIV, self, other, 1.0 / b, -y / b)
        c = lift(other)
        if c is None or c == 0.0:
            return NotImplemented if c is None else apply(DIV, (self, c))
        return node(self._data / c, DIV, self, None, 1.0 / c, c)

    def __rtruediv__(self, other: object) -> Any:
        c = lift(other)
        b = self._data
        if c is None or b == 0.0:
            return NotImplemented if c is None else apply(DIV, (c, self))
        y = c / b
        return node(y, DIV_INTO, self, None, -y / b, c)

    def __pow__(self, other: object, modulus: object = None) -> Any:
        if modulus is not None:
            return NotImplemented
        if isinstance(other, Value):
            return apply(POW, (self, other))
        c = lift(other)
        if c == 2.0:
            return node(ieee.power(self._data, 2.0), POW, self, None, 2.0 * self._data, c)
        return NotImplemented if c is None else apply(POW, (self, c))

    def __rpow__(self, other: object) -> Any:
        c = lift(other)
        return NotImplemented if c is None else apply(POW, (c, self))

    def __neg__(self) -> Any:
        return node(-self._data, NEG, self, None, -1.0, 0.0)

    def relu(self) -> Any:
        """self where it is positive, else 0."""
        x = self._data
        if x > 0.0:
            return node(x, RELU, self, None, 1.0, 0.0)
        if x <= 0.0:
            return node(0.0, RELU, self, CUT, 0.0, 0.0)
        return node(x, RELU, self, None, x, 0.0)

    def exp(self) -> Any:
        """e to the power of self."""
        y = ieee.exp(self._data)
        return node(y, EXP, self, None, y, 0.0)

    def _apply(self, rule: Any, xs: tuple[Any, ...]) -> Any:
        # The quick way for the operation that networks use most.
        return self.relu() if rule is RELU else apply(rule, xs)

    def _step(self) -> None:
        PASSES.count += 1
        sweep([self], True)

    def _blank(self) -> Node:
        return Value(BLANK)

    # The chain rule -----------------------------------------------------------------------

    def backward(self, seed: object = 1.0, create_graph: bool = False) -> None:
        """Nothing; afterwards every node under self has its gradient in `.grad`.

        The gradient of a leaf is added to what it had, so it counts over several calls;
        that of an interior node is the one of this call. `seed` is the gradient that
        self starts with. With `create_graph` the gradients are Values and can themselves
        be differentiated. An error or an interrupt on the way leaves all leaves as they
        were.

        >>> x = Value(3.0)
        >>> y = x * x + x
        >>> y.backward()
        >>> x.grad
        7.0
        """
        if create_graph:
            backward_with_graph(self, seed)
            return
        start = real(seed, "backward: the seed")
        with LOCK:
            search = Search(clear=True)  # sets the gradients of interior nodes to 0
            search.visit(self)
            accumulate(self, start, search, sweep)


# The chain rule ---------------------------------------------------------------------------


def sweep(order: list[Node], alone: bool = False) -> None:
    """From the last node to the first, pass the gradient on: the chain rule."""
    if WATCH.active and not alone:  # node by node, with all who watch looking on
        for v in reversed(order):
            sweep([v], True)
            WATCH.stepped(v)
        return
    for v in reversed(order):
        a = v._a
        b = v._b
        g = v._grad
        if a is not None:
            if b is None:
                a._grad += v._da * g
            elif b is not CUT:
                a._grad += v._da * g
                b._grad += v._db * g
        elif isinstance(b, Edges):
            if b.closure is not None:
                b.closure(v)
                continue
            operands = b.operands
            partials = b.partials
            for i in range(len(partials)):
                partial = partials[i]
                x = operands[i]
                if partial is not None and isinstance(x, Node):
                    d: float = partial
                    x._grad += d * g


# Everything else in the table becomes a method, under its own name and NumPy's.
for _rule in TABLE.values():
    if not _rule.internal:
        for _name in (_rule.name, *_rule.aliases):
            if not hasattr(Value, _name):
                setattr(Value, _name, method(_rule, unary, apply))

numbers.Real.register(Value)
build.keep_docstring(Value, __file__)
build.quick_value(Value)
