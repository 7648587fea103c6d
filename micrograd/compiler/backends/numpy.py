"""The NumPy backend: the array program over a batch, all examples at once.

Every array that differs between examples has them as its first dimension; layers are matrix
products and the gradient by a weight sums over the examples in one more. Where NumPy has nan,
or refuses, the eager engine is asked example by example.
"""

from __future__ import annotations

from functools import cached_property
from math import nan
from typing import TYPE_CHECKING, Any

from ..arrays.reverse import reverse
from ..arrays.runtime import Layout, function_of
from ..arrays.source import Source, emit
from ..arrays.spaces_numpy import elementwise, numpy_gradient_space, numpy_space
from .base import Batch, Rows
from .runtime import EDGES

if TYPE_CHECKING:
    from ..compiled import Compiled

CHUNK = 4096  # examples at a time, so that all steps of them stay near at hand


class NumPyBatch(Batch):
    """A program as arrays in NumPy."""

    def __init__(self, made: Compiled) -> None:
        super().__init__(made)
        program = made.arrays
        self.parameters = Layout(program, program.parameters, program.parameter_places)
        self.inputs = Layout(program, program.inputs, program.input_places)

    @cached_property
    def values(self) -> Any:
        return numpy_function(emit(self.made.arrays, batched=True), numpy_space())

    @cached_property
    def means(self) -> Any:
        """The mean, and its gradient by the parameters as arrays."""
        self.made.check_scalar()
        program = reverse(self.made.arrays, self.made.arrays.parameters, "mean", guarded=False)
        source = emit(program, batched=True, mean=True)
        return numpy_function(source, numpy_gradient_space())

    def map(self, rows: Rows) -> Any:
        import numpy as np

        if not rows.n:
            return super().map(rows)
        ps, count = self.weights(np.array(self.made.numbers())), self.made.program.values
        results = np.empty((rows.n, count))
        inputs = self.columns(rows)
        with np.errstate(all="ignore"):
            try:
                for chunk in chunks(rows.n):
                    found = self.values(*[x[chunk] for x in inputs], *ps)
                    if isinstance(found, list):
                        for at, y in enumerate(found):
                            results[chunk, at] = y
                    elif count > 1:  # all results in one array
                        y = np.asarray(found)
                        results[chunk] = y.reshape(-1, count) if y.size > count else y.reshape(-1)
                    else:
                        results[chunk, 0] = found
            except EDGES:  # out of a domain: the table says it better
                return super().map(rows)
        return self.results(results, rows.arrays)

    def columns(self, rows: Rows) -> list[Any]:
        """Of each input array the numbers of all examples."""
        import numpy as np

        shapes = self.inputs.shapes
        if rows.arrays and len(rows.given) == len(shapes):
            return [
                np.asarray(c, dtype=float).reshape(rows.n, *shape)
                for c, shape in zip(rows.given, shapes)
            ]
        return self.inputs.cut(rows.columns.T)

    def weights(self, row: Any) -> list[Any]:
        """The parameters as arrays."""
        return self.parameters.views(row) if self.parameters.regular else self.parameters.cut(row)

    def gradient(self, rows: Rows) -> tuple[float, Any]:
        import numpy as np

        ps = self.made.numbers()
        found = np.empty(len(ps))
        given = self.weights(np.array(ps, dtype=float))
        out = self.parameters.views(found) if self.parameters.regular else None
        value = self.gradient_into(found, out, self.columns(rows), given, rows.n)
        if value == value:
            return value, found + 0.0  # no -0.0, as in .grad
        return self.one_by_one(rows.rows, ps)

    def gradient_into(
        self, found: Any, out: list[Any] | None, inputs: list[Any], weights: list[Any], n: int
    ) -> float:
        """The mean; its gradient is then in the row `found`, of which `out` has the arrays.

        nan where it, or anything in the gradient, is nan, or where NumPy refuses.
        """
        import numpy as np

        if not n:
            return nan
        means = self.means
        with np.errstate(all="ignore"):
            try:
                if n <= CHUNK:
                    total, slopes = means(*inputs, *weights)
                    self.put(found, out, slopes)
                else:
                    total, sums, part = 0.0, np.zeros(len(found)), np.empty(len(found))
                    views = None if out is None else self.parameters.views(part)
                    for chunk in chunks(n):
                        some = [x[chunk] for x in inputs]
                        weight = len(some[0]) / n
                        value, slopes = means(*some, *weights)
                        self.put(part, views, slopes)
                        total += weight * value
                        sums += weight * part
                    found[...] = sums
                return float(total) + float(found.sum()) * 0.0  # nan if any of them is
            except EDGES:
                return nan

    def put(self, row: Any, views: list[Any] | None, slopes: list[Any]) -> None:
        """The gradients by arrays, in the order of the parameters."""
        import numpy as np

        if views is not None:
            for view, x in zip(views, slopes):
                view[...] = x
        elif len(row):
            row[...] = self.parameters.joined(np, [np.asarray(x) for x in slopes])


def numpy_function(source: Source, space: dict[str, Any]) -> Any:
    """The function in array source, on NumPy's arrays."""
    import numpy as np

    def table(positions: Any) -> Any:
        return np.asarray(positions, dtype=np.intp)

    return function_of(source, space, np.asarray, table, lambda rule: elementwise(rule.forward))


def chunks(n: int) -> list[slice]:
    """The examples in parts."""
    return [slice(i, i + CHUNK) for i in range(0, n, CHUNK)]
