"""What runs a program over many examples: plain Python here, arrays in `numpy.py`, or machine code.

All answer the same two questions, `map` and `gradient`, for `Rows` of numbers.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ...core.foreign import is_array
from ...core.rule import real
from ..structure import key_of, numbers_in

if TYPE_CHECKING:
    from ..compiled import Compiled


class Rows:
    """The numbers of a batch: as rows, one for each example, or as columns, one for each input.

    native: the same for the machine, where it has read them already
    """

    def __init__(self, columns: tuple[Any, ...], who: str, native: Any = None) -> None:
        self.given, self.who, self.native = columns, who, native
        self.n = len(columns[0]) if columns else 1

    @cached_property
    def keys(self) -> list[Any]:
        """The structure of each example: all are the same where all arguments are arrays."""
        if not self.n:
            return []
        if all(map(is_array, self.given)):
            return [key_of(tuple([column[0] for column in self.given]))] * self.n
        return [key_of(example) for example in zip(*self.given)]

    def chosen(self, order: Sequence[int]) -> Rows:
        """Some of the examples."""
        picked = [c[list(order)] if is_array(c) else [c[i] for i in order] for c in self.given]
        chosen = Rows(tuple(picked), self.who)
        if "keys" in vars(self):
            chosen.keys = [self.keys[i] for i in order]
        return chosen

    @property
    def arrays(self) -> bool:
        """Whether all arguments are arrays of numbers."""
        return all(is_array(c) and c.dtype != object for c in self.given)

    @cached_property
    def rows(self) -> list[list[float]]:
        """One list of floats for each example, which are of one structure."""
        if not self.given:
            return [[]]
        lists = [c.tolist() if is_array(c) else c for c in self.given]
        examples = list(zip(*lists))
        return [
            [x if type(x) is float else real(x, self.who) for x in numbers_in(example)]
            for example in examples
        ]

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

    def one(self, xs: Sequence[float]) -> Sequence[float]:
        """The results of one example."""
        return self.made.run(xs)

    def map(self, rows: Rows) -> Any:
        """One result for each example."""
        found = [self.made.run(row) for row in rows.rows]
        return self.results(found, rows.arrays)

    def gradient(self, rows: Rows) -> tuple[float, Any]:
        """The mean of the result and of its gradient by the parameters."""
        return self.one_by_one(rows.rows, self.made.numbers())

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

    def on_values(self, rows: Rows) -> list[Any]:
        """The results of each example as Values."""
        return [self.made.on_values(row) for row in rows.rows]

    def results(self, found: Any, arrays: bool) -> Any:
        """The results, from lists or an array of numbers by examples, as `Jit.map` gives them."""
        result = self.made.result
        if result.is_scalar:
            return found[:, 0] if is_array(found) else as_array([row[0] for row in found])
        if arrays:
            import numpy as np

            return result.spread(np.asarray(found))
        return [result.fill(row) for row in (found.tolist() if is_array(found) else found)]


def as_array(numbers: Sequence[float]) -> Any:
    """The numbers as a NumPy array, or without NumPy as one of the standard library."""
    np = numpy()
    return array("d", numbers) if np is None else np.asarray(numbers, dtype=float)


def empty_array(n: int, code: str) -> Any:
    """Such an array of n numbers of a type, which are still to be written."""
    np = numpy()
    return array(code, [0.0]) * n if np is None else np.empty(n, code)


@cache
def numpy() -> Any:
    """NumPy, or None where it is not installed: a call need not look for it every time."""
    try:
        import numpy as np
    except ImportError:
        return None
    return np
