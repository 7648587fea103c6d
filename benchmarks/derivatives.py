"""Derivatives: what a Hessian costs in gradients, and what a checkpoint saves.

    python -m benchmarks.derivatives

Times are the best of several runs, one after the other in one process; memory is what
tracemalloc counts. Prints a table, and asserts nothing.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import micrograd as mg
from micrograd import Value, checkpoint

N = 20
REPEATS = 15


def rosenbrock(x: list[Any]) -> Any:
    """A chain: each variable meets its neighbour."""
    return mg.sum([100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x)])


def dense(x: list[Any]) -> Any:
    """Every variable meets every other."""
    s = mg.sum([a * b for a in x for b in x])
    return mg.sin(s) + mg.prod([1 + 0.1 * mg.tanh(a) for a in x])


def network(x: list[Any]) -> Any:
    """20 inputs, 16 hidden units, one output; the weights are constants."""
    rng = random.Random(1)
    hidden = [mg.tanh(mg.sum([rng.gauss(0, 0.3) * a for a in x])) for _ in range(16)]
    return mg.sum([rng.gauss(0, 1) * h for h in hidden]) ** 2


def best(f: Callable[[], Any]) -> float:
    """The shortest of several times, in seconds."""
    f()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


def by_backward(f: Callable[[list[Any]], Any], numbers: list[float]) -> None:
    f([Value(x) for x in numbers]).backward()


def hessians() -> None:
    rng = random.Random(0)
    numbers = [rng.uniform(-1, 1) for _ in range(N)]
    print(f"Hessian of {N} variables, milliseconds")
    print(f"{'function':12} {'backward':>9} {'grad':>9} {'hvp':>9} {'hessian':>9}", end="")
    print(f" {'/ grad':>8} {'/ backward':>10}")
    for f in (rosenbrock, dense, network):
        backward = best(lambda f=f: by_backward(f, numbers))  # type: ignore[misc]
        gradient = best(lambda f=f: mg.grad(f)(numbers))  # type: ignore[misc]
        product = best(lambda f=f: mg.hvp(f, numbers, numbers))  # type: ignore[misc]
        matrix = best(lambda f=f: mg.hessian(f)(numbers))  # type: ignore[misc]
        row = [1000 * t for t in (backward, gradient, product, matrix)]
        print(f"{f.__name__:12}", *(f"{t:9.3f}" for t in row), end="")
        print(f" {matrix / gradient:8.1f} {matrix / backward:10.1f}")


def deep(v: Any, weights: list[Value]) -> Any:
    for w in weights:
        v = mg.tanh(v * w) + mg.sin(v)
    return v


def plain(f: Callable[..., Any], *args: Any) -> Any:
    return f(*args)


def memory(wrap: Callable[..., Any], parts: int, length: int) -> tuple[float, float, float]:
    """Bytes held before backward(), the peak, and the seconds of both passes."""
    x, weights = Value(0.5), [Value(0.9) for _ in range(parts)]

    def run() -> tuple[int, int]:
        y: Any = x
        for w in weights:
            y = wrap(deep, y, [w] * length)
        held = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
        y.backward()
        peak = tracemalloc.get_traced_memory()[1] if tracemalloc.is_tracing() else 0
        return held, peak

    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    gc.collect()
    tracemalloc.start()
    held, peak = run()
    tracemalloc.stop()
    return held, peak, seconds


def checkpoints() -> None:
    parts, length = 50, 250
    print(f"\nA chain of {4 * parts * length:,} operations, in {parts} parts")
    print(f"{'':12} {'held, kB':>10} {'peak, kB':>10} {'seconds':>8}")
    for name, wrap in (("plain", plain), ("checkpoint", checkpoint)):
        held, peak, seconds = memory(wrap, parts, length)
        print(f"{name:12} {held / 1000:10,.0f} {peak / 1000:10,.0f} {seconds:8.3f}")


if __name__ == "__main__":
    print("compiled" if mg.compiled else "Python", "engine")
    hessians()
    checkpoints()
