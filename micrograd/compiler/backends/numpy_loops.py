"""The NumPy backend for programs with loops: a batch of examples goes round together.

Where examples may go different ways, each turn takes those that still go round, and each side of
a branch those that took it. `pieces.py` says what a turn computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ..arrays.source import emit
from ..arrays.spaces_numpy import numpy_space
from ..ir.region import Loop, chooses, remembers
from .base import Batch, Rows
from .numpy import numpy_function
from .pieces import Pieces, Segment, Side, Values
from .runtime import EDGES


class NumPySide(Side):
    """A batch: values have one number for each example, or one for all."""

    def function(self, segment: Segment) -> Callable[..., Any]:
        batched = bool(segment.moving)
        return numpy_function(emit(segment.rolled, batched=batched), numpy_space())  # type: ignore[no-any-return]

    def row(self, values: Sequence[Any], n: Any) -> Any:
        import numpy as np

        if n is None:
            return np.array([float(v) for v in values])
        row = np.empty((n, len(values)))
        for k, v in enumerate(values):
            row[:, k] = v
        return row

    def loop(self, loop: Loop, turn: Any, test: Any, given: Any, n: Any) -> list[Any]:
        import numpy as np

        if loop.test is None:
            return super().loop(loop, turn, test, given, n)
        constants, carry, _ = given
        carry = [np.array(np.broadcast_to(c, (n,))) for c in carry]
        rows = np.arange(n)
        while True:  # those examples that still go round
            some = [chosen(c, rows) for c in constants]
            now = [c[rows] for c in carry]
            going = np.broadcast_to(test(some, now, len(rows))[0], rows.shape) != 0
            if not going.all():
                rows = rows[going]
                some, now = [chosen(c, going) for c in some], [c[going] for c in now]
            if not len(rows):
                return carry
            for c, new in zip(carry, turn(some, now, [], len(rows))):
                c[rows] = new

    def branch(self, condition: Any, yes: Any, no: Any, given: list[Any], n: Any) -> list[Any]:
        import numpy as np

        taken = np.broadcast_to(condition, (n,)) != 0
        found: list[Any] = []
        for side, rows in ((yes, np.flatnonzero(taken)), (no, np.flatnonzero(~taken))):
            if not len(rows):
                continue
            results = side([chosen(x, rows) for x in given], len(rows))
            found = found or [np.empty(n) for _ in results]
            for y, result in zip(found, results):
                y[rows] = result
        return found


def chosen(x: Any, rows: Any) -> Any:
    """The numbers of some examples; what is one number for all stays so."""
    return x[rows] if getattr(x, "ndim", 0) else x


class NumPyPieces(Batch):
    """A program with loops in NumPy, over a batch."""

    @cached_property
    def values(self) -> Pieces:
        program = self.made.values
        return Pieces(program, set(program.parameters), NumPySide())

    @cached_property
    def slopes(self) -> Pieces:
        program = self.made.gradient
        return Pieces(program, set(program.parameters), NumPySide())

    @cached_property
    def alone(self) -> bool:
        """Whether each example would remember another number of turns."""
        return remembers(self.made.values)

    def given(self, pieces: Pieces, rows: Rows, ps: Sequence[float]) -> tuple[Values, list[Any]]:
        program = pieces.program
        values = {**dict(zip(program.inputs, rows.columns)), **dict(zip(program.parameters, ps))}
        return values, pieces.prepared(values, rows.n)

    def map(self, rows: Rows) -> Any:
        import numpy as np

        if not rows.n or not self.made.program.inputs or self.alone:
            return super().map(rows)
        results = np.empty((rows.n, self.made.program.values))
        with np.errstate(all="ignore"):
            try:
                values, prepared = self.given(self.values, rows, self.made.numbers())
                for k, y in enumerate(self.values.run(values, prepared, rows.n)):
                    results[:, k] = y
            except EDGES:  # out of a domain: the table says it better
                return super().map(rows)
        return self.results(results, rows.arrays)

    def gradient(self, rows: Rows) -> tuple[float, Any]:
        import numpy as np

        ps = self.made.numbers()
        if not rows.n or chooses(self.made.program) or not self.made.program.inputs:
            return self.one_by_one(rows.rows, ps)
        with np.errstate(all="ignore"):
            try:
                values, prepared = self.given(self.slopes, rows, ps)
                found = self.slopes.run(values, prepared, rows.n)
            except EDGES:
                return self.one_by_one(rows.rows, ps)
        value, *slopes = [float(np.mean(y)) for y in found]
        if value + sum(slopes) * 0.0 == value:
            return value, np.array(slopes) + 0.0
        return self.one_by_one(rows.rows, ps)
