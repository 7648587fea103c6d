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
from ...engine import Value
from ..backends.base import Batch, Rows, empty_array, numpy
from ..backends.runtime import exact_gradient
from ..ir.batch import gradient_of_one, gradient_over_batch
from ..ir.region import chooses
from ..ir.structural import Structural
from ..paused import gc_paused
from .encode import Encoder, in_c
from .instructions import BUILDS, EXACT

if TYPE_CHECKING:
    from ..compiled import Compiled

_machine = EXACT.module
EMPTY = array("d")
# Whether every build of the machine knows where Values keep their number; else it asks each.
LAYOUT_KNOWN = _machine is not None and all(
    [build.module.knows(Value(0.0)) for build in BUILDS.values()]
)


def available() -> bool:
    """Whether the machine was built when micrograd was installed."""
    return _machine is not None


def reader(backend: str) -> Any:
    """The machine that a backend runs in, which reads arguments itself; None without one."""
    name, _, build = backend.partition("+")
    return BUILDS[build].module if available() and name in ("auto", "native", "c") else None


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

    @cached_property
    def alone(self) -> bool:
        """Whether examples may go different ways, and so are taken one by one."""
        return chooses(self.made.program)

    @cached_property
    @gc_paused
    def values(self) -> Any:
        return Encoder(self.made.values.copy(), mapped=True).machine(self.build)

    @cached_property
    @gc_paused
    def sums(self) -> Any:
        self.made.check_scalar()
        return Encoder(gradient_over_batch(self.made.program)).machine(self.build)

    def sums_of(self, n: int) -> Any:
        """The machine for the gradient of a batch of n examples."""
        return self.one_gradient if n == 1 else self.sums

    @cached_property
    @gc_paused
    def one_value(self) -> Any:
        """For one example everything is a scalar."""
        return Encoder(self.made.values.copy(), single=True).machine(self.build)

    @cached_property
    @gc_paused
    def one_gradient(self) -> Any:
        made = self.made
        made.check_scalar()
        if made.program.has_regions:
            return Encoder(made.gradient_if_finite.copy(), single=True).machine(self.build)
        return Encoder(gradient_of_one(made.program), single=True).machine(self.build)

    @cached_property
    def blank(self) -> array[float]:
        """Room for the results of one example, to be copied."""
        return self.build.zeros(len(self.made.program.outputs))

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

    def one(self, xs: Any) -> Sequence[float]:
        """The results of one example, from numbers or from what the machine read."""
        results = self.blank[:]
        read = self.build.module.example((list(xs),)) if isinstance(xs, (array, list)) else xs
        with self.lock:
            refused = self.one_value.answer(read, self.made.parameters, results, EMPTY, False) == 1
        return super().one(read.rows()[0]) if refused else results

    def one_gradient_of(self, read: Any) -> tuple[float, Any]:
        """The result of one example and its gradient, from what the machine read."""
        made = self.made
        results = empty_array(1 + len(made.parameters), self.build.code)
        with self.lock:
            wrong = self.one_gradient.answer(read, made.parameters, results, EMPTY, True)
        if wrong:  # refused, or not a number: the eager engine knows
            xs = read.rows()[0]
            (value,), gradient = exact_gradient(made.program, xs, made.numbers(), [1.0])
            return value, [g + 0.0 for g in gradient]
        return float(results[0]), results[1:]

    def columns(self, rows: Rows) -> Any:
        """The numbers of a batch as the machine has them."""
        if rows.native is None:
            # What is not plain comes as an array or as lists of floats.
            plain = rows.columns.T if rows.arrays else rows.rows
            rows.native = self.build.module.columns((plain,))
        return rows.native

    def map(self, rows: Rows) -> Any:
        if self.alone:
            return self.results([self.one(row) for row in rows.rows], rows.arrays)
        n, m = rows.n, len(self.made.result.found)
        out = empty_array(m * n, self.build.code)
        columns = self.columns(rows)
        with self.lock:
            refused = self.values.answer(columns, self.made.parameters, EMPTY, out, False)
        if refused:
            return super().map(rows)
        if numpy() is None:
            found = [out[k * n : k * n + n].tolist() for k in range(m)]
            return self.results(list(zip(*found)), rows.arrays)
        return self.results(out.reshape(m, n).T, rows.arrays)

    def gradient(self, rows: Rows) -> tuple[float, Any]:
        n = rows.n
        if n == 1:
            # As one example it is the eager engine's result to the last bit.
            return self.one_gradient_of(self.columns(rows))
        if self.alone:
            example = self.build.module.example
            return summed([self.one_gradient_of(example((row,))) for row in rows.rows])
        columns = self.columns(rows)
        results = empty_array(1 + len(self.made.parameters), self.build.code)
        with self.lock:
            wrong = self.sums_of(n).answer(columns, self.made.parameters, results, EMPTY, True)
        if wrong:
            return self.one_by_one(rows.rows, self.made.numbers())
        return float(results[0]), results[1:]


def summed(found: list[tuple[float, Sequence[float]]]) -> tuple[float, list[float]]:
    """The means of results and of gradients."""
    total, sums = 0.0, [0.0] * len(found[0][1])
    for value, gradient in found:
        total += value
        sums = [a + b for a, b in zip(sums, gradient)]
    return total / len(found), [g / len(found) for g in sums]
