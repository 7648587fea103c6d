"""`python -m benchmarks.arrays`: array programs beside code written by hand for the same library.

    python -m benchmarks.arrays                          # NumPy, JAX and PyTorch, on this machine
    python -m benchmarks.arrays --only jax torch --examples 100000 --device cuda --dtype float32
    python -m benchmarks.arrays --tasks W784 --only jax torch --device cuda

W2 (moons, 2-16-16-1) and W4 (64-32-10), as in `python -m benchmarks`, and W784 (784-400-400-10);
the code by hand is that of `peers.py`. All in one process and by turns, so that the ratios hold on
a busy machine too; the first call of JAX is what tracing and compiling take.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from . import compiled, peers

BUDGET = 0.05  # seconds for each contender in each round
TASKS = {"W2": "moons", "W4": "digits"}
LARGE = {"W784": "large"}


def by_turns(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Seconds a call, the median over the rounds; each contender once in each round."""
    often = {}
    for name, call in contenders.items():
        call()
        start = time.perf_counter()
        call()
        often[name] = max(1, round(BUDGET / max(time.perf_counter() - start, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(often[name]):
                call()
            times[name].append((time.perf_counter() - start) / often[name])
    return {name: statistics.median(found) for name, found in times.items()}


def show(what: str, ours: float, theirs: float, unit: str = "us", scale: float = 1e6) -> None:
    both = f"{ours * scale:>10.1f} {theirs * scale:>10.1f}"
    print(f"  {what:<34} {both} {unit}  {ours / theirs:>6.2f}")


def started(cls: Any, name: str, examples: int | None) -> Any:
    """A contender of `peers.py`, with its examples repeated up to so many."""
    peer = cls()
    peer.task = peers.Task(name)
    if examples:
        np = importlib.import_module("numpy")
        peer.task.xs = np.resize(peer.task.xs, (examples, peer.task.sizes[0]))
        peer.task.ys = np.resize(peer.task.ys, examples)
    peer.begin()
    return peer


def in_numpy(name: str, examples: int | None, rounds: int) -> None:
    ours, hand = started(peers.OursNumPy, name, examples), started(peers.NumPy, name, examples)
    assert abs(ours.gradient(1) - hand.gradient(1)) < 1e-12
    n = 50
    found = by_turns(
        {
            "ours": lambda: ours.steps(n), "hand": lambda: hand.steps(n),
            "ours by call": lambda: ours.gradient(1), "hand by call": lambda: hand.gradient(1),
        },
        rounds,
    )  # fmt: skip
    show("NumPy, a step in fit", found["ours"] / n, found["hand"] / n)
    show("NumPy, value and gradient by call", found["ours by call"], found["hand by call"])


def prepared(name: str, examples: int | None) -> Any:
    """Ours, traced, and how long its array program takes to find and differentiate."""
    from micrograd.compiler.arrays.reverse import reverse
    from micrograd.compiler.arrays.source import emit

    ours = started(peers.Ours, name, examples)
    start = time.perf_counter()
    made = ours.fast.compiled(ours.xs[0], ours.ys[0])
    traced = time.perf_counter()
    arrays = made.arrays
    found = time.perf_counter()
    emit(reverse(arrays, arrays.parameters, "mean"), batched=True, mean=True)
    done = time.perf_counter()
    print(
        f"  {len(made.program)} steps, {len(arrays)} of arrays; trace {traced - start:.3f} s, "
        f"arrays {found - traced:.3f} s, gradient and source {done - found:.3f} s"
    )
    return ours


def close(ours: Any, hand: Any, dtype: str) -> None:
    """Both have one loss; on a GPU a product of matrices of float32 has the digits of TF32."""
    assert abs(float(ours) - float(hand)) < (1e-9 if dtype == "float64" else 1e-3), (ours, hand)


def in_jax(name: str, options: argparse.Namespace) -> None:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    dtype = options.dtype
    ours, hand = prepared(name, options.examples), started(peers.Jax, name, options.examples)
    g = ours.fast.to_jax()
    ps = jnp.array([p.data for p in ours.ps], dtype)
    xs, ys = jnp.array(ours.xs, dtype), jnp.array(ours.ys, dtype)
    hand.ps = jax.tree.map(lambda p: p.astype(dtype), hand.ps)
    hand.xs, hand.ys = xs, hand.ys if name != "moons" else ys

    def mean(ps: Any, xs: Any, ys: Any) -> Any:
        return jax.vmap(g, (None, 0, 0))(ps, xs, ys).mean()

    both = jax.jit(jax.value_and_grad(mean))
    # The library itself is warm: it has multiplied matrices before.
    jax.block_until_ready(jax.jit(lambda x: jax.nn.relu(x @ x.T + 1).sum())(xs[:32, :2]))

    def mine() -> Any:
        return jax.block_until_ready(both(ps, xs, ys))

    def theirs() -> Any:
        return jax.block_until_ready(hand.fast(hand.ps, hand.xs, hand.ys))

    first, first_by_hand = timed(mine), timed(theirs)
    close(mine()[0], theirs()[0], dtype)
    show("JAX, first call", first, first_by_hand, "s ", 1.0)
    found = by_turns({"ours": mine, "hand": theirs}, options.rounds)
    show("JAX, value and gradient by call", found["ours"], found["hand"])


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_torch(name: str, options: argparse.Namespace) -> None:
    import torch

    device, dtype = options.device, getattr(torch, options.dtype)
    ours, hand = prepared(name, options.examples), started(peers.Torch, name, options.examples)
    g = ours.fast.to_torch(batch=True)
    ps = torch.tensor([p.data for p in ours.ps], dtype=dtype, device=device)
    ps.requires_grad_(True)
    xs = torch.tensor(ours.xs, dtype=dtype, device=device)
    ys = torch.tensor(ours.ys, dtype=dtype, device=device)
    hand.model.to(device, dtype)
    hand.xs, hand.ys = xs, hand.ys.to(device) if name != "moons" else ys

    def wait(x: Any) -> Any:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return x

    def mine() -> Any:
        mean = g(ps, xs, ys).mean()
        return wait((mean, torch.autograd.grad(mean, ps)))

    def theirs() -> Any:
        loss = hand.loss()
        return wait((loss, torch.autograd.grad(loss, hand.ps)))

    close(mine()[0].detach(), theirs()[0].detach(), options.dtype)
    found = by_turns({"ours": mine, "hand": theirs}, options.rounds)
    show("PyTorch, value and gradient", found["ours"], found["hand"])
    both = {"ours": [mine, [ps]], "hand": [theirs, hand.ps]}
    for title, (call, weights) in both.items():
        optimizer = torch.optim.SGD(weights, lr=ours.optimizer.lr)
        both[title] = [call, weights, optimizer]

    def step(title: str) -> Callable[[], Any]:
        call, weights, optimizer = both[title]

        def one() -> Any:
            for p, g in zip(weights, call()[1]):
                p.grad = g
            optimizer.step()
            wait(None)

        return one

    found = by_turns({title: step(title) for title in both}, options.rounds)
    show("PyTorch, a step of SGD", found["ours"], found["hand"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.arrays", description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, help="how many, those of the task repeated")
    parser.add_argument("--device", default="cpu", help='for JAX and PyTorch, "cpu" or "cuda"')
    parser.add_argument("--dtype", default="float64", choices=["float32", "float64"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="+", choices=["numpy", "jax", "torch"])
    parser.add_argument("--tasks", nargs="+", choices=[*TASKS, *LARGE], default=list(TASKS))
    options = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", options.device)
    print(compiled.machine()["processor"])
    for title in options.tasks:
        name = {**TASKS, **LARGE}[title]
        print(f"{title}  {compiled.WORKLOADS.get(title, '784-400-400-10, 64 examples')}")
        print(f"  {'':<34} {'ours':>10} {'by hand':>10}      ratio")
        if options.only is None or "numpy" in options.only:
            in_numpy(name, options.examples, options.rounds)
        for library, measure in (("jax", in_jax), ("torch", in_torch)):
            if options.only is None or library in options.only:
                try:
                    measure(name, options)
                except ImportError:
                    print(f"  {library} is not installed")


if __name__ == "__main__":
    main()
