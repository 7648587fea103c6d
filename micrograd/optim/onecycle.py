"""`OneCycleLR`: up and down in one run, with a momentum that goes the other way.

The other schedules are in `schedules.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..nn.module import size
from .optimizer import Optimizer
from .schedules import Schedule, factor

Numbers = float | list[float]


class OneCycleLR(Schedule):
    """From max_lr / div_factor up to `max_lr`, then down to that by `final_div_factor` below it.

    The run is `total_steps` steps long, or `epochs * steps_per_epoch`; the rise takes the share
    `pct_start` of it. With `three_phase` the fall has two parts, the first one back to the
    start. `cycle_momentum` moves the momentum (Adam's first beta) from `max_momentum` down to
    `base_momentum` and up again. `max_lr`, `base_momentum` and `max_momentum` may be lists, one
    number for each group. A step past the end is a ValueError. PyTorch's, with its defaults;
    Smith and Topin (2019).

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0, momentum=0.9)
    >>> schedule = OneCycleLR(opt, max_lr=1.0, total_steps=5, pct_start=0.4)
    >>> [round(lr, 3) for lr in schedule.rates(5)]
    [0.04, 1.0, 0.75, 0.25, 0.0]
    """

    max_lr: Numbers
    total_steps: int
    pct_start: float
    anneal_strategy: str
    cycle_momentum: bool
    base_momentum: Numbers
    max_momentum: Numbers
    div_factor: float
    final_div_factor: float
    three_phase: bool

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Numbers,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Numbers = 0.85,
        max_momentum: Numbers = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = size(epochs, "OneCycleLR: epochs") * size(
                steps_per_epoch, "OneCycleLR: steps_per_epoch"
            )
        super().__init__(
            optimizer,
            max_lr=max_lr,
            total_steps=total_steps,
            pct_start=pct_start,
            anneal_strategy=anneal_strategy,
            cycle_momentum=bool(cycle_momentum),
            base_momentum=base_momentum,
            max_momentum=max_momentum,
            div_factor=div_factor,
            final_div_factor=final_div_factor,
            three_phase=bool(three_phase),
        )

    def check(self) -> None:
        size(self.total_steps, "OneCycleLR: total_steps")
        factor(self.pct_start, "OneCycleLR: pct_start")
        if self.pct_start > 1:
            raise ValueError(f"OneCycleLR: pct_start is a share up to 1, not {self.pct_start!r}")
        if self.anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f'OneCycleLR: anneal_strategy is "cos" or "linear", not {self.anneal_strategy!r}'
            )
        for name in ("cycle_momentum", "three_phase"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(
                    f"OneCycleLR: {name} is True or False, not {getattr(self, name)!r:.60}"
                )
        for name in ("div_factor", "final_div_factor"):
            factor(getattr(self, name), f"OneCycleLR: {name}")
            if not getattr(self, name) > 0:
                raise ValueError(f"OneCycleLR: {name} is above 0")
        for name in ("max_lr", "base_momentum", "max_momentum"):
            for i in range(len(self.firsts)):
                factor(self.of_group(name, i), f"OneCycleLR: {name}")
        if self.cycle_momentum and not {"momentum", "betas"} & set(self.optimizer.defaults):
            raise ValueError(
                f"OneCycleLR: {type(self.optimizer).__name__} has no momentum: "
                "give cycle_momentum=False"
            )
        if self.cycle_momentum:  # at both ends it is one that the optimizer may have
            for i, group in enumerate(self.optimizer.param_groups):
                own = {name: group[name] for name in self.optimizer.defaults}
                for end in ("base_momentum", "max_momentum"):
                    new = self.with_momentum(group, self.of_group(end, i))
                    self.optimizer.checked({**own, **new})

    def of_group(self, name: str, i: int) -> float:
        """A setting of one group; ValueError where a list is of another length."""
        x: Any = getattr(self, name)
        if not isinstance(x, (list, tuple)):
            return x  # type: ignore[no-any-return]
        if len(x) != len(self.firsts):
            raise ValueError(f"OneCycleLR: {len(x)} {name} for {len(self.firsts)} groups")
        return x[i]  # type: ignore[no-any-return]

    def between(self, t: int, points: list[float]) -> float:
        """A number after t steps that goes through these points, from one phase to the next."""
        if t > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {t} of a cycle of {self.total_steps}: make it with more steps"
            )
        rise = float(self.pct_start * self.total_steps)
        ends = [rise - 1, 2 * rise - 2] if self.three_phase else [rise - 1]
        ends.append(self.total_steps - 1)
        start = 0.0
        for i, end in enumerate(ends):
            if t <= end or i == len(ends) - 1:
                way = (t - start) / (end - start) if end != start else 1.0
                return self.anneal(points[i], points[i + 1], way)
            start = end
        raise AssertionError("there is a last phase")

    def anneal(self, start: float, end: float, way: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * way + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * way) + 1)

    def rate(self, t: int) -> float:
        top = self.of_group("max_lr", self.group)
        low = top / self.div_factor
        least = low / self.final_div_factor
        return self.between(t, [low, top, low, least] if self.three_phase else [low, top, least])

    def changes(self, t: int) -> list[dict[str, Any]]:
        found = super().changes(t)
        if self.cycle_momentum:
            for i, (group, new) in enumerate(zip(self.optimizer.param_groups, found)):
                base, top = self.of_group("base_momentum", i), self.of_group("max_momentum", i)
                m = self.between(t, [top, base, top, top] if self.three_phase else [top, base, top])
                new.update(self.with_momentum(group, m))
        return found

    @staticmethod
    def with_momentum(group: dict[str, Any], m: float) -> dict[str, Any]:
        """The setting of a group that is its momentum."""
        return {"betas": (m, *group["betas"][1:])} if "betas" in group else {"momentum": m}
