"""`python -m benchmarks.arrays`: array programs beside code written by hand for the same library.

    python -m benchmarks.arrays                          # NumPy, JAX and PyTorch, on this machine
    python -m benchmarks.arrays --examples 100000 --device cuda

W2 (moons, 2-16-16-1) and W4 (64-32-10), as in `python -m benchmarks`; the code by hand is that of
`peers.py`. All in one process and by turns, so that the ratios hold on a busy machine too; the
first call of JAX is what tracing and compiling take.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from . import compiled, peers

BUDGET = 0.05  # seconds for each contender in each round
TASKS = {"W2": "moons", "W4": "digits"}


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
        often = -(-examples // len(peer.task.xs))
        peer.task.xs = (peer.task.xs * often)[:examples]
        peer.task.ys = (peer.task.ys * often)[:examples]
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


def in_jax(name: str, examples: int | None, device: str, rounds: int) -> None:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    ours, hand = prepared(name, examples), started(peers.Jax, name, examples)
    g = ours.fast.to_jax()
    ps = jnp.array([p.data for p in ours.ps])
    xs, ys = jnp.array(ours.xs), jnp.array(ours.ys)

    def mean(ps: Any, xs: Any, ys: Any) -> Any:
        return jax.vmap(g, (None, 0, 0))(ps, xs, ys).mean()

    both = jax.jit(jax.value_and_grad(mean))
    jax.block_until_ready(jax.jit(lambda x: x + 1)(xs))  # the library itself is warm
    start = time.perf_counter()
    value, _ = jax.block_until_ready(both(ps, xs, ys))
    first = time.perf_counter() - start
    start = time.perf_counter()
    by_hand, _ = jax.block_until_ready(hand.fast(hand.ps, hand.xs, hand.ys))
    first_by_hand = time.perf_counter() - start
    assert abs(float(value) - float(by_hand)) < 1e-9, (value, by_hand)
    show("JAX, first call", first, first_by_hand, "s ", 1.0)
    found = by_turns(
        {
            "ours": lambda: jax.block_until_ready(both(ps, xs, ys)),
            "hand": lambda: jax.block_until_ready(hand.fast(hand.ps, hand.xs, hand.ys)),
        },
        rounds,
    )
    show("JAX, value and gradient by call", found["ours"], found["hand"])


def in_torch(name: str, examples: int | None, device: str, rounds: int) -> None:
    import torch

    ours, hand = prepared(name, examples), started(peers.Torch, name, examples)
    g = ours.fast.to_torch()
    ps = torch.tensor([p.data for p in ours.ps], dtype=torch.float64, device=device)
    ps.requires_grad_(True)
    xs = torch.tensor(ours.xs, dtype=torch.float64, device=device)
    ys = torch.tensor(ours.ys, dtype=torch.float64, device=device)
    hand.model.to(device)
    hand.xs, hand.ys = hand.xs.to(device), hand.ys.to(device)

    def wait(x: Any) -> Any:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return x

    def mine() -> Any:
        mean = torch.func.vmap(g, (None, 0, 0))(ps, xs, ys).mean()
        return wait((mean, torch.autograd.grad(mean, ps)))

    def theirs() -> Any:
        loss = hand.loss()
        return wait((loss, torch.autograd.grad(loss, hand.ps)))

    assert abs(float(mine()[0].detach()) - float(theirs()[0].detach())) < 1e-9
    found = by_turns({"ours": mine, "hand": theirs}, rounds)
    show("PyTorch, value and gradient", found["ours"], found["hand"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.arrays", description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, help="how many, those of the task repeated")
    parser.add_argument("--device", default="cpu", help='for PyTorch, "cpu" or "cuda"')
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=["numpy", "jax", "torch"])
    options = parser.parse_args()
    print(compiled.machine()["processor"])
    for title, name in TASKS.items():
        print(f"{title}  {compiled.WORKLOADS[title]}")
        print(f"  {'':<34} {'ours':>10} {'by hand':>10}      ratio")
        if options.only in (None, "numpy"):
            in_numpy(name, options.examples, options.rounds)
        for library, measure in (("jax", in_jax), ("torch", in_torch)):
            if options.only in (None, library):
                try:
                    measure(name, options.examples, options.device, options.rounds)
                except ImportError:
                    print(f"  {library} is not installed")


if __name__ == "__main__":
    main()
