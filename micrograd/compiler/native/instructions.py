"""`Instruction`: what the machine in `machine.c` is told to do, before columns have places.

The codes of its operations, and the builds of it that there are. `encode.py` makes
instructions of a program, `arrange.py` fewer of many.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

try:
    from . import _machine, _machine_fast, _machine_single  # type: ignore[attr-defined]
except ImportError:
    _machine = _machine_fast = _machine_single = None

COLUMN, SCALAR, INPUT_COLUMN, GROWING = 0, 1, 2, 3  # kinds of operands
(
    ADD, SUB, MUL, DIV, NEG, RELU, GATE, DOTS, ADDN, TOTAL, OUTER, OUT, CALL, PYCALL, STRIDED,
    LAYER, LOGSUMEXP, LOOP, IF, UNLESS, MOVE, LOAD, STORE,
) = range(23)  # fmt: skip
REGION = 100  # a step of `regions.py`, which becomes several instructions
PLAINLY, WITH_RELU, WITH_GATE = range(3)  # what is done to the sums of a layer
NONE = -1


class Build(NamedTuple):
    """One of the builds of the machine: its module, and the type code of its columns."""

    module: Any
    code: str

    def numbers(self, xs: Iterable[float]) -> array[float]:
        return array(self.code, xs)

    def zeros(self, n: int) -> array[float]:
        return array(self.code, bytes(n * array(self.code).itemsize))


BUILDS = {
    "": Build(_machine, "d"),
    "fastmath": Build(_machine_fast, "d"),
    "float32": Build(_machine_single, "f"),
}
EXACT = BUILDS[""]


class Sum(NamedTuple):
    """One sum of a layer: start + the scalars times its columns, then gated by a column."""

    result: int
    start: int  # a step, or NONE
    gate: int  # a step, or NONE
    scalars: tuple[int, ...]


class Instruction(NamedTuple):
    """One operation on steps; `bare` are numbers before them, `targets` further results."""

    op: int
    result: int  # a step, or NONE
    bare: tuple[int, ...]
    steps: tuple[int, ...]
    targets: tuple[int, ...] = ()  # the sums over the batch that are added to
    sums: tuple[Sum, ...] = ()  # of a layer

    @property
    def results(self) -> tuple[int, ...]:
        """The columns that it fills."""
        if self.op in (OUT, OUTER, TOTAL):
            return ()
        return tuple([s.result for s in self.sums]) or (self.result,)

    @property
    def reads(self) -> tuple[int, ...]:
        """The columns that it needs, and perhaps scalars among them."""
        if not self.sums or self.sums[0].gate == NONE:
            return self.steps
        return (*self.steps, *[s.gate for s in self.sums])
