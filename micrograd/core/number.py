"""`Number`: what a Value has besides + - * / ** and the chain rule.

Its attributes (`data`, `grad`, `label`, `_prev`, ...), and how it behaves as one of Python's
numbers: comparisons, rounding, remainders, formatting and conversions. What would silently drop
the gradient, such as `float(v)`, raises and says what to write instead.

`Value`, in `engine.py`, builds on it. (Past 300 lines because Python asks many questions of a
number, each a few lines.)
"""

from __future__ import annotations

import numbers
from abc import abstractmethod
from typing import Any

from . import build
from .build import mypyc_attr
from .chain import GRAPHS, replay, set_grad_value
from .copies import deep_copy, reduced, shallow_copy
from .node import Node, attribute, leaf, op_name, set_closure
from .operators import give_operators
from .rule import TABLE, opaque, real
from .view import is_virtual, nothing, prev
from .watch import WATCH


def lift(x: object) -> float | None:
    """x as a float if it is a real scalar that is no Value, else None.

    None makes an operator return NotImplemented: then an array, a tensor or whatever it
    is gets its turn. A whole number past the range of floats is an OverflowError.
    """
    if type(x) is float:
        return x
    if isinstance(x, (float, int)):
        return real(x, "arithmetic with a Value")
    if isinstance(x, (Node, str, bytes)):
        return None
    if isinstance(x, numbers.Complex) and not isinstance(x, numbers.Real):
        return None
    # Decimal and NumPy's bool are in no abstract class of numbers, arrays have a shape.
    if hasattr(x, "__float__") and (not hasattr(x, "shape") or is_numpy_scalar(x)):
        return float(x)
    return None


def is_numpy_scalar(x: object) -> bool:
    """Whether x is a scalar and not an array, also not an array without dimensions."""
    return isinstance(x, numbers.Real) or type(x).__name__ in ("bool", "bool_")


def values(given: Any) -> tuple[Any, ...]:
    """The operands of an operation made by hand."""
    if not hasattr(given, "__iter__"):
        raise TypeError(f"Value: _children is a tuple of Values, not {given!r:.60}")
    found: tuple[Any, ...] = tuple(given)
    for child in found:
        if not isinstance(child, Number):
            raise TypeError(f"Value: _children are Values, not {child!r:.60}")
    return found


@mypyc_attr(acyclic=True)
class Number(Node):
    """The manners of a real number; everything in terms of the table of operations."""

    __slots__ = ()

    @abstractmethod
    def _apply(self, rule: Any, xs: tuple[Any, ...]) -> Any:
        """The node of an operation on Values and numbers; `Value` says how."""

    @abstractmethod
    def _step(self) -> None:
        """The chain rule at this node; `Value` says how."""

    # What a node holds --------------------------------------------------------------------

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
        if isinstance(gradient, Node):
            this._grad = gradient._data
            set_grad_value(self, gradient)
        else:
            if gradient is None:  # as torch has it: no gradient yet
                gradient = 0.0
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
        if not isinstance(needed, bool) and needed not in (0, 1):
            raise TypeError(f"requires_grad is True or False, not {needed!r:.60}")
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

        Numbers written in an expression, and the products of a weighted sum, are shown as
        nodes of their own; the graph stays as it is.
        """
        return prev(self)

    @property
    def _backward(self) -> Any:
        """A function without arguments: one step of the chain rule, from here to the operands.

        Assigning one of your own replaces the step, also within `backward()`.
        """
        return nothing if is_virtual(self) else self._step

    @_backward.setter
    def _backward(self, closure: object) -> None:
        set_closure(self, closure)

    # Attributes of a user's own: in Python `__dict__` has them, and these are removed.

    def __getattr__(self, name: str) -> Any:
        more = self._more
        if more is None or name not in more:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        return more[name]

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(type(self), name):
            object.__setattr__(self, name, value)
            return
        this: Node = self
        if this._more is None:
            this._more = {}
        this._more[name] = value

    def __delattr__(self, name: str) -> None:
        more = self._more
        if more is None or name not in more:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        del more[name]

    # Numbers again, and without a graph.

    def forward(self) -> float:
        """The number that results from the leaves as they are now.

        Replays every operation under self, with new local gradients, after some leaf's
        `.data` was changed. What Python decided on the way, an `if` or the condition
        given to `where` as a bool, stays as it was.

        >>> from micrograd import Value
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
        if kept is not None:
            return kept
        value = leaf(self._blank(), self._data)
        if WATCH.active or WATCH.noting:
            WATCH.born(value)
        return value

    # An ordinary object: copied and pickled without recursion.

    def __copy__(self) -> Any:
        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return deep_copy(self, memo)

    def __reduce_ex__(self, protocol: object) -> Any:
        return reduced(self)

    # What numbers do -----------------------------------------------------------------------

    def __divmod__(self, other: object) -> Any:
        quotient = binary("floordiv", (self, other))
        return quotient if quotient is NotImplemented else (quotient, binary("mod", (self, other)))

    def __rdivmod__(self, other: object) -> Any:
        quotient = binary("floordiv", (other, self))
        return quotient if quotient is NotImplemented else (quotient, binary("mod", (other, self)))

    def __pos__(self) -> Any:
        return self

    def __round__(self, digits: object = None) -> Any:
        if digits is None:
            return self._apply(TABLE["rint"], (self,))
        if not hasattr(digits, "__index__") and not hasattr(digits, "_data"):
            raise TypeError(f"round: the digits are a whole number, not {digits!r:.60}")
        return self._apply(TABLE["round"], (self, digits))

    def conjugate(self) -> Any:
        return self

    @property
    def real(self) -> Any:
        return self

    @property
    def imag(self) -> float:
        return 0.0

    # Comparisons look at the numbers; but between two Values == asks whether they are the same
    # object, and the hash is the object's, so that Values can be kept in sets and lists.

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        return self._equals("equal", other)

    def __ne__(self, other: object) -> Any:
        if self is other:
            return False
        return self._equals("not_equal", other)

    def _equals(self, name: str, other: object) -> Any:
        if WATCH.active:
            node = WATCH.escaping(name, self, other)
            if node is not None:
                return node
        if isinstance(other, Node):
            return name != "equal"
        try:
            c = lift(other)
        except OverflowError:  # a whole number past the range of floats
            return name != "equal"
        if c is None:
            return NotImplemented
        return (self._data == c) == (name == "equal")

    def __hash__(self) -> int:
        return id(self) >> 4

    def __lt__(self, other: object) -> Any:
        return self._compare("less", other)

    def __le__(self, other: object) -> Any:
        return self._compare("less_equal", other)

    def __gt__(self, other: object) -> Any:
        return self._compare("greater", other)

    def __ge__(self, other: object) -> Any:
        return self._compare("greater_equal", other)

    def _compare(self, name: str, other: object) -> Any:
        if WATCH.active:
            node = WATCH.escaping(name, self, other)
            if node is not None:
                return node
        b = other._data if isinstance(other, Number) else lift(other)
        if b is None:
            return NotImplemented
        if name == "less":
            return self._data < b
        if name == "less_equal":
            return self._data <= b
        return self._data > b if name == "greater" else self._data >= b

    def __bool__(self) -> bool:
        if WATCH.active:
            WATCH.read(self, "bool()")
        return self._data != 0.0

    # What leaves the graph.

    def __float__(self) -> float:
        if WATCH.active:
            WATCH.read(self, "float()")
        raise TypeError(
            "float() of a Value would drop its gradient: write v.data for the bare number, "
            "v.exp() or micrograd.exp(v) instead of math.exp(v)"
        )

    def __int__(self) -> int:
        if WATCH.active:
            WATCH.read(self, "int()")
        raise TypeError(
            "int() of a Value would drop its gradient: write int(v.data) for the bare number, "
            "micrograd.trunc(v) for a Value"
        )

    def __format__(self, spec: str) -> str:
        if WATCH.active:
            WATCH.read(self, "format()")
        if not spec:
            return str(self)
        return format(self._data, spec)

    def __repr__(self) -> str:
        label = attribute(self, "_label")
        named = f", label={label!r}" if label else ""
        return f"Value(data={self._data}, grad={self._grad}{named})"


def binary(name: str, xs: tuple[Any, ...]) -> Any:
    """The node of an operator on a Value and another number, or NotImplemented."""
    a, b = xs
    value: Any = a if isinstance(a, Number) else b
    other = b if value is a else a
    if not isinstance(other, Number) and lift(other) is None:
        return NotImplemented
    if name in LOGIC:
        conditions(name, xs)
    return value._apply(TABLE[name], xs)


LOGIC = ("logical_and", "logical_or", "not_equal")


def operator(name: str, xs: tuple[Any, ...]) -> Any:
    if len(xs) == 2:
        return binary(name, xs)
    if name == "logical_not":
        conditions(name, xs)
    return xs[0]._apply(TABLE[name], xs)


def conditions(name: str, xs: tuple[Any, ...]) -> None:
    """TypeError if one of them is no condition: & between numbers is not what it seems."""
    if WATCH.symbolic():
        return
    for x in xs:
        if (x._data if isinstance(x, Number) else x) not in (0.0, 1.0):
            raise TypeError(
                f"{name} of {x!r:.60}: & | ^ and ~ are for conditions, which are bools, 0 or 1; "
                "write (x > 0) & (x < 1), with the brackets"
            )


give_operators(Number, operator)
build.plain_attributes(Number)
