"""Loops and branches as functions: `scan`, `fori_loop`, `while_loop`, `cond`.

Names, argument order and results are JAX's. Eager they are plain Python that makes nodes, and a
Python loop does the same; what is traced for `jit` they write down as one step with a program for
a body (`compiler/loops.py`), where a Python loop would be written out turn by turn and an `if` on
a number could not be at all. Equations that are to be solved are in `implicit.py`.

Carries, operands and results are structures of numbers: lists, tuples, dictionaries, arrays. What
is scanned has a leading axis: a list or an array of n entries, or a tuple or dictionary of such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.node import Node
from ..core.watch import WATCH
from .carries import (
    callable_or_error,
    entry,
    kept,
    like_before,
    numbered,
    pair,
    stacked,
    true,
    turns,
    whole,
)
from .checkpoint import checkpoint as recomputed

Checkpoint = Any  # "all", "sqrt" or a number of turns


def scan(
    f: Callable[..., Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    *,
    checkpoint: Checkpoint = "all",
) -> tuple[Any, Any]:
    """(the last carry, all outputs) of `carry, y = f(carry, x)` for each x of xs in turn.

    The carry begins as `init` and keeps its structure. `xs` is a list or an array, or a tuple or
    dictionary of such, of equal lengths; without it f gets None, `length` times. The outputs are
    stacked: a list of numbers for a y that is a number, a tuple of lists for a tuple. With
    `reverse` it goes from the last x to the first; outputs still stand where their x does.
    `checkpoint` says what a reverse pass keeps: the carry of every turn, "all"; about every
    sqrt(n)-th, "sqrt"; or every k-th, a number. What is not kept is computed again. ValueError for
    lengths that differ, TypeError for a carry that changes its structure.

    >>> scan(lambda total, x: (total + x, total * x), 0.0, [1.0, 2.0, 3.0])
    (6.0, [0.0, 2.0, 9.0])
    >>> scan(lambda c, _: (c * 2.0, None), 1.0, length=10)
    (1024.0, None)
    """
    callable_or_error("scan", f)
    n = turns("scan", xs, length)
    every = kept("scan", checkpoint, n)
    init = numbered(init, "scan: init")
    tracer = WATCH.tracer()
    if tracer is not None:
        found: tuple[Any, Any] = tracer.scan(f, init, xs, n, reverse, every)
        return found
    order = range(n - 1, -1, -1) if reverse else range(n)
    if every and not WATCH.symbolic():
        return in_parts(f, init, xs, order, every)
    carry, ys = through(f, init, xs, order)
    return carry, stacked(ys[::-1] if reverse else ys)


def through(f: Callable[..., Any], carry: Any, xs: Any, order: Any) -> tuple[Any, list[Any]]:
    """The last carry and the outputs, as they came."""
    ys = []
    for i in order:
        new, y = pair(f(carry, entry(xs, i)))
        carry = like_before("scan", carry, new)
        ys.append(numbered(y, "scan: an output"))
    return carry, ys


def in_parts(f: Any, carry: Any, xs: Any, order: Any, every: int) -> tuple[Any, Any]:
    """The same, keeping of the graph only what is between parts of so many turns."""
    ys: list[Any] = []
    for start in range(0, len(order), every):
        part = order[start : start + every]

        def turn(carry: Any, part: Any = part) -> tuple[Any, list[Any]]:
            return through(f, carry, xs, part)

        carry, some = recomputed(turn, carry)
        ys += some
    return carry, stacked(ys[::-1] if order.step < 0 else ys)


def fori_loop(
    lower: Any,
    upper: Any,
    body: Callable[..., Any],
    init: Any,
    *,
    checkpoint: Checkpoint = "all",
) -> Any:
    """The last carry of `carry = body(i, carry)` for i from lower up to, without it, upper.

    i is a float. Bounds that are whole numbers are known before the loop; where one is a Value,
    the number of turns depends on it, as with `while_loop`. `checkpoint` as in `scan`.

    >>> fori_loop(1, 6, lambda i, product: product * i, 1.0)
    120.0
    """
    callable_or_error("fori_loop", body)
    init = numbered(init, "fori_loop: init")

    def after(i: Any, carry: Any) -> Any:
        return like_before("fori_loop", carry, body(i, carry))

    if isinstance(lower, Node) or isinstance(upper, Node):

        def more(state: Any) -> Any:
            return state[0] < upper

        def step(state: Any) -> Any:
            return state[0] + 1.0, after(*state)

        start = lower if isinstance(lower, Node) else float(lower)
        return while_loop(more, step, (start, init), checkpoint=checkpoint)[1]
    first, last = whole("fori_loop", "lower", lower), whole("fori_loop", "upper", upper)

    def turn(state: Any, _: None) -> Any:
        i, carry = state
        return (i + 1.0, after(i, carry)), None

    n = turns("fori_loop", None, max(0, last - first))
    if not kept("fori_loop", checkpoint, n) and WATCH.tracer() is None:
        for i in range(n):
            init = after(float(first + i), init)
        return init
    (_, carry), _ = scan(turn, (float(first), init), length=n, checkpoint=checkpoint)
    return carry


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    init: Any,
    *,
    checkpoint: Checkpoint = "all",
) -> Any:
    """The last carry of `carry = body(carry)`, repeated as long as `cond(carry)` is true.

    It has a gradient also where the number of turns depends on the numbers: that of the turns
    that were taken. `checkpoint` is "all" or how many turns lie between two carries that are kept.

    >>> while_loop(lambda x: x > 1.0, lambda x: x / 2.0, 10.0)
    0.625
    """
    callable_or_error("while_loop", cond)
    callable_or_error("while_loop", body)
    if checkpoint == "sqrt":
        raise ValueError(
            'while_loop: checkpoint="sqrt" needs to know the number of turns: give a number, such '
            "as checkpoint=100, for the turns between two carries that are kept"
        )
    every = kept("while_loop", checkpoint, None)
    init = numbered(init, "while_loop: init")
    tracer = WATCH.tracer()
    if tracer is not None:
        return tracer.while_loop(cond, body, init, every)
    carry = init
    if not every:
        while true(cond(carry), "while_loop"):
            carry = like_before("while_loop", carry, body(carry))
        return carry

    def some(carry: Any) -> Any:
        for _ in range(every):
            if not true(cond(carry), "while_loop"):
                break
            carry = like_before("while_loop", carry, body(carry))
        return carry

    while true(cond(carry), "while_loop"):
        carry = recomputed(some, carry)
    return carry


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """true_fun(*operands) where pred is true, else false_fun(*operands).

    The other function is not run, in compiled code either, and has no part in any gradient. Both
    give the same structure.

    >>> cond(2.0 > 1.0, lambda x: x * 10.0, lambda x: -x, 3.0)
    30.0
    """
    callable_or_error("cond", true_fun)
    callable_or_error("cond", false_fun)
    tracer = WATCH.tracer()
    if tracer is not None:
        return tracer.cond(pred, true_fun, false_fun, operands)
    chosen = true_fun if true(pred, "cond") else false_fun
    return numbered(chosen(*operands), "cond: a result")
