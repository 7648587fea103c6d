"""Functions of functions: grad, jvp, vjp, jacobian, hessian, hvp.

Each takes a function of numbers, or of nested lists of them, and gives its derivative.
They run the function on fresh Values, read the graph it leaves, and touch the `.grad` of
nothing. They nest in any order and to any depth: what is differentiated is always a node
of one's own, so an inner derivative never takes an outer variable for its own.

Two ways to the same numbers. At the outermost level nobody will differentiate the result,
and it is computed with plain floats on a `Tape`. Inside another transform, or on Values,
it is computed with Values, by the chain rule in `chain.py`, and comes back as Values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .chain import adjoints, tangents_of
from .engine import Value
from .nodes import apply
from .ops import TABLE
from .rule import real
from .tape import Tape
from .watch import WATCH

Function = Callable[..., Any]


# Structures: a number, or nested lists and tuples of them -----------------------------------


def flatten(x: Any) -> list[Any]:
    """The numbers in a structure, from left to right."""
    if isinstance(x, (list, tuple)):
        return [leaf for element in x for leaf in flatten(element)]
    return [x]


def rebuild(like: Any, numbers: Iterator[Any]) -> Any:
    """A structure like another, with these numbers in it."""
    if isinstance(like, (list, tuple)):
        return type(like)(rebuild(element, numbers) for element in like)
    return next(numbers)


def as_tuples(x: Any) -> Any:
    return tuple(map(as_tuples, x)) if isinstance(x, (list, tuple)) else x


# Running a function to be differentiated ----------------------------------------------------


class Depth(threading.local):
    """How many transforms this thread is inside of."""

    value = 0


DEPTH = Depth()


@contextmanager
def one_deeper() -> Iterator[None]:
    DEPTH.value += 1
    try:
        yield
    finally:
        DEPTH.value -= 1


class Run:
    """A function run on fresh Values in the place of some of its arguments."""

    def __init__(
        self, f: Function, xs: tuple[Any, ...], argnums: tuple[int, ...], who: str
    ) -> None:
        arguments = list(xs)
        self.inputs: list[list[Value]] = []
        self.keep = DEPTH.value > 0 or WATCH.symbolic()
        for i in argnums:
            if not -len(xs) <= i < len(xs):
                raise ValueError(f"{who}: argument {i} of {len(xs)}, counted from 0")
            numbers = [self.fresh(x, who) for x in flatten(xs[i])]
            self.inputs.append(numbers)
            arguments[i] = rebuild(xs[i], iter(numbers))
        self.given = [xs[i] for i in argnums]
        with one_deeper():
            self.value = f(*arguments)
        self.outputs = [
            y if isinstance(y, Value) else Value(real(y, who)) for y in flatten(self.value)
        ]

    def fresh(self, x: Any, who: str) -> Value:
        """A Value of our own with the number of x, and connected to x if that is a Value."""
        if isinstance(x, Value):
            self.keep = True
            node: Value = apply(TABLE["identity"], (x,))  # type: ignore[assignment]
            return node
        return Value(real(x, who))

    def scalar(self, who: str) -> Value:
        """The one output, or an error that says what to use for several."""
        if isinstance(self.value, (list, tuple)):
            raise TypeError(f"{who}: the function gives {len(self.outputs)} numbers; use jacobian")
        return self.outputs[0]

    def plain(self, x: Any) -> Any:
        """What the caller should get of a Value of this run: itself, or its number."""
        return x if self.keep or not isinstance(x, Value) else x._data

    def result(self) -> Any:
        return rebuild(self.value, iter([self.plain(y) for y in self.outputs]))

    def pull(self, seeds: list[Any]) -> list[list[Any]]:
        """For each differentiated argument the gradient of the sum of seed * output."""
        if self.keep:
            total = sum_of_products(seeds, self.outputs)
            found = adjoints(total, Value(1.0)) if isinstance(total, Value) else {}
            return [[found.get(x, 0.0) for x in xs] for xs in self.inputs]
        tape = Tape(list(self.outputs))
        rates = tape.pull(self.seeds(seeds))
        return [[at(tape, rates, x) for x in xs] for xs in self.inputs]

    def seeds(self, seeds: list[Any]) -> dict[Any, float]:
        total: dict[Any, float] = {}
        for y, seed in zip(self.outputs, seeds, strict=True):
            total[y] = total.get(y, 0.0) + real(seed, "the cotangent")
        return total

    def push(self, tangents: list[Any]) -> list[Any]:
        """For each output its rate of change as the inputs move at these rates."""
        inputs = [x for xs in self.inputs for x in xs]
        if self.keep or any(isinstance(t, Value) for t in tangents):
            self.keep = True
            found = tangents_of(self.outputs, dict(zip(inputs, tangents, strict=True)))
            return [found.get(y, 0.0) for y in self.outputs]
        tape = Tape(list(self.outputs))
        moving = {x: real(t, "the tangent") for x, t in zip(inputs, tangents, strict=True)}
        rates = tape.push(moving)
        return [at(tape, rates, y) for y in self.outputs]


def at(tape: Tape, rates: list[float], x: Value) -> float:
    i = tape.place.get(x)
    return 0.0 if i is None else rates[i]


def sum_of_products(seeds: list[Any], outputs: list[Value]) -> Any:
    total: Any = 0.0
    for seed, y in zip(seeds, outputs, strict=True):
        if isinstance(seed, Value) or seed != 0:
            term = y if not isinstance(seed, Value) and seed == 1 else seed * y
            total = term if isinstance(total, float) and total == 0.0 else total + term
    return total


def positions(argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def named(g: Function, f: Function, how: str) -> Function:
    g.__name__ = f"{how}({getattr(f, '__name__', 'f')})"
    g.__doc__ = f"{how} of {getattr(f, '__name__', 'f')}. {f.__doc__ or ''}".strip()
    return g


# Reverse mode -------------------------------------------------------------------------------


def vjp(f: Function, *primals: Any) -> tuple[Any, Function]:
    """f's value, and the pullback: from a cotangent of the value to those of the primals.

    The cotangent has the structure of the value; what comes back is a tuple, one entry
    for each primal: the cotangent times the Jacobian of f.

    >>> value, pullback = vjp(lambda x, y: x * y, 3.0, 5.0)
    >>> value, pullback(2.0)
    (15.0, (10.0, 6.0))
    """
    run = Run(f, primals, tuple(range(len(primals))), "vjp")

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        seeds = flatten(cotangent)
        if len(seeds) != len(run.outputs):
            raise ValueError(f"vjp: {len(seeds)} cotangents for {len(run.outputs)} outputs")
        if any(isinstance(seed, Value) for seed in seeds):
            run.keep = True
        parts = run.pull(seeds)
        return tuple(rebuild(x, iter(part)) for x, part in zip(primals, parts, strict=True))

    return run.result(), pullback


def value_and_grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives the pair (f's value, its gradient). See `grad`.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """

    def both(*xs: Any) -> tuple[Any, Any]:
        run = Run(f, xs, positions(argnums), "grad")
        y = run.scalar("grad")
        parts = run.pull([1.0])
        found = tuple(rebuild(x, iter(part)) for x, part in zip(run.given, parts, strict=True))
        return run.plain(y), found[0] if isinstance(argnums, int) else found

    return named(both, f, "value_and_grad")


def grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives the gradient of f by one argument, or by several as a tuple.

    The gradient has the structure of the argument. Numbers give numbers; Values, or any
    argument inside another transform, give Values.

    >>> grad(lambda x, y: x * y * y, 1)(3.0, 5.0)
    30.0
    >>> grad(lambda w: w[0] * w[1])([2.0, 7.0])
    [7.0, 2.0]
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnums)
    return named(lambda *xs: both(*xs)[1], f, "grad")


def derivative(f: Function, order: int = 1) -> Function:
    """The derivative of that order of a function of one number, by reverse mode repeated.

    >>> derivative(lambda x: x**5, 3)(2.0)
    240.0
    """
    for _ in range(order):
        f = grad(f)
    return f


# Forward mode -------------------------------------------------------------------------------


def jvp(f: Function, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """f's value, and its rate of change as the primals move at the rates `tangents`.

    Both are tuples, one entry for each argument of f, or for a single argument it alone.
    The rate is the Jacobian of f times the tangents: one walk forwards over the graph.

    >>> jvp(lambda x, y: x * y, (3.0, 5.0), (1.0, 0.0))
    (15.0, 5.0)
    """
    xs = primals if isinstance(primals, tuple) else (primals,)
    moving = flatten(tangents)
    if len(moving) != len(flatten(list(xs))):
        raise ValueError(f"jvp: {len(moving)} tangents for {len(flatten(list(xs)))} numbers")
    run = Run(f, xs, tuple(range(len(xs))), "jvp")
    rates = run.push(moving)
    return run.result(), rebuild(run.value, iter([run.plain(r) for r in rates]))


# Matrices of derivatives --------------------------------------------------------------------


def jacobian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives all derivatives of all outputs of f, as nested tuples.

    Outputs first, then arguments. Forward mode where there are fewer inputs than outputs,
    else reverse mode: one walk for each of the fewer.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + 2 * x[1]])([3.0, 4.0])
    ((4.0, 3.0), (1.0, 2.0))
    """

    def all_of_them(*xs: Any) -> Any:
        run = Run(f, xs, positions(argnums), "jacobian")
        inputs = [x for part in run.inputs for x in part]
        n = len(inputs)
        if n < len(run.outputs):
            columns = [run.push([float(i == k) for i in range(n)]) for k in range(n)]
            rows = [[column[j] for column in columns] for j in range(len(run.outputs))]
        else:
            rows = []
            for y in range(len(run.outputs)):
                parts = run.pull([float(i == y) for i in range(len(run.outputs))])
                rows.append([g for part in parts for g in part])
        shaped = [shape_row(row, run, isinstance(argnums, int)) for row in rows]
        return as_tuples(rebuild(run.value, iter(shaped)))

    return named(all_of_them, f, "jacobian")


def shape_row(row: list[Any], run: Run, single: bool) -> Any:
    numbers = iter(row)
    parts = tuple(rebuild(x, numbers) for x in run.given)
    return as_tuples(parts[0] if single else parts)


def hessian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives all second derivatives of a scalar f, as nested tuples.

    Of `argnums=(0, 1)` and two numbers it is 2 by 2. Forward over reverse: for each input
    one walk forwards and one back, whatever the number of inputs.

    >>> hessian(lambda x, y: x * x * y, (0, 1))(3.0, 5.0)
    ((10.0, 6.0), (6.0, 0.0))
    """

    def matrix(*xs: Any) -> Any:
        run = Run(f, xs, positions(argnums), "hessian")
        y = run.scalar("hessian")
        single = isinstance(argnums, int)
        if run.keep:
            return jacobian_of_gradient(f, xs, argnums)
        inputs = [x for part in run.inputs for x in part]
        rows = [shape_row(row, run, single) for row in second_derivatives(y, inputs)]
        return shape_row(rows, run, single)

    return named(matrix, f, "hessian")


def jacobian_of_gradient(f: Function, xs: tuple[Any, ...], argnums: int | tuple[int, ...]) -> Any:
    return jacobian(grad(f, argnums), argnums)(*xs)


def second_derivatives(y: Value, inputs: list[Value]) -> list[list[float]]:
    """The Hessian of y by these nodes, row by row."""
    tape = Tape([y])
    adjoint = tape.pull({y: 1.0})
    curve = tape.curve()
    rows = []
    for x in inputs:
        rate = curve.product(y, adjoint, {x: 1.0})
        rows.append([at(tape, rate, other) for other in inputs])
    return rows


def gradient_and_hessian(y: Value, inputs: list[Value]) -> tuple[list[float], list[list[float]]]:
    """The first and second derivatives of an existing graph by some of its leaves."""
    tape = Tape([y])
    adjoint = tape.pull({y: 1.0})
    return [at(tape, adjoint, x) for x in inputs], second_derivatives(y, inputs)


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar f times the tangents, without the Hessian.

    Forward over reverse (Pearlmutter 1994): how fast the gradient changes as the primals
    move. Structured like the primals; a tuple of arguments gives a tuple.

    >>> hvp(lambda x, y: x * x * y, (3.0, 5.0), (1.0, 0.0))
    (10.0, 6.0)
    """
    several = isinstance(primals, tuple)
    xs = primals if several else (primals,)
    moving = flatten(tangents)
    run = Run(f, xs, tuple(range(len(xs))), "hvp")
    y = run.scalar("hvp")
    inputs = [x for part in run.inputs for x in part]
    if len(moving) != len(inputs):
        raise ValueError(f"hvp: {len(moving)} tangents for {len(inputs)} numbers")
    if run.keep or any(isinstance(t, Value) for t in moving):
        found: Any = jvp(grad(f, tuple(range(len(xs)))), xs, tangents)[1]
        return found if several else found[0]
    tape = Tape([y])
    directions = {x: real(t, "the tangent") for x, t in zip(inputs, moving, strict=True)}
    rate = tape.curve().product(y, tape.pull({y: 1.0}), directions)
    numbers = iter([at(tape, rate, x) for x in inputs])
    found = tuple(rebuild(x, numbers) for x in xs)
    return found if several else found[0]
