"""The clipping of gradients, between `backward()` and `step()`."""

from __future__ import annotations

from collections.abc import Iterable

from .. import ops
from ..engine import Value


def clip_grad_norm(parameters: Iterable[Value], max_norm: float) -> float:
    """The length of the whole gradient before it was shortened, in place, to `max_norm`.

    Called between `backward()` and `step()`. Where it was longer it is multiplied with
    max_norm / (length + 1e-6), as by PyTorch's clip_grad_norm_. Pascanu, Mikolov and
    Bengio (2013).

    >>> p, q = Value(1.0), Value(1.0)
    >>> (3 * p + 4 * q).backward()
    >>> clip_grad_norm([p, q], 1.0), round(p.grad, 4), round(q.grad, 4)
    (5.0, 0.6, 0.8)
    """
    parameters = list(parameters)
    length: float = ops.hypot(*[p.grad for p in parameters]) if parameters else 0.0
    scale = max_norm / (length + 1e-6)
    if not scale >= 1:  # also where it is nan: one gradient that is nan makes all nan
        for p in parameters:
            p.grad *= scale
    return length


def clip_grad_value(parameters: Iterable[Value], clip_value: float) -> None:
    """Nothing; afterwards each gradient lies between -clip_value and clip_value.

    >>> p = Value(1.0)
    >>> (-7 * p).backward()
    >>> clip_grad_value([p], 2.0)
    >>> p.grad
    -2.0
    """
    for p in parameters:
        p.grad = ops.clip(p.grad, -clip_value, clip_value)
