"""Optimizers: how parameters follow their gradients, each in a few lines.

Names, defaults and formulas are PyTorch's. An optimizer's `update` is written for one
number with operators and functions alone, so that the same lines move floats here and
are compiled into whole training loops by `jit`. What differs from step to step but not
between parameters (the learning rate, Adam's corrections) comes from `coefficients`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from . import ops
from .engine import Value


class Optimizer:
    """The base: keeps the parameters, their state and the number of steps taken.

    `lr` may be changed between steps, by hand or by a schedule.
    """

    state_size = 0  # how many numbers each parameter is given to remember

    def __init__(self, parameters: Iterable[Value], lr: float, **settings: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: there are no parameters to optimize")
        for p in self.parameters:
            if not isinstance(p, Value):
                raise TypeError(f"{type(self).__name__}: parameters are Values, not {p!r:.60}")
        for name, value in {"lr": lr, **settings}.items():
            if not value >= 0:
                raise ValueError(f"{type(self).__name__}: {name} is at least 0, not {value!r}")
        self.lr = lr
        self.steps = 0
        self.state: list[tuple[float, ...]] = [self.first_state() for _ in self.parameters]

    def first_state(self) -> tuple[float, ...]:
        """What each parameter remembers before the first step."""
        return (0.0,) * self.state_size

    def coefficients(self) -> tuple[float, ...]:
        """The numbers of the step about to be taken that are the same for all parameters."""
        return (self.lr,)

    def update(self, p: Any, g: Any, state: Any, coefficients: Any) -> tuple[Any, Any]:
        """The new number of a parameter and its new state, from its gradient."""
        raise NotImplementedError

    def step(self) -> None:
        """Nothing; afterwards every parameter has moved by its gradient."""
        self.steps += 1
        coefficients = self.coefficients()
        new = [
            self.update(p.data, p.grad, state, coefficients)
            for p, state in zip(self.parameters, self.state, strict=True)
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
        """What is needed to go on later: the numbers, fit for JSON."""
        return {
            "kind": type(self).__name__,
            "lr": self.lr,
            "steps": self.steps,
            "state": [list(numbers) for numbers in self.state],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the next step is the one that would have followed."""
        kind, numbers = state.get("kind"), state.get("state")
        if kind != type(self).__name__:
            raise ValueError(f"this is the state of {kind}, not of {type(self).__name__}")
        sizes = {len(one) for one in numbers or ()}
        if not numbers or len(numbers) != len(self.parameters) or sizes != {self.state_size}:
            raise ValueError(
                f"{kind}: the state is of {len(numbers or ())} parameters, "
                f"there are {len(self.parameters)}"
            )
        new = [tuple(float(x) for x in one) for one in numbers]
        self.lr, self.steps = float(state["lr"]), int(state["steps"])
        self.state = new


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (1983).

    >>> p = Value(1.0)
    >>> opt = SGD([p], lr=0.1)
    >>> (p * p).backward()
    >>> opt.step()
    >>> p.data
    0.8
    """

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
        self.momentum, self.dampening = momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.state_size = 1 if momentum else 0
        super().__init__(parameters, lr, momentum=momentum, weight_decay=weight_decay)

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

    state_size = 1

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        self.lr_decay, self.weight_decay, self.eps = lr_decay, weight_decay, eps
        self.initial = initial_accumulator_value
        super().__init__(parameters, lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)

    def first_state(self) -> tuple[float, ...]:
        return (self.initial,)

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

    Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning (2012).
    """

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
        self.alpha, self.eps, self.weight_decay = alpha, eps, weight_decay
        self.momentum, self.centered = momentum, centered
        self.state_size = 1 + centered + (momentum > 0)
        super().__init__(
            parameters, lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum
        )

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

    state_size = 2
    decoupled = False

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not (0 <= betas[0] < 1 and 0 <= betas[1] < 1):
            raise ValueError(f"{type(self).__name__}: betas lie from 0 to below 1, not {betas!r}")
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        super().__init__(parameters, lr, eps=eps, weight_decay=weight_decay)

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


class Newton:
    """Newton's method for small problems: the step to the bottom of the local parabola.

    `step(loss)` solves H d = g with the Hessian of the loss; with `damping` added to the
    diagonal, which keeps the step downhill and short where the Hessian is not positive.

    >>> x, y = Value(5.0), Value(-3.0)
    >>> Newton([x, y]).step((x - 1) ** 2 + 10 * (y - 2) ** 2)
    >>> x.data, y.data
    (1.0, 2.0)
    """

    def __init__(self, parameters: Iterable[Value], lr: float = 1.0, damping: float = 0.0) -> None:
        self.parameters = list(parameters)
        self.lr, self.damping = lr, damping

    def step(self, loss: Value) -> None:
        """Nothing; afterwards the parameters have moved. `.grad` of nothing is touched."""
        from .transforms import gradient_and_hessian

        gradient, hessian = gradient_and_hessian(loss, self.parameters)
        for i in range(len(gradient)):
            hessian[i][i] += self.damping
        for p, d in zip(self.parameters, solve(hessian, gradient), strict=True):
            p.data -= self.lr * d


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """x with matrix x = right, by Gaussian elimination with partial pivoting."""
    rows = [[*row, b] for row, b in zip(matrix, right, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        if rows[pivot][i] == 0:
            raise ValueError("Newton: the Hessian is singular; give a damping above 0")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, n):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    x = [0.0] * n
    for i in reversed(range(n)):
        known = sum(rows[i][j] * x[j] for j in range(i + 1, n))
        x[i] = (rows[i][n] - known) / rows[i][i]
    return x


# Clipping ---------------------------------------------------------------------------------


def clip_grad_norm(parameters: Iterable[Value], max_norm: float) -> float:
    """The length of the whole gradient before it was shortened, in place, to `max_norm`.

    Pascanu, Mikolov and Bengio (2013); PyTorch's clip_grad_norm_.
    """
    parameters = list(parameters)
    length: float = ops.hypot(*[p.grad for p in parameters]) if parameters else 0.0
    if length > max_norm:
        for p in parameters:
            p.grad *= max_norm / length
    return length


def clip_grad_value(parameters: Iterable[Value], bound: float) -> None:
    """Nothing; afterwards each gradient lies between -bound and bound."""
    for p in parameters:
        p.grad = ops.clip(p.grad, -bound, bound)


# Schedules --------------------------------------------------------------------------------


class Schedule:
    """The base of schedules: `step()` sets the optimizer's lr to the first times `factor(t)`."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.first = optimizer.lr
        self.t = 0
        optimizer.lr = self.first * self.factor(0)

    def factor(self, t: int) -> float:
        """What the first learning rate is multiplied with after t steps."""
        raise NotImplementedError

    def step(self) -> None:
        """Nothing; afterwards the optimizer has the learning rate of the next step."""
        self.t += 1
        self.optimizer.lr = self.first * self.factor(self.t)

    def rates(self, steps: int) -> list[float]:
        """The learning rates of that many steps, from the next one on."""
        return [self.first * self.factor(self.t + i) for i in range(steps)]


class StepLR(Schedule):
    """Times `gamma` after every `step_size` steps.

    >>> opt = SGD([Value(0.0)], lr=1.0)
    >>> StepLR(opt, step_size=2, gamma=0.5).rates(5)
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.gamma ** (t // self.step_size)


class CosineAnnealingLR(Schedule):
    """Half a cosine from the first rate down to `eta_min` in `T_max` steps.

    Loshchilov and Hutter (2017).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        self.T_max, self.floor = T_max, eta_min / optimizer.lr
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class LinearLR(Schedule):
    """A straight line from `start_factor` to `end_factor` over `total_iters` steps.

    From 1 to 0 it is linear decay, from near 0 to 1 a warm-up.

    >>> opt = SGD([Value(0.0)], lr=1.0)
    >>> LinearLR(opt, 1.0, 0.0, total_iters=4).rates(5)
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        self.start, self.end, self.total = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        return self.start + (self.end - self.start) * min(t, self.total) / self.total


class WarmupLR(Schedule):
    """A straight rise over the first `warmup` steps, from then on another schedule.

    >>> opt = SGD([Value(0.0)], lr=1.0)
    >>> WarmupLR(opt, 2, CosineAnnealingLR(opt, T_max=2)).rates(5)
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, optimizer: Optimizer, warmup: int, then: Schedule | None = None) -> None:
        self.warmup, self.then = warmup, then
        if then is not None:
            optimizer.lr = then.first
        super().__init__(optimizer)

    def factor(self, t: int) -> float:
        if t < self.warmup:
            return (t + 1) / self.warmup
        return 1.0 if self.then is None else self.then.factor(t - self.warmup)
