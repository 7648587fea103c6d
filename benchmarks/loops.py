"""Loops compiled, beside JAX's.

    python -m benchmarks.loops

A pendulum of 10,000 steps and its gradient, the gradient of 1,000,000 steps within little memory,
a Kalman filter over 2,000 observations, and the Heston model, 1,000 paths of 100 steps at once;
the gradient of a recurrent network of 48 units over 100 steps.
First calls are from nothing to a result, with the library imported; calls are the best of ROUNDS,
ours, ours compiled by the C compiler and JAX's in turns. What was measured is in
docs/how-to/loops.md.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from typing import Any

import micrograd as mg

Runs = dict[str, Callable[[], object]]
ROUNDS = 15
RNG = random.Random(0)
OBSERVED = [RNG.gauss(0.0, 1.0) for _ in range(2_000)]
START, MARKET = (1.0, 0.0, 9.81), (2.0, 0.04, 0.3, -0.7)
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


UNITS, STEPS = 48, 100
SERIES = [[RNG.gauss(0.0, 1.0) for _ in range(4)] for _ in range(STEPS)]


def rnn_matrices() -> list[list[list[float]]]:
    """Of a recurrent network: by its state, by its inputs, and the biases as one column."""
    rng = random.Random(1)
    return [
        [[rng.gauss(0.0, n**-0.5) for _ in range(n)] for _ in range(UNITS)] for n in (UNITS, 4, 1)
    ]


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

    observed, z = np.array(OBSERVED), np.array(NOISE).reshape(1_000, 100, 2)
    mg.jit(lambda a: mg.fori_loop(0, 2, lambda i, c: c * a, a))(1.0)
    before = peak()
    print("first calls, in milliseconds")
    ours = our_runs("auto", observed, z)
    firsts("ours", ours)
    print(f"  memory of all: {peak() - before:.1f} MiB")
    p = [mg.Value(x) for x in START]
    before = peak()
    long = mg.jit(lambda: pendulum(mg, mg.scan, 1_000_000, checkpoint="sqrt")(*p), parameters=p)
    seconds = took(long.value_and_grad)
    print(
        f"pendulum, 1,000,000 steps in parts, gradient: {seconds:.2f} s, {peak() - before:.1f} MiB"
    )
    contenders = {"ours": ours}
    if any(map(shutil.which, ("cc", "gcc", "clang"))) and mg.compiled:
        with tempfile.TemporaryDirectory() as folder:  # where nothing was compiled yet
            os.environ["XDG_CACHE_HOME"] = folder
            contenders["ours, C"] = our_runs("c", observed, z)
            firsts("ours, C", contenders["ours, C"])
    theirs = jax_runs(observed, z)
    if theirs:
        contenders["JAX"] = theirs
        firsts("JAX", theirs)
    contenders["CasADi"] = casadi_runs()
    print(f"calls, in milliseconds, the best of {ROUNDS}")
    for name in ours:
        there = {who: runs[name] for who, runs in contenders.items() if name in runs}
        times = best(*there.values())
        print(f"  {name}: " + ", ".join(f"{who} {t:.3f}" for who, t in zip(there, times)))


def firsts(who: str, runs: Runs) -> None:
    print(f"  {who}: " + ", ".join(f"{name} {1e3 * took(run):.0f}" for name, run in runs.items()))


def our_runs(backend: str, observed: Any, z: Any) -> Runs:
    import numpy as np

    p = [mg.Value(x) for x in START]
    q = [mg.Value(0.1), mg.Value(0.5)]
    market = [mg.Value(x) for x in MARKET]
    swing = mg.jit(pendulum(mg, mg.scan, 10_000), backend=backend)
    slope = mg.jit(lambda: pendulum(mg, mg.scan, 10_000)(*p), parameters=p, backend=backend)
    filtered = mg.jit(lambda ys: kalman(mg, mg.scan)(ys, *q), parameters=q, backend=backend)
    path = mg.jit(lambda z: heston(mg, mg.scan)(z, *market), parameters=market, backend=backend)
    w, u, c = ([[mg.Value(x) for x in row] for row in m] for m in rnn_matrices())

    def recurrent(xs: Any) -> Any:
        def turn(h: Any, x: Any) -> Any:
            h = [mg.tanh(mg.dot(a, h) + mg.dot(b, x) + d) for a, b, (d,) in zip(w, u, c)]
            return h, h[0]

        found = mg.scan(turn, [0.0] * UNITS, xs)[1]
        return mg.mean([y * y for y in found])

    weights = [x for m in (w, u, c) for row in m for x in row]
    network = mg.jit(recurrent, parameters=weights, backend=backend)
    series = np.array(SERIES)[None]
    return {
        "pendulum": lambda: swing(*START),
        "pendulum, gradient": slope.value_and_grad,
        "Kalman": lambda: filtered(observed),
        "Kalman, gradient": lambda: filtered.value_and_grad(observed[None]),
        "Heston": lambda: path.map(z),
        "Heston, gradient": lambda: path.value_and_grad(z),
        "RNN, gradient": lambda: network.value_and_grad(series),
    }


def jax_runs(observed: Any, z: Any) -> Runs:
    """The same in JAX; nothing where it is not installed."""
    try:
        import jax
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)
    np, scan = jax.numpy, jax.lax.scan
    f = pendulum(np, scan, 10_000)
    g = kalman(np, scan)
    each = jax.vmap(heston(np, scan), (0, None, None, None, None))

    def recurrent(weights: Any, xs: Any) -> Any:
        w, u, c = weights

        def turn(h: Any, x: Any) -> Any:
            h = np.tanh(w @ h + u @ x + c[:, 0])
            return h, h[0]

        return (scan(turn, np.zeros(UNITS), xs)[1] ** 2).mean()

    made: dict[str, Any] = {
        "pendulum": (jax.jit(f), START),
        "pendulum, gradient": (jax.jit(jax.value_and_grad(f, (0, 1, 2))), START),
        "Kalman": (jax.jit(g), (observed, 0.1, 0.5)),
        "Kalman, gradient": (jax.jit(jax.value_and_grad(g, (1, 2))), (observed, 0.1, 0.5)),
        "Heston": (jax.jit(each), (z, *MARKET)),
        "Heston, gradient": (
            jax.jit(jax.value_and_grad(lambda *xs: each(*xs).mean(), (1, 2, 3, 4))), (z, *MARKET)
        ),
        "RNN, gradient": (
            jax.jit(jax.value_and_grad(recurrent)),
            ([np.array(m) for m in rnn_matrices()], np.array(SERIES)),
        ),
    }  # fmt: skip
    return {
        name: lambda f=f, xs=xs: jax.block_until_ready(f(*xs))  # type: ignore[misc]
        for name, (f, xs) in made.items()
    }


def casadi_runs() -> Runs:
    """The pendulum and the filter in CasADi; nothing where it is not installed."""
    try:
        import casadi as ca
    except ImportError:
        return {}
    s = ca.MX.sym("s", 3)  # theta, omega, g
    omega = s[1] - 0.001 * s[2] * ca.sin(s[0])
    turn = ca.Function("turn", [s], [ca.vertcat(s[0] + 0.001 * omega, omega, s[2])])
    end = turn.fold(10_000)(s)[0]
    swing, slope = (ca.Function("f", [s], [y]) for y in (end, ca.gradient(end, s)))
    k, y = ca.MX.sym("k", 5), ca.MX.sym("y")  # mean, variance, total, q, r
    predicted = k[1] + k[3]
    spread, error = predicted + k[4], y - k[0]
    gain = predicted / spread
    total = k[2] - 0.5 * (ca.log(spread) + error * error / spread)
    new = ca.vertcat(k[0] + gain * error, (1.0 - gain) * predicted, total, k[3], k[4])
    ys = ca.MX.sym("ys", 1, 2_000)
    last = ca.Function("turn", [k, y], [new]).fold(2_000)(k, ys)[2]
    filtered, slopes = (ca.Function("f", [k, ys], [y]) for y in (last, ca.gradient(last, k)))
    first, observed = (0.0, 1.0, 0.0, 0.1, 0.5), ca.DM(OBSERVED).T
    return {
        "pendulum": lambda: swing(START),
        "pendulum, gradient": lambda: slope(START),
        "Kalman": lambda: filtered(first, observed),
        "Kalman, gradient": lambda: slopes(first, observed),
    }


if __name__ == "__main__":
    main()
