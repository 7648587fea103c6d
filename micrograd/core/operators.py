"""Which operator of Python is which operation of the table: one list for every kind of number.

Values, the symbols of a program and IEEE floats get their operators from here, except those that
`Value` states in place because they are the hot path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

UNARY: Final = {
    "__neg__": "neg",
    "__abs__": "abs",
    "__floor__": "floor",
    "__ceil__": "ceil",
    "__trunc__": "trunc",
    "__invert__": "logical_not",
}
# Each with its reflected form, __radd__ for __add__, but the comparisons, which have none.
BINARY: Final = {
    "__add__": "add",
    "__sub__": "sub",
    "__mul__": "mul",
    "__truediv__": "div",
    "__floordiv__": "floordiv",
    "__mod__": "mod",
    "__pow__": "pow",
    "__and__": "logical_and",
    "__or__": "logical_or",
    "__xor__": "not_equal",
}
COMPARISONS: Final = {
    "__lt__": "less",
    "__le__": "less_equal",
    "__gt__": "greater",
    "__ge__": "greater_equal",
}


def give_operators(cls: Any, apply: Callable[[str, tuple[Any, ...]], Any]) -> None:
    """Nothing; afterwards the class has all operators that it does not define itself.

    `apply` gets the name of a row of the table and the operands, of which one at least is an
    instance of the class.
    """
    own = {name for base in cls.__mro__ if base is not object for name in vars(base)}

    def one(row: str) -> Callable[..., Any]:
        return lambda x: apply(row, (x,))

    def two(row: str) -> Callable[..., Any]:
        return lambda a, b: apply(row, (a, b))

    def two_reflected(row: str) -> Callable[..., Any]:
        return lambda b, a: apply(row, (a, b))

    methods = {name: one(row) for name, row in UNARY.items()}
    for name, row in BINARY.items():
        methods[name] = two(row)
        methods[f"__r{name[2:]}"] = two_reflected(row)
    methods |= {name: two(row) for name, row in COMPARISONS.items()}
    for name, method in methods.items():
        if name not in own:
            method.__name__ = method.__qualname__ = name
            setattr(cls, name, method)
