"""Learning rate schedules: which learning rate an optimizer has at which step.

Names and formulas are those of `torch.optim.lr_scheduler`. Call `schedule.step()` after
each `optimizer.step()`. The optimizers are in `optimizers.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..files import Saved
from .optimizer import Optimizer


class Schedule(Saved):
    """The base of schedules: `step()` sets the optimizer's lr to `rate(t)`.

    first: the learning rate that the optimizer had when the schedule was made
    t:     how many steps were taken since
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.first = optimizer.lr
        self.t = 0
        optimizer.lr = self.rate(0)

    def rate(self, t: int) -> float:
        """The learning rate after t steps."""
        raise NotImplementedError

    def step(self) -> None:
        """Nothing; afterwards the optimizer has the learning rate of the next step."""
        self.t += 1
        self.optimizer.lr = self.rate(self.t)

    def rates(self, steps: int) -> list[float]:
        """The learning rates of that many steps, from the next one on."""
        return [self.rate(self.t + i) for i in range(steps)]

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands."""
        return {"kind": type(self).__name__, "first": self.first, "t": self.t}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the schedule goes on from there, and the optimizer's lr is set."""
        kind = state.get("kind")
        if kind != type(self).__name__:
            raise ValueError(f"this is the state of {kind}, not of {type(self).__name__}")
        self.first, self.t = float(state["first"]), int(state["t"])
        self.optimizer.lr = self.rate(self.t)


def positive(steps: int, name: str) -> int:
    if not steps > 0:
        raise ValueError(f"{name} is a number of steps, at least 1, not {steps!r}")
    return steps


class StepLR(Schedule):
    """Times `gamma` after every `step_size` steps.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> StepLR(opt, step_size=2, gamma=0.5).rates(5)
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = positive(step_size, "StepLR: step_size"), gamma
        super().__init__(optimizer)

    def rate(self, t: int) -> float:
        return self.first * self.gamma ** (t // self.step_size)


class CosineAnnealingLR(Schedule):
    """Half a cosine from the first rate down to `eta_min` in `T_max` steps, then up again.

    Loshchilov and Hutter (2017).

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> [round(lr, 3) for lr in CosineAnnealingLR(opt, T_max=4).rates(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        self.T_max, self.eta_min = positive(T_max, "CosineAnnealingLR: T_max"), eta_min
        super().__init__(optimizer)

    def rate(self, t: int) -> float:
        height = (1 + math.cos(math.pi * t / self.T_max)) / 2
        return self.eta_min + (self.first - self.eta_min) * height


class LinearLR(Schedule):
    """A straight line from `start_factor` to `end_factor` over `total_iters` steps.

    From 1 to 0 it is linear decay, from near 0 to 1 a warm-up.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
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
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = positive(total_iters, "LinearLR: total_iters")
        super().__init__(optimizer)

    def rate(self, t: int) -> float:
        way = min(t, self.total_iters) / self.total_iters
        return self.first * (self.start_factor + (self.end_factor - self.start_factor) * way)


class WarmupLR(Schedule):
    """A straight rise over the first `warmup` steps, from then on another schedule.

    The first step is taken with 1/warmup of the rate, the last of the rise with all of it.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> WarmupLR(opt, 2, CosineAnnealingLR(opt, T_max=2)).rates(5)
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, optimizer: Optimizer, warmup: int, then: Schedule | None = None) -> None:
        self.warmup, self.then = positive(warmup, "WarmupLR: warmup"), then
        if then is not None:
            optimizer.lr = then.first
        super().__init__(optimizer)

    def rate(self, t: int) -> float:
        if self.then is None or t < self.warmup:
            return self.first * min(1.0, (t + 1) / self.warmup)
        return self.then.rate(t - self.warmup)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.then is not None:
            self.then.first = float(state["first"])
        super().load_state_dict(state)
