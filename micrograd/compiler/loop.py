"""The steps of a compiled training loop, in Python, with gradients from any backend.

`fit.py` is the loop around them; the same steps in machine code are in `native/loop.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from math import isnan
from typing import Any

from ..nn.parameters import set_all
from ..ops import mean
from ..optim.optimizer import Optimizer
from ..optim.schedules import advance
from .backends.base import Rows, as_array
from .cohorts import fits
from .native import backend as native

MASK = (1 << 64) - 1


def orders(n: int, batch: int, seed: int) -> Iterator[array[int]]:
    """Batches without end: all examples in random order, again and again in new orders.

    A batch may end one round and begin the next, so that all batches are full and every
    example comes up equally often. Fisher and Yates's shuffle, with the random numbers of
    SplitMix64 (Steele, Lea and Flood 2014), which are the same everywhere.
    """
    state = seed & MASK
    shuffle = native.shuffled if native.available() else shuffled
    rest = array("i")
    while True:
        while len(rest) < batch:
            order, state = shuffle(n, state)
            rest.frombytes(order)
        yield rest[:batch]
        del rest[:batch]


def shuffled(n: int, state: int) -> tuple[bytes, int]:
    """The numbers below n in random order, as the machine gives them, and the next state."""
    order = array("i", range(n))
    for i in range(n - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        j = ((z ^ (z >> 31)) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return order.tobytes(), state


class Loop:
    """Steps in Python, with gradients from any backend.

    losses: the loss of each step that was taken; it ends with the one that is not a number
    """

    def __init__(
        self,
        runner: Any,
        rows: Rows,
        optimizer: Optimizer,
        schedule: Any,
        size: int,
        seed: int,
    ) -> None:
        self.runner, self.rows = runner, rows
        self.optimizer, self.schedule = optimizer, schedule
        self.size = size
        self.orders = orders(rows.n, size, seed) if size < rows.n else None
        self.losses: list[float] = []

    def take(self, count: int) -> None:
        """That many steps, or up to the first whose loss is not a number."""
        end = len(self.losses) + count
        while len(self.losses) < end and not any(map(isnan, self.losses[-1:])):
            self.step()

    def step(self) -> None:
        made = self.runner.made
        rows = self.rows if self.orders is None else self.rows.chosen(next(self.orders))
        loss, gradient = self.runner.gradient(rows)
        loss = float(loss)
        set_all(made.parameters, "grad", as_array(gradient).tolist())
        if isnan(loss):
            self.losses.append(loss)
            return
        self.optimizer.step()
        self.losses.append(loss)
        self.advance()

    def advance(self) -> None:
        """Nothing; afterwards the schedule has taken its step, and all that moves is known."""
        groups = len(self.optimizer.param_groups)
        advance(self.schedule, self.losses[-1])
        if len(self.optimizer.param_groups) != groups:
            fits(self.optimizer, self.runner.made.parameters, "fit")

    def sample(self) -> Any:
        """The mean loss of a few examples with the parameters as they are, as a Value."""
        n = self.rows.n
        rows = self.rows.chosen(range(0, n, max(1, n // 16))) if self.rows.given else self.rows
        return mean(self.runner.on_values(rows))

    def finish(self) -> None:
        """Nothing is left to do: the parameters are moved at every step."""
