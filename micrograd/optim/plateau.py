"""`ReduceLROnPlateau`: a learning rate that falls when the loss no longer does.

The schedules that know their rates beforehand are in `schedules.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ..nn.module import size
from .optimizer import Optimizer
from .schedules import Schedule, factor
from .state import number


class ReduceLROnPlateau(Schedule):
    """Times `factor` once the loss has not become better for more than `patience` steps.

    `step(loss)` is called after each epoch, or after whatever stretch the loss is of: `train.fit`
    gives it the loss by which it judges each epoch, `Jit.fit` that of each step. Better means
    below (mode "min") or above ("max") the best so far by the share `threshold` of it
    (threshold_mode "rel") or by `threshold` itself ("abs"). After a reduction `cooldown` steps do
    not count. No rate falls below `min_lr`, a number or one for each group, and none by less than
    `eps`. PyTorch's, with its defaults.

    >>> from micrograd import Value, optim
    >>> opt = optim.SGD([Value(0.0)], lr=1.0)
    >>> schedule = ReduceLROnPlateau(opt, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> opt.lr
    0.1
    """

    needs_loss = True
    memory = ("best", "num_bad_epochs", "cooldown_counter")
    mode: str
    factor: float
    patience: int
    threshold: float
    threshold_mode: str
    cooldown: int
    min_lr: Any
    eps: float

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.best = -math.inf if mode == "max" else math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(
            optimizer,
            mode=mode,
            factor=factor,
            patience=patience,
            threshold=threshold,
            threshold_mode=threshold_mode,
            cooldown=cooldown,
            min_lr=min_lr,
            eps=eps,
        )

    def check(self) -> None:
        who = type(self).__name__
        if self.mode not in ("min", "max"):
            raise ValueError(f'{who}: the mode is "min" or "max", not {self.mode!r}')
        if self.threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'{who}: threshold_mode is "rel" or "abs", not {self.threshold_mode!r}'
            )
        factor(self.factor, f"{who}: factor")
        if not self.factor < 1:
            raise ValueError(f"{who}: factor is below 1, not {self.factor!r}")
        size(self.patience, f"{who}: patience", 0)
        size(self.cooldown, f"{who}: cooldown", 0)
        size(self.num_bad_epochs, f"{who}: num_bad_epochs", 0)
        size(self.cooldown_counter, f"{who}: cooldown_counter", 0)
        if math.isnan(number(self.best, f"{who}: best")):
            raise ValueError(f"{who}: best is a loss, not {self.best!r}")
        factor(self.threshold, f"{who}: threshold")
        factor(self.eps, f"{who}: eps")
        for low in self.lows(len(self.firsts)):
            factor(low, f"{who}: min_lr")

    def lows(self, n: int) -> list[float]:
        """`min_lr` for each of n groups; ValueError where it is a list for others."""
        if not isinstance(self.min_lr, (list, tuple)):
            return [self.min_lr] * n
        if len(self.min_lr) != n:
            raise ValueError(f"ReduceLROnPlateau: {len(self.min_lr)} min_lr for {n} groups")
        return list(self.min_lr)

    def changes(self, t: int) -> list[dict[str, Any]]:
        """The rates as they are: `firsts` follows them."""
        return [{"lr": lr} for lr in self.firsts]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "firsts": self.get_last_lr()}

    def rate(self, t: int) -> float:
        raise ValueError("ReduceLROnPlateau: its rates follow from the losses, and are not known")

    def better(self, loss: float) -> bool:
        """Whether this loss is better than the best so far; nan is not."""
        margin = self.threshold
        if self.mode == "min":
            bound = (
                self.best * (1.0 - margin) if self.threshold_mode == "rel" else self.best - margin
            )
            return loss < bound
        bound = self.best * (1.0 + margin) if self.threshold_mode == "rel" else self.best + margin
        return loss > bound

    def step(self, loss: Any = None) -> None:
        """Nothing; afterwards the loss counts, and the rates are lower if it is time."""
        if loss is None:
            raise TypeError("ReduceLROnPlateau: step(loss) takes the loss that it follows")
        x = number(getattr(loss, "data", loss), "ReduceLROnPlateau: the loss")
        new: dict[str, Any] = {
            "t": self.t + 1,
            "best": self.best,
            "num_bad_epochs": self.num_bad_epochs + 1,
            "cooldown_counter": self.cooldown_counter,
        }
        if self.better(x):
            new.update(best=x, num_bad_epochs=0)
        if self.cooldown_counter > 0:
            new.update(cooldown_counter=self.cooldown_counter - 1, num_bad_epochs=0)
        lrs = self.get_last_lr()
        if new["num_bad_epochs"] > self.patience:
            new.update(cooldown_counter=self.cooldown, num_bad_epochs=0)
            for i, (lr, low) in enumerate(zip(lrs, self.lows(len(lrs)), strict=True)):
                lower = max(lr * self.factor, low)
                lrs[i] = lower if lr - lower > self.eps else lr
        before = dict(vars(self)), self.get_last_lr()
        try:
            self.put([{"lr": lr} for lr in lrs])
            vars(self).update(new, firsts=lrs)
        except BaseException:
            self.put([{"lr": lr} for lr in before[1]])
            vars(self).update(before[0])
            raise
