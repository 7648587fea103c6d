"""Inputs that a model gets wrong, made by its own gradient, and training on them.

The gradient of a loss by its input says in which direction each number of the input hurts
most. `sign` goes one step of `eps` there, `iterated` many small ones within `eps`, and
`against` makes of a loss the one that adversarial back-propagation descends. All three work
on numbers and, traced, inside `jit`; `train.fit` and `jit(...).fit` take `adversarial=eps`.

Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples" (2015);
Noekland, "Improving back-propagation by adding an adversarial gradient" (2015); Kurakin,
Goodfellow and Bengio, "Adversarial examples in the physical world" (2017). What training on
them does to digits is in `docs/adversarial.md`. Read `train/loop.py` next.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import ops
from .autodiff.nested import flatten, rebuild
from .autodiff.transforms import plain_gradient
from .core.rule import real
from .engine import Value

__all__ = ["against", "iterated", "sign"]


def sign(
    loss: Callable[..., Any],
    x: Any,
    y: Any,
    eps: float,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """x with every number moved by `eps` in the direction that makes loss(x, y) larger.

    x' = x + eps * sign(d loss / d x), in the units and the structure of x: a number, a list,
    nested lists or an array. A number by which the loss does not change stays. With `low`
    and `high` the result is clipped to what inputs can be, brightness from 0 to 1 say.
    x' is constant: no gradient passes from it to x or to what the loss used. ValueError if
    `eps` is not a number of at least 0.

    >>> sign(lambda x, y: (x[0] - 2 * x[1] - y) ** 2, [1.0, 1.0], 0.0, 0.25)
    [0.75, 1.25]
    >>> sign(lambda x, y: (x - y) ** 2, 0.9, 0.0, 0.25, high=1.0)
    1.0
    """
    return step(loss, x, (y,), positive(eps, "adversarial.sign: eps"), low, high)


def iterated(
    loss: Callable[..., Any],
    x: Any,
    y: Any,
    eps: float,
    *,
    steps: int = 10,
    size: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """x after `steps` steps of `sign`, never further than `eps` from where it began.

    Each step has the length `size`, or 2.5 * eps / steps, so that the edge can be reached
    and searched along (Madry et al. 2018); after each step every number is put back to
    between x - eps and x + eps, and between `low` and `high`.

    >>> iterated(lambda x, y: (x - y) ** 2, 0.5, 0.0, 0.25, steps=4)
    0.75
    """
    if steps < 1:
        raise ValueError(f"adversarial.iterated: steps is at least 1, not {steps!r}")
    reach = positive(eps, "adversarial.iterated: eps")
    length = 2.5 * reach / steps
    if size is not None:
        length = positive(size, "adversarial.iterated: size")
    centre, moved = flatten(x), x
    for _ in range(steps):
        moved = step(loss, moved, (y,), length, low, high)
        near = [ops.clip(b, a - reach, a + reach) for a, b in zip(centre, flatten(moved))]
        moved = rebuild(x, iter([constant(b) for b in near]))
    return moved


def against(loss: Callable[..., Any], eps: float) -> Callable[..., Any]:
    """The loss that is taken at x' = x + eps * sign(d loss / d x) in the place of x.

    Its gradient by the parameters is that at x' alone, with x' held constant: what
    adversarial back-propagation descends. x is the first argument.

    >>> w = Value(2.0)
    >>> squared = against(lambda x, y: (w * x - y) ** 2, 0.5)
    >>> error = squared(1.0, 0.0)
    >>> error.backward()
    >>> error.data, w.grad                        # (2 * 1.5)**2, and 2 * (2 * 1.5) * 1.5
    (9.0, 9.0)
    """
    reach = positive(eps, "adversarial.against: eps")

    @functools.wraps(loss, updated=())
    def attacked(x: Any, *rest: Any) -> Any:
        return loss(step(loss, x, rest, reach, None, None), *rest)

    return attacked


def step(
    loss: Callable[..., Any],
    x: Any,
    rest: tuple[Any, ...],
    size: float,
    low: float | None,
    high: float | None,
) -> Any:
    """One step along the sign of the gradient."""
    uphill = flatten(plain_gradient(loss, x, *rest))
    moved = [a + size * ops.sign(slope) for a, slope in zip(flatten(x), uphill)]
    if low is not None or high is not None:
        floor = float("-inf") if low is None else low
        roof = float("inf") if high is None else high
        moved = [ops.clip(a, floor, roof) for a in moved]
    return rebuild(x, iter([constant(a) for a in moved]))


def constant(x: Any) -> Any:
    return x.detach() if isinstance(x, Value) else x


def positive(x: Any, what: str) -> float:
    number = real(x, what)
    if isinstance(x, bool) or not 0.0 <= number < float("inf"):
        raise ValueError(f"{what} is a number of at least 0, not {x!r}")
    return number
