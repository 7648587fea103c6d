"""Measure-valued derivatives: the gradient of a probability as a difference of two of them.

The derivative of a probability by a parameter has as much above 0 as below, so it is a
weight times the difference of two probabilities: of a Bernoulli, p less 1 - p, so that
d E[f] / dp = f(1) - f(0). The cost is run at a draw from each side, with all other noise
the same, so that what the draw does not influence cancels. Unbiased for any cost; it takes
two runs or more for every parameter of every draw, and its variance stays small.

Pflug, "Optimization of stochastic models" (1996); Mohamed, Rosca, Figurnov and Mnih, "Monte
Carlo gradient estimation in machine learning" (2020). Read `exact.py` next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine import Value
from .baselines import Baseline
from .pull import pull
from .sample import Draw, Run
from .score import Sampled


class Measure:
    """The estimator, run by run."""

    def __init__(self, cost: Callable[[], Any], params: list[Value]) -> None:
        self.cost, self.params = cost, params

    def __call__(self, noise: Callable[..., Any], baseline: Baseline) -> Sampled:
        run = Run(noise).of(self.cost)
        seeds: list[tuple[Any, Any]] = [(part, 1.0) for part, _ in run.costs]
        for draw in run.draws:
            d = draw.distribution
            if not any(isinstance(p, Value) for p in d.parameters):
                continue
            known = {draw.value: run.total}
            for parameter, terms in d.signed(draw.value, run.further(draw)):
                if isinstance(parameter, Value):
                    signal: Any = 0.0
                    for outcome, weight in terms:
                        if outcome not in known:
                            known[outcome] = self.cost_at(run, draw, outcome, noise)
                        signal = signal + weight * known[outcome]
                    seeds.append((parameter, signal))
        return Sampled(run.total, pull(seeds, self.params), [])

    def cost_at(self, run: Run, draw: Draw, outcome: Any, noise: Callable[..., Any]) -> Any:
        """What it would have cost with another outcome of this draw, all before it the same."""
        before = [earlier.value for earlier in run.draws[: draw.place]]
        return Run(noise, [*before, outcome]).of(self.cost).total
