"""What a watch remembers of a training run, and what that says: a loss that grows or stands still.

Read on in `watch.py`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..train.plots import new_axes
from .report import Finding
from .thresholds import limit


@dataclass
class Watched:
    """What was seen: `loss` and `gradient` by step, the rest where a look was taken.

    steps:    how many steps were taken
    loss:     pairs (step, loss)
    gradient: pairs (step, length of the whole gradient), where there was time for it
    update:   pairs (step, size of the step by that of the parameters, taken as 0.1 each at least)
    layers:   pairs (step, the gradient at each layer by its name)
    looks:    the steps that were examined
    """

    steps: int = 0
    loss: list[tuple[int, float]] = field(default_factory=list)
    gradient: list[tuple[int, float]] = field(default_factory=list)
    update: list[tuple[int, float]] = field(default_factory=list)
    layers: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)

    @property
    def first(self) -> float:
        """Where the loss began: the median of three, but for one that the first step threw up."""
        losses = [x for _, x in self.loss[:3]]
        start, middle = losses[0], statistics.median(losses)
        return start if middle - start > 9 * abs(start) else middle


def course(
    seen: Watched, optimizer: Any, parameters: Sequence[Any], known: Sequence[str]
) -> list[Finding]:
    """What the history says: a loss that grows, or that does not move."""
    losses = [x for _, x in seen.loss]
    rate = getattr(optimizer, "lr", math.nan)
    kind = type(optimizer).__name__
    where = f"the optimizer, {kind}(lr={rate:g})" if optimizer else "the training loop"
    found: list[Finding] = []
    for p in parameters:
        if not math.isfinite(p._data) and "nonfinite" not in known:
            found.append(Finding(
                "nonfinite", "error", where, f"After {seen.steps} steps a parameter is "
                f"{p._data}.", p._data, "Start again with a smaller learning rate.",
            ))  # fmt: skip
            break
    if len(losses) < 3:
        return found
    first, tail = seen.first, statistics.median(losses[-5:])
    finite = [x for x in losses if math.isfinite(x)]
    if "nonfinite" in known and not math.isfinite(tail):
        if not finite:
            return found
        tail = finite[-1]  # whether it grew before, or fell from one step to the next
    rise = (tail - first) / max(abs(first), 1e-9)
    grown = not math.isfinite(tail) or rise > limit("rate_growth") - 1
    stride = max((u for _, u in seen.update), default=math.inf)
    if grown and rise < 9 and stride < limit("rate_stride"):
        return found  # a target that moves, and not a step too long
    if grown and tail > limit("exploding_loss"):
        found.append(Finding(
            "exploding", "error", where, f"The loss grows from {first:.3g} to {tail:.3g}.", tail,
            "Lower the learning rate, or clip gradients (clip_grad_norm).",
        ))  # fmt: skip
    peak = (max(finite, default=first) - first) / max(abs(first), 1e-9)
    if grown or (peak > 99 and rise > -0.2):
        found.append(Finding(
            "learning_rate_high", "error", where,
            f"The loss goes from {first:.3g} to {tail:.3g} in {seen.steps} steps, at most "
            f"{max(finite, default=math.inf):.3g}.", rate, "Divide the learning rate by 10.",
            "A step longer than 2 / curvature ends higher up than it began.",
        ))  # fmt: skip
    elif max([u for _, u in seen.update[:5]], default=0.0) > 1.0 and losses[-1] > 0.8 * first:
        size = max(u for _, u in seen.update[:5])
        found.append(Finding(
            "learning_rate_high", "error", where,
            f"A step moved the parameters by {size:.3g} of their size; 1/1000 is usual.", size,
            "Divide the learning rate by 10.",
        ))  # fmt: skip
    still = seen.update and max(u for _, u in seen.update[-3:]) < limit("rate_move")
    if still and seen.steps >= 20 and abs(tail - first) < 0.01 * abs(first) and not known:
        moving = max(g for _, g in seen.gradient[-5:])
        if moving > 1e-9:
            found.append(Finding(
                "learning_rate_low", "warning", where,
                f"In {seen.steps} steps the loss went from {first:.4g} to {tail:.4g}: a step "
                f"moves the parameters by {seen.update[-1][1]:.2g} of their size.",
                seen.update[-1][1], "Multiply the learning rate by 10.",
            ))  # fmt: skip
    return found


def plotted(seen: Watched, axes: Any = None) -> list[Any]:
    """Axes with loss, length of the gradient and gradient by layer over the steps."""
    row = new_axes(3) if axes is None else list(axes)
    for ax, pairs, name in zip(row, (seen.loss, seen.gradient), ("loss", "|gradient|")):
        ax.plot([k for k, _ in pairs], [x for _, x in pairs])
        ax.set(xlabel="step", ylabel=name)
    for name in dict.fromkeys(n for _, layer in seen.layers for n in layer):
        known = [(k, layer[name]) for k, layer in seen.layers if layer.get(name, 0.0) > 0.0]
        row[2].plot([k for k, _ in known], [x for _, x in known], marker=".", label=name)
    row[2].set(xlabel="step", ylabel="gradient by layer", yscale="log")
    row[2].legend()
    return row
