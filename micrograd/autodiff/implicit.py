"""Numbers given by equations: `root` and `fixed_point`, with their derivatives.

The solution is found with bare numbers, by Newton's method or by a solver of the user's. Its
derivative is that of the implicit function theorem, and does not depend on how it was found: from
the solution x, held constant, k steps of Newton's method are taken with Values. They move x by
rounding alone, and each doubles the order of derivatives that are right: k steps have all up to
order 2**k - 1 (A. Griewank, A. Walther, Evaluating Derivatives, 2008, chapter 15).

The same lines run eagerly and in a trace, on the loops of `loops.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

from .. import ops
from ..core.node import Node
from ..core.watch import WATCH
from ..engine import Value
from .carries import callable_or_error, filled, leaves, numbered, same_shape, true
from .loops import while_loop
from .nested import in_order_of
from .transforms import DEPTH, basis, vjp

TURNS = 100  # of Newton's method
SMALL = 1e-6  # a step relative to the solution: the one after it is rounding
LEAST = 0.5**40  # of a step that is halved and halved
NEWTON_STEPS = 3  # with Values: derivatives up to order 7


def root(f: Callable[..., Any], x0: Any, solver: Callable[..., Any] | None = None) -> Any:
    """The x for which f(x) is 0, near x0: one number, or a list of them with as many equations.

    Newton's method with our Jacobian; a step that does not make the largest residual smaller is
    halved until it does. Or `solver(f, x0)`, which gives x. The derivative, of any order and by
    every Value that f reaches, is that of the implicit function theorem; x0 has none. ValueError
    with the last residual where no root was found; in a compiled function the result is nan then.

    >>> from micrograd import Value, root
    >>> a = Value(2.0)
    >>> x = root(lambda x: x * x - a, 1.0)
    >>> x.backward()
    >>> round(x.data, 12), round(a.grad, 12)
    (1.414213562373, 0.353553390593)
    """
    callable_or_error("root", f)
    return solved("root", f, x0, solver, f)


def fixed_point(f: Callable[..., Any], x0: Any, solver: Callable[..., Any] | None = None) -> Any:
    """The x for which f(x) is x, near x0: the root of x - f(x), as `root` finds it.

    A `solver(f, x0)` gets the function whose fixed point it is, and may go on until it stays.

    >>> from micrograd import cos, fixed_point
    >>> round(fixed_point(lambda x: cos(x), 1.0), 12)
    0.739085133215
    """
    callable_or_error("fixed_point", f)

    def gap(x: Any) -> Any:
        y = in_order_of(x, f(x), "fixed_point")
        return filled(x, iter([a - b for a, b in zip(leaves(x), leaves(y), strict=True)]))

    return solved("fixed_point", gap, x0, solver, f)


def solved(who: str, f: Any, x0: Any, solver: Any, given: Any) -> Any:
    """The solution of f(x) = 0 that solver(given, x0) finds, with its derivatives."""
    start = bare(numbered(x0, f"{who}: x0"))
    check(who, start, f(start))
    if solver is None:
        x = newton(who, f, start)
    else:
        x = bare(numbered(solver(given, start), f"{who}: what the solver gives"))
        x = same_shape(who, "the solution", start, x)
    values = any([isinstance(v, Node) for v in [*leaves(f(x)), *leaves(x0)]])
    if values:
        x = filled(x, iter([v if isinstance(v, Node) else Value(v) for v in leaves(x)]))
    steps = NEWTON_STEPS
    while 2**steps - 1 < 2 * DEPTH.value + 1:
        steps += 1
    for _ in range(steps):
        x = moved(x, newton_step(f, x), 1.0)
    return x


def bare(x: Any) -> Any:
    """The structure without the graph: of a trace with what it calls stop, and floats else."""

    def number(v: Any) -> Any:
        return v if not isinstance(v, Value) else v.detach() if WATCH.symbolic() else v._data

    return filled(x, iter([number(v) for v in leaves(x)]))


def check(who: str, x: Any, y: Any) -> None:
    if len(leaves(x)) != len(leaves(y)):
        raise ValueError(
            f"{who}: {len(leaves(y))} equations for {len(leaves(x))} unknown numbers; there must "
            "be as many"
        )


# Newton's method ----------------------------------------------------------------------------


def newton(who: str, f: Any, x0: Any) -> Any:
    """The root near x0. Where none is found, ValueError, or nan in a trace."""

    def residual(x: Any) -> Any:
        return largest(leaves(bare(f(x))))

    def going(state: Any) -> Any:
        return state["going"]

    def turn(state: Any) -> Any:
        x, before = state["x"], state["residual"]
        step = filled(x, iter(bare(newton_step(f, x))))

        def worse(search: Any) -> Any:
            t, now = search
            return ops.logical_and(ops.logical_not(ops.less(now, before)), ops.less(LEAST, t))

        def half(search: Any) -> Any:
            t = search[0] * 0.5
            return t, residual(moved(x, leaves(step), t))

        t, now = while_loop(worse, half, (1.0, residual(moved(x, leaves(step), 1.0))))
        good = ops.less(now, before)
        small = ops.less_equal(largest(leaves(step)), SMALL * largest(leaves(x)))
        exact = ops.logical_and(good, ops.equal(now, 0.0))
        more = ops.logical_and(good, ops.logical_not(exact))
        pairs = zip(leaves(moved(x, leaves(step), t)), leaves(x), strict=True)
        return {
            "x": filled(x, iter([ops.where(good, a, b) for a, b in pairs])),
            "residual": ops.where(good, now, before),
            "turns": state["turns"] + 1.0,
            "going": ops.logical_and(more, ops.less(state["turns"], TURNS - 1.0)),
            "found": ops.logical_or(small, exact),
        }

    first = residual(x0)
    zero = ops.equal(first, 0.0)
    start = {"x": x0, "residual": first, "turns": 0.0}
    state = {**start, "going": ops.logical_not(zero), "found": ops.logical_or(zero, 0.0)}
    state = while_loop(going, turn, state)
    x = state["x"]
    if WATCH.symbolic():
        return bare(filled(x, iter([ops.where(state["found"], v, nan) for v in leaves(x)])))
    if not true(state["found"], who):
        raise ValueError(
            f"{who}: Newton's method found no root: after {int(state['turns'])} turns "
            f"it stands at {x!r:.80} with a residual of {state['residual']:.3g}; begin closer to "
            "it with another x0, or give a solver of your own"
        )
    return x


def moved(x: Any, step: list[Any], t: Any) -> Any:
    """x less t times the step."""
    if type(t) is float and t == 1.0:
        return filled(x, iter([a - d for a, d in zip(leaves(x), step, strict=True)]))
    return filled(x, iter([a - t * d for a, d in zip(leaves(x), step, strict=True)]))


def newton_step(f: Any, x: Any) -> list[Any]:
    """The inverse of the Jacobian of f times f(x)."""
    n = len(leaves(x))
    values, pullback = vjp(lambda *xs: leaves(f(filled(x, iter(xs)))), *leaves(x))
    return solve([list(pullback(basis(n, j))) for j in range(n)], list(values))


def largest(xs: list[Any]) -> Any:
    """The largest size among numbers; nan if one is."""
    sizes = [ops.abs(x) for x in xs]
    return sizes[0] if len(sizes) == 1 else ops.maximum(*sizes)


def solve(rows: list[list[Any]], right: list[Any]) -> list[Any]:
    """The x for which each row times x is its number on the right: Gaussian elimination.

    Rows are exchanged by `where`, so that it can be traced: the largest pivot comes first.
    """
    n = len(right)
    rows = [[*row, r] for row, r in zip(rows, right, strict=True)]
    for k in range(n):
        for i in range(k + 1, n):
            swap = ops.less(ops.abs(rows[k][k]), ops.abs(rows[i][k]))
            above, below = rows[k], rows[i]
            rows[k] = [*above[:k], *exchanged(swap, above[k:], below[k:])]
            rows[i] = [*below[:k], *exchanged(swap, below[k:], above[k:])]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [
                a if j <= k else a - factor * b
                for j, (a, b) in enumerate(zip(rows[i], rows[k], strict=True))
            ]
    x: list[Any] = [0.0] * n
    for k in reversed(range(n)):
        total = rows[k][n]
        for j in range(k + 1, n):
            total = total - rows[k][j] * x[j]
        x[k] = ops.div(total, rows[k][k])
    return x


def exchanged(swap: Any, own: list[Any], other: list[Any]) -> list[Any]:
    return [ops.where(swap, b, a) for a, b in zip(own, other, strict=True)]
