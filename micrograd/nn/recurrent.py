"""Recurrent cells: one step through a sequence, with a state that is handed on.

Parameters are named, ordered and started as PyTorch's are. The other layers are in
`layers.py`, where these are found too.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.weighted_sum import weighted_sum
from ..engine import Value
from .mlp import strange
from .module import Module, numbers, size


class Cell(Module):
    """What the cells share: W x + b + U h + c, in `gates` blocks of `hidden_size` rows."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        input_size = size(input_size, f"{type(self).__name__}: input_size")
        hidden_size = size(hidden_size, f"{type(self).__name__}: hidden_size")
        bound = 1 / math.sqrt(hidden_size)

        def column(n: int) -> list[Value]:
            return [Value(random.uniform(-bound, bound)) for _ in range(n)]

        rows = self.gates * hidden_size
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = [column(input_size) for _ in range(rows)]
        self.weight_hh = [column(hidden_size) for _ in range(rows)]
        self.bias_ih, self.bias_hh = column(rows), column(rows)

    def sums(self, x: Sequence[Any], h: Sequence[Any]) -> list[Any]:
        """One weighted sum of input and state for each row."""
        for xs, what in ((x, "the input"), (h, "the state")):
            numbers(xs, f"{self}: {what}")
        for xs, n, what in ((x, self.input_size, "inputs"), (h, self.hidden_size, "states")):
            if len(xs) != n:
                raise ValueError(f"{self}: {n} weights for {len(xs)} {what}")
        rows = zip(self.weight_ih, self.bias_ih, self.weight_hh, self.bias_hh, strict=True)
        try:
            return [weighted_sum(w, x, b) + weighted_sum(u, h, c) for w, b, u, c in rows]
        except TypeError as error:
            raise strange(x, f"{self}") or strange(h, f"{self}: the state") or error from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.input_size}, {self.hidden_size})"


class RNNCell(Cell):
    """tanh(W x + b + U h + c): one step of a recurrent network. Elman (1990).

    Takes the input and the state h, zeros if it is left out, and gives the new state.

    >>> cell = RNNCell(2, 3)
    >>> h = cell([1.0, 2.0])
    >>> len(cell([0.0, 1.0], h))
    3
    """

    def __call__(self, x: Sequence[Any], h: Sequence[Any] | None = None) -> list[Any]:
        return [ops.tanh(z) for z in self.sums(x, [0.0] * self.hidden_size if h is None else h)]


class LSTMCell(Cell):
    """One step of a long short-term memory; takes and gives a pair (h, c).

    Gates in PyTorch's order: input, forget, candidate, output. Hochreiter and Schmidhuber
    (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    >>> cell = LSTMCell(1, 2)
    >>> h, c = cell([1.0])
    >>> len(h), len(c)
    (2, 2)
    """

    gates = 4

    @property
    def row_names(self) -> list[str]:  # type: ignore[override]
        """The gate of each row of the weights."""
        names = ("input gate", "forget gate", "candidate", "output gate")
        return [name for name in names for _ in range(self.hidden_size)]

    def __call__(
        self, x: Sequence[Any], state: tuple[Sequence[Any], Sequence[Any]] | None = None
    ) -> tuple[list[Any], list[Any]]:
        n = self.hidden_size
        if state is not None and not (isinstance(state, (tuple, list)) and len(state) == 2):
            raise TypeError(f"{self}: the state is a pair (h, c) as it gave it, not {state!r:.60}")
        h, c = ([0.0] * n, [0.0] * n) if state is None else state
        numbers(c, f"{self}: the state c", n)
        z = self.sums(x, h)
        i, f, g, o = z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :]
        sigmoid, tanh = ops.sigmoid, ops.tanh
        new = [sigmoid(f[k]) * c[k] + sigmoid(i[k]) * tanh(g[k]) for k in range(n)]
        return [sigmoid(o[k]) * tanh(new[k]) for k in range(n)], new
