"""What runs a program over many examples: plain Python, NumPy, or machine code.

All answer the same two questions, `map` and `gradient`, for `Rows` of numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...core.foreign import is_array
from ...core.rule import real
from ..ir.batch import over_batch
from ..structure import key_of, numbers_in
from .emit import emit
from .numpy import numpy_function
from .runtime import EDGES

if TYPE_CHECKING:
    from ..compiled import Compiled


CHUNK = 4096  # examples at a time in NumPy


class Rows:
    """The numbers of a batch: as rows, one for each example, or as columns, one for each input."""

    def __init__(self, columns: tuple[Any, ...], who: str) -> None:
        self.given, self.who = columns, who
        self.n = len(columns[0]) if columns else 1

    def chosen(self, order: Sequence[int]) -> Rows:
        """Some of the examples."""
        picked = [c[list(order)] if is_array(c) else [c[i] for i in order] for c in self.given]
        return Rows(tuple(picked), self.who)

    @property
    def arrays(self) -> bool:
        """Whether all arguments are arrays of numbers."""
        return all(is_array(c) and c.dtype != object for c in self.given)

    @cached_property
    def rows(self) -> list[list[float]]:
        """One list of floats for each example; all of one structure, or ValueError."""
        if not self.given:
            return [[]]
        lists = [c.tolist() if is_array(c) else c for c in self.given]
        examples = list(zip(*lists))
        if not examples:
            return []
        first = key_of(examples[0])
        found = []
        for i, example in enumerate(examples):
            if i and key_of(example) != first:
                raise ValueError(f"{self.who}: example {i} has another structure than example 0")
            found.append(
                [x if type(x) is float else real(x, self.who) for x in numbers_in(example)]
            )
        return found

    @cached_property
    def columns(self) -> Any:
        """An array of floats, inputs by examples, each row of it contiguous."""
        import numpy as np

        if not self.given:
            return np.empty((0, 1))
        if self.arrays:
            parts = [np.asarray(c, dtype=float).reshape(self.n, -1) for c in self.given]
            return np.ascontiguousarray(np.concatenate(parts, axis=1).T)
        return np.ascontiguousarray(np.array(self.rows, dtype=float).reshape(self.n, -1).T)


class Batch:
    """The base, and the plainest: one example after the other, in Python."""

    def __init__(self, made: Compiled) -> None:
        self.made = made

    @property
    def exact(self) -> bool:
        """Whether one example has the result of the plain Python function, to the last bit."""
        return True

    def ready(self) -> Any:
        """A machine that can be called with floats, or None."""
        return None

    def one(self, xs: Sequence[float]) -> list[float]:
        """The results of one example."""
        return self.made.run(xs)

    def map(self, rows: Rows) -> Any:
        """One result for each example."""
        return self.results([self.made.run(row) for row in rows.rows])

    def gradient(self, rows: Rows, ps: list[float]) -> tuple[float, Any]:
        """The mean of the result and of its gradient by the parameters."""
        return self.one_by_one(rows.rows, ps)

    def one_by_one(self, rows: Sequence[list[float]], ps: list[float]) -> tuple[float, Any]:
        total, sums = 0.0, [0.0] * len(ps)
        for row in rows:
            value, gradient = self.made.run_gradient(row, ps)
            total += value
            sums = list(map(operator.add, sums, gradient))
        n = len(rows)
        if not n:
            raise ValueError("jit: a mean over no examples: the batch is empty")
        return total / n, [g / n for g in sums]

    def results(self, rows: Sequence[Sequence[float]]) -> Any:
        """The results as a list of what the function gives."""
        return [self.made.result.fill(list(row)) for row in rows]


class NumPyBatch(Batch):
    """The same source run on whole columns."""

    @cached_property
    def values(self) -> Any:
        return numpy_function(self.made.values, emit(self.made.values))

    @cached_property
    def sums(self) -> Any:
        program = over_batch(self.made.gradient)
        return numpy_function(program, emit(program, gradient=True))

    def map(self, rows: Rows) -> Any:
        import numpy as np

        if not rows.n:
            return super().map(rows)
        columns, ps, several = rows.columns, self.made.numbers(), self.made.program.values > 1
        results = np.empty((rows.n, self.made.program.values))
        with np.errstate(all="ignore"):
            try:
                for chunk in chunks(rows.n):
                    found = self.values(*columns[:, chunk], *ps)
                    for j, y in enumerate(found if several else [found]):
                        results[chunk, j] = y
            except EDGES:  # among numbers that are the same for all examples
                return super().map(rows)
        return results[:, 0] if self.made.result.is_scalar else self.results(results.tolist())

    def gradient(self, rows: Rows, ps: list[float]) -> tuple[float, Any]:
        import numpy as np

        columns, n = rows.columns, rows.n
        if n:
            with np.errstate(all="ignore"):
                try:
                    total, found = 0.0, np.zeros(len(ps))  # + 0.0: no -0.0, as in .grad
                    for chunk in chunks(n):
                        part = columns[:, chunk]
                        value, gradient = self.sums(*part, *ps, float(part.shape[1]))
                        total += float(value)
                        found += np.array(gradient, dtype=float)
                    if not np.isnan(found).any():
                        return total / n, found / n
                except EDGES:
                    pass
        return self.one_by_one(columns.T.tolist(), ps)


def chunks(n: int) -> list[slice]:
    """The examples in parts that are small enough for all steps of them to stay near at hand."""
    return [slice(i, i + CHUNK) for i in range(0, n, CHUNK)]
