"""The native backend: runs programs in the column machine of `machine.c`.

`encode.py` turns a program into instructions; here are batches and single examples on
their way in and out. The machine is built with the compiled engine; where there was no
C compiler, `available()` is False.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...core.rule import Rule
from ..backends.base import Batch, Rows
from ..backends.runtime import exact_gradient
from ..ir.batch import over_batch
from ..ir.region import chooses
from ..ir.structural import Structural
from ..paused import gc_paused
from .encode import Encoder, in_c
from .instructions import BUILDS, EXACT, Build

if TYPE_CHECKING:
    from ..compiled import Compiled

_machine = EXACT.module
EMPTY = array("d")
VECTOR = 64  # bytes


def available() -> bool:
    """Whether the machine was built when micrograd was installed."""
    return _machine is not None


def shuffled(n: int, state: int) -> tuple[bytes, int]:
    """The numbers below n in random order, and the next state; `fit.py` says how."""
    found: tuple[bytes, int] = _machine.shuffled(n, state)
    return found


if TYPE_CHECKING or _machine is None:

    class Caller:
        """What `jit` makes, called without the machine's short way."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self._call(*args, **kwargs)

        def _call(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

        def _use(self, machine: Any) -> None:
            """There is no machine to use."""

else:
    Caller = _machine.Caller


class NativeBatch(Batch):
    """A program in the machine."""

    def __init__(self, made: Compiled, build: str = "") -> None:
        super().__init__(made)
        self.build = BUILDS[build]
        self.lock = threading.Lock()
        # Whether examples may go different ways, and so are taken one by one.
        self.alone = chooses(made.program)

    @cached_property
    @gc_paused
    def values(self) -> Any:
        return Encoder(self.made.values.copy(), mapped=True).machine(self.build)

    @cached_property
    @gc_paused
    def sums(self) -> Any:
        return Encoder(over_batch(self.made.gradient)).machine(self.build)

    @cached_property
    @gc_paused
    def one_value(self) -> Any:
        """For one example everything is a scalar."""
        return Encoder(self.made.values.copy(), single=True).machine(self.build)

    @cached_property
    @gc_paused
    def one_gradient(self) -> Any:
        return Encoder(self.made.gradient.copy(), single=True).machine(self.build)

    @property
    def exact(self) -> bool:
        return self.build is EXACT

    def ready(self) -> Any:
        made = self.made
        if not self.exact:
            return None
        rules = [r for r in made.values.all_rules() if isinstance(r, Rule)]
        if made.parameters or any([not isinstance(r, Structural) and not in_c(r) for r in rules]):
            return None  # another thread could come in while Python computes
        return self.one_value

    def one(self, xs: Sequence[float]) -> Sequence[float]:
        results = self.build.zeros(len(self.made.program.outputs))
        numbers = self.build.numbers(xs)
        numbers.extend(self.made.numbers())
        with self.lock:
            refused = self.one_value.run(numbers, EMPTY, 1, 1, results, EMPTY) == 1
        return super().one(xs) if refused else results

    def one_gradient_of(
        self, xs: Sequence[float], ps: Sequence[float]
    ) -> tuple[float, Sequence[float]]:
        results = self.build.zeros(1 + len(ps))
        numbers = self.build.numbers(xs)
        numbers.extend(ps)
        with self.lock:
            wrong = self.one_gradient.run(numbers, EMPTY, 1, 1, results, EMPTY)
        value, *gradient = results
        if wrong:  # refused, or not a number: the eager engine knows
            (value,), gradient = exact_gradient(self.made.program, xs, ps, [1.0])
        return value, [g + 0.0 for g in gradient]  # no -0.0, as in .grad

    def map(self, rows: Rows) -> Any:
        if self.alone:
            return self.results([self.one(row) for row in rows.rows], rows.arrays)
        n = rows.n
        columns, stride = padded_columns(rows, len(self.made.program.inputs), self.build)
        m = len(self.made.result.found)
        out = self.build.zeros(m * n)
        ps = self.build.numbers(self.made.numbers())
        with self.lock:
            refused = self.values.run(ps, columns, n, stride, EMPTY, out)
        if refused:
            return super().map(rows)
        try:
            import numpy as np
        except ImportError:
            columns = [out[k * n : k * n + n].tolist() for k in range(m)]
            return self.results(list(zip(*columns)), rows.arrays)
        results = np.frombuffer(out, dtype=self.build.code).reshape(m, n)
        return self.results(results.T, rows.arrays)

    def each_alone(
        self, rows: Sequence[list[float]], ps: Sequence[float]
    ) -> tuple[float, Sequence[float]]:
        """The mean and its gradient, one example after the other."""
        if not rows:
            return self.one_by_one([], list(ps))
        return summed([self.one_gradient_of(row, ps) for row in rows], len(ps))

    def gradient(self, rows: Rows, ps: list[float]) -> tuple[float, Sequence[float]]:
        n = rows.n
        if n == 1:
            # As one example it is the eager engine's result to the last bit.
            return self.one_gradient_of(rows.rows[0], ps)
        if not n or self.alone:
            return self.each_alone(rows.rows, ps)
        columns, stride = padded_columns(rows, len(self.made.program.inputs), self.build)
        results = self.build.zeros(1 + len(ps))
        with self.lock:
            wrong = self.sums.run(self.build.numbers(ps), columns, n, stride, results, EMPTY)
        if wrong:
            return self.one_by_one(rows.rows, ps)
        if not rows.arrays:
            return results[0] / n, [g / n + 0.0 for g in results[1:]]
        import numpy as np

        gradient = np.frombuffer(results, dtype=self.build.code)[1:] / n + 0.0
        return results[0] / n, gradient  # type: ignore[return-value]


def summed(found: list[tuple[float, Sequence[float]]], n: int) -> tuple[float, list[float]]:
    """The means of results and of gradients."""
    total, sums = 0.0, [0.0] * n
    for value, gradient in found:
        total += value
        sums = [a + b for a, b in zip(sums, gradient)]
    return total / len(found), [g / len(found) for g in sums]


def padded_columns(rows: Rows, inputs: int, build: Build = EXACT) -> tuple[Any, int]:
    """The columns one after the other, each filled up with its last number to a multiple of 8."""
    n = rows.n
    if not n:
        return EMPTY, 0
    stride = (n + 7) // 8 * 8
    if not rows.arrays:
        columns = build.numbers([])
        for column in zip(*rows.rows):
            columns.extend(column)
            columns.extend([column[-1]] * (stride - n))
        return columns, stride
    found = aligned(inputs, stride, build.code)
    at = 0
    for c in rows.given:
        part = c.reshape(n, -1).T
        found[at : at + len(part), :n] = part
        at += len(part)
    if stride > n:
        found[:, n:] = found[:, n - 1 : n]
    return found, stride


def aligned(rows: int, columns: int, code: str) -> Any:
    """An array, not yet filled, that begins where a vector of the processor's may."""
    import numpy as np

    size = np.dtype(code).itemsize
    room = np.empty(rows * columns + VECTOR // size, dtype=code)
    start = -room.ctypes.data % VECTOR // size
    return room[start : start + rows * columns].reshape(rows, columns)
