"""`Value`: a number that remembers how it was computed, and `backward()`.

Each operation makes a node. A node keeps its number, its operands, and the local
gradients: how fast its number changes with each operand. `backward()` puts the nodes in
topological order and walks it from the result to the leaves; every node adds to the
gradient of each operand its own gradient times the local one. That is the chain rule;
the `+=` is there because a number that is used twice is responsible twice.

The operators state their local gradients in place, because they are the hot path and the
lesson; all other operations come from the table in `ops.py`, which is to be read next.
How a node is laid out in memory, and the topological sort, are in `core/sort.py`.

This file is compiled to machine code as it stands where a C compiler is at hand. (Past 300
lines because a class is one piece, and every operator has its few lines in it.)
"""

from __future__ import annotations

import functools
import numbers
import os
import threading
from collections import deque
from itertools import repeat
from typing import Any, Final

from .core.chain import GRAPHS, backward_with_graph, replay, set_grad_value, take_grad_values
from .core.no_grad import NO_GRAPH, UNRECORDED
from .core.node import LEAF, apply, attribute, op_name, parents, set_closure, unary
from .core.number import Number, lift
from .core.observe import WATCH
from .core.rule import method, opaque, real
from .core.sort import CUT, Fan, Node, Search, compiled, mypyc_attr
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
SUB_FROM: Final[Any] = SUB.twin
DIV_INTO: Final[Any] = DIV.twin

BLANK: Final = object()  # what Value() is given to stay empty
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
        this: Node = self
        this._data = data if type(data) is float else real(data, "Value")
        this._grad = 0.0
        this._rule = LEAF
        this._a = None
        this._b = None
        this._da = 0.0
        this._db = 0.0
        if _op:
            this._rule = opaque(str(_op))
        if _children:
            children: tuple[Any, ...] = tuple(_children)  # type: ignore[arg-type]
            for child in children:
                if not isinstance(child, Value):
                    raise TypeError(f"Value: _children are Values, not {child!r:.60}")
            this._b = Fan(children, [None] * len(children))
        if label:
            self.label = str(label)
        if WATCH.active:
            WATCH.born(self)

    # What a node holds ----------------------------------------------------------------

    @property
    def data(self) -> float:
        """The number. Assigning converts any real number to a float."""
        if WATCH.active:
            WATCH.read(self, ".data")
        return self._data

    @data.setter
    def data(self, number: object) -> None:
        if WATCH.active:
            WATCH.read(self, "assigning .data")
        this: Node = self
        this._data = number if type(number) is float else real(number, "data")

    @property
    def grad(self) -> Any:
        """The gradient of the latest `backward()` with respect to this number.

        On a leaf the sum over all calls since it was last set to 0. A float, or a Value
        after `backward(create_graph=True)`.
        """
        if GRAPHS.used:
            value = attribute(self, "_grad_value")
            if value is not None:
                return value
        if WATCH.active:
            WATCH.read(self, ".grad")
        return self._grad

    @grad.setter
    def grad(self, gradient: object) -> None:
        this: Node = self
        if isinstance(gradient, Value):
            this._grad = gradient._data
            set_grad_value(self, gradient)
        else:
            this._grad = gradient if type(gradient) is float else real(gradient, "grad")
            if GRAPHS.used:
                set_grad_value(self, None)

    @property
    def label(self) -> str:
        """A name for drawings; empty until set."""
        return str(attribute(self, "_label") or "")

    @label.setter
    def label(self, name: object) -> None:
        setattr(self, "_label", str(name))

    @property
    def requires_grad(self) -> bool:
        """Whether optimizers move it: True until it is set to False, which freezes a parameter."""
        return attribute(self, "_requires_grad") is not False

    @requires_grad.setter
    def requires_grad(self, needed: object) -> None:
        setattr(self, "_requires_grad", bool(needed))

    @property
    def _op(self) -> str:
        """The name of the operation; empty on a leaf, `**2` for a power of 2."""
        return op_name(self)

    @_op.setter
    def _op(self, name: object) -> None:
        this: Node = self
        this._rule = opaque(str(name))

    @property
    def _prev(self) -> tuple[Any, ...]:
        """The operands in order, one that is used twice twice; () on a leaf.

        A number written in an expression becomes a leaf of its own when asked for here.
        """
        return parents(self)

    @property
    def _backward(self) -> Any:
        """A function without arguments: one step of the chain rule, from here to the operands.

        Assigning one of your own replaces the step, also within `backward()`.
        """
        return functools.partial(step, self)

    @_backward.setter
    def _backward(self, closure: object) -> None:
        set_closure(self, closure)

    # The operators, each with its local gradients -----------------------------------------

    def __add__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data + other._data, ADD, self, other, 1.0, 1.0)
        c = lift(other)
        if c is None:
            return NotImplemented
        return node(self._data + c, ADD, self, None, 1.0, c)

    def __radd__(self, other: object) -> Any:
        return self.__add__(other)

    def __mul__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data * other._data, MUL, self, other, other._data, self._data)
        c = lift(other)
        if c is None:
            return NotImplemented
        return node(self._data * c, MUL, self, None, c, c)

    def __rmul__(self, other: object) -> Any:
        return self.__mul__(other)

    def __sub__(self, other: object) -> Any:
        if isinstance(other, Value):
            return node(self._data - other._data, SUB, self, other, 1.0, -1.0)
        c = lift(other)
        if c is None:
            return NotImplemented
        return node(self._data - c, SUB, self, None, 1.0, c)

    def __rsub__(self, other: object) -> Any:
        c = lift(other)
        if c is None:
            return NotImplemented
        return node(c - self._data, SUB_FROM, self, None, -1.0, c)

    def __truediv__(self, other: object) -> Any:
        if isinstance(other, Value):
            b = other._data
            if b == 0.0:
                return apply(DIV, (self, other))
            y = self._data / b
            return node(y, DIV, self, other, 1.0 / b, -y / b)
        c = lift(other)
        if c is None:
            return NotImplemented
        if c == 0.0:
            return apply(DIV, (self, c))
        return node(self._data / c, DIV, self, None, 1.0 / c, c)

    def __rtruediv__(self, other: object) -> Any:
        c = lift(other)
        if c is None:
            return NotImplemented
        b = self._data
        if b == 0.0:
            return apply(DIV, (c, self))
        y = c / b
        return node(y, DIV_INTO, self, None, -y / b, c)

    def __pow__(self, other: object, modulus: object = None) -> Any:
        if modulus is not None:
            return NotImplemented
        if isinstance(other, Value):
            return apply(POW, (self, other))
        c = lift(other)
        if c is None:
            return NotImplemented
        if c == 2.0:
            return node(ieee.power(self._data, 2.0), POW, self, None, 2.0 * self._data, c)
        return apply(POW, (self, c))

    def __rpow__(self, other: object) -> Any:
        c = lift(other)
        if c is None:
            return NotImplemented
        return apply(POW, (c, self))

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

    def _apply(self, rule: Any, operands: tuple[Any, ...]) -> Any:
        # The quick way for the operation that networks use most.
        return self.relu() if rule is RELU else apply(rule, operands)

    def _blank(self) -> Number:
        return blank()

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
        if self._rule is UNRECORDED:
            raise ValueError(NO_GRAPH)
        if create_graph:
            backward_with_graph(self, seed)
            return
        start = real(seed, "backward: the seed")
        with LOCK:
            search = Search(clear=True)
            search.visit(self)
            # What no gradient reaches, behind a dead ReLU say, keeps a gradient of 0.
            live = search.live([self])
            leaves = search.leaves
            before = [leaf._grad for leaf in leaves]
            graphs: list[Any] = []
            try:
                if GRAPHS.used:  # a `_backward` of someone's own is to find numbers in .grad
                    graphs = take_grad_values(leaves + search.inner)
                for v in leaves:
                    v._grad = 0.0
                this: Node = self
                this._grad = start
                if WATCH.active:
                    watched_sweep(live)
                else:
                    sweep(live)
                after = [old + leaf._grad for old, leaf in zip(before, leaves)]
                set_grads(leaves, after)
            except BaseException:
                set_grads(leaves, before)
                for v, gradient in graphs:
                    set_grad_value(v, gradient)
                raise

    def forward(self) -> float:
        """The number that results from the leaves as they are now.

        Replays every operation under self, with new local gradients, after some leaf's
        `.data` was changed. What Python decided on the way, an `if` or the condition
        given to `where` as a bool, stays as it was.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> x.data = 5.0
        >>> y.forward()
        25.0
        """
        if WATCH.active:
            WATCH.read(self, "forward()")
        replay(self)
        return self._data

    def detach(self) -> Any:
        """A leaf with the same number: what is computed from it passes no gradient to self."""
        kept = WATCH.escaping("stop", self, None) if WATCH.active else None
        return Value(self._data) if kept is None else kept

    # An ordinary object -------------------------------------------------------------------

    def __copy__(self) -> Any:
        from .core.copying import shallow_copy

        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from .core.copying import deep_copy

        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: object) -> Any:
        from .core.copying import reduced

        return reduced(self)

    def __init_subclass__(cls, **arguments: object) -> None:
        raise TypeError(
            "Value cannot be subclassed: set attributes on instances, write functions of Values, "
            "or add an operation with micrograd.custom"
        )

    # Attributes of a user's own: in Python `__dict__` has them, and these two are removed.

    def __getattr__(self, name: str) -> Any:
        more = self._more
        if more is None or name not in more:
            raise AttributeError(f"'Value' object has no attribute {name!r}")
        return more[name]

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(Value, name):
            object.__setattr__(self, name, value)
            return
        this: Node = self
        if this._more is None:
            this._more = {}
        this._more[name] = value

    def __delattr__(self, name: str) -> None:
        more = self._more
        if more is None or name not in more:
            raise AttributeError(f"'Value' object has no attribute {name!r}")
        del more[name]


# Making nodes -----------------------------------------------------------------------------


def blank() -> Value:
    """A Value with nothing in it yet."""
    return Value(BLANK)


def node(data: float, rule: Any, a: Node, b: Node | None, da: float, db: float) -> Value:
    """A new interior node; the fields are those in the table in `Node`."""
    value = blank()
    this: Node = value
    this._data = data
    this._grad = 0.0
    this._rule = rule
    this._a = a
    this._b = b
    this._da = da
    this._db = db
    if WATCH.active:
        WATCH.made(value)
    return value


# The chain rule ---------------------------------------------------------------------------


def sweep(order: list[Node]) -> None:
    """From the last node to the first, pass the gradient on: the chain rule."""
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
        elif isinstance(b, Fan):
            if b.closure is not None:
                b.closure(v)
                continue
            operands = b.operands
            slopes = b.partials
            for i in range(len(slopes)):
                slope = slopes[i]
                x = operands[i]
                if slope is not None and isinstance(x, Node):
                    d: float = slope
                    x._grad += d * g


def step(v: Node) -> None:
    """The chain rule at one node."""
    sweep([v])


def watched_sweep(order: list[Node]) -> None:
    """The same node by node, with all who watch this thread looking on."""
    for v in reversed(order):
        sweep([v])
        WATCH.stepped(v)


def set_grads(nodes: list[Node], gradients: list[float]) -> None:
    """Set them all, or none: a signal such as Ctrl-C cannot come in between."""
    if compiled:
        for v, gradient in zip(nodes, gradients):
            v._grad = gradient
    else:  # one call into C
        deque(map(setattr, nodes, repeat("_grad"), gradients), maxlen=0)


# Everything else in the table becomes a method, under its own name and NumPy's.
for _rule in TABLE.values():
    if not _rule.helper:
        for _name in (_rule.name, *_rule.aliases):
            if not hasattr(Value, _name):
                setattr(Value, _name, method(_rule, unary, apply))

numbers.Real.register(Value)

if compiled:
    # The compiler drops docstrings: help(Value) has it from the source that lies beside.
    _source = os.path.join(os.path.dirname(__file__), "engine.py")
    if os.path.exists(_source):
        with open(_source, encoding="utf-8") as _file:
            setattr(Value, "__doc__", _file.read().split("class Value(Number):")[1].split('"""')[1])
else:
    # Python makes an empty object faster without __init__, and knows about attributes.
    globals()["blank"] = functools.partial(Value.__new__, Value)
    for _name in ("__getattr__", "__setattr__", "__delattr__"):
        delattr(Value, _name)
