"""`python -m benchmarks.calls`: what a call of a compiled function costs, beside the same by hand.

Value and gradient by call of the networks W2 and W4 (as in `python -m benchmarks`) beside C and
NumPy by hand, of arrays and of lists; one prediction beside the eager engine's; the gradient of a
thousand squares, of an array and of a list; a Jacobian over 2,000 observations by `map`;
derivatives of compiled functions beside compiled derivatives; the loss of a small GPT over a word,
all its places inside. JAX's columns are there where JAX is
installed, on arrays that it has already. All in one process and by turns: trust the ratios.

    python -m benchmarks.calls
    python -m benchmarks.calls --large    # 784-400-400-10, once: minutes of memory and time
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import resource
import time
from typing import Any

import micrograd as mg
from micrograd import losses, nn, optim

from . import compiled, gpt, peers
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
            if cls is peers.Ours:
                xs, ys, fast = peer.xs.tolist(), peer.ys.tolist(), peer.fast
                contenders["from lists"] = lambda f=fast, xs=xs, ys=ys: f.value_and_grad(xs, ys)
                contenders["backward"] = lambda f=fast, p=peer: f.backward(p.xs, p.ys)
        show(f"{what}, value and gradient by call", by_turns(contenders, rounds))


def beside_jax(rounds: int) -> None:
    """The same once more: threads of JAX's slow down whoever runs in its process."""
    for what, name in TASKS.items():
        try:
            peer = started(peers.Jax, name, None)
        except ImportError:
            return
        ours = started(peers.Ours, name, None)
        contenders = {"ours": lambda p=ours: p.gradient(1), "JAX": lambda p=peer: p.gradient(1)}
        show(f"{what}, value and gradient by call", by_turns(contenders, rounds))


def prediction(rounds: int) -> None:
    random.seed(0)
    model = nn.MLP(2, [16, 16, 1])
    fast = mg.jit(lambda x: model(x))
    contenders = {"ours": lambda: fast([0.1, 0.2]), "eager": lambda: model([0.1, 0.2])}
    show("2-16-16-1 at one point", by_turns(contenders, rounds))


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


def transformer(rounds: int) -> None:
    """The loss of `docs/microgpt` over a word of eight letters, by its 4,000 parameters."""
    words, module = gpt.Words(), gpt.script()
    model = gpt.model_of(words, module)
    word = next(w for w in words.words if len(w) == 10)
    contenders: dict[str, Any] = {}
    for backend, title in (("auto", "ours"), ("c", "ours, C")):
        fast = mg.jit(
            lambda word: module.loss_of(model, word),
            parameters=model.parameters(), backend=backend,
        )  # fmt: skip
        start = time.process_time()
        value, gradient = fast.value_and_grad([word])
        print(f"  {title + ', first call':<33} {time.process_time() - start:>8.3f} s")
        contenders[title] = lambda fast=fast: fast.value_and_grad([word])
    if importlib.util.find_spec("jax"):
        import jax
        import numpy as np

        jax.config.update("jax_enable_x64", True)
        ps = [jax.numpy.array(m) for m in gpt.first_weights(words)]
        given, theirs = jax.numpy.array(word), jax.jit(jax.value_and_grad(gpt_in_jax))
        other, slopes = theirs(ps, given)
        flat = np.concatenate([np.ravel(slope) for slope in slopes])
        assert np.isclose(other, value)
        assert np.allclose(flat, gradient)
        contenders["JAX"] = lambda: jax.block_until_ready(theirs(ps, given))
    show("a small GPT's loss of a word of eight letters, value and gradient",
         by_turns(contenders, rounds))  # fmt: skip


def gpt_in_jax(ps: Any, word: Any) -> Any:
    """The same model as a person writes it in JAX: all places of a word at once."""
    import jax
    import jax.numpy as jnp

    letter, place, query, key, value, out, up, down, last = ps

    def norm(x: Any) -> Any:
        return x * (jnp.mean(x * x, axis=1, keepdims=True) + 1e-5) ** -0.5

    n, width = len(word) - 1, letter.shape[1]
    x = norm(letter[word[:-1]] + place[:n])
    q, k, v = (
        (norm(x) @ w.T).reshape(n, 4, width // 4).swapaxes(0, 1) for w in (query, key, value)
    )
    scores = q @ k.swapaxes(1, 2) * (width // 4) ** -0.5
    shares = jax.nn.softmax(jnp.where(jnp.tri(n, dtype=bool), scores, -jnp.inf))
    x = x + (shares @ v).swapaxes(0, 1).reshape(n, width) @ out.T
    x = x + jax.nn.relu(norm(x) @ up.T) @ down.T
    chances = jax.nn.log_softmax(norm(x) @ last.T)
    return -jnp.mean(jnp.take_along_axis(chances, word[1:, None], axis=1))


def large() -> None:
    """784-400-400-10, 478,410 parameters, in batches of 32 of 2,000 examples."""
    import numpy as np

    def memory() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def seconds() -> float:
        return time.process_time()

    def timed(what: str, call: Any, often: int = 1) -> float:
        """Prints the least time of some calls; those of the processor, and what they take."""
        found = []
        for _ in range(often):
            start = seconds()
            call()
            found.append(seconds() - start)
        print(f"  {what:<34} {min(found):>8.3f} s")
        return min(found)

    random.seed(0)
    rng = np.random.default_rng(0)
    xs, ys = rng.random((2000, 784)), rng.integers(0, 10, 2000)
    model = nn.MLP(784, [400, 400, 10], init="torch")
    fast = mg.jit(lambda x, k: losses.cross_entropy(model(x), k), parameters=model.parameters())
    before = memory()
    print("784-400-400-10, seconds of the processor")
    timed("first value and gradient", lambda: fast.value_and_grad(xs[:32], ys[:32]))
    print(f"  {'memory of it':<34} {memory() - before:>8.0f} MiB")
    timed("value and gradient of 32 examples", lambda: fast.value_and_grad(xs[:32], ys[:32]), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def fit(steps: int) -> Any:
        return fast.fit(xs, ys, optimizer, steps=steps, batch_size=32, progress=False)

    one = timed("fit of one step", lambda: fit(1), 5)
    many = timed("fit of 101 steps", lambda: fit(101), 3)
    print(f"  {'a step':<34} {(many - one) / 100:>8.4f} s")


def show(what: str, seconds: dict[str, float]) -> None:
    print(what)
    first = next(iter(seconds.values()))
    for name, took in seconds.items():
        print(f"  {name:<14} {took * 1e6:>10.2f} us  {took / first:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed (7)")
    parser.add_argument("--large", action="store_true", help="784-400-400-10 alone")
    options = parser.parse_args()
    rounds = options.rounds
    print(compiled.machine()["processor"])
    if options.large:
        large()
        return
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for part in (networks, prediction, squares, jacobians, derivatives, transformer, beside_jax):
        part(rounds)


if __name__ == "__main__":
    main()
