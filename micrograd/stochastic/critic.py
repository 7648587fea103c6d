"""`Critic`: a small network that learns what a draw will cost, and a slow copy of it.

Its input is the outcome of the draw, and the context: what was known before it that still
matters after it. Read `backprop_q.py` next.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ..autodiff.transforms import plain_gradient
from ..compiler import jit
from ..nn.mlp import MLP
from ..optim import Adam
from .compiled import table
from .distributions import Distribution


def encoded(d: Distribution, x: float) -> list[float]:
    """An outcome as inputs of a network: 1 or -1, one of several, or the number itself."""
    n = len(d.outcomes)
    if n == 2:
        return [2.0 * x - 1.0]
    return [1.0 if x == k else 0.0 for k in range(n)] if n else [x]


def width(d: Distribution) -> int:
    return len(encoded(d, 0.0))


class Critic:
    """Q of some inputs, in units of `scale` around `centre`."""

    def __init__(self, inputs: int, hidden: int, rate: float, centre: float, scale: float) -> None:
        self.inputs, self.centre, self.scale = inputs, centre, scale
        self.network = MLP(inputs, [hidden, 1], activation="tanh", init="torch")
        for p in self.network.layers[-1].parameters():
            p.data = 0.0  # it begins with no opinion, and so with no signal
        self.copy = MLP(inputs, [hidden, 1], activation="tanh")
        self.copy.load_state_dict(self.network.state_dict())
        self.optimizer = Adam(self.network.parameters(), lr=rate)
        network, copy = self.network, self.copy
        self.value = jit(lambda row: network(row))
        self.slow = jit(lambda row: copy(row))
        self.loss = jit(
            lambda row, target: (network(row) - target) ** 2, parameters=network.parameters()
        )

    def of(self, rows: Sequence[list[float]], slow: bool = False) -> list[float]:
        """Q of each row, by the network or by its slow copy."""
        found = (self.slow if slow else self.value).map(table(rows))
        return [self.centre + self.scale * float(q) for q in found]

    def slope(self, row: list[float]) -> float:
        """How fast Q changes with the first input."""
        rate: float = plain_gradient(lambda x: self.network([x, *row[1:]]), row[0])
        return self.scale * rate

    def learn(self, rows: Sequence[list[float]], targets: Sequence[float], pace: float) -> None:
        """One step towards the targets; the copy follows by that part of the way."""
        wanted = [(t - self.centre) / self.scale for t in targets]
        self.optimizer.zero_grad()
        self.loss.backward(table(rows), table(wanted))
        self.optimizer.step()
        for p, q in zip(self.copy.parameters(), self.network.parameters(), strict=True):
            p.data += pace * (q.data - p.data)


class Seeded:
    """A block in which Python's global random numbers are those of a seed; then as before."""

    def __init__(self, seed: Any) -> None:
        self.seed = seed

    def __enter__(self) -> None:
        self.before = random.getstate()
        random.seed(self.seed)

    def __exit__(self, *error: object) -> None:
        random.setstate(self.before)
