"""What `fastmath` gains where exp, tanh and their kin are most of the work.

    python -m benchmarks.fastmath

Both builds of the machine take turns; printed is the ratio of the best times, exact by
fast. On an AMD EPYC, two cores shared with other jobs: 0.99 for exp, whose exact
form is vectors too, 4.0 for tanh, 1.8 for sigmoid, silu and softplus, 2.6 for a gradient
through four tanh. Below 1.3 everywhere it would not be worth a build.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import micrograd as mg

ROUNDS = 25
P = [mg.Value(0.3), mg.Value(0.7)]


def exponentials(x: Any) -> Any:
    return mg.exp(-mg.exp(-mg.exp(-x)))


def tangents(x: Any) -> Any:
    return mg.tanh(2.0 * mg.tanh(2.0 * mg.tanh(2.0 * mg.tanh(x))))


def sigmoids(x: Any) -> Any:
    return mg.sigmoid(mg.silu(mg.softplus(x)))


def layers(x: Any) -> Any:
    for _ in range(4):
        x = mg.tanh(x * P[0] + P[1])
    return x * x


def ratio(exact: Callable[[], object], fast: Callable[[], object]) -> float:
    """The best time of the first by the best time of the second, in turns."""
    best = [float("inf")] * 2
    for _ in range(ROUNDS):
        for i, run in enumerate((exact, fast)):
            start = time.perf_counter()
            run()
            best[i] = min(best[i], time.perf_counter() - start)
    return best[0] / best[1]


def main() -> None:
    rng = random.Random(0)
    try:
        import numpy

        xs: Any = numpy.array([rng.gauss(0, 1) for _ in range(20_000)])
    except ImportError:
        xs = [rng.gauss(0, 1) for _ in range(20_000)]
    for f in (exponentials, tangents, sigmoids):
        exact, fast = (mg.jit(f, backend="native", fastmath=quick) for quick in (False, True))
        gained = ratio(partial(exact.map, xs), partial(fast.map, xs))
        print(f"{f.__name__:13s} {gained:.2f}")
    exact, fast = (
        mg.jit(layers, parameters=P, backend="native", fastmath=quick) for quick in (False, True)
    )
    gained = ratio(partial(exact.value_and_grad, xs), partial(fast.value_and_grad, xs))
    print(f"{'gradient':13s} {gained:.2f}")


if __name__ == "__main__":
    main()
