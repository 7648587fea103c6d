"""The clipping of gradients, between `backward()` and `step()`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .. import ops
from ..core.rule import real
from ..engine import Value
from ..nn.parameters import is_frozen, set_all, values


def clip_grad_norm(
    parameters: Iterable[Value],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """The length of the whole gradient before it was shortened, in place, to `max_norm`.

    Called between `backward()` and `step()`. Where it was longer it is multiplied with
    max_norm / (length + 1e-6), as by PyTorch's clip_grad_norm_; `norm_type` names another norm
    than Euclid's, `math.inf` the largest of the absolute values. One gradient that is nan makes
    all of them nan, and one that is infinite makes itself nan and the others 0: with
    `error_if_nonfinite` that is a ValueError, and nothing is changed. Gradients of frozen
    parameters do not count. Pascanu, Mikolov and Bengio (2013).

    >>> p, q = Value(1.0), Value(1.0)
    >>> (3 * p + 4 * q).backward()
    >>> clip_grad_norm([p, q], 1.0), round(p.grad, 4), round(q.grad, 4)
    (5.0, 0.6, 0.8)
    """
    free = [p for p in values(parameters, "clip_grad_norm") if not is_frozen(p)]
    max_norm, norm_type = bound(max_norm, "max_norm"), bound(norm_type, "norm_type")
    if norm_type == 0:
        raise ValueError("clip_grad_norm: norm_type is above 0, not 0")
    gradients = [float(getattr(p.grad, "data", p.grad)) for p in free]
    length = norm(gradients, norm_type)
    if error_if_nonfinite and not math.isfinite(length):
        bad = next((i for i, g in enumerate(gradients) if not math.isfinite(g)), None)
        which = (
            "they are too large" if bad is None else f"that of parameter {bad} is {gradients[bad]}"
        )
        raise ValueError(
            f"clip_grad_norm: the gradients have the length {length}: {which}; "
            "micrograd.detect_anomaly() finds the operation"
        )
    scale = max_norm / (length + 1e-6)
    if not scale >= 1:  # also where it is nan
        set_all(free, "grad", [p.grad * scale for p in free])
    return length


def norm(numbers: list[float], kind: float) -> float:
    """The p-norm of the numbers; 0 where there are none."""
    if not numbers:
        return 0.0
    if kind == 2.0:
        return ops.hypot(*numbers)  # type: ignore[no-any-return]
    if kind == math.inf:
        return ops.maximum(*[abs(x) for x in numbers])  # type: ignore[no-any-return]
    # In shares of the largest, whose powers neither overflow nor vanish.
    top = norm(numbers, math.inf)
    if not 0 < top < math.inf:
        return top
    total = ops.sum([ops.pow(abs(x) / top, kind) for x in numbers])
    return top * ops.pow(total, 1.0 / kind)  # type: ignore[no-any-return]


def clip_grad_value(parameters: Iterable[Value], clip_value: float) -> None:
    """Nothing; afterwards each gradient lies between -clip_value and clip_value.

    >>> p = Value(1.0)
    >>> (-7 * p).backward()
    >>> clip_grad_value([p], 2.0)
    >>> p.grad
    -2.0
    """
    free = [p for p in values(parameters, "clip_grad_value") if not is_frozen(p)]
    clip_value = bound(clip_value, "clip_value")
    set_all(free, "grad", [ops.clip(p.grad, -clip_value, clip_value) for p in free])


def bound(x: float, what: str) -> float:
    """x as a float; TypeError or ValueError where it is no number, or one below 0."""
    who = f"clip_grad_{'value' if what == 'clip_value' else 'norm'}: {what}"
    if isinstance(x, bool):
        raise TypeError(f"{who} is a number, not {x}")
    number = real(x, who)
    if not number >= 0:
        raise ValueError(f"{who} is at least 0, not {x!r}")
    return number
