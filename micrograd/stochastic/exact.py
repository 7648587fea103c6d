"""The exact gradient of an expected cost, by running it once for each combination of outcomes.

    E[c] = sum over runs of P c,     d E[c] = sum over runs of P d c + c d P

P is the product of the probabilities of the outcomes in a run. A branch that depends on a
draw is walked both ways, so the number of runs is that of different ways through the cost,
not that of all combinations. Read `backprop_q.py` next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine import Value
from .distributions import plain
from .pull import pull
from .sample import Draw, Run

LIMIT = 1_000_000  # draws in all runs


class Way(Run):
    """A run with the outcomes of a given way, and after its end the first of each."""

    def __init__(self, way: list[int]) -> None:
        super().__init__(no_noise)
        self.way = way
        self.chances: list[Any] = []
        self.open: list[list[int]] = []  # for each draw the outcomes that can happen

    def make(self, draw: Draw) -> Any:
        d = draw.distribution
        if not d.outcomes:
            d.refuse("exact")
        chances = d.probabilities()
        # What cannot happen, however the parameters move a little, is not run at all.
        possible = [k for k, p in enumerate(chances) if isinstance(p, Value) or p != 0.0]
        if draw.place == len(self.way):
            self.way.append(0)
        k = possible[self.way[draw.place]]
        self.open.append(possible)
        self.chances.append(chances[k])
        return self.constant(draw, d.outcomes[k])


def no_noise(*place: Any) -> float:
    raise AssertionError("an enumeration draws nothing")


def exact(cost: Callable[[], Any], params: list[Value]) -> tuple[float, list[float], int]:
    """The expected cost, its gradient, and how many runs that took."""
    total, sums, runs, draws = 0.0, [0.0] * len(params), 0, 0
    way: list[int] = []
    while True:
        run = Way(way).of(cost)
        runs += 1
        draws += len(run.draws)
        if draws > LIMIT:
            raise ValueError(
                f'stochastic: method="exact" has made {LIMIT} draws, and there are more ways '
                'through the cost; take an estimator, such as method="score" or "measure"'
            )
        numbers = [plain(p) for p in run.chances]
        found = run.total
        before, after = running(numbers), running(numbers[::-1])[::-1]
        weight = before[-1]
        if weight != 0.0:
            total += weight * found
        seeds = [(part, weight) for part, _ in run.costs]
        for i, p in enumerate(run.chances):
            others = before[i] * after[i + 1]
            seeds.append((p, found * others if others != 0.0 else 0.0))
        sums = [a + b for a, b in zip(sums, pull(seeds, params), strict=True)]
        while way and way[-1] + 1 == len(run.open[len(way) - 1]):
            way.pop()
        if not way:
            return total, sums, runs
        way[-1] += 1


def running(xs: list[float]) -> list[float]:
    """1 and the products of the first, the first two, and so on."""
    found = [1.0]
    for x in xs:
        found.append(found[-1] * x)
    return found
