"""`check_grad`: is a derivative right? Any function, by every mode, against differences.

The other checker, for whole Value classes that someone wrote as an exercise, is in
`homework.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from .engine import Value
from .modes import no_grad
from .nested import flatten, rebuild
from .transforms import grad, hvp, jvp, vjp

Function = Callable[..., Any]


class WrongGradient(AssertionError):
    """A derivative that differs from the differences; the message has both numbers."""


def check_grad(
    f: Function,
    *inputs: Any,
    order: int = 1,
    modes: tuple[str, ...] = ("reverse", "forward"),
    rtol: float = 1e-7,
    atol: float = 1e-9,
) -> bool:
    """True, if the derivatives of f at these inputs agree with finite differences.

    `WrongGradient` says which input is wrong, both numbers and the tolerance. Inputs are
    numbers or nested lists of them, and f gives a number or a list of numbers. `order=2`
    checks second derivatives too. The differences are extrapolated to a vanishing step
    (Ridders, Advances in Engineering Software 4, 1982), which also estimates their own
    error: where they are worth nothing, at a jump say, that is said instead.

    >>> import micrograd as mg
    >>> check_grad(lambda x, y: mg.sin(x) * y, 0.5, 2.0, order=2)
    True
    >>> wrong = mg.custom(lambda x: x * x, lambda x, y: 2.5 * x, name="square")
    >>> check_grad(wrong, 3.0)
    Traceback (most recent call last):
    micrograd.check.WrongGradient: derivative of square by input 0 (3.0), reverse mode: 7.5 should be 6.000000 (tolerance 6e-07)
    """  # noqa: E501
    unknown = set(modes) - {"reverse", "forward"}
    if unknown or not modes:
        raise ValueError(f'check_grad: modes are "reverse" and "forward", not {modes!r}')
    numbers = [float(x.data if isinstance(x, Value) else x) for x in flatten(list(inputs))]

    def outputs(point: list[float]) -> list[float]:
        arguments = rebuild(list(inputs), iter([Value(x) for x in point]))
        with no_grad():
            return [y.data if isinstance(y, Value) else float(y) for y in flatten(f(*arguments))]

    name = getattr(f, "__name__", "f")
    args = rebuild(list(inputs), iter(numbers))
    several = len(outputs(numbers))
    for i, (k, mode) in itertools.product(range(len(numbers)), enumerate_modes(several, modes)):
        exact, error = slope(outputs, k, numbers, i)
        found = first_derivative(f, args, numbers, i, k, mode)
        output = f", output {k}," if several > 1 else ""
        what = f"derivative of {name}{output} by input {i} ({numbers[i]!r})"
        compare(found, exact, error, f"{what}, {mode} mode", rtol, atol)
    if order >= 2:
        check_second(f, args, numbers, name, rtol, atol)
    return True


def enumerate_modes(outputs: int, modes: tuple[str, ...]) -> list[tuple[int, str]]:
    return [(k, mode) for k in range(outputs) for mode in modes]


def first_derivative(
    f: Function, args: list[Any], numbers: list[float], i: int, k: int, mode: str
) -> float:
    """The derivative of output k by number i, by the engine."""
    if mode == "forward":
        one = rebuild(list(args), iter([float(j == i) for j in range(len(numbers))]))
        rates = flatten(jvp(f, tuple(args), one)[1])
        return float(rates[k])
    value, pullback = vjp(f, *args)
    seeds = iter([float(j == k) for j in range(len(flatten(value)))])
    return float(flatten(list(pullback(rebuild(value, seeds))))[i])


def check_second(
    f: Function, args: list[Any], numbers: list[float], name: str, rtol: float, atol: float
) -> None:
    """Every entry of the Hessian against differences of the gradient."""
    everything = tuple(range(len(args)))

    def gradient(point: list[float]) -> list[float]:
        return [float(g) for g in flatten(list(grad(f, everything)(*rebuild(args, iter(point)))))]

    for i in range(len(numbers)):
        one = rebuild(list(args), iter([float(j == i) for j in range(len(numbers))]))
        row = flatten(list(hvp(f, tuple(args), tuple(one))))
        for j in range(len(numbers)):
            exact, error = slope(gradient, j, numbers, i)
            what = f"second derivative of {name} by inputs {j} and {i}"
            compare(float(row[j]), exact, error, what, rtol * 10, atol * 10)


def compare(found: float, exact: float, error: float, what: str, rtol: float, atol: float) -> None:
    """Complain of a derivative that is further from the differences than they may be off."""
    if found != found and exact != exact:
        return
    tolerance = atol + rtol * abs(exact) + 2 * error
    if not error < max(1e-4, 1e-3 * abs(exact)):
        raise WrongGradient(
            f"{what}: {found!r} cannot be checked: the differences do not settle (they give "
            f"{exact:.6g} with an error of {error:.1g}); is there a jump or a kink?"
        )
    if not abs(found - exact) <= tolerance:
        digits = 6
        if math.isfinite(found):
            digits = max(6, 2 - math.floor(math.log10(abs(found - exact))))
        raise WrongGradient(
            f"{what}: {found!r} should be {exact:.{min(digits, 15)}f} (tolerance {tolerance:.0g})"
        )


def slope(
    f: Callable[[list[float]], list[float]], k: int, point: list[float], i: int
) -> tuple[float, float]:
    """The derivative of output k by number i from differences, and an estimate of its error."""

    def at(x: float) -> float:
        return f([*point[:i], x, *point[i + 1 :]])[k]

    x = point[i]
    step = 0.1 * max(abs(x), 0.1)
    best, least = math.nan, math.inf
    previous: list[float] = []
    for _ in range(12):
        row = [(at(x + step) - at(x - step)) / (2 * step)]
        shrink = 4.0
        for m, old in enumerate(previous):
            row.append(row[m] + (row[m] - old) / (shrink - 1))
            error = max(abs(row[-1] - row[m]), abs(row[-1] - old))
            shrink *= 4.0
            if error <= least:
                best, least = row[-1], error
        if previous and abs(row[-1] - previous[-1]) > 2 * least:
            break
        previous = row
        step /= 2.0
    return best, least
