"""`Node`: how a value lies in memory, and all that makes, reads and sweeps it.

`Value`, in `engine.py`, adds the operators. Nobody else needs to know the layout: to make a node
there are `node`, `apply` and `fill`, to read it `operands_of`, `partials_of` and `op_name`. Only
the two loops that take most of the time of a backward pass look at the fields too: the sweep in
`engine.py` and the search in `sort.py`, which is to be read next. (Past 300 lines because the
layout has one owner.)
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final

from . import build
from .build import compiled, mypyc_attr
from .own_step import OwnStep
from .rule import CHOICE, FLAT, SMOOTH, opaque, real
from .watch import WATCH

LEAF: Final[Any] = opaque("")
BLANK: Final = object()  # what a class of nodes is called with to make one that is still empty
# Attributes that belong to who looks at a graph, and not to a copy of it.
UNCOPIED: Final = frozenset(("_shown", "_calls"))
FIELDS: Final = ("_data", "_grad", "_rule", "_a", "_b", "_da", "_db")


@mypyc_attr(acyclic=True)
class Node:
    """The fields of one value in a graph.

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
    anything else           None        `Edges`       in the `Edges`
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

    @abstractmethod  # compiled code asks faster whether an object is a Node if few classes are one
    def _blank(self) -> Node:
        """A new node of the same kind, to be filled."""


build.light_node(globals())


@mypyc_attr(acyclic=True)
class Edges(Node):
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

    def _blank(self) -> Node:
        return Edges((), [])


# In the place of a second operand: the operation is flat here, so its edge is cut.
CUT: Final = Edges((), [])


# Making -----------------------------------------------------------------------------------


def node(data: float, rule: Any, a: Node, b: Node | None, da: float, db: float) -> Any:
    """A new interior node; the fields are those in the table in `Node`."""
    this = a._blank()
    this._data = data
    this._grad = 0.0
    this._rule = rule
    this._a = a
    this._b = b
    this._da = da
    this._db = db
    if WATCH.active:
        WATCH.made(this)
    return this


def fill(
    this: Node, data: float, rule: Any, a: Node | None, b: Node | None, da: float, db: float
) -> None:
    """Set all fields of a node; its gradient is 0."""
    this._data = data
    this._grad = 0.0
    this._rule = rule
    this._a = a
    this._b = b
    this._da = da
    this._db = db


def leaf(this: Node, data: float) -> Any:
    """The node, made a leaf."""
    fill(this, data, LEAF, None, None, 0.0, 0.0)
    return this


def apply(rule: Any, operands: tuple[Any, ...]) -> Any:
    """The node of an operation of the table on Values and numbers, at least one a Value."""
    if rule.arity == 1:
        return unary(rule, operands[0])
    xs: list[Any] = []
    data: list[float] = []
    maker: Node | None = None
    for x in operands:
        if isinstance(x, Node):
            maker = x
            xs.append(x)
            data.append(x._data)
        else:
            c = real(x, rule.name)
            xs.append(c)
            data.append(c)
    assert maker is not None
    y: float = rule.forward(*data)
    return made(place(maker._blank(), rule, tuple(xs), y, local_gradients(rule, xs, data, y)))


def unary(rule: Any, x: Node) -> Any:
    """The node of an operation on one Value."""
    y: float = rule.forward(x._data)
    partial: Any = None
    kind: str = rule.kind
    if kind != FLAT:
        try:  # the quick way for what local_gradients does
            if kind == SMOOTH:
                partial = rule.partials[0](x._data, y)
            else:
                partial = rule.partials[0](1.0, x._data, y)
                if partial == 0.0:
                    partial = None
        except ArithmeticError:
            partial = local_gradients(rule, [x], [x._data], y)[0]
    return made(place(x._blank(), rule, (x,), y, [partial]))


def made(this: Node) -> Node:
    """The new node, after all who watch this thread have seen it."""
    if WATCH.active:
        WATCH.made(this)
    return this


def place(this: Node, rule: Any, xs: tuple[Any, ...], data: float, partials: list[Any]) -> Node:
    """The node, with these contents; only a rule of one operand or two fits in place."""
    arity: int = rule.arity
    if arity == 1 or (arity == 2 and not isinstance(xs[1], Node)):
        d = partials[0]
        cut, c = d is None, xs[1] if arity == 2 else 0.0
        fill(this, data, rule, xs[0], CUT if cut else None, 0.0 if cut else d, c)
    elif arity == 2 and not isinstance(xs[0], Node):
        d = partials[1]
        cut = d is None
        fill(this, data, rule.reflected, xs[1], CUT if cut else None, 0.0 if cut else d, xs[0])
    elif arity == 2 and partials[0] is not None and partials[1] is not None:
        fill(this, data, rule, xs[0], xs[1], partials[0], partials[1])
    else:
        fill(this, data, rule, None, Edges(xs, partials), 0.0, 0.0)
    return this


def local_gradients(rule: Any, xs: list[Any], data: list[float], y: float) -> list[Any]:
    """For each operand how fast y changes with it; None for numbers and where nothing flows."""
    partials: list[Any] = rule.local(data, y, [isinstance(x, Node) for x in xs])
    if rule.kind == CHOICE:
        return [None if p == 0.0 else p for p in partials]
    return partials


def cut_off(this: Node) -> None:
    """Turn an interior node into a leaf."""
    this._rule = LEAF
    this._a = None
    this._b = None


def by_hand(this: Node, xs: tuple[Any, ...], data: float, symbol: str, step: Any = None) -> Any:
    """The node, made one of no rule; `step(node)` adds to the gradients of its operands.

    Without a step it passes no gradient on until it is given a `_backward`.
    """
    partials: list[Any] = [None if step is None else 0.0] * len(xs)
    fill(this, data, opaque(symbol), None, Edges(xs, partials, step) if xs else None, 0.0, 0.0)
    return this


def set_closure(this: Node, closure: object) -> None:
    """Put a function of a user's own in the place of the chain rule's step."""
    if not callable(closure):
        raise TypeError(f"_backward is a function without arguments, not {closure!r:.60}")
    xs = operands_of(this)
    this._rule = rule_of(this)
    this._a = None
    this._b = Edges(xs, [0.0] * len(xs), OwnStep(closure, this))


# Reading ----------------------------------------------------------------------------------


def operands_of(v: Node) -> tuple[Any, ...]:
    """The operands in order; numbers that were written in the expression as floats."""
    a = v._a
    b = v._b
    if a is None:
        return b.operands if isinstance(b, Edges) else ()
    if b is not None and b is not CUT:
        return (a, b)
    if v._rule.arity == 1:
        return (a,)
    return (v._db, a) if v._rule.is_reflected else (a, v._db)


def partials_of(v: Node) -> tuple[Any, ...]:
    """The local gradients, one for each operand; None where no gradient flows."""
    a = v._a
    b = v._b
    if a is None:
        return tuple(b.partials) if isinstance(b, Edges) else ()
    if b is not None and b is not CUT:
        return (v._da, v._db)
    partial = None if b is CUT else v._da
    if v._rule.arity == 1:
        return (partial,)
    return (None, partial) if v._rule.is_reflected else (partial, None)


def rule_of(v: Node) -> Any:
    """The row of the table that made the node, as it stands in the table."""
    rule: Any = v._rule
    return rule.reflected if rule.is_reflected else rule


def closure_of(v: Node) -> Any:
    """The `_backward` that someone assigned, or None."""
    b = v._b
    return b.closure if v._a is None and isinstance(b, Edges) else None


def data_of(nodes: list[Any]) -> list[float]:
    """The numbers of many nodes, read at once."""
    found: list[float] = []
    for node in nodes:
        v: Node = node
        found.append(v._data)
    return found


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


def each_attribute(nodes: Any, name: str) -> list[Any]:
    """Of many nodes what `attribute` says."""
    found: list[Any] = []
    for node in nodes:
        found.append(attribute(node, name))
    return found


def attributes_of(v: Node) -> dict[str, Any]:
    """What was set on a node beyond its fields: its label, and a user's own attributes."""
    found = v._more if compiled else v.__dict__
    return {name: x for name, x in (found or {}).items() if name not in UNCOPIED}


def op_name(v: Node) -> str:
    """The symbol of the operation, with those of its settings that are numbers."""
    rule = v._rule
    if not rule.settings:
        return str(rule.symbol)
    xs = operands_of(v)
    settings = [f"{xs[i]:g}" for i in rule.settings if not isinstance(xs[i], Node)]
    if not settings:
        return str(rule.symbol)
    return f"**{settings[0]}" if rule.symbol == "**" else f"{rule.symbol}({', '.join(settings)})"


def set_data(nodes: list[Node], numbers: list[float]) -> None:
    """Set them all, or none: a signal such as Ctrl-C cannot come in between."""
    if not build.set_all(nodes, "_data", numbers):
        for v, number in zip(nodes, numbers):
            v._data = number


def set_grads(nodes: list[Node], gradients: list[float]) -> None:
    """As `set_data`."""
    if not build.set_all(nodes, "_grad", gradients):
        for v, gradient in zip(nodes, gradients):
            v._grad = gradient


def add_grads(nodes: list[Node], gradients: list[float]) -> None:
    """As `set_grads`, of the sums with what is there; no node comes twice."""
    if not compiled:
        set_grads(nodes, [v._grad + gradient for v, gradient in zip(nodes, gradients)])
        return
    for v, gradient in zip(nodes, gradients):
        v._grad += gradient


def having(nodes: list[Any], name: str, value: object) -> list[int]:
    """The places of those nodes whose attribute of that name is this one."""
    found: list[int] = []
    for i, node in enumerate(nodes):
        if attribute(node, name) is value:
            found.append(i)
    return found


def same_nodes(a: list[Any], b: list[Any]) -> bool:
    """Whether the same objects stand in two lists of one length."""
    return all(x is y for x, y in zip(a, b))


def are_all(xs: list[Any], kind: Any) -> bool:
    """Whether all are of one type, and of none derived from it."""
    return all(type(x) is kind for x in xs)
