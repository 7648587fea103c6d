"""The programs that `ablation.py` runs with and without an optimisation, in a process of its own.

`import micrograd` finds the one in the folder where the process begins. A line in is the name of a
workload, and how often; a line out the seconds of one call.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import micrograd as mg
from micrograd import losses, nn, optim

from . import gpt, loops, peers
from .calls import OBSERVATIONS, PLACES, residuals, square_sum

Call = Callable[[], object]


def started(task: str) -> Any:
    peer = peers.Ours()
    peer.start(task)
    return peer


def in_fit(task: str, steps: int, batch: int | None = None) -> Call:
    """Steps of gradient descent: with the whole batch, or with some of it."""
    peer = started(task)
    xs, ys, optimizer = peer.xs, peer.ys, peer.optimizer
    return lambda: peer.fast.fit(xs, ys, optimizer, steps=steps, batch_size=batch, progress=False)


def by_call(task: str) -> Call:
    return partial(started(task).gradient, 1)


def first_gradient(task: str) -> Call:
    """From the function to its first gradient."""
    peer = started(task)

    def prepare() -> None:
        peer.begin()
        peer.gradient(1)

    return prepare


def network(sizes: list[int], how: str, examples: int) -> Call:
    """A network of sigmoids by call: its gradient, or what it says of many examples."""
    random.seed(0)
    rng = np.random.default_rng(0)
    model = nn.MLP(sizes[0], sizes[1:], activation="sigmoid")
    xs, ys = rng.normal(size=(examples, sizes[0])), rng.normal(size=(examples, sizes[-1]))
    if how == "map":
        fast = mg.jit(model)
        return lambda: fast.map(xs)
    fast = mg.jit(lambda x, y: losses.mse(model(x), y), parameters=model.parameters())
    return lambda: fast.value_and_grad(xs, ys)


def in_batches(steps: int) -> Call:
    random.seed(0)
    rng = np.random.default_rng(0)
    xs, ys = rng.random((500, 256)), rng.integers(0, 10, 500)
    model = nn.MLP(256, [64, 10], init="torch")
    fast = mg.jit(lambda x, k: losses.cross_entropy(model(x), k), parameters=model.parameters())
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    return lambda: fast.fit(xs, ys, optimizer, steps=steps, batch_size=32, progress=False)


def words(steps: int, ragged: bool) -> Call:
    """Steps of the small GPT of docs/microgpt, or its gradient at one word."""
    there, module = gpt.Words(), gpt.script()
    model = gpt.model_of(there, module)
    fast = mg.jit(lambda word: module.loss_of(model, word), parameters=model.parameters())
    word = next(w for w in there.words if len(w) == 10)
    if not ragged:
        return lambda: fast.value_and_grad([word])
    chosen = [w for w in there.words if len(w) == 7][:200]
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    return lambda: fast.fit(chosen, optimizer, steps=steps, batch_size=1, progress=False)


def padded(steps: int) -> Call:
    """Steps of W5: words of any length in one program, a word a step."""
    model, fast, columns = gpt.padded("auto")
    optimizer = optim.Adam(model.parameters(), lr=0.001)
    return lambda: fast.fit(*columns, optimizer, steps=steps, batch_size=1, progress=False)


def in_loops(name: str) -> Call:
    observed, z = np.array(loops.OBSERVED), np.array(loops.NOISE).reshape(1_000, 100, 2)
    return loops.our_runs("auto", observed, z)[name]


def prediction() -> Call:
    random.seed(0)
    fast = mg.jit(nn.MLP(2, [16, 16, 1]))
    return lambda: fast([0.1, 0.2])


def expression() -> Call:
    fast, given = mg.jit(lambda x: x * mg.exp(-x * x) + 0.5 * x), np.linspace(-3.0, 3.0, 100_000)
    return lambda: fast.map(given)


def squares() -> Call:
    fast, given = mg.jit(mg.grad(square_sum)), np.random.default_rng(0).normal(size=1000)
    return lambda: fast(given)


def jacobian() -> Call:
    rng = np.random.default_rng(0)
    p, data = rng.normal(size=PLACES), rng.normal(size=(OBSERVATIONS, 2))
    same = np.broadcast_to(p, (OBSERVATIONS, PLACES))
    fast = mg.jit(mg.jacobian(residuals))
    return lambda: fast.map(same, data[:, 0], data[:, 1])


def irregular(n: int, examples: int) -> Call:
    """The gradient of n operations in no order by 50 parameters."""
    rng = random.Random(0)
    ps = [mg.Value(rng.uniform(0.5, 1.5)) for _ in range(50)]

    def f(x: Any) -> Any:
        draw = random.Random(1)
        pool: list[Any] = [x, *ps]
        for _ in range(n):
            a, b = draw.choice(pool[-60:]), draw.choice(pool)
            how = draw.randrange(5)
            pool.append(
                a + b if how == 0 else a - b if how == 1 else mg.tanh(a * b) if how == 2
                else mg.sin(a) if how == 3 else 0.5 * a * b
            )  # fmt: skip
        return mg.mean([mg.tanh(y) for y in pool[-50:]])

    fast = mg.jit(f, parameters=ps)
    xs = np.random.default_rng(0).normal(size=examples)
    return lambda: fast.value_and_grad(xs)


WORKLOADS: dict[str, Callable[[], Call]] = {
    "2-16-16-1 in fit": partial(in_fit, "moons", 200),
    "2-16-16-1 in fit, batches of 32": partial(in_fit, "moons", 200, 32),
    "2-16-16-1 in fit, batches of 4": partial(in_fit, "moons", 200, 4),
    "2-16-16-1 in fit, batches of 1": partial(in_fit, "moons", 200, 1),
    "2-16-16-1, gradient by call": partial(by_call, "moons"),
    "2-16-16-1, one prediction": prediction,
    "2-16-16-1, first gradient": partial(first_gradient, "moons"),
    "64-32-10 in fit": partial(in_fit, "digits", 100),
    "64-32-10, gradient by call": partial(by_call, "digits"),
    "256-64-10 in fit, batches of 32": partial(in_batches, 50),
    "8-32-16-3, sigmoids, map of 10,000": partial(network, [8, 32, 16, 3], "map", 10_000),
    "a small expression, map of 100,000": expression,
    "8-32-16-3, sigmoids, gradient by call": partial(network, [8, 32, 16, 3], "gradient", 250),
    "GPT, gradient at a word": partial(words, 0, False),
    "GPT in fit, a word a step": partial(words, 50, True),
    "GPT in fit, padded": partial(padded, 50),
    "RNN of 48 units, gradient": partial(in_loops, "RNN, gradient"),
    "pendulum, gradient": partial(in_loops, "pendulum, gradient"),
    "Kalman, gradient": partial(in_loops, "Kalman, gradient"),
    "Heston, gradient": partial(in_loops, "Heston, gradient"),
    "1,000 squares, gradient": squares,
    "Jacobian of 2,000 observations": jacobian,
    "2,000 irregular operations": partial(irregular, 2_000, 1),
    "1,000 irregular, 100 examples": partial(irregular, 1_000, 100),
}


def main() -> None:
    made: dict[str, Call] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        name, _, often = line.strip().rpartition(" ")
        if name not in made:
            made[name] = WORKLOADS[name]()
            made[name]()
        call, n = made[name], int(often)
        gc.collect()
        start = time.perf_counter()
        for _ in range(n):
            call()
        print((time.perf_counter() - start) / n, flush=True)


if __name__ == "__main__":
    main()
