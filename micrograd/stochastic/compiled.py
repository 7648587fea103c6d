"""Runs of a cost as one compiled program over an array of noise.

The estimator is run once as it is, which tells which random numbers it asks for. Then it is
traced with these as inputs, and the baselines as further ones, and mapped over all runs: the
same code, the same draws. What depends on a draw must be in the graph, so a Python `if` on
one is refused by the trace, with the line. Read `backprop_q.py` next.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..compiler import jit
from ..engine import Value
from .baselines import Baseline
from .influence import Influence
from .noise import GOLDEN, MASK, mix, stream, uniform
from .sample import Draw, Noise, Run
from .score import Sampled, Score


class Given(Baseline):
    """Baselines that are inputs of the program."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def value(self, draw: Draw, charged: Any) -> Any:
        return self.numbers[draw.place]


class CompiledRuns:
    """An estimator and its runs, compiled."""

    def __init__(
        self, estimator: Any, params: list[Value], samples: int, seed: int, backend: str
    ) -> None:
        self.estimator, self.params, self.backend = estimator, params, backend
        first = Noise(seed, 0)
        self.draws = [draw for draw, _ in estimator(first, Baseline()).charged]
        self.asked = first.asked
        self.samples = samples
        if isinstance(estimator, Score) and estimator.rao_blackwell:
            # In a trace comparisons are part of the program; here they tell what looks at what.
            estimator.influence = Influence(Run(Noise(seed, 0)).of(estimator.cost)).costs
        self.noise = columns(list(self.asked.items()), samples, seed)

    def runs(self, off: Baseline) -> Iterator[Sampled]:
        """What each run says."""
        if off.context:
            raise ValueError(
                "stochastic.gradient: with a backend the baseline is mean, leave_one_out, none or "
                "a number: the others look at the context of each draw, which is not kept"
            )
        if not self.asked:
            for _ in range(self.samples):
                yield self.estimator(Noise(0, 0), Baseline())
            return
        plain = type(off) is Baseline
        taken = [[0.0] * len(self.draws)] * self.samples if plain else self.baselines(off)
        rows = [[*u, *b] for u, b in zip(self.noise, taken, strict=True)]
        for cost, *gradient in self.mapped(self.of_run, rows):
            yield Sampled(cost, gradient, [])

    def baselines(self, off: Baseline) -> list[list[float]]:
        """For each run and draw what is taken off, after a first pass over the costs."""
        zeros = [0.0] * len(self.draws)
        costs = self.mapped(self.charged, [[*u, *zeros] for u in self.noise])
        rows = [list(zip(self.draws, row, strict=True)) for row in costs]
        if off.twice:
            for row in rows:
                for draw, charged in row:
                    off.learn(draw, charged)
        found = []
        for row in rows:
            found.append([off.value(draw, charged) for draw, charged in row])
            if not off.twice:
                for draw, charged in row:
                    off.learn(draw, charged)
        return found

    def of_run(self, numbers: Any) -> list[Any]:
        found = self.sampled(numbers)
        return [found.cost, *found.gradient]

    def charged(self, numbers: Any) -> list[Any]:
        return [cost for _, cost in self.sampled(numbers).charged]

    def sampled(self, numbers: Any) -> Sampled:
        places = {place: i for i, place in enumerate(self.asked)}
        found: Sampled = self.estimator(
            lambda place, shape=None: numbers[places[place]], Given(numbers[len(places) :])
        )
        return found

    def mapped(self, f: Any, rows: list[list[float]]) -> list[list[float]]:
        """The lists that f gives, one for each row."""
        if not rows[0]:
            return [[] for _ in rows]
        found: list[list[float]] = jit(f, backend=self.backend).map(table(rows))
        return found


def table(rows: Any) -> Any:
    """The rows as an array, which compiled code reads where it lies, if there is NumPy."""
    try:
        import numpy as np
    except ImportError:
        return rows
    return np.array(rows, dtype=float)


def columns(asked: list[tuple[int, Any]], samples: int, seed: int) -> list[list[float]]:
    """The noise of all runs: for each the numbers at the places that were asked for."""
    try:
        import numpy as np
    except ImportError:
        keys = [stream(seed, run) for run in range(samples)]
        found = [[uniform(key, place) for key in keys] for place, _ in asked]
    else:
        runs = np.arange(1, samples + 1, dtype=np.uint64)
        keys = mix((mix(seed & MASK) + GOLDEN * runs) & MASK)
        found = [
            (((mix((keys + (GOLDEN * (place + 1) & MASK)) & MASK) >> 12) + 0.5) * 2.0**-52).tolist()
            for place, _ in asked
        ]
    for i, (_, shape) in enumerate(asked):
        if shape is not None:
            found[i] = list(map(shape, found[i]))
    return [list(row) for row in zip(*found, strict=True)]
