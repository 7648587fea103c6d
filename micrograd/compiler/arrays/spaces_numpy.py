"""What the names in array source mean in NumPy, where some things go faster, or are more accurate,
than in the words of `library.py`.

What NumPy has no formula for is computed number by number, as the table does. Read `runtime.py`
next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from importlib import import_module
from math import nan
from typing import Any

from ...core.rule import TABLE
from ...numerics import ieee
from ...numerics.tails import D2SILU_ZERO, DSILU_ZERO
from .spaces import elsewhere, space_of

# What NumPy computes number by number, as the table does, to the same accuracy.
BY_NUMBER = ("dsinc", "sinc", "remainder", "ldexp", "round", "fma", "power_partial", "dcbrt",
             "datan2", "inv_r2", "gelu", "dgelu", "truncdiv", "neardiv", "unit",
             "xlogy")  # fmt: skip


def elementwise(forward: Callable[..., float]) -> Callable[..., Any]:
    """A function of floats on arrays, number by number: for what NumPy has no formula."""
    np = import_module("numpy")

    def each(*xs: Any) -> Any:
        found = np.frompyfunc(lambda *a: forward(*map(float, a)), len(xs), 1)(*xs)
        return np.asarray(found, dtype=float)

    return each


# Where the digits of a formula on arrays cancel: given the result and the operands.
CANCELS: dict[str, Callable[..., Any]] = {
    "logaddexp": lambda y, a, b: (2.0 * abs(y) < -a) & (2.0 * abs(y) < -b),
    "dsilu": lambda y, x: abs(x - DSILU_ZERO) < 0.85,
    "d2silu": lambda y, x: abs(abs(x) - D2SILU_ZERO) < 0.7,
}


def mended(
    quick: Callable[..., Any], cancels: Callable[..., Any], forward: Callable[..., float]
) -> Callable[..., Any]:
    """A function of arrays that asks for the table's own number where its digits cancel."""
    np = import_module("numpy")

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
def numpy_space() -> dict[str, Any]:
    """The meanings in NumPy, where some things go faster than in the shared words."""
    np = import_module("numpy")
    space = space_of(np, {name: elementwise(TABLE[name].forward) for name in elsewhere()})
    clip, careful, nll = space["clip"], space["exp_gap"], space["nll"]
    logsumexp = space["logsumexp"]

    def refuse(wrong: Any) -> None:
        if wrong:
            raise ValueError("an operand is out of its domain")  # said better by the table's own

    def checked_clip(x: Any, low: Any, high: Any) -> Any:
        refuse(np.any(np.greater(low, high)))
        return clip(x, low, high)

    def place(index: Any, x: Any) -> Any:
        found = np.arange(x.shape[-1]) == index
        return found if found.shape == x.shape else np.broadcast_to(found, x.shape)

    def chosen(index: Any, x: Any) -> Any:
        found = place(index, x)
        refuse(np.count_nonzero(found) * x.shape[-1] != found.size)
        return found

    def exp_gap(x: Any, top: Any) -> Any:
        gap = x - top
        # Up to 8 the rounding of the difference costs less than 2 units in the last place.
        if np.max(np.abs(gap)) < 8.0:
            return np.exp(gap)
        if not np.isfinite(gap).all():
            return careful(x, top)
        e = np.exp(gap)
        back = gap - x
        return e + ((x - (gap - back)) - (top + back)) * np.where(gap <= 710.0, e, 0.0)

    def gaps(x: Any) -> tuple[Any, Any, float]:
        """x less its largest, the exponentials of that, and the least gap."""
        top = np.maximum.reduce(x, -1, keepdims=True)
        gap = x - top
        low = gap.min()
        if low > -8.0:
            return gap, np.exp(gap), low
        if not low > -700.0:
            return gap, exp_gap(x, top), low
        e = np.exp(gap)
        back = gap - x
        lost = (x - (gap - back)) - (top + back)
        lost *= e
        e += lost
        return gap, e, low

    def fast_take(index: Any, x: Any) -> Any:
        index = np.asarray(index)
        refuse(not np.all((index >= 0) & (index < x.shape[-1]) & (index == np.trunc(index))))
        lead = np.broadcast_shapes(index.shape[:-1], x.shape[:-1])
        at = np.broadcast_to(index.astype(int), (*lead, 1))
        return np.take_along_axis(np.broadcast_to(x, (*lead, x.shape[-1])), at, -1)[..., 0]

    # Of the latest fast_nll: its operand, the places of the classes, the exponentials, their sums.
    latest: deque[tuple[Any, Any, Any, Any]] = deque(maxlen=1)

    def fast_nll(index: Any, x: Any) -> Any:
        right = chosen(index, x)
        gap, e, low = gaps(x)
        if not low > -700.0:  # or x is not finite
            return nll(index, x)
        whole = np.add.reduce(e, -1)
        latest.append((x.copy(), right, e, whole))
        if whole.min() > 1.5:
            logs = np.log(whole)
        else:  # one class has nearly all: 1 + the rest would lose digits
            tops = gap == 0.0
            logs = np.log1p(np.where(tops, 0.0, e).sum(-1) + (tops.sum(-1) - 1.0))
        return logs - gap[right].reshape(whole.shape)

    def fast_dnll(index: Any, x: Any) -> Any:
        right = place(index, x)
        try:  # what the forward pass has computed, which no other thread can take as well
            known, same, e, whole = latest.pop()
        except IndexError:
            known = same = e = whole = None
        if known is None or not (np.array_equal(known, x) and np.array_equal(same, right)):
            _, e, _ = gaps(x)
            whole = np.add.reduce(e, -1)
        e[right] = 0.0
        e[right] = -np.add.reduce(e, -1).reshape(-1)
        e /= whole[..., None]
        return e

    def mended_logsumexp(x: Any) -> Any:
        y = logsumexp(x)
        wrong = np.abs(y) < -0.5 * np.maximum.reduce(x, -1)
        if not wrong.any():
            return y
        y = np.array(y)
        y[wrong] = [TABLE["logsumexp"].forward(*row) for row in x[wrong].tolist()]
        return y

    def norm(x: Any) -> Any:
        # Two finite numbers may overflow before a nan is met, and inf beats nan.
        unknown = np.isnan(x).any(-1) & ~np.isinf(x).any(-1)
        return np.where(unknown, nan, np.hypot.reduce(x, -1))

    def unless_zero(quick: Any, name: str) -> Any:
        """The quick one, but for the sign of zeros."""
        careful = space[name]

        def function(a: Any, b: Any) -> Any:
            y = quick(a, b)
            return y if np.all(y) else careful(a, b)

        return function

    space.update({name: elementwise(TABLE[name].forward) for name in BY_NUMBER})
    for name, cancels in CANCELS.items():
        space[name] = mended(space[name], cancels, TABLE[name].forward)
    for name in ("maximum", "minimum", "fmax", "fmin"):
        space[name] = unless_zero(getattr(np, name), name)
    space.update(
        upper=np.maximum, lower=np.minimum, cbrt=np.cbrt, relu=lambda x: np.maximum(x, 0.0) + 0.0,
        clip=checked_clip, chosen=chosen, exp_gap=exp_gap, logsumexp=mended_logsumexp,
        nll=fast_nll, dnll=fast_dnll, take=fast_take, power=np.power, norm=norm,
        exactly=lambda x: np.apply_along_axis(lambda row: ieee.fsum(*row.tolist()), -1, x),
    )  # fmt: skip
    return space


@cache
def numpy_gradient_space() -> dict[str, Any]:
    """The same for gradients of which none is nan: whoever finds one asks the eager engine."""
    return {**numpy_space(), "gate": lambda d, x: d * (x > 0)}
