"""`Number`: how a Value behaves as one of Python's numbers, apart from + - * / and **.

Comparisons, rounding, remainders, formatting and conversions. What would silently drop
the gradient, such as `float(v)`, raises and says what to write instead.

`Value`, in `engine.py`, builds on it.
"""

from __future__ import annotations

import numbers
from abc import abstractmethod
from typing import Any

from ..ops import TABLE
from .observe import WATCH
from .sort import Node, compiled, mypyc_attr


def lift(x: object) -> float | None:
    """x as a float if it is a real scalar that is no Value, else None.

    None makes an operator return NotImplemented: then an array, a tensor or whatever it
    is gets its turn. A whole number past the range of floats is an OverflowError.
    """
    if type(x) is float:
        return x
    if isinstance(x, (float, int)):
        return float(x)
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


@mypyc_attr(acyclic=True)
class Number(Node):
    """The manners of a real number; everything in terms of the table of operations."""

    __slots__ = ()

    @abstractmethod
    def _apply(self, rule: Any, operands: tuple[Any, ...]) -> Any:
        """The node of an operation on Values and numbers; `Value` says how."""

    @abstractmethod
    def _blank(self) -> Number:
        """A new Value with nothing in it yet."""

    def _binary(self, name: str, a: object, b: object) -> Any:
        other = b if a is self else a
        if not isinstance(other, Number) and lift(other) is None:
            return NotImplemented
        return self._apply(TABLE[name], (a, b))

    def __mod__(self, other: object) -> Any:
        return self._binary("mod", self, other)

    def __rmod__(self, other: object) -> Any:
        return self._binary("mod", other, self)

    def __floordiv__(self, other: object) -> Any:
        return self._binary("floordiv", self, other)

    def __rfloordiv__(self, other: object) -> Any:
        return self._binary("floordiv", other, self)

    def __divmod__(self, other: object) -> Any:
        quotient = self._binary("floordiv", self, other)
        return quotient if quotient is NotImplemented else (quotient, self % other)

    def __rdivmod__(self, other: object) -> Any:
        quotient = self._binary("floordiv", other, self)
        return quotient if quotient is NotImplemented else (quotient, other % self)

    def __abs__(self) -> Any:
        return self._apply(TABLE["abs"], (self,))

    def __pos__(self) -> Any:
        return self

    def __round__(self, digits: object = None) -> Any:
        if digits is None:
            return self._apply(TABLE["rint"], (self,))
        return self._apply(TABLE["round"], (self, digits))

    def __floor__(self) -> Any:
        return self._apply(TABLE["floor"], (self,))

    def __ceil__(self) -> Any:
        return self._apply(TABLE["ceil"], (self,))

    def __trunc__(self) -> Any:
        return self._apply(TABLE["trunc"], (self,))

    def conjugate(self) -> Any:
        return self

    @property
    def real(self) -> Any:
        return self

    @property
    def imag(self) -> float:
        return 0.0

    # Comparisons look at the numbers; == and hash are those of the object, but in a trace,
    # where x == 1 would be False without a word, the number counts.

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        if WATCH.active:
            node = WATCH.escaping("equal", self, other)
            if node is not None:
                return node
        return NotImplemented

    def __lt__(self, other: object) -> Any:
        return self._compare("less", other)

    def __le__(self, other: object) -> Any:
        return self._compare("less_equal", other)

    def __gt__(self, other: object) -> Any:
        return self._compare("greater", other)

    def __ge__(self, other: object) -> Any:
        return self._compare("greater_equal", other)

    def __hash__(self) -> int:
        return id(self) >> 4

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
        return f"Value(data={self._data}, grad={self._grad})"


if not compiled:  # a class in Python has inherited a faster one
    del Number.__hash__
