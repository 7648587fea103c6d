"""What the names in emitted source mean on arrays: NumPy's, and anything with its functions.

`functions(xp)` works for NumPy and `jax.numpy`, and through `Torch` for PyTorch: one
formula for each operation, elementwise. They keep the accuracy of the table in the tails
to a few ulp, and follow its conventions at kinks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from math import inf, pi, sqrt
from typing import Any

from ..rule import TABLE
from .program import Program
from .runtime import define, meanings


def functions(xp: Any, rest: Callable[[str], Any]) -> dict[str, Any]:
    """For each operation of the table a function of arrays, or of arrays and numbers.

    `rest(name)` gives those that no formula here covers.
    """
    where, exp, tanh, log, absolute = xp.where, xp.exp, xp.tanh, xp.log, xp.abs
    nan = float("nan")

    def sigmoid(x: Any) -> Any:
        e = exp(-absolute(x))
        return where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))

    def sech2(x: Any) -> Any:
        e = exp(-absolute(x))
        return (2.0 * e / (1.0 + e * e)) ** 2

    def dsigmoid(x: Any) -> Any:
        e = exp(-absolute(x))
        return e / ((1.0 + e) * (1.0 + e))

    def softplus(x: Any) -> Any:
        return xp.maximum(x, 0.0) + xp.log1p(exp(-absolute(x)))

    def total(*xs: Any) -> Any:
        return reduce(lambda a, b: a + b, xs)

    def weighted_sum(*xs: Any) -> Any:
        n = len(xs) // 2
        return total(xs[0], *(w * x for w, x in zip(xs[1 : n + 1], xs[n + 1 :])))

    def dot(xs: Any, ys: Any) -> Any:
        return total(*(a * b for a, b in zip(xs, ys)))

    def logsumexp(*xs: Any) -> Any:
        top = reduce(xp.maximum, xs)
        safe = where(absolute(top) == inf, 0.0, top)
        return log(total(*(exp(x - safe) for x in xs))) + safe

    def nll(index: Any, *xs: Any) -> Any:
        right = total(*(where(index == i, x, 0.0) for i, x in enumerate(xs)))
        return logsumexp(*(x - right for x in xs))

    def exp_gap(a: Any, b: Any) -> Any:
        return where(a == b, 1.0, exp(a - b))

    def gate(d: Any, x: Any) -> Any:
        return where(x > 0, d, where(x == x, 0.0, nan))

    def route(d: Any, x: Any, top: Any, shared: Any) -> Any:
        return where(x == top, d * (1.0 / shared), where(top == top, 0.0, nan))

    def inside(d: Any, x: Any, low: Any, high: Any) -> Any:
        return where((x >= low) & (x <= high), d, where(x == x, 0.0, nan))

    def guard(c: Any, y: Any) -> Any:
        return where(y == y, c, nan)

    def hypot(*xs: Any) -> Any:
        return reduce(xp.hypot, xs) if len(xs) > 1 else absolute(xs[0])

    def ratio(a: Any, b: Any) -> Any:
        return where(
            (a == 0) & (b == 0), 0.0, a / where(b == 0, 1.0, b) + where(b == 0, a / b, 0.0)
        )

    def flag(condition: Any) -> Any:
        return where(condition, 1.0, 0.0)

    known: dict[str, Any] = {
        "abs": absolute,
        "acos": xp.arccos,
        "acosh": xp.arccosh,
        "asin": xp.arcsin,
        "asinh": xp.arcsinh,
        "atan": xp.arctan,
        "atan2": xp.arctan2,
        "atanh": xp.arctanh,
        "cbrt": xp.cbrt,
        "ceil": xp.ceil,
        "clip": lambda x, low, high: xp.minimum(xp.maximum(x, low), high),
        "copysign": xp.copysign,
        "cos": xp.cos,
        "cosh": xp.cosh,
        "dacosh": lambda x: 1.0 / xp.sqrt((x - 1.0) * (x + 1.0)),
        "dasin": lambda x: 1.0 / xp.sqrt((1.0 - x) * (1.0 + x)),
        "dasinh": lambda x: 1.0 / xp.hypot(x, xp.ones_like(x)),
        "datan": lambda x: 1.0 / (1.0 + x * x),
        "datanh": lambda x: 1.0 / ((1.0 - x) * (1.0 + x)),
        "degrees": lambda x: x * (180.0 / pi),
        "derf": lambda x: (2.0 / sqrt(pi)) * exp(-x * x),
        "div": lambda a, b: a / b,
        "dlog": lambda x: where(x >= 0, 1.0 / x, nan),
        "dlog1p": lambda x: where(x >= -1, 1.0 / (1.0 + x), nan),
        "dot": dot,
        "dsigmoid": dsigmoid,
        "dsilu": lambda x: sigmoid(x) + x * dsigmoid(x),
        "dsqrt": lambda x: 0.5 / xp.sqrt(x),
        "elu": lambda x, a: where(x > 0, x, a * xp.expm1(xp.minimum(x, 0.0))),
        "elu_step": lambda x, a: where(x > 0, 1.0, a * exp(xp.minimum(x, 0.0))),
        "equal": lambda a, b: flag(a == b),
        "exp": exp,
        "exp2": xp.exp2,
        "exp_diff": lambda a, b: exp(a - b),
        "exp_gap": exp_gap,
        "expm1": xp.expm1,
        "floor": xp.floor,
        "floordiv": lambda a, b: xp.floor(a / b),
        "fmax": xp.fmax,
        "fmin": xp.fmin,
        "fmod": xp.fmod,
        "fsum": total,
        "gate": gate,
        "greater": lambda a, b: flag(a > b),
        "greater_equal": lambda a, b: flag(a >= b),
        "guard": guard,
        "hypot": hypot,
        "identity": lambda x: x,
        "inside": inside,
        "leaky_relu": lambda x, s: where(x > 0, x, s * x),
        "leaky_step": lambda x, s: where(x > 0, 1.0, s),
        "less": lambda a, b: flag(a < b),
        "less_equal": lambda a, b: flag(a <= b),
        "log": log,
        "log10": xp.log10,
        "log1p": xp.log1p,
        "log2": xp.log2,
        "logaddexp": xp.logaddexp,
        "logsigmoid": lambda x: -softplus(-x),
        "logsumexp": logsumexp,
        "maximum": lambda *xs: reduce(xp.maximum, xs),
        "mean": lambda *xs: total(*xs) / len(xs),
        "minimum": lambda *xs: reduce(xp.minimum, xs),
        "mod": lambda a, b: a - xp.floor(a / b) * b,
        "nll": nll,
        "normal": lambda x: (1.0 / sqrt(2.0 * pi)) * exp(-0.5 * x * x),
        "pow": xp.power,
        "prod": lambda *xs: reduce(lambda a, b: a * b, xs),
        "radians": lambda x: x * (pi / 180.0),
        "ratio": ratio,
        "relu": lambda x: xp.maximum(x, 0.0),
        "rint": xp.rint,
        "route": route,
        "sech2": sech2,
        "share": lambda a, b: sigmoid(a - b),
        "dshare": lambda a, b: dsigmoid(a - b),
        "sigmoid": sigmoid,
        "sign": xp.sign,
        "silu": lambda x: x * sigmoid(x),
        "sin": xp.sin,
        "sinh": xp.sinh,
        "softplus": softplus,
        "sqrt": xp.sqrt,
        "stop": lambda x: x,
        "sum": total,
        "tan": xp.tan,
        "tanh": tanh,
        "ties": lambda top, *xs: total(*(flag(x == top) for x in xs)),
        "trunc": xp.trunc,
        "weighted_sum": weighted_sum,
        "where": lambda c, a, b: where(c != 0, a, b),
    }
    constants = {"inf": inf, "nan": nan}
    return constants | {name: known.get(name) or rest(name) for name in TABLE}


def elementwise(forward: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats on arrays, number by number: for what NumPy has no formula."""
    import numpy as np

    def each(*xs: Any) -> Any:
        # The number of operands is known when it is called.
        found = np.frompyfunc(lambda *a: forward(*map(float, a)), len(xs), 1)(*xs)
        return np.asarray(found, dtype=float)

    return each


@cache
def numpy_functions() -> dict[str, Any]:
    """What the names mean on NumPy's arrays."""
    import numpy as np

    space = functions(np, lambda name: elementwise(TABLE[name].forward))
    space["inner"] = np.dot
    space["total"] = np.add.reduce
    return space


def numpy_function(program: Program, source: str) -> Callable[..., Any]:
    """The function in the source of a program, on NumPy's arrays."""
    names = meanings(program, numpy_functions(), lambda rule: elementwise(rule.forward))
    return define(source, names)
