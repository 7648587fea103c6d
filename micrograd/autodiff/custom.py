"""`custom`: an operation of one's own, with its derivative, that works everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..core.rule import CUSTOM, TABLE, Rule, function_of, real


def custom(
    f: Callable[..., float] | None = None,
    partials: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    name: str = "",
) -> Any:
    """A function of numbers and Values, made of a function on floats and its derivatives.

    `f` takes floats and gives one. `partials` has for each operand a function of the
    operands and of the result, written with operators and functions of micrograd, so that
    it can itself be differentiated: the operation then works in every mode and to any
    order. With `partials` alone it is a decorator. `name` is what drawings and messages
    call it, and under what a pickle finds it again.

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
    slopes = (partials,) if callable(partials) else partials
    if not isinstance(slopes, (tuple, list)) or not slopes or not all(map(callable, slopes)):
        raise TypeError(
            "custom: partials is a function of the operands and the result, or a list of such, "
            f"one for each operand of f; not {partials!r:.60}"
        )
    if f is None:
        return lambda function: custom(function, slopes, name)
    if not callable(f):
        raise TypeError(f"custom: f is a function of floats, not {f!r:.60}")
    title = name or getattr(f, "__name__", "custom").replace("<lambda>", "custom")
    n = len(slopes)
    expect(f, n, f"custom: {title} has {n} partials, so f is called with {n} numbers")
    for i, p in enumerate(slopes):
        what = f"custom: partial {i} of {title} is called with {n} operands and the result"
        expect(p, n + 1, what)
    key = f"custom_{title}" if title in TABLE else title
    rule = Rule(
        key,
        number_from(f, title),
        tuple(number_from(p, f"partial {i} of {title}") for i, p in enumerate(slopes)),
        n,
        symbol=title,
        doc=f.__doc__ or "",
    )
    CUSTOM[key] = rule
    rule.function = function_of(rule, {})
    return rule.function


def expect(f: Callable[..., Any], n: int, sentence: str) -> None:
    """Complain of a function that cannot be called with n arguments."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return  # some functions written in C do not tell
    try:
        signature.bind(*range(n))
    except TypeError:
        raise TypeError(f"{sentence}; its arguments are {signature}") from None


def number_from(f: Callable[..., Any], where: str) -> Callable[..., Any]:
    """The same function; what it gives is a float, or what stands for a number."""

    def wrapped(*xs: Any) -> Any:
        y = f(*xs)
        return y if type(y) is float or hasattr(y, "_apply") else real(y, where)

    return wrapped
