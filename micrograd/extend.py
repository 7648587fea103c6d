"""`custom`: an operation of one's own, with its derivative, that works everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .rule import CUSTOM, Rule, function_of


def custom(
    f: Callable[..., float] | None = None,
    partials: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    name: str = "",
) -> Any:
    """A function of numbers and Values, made of a function on floats and its derivatives.

    `f` takes floats and gives one. `partials` has for each operand a function of the
    operands and of the result, written with operators and functions of micrograd, so that
    it can itself be differentiated: the operation then works in every mode and to any
    order. With `partials` alone it is a decorator.

    >>> from micrograd import Value, custom, grad
    >>> square = custom(lambda x: x * x, lambda x, y: 2 * x, name="square")
    >>> square(3.0), square(Value(3.0)), grad(grad(square))(3.0)
    (9.0, Value(data=9.0, grad=0.0), 2.0)

    >>> @custom(partials=[lambda a, b, y: b, lambda a, b, y: a])
    ... def times(a, b):
    ...     return a * b
    >>> grad(times, 1)(3.0, 5.0)
    3.0
    """
    slopes = (partials,) if callable(partials) else tuple(partials)
    if not slopes or not all(map(callable, slopes)):
        raise TypeError("custom: partials has one function for each operand of f")
    if f is None:
        return lambda function: custom(function, slopes, name)
    if not callable(f):
        raise TypeError(f"custom: f is a function of floats, not {f!r:.60}")
    title = name or getattr(f, "__name__", "custom").strip("<>")
    rule = Rule(title, f, slopes, len(slopes), symbol=title, doc=f.__doc__ or "")
    CUSTOM[title] = rule
    rule.function = function_of(rule, {})
    return rule.function
