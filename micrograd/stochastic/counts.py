"""Distributions over the whole numbers from 0 on: Poisson and Geometric.

They have infinitely many outcomes, so nothing enumerates them and no program of fixed
length draws from them; score and measure work. Read `sample.py` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from .distributions import Distribution, Signed, given, plain, symbolic

METHODS = ("score", "straight_through", "measure", "backprop_q")


class Counts(Distribution):
    """The base of both: no trace can hold how long they look for their outcome."""

    methods = METHODS

    def value(self, noise: Any) -> Any:
        if symbolic():
            raise ValueError(
                f"stochastic: a draw from {self.name} cannot be compiled, since it has infinitely "
                "many outcomes; leave out backend="
            )
        return self.count(noise)

    def count(self, u: float) -> float:
        raise NotImplementedError


class Poisson(Counts):
    """How many of many rare events happen, where `rate` are expected; rate is at most 700.

    >>> Poisson(2.0).value(0.1), Poisson(2.0).value(0.5), Poisson(2.0).value(0.99)
    (0.0, 2.0, 6.0)
    """

    def __init__(self, rate: Any) -> None:
        self.rate = given(rate, "Poisson: rate", lambda r: 0.0 < r <= 700.0, "above 0, up to 700")

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.rate,)

    def count(self, u: float) -> float:
        rate: float = plain(self.rate)
        k, p = 0, math.exp(-rate)
        total = p
        while u >= total:
            k += 1
            p *= rate / k
            if p == 0.0:  # nothing more to come: rounding has left a gap below 1
                break
            total += p
        return float(k)

    def log_density(self, x: Any) -> Any:
        return x * ops.log(self.rate) - self.rate - math.lgamma(x + 1.0)

    def mean(self) -> Any:
        return self.rate

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        return [Signed(self.rate, [(x + 1.0, 1.0), (x, -1.0)])]


class Geometric(Counts):
    """How often something of probability p fails before it first succeeds.

    >>> Geometric(0.5).value(0.4), Geometric(0.5).value(0.6), Geometric(0.5).value(0.8)
    (0.0, 1.0, 2.0)
    """

    def __init__(self, p: Any) -> None:
        self.p = given(p, "Geometric: p", lambda p: 0.0 < p <= 1.0, "a probability above 0")

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.p,)

    def count(self, u: float) -> float:
        p: float = plain(self.p)
        return 0.0 if p == 1.0 else float(math.floor(math.log1p(-u) / math.log1p(-p)))

    def log_density(self, x: Any) -> Any:
        return ops.log(self.p) + x * ops.log1p(-self.p) if x > 0.5 else ops.log(self.p)

    def mean(self) -> Any:
        return (1.0 - self.p) / self.p

    def signed(self, x: Any, draw: Callable[[int], Any]) -> list[Signed]:
        """p (1-p)**k by p is, over p, that itself less the law of the sum of two such and 1."""
        rate = 1.0 / plain(self.p)
        return [Signed(self.p, [(x, rate), (x + self.count(draw(1)) + 1.0, -rate)])]
