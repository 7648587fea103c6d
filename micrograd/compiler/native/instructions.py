"""`Instruction`: what the machine in `machine.c` is told to do, before steps have places.

The codes of its operations, and the builds of it that there are; `words` is how the machine reads
an instruction once they have. `encode.py` makes instructions of a program, `arrange.py` fewer of
many.
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
FEW: Final = 4  # products, from which sums of them are made together


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


def words(instruction: Instruction, refs: list[int]) -> list[int]:
    """The instruction as the machine reads it; each step is the operand that `refs` says."""
    kind, result, bare = instruction.op, instruction.result, instruction.bare
    steps, targets, sums = instruction.steps, instruction.targets, instruction.sums
    if kind == OUTER:
        m, k = bare[:2]
        columns, places = in_order(m, k, steps, [refs[t] >> 2 for t in targets])
        operands = [m, k, places[0] + (bare[2] if len(bare) > 2 else 0)]
        operands += [refs[x] for x in columns]
        operands += places[1:]
    elif kind == LAYER:
        places = table([[refs[w] >> 2 for w in s.scalars] for s in sums])
        operands = [*bare, places[0], *[refs[x] for x in steps]]
        for s in sums:
            operands.append(refs[s.result] >> 2)
            operands.append(NONE if s.start == NONE else refs[s.start] >> 2)
            operands.append(NONE if s.gate == NONE else refs[s.gate])
        operands += places[1:]
    elif kind == STRIDED:
        operands = [*bare]
    else:
        operands = [refs[x] for x in steps]
        if bare:
            operands = [*bare, *operands]
        for t in targets:
            operands.append(refs[t] >> 2)
    target = max(result, 0) if kind in (OUTER, LAYER, TOTAL, OUT) else refs[result] >> 2
    return [kind, target, len(operands), *operands]


def table(rows: list[list[int]]) -> list[int]:
    """1 and first, step from row to row, step in a row, if that is where the scalars stand.

    Otherwise 0, and where each of them is.
    """
    first = rows[0][0]
    down = rows[1][0] - first if len(rows) > 1 else 0
    along = rows[0][1] - first if len(rows[0]) > 1 else 0
    for j, row in enumerate(rows):
        begin = first + j * down
        if row != [begin + i * along for i in range(len(row))]:
            return [0, *[x for row in rows for x in row]]
    return [1, first, down, along]


def in_order(
    m: int, k: int, columns: tuple[int, ...], targets: list[int]
) -> tuple[tuple[int, ...], list[int]]:
    """The columns of an outer product, and the `table` of its sums.

    The first side is in the order of its sums, as they stand in memory.
    """
    rows = [targets[j * k : j * k + k] for j in range(m)]
    order = sorted(range(m), key=lambda j: rows[j][0])
    return (*[columns[j] for j in order], *columns[m:]), table([rows[j] for j in order])
