"""Functions of functions: grad, jvp, vjp, jacobian, hessian, hvp.

Each takes a function of numbers, or of structures of them (lists, tuples, dictionaries
and NumPy arrays, in `nested.py`), and gives its derivative. They run the function on
fresh Values, read the graph it leaves, and touch the `.grad` of nothing. They nest in
any order and to any depth: what is differentiated is always a node of one's own, so an
inner derivative never takes an outer variable for its own.

Two ways to the same numbers. At the outermost level nobody will differentiate the result,
and it is computed with plain floats on a `Tape`. Inside another transform, on Values, or where
the function reaches Values of others, it is computed with Values, by the chain rule in
`core/chain.py`, and comes back as Values, whatever the numbers are.

Past 300 lines because the transforms are read against each other.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

from ..core.chain import adjoints, tangents_of
from ..core.no_grad import no_grad
from ..core.node import apply, rule_of
from ..core.rule import UNRECORDED, real
from ..core.watch import WATCH
from ..engine import LOCK, Value, sweep
from ..ops import TABLE
from .nested import as_tuples, flatten, in_order_of, is_array, rebuild
from .tape import Tape

Function = Callable[..., Any]


# Running a function to be differentiated ----------------------------------------------------


class Depth(threading.local):
    """How many transforms this thread is inside of."""

    value = 0


DEPTH = Depth()


@contextmanager
def one_deeper() -> Iterator[None]:
    """Inside another transform; a no_grad() outside of it does not count in here."""
    DEPTH.value += 1
    observers = WATCH.hide()
    WATCH.show(tuple(o for o in observers if not isinstance(o, no_grad)))
    try:
        yield
    finally:
        WATCH.show(observers)
        DEPTH.value -= 1


class Run:
    """A function run on fresh Values in the place of some of its arguments."""

    def __init__(
        self, f: Function, xs: tuple[Any, ...], argnums: tuple[int, ...], who: str,
        settings: dict[str, Any] | None = None, others: bool = True,
    ) -> None:  # fmt: skip
        if not callable(f):
            raise TypeError(f"{who}: a function is differentiated, not {f!r:.60}")
        arguments = list(xs)
        self.who = who
        self.inputs: list[list[Value]] = []
        # Whether derivatives come back as Values, because someone may differentiate them.
        self.keep = DEPTH.value > 0 or WATCH.symbolic()
        # Under no_grad() they are constants to all that comes after.
        self.constant = WATCH.active > 0 and any(
            isinstance(observer, no_grad) for observer in WATCH.observers()
        )
        self.given = [xs[i] for i in places(argnums, len(xs), who)]
        for i, x in zip(argnums, self.given, strict=True):
            numbers = [self.fresh(number) for number in flatten(x)]
            self.inputs.append(numbers)
            arguments[i] = rebuild(x, iter(numbers))
        outer = WATCH.note_births()
        try:
            with one_deeper():
                self.value = f(*arguments, **(settings or {}))
        finally:
            born = WATCH.births(outer)
        self.outputs = [
            y if isinstance(y, Value) else Value(real(y, f"{who}: the result"))
            for y in flatten(self.value)
        ]
        self.keep = self.keep or (others and self.reaches_others(born))

    def reaches_others(self, born: set[Value]) -> bool:
        """Whether the outputs depend on leaves that are neither inputs nor made by the function."""
        plain = [y for y, given in zip(self.outputs, flatten(self.value)) if y is not given]
        known = born.union(*self.inputs, plain)
        leaves = self.tape.nodes[: self.tape.leaves]
        return any([x not in known and rule_of(x) is not UNRECORDED for x in leaves])

    def fresh(self, x: Any) -> Value:
        """A Value of our own with the number of x, and connected to x if that is a Value."""
        if isinstance(x, Value):
            self.keep = True
            node: Value = apply(TABLE["identity"], (x,))
            return node
        return Value(real(x, f"{self.who}: the argument"))

    @property
    def scalar(self) -> Value:
        """The one output, or an error that says what to use for several."""
        if isinstance(self.value, (list, tuple, dict)) or len(self.outputs) != 1:
            raise TypeError(
                f"{self.who}: the function gives {type(self.value).__name__} of "
                f"{len(self.outputs)}, and should give one number; use jacobian or vjp"
            )
        return self.outputs[0]

    @cached_property
    def tape(self) -> Tape:
        return Tape(list(self.outputs), tuple(x for xs in self.inputs for x in xs))

    def plain(self, x: Any) -> Any:
        """What the caller should get of a Value of this run: itself, or its number."""
        if not isinstance(x, Value):
            return x
        if not self.keep:
            return x._data
        return Value(x._data) if self.constant else x

    def finished(self, x: Any) -> Any:
        """A derivative of a run that keeps its graph, as the caller should get it: a Value."""
        if not isinstance(x, Value):
            return Value(x)
        return Value(x._data) if self.constant else x

    def result(self) -> Any:
        return rebuild(self.value, iter([self.plain(y) for y in self.outputs]))

    def pull(self, seeds: list[Any]) -> list[list[Any]]:
        """For each differentiated argument the gradient of the sum of seed * output."""
        if self.keep or any(isinstance(seed, Value) for seed in seeds):
            with one_deeper():
                total = sum_of_products(seeds, self.outputs)
                ends = [x for xs in self.inputs for x in xs]
                found = adjoints(total, Value(1.0), ends) if isinstance(total, Value) else {}
            return [[self.finished(found.get(x, 0.0)) for x in xs] for xs in self.inputs]
        starts: dict[Any, float] = {}
        for y, seed in zip(self.outputs, seeds, strict=True):
            start = real(seed, f"{self.who}: the cotangent")
            if start != 0.0:  # what nobody asks for is not multiplied: 0 * inf would be nan
                starts[y] = starts.get(y, 0.0) + start
        rates = pull_on_tape(self.tape, starts)
        return [[at(self.tape, rates, x) for x in xs] for xs in self.inputs]

    def push(self, tangents: list[Any]) -> list[Any]:
        """For each output its rate of change as the inputs move at these rates."""
        inputs = [x for xs in self.inputs for x in xs]
        where = f"{self.who}: the tangent"
        rates = [t if isinstance(t, Value) else real(t, where) for t in tangents]
        moving: dict[Any, Any] = {
            x: t for x, t in zip(inputs, rates, strict=True) if isinstance(t, Value) or t != 0.0
        }
        if self.keep or any(isinstance(t, Value) for t in rates):
            self.keep = True
            with one_deeper():
                found = tangents_of(list(self.outputs), moving)
            return [self.finished(found.get(y, 0.0)) for y in self.outputs]
        speeds = self.tape.push(moving)
        return [at(self.tape, speeds, y) for y in self.outputs]


def places(argnums: tuple[int, ...], n: int, who: str) -> list[int]:
    """The positions of the arguments to differentiate by, counted from the front."""
    found: list[int] = []
    for i in argnums:
        if not -n <= i < n:
            raise ValueError(
                f"{who}: argnums asks for argument {i}, counted from 0, and the function was "
                f"called with {n}"
            )
        if i % n in found:
            raise ValueError(f"{who}: argnums names argument {i % n} twice")
        found.append(i % n)
    return found


def at(tape: Tape, rates: list[float], x: Value) -> float:
    i = tape.place.get(x)
    return 0.0 if i is None else rates[i]


def pull_on_tape(tape: Tape, seeds: dict[Any, float]) -> list[float]:
    """`tape.pull`, in turn with other threads where it has to borrow the nodes."""
    if not tape.by_hand and not WATCH.active:
        return tape.pull(seeds)
    with LOCK:
        rates = tape.pull(seeds)
        if WATCH.active and any(rate - rate != 0.0 for rate in rates):
            show_steps(tape, seeds)
    return rates


def show_steps(tape: Tape, seeds: dict[Any, float]) -> None:
    """Take the steps once more in the nodes, so that detect_anomaly sees each of them."""
    before = [v._grad for v in tape.nodes]
    try:
        for v in tape.nodes:
            v._grad = seeds.get(v, 0.0)
        sweep(tape.nodes[tape.leaves :])
    finally:
        for v, gradient in zip(tape.nodes, before, strict=True):
            v._grad = gradient


def sum_of_products(seeds: list[Any], outputs: list[Value]) -> Any:
    total: Any = 0.0
    for seed, y in zip(seeds, outputs, strict=True):
        if isinstance(seed, Value) or seed != 0:
            term = y if not isinstance(seed, Value) and seed == 1 else seed * y
            total = term if isinstance(total, float) and total == 0.0 else total + term
    return total


def positions(argnums: Any, who: str) -> tuple[int, ...]:
    found = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    if not found or not all(hasattr(i, "__index__") and not isinstance(i, bool) for i in found):
        raise TypeError(
            f"{who}: argnums is the position of an argument, counted from 0, or a tuple of "
            f"several, not {argnums!r:.60}"
        )
    return tuple(operator.index(i) for i in found)


def several(argnums: Any) -> bool:
    return isinstance(argnums, (tuple, list))


T = TypeVar("T", bound=Callable[..., Any])


def compiled_too(transform: T) -> T:
    """The transform, which gives a compiled derivative where the function is compiled.

    So `grad(jit(f))` is as fast as `jit(grad(f))`.
    """

    @wraps(transform)
    def either(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
        callable_or_error(f, transform.__name__)
        of_compiled = getattr(f, "derived", None)
        if of_compiled is None:
            return transform(f, argnums)  # type: ignore[no-any-return]
        positions(argnums, transform.__name__)
        return of_compiled(  # type: ignore[no-any-return]
            (transform.__name__, argnums), lambda g: transform(g, argnums)
        )

    return cast("T", either)


def callable_or_error(f: Any, who: str) -> None:
    """TypeError in a sentence for what is no function, before anybody calls the derivative."""
    if isinstance(f, Value):
        raise TypeError(
            f"{who}: a function is differentiated, not {f!r:.60}, the result of one: after its "
            "backward() the gradients are in .grad of what it was made of"
        )
    if not callable(f):
        raise TypeError(f"{who}: a function is differentiated, not {f!r:.60}")


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
    callable_or_error(f, "vjp")
    run = Run(f, primals, tuple(range(len(primals))), "vjp")

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        seeds = flatten(in_order_of(run.value, cotangent, "vjp"))
        if len(seeds) != len(run.outputs):
            raise ValueError(f"vjp: {len(seeds)} cotangents for {len(run.outputs)} outputs")
        parts = run.pull(seeds)
        return tuple(rebuild(x, iter(part)) for x, part in zip(primals, parts, strict=True))

    return run.result(), pullback


@compiled_too
def value_and_grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives the pair (f's value, its gradient). See `grad`.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """

    where = positions(argnums, "grad")

    def both(*xs: Any, **settings: Any) -> tuple[Any, Any]:
        run = Run(f, xs, where, "grad", settings)
        y = run.scalar
        parts = run.pull([1.0])
        found = tuple(rebuild(x, iter(part)) for x, part in zip(run.given, parts, strict=True))
        return run.plain(y), found if several(argnums) else found[0]

    return named(both, f, "value_and_grad")


@compiled_too
def grad(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives the gradient of f by one argument, or by several as a tuple.

    The gradient has the structure of the argument. Numbers give numbers; Values, or any
    argument inside another transform, give Values, and so does a function that reaches Values
    from outside of it: their share in the gradient can be differentiated. Keyword arguments are
    handed to f as they are.

    >>> grad(lambda x, y: x * y * y, 1)(3.0, 5.0)
    30.0
    >>> grad(lambda w: w[0] * w[1])([2.0, 7.0])
    [7.0, 2.0]
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnums)
    return named(lambda *xs, **settings: both(*xs, **settings)[1], f, "grad")


def plain_gradient(f: Function, *xs: Any) -> Any:
    """The gradient of f by its first argument, as numbers also where f reaches other Values.

    For those who want the numbers alone: no graph is made for a second derivative.

    >>> plain_gradient(lambda x, y: Value(3.0) * x * y, 2.0, 5.0)
    15.0
    """
    run = Run(f, xs, (0,), "grad", others=False)
    run.scalar  # noqa: B018  # complains of several
    return rebuild(xs[0], iter(run.pull([1.0])[0]))


def derivative(f: Function, order: int = 1) -> Function:
    """The derivative of that order of a function of one number, by reverse mode repeated.

    >>> derivative(lambda x: x**5, 3)(2.0)
    240.0
    """
    callable_or_error(f, "derivative")
    if not isinstance(order, int) or order < 0:
        raise ValueError(f"derivative: the order is a whole number from 0 on, not {order!r:.60}")
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
    callable_or_error(f, "jvp")
    xs = primals if isinstance(primals, tuple) else (primals,)
    moving = flatten(in_order_of(primals, tangents, "jvp"))
    if len(moving) != len(flatten(list(xs))):
        raise ValueError(f"jvp: {len(moving)} tangents for {len(flatten(list(xs)))} numbers")
    run = Run(f, xs, tuple(range(len(xs))), "jvp")
    rates = run.push(moving)
    return run.result(), rebuild(run.value, iter([run.plain(r) for r in rates]))


# Matrices of derivatives --------------------------------------------------------------------


@compiled_too
def jacobian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives all derivatives of all outputs of f, as nested tuples.

    Outputs first, then arguments. Forward mode where there are fewer inputs than outputs,
    else reverse mode: one walk for each of the fewer.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + 2 * x[1]])([3.0, 4.0])
    ((4.0, 3.0), (1.0, 2.0))
    """

    where = positions(argnums, "jacobian")

    def all_of_them(*xs: Any, **settings: Any) -> Any:
        run = Run(f, xs, where, "jacobian", settings)
        n, m = sum(map(len, run.inputs)), len(run.outputs)
        if n < m:
            columns = [run.push(basis(n, i)) for i in range(n)]
            rows = [list(row) for row in zip(*columns, strict=True)]
        else:
            rows = [[g for part in run.pull(basis(m, j)) for g in part] for j in range(m)]
        shaped = [shape_row(row, run, several(argnums)) for row in rows]
        return as_tuples(rebuild(holder(run.value), iter(shaped)))

    return named(all_of_them, f, "jacobian")


def basis(n: int, i: int) -> list[float]:
    """The i-th unit vector."""
    return [float(i == k) for k in range(n)]


def holder(x: Any) -> Any:
    """A structure that can hold rows: of lists, where x has arrays."""
    return x.tolist() if is_array(x) else x


def shape_row(row: list[Any], run: Run, several: bool) -> Any:
    """One entry for each input, in the structure of the arguments."""
    numbers = iter(row)
    parts = tuple(rebuild(holder(x), numbers) for x in run.given)
    return as_tuples(parts if several else parts[0])


@compiled_too
def hessian(f: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that gives all second derivatives of a scalar f, as nested tuples.

    Of `argnums=(0, 1)` and two numbers it is 2 by 2. Forward over reverse: for each input
    one walk forwards and one back, whatever the number of inputs.

    >>> hessian(lambda x, y: x * x * y, (0, 1))(3.0, 5.0)
    ((10.0, 6.0), (6.0, 0.0))
    """

    where = positions(argnums, "hessian")

    def matrix(*xs: Any, **settings: Any) -> Any:
        run = Run(f, xs, where, "hessian", settings)
        y = run.scalar
        if run.keep:
            with one_deeper():
                rows = jacobian(grad(f, argnums), argnums)(*xs, **settings)
            numbers = iter([run.finished(x) for x in flatten(rows)])
            return rebuild(rows, numbers)
        inputs = [x for part in run.inputs for x in part]
        rows = second_derivatives(run.tape, y, inputs)
        shaped = [shape_row(row, run, several(argnums)) for row in rows]
        return shape_row(shaped, run, several(argnums))

    return named(matrix, f, "hessian")


def second_derivatives(tape: Tape, y: Value, inputs: list[Value]) -> list[list[float]]:
    """The Hessian of y by these nodes, row by row."""
    adjoint = pull_on_tape(tape, {y: 1.0})
    curve = tape.curve()
    rows = []
    for x in inputs:
        rate = curve.product(y, adjoint, {x: 1.0})
        rows.append([at(tape, rate, other) for other in inputs])
    return rows


def gradient_and_hessian(y: Value, inputs: list[Value]) -> tuple[list[float], list[list[float]]]:
    """The first and second derivatives of an existing graph by some of its leaves."""
    tape = Tape([y])
    adjoint = pull_on_tape(tape, {y: 1.0})
    return [at(tape, adjoint, x) for x in inputs], second_derivatives(tape, y, inputs)


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian of a scalar f times the tangents, without the Hessian.

    Forward over reverse (Pearlmutter 1994): how fast the gradient changes as the primals
    move. Structured like the primals; a tuple of arguments gives a tuple.

    >>> hvp(lambda x, y: x * x * y, (3.0, 5.0), (1.0, 0.0))
    (10.0, 6.0)
    """
    callable_or_error(f, "hvp")
    xs = primals if isinstance(primals, tuple) else (primals,)
    tangents = in_order_of(primals, tangents, "hvp")
    moving = flatten(tangents)
    run = Run(f, xs, tuple(range(len(xs))), "hvp")
    y = run.scalar
    inputs = [x for part in run.inputs for x in part]
    if len(moving) != len(inputs):
        raise ValueError(f"hvp: {len(moving)} tangents for {len(inputs)} numbers")
    found: Any
    if run.keep or any(isinstance(t, Value) for t in moving):
        with one_deeper():
            found = jvp(grad(f, tuple(range(len(xs)))), xs, tangents)[1]
        found = rebuild(found, iter([run.finished(x) for x in flatten(found)]))
    else:
        speeds = [real(t, "hvp: the tangent") for t in moving]
        directions: dict[Any, float] = {
            x: t for x, t in zip(inputs, speeds, strict=True) if t != 0.0
        }
        adjoint = pull_on_tape(run.tape, {y: 1.0})
        rate = run.tape.curve().product(y, adjoint, directions)
        numbers = iter([at(run.tape, rate, x) for x in inputs])
        found = tuple(rebuild(x, numbers) for x in xs)
    return found if isinstance(primals, tuple) else found[0]
