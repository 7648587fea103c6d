"""W6, handwritten digits to 97 % on held-out examples: 64-32-10, Adam, batches of 64.

The same split, first weights and batches for all; after every 50 steps the held-out 360 are
looked at. The clock runs from a model in Python to the last look: tracing and compiling are
in it, imports and reading the data are not.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

GOAL, EVERY, BATCH, RATE = 0.97, 50, 64, 0.01


def held_out() -> tuple[Any, Any, Any, Any]:
    """Training and held-out examples of scikit-learn's digits, brightness from 0 to 1."""
    import numpy as np
    from sklearn.datasets import load_digits

    xs, ys = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(xs))
    xs, ys = xs[order] / 16.0, ys[order]
    return xs[:-360], ys[:-360], xs[-360:], ys[-360:]


def weights() -> list[tuple[list[list[float]], list[float]]]:
    rng = random.Random(0)
    return [
        ([[rng.uniform(-1, 1) * n**-0.5 for _ in range(n)] for _ in range(m)], [0.0] * m)
        for n, m in ((64, 32), (32, 10))
    ]


def ours(xs: Any, ys: Any, test_xs: Any, test_ys: Any) -> tuple[int, float]:
    import numpy as np

    import micrograd as mg
    from micrograd import losses, nn, optim

    model = nn.MLP(64, [32, 10])
    for layer, (w, b) in zip(model.layers, weights()):
        for neuron, row, bias in zip(layer.neurons, w, b):
            neuron.b.data = bias
            for p, x in zip(neuron.w, row):
                p.data = x
    fast = mg.jit(lambda x, y: losses.cross_entropy(model(x), y), parameters=model.parameters())
    logits = mg.jit(model)
    optimizer = optim.Adam(model.parameters(), lr=RATE)
    steps, right = 0, 0.0
    while right < GOAL and steps < 5000:
        fast.fit(xs, ys, optimizer, steps=EVERY, batch_size=BATCH, seed=steps)
        steps += EVERY
        right = float(np.mean(np.argmax(logits.map(test_xs), axis=1) == test_ys))
    return steps, right


def torch(xs: Any, ys: Any, test_xs: Any, test_ys: Any) -> tuple[int, float]:
    import numpy as np
    import torch as t

    t.set_num_threads(1)
    parts: list[Any] = []
    for w, b in weights():
        line = t.nn.Linear(len(w[0]), len(w), dtype=t.float64)
        with t.no_grad():
            line.weight.copy_(t.tensor(w, dtype=t.float64))
            line.bias.copy_(t.tensor(b, dtype=t.float64))
        parts += [line, t.nn.ReLU()]
    model = t.nn.Sequential(*parts[:-1])
    optimizer = t.optim.Adam(model.parameters(), lr=RATE)
    given, wanted, looked = t.tensor(xs), t.tensor(ys), t.tensor(test_xs)
    steps, right = 0, 0.0
    for order in batches(len(xs)):
        optimizer.zero_grad()
        t.nn.functional.cross_entropy(model(given[order]), wanted[order]).backward()
        optimizer.step()
        steps += 1
        if steps % EVERY == 0:
            with t.no_grad():
                right = float(np.mean(model(looked).argmax(dim=1).numpy() == test_ys))
            if right >= GOAL or steps >= 5000:
                break
    return steps, right


def jax(xs: Any, ys: Any, test_xs: Any, test_ys: Any) -> tuple[int, float]:
    import jax as j
    import jax.numpy as jnp
    import numpy as np

    j.config.update("jax_enable_x64", True)
    ps = [(jnp.array(w), jnp.array(b)) for w, b in weights()]
    zeros = j.tree.map(jnp.zeros_like, ps)
    given, wanted = jnp.array(xs), jnp.array(ys)

    def model(ps: Any, x: Any) -> Any:
        (w, b), (v, c) = ps
        return j.nn.relu(x @ w.T + b) @ v.T + c

    def loss(ps: Any, x: Any, y: Any) -> Any:
        z = model(ps, x)
        return jnp.mean(j.nn.logsumexp(z, axis=1) - jnp.take_along_axis(z, y[:, None], 1)[:, 0])

    @j.jit
    def step(t: Any, ps: Any, m: Any, s: Any, order: Any) -> Any:
        g = j.grad(loss)(ps, given[order], wanted[order])
        m = j.tree.map(lambda m, g: m + 0.1 * (g - m), m, g)
        s = j.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, g)
        size, correction = RATE / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)

        def move(p: Any, m: Any, s: Any) -> Any:
            return p - size * m / (jnp.sqrt(s) / correction + 1e-8)

        return j.tree.map(move, ps, m, s), m, s

    logits = j.jit(model)
    m = s = zeros
    steps, right = 0, 0.0
    for order in batches(len(xs)):
        steps += 1
        ps, m, s = step(float(steps), ps, m, s, np.array(order))
        if steps % EVERY == 0:
            right = float(np.mean(np.asarray(logits(ps, test_xs)).argmax(axis=1) == test_ys))
            if right >= GOAL or steps >= 5000:
                break
    return steps, right


def batches(n: int) -> Any:
    """Batches without end, in a random order."""
    rng = random.Random(0)
    rest: list[int] = []
    while True:
        if len(rest) < BATCH:
            rest += rng.sample(range(n), n)
        yield rest[:BATCH]
        del rest[:BATCH]


def run(name: str) -> dict[str, Any]:
    """Seconds of wall time, how many steps that were, and the part of digits that was right."""
    data = held_out()
    learn = {"ours": ours, "torch": torch, "jax": jax}[name]
    if name != "ours":  # what they load when first used is no part of the work
        __import__(name)
    else:
        import tqdm.auto  # noqa: F401

        import micrograd.compiler.fit  # noqa: F401
    start = time.perf_counter()
    steps, right = learn(*data)
    return {"seconds": time.perf_counter() - start, "steps": steps, "right": right}


if __name__ == "__main__":
    print(run(sys.argv[1]))
