"""Optimizers: how parameters follow their gradients, each in a few lines.

Names, defaults and formulas are PyTorch's. An optimizer's `update` is written for one
number with operators and functions alone, so that the same lines move floats here and
are compiled into whole training loops by `jit`. What differs from step to step but not
between parameters (the learning rate, Adam's corrections) comes from `coefficients`.

At the end the clipping of gradients. Newton's method is in `newton.py`, learning rate
schedules are in `schedules.py`: all of them are found here too. Read on in `train.py`.
(Past 300 lines because the optimizers are read against each other.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from . import ops
from .engine import Value
from .files import Saved
from .newton import Newton
from .schedules import CosineAnnealingLR, LinearLR, Schedule, StepLR, WarmupLR

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "LinearLR", "Newton", "Optimizer",
    "RMSprop", "Schedule", "StepLR", "WarmupLR", "clip_grad_norm", "clip_grad_value",
]  # fmt: skip


class Optimizer(Saved):
    """The base: keeps the parameters, their state and the number of steps taken.

    lr:       the learning rate; may be changed between steps, by hand or by a schedule
    settings: the other numbers that it was made with, by name, each an attribute too
    steps:    how many steps were taken
    state:    what each parameter remembers between steps, a tuple of numbers
    """

    def __init__(self, parameters: Iterable[Value], lr: float, **settings: Any) -> None:
        self.parameters = values(parameters, type(self).__name__)
        for name, value in {"lr": lr, **settings}.items():
            for x in value if isinstance(value, tuple) else (value,):
                if not x >= 0:
                    raise ValueError(f"{type(self).__name__}: {name} is at least 0, not {x!r}")
        self.lr = lr
        self.settings = settings
        vars(self).update(settings)
        self.steps = 0
        self.state = [self.first_state() for _ in self.parameters]

    def __repr__(self) -> str:
        chosen = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, lr={self.lr!r}{chosen})"

    def first_state(self) -> tuple[float, ...]:
        """What each parameter remembers before the first step."""
        return ()

    def coefficients(self) -> tuple[float, ...]:
        """The numbers of step `steps`, counted from 1, that are the same for all parameters."""
        return (self.lr,)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        """The new number of a parameter and its new state, from its gradient."""
        raise NotImplementedError

    def step(self) -> None:
        """Nothing; afterwards every parameter has moved by its gradient."""
        self.steps += 1
        coefficients = self.coefficients()
        gradients = [p.grad for p in self.parameters]
        new = [
            self.update(p.data, g.data if isinstance(g, Value) else g, state, coefficients)
            for p, g, state in zip(self.parameters, gradients, self.state, strict=True)
        ]
        # All is computed before anything changes.
        for p, (data, _) in zip(self.parameters, new, strict=True):
            p.data = data
        self.state = [state for _, state in new]

    def zero_grad(self) -> None:
        """Nothing; afterwards the gradient of every parameter is 0."""
        for p in self.parameters:
            p.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on later: settings and state, fit for JSON."""
        return {
            "kind": type(self).__name__,
            "lr": self.lr,
            "settings": dict(self.settings),
            "steps": self.steps,
            "state": [list(numbers) for numbers in self.state],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the next step is the one that would have followed.

        The settings are those of the state too. What does not fit is a ValueError, and
        changes nothing.
        """
        kind = state.get("kind")
        if kind != type(self).__name__:
            raise ValueError(f"this is the state of {kind}, not of {type(self).__name__}")
        rows = state["state"]
        if len(rows) != len(self.parameters):
            raise ValueError(
                f"{kind}: the state is of {len(rows)} parameters, there are {len(self.parameters)}"
            )
        if set(state["settings"]) != set(self.settings):
            raise ValueError(f"{kind}: these are not its settings: {state['settings']!r:.80}")
        settings = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state["settings"].items()
        }
        like = type(self)(self.parameters, float(state["lr"]), **settings)
        numbers = [tuple(float(x) for x in row) for row in rows]
        if {len(row) for row in numbers} != {len(like.first_state())}:
            raise ValueError(f"{kind}: the state of some parameter is incomplete")
        like.steps, like.state = int(state["steps"]), numbers
        vars(self).update(vars(like))


def values(parameters: Iterable[Value], name: str) -> list[Value]:
    """The parameters as a list, each once."""
    found = list(parameters)
    if not found:
        raise ValueError(f"{name}: there are no parameters to optimize")
    for p in found:
        if not isinstance(p, Value):
            raise TypeError(f"{name}: parameters are Values, not {p!r:.60}")
    return list(dict.fromkeys(found))


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
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: Nesterov's method needs a momentum and no dampening")
        super().__init__(
            parameters,
            lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def first_state(self) -> tuple[float, ...]:
        return (0.0,) if self.momentum else ()

    def coefficients(self) -> tuple[float, ...]:
        # The first step takes the whole gradient as its velocity.
        return self.lr, 1.0 if self.steps == 1 else 1.0 - self.dampening

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        lr, fresh = coefficients
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not self.momentum:
            return p - lr * g, ()
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
        return p - lr * g / (ops.sqrt(total) + self.eps), (total,)


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

    def first_state(self) -> tuple[float, ...]:
        return (0.0,) * (1 + bool(self.centered) + bool(self.momentum))

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        (lr,) = coefficients
        if self.weight_decay:
            g = g + self.weight_decay * p
        square, *rest = state
        square = self.alpha * square + (1 - self.alpha) * g * g
        new = [square]
        spread = square
        if self.centered:
            mean = rest[0] + (1 - self.alpha) * (g - rest[0])
            spread = square - mean * mean
            new.append(mean)
        move = g / (ops.sqrt(spread) + self.eps)
        if self.momentum:
            move = self.momentum * rest[-1] + move
            new.append(move)
        return p - lr * move, tuple(new)


# Their coefficients are those of the second step for ever, if nobody changes `lr`.
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

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{type(self).__name__}: betas are two from 0 to 1, not {betas!r}")
        super().__init__(parameters, lr, betas=tuple(betas), eps=eps, weight_decay=weight_decay)

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
        return p - size * mean / (ops.sqrt(square) / correction + self.eps), (mean, square)


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


# Clipping ---------------------------------------------------------------------------------


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
