"""`python -m benchmarks.calls`: what a call of a compiled function costs, beside the same by hand.

Value and gradient by call of the networks W2 and W4 (as in `python -m benchmarks`) beside C and
NumPy by hand; the gradient of a thousand squares, of an array and of a list; a Jacobian over 2,000
observations by `map`; derivatives of compiled functions beside compiled derivatives. JAX's columns
are there where JAX is installed. All in one process and by turns: trust the ratios.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
from typing import Any

import micrograd as mg

from . import peers
from .arrays import TASKS, by_turns, started

PLACES = 15  # parameters of the model whose Jacobian is taken
OBSERVATIONS = 2000


def square_sum(xs: Any) -> Any:
    return mg.sum([x * x for x in xs])


def small(x: Any, y: Any) -> Any:
    return mg.tanh(x * y) + x


def residuals(p: Any, x: Any, y: Any) -> list[Any]:
    """Two residuals of a small model with 15 parameters, at one observation."""
    s = mg.sum([p[3 * i + 2] * mg.tanh(p[3 * i] * x + p[3 * i + 1]) for i in range(PLACES // 3)])
    return [s - y, s * s - x]


def networks(rounds: int) -> None:
    for what, name in TASKS.items():
        contenders: dict[str, Any] = {}
        for cls, title in ((peers.Ours, "ours"), (peers.PlainC, "C"), (peers.NumPy, "NumPy")):
            try:
                peer = started(cls, name, None)
            except ImportError:
                continue
            contenders[title] = lambda peer=peer: peer.gradient(1)
        show(f"{what}, value and gradient by call", by_turns(contenders, rounds))


def squares(rounds: int) -> None:
    import numpy as np

    rng = random.Random(0)
    numbers = [rng.gauss(0.0, 1.0) for _ in range(1000)]
    array = np.array(numbers)
    fast = mg.jit(mg.grad(square_sum))
    contenders = {"ours": lambda: fast(array), "from a list": lambda: fast(numbers)}
    if importlib.util.find_spec("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        theirs, given = jax.jit(jax.grad(lambda xs: (xs * xs).sum())), jax.numpy.array(array)
        contenders["JAX"] = lambda: theirs(given).block_until_ready()
    show("gradient of 1,000 squares", by_turns(contenders, rounds))


def jacobians(rounds: int) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    p, data = rng.normal(size=PLACES), rng.normal(size=(OBSERVATIONS, 2))
    same = np.broadcast_to(p, (OBSERVATIONS, PLACES))
    fast = mg.jit(mg.jacobian(residuals))
    contenders = {"ours": lambda: fast.map(same, data[:, 0], data[:, 1])}
    if importlib.util.find_spec("jax"):
        import jax
        import jax.numpy as jnp

        def of_one(p: Any, x: Any, y: Any) -> Any:
            q = p.reshape(-1, 3)
            s = (q[:, 2] * jnp.tanh(q[:, 0] * x + q[:, 1])).sum()
            return jnp.array([s - y, s * s - x])

        theirs = jax.jit(jax.vmap(jax.jacrev(of_one), (None, 0, 0)))
        given = jnp.array(p), jnp.array(data[:, 0]), jnp.array(data[:, 1])
        found = np.asarray(theirs(*given))
        assert np.allclose(found, fast.map(same, data[:, 0], data[:, 1]))
        contenders["JAX"] = lambda: theirs(*given).block_until_ready()
    show(f"Jacobian of {OBSERVATIONS:,} observations", by_turns(contenders, rounds))


def derivatives(rounds: int) -> None:
    after, before = mg.grad(mg.jit(small)), mg.jit(mg.grad(small))
    eager = mg.grad(small)
    contenders = {
        "grad(jit(f))": lambda: after(0.5, 2.0),
        "jit(grad(f))": lambda: before(0.5, 2.0),
        "grad(f)": lambda: eager(0.5, 2.0),
    }
    show("gradient of a small function", by_turns(contenders, rounds))


def show(what: str, seconds: dict[str, float]) -> None:
    print(what)
    first = next(iter(seconds.values()))
    for name, time in seconds.items():
        print(f"  {name:<14} {time * 1e6:>10.2f} us  {time / first:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed (7)")
    rounds = parser.parse_args().rounds
    for part in (networks, squares, jacobians, derivatives):
        part(rounds)


if __name__ == "__main__":
    main()
