"""Learning rate schedules: which learning rate an optimizer has at which step.

Names and formulas are those of `torch.optim.lr_scheduler`. Call `schedule.step()` after
each `optimizer.step()`. Each group of an optimizer has its own learning rate, from which
its rates are computed. Schedules that follow the loss or move the momentum too are in
`plateau.py` and `onecycle.py`; the optimizers are in `optimizers.py`. (Past 300 lines because it
is a list: a class for each schedule.)
"""

from __future__ import annotations

import copy
import inspect
import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from .. import ops
from ..core.rule import real
from ..files import Saved
from ..nn.module import size
from .optimizer import Optimizer
from .state import entries, whole


class Schedule(Saved):
    """The base of schedules: `step()` sets the optimizer's lr to `rate(t)`, in each group.

    first:    the learning rate that the group at hand had when the schedule was made
    firsts:   those of all groups
    t:        how many steps were taken since
    settings: the other numbers that it was made with, by name, each an attribute too
    """

    needs_loss = False  # whether `step` takes the loss, as ReduceLROnPlateau's
    memory: tuple[str, ...] = ()  # further attributes that belong to the state
    group = 0

    def __init__(self, optimizer: Optimizer, **settings: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: an optimizer of micrograd.optim is needed, "
                f"not {optimizer!r:.60}"
            )
        vars(self).update(settings)
        self.settings, self.optimizer, self.t = settings, optimizer, 0
        self.firsts = [group["lr"] for group in optimizer.param_groups]
        self.check()
        self.put(self.changes(0))

    def check(self) -> None:
        """ValueError in a sentence for settings that make no sense."""

    @property
    def first(self) -> float:
        lr: float = self.firsts[self.group]
        return lr

    @first.setter
    def first(self, lr: float) -> None:
        self.firsts[self.group] = lr

    def rate(self, t: int) -> float:
        """The learning rate of the group at hand after t steps."""
        raise NotImplementedError

    def rate_of(self, group: int, t: int) -> float:
        """The learning rate of a group after t steps."""
        self.group = group
        try:
            return self.rate(t)
        finally:
            self.group = 0

    def changes(self, t: int) -> list[dict[str, Any]]:
        """For each group the settings that it has after t steps."""
        return [{"lr": self.rate_of(i, t)} for i in range(len(self.firsts))]

    def put(self, changes: list[dict[str, Any]]) -> None:
        """Nothing; afterwards all groups have these settings, or none if one is no number.

        A rate below 0, as PyTorch's OneCycleLR has after its last step, no optimizer will take.
        """
        optimizer = self.optimizer
        pairs = list(zip(optimizer.param_groups, changes, strict=True))
        for group, new in pairs:
            if not all(map(plain, new.values())):
                own = {name: group[name] for name in optimizer.defaults}
                checked = optimizer.checked({**own, **new})
                new.update({name: checked[name] for name in new})
        for group, new in pairs:
            group.update(new)

    def take_new_groups(self) -> None:
        """Nothing; the rates of groups that were added since are the first ones of those."""
        for group in self.optimizer.param_groups[len(self.firsts) :]:
            self.firsts.append(group["lr"])

    def go(self, t: int) -> None:
        """Nothing; afterwards the schedule stands after t steps, and so do the groups."""
        groups = self.optimizer.param_groups
        self.take_new_groups()
        changes = self.changes(t)
        was = self.t
        before = [{name: group[name] for name in new} for group, new in zip(groups, changes)]
        try:
            self.put(changes)
            self.t = t
        except BaseException:
            self.t = was
            for group, old in zip(groups, before):
                group.update(old)
            raise

    def step(self) -> None:
        """Nothing; afterwards the optimizer has the learning rate of the next step."""
        self.go(self.t + 1)

    def rates(self, steps: int) -> list[float]:
        """The learning rates of that many steps of the first group, from the next one on."""
        return [self.rate_of(0, self.t + i) for i in range(steps)]

    def get_last_lr(self) -> list[float]:
        """The learning rate that each group has now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    # Files ----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands, and its settings."""
        return {
            "kind": type(self).__name__,
            "settings": {name: listed(x) for name, x in self.settings.items()},
            "firsts": list(self.firsts),
            "t": self.t,
            **{name: listed(getattr(self, name)) for name in self.memory},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing; afterwards the schedule goes on from there, and the optimizer's lr is set.

        The settings are those of the state too. What does not fit is a ValueError, and
        changes nothing.
        """
        kind = type(self).__name__
        if not isinstance(state, dict):
            raise ValueError(f"{kind}: a state is a dict, not {state!r:.60}")
        if state.get("kind") != kind:
            raise ValueError(f"this is the state of {state.get('kind')}, not of {kind}")
        entries(state, self.state_dict(), kind)
        entries(state["settings"], self.state_dict()["settings"], f"{kind}: the settings")
        firsts = state["firsts"]
        if not isinstance(firsts, list) or len(firsts) != len(self.firsts):
            raise ValueError(f"{kind}: the rates of {len(self.firsts)} groups are needed")
        like = copy.copy(self)
        try:
            for x in firsts:
                factor(x, f"{kind}: a first rate")
            like.firsts = list(firsts)
            like.t = whole(state["t"], f"{kind}: t")
            like.settings = dict(state["settings"])
            vars(like).update(like.settings)
            vars(like).update({name: state[name] for name in self.memory})
            like.check()
            changes = like.changes(like.t)
        except (TypeError, KeyError, OverflowError) as error:
            raise ValueError(f"{kind}: this state does not fit: {error}") from error
        self.put(changes)
        vars(self).update(vars(like))


def plain(x: Any) -> bool:
    """Whether x is a finite float, or several, as settings nearly always are."""
    return math.isfinite(x) if type(x) is float else type(x) is tuple and all(map(plain, x))


def listed(x: Any) -> Any:
    """x as JSON can hold it."""
    if isinstance(x, Schedule):
        return x.state_dict()
    return list(x) if isinstance(x, tuple) else x


def advance(schedule: Any, loss: float) -> None:
    """One step of a schedule of any kind, one of a user's own too, after a step with this loss."""
    if schedule is None:
        return
    if getattr(schedule, "needs_loss", False):
        schedule.step(loss)
    else:
        schedule.step()


def belongs(schedule: Any, optimizer: Optimizer, who: str) -> None:
    """ValueError for a schedule that would change the rates of another optimizer in vain.

    TypeError for what is none, before a step is taken: it has `step()`, or `step(loss)` and says
    `needs_loss = True`.
    """
    if schedule is None:
        return
    step = getattr(schedule, "step", None)
    if not callable(step):
        raise TypeError(f"{who}: a schedule has a method step(), which {schedule!r:.60} has not")
    if not getattr(schedule, "needs_loss", False):
        try:
            inspect.signature(step).bind()
        except TypeError:
            raise TypeError(
                f"{who}: the schedule's step() takes arguments: for a step(loss) give its class "
                "the attribute needs_loss = True"
            ) from None
        except ValueError:  # of a function in C, which does not tell
            pass
    of = getattr(schedule, "optimizer", optimizer)
    if of is not optimizer:
        raise ValueError(f"{who}: the schedule is that of another optimizer: make it with this one")


class StepLR(Schedule):
    """Times `gamma` after every `step_size` steps.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> StepLR(opt, step_size=2, gamma=0.5).rates(5)
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    step_size: int
    gamma: float

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, step_size=step_size, gamma=gamma)

    def check(self) -> None:
        positive(self.step_size, "StepLR: step_size")
        factor(self.gamma, "StepLR: gamma")

    def rate(self, t: int) -> float:
        return self.first * float(ops.pow(self.gamma, float(t // self.step_size)))


class MultiStepLR(Schedule):
    """Times `gamma` after each number of steps among `milestones`.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> MultiStepLR(opt, milestones=[1, 3], gamma=0.5).rates(5)
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    milestones: list[int]
    gamma: float

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        if not hasattr(milestones, "__iter__"):
            raise TypeError(f"MultiStepLR: milestones are a list of steps, not {milestones!r:.60}")
        super().__init__(optimizer, milestones=sorted(milestones), gamma=gamma)

    def check(self) -> None:
        if not isinstance(self.milestones, list):
            raise ValueError(f"MultiStepLR: milestones are a list, not {self.milestones!r:.60}")
        for step in self.milestones:
            size(step, "MultiStepLR: a milestone", 0)
        factor(self.gamma, "MultiStepLR: gamma")

    def rate(self, t: int) -> float:
        return self.first * float(ops.pow(self.gamma, float(bisect_right(self.milestones, t))))


class CosineAnnealingLR(Schedule):
    """Half a cosine from the first rate down to `eta_min` in `T_max` steps, then up again.

    Loshchilov and Hutter (2017).

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> [round(lr, 3) for lr in CosineAnnealingLR(opt, T_max=4).rates(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    T_max: int
    eta_min: float

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803
        super().__init__(optimizer, T_max=T_max, eta_min=eta_min)

    def check(self) -> None:
        positive(self.T_max, "CosineAnnealingLR: T_max")
        factor(self.eta_min, "CosineAnnealingLR: eta_min")

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

    start_factor: float
    end_factor: float
    total_iters: int

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(
            optimizer, start_factor=start_factor, end_factor=end_factor, total_iters=total_iters
        )

    def check(self) -> None:
        positive(self.total_iters, "LinearLR: total_iters")
        factor(self.start_factor, "LinearLR: start_factor")
        factor(self.end_factor, "LinearLR: end_factor")

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

    warmup: int
    then: Schedule | None

    def __init__(self, optimizer: Optimizer, warmup: int, then: Schedule | None = None) -> None:
        if then is not None:
            if type(then).changes is not Schedule.changes or then.needs_loss:
                raise TypeError(
                    f"WarmupLR: then is a schedule of learning rates by step, not {then!r:.60}"
                )
            if then.optimizer is not optimizer:
                raise ValueError("WarmupLR: then is the schedule of another optimizer")
            then.put([{"lr": first} for first in then.firsts])
        super().__init__(optimizer, warmup=warmup, then=then)

    def check(self) -> None:
        positive(self.warmup, "WarmupLR: warmup")

    def take_new_groups(self) -> None:
        super().take_new_groups()
        if self.then is not None:
            self.then.take_new_groups()

    def rate(self, t: int) -> float:
        if self.then is None or t < self.warmup:
            return self.first * min(1.0, (t + 1) / self.warmup)
        return self.then.rate_of(self.group, t - self.warmup)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        settings = state.get("settings") if isinstance(state, dict) else None
        inner = settings.get("then") if isinstance(settings, dict) else None
        if isinstance(settings, dict) and (inner is None) != (self.then is None):
            raise ValueError(
                "WarmupLR: this state does not fit: one of the two has no schedule then"
            )
        if self.then is None or inner is None or not isinstance(settings, dict):
            super().load_state_dict(state)
            return
        then = copy.copy(self.then)
        lrs = [{"lr": lr} for lr in self.get_last_lr()]
        try:
            then.load_state_dict(inner)
            super().load_state_dict({**state, "settings": {**settings, "then": then}})
        except BaseException:
            self.put(lrs)
            raise


def positive(steps: Any, name: str) -> None:
    if isinstance(steps, bool) or not hasattr(steps, "__index__") or not steps > 0:
        raise ValueError(f"{name} is a number of steps, at least 1, not {steps!r:.60}")


def factor(x: Any, name: str) -> None:
    if isinstance(x, bool) or not 0 <= real(x, name) < math.inf:
        raise ValueError(f"{name} is a finite number, at least 0, not {x!r}")
