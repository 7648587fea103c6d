"""Baselines of the score function: what a draw's cost was expected to be before it was drawn.

The score function weighs the gradient of a draw's log-probability by what the draw cost.
Less a number that does not depend on the draw, its mean is the same and its variance
smaller: what counts is only whether the outcome cost more or less than usual. Each node, by
its name, has a baseline of its own. None of these looks at the draw that it is taken from.

Williams, Machine Learning 8 (1992); Kool, van Hoof and Welling, "Buy 4 REINFORCE samples, get
a baseline for free!" (2019). Read `score.py` next.
"""

from __future__ import annotations

from typing import Any

from ..core.rule import real
from .distributions import plain
from .sample import Draw

NAMES = ("none", "mean", "leave_one_out", "learned")


class Baseline:
    """None at all: 0."""

    twice = False  # whether all runs are made once before, to see their costs
    context = False  # whether it asks what was known before the draw

    def value(self, draw: Draw, charged: float) -> float:
        """What to take off; `charged` is what this very draw cost."""
        return 0.0

    def learn(self, draw: Draw, charged: float) -> None:
        """See what it cost, after its baseline was used."""


class Constant(Baseline):
    """A number that the user knows."""

    def __init__(self, number: float) -> None:
        self.number = number

    def value(self, draw: Draw, charged: float) -> float:
        return self.number


class Mean(Baseline):
    """The mean of what this node has cost in earlier runs; 0 in the first."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[float, int]] = {}

    def value(self, draw: Draw, charged: float) -> float:
        total, n = self.sums.get(draw.name, (0.0, 0))
        return total / n if n else 0.0

    def learn(self, draw: Draw, charged: float) -> None:
        total, n = self.sums.get(draw.name, (0.0, 0))
        self.sums[draw.name] = total + charged, n + 1


class LeaveOneOut(Mean):
    """The mean of what this node cost in all other runs; 0 where there are none.

    It names runs that came later too, so all are made twice, with the same noise. A node that
    is drawn several times under one name in one run counts each time, so name them apart.
    """

    twice = True

    def value(self, draw: Draw, charged: float) -> float:
        total, n = self.sums.get(draw.name, (0.0, 0))
        return (total - charged) / (n - 1) if n > 1 else 0.0


class Learned(Baseline):
    """A linear function of the context, by least squares over earlier runs.

    The context is what `sample` was given as such, or the parameters of the distribution.
    Recursive least squares from a ridge of 1e-3: exact after every run, without a step size.
    """

    context = True

    def __init__(self) -> None:
        self.fits: dict[Any, tuple[list[float], list[list[float]]]] = {}

    def features(self, draw: Draw) -> tuple[Any, list[float]]:
        known = draw.distribution.parameters if draw.context is None else draw.context
        xs = [1.0, *(float(plain(x)) for x in known)]
        return (draw.name, len(xs)), xs

    def value(self, draw: Draw, charged: float) -> float:
        key, xs = self.features(draw)
        if key not in self.fits:
            return 0.0
        return sum(w * x for w, x in zip(self.fits[key][0], xs, strict=True))

    def learn(self, draw: Draw, charged: float) -> None:
        key, xs = self.features(draw)
        n = len(xs)
        if key not in self.fits:
            start = [[1e3 if i == j else 0.0 for j in range(n)] for i in range(n)]
            self.fits[key] = [0.0] * n, start
        weights, inverse = self.fits[key]
        gain = [sum(a * x for a, x in zip(row, xs, strict=True)) for row in inverse]
        scale = 1.0 + sum(g * x for g, x in zip(gain, xs, strict=True))
        error = charged - sum(w * x for w, x in zip(weights, xs, strict=True))
        for i in range(n):
            weights[i] += gain[i] * error / scale
            for j in range(n):
                inverse[i][j] -= gain[i] * gain[j] / scale


class Called(Baseline):
    """A function of the draw, of the user's own."""

    context = True

    def __init__(self, function: Any) -> None:
        self.function = function

    def value(self, draw: Draw, charged: float) -> float:
        return real(self.function(draw), "stochastic: the baseline")


class ByName(Baseline):
    """A baseline for each node that is named, none for the others."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.parts = {name: baseline(spec) for name, spec in given.items()}
        self.twice = any(part.twice for part in self.parts.values())
        self.context = any(part.context for part in self.parts.values())
        self.other = Baseline()

    def value(self, draw: Draw, charged: float) -> float:
        return self.parts.get(draw.name, self.other).value(draw, charged)

    def learn(self, draw: Draw, charged: float) -> None:
        self.parts.get(draw.name, self.other).learn(draw, charged)


def baseline(spec: Any) -> Baseline:
    """The baseline that a user asked for: a name, a number, a function, or those by node.

    One that was made before goes on from what it has learned.
    """
    if isinstance(spec, Baseline):
        return spec
    if spec is None or spec == "none":
        return Baseline()
    if isinstance(spec, dict):
        return ByName(spec)
    if callable(spec):
        return Called(spec)
    if isinstance(spec, str):
        kinds = {"mean": Mean, "leave_one_out": LeaveOneOut, "learned": Learned}
        if spec in kinds:
            return kinds[spec]()
        raise ValueError(
            f"stochastic: the baseline is one of {', '.join(NAMES)}, a number, a function of the "
            f"draw, or a dictionary of those by the name of a node, not {spec!r}"
        )
    return Constant(real(spec, "stochastic: the baseline"))
