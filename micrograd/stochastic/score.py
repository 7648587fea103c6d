"""The score function: the gradient of a log-probability, weighed by what followed.

    d E[c] = E[ d c + sum over draws x of (c_x - b_x) d log p(x) ]

d c goes through what is deterministic by ordinary backprop; c_x are the costs that x can
influence (Rao-Blackwellised: the others have no part in its gradient but noise), and b_x is a
baseline. Also called REINFORCE or the likelihood ratio. Unbiased for any cost, also one with
jumps, as long as the probability is a smooth function of the parameters.

Williams, Machine Learning 8 (1992); Schulman, Heess, Weber and Abbeel, "Gradient estimation
using stochastic computation graphs" (2015), theorem 1. Read `baselines.py` next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..engine import Value
from .baselines import Baseline
from .distributions import plain
from .influence import Influence
from .pull import pull
from .sample import Draw, Run


class Sampled(NamedTuple):
    """What one run says: its cost, its gradient by parameter, and what each draw cost."""

    cost: Any
    gradient: list[Any]
    charged: list[tuple[Draw, Any]]


class Score:
    """The estimator, run by run."""

    def __init__(
        self, cost: Callable[[], Any], params: list[Value], rao_blackwell: bool = True
    ) -> None:
        self.cost, self.params, self.rao_blackwell = cost, params, rao_blackwell
        self.influence: list[int] | None = None  # known before, where the run is traced

    def __call__(self, noise: Callable[..., Any], baseline: Baseline) -> Sampled:
        run = Run(noise).of(self.cost)
        charged = self.charged(run)
        seeds: list[tuple[Any, Any]] = [(part, 1.0) for part, _ in run.costs]
        for draw, found in charged:
            log_density = draw.distribution.log_density(draw.value)
            if isinstance(log_density, Value):
                seeds.append((log_density, found - baseline.value(draw, found)))
        return Sampled(run.total, pull(seeds, self.params), charged)

    def charged(self, run: Run) -> list[tuple[Draw, Any]]:
        """Each draw with the sum of the costs that it can influence."""
        if not self.rao_blackwell:
            return [(draw, run.total) for draw in run.draws]
        masks = Influence(run).costs if self.influence is None else self.influence
        found = []
        for draw in run.draws:
            total: Any = 0.0
            for (part, _), mask in zip(run.costs, masks, strict=True):
                if mask >> draw.place & 1:
                    total = total + plain(part)
            found.append((draw, total))
        return found
