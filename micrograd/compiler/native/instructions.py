"""`Instruction`: what the machine in `machine.c` is told to do, before columns have places.

The codes of its operations, and the builds of it that there are. `encode.py` makes
instructions of a program, `arrange.py` fewer of many.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

try:
    from . import _machine, _machine_fast, _machine_single  # type: ignore[attr-defined]
except ImportError:
    _machine = _machine_fast = _machine_single = None

# Kinds of operands.
COLUMN: Final = 0
SCALAR: Final = 1
INPUT_COLUMN: Final = 2
GROWING: Final = 3
# Operations, one a line so that compiled code knows the numbers.
ADD: Final = 0
SUB: Final = 1
MUL: Final = 2
DIV: Final = 3
NEG: Final = 4
RELU: Final = 5
GATE: Final = 6
DOTS: Final = 7
ADDN: Final = 8
TOTAL: Final = 9
OUTER: Final = 10
OUT: Final = 11
CALL: Final = 12
PYCALL: Final = 13
STRIDED: Final = 14
LAYER: Final = 15
LOGSUMEXP: Final = 16
LOOP: Final = 17
IF: Final = 18
UNLESS: Final = 19
MOVE: Final = 20
LOAD: Final = 21
STORE: Final = 22
REGION: Final = 100  # a step of `regions.py`, which becomes several instructions
# What is done to the sums of a layer.
PLAINLY: Final = 0
WITH_RELU: Final = 1
WITH_GATE: Final = 2
GOING_ON: Final = 2  # a flag of OUTER: the sums of others before it go to the same scalars
NONE: Final = -1


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


class Sum:
    """One sum of a layer: start + the scalars times its columns, then gated by a column."""

    def __init__(self, result: int, start: int, gate: int, scalars: tuple[int, ...]) -> None:
        self.result = result
        self.start = start  # a step, or NONE
        self.gate = gate  # a step, or NONE
        self.scalars = scalars


class Instruction:
    """One operation on steps."""

    def __init__(
        self,
        op: int,
        result: int,
        bare: tuple[int, ...],
        steps: tuple[int, ...],
        targets: tuple[int, ...] = (),
        sums: tuple[Sum, ...] = (),
    ) -> None:
        self.op = op
        self.result = result  # a step, or NONE
        self.bare = bare  # numbers that stand before the steps
        self.steps = steps
        self.targets = targets  # the sums over the batch that are added to
        self.sums = sums  # of a layer

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
