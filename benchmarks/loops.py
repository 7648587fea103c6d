"""Loops compiled, beside JAX's.

    python -m benchmarks.loops

A pendulum of 10,000 steps and its gradient, the gradient of 1,000,000 steps within little memory,
a Kalman filter over 2,000 observations, and the Heston model, 1,000 paths of 100 steps at once.
First calls are from nothing to a result, with the library imported; calls are the best of ROUNDS,
ours and JAX's in turns. What was measured is in docs/how-to/loops.md.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from typing import Any

import micrograd as mg

ROUNDS = 15
RNG = random.Random(0)
OBSERVED = [RNG.gauss(0.0, 1.0) for _ in range(2_000)]
NOISE = [[RNG.gauss(0.0, 1.0) for _ in range(200)] for _ in range(1_000)]


def pendulum(m: Any, scan: Any, turns: int, **kept: Any) -> Callable[..., Any]:
    def angle(theta: Any, omega: Any, g: Any) -> Any:
        def turn(state: Any, _: Any) -> Any:
            theta, omega = state
            omega = omega - 0.001 * g * m.sin(theta)
            return (theta + 0.001 * omega, omega), None

        return scan(turn, (theta, omega), None, length=turns, **kept)[0][0]

    return angle


def kalman(m: Any, scan: Any) -> Callable[..., Any]:
    """The log likelihood of a random walk seen through noise."""

    def likelihood(observed: Any, q: Any, r: Any) -> Any:
        def turn(state: Any, y: Any) -> Any:
            mean, variance, total = state
            predicted = variance + q
            spread = predicted + r
            gain = predicted / spread
            error = y - mean
            total = total - 0.5 * (m.log(spread) + error * error / spread)
            return (mean + gain * error, (1.0 - gain) * predicted, total), None

        return scan(turn, (0.0, 1.0, 0.0), observed)[0][2]

    return likelihood


def heston(m: Any, scan: Any) -> Callable[..., Any]:
    """The payoff of a call on one path; z holds 100 pairs of normal numbers."""

    def payoff(z: Any, kappa: Any, theta: Any, sigma: Any, rho: Any) -> Any:
        dt = 0.01

        def turn(state: Any, z: Any) -> Any:
            s, v = state
            now = m.maximum(v, 1e-8)
            root = m.sqrt(now * dt)
            other = rho * z[0] + m.sqrt(1.0 - rho * rho) * z[1]
            s = s + root * z[0] - 0.5 * now * dt
            return (s, v + kappa * (theta - now) * dt + sigma * root * other), None

        s = scan(turn, (0.0, 0.04), z)[0][0]
        return m.maximum(m.exp(s) - 1.0, 0.0)

    return payoff


def took(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def best(*runs: Callable[[], object]) -> list[float]:
    """The best time of each, in turns, in milliseconds."""
    found = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for k, run in enumerate(runs):
            found[k] = min(found[k], took(run))
    return [1e3 * seconds for seconds in found]


def peak() -> float:
    """The most memory so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    import numpy as np

    start = (1.0, 0.0, 9.81)
    p = [mg.Value(x) for x in start]
    mg.jit(lambda a: mg.fori_loop(0, 2, lambda i, c: c * a, a))(1.0)
    before = peak()
    ours = mg.jit(pendulum(mg, mg.scan, 10_000))
    print(f"pendulum, 10,000 steps: first call {1e3 * took(lambda: ours(*start)):.0f} ms")
    slope = mg.jit(lambda: pendulum(mg, mg.scan, 10_000)(*p), parameters=p)
    print(f"  gradient: first call {1e3 * took(slope.value_and_grad):.0f} ms")
    print(f"  memory of both: {peak() - before:.1f} MiB")
    before = peak()
    long = mg.jit(lambda: pendulum(mg, mg.scan, 1_000_000, checkpoint="sqrt")(*p), parameters=p)
    seconds = took(long.value_and_grad)
    print(
        f"pendulum, 1,000,000 steps in parts, gradient: {seconds:.2f} s, {peak() - before:.1f} MiB"
    )
    q, r = mg.Value(0.1), mg.Value(0.5)
    filtered = mg.jit(lambda observed: kalman(mg, mg.scan)(observed, q, r), parameters=[q, r])
    observed = np.array(OBSERVED)
    print(f"Kalman, 2,000 steps: first call {1e3 * took(lambda: filtered(observed)):.0f} ms")
    batch = observed[None]
    print(f"  gradient: first call {1e3 * took(lambda: filtered.value_and_grad(batch)):.0f} ms")
    market = [mg.Value(x) for x in (2.0, 0.04, 0.3, -0.7)]
    path = mg.jit(lambda z: heston(mg, mg.scan)(z, *market), parameters=market)
    z = np.array(NOISE).reshape(1_000, 100, 2)
    print(f"Heston, 1,000 paths: first call {1e3 * took(lambda: path.map(z)):.0f} ms")
    path.value_and_grad(z)
    runs: list[tuple[str, Callable[[], object]]] = [
        ("pendulum", lambda: ours(*start)),
        ("its gradient", slope.value_and_grad),
        ("Kalman", lambda: filtered(observed)),
        ("its gradient", lambda: filtered.value_and_grad(batch)),
        ("Heston", lambda: path.map(z)),
        ("its gradient", lambda: path.value_and_grad(z)),
    ]
    theirs = jax_runs(start, observed, z)
    for k, (name, run) in enumerate(runs):
        times = best(run, *([theirs[k]] if theirs else []))
        beside = f", JAX {times[1]:.2f} ms" if theirs else ""
        print(f"{name}: {times[0]:.2f} ms{beside}")


def jax_runs(start: Any, observed: Any, z: Any) -> list[Callable[[], object]]:
    """The same in JAX; nothing where it is not installed."""
    try:
        import jax
    except ImportError:
        return []
    jax.config.update("jax_enable_x64", True)
    np, scan = jax.numpy, jax.lax.scan
    f = pendulum(np, scan, 10_000)
    g = kalman(np, scan)
    h = heston(np, scan)
    market = (2.0, 0.04, 0.3, -0.7)
    each = jax.vmap(h, (0, None, None, None, None))
    made = [
        (jax.jit(f), start),
        (jax.jit(jax.value_and_grad(f, (0, 1, 2))), start),
        (jax.jit(g), (observed, 0.1, 0.5)),
        (jax.jit(jax.value_and_grad(g, (1, 2))), (observed, 0.1, 0.5)),
        (jax.jit(each), (z, *market)),
        (jax.jit(jax.value_and_grad(lambda *xs: each(*xs).mean(), (1, 2, 3, 4))), (z, *market)),
    ]
    firsts = [took(lambda f=f, xs=xs: jax.block_until_ready(f(*xs))) for f, xs in made]  # type: ignore[misc]
    print(f"JAX: first calls {', '.join(f'{1e3 * seconds:.0f}' for seconds in firsts)} ms")
    return [lambda f=f, xs=xs: jax.block_until_ready(f(*xs)) for f, xs in made]


if __name__ == "__main__":
    main()
