"""Optimizers: how parameters follow their gradients, each in a few lines.

Names, defaults and formulas are PyTorch's. An optimizer's `update` is written for one
number with operators and functions alone, so that the same lines move floats here and
are compiled into whole training loops by `jit`. What differs from step to step but not
between parameters of a group (the learning rate, Adam's corrections) comes from
`coefficients`. `quotient` divides as IEEE 754 says: 0 / 0 is nan, as in PyTorch.

The base class is in `optimizer.py`, clipping in `clip.py`, Newton's method in `newton.py`;
learning rate schedules are in `schedules.py`. Read on in `train/loop.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .. import ops
from ..core.rule import real
from ..engine import Value
from .optimizer import Optimizer


def quotient(a: Any, b: Any) -> Any:
    """a / b of any kind of number, also where floats would raise."""
    try:
        return a / b
    except ZeroDivisionError:
        return ops.div(a, b)


def is_off(setting: Any) -> bool:
    """Whether a setting is the number 0, and not one that each step of a compiled loop is given."""
    return isinstance(setting, (int, float)) and not setting


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (1983).

    >>> p = Value(1.0)
    >>> opt = SGD([p], lr=0.1)
    >>> (p * p).backward()
    >>> opt.step()
    >>> p.data
    0.8
    """

    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        new = super().checked(settings)
        if new["nesterov"] and (new["momentum"] <= 0 or new["dampening"] != 0):
            raise ValueError("SGD: Nesterov's method needs a momentum and no dampening")
        return new

    def first_state(self) -> tuple[float, ...]:
        return (0.0,) if self.momentum else ()

    def coefficients(self) -> tuple[float, ...]:
        # The first step takes the whole gradient as its velocity.
        return self.lr, 1.0 if self.steps == 1 else 1.0 - self.dampening

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        lr, fresh = coefficients
        if self.weight_decay:
            g = g + self.weight_decay * p
        if (
            is_off(self.momentum) or not state
        ):  # what was remembered stays, should there be momentum again
            return p - lr * g, state
        velocity = self.momentum * state[0] + fresh * g
        if self.nesterov:
            return p - lr * (g + self.momentum * velocity), (velocity,)
        return p - lr * velocity, (velocity,)


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients (Duchi et al. 2011)."""

    lr_decay: float
    weight_decay: float
    initial_accumulator_value: float
    eps: float
    squares = (0,)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def first_state(self) -> tuple[float, ...]:
        return (self.initial_accumulator_value,)

    def coefficients(self) -> tuple[float, ...]:
        return (self.lr / (1 + (self.steps - 1) * self.lr_decay),)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        (lr,) = coefficients
        if self.weight_decay:
            g = g + self.weight_decay * p
        total = state[0] + g * g
        return p - quotient(lr * g, ops.sqrt(total) + self.eps), (total,)


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    `centered` takes the running mean of the gradients off, which leaves their variance.
    Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning (2012).
    """

    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    centered: bool
    squares = (0,)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        new = super().checked(settings)
        if new["alpha"] > 1:
            raise ValueError(f"RMSprop: alpha is a share, from 0 to 1, not {new['alpha']!r}")
        return new

    def first_state(self) -> tuple[float, ...]:
        # The square, the mean, the momentum: what a setting adds later stands last.
        return (0.0,) * (3 if self.momentum else 2 if self.centered else 1)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        (lr,) = coefficients
        if self.weight_decay:
            g = g + self.weight_decay * p
        square, *rest = state
        spread = square = self.alpha * square + (1 - self.alpha) * g * g
        if self.centered:
            rest[0] = rest[0] + (1 - self.alpha) * (g - rest[0])
            spread = square - rest[0] * rest[0]
        move = quotient(g, ops.sqrt(spread) + self.eps)
        if not is_off(self.momentum) and len(rest) == 2:
            rest[1] = move = self.momentum * rest[1] + move
        return p - lr * move, (square, *rest)


# Their coefficients are those of the second step for ever, if nobody changes a setting.
STEADY = (SGD, RMSprop)


class Adam(Optimizer):
    """Momentum and RMSprop with their start-up bias removed (Kingma and Ba 2015).

    >>> p = Value(1.0)
    >>> opt = Adam([p], lr=0.1)
    >>> for _ in range(100):
    ...     opt.zero_grad()
    ...     ((p - 3) ** 2).backward()
    ...     opt.step()
    >>> abs(p.data - 3) < 0.1
    True
    """

    betas: tuple[float, float]
    eps: float
    weight_decay: float
    decoupled = False
    squares = (1,)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        betas = settings["betas"]
        if (
            not isinstance(betas, (tuple, list))
            or len(betas) != 2
            or not all(0 <= real(beta, "betas") < 1 for beta in betas)
        ):
            raise ValueError(f"{type(self).__name__}: betas are two from 0 to 1, not {betas!r:.60}")
        return super().checked({**settings, "betas": tuple(betas)})

    def first_state(self) -> tuple[float, ...]:
        return 0.0, 0.0

    def coefficients(self) -> tuple[float, ...]:
        first = 1 - self.betas[0] ** self.steps
        second = math.sqrt(1 - self.betas[1] ** self.steps)
        return self.lr, self.lr / first, second

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        lr, size, correction = coefficients
        if self.weight_decay:
            if self.decoupled:
                p = p * (1 - lr * self.weight_decay)
            else:
                g = g + self.weight_decay * p
        mean, square = state
        mean = mean + (1 - self.betas[0]) * (g - mean)
        square = self.betas[1] * square + (1 - self.betas[1]) * g * g
        return p - quotient(size * mean, ops.sqrt(square) / correction + self.eps), (mean, square)


class AdamW(Adam):
    """Adam whose weight decay does not pass through the running means.

    Loshchilov and Hutter (2019).
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
