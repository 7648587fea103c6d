"""`Value`: a number that remembers how it was computed, and `backward()`.

Each operation makes a node. A node keeps its number, its operands, and the local
gradients: how fast its number changes with each operand. `backward()` puts the nodes in
topological order and walks it from the result to the leaves; every node adds to the
gradient of each operand its own gradient times the local one. That is the chain rule;
the `+=` is there because a number that is used twice is responsible twice.

The operators state their local gradients in place, because they are the hot path and the
lesson; all other operations come from the table in `ops.py`, which is to be read next.
How a node is laid out in memory, and the topological sort, are in `toposort.py`.

This file is compiled to machine code as it stands where a C compiler is at hand.
"""

from __future__ import annotations

import functools
import numbers
import threading
from collections import deque
from itertools import repeat
from typing import Any, Final

from . import ieee
from .closure import OwnStep
from .number import Number, lift
from .ops import TABLE
from .rule import CHOICE, FLAT, SMOOTH, method, opaque, real
from .toposort import CUT, Fan, Node, Search, compiled, mypyc_attr, toposort
from .total import Total
from .watch import WATCH

LEAF: Final = opaque("")
ADD: Final[Any] = TABLE["add"]
SUB: Final[Any] = TABLE["sub"]
MUL: Final[Any] = TABLE["mul"]
DIV: Final[Any] = TABLE["div"]
POW: Final[Any] = TABLE["pow"]
NEG: Final[Any] = TABLE["neg"]
EXP: Final[Any] = TABLE["exp"]
RELU: Final[Any] = TABLE["relu"]
WEIGHTED_SUM: Final[Any] = TABLE["weighted_sum"]
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
            children = as_operands(_children)
            this._b = Fan(children, [None] * len(children))
        if label:
            self.label = str(label)

    # What a node holds ----------------------------------------------------------------

    @property
    def data(self) -> float:
        """The number. Assigning converts any real number to a float."""
        if WATCH.active:
            WATCH.read(self, ".data")
        return self._data

    @data.setter
    def data(self, number: object) -> None:
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
        return apply(rule, operands)

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
            search = Search(clear=True)
            search.visit(self, False)
            live = search.inner
            # What no gradient reaches, behind a dead ReLU say, ends with a gradient of 0.
            idle = search.rest()
            leaves = search.leaves
            before = [leaf._grad for leaf in leaves]
            try:
                for v in leaves:
                    v._grad = 0.0
                this: Node = self
                this._grad = start
                sweep(live)
                after = [old + leaf._grad for old, leaf in zip(before, leaves)]
                set_grads(leaves, after)
            except BaseException:
                set_grads(leaves, before)
                raise
            if GRAPHS.used:
                for v in leaves + live + idle:
                    set_grad_value(v, None)

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
        replay(self)
        return self._data

    def detach(self) -> Any:
        """A leaf with the same number: what is computed from it passes no gradient to self."""
        kept = WATCH.escaping("stop", self, None) if WATCH.active else None
        return Value(self._data) if kept is None else kept

    # An ordinary object -------------------------------------------------------------------

    def __copy__(self) -> Any:
        from .copying import shallow_copy

        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        from .copying import deep_copy

        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: object) -> Any:
        from .copying import reduced

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


def apply(rule: Any, operands: tuple[Any, ...]) -> Value:
    """The node of an operation of the table on Values and numbers."""
    if rule.arity == 1:
        return unary(rule, operands[0])
    xs: list[Any] = []
    data: list[float] = []
    for x in operands:
        if isinstance(x, Value):
            xs.append(x)
            data.append(x._data)
        else:
            c = real(x, rule.name)
            xs.append(c)
            data.append(c)
    y: float = rule.forward(*data)
    value = place(blank(), rule, tuple(xs), y, local_gradients(rule, xs, data, y))
    if WATCH.active:
        WATCH.made(value)
    return value


def unary(rule: Any, value: Value) -> Value:
    """The node of an operation on one Value."""
    x = value._data
    y: float = rule.forward(x)
    if rule.kind == SMOOTH:
        try:
            d: float = rule.partials[0](x, y)
            return node(y, rule, value, None, d, 0.0)
        except ArithmeticError:
            pass
    slope = local_gradients(rule, [value], [x], y)[0]
    return node(y, rule, value, CUT if slope is None else None, slope or 0.0, 0.0)


def place(value: Value, rule: Any, xs: tuple[Any, ...], y: float, slopes: list[Any]) -> Value:
    """The value, made a node of that rule: in two fields where they do, else in a `Fan`."""
    this: Node = value
    a: Node | None = None
    b: Node | None = None
    da = 0.0
    db = 0.0
    arity: int = rule.arity
    if arity == 1 or (arity == 2 and not isinstance(xs[1], Node)):
        a = xs[0]
        b = CUT if slopes[0] is None else None
        da = slopes[0] or 0.0
        db = xs[1] if arity == 2 else 0.0
    elif arity == 2 and not isinstance(xs[0], Node):
        rule = rule.twin
        a = xs[1]
        b = CUT if slopes[1] is None else None
        da = slopes[1] or 0.0
        db = xs[0]
    elif arity == 2 and slopes[0] is not None and slopes[1] is not None:
        a = xs[0]
        b = xs[1]
        da = slopes[0]
        db = slopes[1]
    else:
        b = Fan(xs, slopes)
    this._data = y
    this._grad = 0.0
    this._rule = rule
    this._a = a
    this._b = b
    this._da = da
    this._db = db
    return value


def local_gradients(rule: Any, xs: list[Any], data: list[float], y: float) -> list[Any]:
    """For each operand how fast y changes with it; None for numbers and where nothing flows."""
    try:
        slopes = partials(rule, xs, data, y)
    except ArithmeticError:
        # Python's floats raise at 1/0 and the like; these know what IEEE 754 says.
        exact: list[Any] = [Total(d) if isinstance(x, Node) else d for x, d in zip(xs, data)]
        slopes = partials(rule, xs, exact, Total(y))
        slopes = [s.x if isinstance(s, Total) else s for s in slopes]
    if rule.kind == CHOICE:
        return [None if s == 0.0 else s for s in slopes]
    return slopes


def partials(rule: Any, xs: list[Any], data: Any, y: Any) -> list[Any]:
    """The partial derivatives of a row, called with whatever kind of number data holds."""
    if rule.kind == FLAT:
        return [None] * len(xs)
    upstream = (1.0,) if rule.kind == CHOICE else ()
    if rule.arity == 0:
        slopes = rule.partials[0](*upstream, data, y)
        return [s if isinstance(x, Node) else None for x, s in zip(xs, slopes)]
    return [
        p(*upstream, *data, y) if isinstance(x, Node) else None
        for p, x in zip(rule.partials, xs)
    ]


def cut_off(this: Node) -> None:
    """Turn an interior node into a leaf."""
    this._rule = LEAF
    this._a = None
    this._b = None


# Looking into nodes -----------------------------------------------------------------------


def operands_of(v: Node) -> tuple[Any, ...]:
    """The operands in order; numbers that were written in the expression as floats."""
    a = v._a
    b = v._b
    if a is None:
        return b.operands if isinstance(b, Fan) else ()
    if b is not None and b is not CUT:
        return (a, b)
    if v._rule.arity == 1:
        return (a,)
    return (v._db, a) if v._rule.flipped else (a, v._db)


def slopes_of(v: Node) -> tuple[Any, ...]:
    """The local gradients, one for each operand; None where no gradient flows."""
    a = v._a
    b = v._b
    if a is None:
        return tuple(b.partials) if isinstance(b, Fan) else ()
    if b is not None and b is not CUT:
        return (v._da, v._db)
    slope = None if b is CUT else v._da
    if v._rule.arity == 1:
        return (slope,)
    return (None, slope) if v._rule.flipped else (slope, None)


def attribute(v: Node, name: str) -> Any:
    """An attribute that is not among the fields, or None."""
    if compiled:
        more = v._more
        return None if more is None else more.get(name)
    return getattr(v, name, None)


def closure_of(v: Node) -> Any:
    """The `_backward` that someone assigned, or None."""
    b = v._b
    return b.closure if v._a is None and isinstance(b, Fan) else None


def op_name(v: Node) -> str:
    """The symbol of the operation, with those of its settings that are numbers."""
    rule = v._rule
    if not rule.settings:
        return str(rule.symbol)
    xs = operands_of(v)
    settings = [f"{xs[i]:g}" for i in rule.settings if not isinstance(xs[i], Node)]
    if not settings:
        return str(rule.symbol)
    return f"**{settings[0]}" if rule is POW else f"{rule.symbol}({', '.join(settings)})"


def parents(value: Value) -> tuple[Any, ...]:
    """The operands as Values: a number becomes a leaf, from here on a part of the graph."""
    if value._rule is WEIGHTED_SUM:
        unfold(value)
    xs = operands_of(value)
    rule: Any = value._rule
    numbers_in = [i for i, x in enumerate(xs) if not isinstance(x, Node) and i not in rule.settings]
    if numbers_in:
        slopes = list(slopes_of(value))
        new = [Value(x) if i in numbers_in else x for i, x in enumerate(xs)]
        data = [x._data if isinstance(x, Value) else x for x in new]
        local = local_gradients(rule, new, data, value._data)
        for i in numbers_in:
            slopes[i] = local[i]
            if local[i] is not None:
                leaf: Node = new[i]
                leaf._grad = local[i] * value._grad
        this: Node = value
        grad = this._grad
        place(value, rule.twin if rule.flipped else rule, tuple(new), this._data, slopes)
        this._grad = grad
        xs = tuple(new)
    return tuple([x for x in xs if isinstance(x, Node)])


def as_operands(children: Any) -> tuple[Any, ...]:
    """The `_children` of a hand-made operation."""
    found = tuple(children)
    for child in found:
        if not isinstance(child, Value):
            raise TypeError(f"Value: _children are Values, not {type(child).__name__} {child!r:.60}")
    return found


def set_closure(value: Value, closure: object) -> None:
    """Put a function of a user's own in the place of the chain rule's step."""
    if not callable(closure):
        raise TypeError(f"_backward is a function without arguments, not {closure!r:.60}")
    xs = operands_of(value)
    this: Node = value
    if this._rule.flipped:
        this._rule = this._rule.twin
    this._a = None
    this._b = Fan(xs, [0.0] * len(xs), OwnStep(closure, value))


# The chain rule ---------------------------------------------------------------------------


class Graphs:
    """Whether any gradient is a Value: as long as none is, `.grad` need not look."""

    def __init__(self) -> None:
        self.used = False


GRAPHS: Final = Graphs()


def set_grad_value(v: Node, gradient: object) -> None:
    """Note the gradient as a Value, or with None forget it."""
    if gradient is not None:
        GRAPHS.used = True
        setattr(v, "_grad_value", gradient)
    elif GRAPHS.used and attribute(v, "_grad_value") is not None:
        delattr(v, "_grad_value")


def set_grads(nodes: list[Node], gradients: list[float]) -> None:
    """Set them all, or none: a signal such as Ctrl-C cannot come in between."""
    if compiled:
        for v, gradient in zip(nodes, gradients):
            v._grad = gradient
    else:  # one call into C
        deque(map(setattr, nodes, repeat("_grad"), gradients), maxlen=0)


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


def contributions(v: Node, gradient: Any) -> list[Any]:
    """What each operand of v gets of its gradient, as Values; None where nothing flows."""
    rule = v._rule
    xs = operands_of(v)
    if closure_of(v) is not None or rule.forward is LEAF.forward:
        raise TypeError(
            f"the operation {rule.symbol!r} was made by hand, with a _backward of numbers: it has a "
            "gradient but no gradient of the gradient; define it with micrograd.custom"
        )
    if rule.kind == CHOICE and WATCH.symbolic():
        if rule.arity == 0:
            return [
                s if isinstance(x, Node) else None
                for x, s in zip(xs, rule.partials[0](gradient, xs, v))
            ]
        return [
            p(gradient, *xs, v) if isinstance(x, Node) else None for p, x in zip(rule.partials, xs)
        ]
    stored = slopes_of(v)
    # What a choice passes on is constant wherever it can be differentiated.
    slopes = stored if rule.kind == CHOICE else partials(rule, list(xs), xs, v)
    found: list[Any] = []
    for slope, known in zip(slopes, stored):
        if slope is None or known is None:
            found.append(None)
            continue
        s = slope._data if isinstance(slope, Value) else slope
        if s != known and (s == s or known == known) and not WATCH.symbolic():
            raise ValueError(
                f"the data of an operand of {rule.symbol!r} has changed since the forward pass: "
                "call forward() on the result before backward(create_graph=True)"
            )
        if not isinstance(slope, Value) and slope == 1.0:
            found.append(gradient)
        elif not isinstance(slope, Value) and slope == -1.0:
            found.append(-gradient)
        else:
            found.append(slope * gradient)
    return found


def adjoints(root: Value, seed: Any) -> dict[Any, Any]:
    """The gradient of root by every node that it depends on: by node, as a Value."""
    search = Search()
    search.visit(root, WATCH.symbolic())
    found: dict[Any, Any] = {root: seed}
    for v in reversed(search.inner):
        gradient = found.get(v)
        if gradient is None:
            continue
        for x, part in zip(operands_of(v), contributions(v, gradient)):
            if part is not None:
                have = found.get(x)
                found[x] = part if have is None else have + part
    return found


def backward_with_graph(root: Value, seed: object) -> None:
    """`backward(create_graph=True)`: the same sums, as Values."""
    start = seed if isinstance(seed, Value) else Value(real(seed, "backward: the seed"))
    found = adjoints(root, start)
    leaves, inner = toposort(root)
    for v in inner:
        v._grad = 0.0
        set_grad_value(v, None)
    for x, gradient in found.items():
        this: Node = x
        if this._a is None and this._b is None:
            old = attribute(x, "_grad_value")
            if old is not None:
                gradient = old + gradient
            elif this._grad != 0.0:
                gradient = gradient + this._grad
        this._grad = gradient._data
        set_grad_value(x, gradient)


def replay(root: Value) -> None:
    """Compute every node under root anew from the leaves."""
    inner = toposort(root)[1]
    for v in inner:
        if v._rule.forward is LEAF.forward:
            raise TypeError(
                f"forward: the operation {v._rule.symbol!r} was made by hand and cannot be "
                "replayed; define it with micrograd.custom"
            )
    before = [(v._data, v._grad, v._da, v._db, v._a, v._b) for v in inner]
    try:
        for v in inner:
            xs = operands_of(v)
            data = [x._data if isinstance(x, Value) else x for x in xs]
            rule: Any = v._rule
            y: float = rule.forward(*data)
            if closure_of(v) is not None:
                v._data = y
                v._grad = 0.0
            elif isinstance(v, Value):
                slopes = local_gradients(rule, list(xs), data, y)
                place(v, rule.twin if rule.flipped else rule, xs, y, slopes)
    except BaseException:
        for v, fields in zip(inner, before):
            v._data, v._grad, v._da, v._db, v._a, v._b = fields
        raise


# A neuron in one node ---------------------------------------------------------------------


def weighted_sum(weights: Any, xs: Any, start: Any) -> Any:
    """start + w1*x1 + w2*x2 + ..., the number and the graph of `sum(products, start)`.

    It is kept as one node until someone looks at its `_prev`: then it unfolds into the
    products and sums that it stands for, with their gradients.
    """
    ws = tuple(weights)
    vs = tuple(xs)
    n = len(ws)
    if n != len(vs):
        raise ValueError(f"weighted_sum: {n} weights for {len(vs)} inputs")
    operands: tuple[Any, ...] = (start,) + ws + vs
    data: list[Any] = []
    connected = False
    for x in operands:
        if isinstance(x, Value):
            connected = True
            data.append(x._data)
        elif type(x) is float:
            data.append(x)
        else:
            return converted_sum(ws, vs, start)
    total: float = data[0]
    for i in range(1, n + 1):
        w: float = data[i]
        v: float = data[i + n]
        total += w * v
    if n == 0 or not connected:
        return start if n == 0 else total
    # The gradient of a weight is its input, and that of an input its weight.
    slopes: list[Any] = [1.0] + data[n + 1 :] + data[1 : n + 1]
    value = blank()
    this: Node = value
    this._data = total
    this._grad = 0.0
    this._rule = WEIGHTED_SUM
    this._a = None
    this._b = Fan(operands, slopes)
    this._da = 0.0
    this._db = 0.0
    if WATCH.active:
        WATCH.made(value)
    return value


def converted_sum(ws: tuple[Any, ...], vs: tuple[Any, ...], start: Any) -> Any:
    """The same with other kinds of numbers made floats; with arrays, by their own operators."""
    everything = [x if isinstance(x, Value) else lift(x) for x in (start, *ws, *vs)]
    if None in everything:
        return sum([w * v for w, v in zip(ws, vs)], start)
    n = len(ws)
    return weighted_sum(everything[1 : n + 1], everything[n + 1 :], everything[0])


def unfold(value: Value) -> None:
    """Turn the one node of a weighted sum into its products and sums."""
    xs = operands_of(value)
    slopes = slopes_of(value)
    n = len(xs) // 2
    total: Any = xs[0]
    this: Node = value
    for i in range(1, n + 1):
        product: Any = xs[i] * xs[n + i]
        total = total + product if i < n else (total, product)
        for new in (product, total):
            if isinstance(new, Value):
                made: Node = new
                made._grad = this._grad
    grad = this._grad
    place(value, ADD, total, this._data, [None if isinstance(x, float) else 1.0 for x in total])
    this._grad = grad


# Everything else in the table becomes a method, under its own name and NumPy's.
for _rule in TABLE.values():
    if not _rule.helper:
        for _name in (_rule.name, *_rule.aliases):
            if not hasattr(Value, _name):
                setattr(Value, _name, method(_rule, unary, apply))

numbers.Real.register(Value)

if not compiled:
    # Python makes an empty object faster without __init__, and knows about attributes.
    globals()["blank"] = functools.partial(Value.__new__, Value)
    for _name in ("__getattr__", "__setattr__", "__delattr__"):
        delattr(Value, _name)
