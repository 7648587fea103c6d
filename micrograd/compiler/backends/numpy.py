"""What the names in emitted source mean on arrays: NumPy's, and anything with its functions.

`functions(xp)` works for NumPy and `jax.numpy`, and through `foreign.py` for PyTorch: one
formula for each operation, elementwise. They keep the accuracy of the table in the tails
to a few ulp, and follow its conventions at kinks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from math import inf, nan
from typing import Any

from ...core.rule import TABLE
from ...numerics.ieee import DEGREES, SPLIT
from ...numerics.tails import (
    D2SILU_ZERO,
    DSILU_ZERO,
    INV_SQRT_2PI,
    SQRT_2,
    SQRT_2_LOW,
    TWO_OVER_SQRT_PI,
)
from ..ir.program import Program
from .runtime import define, meanings


def functions(xp: Any, rest: Callable[[str], Any], check: Callable[[Any], None]) -> dict[str, Any]:
    """For each operation of the table a function of arrays, or of arrays and numbers.

    `rest(name)` gives those that no formula here covers. `check(wrong)` is told where
    operands are out of their domain, for the operations that refuse such.
    """
    where, exp, log, absolute, sqrt = xp.where, xp.exp, xp.log, xp.abs, xp.sqrt

    def is_finite(x: Any) -> Any:
        return x - x == 0

    def bell(e: Any) -> Any:
        s = 1.0 + e
        q = e / (s * s)
        return q - 2.0 * q * (e - (s - 1.0))

    def sigmoid(x: Any) -> Any:
        e = exp(-absolute(x))
        return where(x > 0, 1.0, e) / (1.0 + e)

    def dsigmoid(x: Any) -> Any:
        return bell(exp(-absolute(x)))

    def softplus(x: Any) -> Any:
        return xp.maximum(x, 0.0) + xp.log1p(exp(-absolute(x)))

    def dsilu(x: Any) -> Any:
        s = sigmoid(x)
        return where(is_finite(x), s + x * dsigmoid(x), s)

    def gauss(x: Any) -> Any:
        x = xp.clip(x, -40.0, 40.0)
        head = x * SPLIT - (x * SPLIT - x)
        return exp(-head * head) * exp(-(x - head) * (x + head))

    def normal(x: Any) -> Any:
        x = xp.clip(x, -40.0, 40.0)
        head = x * SPLIT - (x * SPLIT - x)
        value = exp(-0.5 * head * head) * exp(-0.5 * (x - head) * (x + head))
        return where(absolute(x) == 40.0, 0.0, INV_SQRT_2PI * value)

    def d2silu(x: Any) -> Any:
        value = dsigmoid(x) * (2.0 - x * xp.tanh(0.5 * x))
        return where(is_finite(x), value, where(x == x, 0.0, nan))

    def d2gelu(x: Any) -> Any:
        a = absolute(x)
        near = ((SQRT_2 - a) + SQRT_2_LOW) * (SQRT_2 + a) * normal(x)
        return where(a > 40.0, 0.0, near)

    def reciprocal(x: Any, defined: Any) -> Any:
        """1 / x where that is defined: inf at both zeros, nan elsewhere."""
        return where(x == 0, inf, where(defined, 1.0 / x, nan))

    def total(*xs: Any) -> Any:
        return reduce(lambda a, b: a + b, xs, 0.0) if xs else 0.0

    def weighted_sum(*xs: Any) -> Any:
        n = len(xs) // 2
        products = [w * x for w, x in zip(xs[1 : n + 1], xs[n + 1 :])]
        return reduce(lambda a, b: a + b, products, xs[0])

    def dot(xs: Any, ys: Any) -> Any:
        return total(*(a * b for a, b in zip(xs, ys)))

    def exp_diff(x: Any, top: Any) -> Any:
        gap = x - top
        back = gap - x
        lost = (x - (gap - back)) - (top + back)
        return exp(gap) * (1.0 + where(is_finite(gap) & (gap <= 710.0), lost, 0.0))

    def exp_gap(x: Any, top: Any) -> Any:
        return where(x == top, 1.0, exp_diff(x, top))

    def share(x: Any, y: Any) -> Any:
        e = exp_gap(xp.minimum(x, y), xp.maximum(x, y))
        return where(x >= y, 1.0, e) / (1.0 + e)

    def dshare(x: Any, y: Any) -> Any:
        return bell(exp_gap(xp.minimum(x, y), xp.maximum(x, y)))

    def logaddexp(x: Any, y: Any) -> Any:
        top = xp.maximum(x, y)
        return top + xp.log1p(exp_gap(xp.minimum(x, y), top))

    def rest_of_exps(top: Any, xs: Any) -> Any:
        rest: Any = 0.0
        seen: Any = None
        for x in xs:
            first = x == top if seen is None else (x == top) & ~seen
            seen = first if seen is None else seen | first
            rest = rest + where(first, 0.0, exp_gap(x, top))
        return rest

    def logsumexp(*xs: Any) -> Any:
        top = reduce(xp.maximum, xs)
        return where(is_finite(top), top + xp.log1p(rest_of_exps(top, xs)), top)

    def nll(index: Any, *xs: Any) -> Any:
        check((index != xp.floor(index)) | (index < 0) | (index >= len(xs)))
        right: Any = xs[0]
        for i, x in enumerate(xs):
            right = where(index == i, x, right)
        top = reduce(xp.maximum, xs)
        more = where(is_finite(top), xp.log1p(rest_of_exps(top, xs)), 0.0)
        return (top - right) + more

    def larger(x: Any, y: Any) -> Any:
        """The larger; of the two zeros 0.0, in either order; nan if one is nan."""
        return where(x == y, where(x == 0, x + y, x), xp.maximum(x, y))

    def smaller(x: Any, y: Any) -> Any:
        return where(x == y, where(x == 0, -(-x - y), x), xp.minimum(x, y))

    def fmax(x: Any, y: Any) -> Any:
        return where(x == y, larger(x, y), xp.fmax(x, y))

    def fmin(x: Any, y: Any) -> Any:
        return where(x == y, smaller(x, y), xp.fmin(x, y))

    def hypot(*xs: Any) -> Any:
        # Two finite numbers may overflow before a nan is met, and inf beats nan.
        length = reduce(xp.hypot, xs) if len(xs) > 1 else absolute(xs[0])
        if len(xs) < 3:
            return length
        endless = reduce(lambda a, b: a | b, [absolute(x) == inf for x in xs])
        unknown = reduce(lambda a, b: a | b, [x != x for x in xs])
        return where(unknown & ~endless, nan, length)

    def clip(x: Any, low: Any, high: Any) -> Any:
        check(low > high)
        clipped = where(x < low, low, where(x > high, high, x))
        return where((x == x) & (low == low) & (high == high), clipped, nan)

    def gate(d: Any, x: Any) -> Any:
        return where(x > 0, d, where(x == x, 0.0, nan))

    def route(d: Any, x: Any, top: Any, shared: Any) -> Any:
        return where(x == top, d * (1.0 / shared), where(top == top, 0.0, nan))

    def inside(d: Any, x: Any, low: Any, high: Any) -> Any:
        outside = where((x == x) & (low == low) & (high == high), 0.0, nan)
        return where((x >= low) & (x <= high), d, outside)

    def guard(c: Any, y: Any) -> Any:
        return where(y == y, c, nan)

    def at_kink(slope: Any) -> Any:
        """Of the numbers between the slope and 1 the one nearest to 0."""
        return where(slope > 0, xp.minimum(slope, 1.0), where(slope == slope, 0.0, nan))

    def leaky_step(x: Any, s: Any) -> Any:
        step = where(x > 0, 1.0, where(x == 0, at_kink(s), s))
        return where(x == x, step, nan)

    def elu_step(x: Any, a: Any) -> Any:
        below = where(x == 0, at_kink(a), a * exp(xp.minimum(x, 0.0)))
        return where(x > 0, 1.0, below)

    def floordiv(a: Any, b: Any) -> Any:
        return where(b == 0, a / b, where(is_finite(a), xp.floor_divide(a, b), nan))

    def datan(x: Any) -> Any:
        return where(absolute(x) < 1e8, 1.0 / (1.0 + x * x), (1.0 / x) * (1.0 / x))

    def dasinh(x: Any) -> Any:
        return where(absolute(x) < 1e150, 1.0 / sqrt(1.0 + x * x), 1.0 / absolute(x))

    def dacosh(x: Any) -> Any:
        near = reciprocal(sqrt((x - 1.0) * (x + 1.0)), x >= 1)
        return where(x > 1e150, 1.0 / x, where(x >= 1, near, nan))

    def product(*xs: Any) -> Any:
        return reduce(lambda a, b: a * b, xs)

    def flag(condition: Any) -> Any:
        return where(condition, 1.0, 0.0)

    known: dict[str, Any] = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "neg": lambda x: -x,
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
        "clip": clip,
        "copysign": xp.copysign,
        "cos": xp.cos,
        "cosh": xp.cosh,
        "dacosh": dacosh,
        "dasin": lambda x: reciprocal(sqrt((1.0 - x) * (1.0 + x)), absolute(x) <= 1),
        "dasinh": dasinh,
        "datan": datan,
        "datanh": lambda x: reciprocal((1.0 - x) * (1.0 + x), absolute(x) <= 1),
        "degrees": lambda x: x * DEGREES,
        "derf": lambda x: TWO_OVER_SQRT_PI * where(absolute(x) > 40.0, 0.0, gauss(x)),
        "div": lambda a, b: a / b,
        "dlog": lambda x: reciprocal(x, x > 0),
        "dlog1p": lambda x: reciprocal(1.0 + x, x > -1),
        "dot": dot,
        "dsigmoid": dsigmoid,
        "dsilu": dsilu,
        "d2silu": lambda x: where(
            is_finite(x), dsigmoid(x) * (2.0 - x * xp.tanh(0.5 * x)), where(x == x, 0.0, nan)
        ),
        "d2gelu": d2gelu,
        "dsqrt": lambda x: where(x == 0, inf, 0.5 / sqrt(x)),
        "elu": lambda x, a: where(x > 0, x, a * xp.expm1(where(x > 0, 0.0, x))),
        "elu_step": elu_step,
        "equal": lambda a, b: flag(a == b),
        "exp": exp,
        "exp2": xp.exp2,
        "exp_diff": exp_diff,
        "exp_gap": exp_gap,
        "expm1": xp.expm1,
        "floor": xp.floor,
        "floordiv": floordiv,
        "fmax": fmax,
        "fmin": fmin,
        "fmod": xp.fmod,
        "gate": gate,
        "greater": lambda a, b: flag(a > b),
        "greater_equal": lambda a, b: flag(a >= b),
        "guard": guard,
        "hypot": hypot,
        "identity": lambda x: x,
        "inside": inside,
        "leaky_relu": lambda x, s: where(x > 0, x, s * x),
        "leaky_step": leaky_step,
        "less": lambda a, b: flag(a < b),
        "less_equal": lambda a, b: flag(a <= b),
        "log": log,
        "log10": xp.log10,
        "log1p": xp.log1p,
        "log2": xp.log2,
        "logaddexp": logaddexp,
        "logsigmoid": lambda x: -softplus(-x),
        "logsumexp": logsumexp,
        "maximum": lambda *xs: reduce(larger, xs),
        "mean": lambda *xs: total(*xs) / len(xs),
        "minimum": lambda *xs: reduce(smaller, xs),
        "mod": lambda a, b: where(is_finite(a), xp.remainder(a, b), nan),
        "nll": nll,
        "normal": normal,
        "pow": xp.power,
        "prod": product,
        "radians": lambda x: x / DEGREES,
        "ratio": lambda a, b: where((a == 0) & (b == 0), 0.0, a / b),
        "relu": lambda x: xp.maximum(x, 0.0) + 0.0,
        "rint": xp.rint,
        "route": route,
        "sech2": lambda x: 4.0 * bell(exp(-2.0 * absolute(x))),
        "share": share,
        "dshare": dshare,
        "sigmoid": sigmoid,
        "sign": xp.sign,
        "silu": lambda x: where(x == -inf, -0.0, x * sigmoid(x)),
        "sin": xp.sin,
        "sinh": xp.sinh,
        "softplus": softplus,
        "sqrt": sqrt,
        "stop": lambda x: x,
        "sum": total,
        "tan": xp.tan,
        "tanh": xp.tanh,
        "ties": lambda top, *xs: total(*(flag(x == top) for x in xs)),
        "trunc": xp.trunc,
        "weighted_sum": weighted_sum,
        "weighed": lambda w, x: where((w == 0) & (x == x), 0.0, w * x),
        "portion": lambda a, b: a / (a + b),
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


def larger(x: Any, y: Any) -> Any:
    import numpy as np

    return np.maximum(x, y)


# Where the digits of a formula on arrays cancel: given the result and the operands.
CANCELS: dict[str, Callable[..., Any]] = {
    "logaddexp": lambda y, *xs: abs(y) < -0.5 * reduce(larger, xs),
    "dsilu": lambda y, x: abs(x - DSILU_ZERO) < 0.85,
    "d2silu": lambda y, x: abs(abs(x) - D2SILU_ZERO) < 0.7,
}
CANCELS["logsumexp"] = CANCELS["logaddexp"]


def mended(
    quick: Callable[..., Any], cancels: Callable[..., Any], forward: Callable[..., float]
) -> Callable[..., Any]:
    """A function of arrays that asks for the table's own number where its digits cancel."""
    import numpy as np

    def function(*xs: Any) -> Any:
        y = quick(*xs)
        wrong = np.asarray(cancels(y, *xs))
        if not wrong.any():
            return y
        y = np.array(np.broadcast_to(y, wrong.shape))
        y[wrong] = elementwise(forward)(*[np.broadcast_to(x, wrong.shape)[wrong] for x in xs])
        return y

    return function


@cache
def numpy_functions() -> dict[str, Any]:
    """What the names mean on NumPy's arrays."""
    import numpy as np

    def check(wrong: Any) -> None:
        if np.any(wrong):
            raise ValueError("an operand is out of its domain")  # said better by the table's own

    space = functions(np, lambda name: elementwise(TABLE[name].forward), check)
    for name, cancels in CANCELS.items():
        space[name] = mended(space[name], cancels, TABLE[name].forward)
    space["inner"] = np.dot
    space["total"] = np.add.reduce
    return space


def numpy_function(program: Program, source: str) -> Callable[..., Any]:
    """The function in the source of a program, on NumPy's arrays."""
    names = meanings(program, numpy_functions(), lambda rule: elementwise(rule.forward))
    return define(source, names)
