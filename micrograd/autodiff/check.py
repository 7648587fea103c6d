"""`check_grad`: is a derivative right? Any function, by every mode, against differences.

The other checker, for whole Value classes that someone wrote as an exercise, is in
`learn/homework.py`.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..core.no_grad import no_grad
from ..engine import Value
from .nested import children, flatten, names, rebuild
from .transforms import hessian, jacobian, jvp, vjp

Function = Callable[..., Any]
ROUNDING = 2.0**-52
WORDS = {1: "derivative", 2: "second derivative", 3: "third derivative"}


class WrongGradient(AssertionError):
    """A derivative that differs from the differences; the message has both numbers."""


class Slope(NamedTuple):
    """A derivative from differences, how far it may be off, and the size of the values."""

    exact: float
    error: float
    size: float = 0.0


def check_grad(
    f: Function,
    *inputs: Any,
    order: int = 1,
    modes: tuple[str, ...] | str = ("reverse", "forward"),
    rtol: float = 1e-7,
    atol: float = 1e-12,
) -> bool:
    """True, if the derivatives of f at these inputs agree with finite differences.

    `WrongGradient` says which input is wrong, both numbers and the tolerance. Inputs are
    numbers or structures of them, and so is what f gives. `order=2` checks the second
    derivatives too: the derivative of the gradient by each of the modes, and `hessian`;
    higher orders go on like that. The differences are extrapolated to a vanishing step
    (Ridders, Advances in Engineering Software 4, 1982), which also estimates their own
    error: where they are worth nothing, at a jump or a kink, that is said instead.

    >>> import micrograd as mg
    >>> check_grad(lambda x, y: mg.sin(x) * y, 0.5, 2.0, order=2)
    True
    >>> wrong = mg.custom(lambda x: x * x, lambda x, y: 2.5 * x, name="square")
    >>> check_grad(wrong, 3.0)
    Traceback (most recent call last):
    micrograd.autodiff.check.WrongGradient: derivative of square by input 0 (x = 3.0), reverse mode: 7.5 should be 6.000000 (tolerance 6e-07)
    """  # noqa: E501
    if not callable(f):
        raise TypeError(f"check_grad: a function is checked, not {f!r:.60}")
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or set(modes) - {"reverse", "forward"}:
        raise ValueError(f'check_grad: modes are "reverse" and "forward", not {modes!r}')
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"check_grad: the order is a whole number from 1 on, not {order!r}")
    name = getattr(f, "__name__", "f")
    where = input_names(f, inputs)
    if not where:
        raise ValueError(f"check_grad: {name} was given no number to differentiate by")
    args = rebuild(list(inputs), iter([bare(x) for x in flatten(list(inputs))]))
    everything = tuple(range(len(args)))
    function = f
    for n in range(1, order + 1):
        word = WORDS.get(n, f"{n}th derivative")
        true = differences(function, args, Value if n == 1 else float)
        # A difference of derivatives, not of values: the same digits, but of larger numbers.
        near = functools.partial(compare, rtol=rtol * 10 ** (n - 1), atol=atol * 10 ** (n - 1))
        for mode in modes:
            found = by_mode(function, args, mode)
            for i, k in pairs(true):
                near(found[i][k], true[i][k], said(word, name, where, i, k, len(true[i]), n, mode))
        if n == 2 and children(function_value(f, args)) is None:
            rows = flatten(hessian(f, everything)(*args))
            for i, k in pairs(true):
                what = said(word, name, where, i, k, len(true[i]), n, "hessian")
                near(bare(rows[k * len(true) + i]), true[i][k], what)
        function = jacobian(function, everything)
    return True


def bare(x: Any) -> float:
    return float(x._data if isinstance(x, Value) else x)


def pairs(table: list[list[Slope]]) -> Iterator[tuple[int, int]]:
    return ((i, k) for i in range(len(table)) for k in range(len(table[i])))


def said(
    word: str, name: str, where: list[str], i: int, k: int, outputs: int, order: int, mode: str
) -> str:
    """What is compared, in words."""
    by = where[i]
    if order == 2 and outputs == len(where):
        by = f"{where[k]} and {where[i]}"
    elif outputs > 1:
        name = f"output {k} of {name}" if order == 1 else f"{name}, entry {k},"
    return f"{word} of {name} by {by}, {mode if mode == 'hessian' else mode + ' mode'}"


def input_names(f: Function, inputs: tuple[Any, ...]) -> list[str]:
    """For each number how a message calls it: `input 1[0] (w[0] = 0.5)`."""
    called: list[str] = []
    try:
        for p in inspect.signature(f).parameters.values():
            if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                break
            called.append(p.name)
    except (TypeError, ValueError):
        pass  # some functions written in C do not tell
    found: list[str] = []
    for i, given in enumerate(inputs):
        paths = names(given, f"input {i}")
        own = names(given, called[i]) if i < len(called) else [""] * len(paths)
        for path, title, x in zip(paths, own, flatten(given), strict=True):
            label = (x.label if isinstance(x, Value) else "") or title
            found.append(f"{path} ({label} = {bare(x)!r})" if label else f"{path} ({bare(x)!r})")
    return found


def function_value(f: Function, args: list[Any]) -> Any:
    with no_grad():
        return f(*rebuild(args, map(Value, flatten(args))))


def by_mode(f: Function, args: list[Any], mode: str) -> list[list[float]]:
    """The derivatives by the engine: for each input those of every output."""
    n = len(flatten(args))
    if mode == "forward":
        columns = []
        for i in range(n):
            unit = rebuild(args, iter([float(i == j) for j in range(n)]))
            columns.append([bare(t) for t in flatten(jvp(f, tuple(args), unit)[1])])
        return columns
    value, pullback = vjp(f, *args)
    m = len(flatten(value))
    rows = []
    for k in range(m):
        unit = rebuild(value, iter([float(k == j) for j in range(m)]))
        rows.append([bare(g) for g in flatten(list(pullback(unit)))])
    return [[row[i] for row in rows] for i in range(n)]


def compare(found: float, slope: Slope, what: str, rtol: float, atol: float) -> None:
    """Complain of a derivative that is further from the differences than they may be off."""
    exact, error, size = slope
    if found != found and exact != exact:
        return
    tolerance = atol + rtol * abs(exact)
    if not error <= 4 * tolerance + 1e-11 * size:
        raise WrongGradient(
            f"{what}: {found!r} cannot be checked: the differences do not settle (they give "
            f"{exact:.6g} with an error of {error:.1g}); is there a jump, a kink or an end?"
        )
    tolerance += 2 * error
    if not abs(found - exact) <= tolerance:
        digits = 6
        if math.isfinite(found):
            digits = max(6, 2 - math.floor(math.log10(abs(found - exact))))
        raise WrongGradient(
            f"{what}: {found!r} should be {exact:.{min(digits, 15)}f} (tolerance {tolerance:.0g})"
        )


# Differences ------------------------------------------------------------------------------------


def differences(f: Function, args: list[Any], kind: Callable[[float], Any]) -> list[list[Slope]]:
    """For each input the slopes of every output, from values of f at numbers of that kind."""
    point = flatten(args)

    def outputs(i: int, x: float) -> list[float]:
        with no_grad():
            y = f(*rebuild(args, map(kind, [*point[:i], x, *point[i + 1 :]])))
        return [bare(number) for number in flatten(y)]

    here = outputs(0, point[0])

    def along(i: int) -> Callable[[float], list[float]]:
        @functools.cache
        def at(x: float) -> list[float]:
            try:
                return outputs(i, x)
            except (ArithmeticError, ValueError):  # outside of where f is defined
                return [math.nan] * len(here)

        return at

    lines = [along(i) for i in range(len(point))]
    return [
        [slope_of(line, k, x) for k in range(len(here))]
        for line, x in zip(lines, point, strict=True)
    ]


def slope_of(at: Callable[[float], list[float]], k: int, x: float) -> Slope:
    """The derivative of output k at x, from the largest steps at which it settles."""
    best = Slope(math.nan, math.inf)
    # Large steps lose fewer digits; a small one tells whether they have gone astray, for
    # a staircase looks smooth from afar.
    step = max(1e-5 * min(max(abs(x), 1e-4), 1.0), 2.0**20 * math.ulp(x))
    close_by = (at(x + step)[k] - at(x - step)[k]) / ((x + step) - (x - step))
    rough = 100 * ROUNDING * abs(at(x)[k]) / step
    start = 0.1 * max(abs(x), 0.1)
    # A slope changes over a step by so much of those nearby: all that x**3 has of one at 0.
    nearby = abs(at(x + start)[k] - at(x - start)[k]) / ((x + start) - (x - start))
    nearby = nearby if nearby < math.inf else 0.0
    rough += nearby * step / start
    size = max(abs(at(x)[k]), start * nearby)
    for _ in range(8):
        found = extrapolated(at, k, x, start)
        astray = abs(found.exact - close_by) > 1e-3 * abs(close_by) + rough
        if found.error < best.error and not astray:
            best = found
        if best.error <= 1e-9 * abs(best.exact) + 1e-14:
            break
        start /= 16.0
    if best.error < math.inf:
        best = Slope(best.exact, max(best.error, kink(at, k, x)), size)
    return best


def extrapolated(at: Callable[[float], list[float]], k: int, x: float, step: float) -> Slope:
    """Ridders' tableau: central differences at halved steps, extrapolated to none."""
    best = Slope(math.nan, math.inf)
    previous: list[float] = []
    size = abs(at(x)[k])
    for _ in range(10):
        row = [(at(x + step)[k] - at(x - step)[k]) / ((x + step) - (x - step))]
        noise = ROUNDING * size / step
        shrink = 4.0
        for m, old in enumerate(previous):
            row.append(row[m] + (row[m] - old) / (shrink - 1))
            error = max(abs(row[-1] - row[m]), abs(row[-1] - old)) + noise
            shrink *= 4.0
            if error <= best.error:
                best = Slope(row[-1], error)
        if previous and abs(row[-1] - previous[-1]) > 2 * best.error:
            break
        previous = row
        step /= 2.0
    return best


def kink(at: Callable[[float], list[float]], k: int, x: float) -> float:
    """How much the slopes on both sides differ, if they go on doing so as the step shrinks."""

    def gap(step: float) -> float:
        left, here, right = at(x - step)[k], at(x)[k], at(x + step)[k]
        return abs((right - here) - (here - left)) / step

    step = 1e-4 * max(abs(x), 1.0)
    wide, narrow = gap(step), gap(step / 16)
    noise = 8 * ROUNDING * abs(at(x)[k]) / (step / 16)
    return narrow if narrow > 0.5 * wide + noise else 0.0
