"""Array source made into functions: with its constants, its tables, and the words of a library.

The arguments of such a function are the arrays of inputs and parameters; `Layout` cuts a flat row
of parameters into those arrays and puts gradients back in a row. What uses them is in
`compiler/backends`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from math import prod
from typing import Any

from ...core.rule import Rule
from ..backends.runtime import define
from .layout import Nest, cuts, nest, strides_over
from .program import ArrayProgram, Shape
from .source import Source
from .spaces import own_names


def nested(data: Sequence[Any], shape: Shape) -> Any:
    """The elements as lists of lists of this shape."""
    if not shape:
        return data[0]
    if len(shape) == 1:
        return list(data)
    step = prod(shape[1:])
    return [nested(data[k * step : (k + 1) * step], shape[1:]) for k in range(shape[0])]


def function_of(
    source: Source,
    space: dict[str, Any],
    array: Callable[[Any], Any],
    table: Callable[[Any], Any],
    own: Callable[[Rule], Any],
) -> Callable[..., Any]:
    """The function in the source; `own` gives the meaning of operations that a user made."""
    names = dict(space)
    names.update({k: array(nested(data, shape)) for k, (shape, data) in source.constants.items()})
    names.update({k: table(nested(data, shape)) for k, (shape, data) in source.tables.items()})
    names.update({name: own(rule) for name, rule in own_names(source.calls).items()})
    return define(source.text, names)


class Layout:
    """Which numbers of a flat row make up which array: of the parameters or the inputs."""

    def __init__(self, program: ArrayProgram, leaves: Sequence[int], places: Any) -> None:
        self.shapes = [program.steps[i].shape for i in leaves]
        sizes = [program.steps[i].size for i in leaves]
        starts = dict(zip(leaves, [sum(sizes[:k]) for k in range(len(sizes))]))
        # Where each number of the row lies among the arrays, put one after the other.
        self.back = [starts[place.array] + place.position for place in places]
        self.order = [0] * len(self.back)
        for k, position in enumerate(self.back):
            self.order[position] = k
        self.sorted = self.order == list(range(len(self.order)))
        self.bounds = [(s, s + n) for s, n in zip(starts.values(), sizes)]
        # Of each array how it lies in the row, if it does so at constant differences.
        self.nests: list[Nest] = []
        for (start, stop), shape in zip(self.bounds, self.shapes):
            found = nest(self.order[start:stop])
            if found is not None and cuts(found.dims) <= cuts(shape) | {1}:
                self.nests.append(Nest(found.base, shape, strides_over(found, shape)))

    def cut(self, row: Any, index: Any = None) -> list[Any]:
        """The arrays whose numbers stand in a row, which may have dimensions before its last."""
        if not self.sorted:
            row = row[..., self.order if index is None else index]
        lead = tuple(row.shape[:-1])
        return [
            row[..., start:stop].reshape(lead + shape)
            for (start, stop), shape in zip(self.bounds, self.shapes)
        ]

    def views(self, row: Any) -> list[Any]:
        """The arrays in a row of NumPy's, as they lie there: to read them, or to write them."""
        np = import_module("numpy")
        size = row.itemsize
        return [
            np.ndarray(shape, row.dtype, row, base * size, tuple(s * size for s in strides))
            for base, shape, strides in self.nests
        ]

    @property
    def regular(self) -> bool:
        """Whether all arrays lie in the row as views."""
        return len(self.nests) == len(self.shapes)

    def joined(self, np: Any, arrays: Sequence[Any], lead: int = 0, index: Any = None) -> Any:
        """The numbers of the arrays in a row, behind `lead` dimensions that all have."""
        flat = [a.reshape(*a.shape[:lead], -1) for a in arrays]
        row = np.concatenate(flat, -1)
        return row if self.sorted else row[..., self.back if index is None else index]
