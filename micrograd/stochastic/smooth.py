"""Distributions over the real numbers, smooth in their parameters: Normal and Uniform.

A draw from them is a smooth function of parameters and noise, so a gradient may follow the
path through it. Read `counts.py` or `sample.py` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

from .. import ops
from ..engine import Value
from .distributions import Distribution, Signed, given, plain, symbolic

STANDARD_NORMAL = NormalDist()


def finite(x: float) -> bool:
    return x - x == 0.0


class Normal(Distribution):
    """A normally distributed number with mean mu and standard deviation sigma.

    >>> Normal(2.0, 3.0).value(Normal(2.0, 3.0).noise(0.5))
    2.0
    """

    methods = ("reparameterized", "score", "measure", "backprop_q")

    def __init__(self, mu: Any = 0.0, sigma: Any = 1.0) -> None:
        self.mu = given(mu, "Normal: mu", finite, "a finite number")
        self.sigma = given(sigma, "Normal: sigma", lambda s: 0.0 < s < math.inf, "above 0")

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.mu, self.sigma)

    def noise(self, u: float) -> float:
        return STANDARD_NORMAL.inv_cdf(u)

    def value(self, noise: Any) -> Any:
        return plain(self.mu) + plain(self.sigma) * noise

    def path(self, noise: Any) -> Any:
        return self.mu + self.sigma * noise

    def log_density(self, x: Any) -> Any:
        z = (x - self.mu) / self.sigma
        return -0.5 * z * z - ops.log(self.sigma) - 0.5 * math.log(2.0 * math.pi)

    def mean(self) -> Any:
        return self.mu

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        """By mu two Rayleigh numbers, by sigma a two-sided Maxwell and a normal one, coupled.

        Mohamed, Rosca, Figurnov and Mnih, "Monte Carlo gradient estimation in machine
        learning" (2020), table 1 and section 7.2.
        """
        mu, sigma = plain(self.mu), plain(self.sigma)
        rayleigh = [ops.sqrt(-2.0 * ops.log(draw(lane))) for lane in (1, 2, 3)]
        length = ops.hypot(rayleigh[1], rayleigh[2] * ops.cos(2.0 * math.pi * draw(4)))
        maxwell = ops.where(draw(5) < 0.5, length, -length)
        by_mu = 1.0 / (sigma * math.sqrt(2.0 * math.pi))
        by_sigma = 1.0 / sigma
        return [
            Signed(
                self.mu,
                [(mu + sigma * rayleigh[0], by_mu), (mu - sigma * rayleigh[0], -by_mu)],
            ),
            Signed(
                self.sigma,
                [(mu + sigma * maxwell, by_sigma), (mu + sigma * (maxwell * draw(6)), -by_sigma)],
            ),
        ]


class Uniform(Distribution):
    """A number between low and high, all of them equally likely.

    >>> Uniform(1.0, 3.0).value(0.25)
    1.5
    """

    methods = ("reparameterized", "measure", "backprop_q")

    def __init__(self, low: Any = 0.0, high: Any = 1.0) -> None:
        self.low = given(low, "Uniform: low", finite, "a finite number")
        self.high = given(high, "Uniform: high", finite, "a finite number")
        if not symbolic() and not plain(low) < plain(high):
            raise ValueError(
                f"Uniform: low is below high, and they are {plain(low)} and {plain(high)}"
            )

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.low, self.high)

    def value(self, noise: Any) -> Any:
        low = plain(self.low)
        return low + (plain(self.high) - low) * noise

    def path(self, noise: Any) -> Any:
        return self.low + (self.high - self.low) * noise

    def log_density(self, x: Any) -> Any:
        if any(isinstance(p, Value) for p in self.parameters):
            # The density jumps at the ends, which move: d log p / d low says nothing of that.
            self.refuse("score")
        return -ops.log(self.high - self.low)

    def mean(self) -> Any:
        return (self.low + self.high) / 2.0

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        """What the end that moves gives, against what is drawn."""
        low, high = plain(self.low), plain(self.high)
        rate = 1.0 / (high - low)
        return [
            Signed(self.low, [(x, rate), (low, -rate)]),
            Signed(self.high, [(high, rate), (x, -rate)]),
        ]
