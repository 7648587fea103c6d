"""Loops and branches as functions: `scan`, `fori_loop`, `while_loop`, `cond`.

Names, argument order and results are JAX's. Eager they are plain Python that makes nodes, and a
Python loop does the same; what is traced for `jit` they write down as one step with a program for
a body (`compiler/loops.py`), where a Python loop would be written out turn by turn and an `if` on
a number could not be at all. Equations that are to be solved are in `implicit.py`.

Carries, operands and results are structures of numbers: lists, tuples, dictionaries, arrays. What
is scanned has a leading axis: a list or an array of n entries, or a tuple or dictionary of such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Any

from ..core.node import Node
from ..core.rule import real
from ..core.watch import WATCH
from .checkpoint import checkpoint as recomputed
from .nested import flatten, is_array, rebuild

MOST = 2**31 - 1  # turns of a scan
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
    if isinstance(lower, Node) or isinstance(upper, Node):

        def more(state: Any) -> Any:
            return state[0] < upper

        def step(state: Any) -> Any:
            return state[0] + 1.0, body(*state)

        start = lower if isinstance(lower, Node) else float(lower)
        return while_loop(more, step, (start, init), checkpoint=checkpoint)[1]
    first, last = whole("fori_loop", "lower", lower), whole("fori_loop", "upper", upper)

    def turn(state: Any, _: None) -> Any:
        i, carry = state
        return (i + 1.0, body(i, carry)), None

    n = max(0, last - first)
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


# Structures ---------------------------------------------------------------------------------


def leaves(x: Any) -> list[Any]:
    """The numbers of a structure in order; None holds none."""
    return [number for number in flatten(x) if number is not None]


def filled(like: Any, numbers: Iterator[Any]) -> Any:
    """The same structure with other numbers."""
    return rebuild(like, iter([None if x is None else next(numbers) for x in flatten(like)]))


def numbered(x: Any, where: str) -> Any:
    """The structure with floats and Values in it; TypeError for what is no number."""
    if type(x) is float or isinstance(x, Node) or x is None:
        return x
    found = [v if isinstance(v, Node) else real(v, where) for v in leaves(x)]
    return filled(x, iter(found))


def shape(x: Any) -> Any:
    """What is the same of all structures that are alike."""
    if is_array(x):
        return ("array", tuple(x.shape))
    if isinstance(x, dict):
        return ("dict", *((key, shape(v)) for key, v in x.items()))
    if isinstance(x, (list, tuple)):
        return (type(x).__name__, *map(shape, x))
    return None if x is None else 0


def like_before(who: str, old: Any, new: Any) -> Any:
    """The new carry; TypeError if it has another structure than the old one."""
    if not (isinstance(new, (float, Node)) and isinstance(old, (float, Node))):
        same_shape(who, "the carry", old, new)
    return numbered(new, f"{who}: the carry")


def same_shape(who: str, what: str, old: Any, new: Any) -> None:
    if shape(old) != shape(new):
        raise TypeError(
            f"{who}: {what} was {described(old)} and is {described(new)} now; it must keep its "
            "structure: give back as many numbers, in lists and tuples as before"
        )


def described(x: Any) -> str:
    if is_array(x):
        return f"an array of shape {tuple(x.shape)}"
    if isinstance(x, (list, tuple, dict)):
        return f"a {type(x).__name__} of {len(x)}"
    return "None" if x is None else "a number"


def entry(xs: Any, i: int) -> Any:
    """What the turn i gets: the entry i of each list or array in xs."""
    if xs is None:
        return None
    if isinstance(xs, dict):
        return {key: entry(x, i) for key, x in xs.items()}
    if isinstance(xs, tuple):
        found = [entry(x, i) for x in xs]
        return type(xs)(*found) if hasattr(xs, "_fields") else tuple(found)
    return numbered(xs[i], "scan: xs")


def stacked(ys: list[Any]) -> Any:
    """The outputs of all turns in the structure of one, with a list for each number or list."""
    if not ys:
        return []  # nobody knows of what
    first = ys[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: stacked([y[key] for y in ys]) for key in first}
    if isinstance(first, tuple):
        found = [stacked([y[k] for y in ys]) for k in range(len(first))]
        return type(first)(*found) if hasattr(first, "_fields") else tuple(found)
    for y in ys:
        if shape(y) != shape(first):
            same_shape("scan", "the output", first, y)
    return ys


def lengths(xs: Any) -> list[int]:
    """Of every list and array to be scanned how many entries it has."""
    if xs is None:
        return []
    if isinstance(xs, dict):
        xs = tuple(xs.values())
    if isinstance(xs, tuple):
        return [n for x in xs for n in lengths(x)]
    if not hasattr(xs, "__len__"):
        raise TypeError(
            f"scan: xs is a list or an array to go through, or a tuple of such, not {xs!r:.60}"
        )
    return [len(xs)]


def turns(who: str, xs: Any, length: Any) -> int:
    """How often a scan goes round."""
    found = lengths(xs)
    if length is not None:
        found.append(whole(who, "length", length))
    if not found:
        raise ValueError(f"{who}: without xs it needs the number of turns: give length=n")
    if len(set(found)) > 1:
        several = " and ".join(map(str, sorted(set(found))))
        raise ValueError(f"{who}: xs and length say {several} turns; they must be the same")
    if found[0] < 0:
        raise ValueError(f"{who}: length is a number of turns from 0 on, not {found[0]}")
    if found[0] > MOST:
        raise ValueError(f"{who}: {found[0]} turns are more than the {MOST} that are counted")
    return found[0]


def whole(who: str, what: str, x: Any) -> int:
    if isinstance(x, Node):
        raise TypeError(
            f"{who}: {what} is a whole number that is known before, not a Value: where the number "
            "of turns depends on numbers, write while_loop"
        )
    number = real(x, f"{who}: {what}")
    if number != number or number != int(number):
        raise ValueError(f"{who}: {what} is a whole number, not {x!r}")
    return int(number)


def kept(who: str, checkpoint: Any, n: int | None) -> int:
    """How many turns lie between two carries that are kept; 0 if all are."""
    if checkpoint == "all" or checkpoint is None:
        return 0
    if checkpoint == "sqrt" and n is not None:
        return max(1, isqrt(n))
    if isinstance(checkpoint, int) and not isinstance(checkpoint, bool) and checkpoint > 0:
        return 0 if checkpoint == 1 or (n is not None and checkpoint >= n > 0) else checkpoint
    raise ValueError(
        f'{who}: checkpoint is "all", "sqrt" or a number of turns from 1 on, not {checkpoint!r}'
    )


def true(condition: Any, who: str) -> bool:
    """A condition as a bool: a number that is not 0, or a Value of one."""
    if isinstance(condition, Node):
        condition = condition._data
    if condition is None or not hasattr(condition, "__bool__"):
        raise TypeError(
            f"{who}: a condition is true or false, or a number, not {condition!r:.60}: does its "
            "function return?"
        )
    return bool(condition)


def pair(found: Any) -> Any:
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise TypeError(
            "scan: f gives a pair, the new carry and an output, which may be None; not "
            f"{found!r:.60}"
        )
    return found


def callable_or_error(who: str, f: Any) -> None:
    if not callable(f):
        raise TypeError(f"{who}: a function is needed, not {f!r:.60}")
