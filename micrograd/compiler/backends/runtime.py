"""Running emitted source on floats: what the names in it mean, and what to do at the edges.

Python's own arithmetic raises where IEEE 754 has an answer (1/0, exp(1000)), and a
product with a gradient of 0 is nan where the other factor is infinite, though nothing
flows there. Both are rare: the source is run as it stands, and where one of them
happens the same program is run once more on Values, which know better.
"""

from __future__ import annotations

import itertools
import linecache
import math
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ...core.rule import TABLE, Rule
from ...core.watch import WATCH
from ...engine import Value
from ...numerics import ieee
from ..ir.program import Program
from ..ir.region import ADD

# The functions of math that agree with the table's wherever they do not raise.
SAME = ("exp", "sqrt", "sin", "cos", "tan", "tanh", "expm1", "log1p", "atan", "asinh")
FLOATS: dict[str, Any] = {name: rule.forward for name, rule in TABLE.items()}
FLOATS |= {name: getattr(math, name) for name in SAME}
FLOATS |= {"log": math.log, "pow": math.pow, "inf": math.inf, "nan": math.nan}
FLOATS["add_sequences"] = ADD.evaluate
FLOATS["dot"] = lambda xs, ys: ieee.dot(*xs, *ys)
EDGES = (ArithmeticError, ValueError)  # what floats raise where the table has an answer
_count = itertools.count()
# Sources of functions that are gone. The collector may find that out while linecache goes
# through its entries, so they are dropped when the next source comes.
_forgotten: list[str] = []


def meanings(program: Program, known: dict[str, Any], rest: Callable[[Rule], Any]) -> Any:
    """What the functions in the source of a program mean; `rest` has those of a user's own."""
    own = program.functions()
    return {**known, **{name: rest(rule) for rule, name in own.items()}} if own else known


def float_function(program: Program, source: str) -> Callable[..., Any]:
    """The function in the source of a program, on floats."""
    return define(source, meanings(program, FLOATS, lambda rule: rule.forward))


def define(source: str, names: dict[str, Any]) -> Callable[..., Any]:
    """The function in a source, which then shows in tracebacks and debuggers.

    The source is ours, made by `emit` from a program: numbers, checked names, operators.
    """
    with suppress(IndexError):  # other threads take from it too
        while True:
            linecache.cache.pop(_forgotten.pop(), None)
    filename = f"<micrograd.jit {next(_count)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    space = dict(names)
    exec(compile(source, filename, "exec"), space)
    function: Callable[..., Any] = space["f"]
    weakref.finalize(function, _forgotten.append, filename)
    return function


def exact_values(program: Program, xs: Sequence[float], ps: Sequence[float]) -> list[float]:
    """The results, by the functions of the table, which never raise."""
    return program.run(xs, ps)


def exact_gradient(
    program: Program, xs: Sequence[float], ps: Sequence[float], seeds: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The results and the gradient by the parameters, by the eager engine."""
    hidden = WATCH.hide()  # no_grad() around the call is not meant for this graph
    try:
        parameters = [Value(p) for p in ps]
        results = program.run(xs, parameters)
        for y, seed in zip(results, seeds):
            if isinstance(y, Value):
                y.backward(seed)
        values = [y._data if isinstance(y, Value) else y for y in results]
        return values, [p.grad for p in parameters]
    finally:
        WATCH.show(hidden)
