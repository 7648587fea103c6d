"""The operations that the checker of homework tries: a table, one row each.

A row has the expression as a learner writes it, the method that Python calls for it, the same
expression on floats, its slopes, the points to try it at, and the rule in words. `trials.py`
tries a row, `homework.py` all of them.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from operator import methodcaller
from typing import Any, Final, NamedTuple

Point = tuple[float, ...]


class Operation(NamedTuple):
    """One row: f works on the learner's numbers, `value` and `slopes` on floats."""

    text: str
    method: str
    f: Callable[..., Any]
    value: Callable[..., float]
    slopes: Callable[..., Point]
    points: tuple[Point, ...]
    rule: str
    needs: str = ""  # a method: without it, nobody misses this one


def row(
    text: str, method: str, f: Callable[..., Any], slopes: Callable[..., Point],
    points: tuple[Point, ...], rule: str, needs: str = "",
) -> Operation:  # fmt: skip
    """An operator: the same f does it for floats."""
    return Operation(text, method, f, f, slopes, points, rule, needs)


TWO: Final[tuple[Point, ...]] = ((2.0, -3.0), (-0.5, 4.0), (7.0, 2.0))
# A 0 shows who divides by an operand, or takes it for no operand at all.
BOTH: Final[tuple[Point, ...]] = (*TWO, (0.0, 4.0), (4.0, 0.0))
ONE: Final[tuple[Point, ...]] = ((3.0,), (-0.5,), (0.0,))
SUM: Final = "A sum passes its gradient on to both, times 1."
PRODUCT: Final = "The gradient of each factor is the other factor."
POWER: Final = "The gradient of a**n is n * a**(n-1)."
QUOTIENT: Final = "The gradients of a / b are 1/b and -a/b**2."
DIFFERENCE: Final = "The gradients of a - b are 1 and -1."

OPERATORS: Final = (
    row("a + b", "__add__", lambda a, b: a + b, lambda a, b: (1.0, 1.0), BOTH, SUM),
    row("a * b", "__mul__", lambda a, b: a * b, lambda a, b: (b, a), BOTH, PRODUCT),
    row("-a", "__neg__", lambda a: -a, lambda a: (-1.0,), ONE, "The gradient of -a is -1."),
    row("a - b", "__sub__", lambda a, b: a - b, lambda a, b: (1.0, -1.0), TWO, DIFFERENCE),
    row("a**3", "__pow__", lambda a: a**3, lambda a: (3 * a**2,), ((2.0,), (-2.0,), (0.0,)), POWER),
    row("a**-2", "__pow__", lambda a: a**-2, lambda a: (-2 * a**-3,), ((2.0,), (-4.0,)), POWER),
    row("a / b", "__truediv__", lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2), TWO, QUOTIENT),
    row("a + 2", "__add__", lambda a: a + 2, lambda a: (1.0,), ONE, SUM),
    row("2 + a", "__radd__", lambda a: 2 + a, lambda a: (1.0,), ONE, SUM, "__add__"),
    row("a * 2", "__mul__", lambda a: a * 2, lambda a: (2.0,), ONE, PRODUCT),
    row("2 * a", "__rmul__", lambda a: 2 * a, lambda a: (2.0,), ONE, PRODUCT, "__mul__"),
    row("a - 2", "__sub__", lambda a: a - 2, lambda a: (1.0,), ONE, DIFFERENCE),
    row("2 - a", "__rsub__", lambda a: 2 - a, lambda a: (-1.0,), ONE, DIFFERENCE, "__sub__"),
    row("a / 2", "__truediv__", lambda a: a / 2, lambda a: (0.5,), ONE, QUOTIENT),
    row(
        "7 / a", "__rtruediv__", lambda a: 7 / a, lambda a: (-7 / a**2,), ((2.0,), (-0.5,)),
        QUOTIENT, "__truediv__",
    ),
    row(
        "sum([a, b])", "__radd__", lambda a, b: sum([a, b]), lambda a, b: (1.0, 1.0), TWO,
        "sum() starts with the number 0.", "__add__",
    ),
)  # fmt: skip

# A number or a Value as exponent, which many a right class leaves out.
EXPONENTS: Final = (
    row("a**0.5", "__pow__", lambda a: a**0.5, lambda a: (0.5 * a**-0.5,), ((4.0,), (0.3,)), POWER),
    row(
        "a**b", "__pow__", lambda a, b: a**b,
        lambda a, b: (b * a ** (b - 1), a**b * math.log(a)), ((2.0, 3.0), (0.5, -1.5)),
        "The gradients of a**b are b * a**(b-1) and a**b * log(a).",
    ),
    row(
        "2**a", "__rpow__", lambda a: 2**a, lambda a: (2**a * math.log(2.0),), ONE,
        "The gradient of 2**a is 2**a * log(2).",
    ),
)  # fmt: skip


def has(cls: Any, method: str) -> bool:
    """Whether the class has a method of its own, and not only what `float` hands down."""
    for base in getattr(cls, "__mro__", ()):
        if method in vars(base):
            # A class from exec without a __name__ says that it is of builtins, too.
            own = getattr(builtins, base.__name__, None) is not base
            return own and vars(base)[method] is not None
    return getattr(cls, method, None) is not None


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def function(
    name: str, value: Callable[[float], float], slope: Callable[[float], float],
    points: Point, rule: str,
) -> Operation:  # fmt: skip
    """A method without arguments."""
    return Operation(
        f"a.{name}()", name, methodcaller(name), value, lambda a: (slope(a),),
        tuple((x,) for x in points), f"The gradient of {name} is {rule}.",
    )  # fmt: skip


FUNCTIONS: Final = (
    function(
        "tanh", math.tanh, lambda x: 1 - math.tanh(x) ** 2, (0.5, -1.2, 0.0),
        "1 - t**2, where t is the result",
    ),
    function("exp", math.exp, math.exp, (0.5, -1.2, 0.0), "the result itself"),
    function("log", math.log, lambda x: 1 / x, (0.5, 3.0), "1 / a"),
    function(
        "sigmoid", sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), (0.5, -1.2, 0.0),
        "s * (1 - s), where s is the result",
    ),
    function(
        "relu", lambda x: max(x, 0.0), lambda x: float(x > 0), (2.0, -2.0, 0.3, -0.3),
        "1 where the operand's data is positive, else 0",
    ),
    function("sin", math.sin, math.cos, (0.5, -1.2, 0.0), "cos(a)"),
    function("cos", math.cos, lambda x: -math.sin(x), (0.5, -1.2, 0.0), "-sin(a)"),
    function("sqrt", math.sqrt, lambda x: 0.5 / math.sqrt(x), (4.0, 0.3), "1 / (2 * sqrt(a))"),
    function("square", lambda x: x * x, lambda x: 2 * x, (3.0, -0.5, 0.0), "2 * a"),
    function("__abs__", abs, lambda x: math.copysign(1.0, x), (3.0, -0.5), "1 or -1, as a's sign"),
)  # fmt: skip

# Others that a class may have: their gradient is compared with the slope of their own values.
OTHERS: Final = (
    "tan", "sinh", "cosh", "arctan", "atan", "log1p", "expm1", "log2", "log10", "softplus",
    "silu", "swish", "elu", "gelu", "selu", "mish", "leaky_relu", "reciprocal", "cube", "erf",
)  # fmt: skip
# What the class of the lecture's video has not, and the one in the package has.
LATER: Final = ("__rsub__", "__rtruediv__")
EXPECTED: Final = ("__neg__", "__sub__", "__pow__", "__truediv__", *LATER, "exp", "tanh")
AS_WRITTEN: Final = {
    "__add__": "a + b", "__mul__": "a * b", "__neg__": "-a", "__sub__": "a - b",
    "__pow__": "a**n", "__truediv__": "a / b", "exp": "exp", "tanh": "tanh",
    "__rsub__": "2 - a", "__rtruediv__": "7 / a",
}  # fmt: skip
