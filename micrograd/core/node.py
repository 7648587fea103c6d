"""What a node holds, and how an operation of the table becomes one.

A node keeps its operands and local gradients in the form that `Node` describes; here is
what writes that form (`apply`, `place`) and what reads it (`operands_of`, `slopes_of`),
so that nobody else needs to know it but the operators in `engine.py`.
"""

from __future__ import annotations

from typing import Any, Final

from ..ops import TABLE
from .closure import OwnStep
from .number import Number
from .observe import WATCH
from .rule import CHOICE, FLAT, SMOOTH, opaque, real
from .sort import CUT, Fan, Node, compiled
from .total import Total

LEAF: Final[Any] = opaque("")
ADD: Final[Any] = TABLE["add"]
POW: Final[Any] = TABLE["pow"]
WEIGHTED_SUM: Final[Any] = TABLE["weighted_sum"]


# Writing ----------------------------------------------------------------------------------


def apply(rule: Any, operands: tuple[Any, ...]) -> Number:
    """The node of an operation of the table on Values and numbers, at least one a Value."""
    if rule.arity == 1:
        return unary(rule, operands[0])
    xs: list[Any] = []
    data: list[float] = []
    maker: Number | None = None
    for x in operands:
        if isinstance(x, Number):
            maker = x
            xs.append(x)
            data.append(x._data)
        else:
            c = real(x, rule.name)
            xs.append(c)
            data.append(c)
    assert maker is not None
    y: float = rule.forward(*data)
    slopes = local_gradients(rule, xs, data, y)
    return made(place(maker._blank(), rule, tuple(xs), y, slopes))


def unary(rule: Any, x: Number) -> Number:
    """The node of an operation on one Value."""
    y: float = rule.forward(x._data)
    slope: Any = None
    kind: str = rule.kind
    if kind != FLAT:
        try:
            if kind == SMOOTH:
                slope = rule.partials[0](x._data, y)
            else:
                slope = rule.partials[0](1.0, x._data, y)
                if slope == 0.0:
                    slope = None
        except ArithmeticError:
            slope = local_gradients(rule, [x], [x._data], y)[0]
    return made(place(x._blank(), rule, (x,), y, [slope]))


def made(value: Number) -> Number:
    """The new node, after all who watch this thread have seen it."""
    if WATCH.active:
        WATCH.made(value)
    return value


def place(value: Number, rule: Any, xs: tuple[Any, ...], data: float, slopes: list[Any]) -> Number:
    """The value, with these contents; only the rule of one operand or two fits in place."""
    a: Node | None = None
    b: Node | None = None
    da = 0.0
    db = 0.0
    arity: int = rule.arity
    if arity == 1 or (arity == 2 and not isinstance(xs[1], Node)):
        a = xs[0]
        b = CUT if slopes[0] is None else None
        da = 0.0 if slopes[0] is None else slopes[0]
        db = xs[1] if arity == 2 else 0.0
    elif arity == 2 and not isinstance(xs[0], Node):
        rule = rule.twin
        a = xs[1]
        b = CUT if slopes[1] is None else None
        da = 0.0 if slopes[1] is None else slopes[1]
        db = xs[0]
    elif arity == 2 and slopes[0] is not None and slopes[1] is not None:
        a = xs[0]
        b = xs[1]
        da = slopes[0]
        db = slopes[1]
    else:
        b = Fan(xs, slopes)
    this: Node = value
    this._data = data
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
        slopes = partials(rule, xs, [Total(d) for d in data], Total(y))
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
        p(*upstream, *data, y) if isinstance(x, Node) else None for p, x in zip(rule.partials, xs)
    ]


def leaf(value: Number, data: float) -> Number:
    """The value, made a leaf."""
    this: Node = value
    this._data = data
    this._grad = 0.0
    this._da = 0.0
    this._db = 0.0
    cut_off(this)
    return value


def cut_off(this: Node) -> None:
    """Turn an interior node into a leaf."""
    this._rule = LEAF
    this._a = None
    this._b = None


def set_closure(this: Node, closure: object) -> None:
    """Put a function of a user's own in the place of the chain rule's step."""
    if not callable(closure):
        raise TypeError(f"_backward is a function without arguments, not {closure!r:.60}")
    xs = operands_of(this)
    if this._rule.flipped:
        this._rule = this._rule.twin
    this._a = None
    this._b = Fan(xs, [0.0] * len(xs), OwnStep(closure, this))


def with_step(value: Number, xs: tuple[Any, ...], data: float, symbol: str, step: Any) -> Number:
    """The value, made a node of no rule; `step(node)` adds to the gradients of its operands."""
    leaf(value, data)
    this: Node = value
    this._rule = opaque(symbol)
    this._b = Fan(xs, [0.0] * len(xs), step)
    return value


# Reading ----------------------------------------------------------------------------------


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


def closure_of(v: Node) -> Any:
    """The `_backward` that someone assigned, or None."""
    b = v._b
    return b.closure if v._a is None and isinstance(b, Fan) else None


def is_leaf(v: Node) -> bool:
    return v._a is None and v._b is None


def is_made_by_hand(v: Node) -> bool:
    """Whether someone else made the node, with a name but no rule of the table."""
    return v._rule.forward is LEAF.forward and not is_leaf(v)


def attribute(v: Node, name: str) -> Any:
    """An attribute that is not among the fields, or None."""
    if compiled:
        more = v._more
        return None if more is None else more.get(name)
    return getattr(v, name, None)


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


def parents(value: Number) -> tuple[Any, ...]:
    """The operands as Values: a number becomes a leaf, from here on a part of the graph."""
    if value._rule is WEIGHTED_SUM:
        unfold(value)
    xs = operands_of(value)
    rule: Any = value._rule
    bare = [i for i, x in enumerate(xs) if not isinstance(x, Node) and i not in rule.settings]
    if bare:
        new = [leaf(value._blank(), x) if i in bare else x for i, x in enumerate(xs)]
        data = [x._data if isinstance(x, Node) else x for x in new]
        slopes = list(slopes_of(value))
        local = local_gradients(rule, new, data, value._data)
        for i in bare:
            slopes[i] = local[i]
            constant: Node = new[i]
            constant._grad = 0.0 if local[i] is None else local[i] * value._grad
        grad = value._grad
        place(value, rule.twin if rule.flipped else rule, tuple(new), value._data, slopes)
        this: Node = value
        this._grad = grad
        xs = tuple(new)
    return tuple([x for x in xs if isinstance(x, Node)])


def unfold(value: Number) -> None:
    """Turn the one node of a weighted sum into the products and sums that it stands for."""
    xs = operands_of(value)
    n = len(xs) // 2
    grad = value._grad
    total: Any = xs[0]
    for i in range(1, n):
        product: Any = xs[i] * xs[n + i]
        total = total + product
        for new in (product, total):
            if isinstance(new, Node):
                new._grad = grad
    product = xs[n] * xs[2 * n]
    if isinstance(product, Node):
        product._grad = grad
    place(value, ADD, (total, product), value._data, [1.0, 1.0])
    this: Node = value
    this._grad = grad
