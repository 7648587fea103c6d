"""Gradients along the path: through the draw as if it were an operation.

`Reparameterized` is unbiased: a draw is a smooth function of its parameters and of noise, and
backprop goes through it (Kingma and Welling, 2014). For draws with jumps there is no such
function, and two take one that is not right: `StraightThrough` backprops through the mean of
the distribution in the place of the outcome (Bengio, Leonard and Courville, 2013), `Gumbel`
through a soft version of it that a temperature makes harder (Jang, Gu and Poole; Maddison,
Mnih and Teh, 2017). Both are biased, the first one unless the cost is linear in the draw, and
see nothing of what an `if` decides. Read `measure.py` next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.rule import real
from ..engine import Value
from .baselines import Baseline
from .pull import pull
from .sample import Draw, Run
from .score import Sampled


class Reparameterized(Run):
    """Draws that are smooth functions of their parameters."""

    def make(self, draw: Draw) -> Any:
        d = draw.distribution
        value = d.path(self.noise(draw.place, d.noise))
        return self.noted(draw, value)

    def noted(self, draw: Draw, value: Any) -> Any:
        node = value if isinstance(value, Value) else Value(value)
        draw.value = node
        return node

    def straight(self, draw: Draw, value: Any, soft: Any) -> Any:
        """The outcome, with the gradient of what is soft."""
        if not isinstance(soft, Value):
            return self.constant(draw, value)
        return self.noted(draw, value + (soft - soft.detach()))


class StraightThrough(Reparameterized):
    """Draws whose gradient is that of their mean."""

    def make(self, draw: Draw) -> Any:
        d = draw.distribution
        if "reparameterized" in d.methods:
            return super().make(draw)
        return self.straight(draw, self.outcome(draw), d.mean())


class Gumbel(Reparameterized):
    """Draws whose gradient is that of a soft version, which replaces them where not `hard`."""

    def __init__(self, noise: Callable[..., Any], temperature: float, hard: bool) -> None:
        super().__init__(noise)
        self.temperature, self.hard = temperature, hard

    def make(self, draw: Draw) -> Any:
        d = draw.distribution
        if "reparameterized" in d.methods:
            return super().make(draw)
        value, soft = d.relaxed(self.further(draw), self.temperature)
        return self.straight(draw, value, soft) if self.hard else self.noted(draw, soft)


class Pathwise:
    """The estimator, run by run: ordinary backprop through draws that let it."""

    def __init__(
        self, cost: Callable[[], Any], params: list[Value], kind: Callable[..., Run]
    ) -> None:
        self.cost, self.params, self.kind = cost, params, kind

    def __call__(self, noise: Callable[..., Any], baseline: Baseline) -> Sampled:
        run = self.kind(noise).of(self.cost)
        seeds = [(part, 1.0) for part, _ in run.costs]
        return Sampled(run.total, pull(seeds, self.params), [])


def gumbel(temperature: float, hard: bool) -> Callable[..., Run]:
    """Runs at this temperature."""
    t = real(temperature, "stochastic: temperature")
    if not 0.0 < t < float("inf"):
        raise ValueError(f"stochastic: temperature is a number above 0, not {temperature!r}")
    return lambda noise: Gumbel(noise, t, hard)
