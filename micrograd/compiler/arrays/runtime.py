"""Array source made into functions: with its constants, its tables, and the words of a library.

The arguments of such a function are the arrays of inputs and parameters; `Layout` cuts a flat row
of parameters into those arrays and puts gradients back in a row. What uses them is in
`compiler/backends`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

from ...core.rule import Rule
from ..backends.runtime import define
from .layout import Nest, cuts, nest, row_major, strides_over
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


class Tiles(NamedTuple):
    """A part of a flat row that is so many rows of equal width, each cut into the same parts.

    A part is an array, named by its number, that takes so many places of the row; or tiles again.
    The weights and biases of a layer, neuron after neuron, are the rows of such a part.
    """

    rows: int
    width: int
    parts: list[tuple[int, int | Tiles]]


def tiled(nests: Sequence[tuple[int, Nest]], start: int, width: int) -> list[tuple[int, Any]]:
    """The parts of a row of this width from `start` on; none where it has no such parts."""
    parts: list[tuple[int, Any]] = []
    rest = sorted(nests, key=lambda x: x[1].base)
    at = start
    while rest:
        k, first = rest[0]
        if first.base != at:
            return []
        if first.strides == row_major(first.dims):
            size = prod(first.dims)
            parts.append((size, k))
            rest = rest[1:]
        else:
            n, step = first.dims[0], first.strides[0]
            beside = [(j, x) for j, x in rest if x.base < at + step]
            if step < 1 or any((x.dims[:1], x.strides[:1]) != ((n,), (step,)) for _, x in beside):
                return []
            inner = [(j, Nest(x.base, x.dims[1:], x.strides[1:])) for j, x in beside]
            found = tiled(inner, at, step)
            if not found:
                return []
            size = n * step
            parts.append((size, Tiles(n, step, found)))
            rest = rest[len(beside) :]
        at += size
    return parts if at == start + width else []


class Layout:
    """Which numbers of a flat row make up which array: of the parameters or the inputs."""

    def __init__(self, program: ArrayProgram, leaves: Sequence[int], places: Any) -> None:
        self.shapes: list[Shape] = [program.steps[i].shape for i in leaves]
        sizes = [program.steps[i].size for i in leaves]
        starts = dict(zip(leaves, [sum(sizes[:k]) for k in range(len(sizes))]))
        # Where each number of the row lies among the arrays, put one after the other.
        self.back = [starts[place.array] + place.position for place in places]
        self.order = [0] * len(self.back)
        for k, position in enumerate(self.back):
            self.order[position] = k
        self.bounds = [(s, s + n) for s, n in zip(starts.values(), sizes)]
        # Of each array how it lies in the row, if it does so at constant differences.
        self.nests: list[Nest] = []
        for (start, stop), shape in zip(self.bounds, self.shapes):
            found = nest(self.order[start:stop])
            if found is not None and cuts(found.dims) <= cuts(shape) | {1}:
                self.nests.append(Nest(found.base, shape, strides_over(found, shape)))
        # Whether all do, and none is read backwards, which PyTorch has no views for.
        steps = [s for _, _, strides in self.nests for s in strides]
        self.forwards = self.regular and min(steps, default=0) >= 0
        # The row cut into slices of which each is an array, if that can be.
        self.parts: list[tuple[int, Any]] = []
        if self.regular:
            wide = [
                Nest(x.base, *(tuple(n[k] for k, m in enumerate(x.dims) if m > 1) for n in x[1:]))
                for x in self.nests
            ]
            self.parts = tiled(list(enumerate(wide)), 0, len(self.back))

    def cut(self, row: Any, index: Any = None) -> list[Any]:
        """The arrays whose numbers stand in a row, which may have dimensions before its last.

        `index` is `order` as an array of the library, where it does not take a list.
        """
        lead = tuple(row.shape[:-1])
        found: list[Any] = [None] * len(self.shapes)

        def cut(row: Any, parts: list[tuple[int, Any]]) -> None:
            at = 0
            for size, part in parts:
                piece = row if len(parts) == 1 else row[..., at : at + size]
                if isinstance(part, Tiles):
                    cut(piece.reshape((*piece.shape[:-1], part.rows, part.width)), part.parts)
                else:
                    found[part] = piece.reshape(lead + self.shapes[part])
                at += size

        if self.parts:
            cut(row, self.parts)
            return found
        row = row[..., self.order if index is None else index]
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
        before = tuple(arrays[0].shape[:lead])

        def join(parts: list[tuple[int, Any]], rows: tuple[int, ...]) -> Any:
            found = []
            for size, part in parts:
                if isinstance(part, Tiles):
                    piece = join(part.parts, (*rows, part.rows))
                else:
                    piece = arrays[part]
                wanted = (*before, *rows, size)
                found.append(piece if piece.shape == wanted else piece.reshape(wanted))
            return found[0] if len(found) == 1 else np.concatenate(found, -1)

        if self.parts:
            return join(self.parts, ())
        flat = [a.reshape(*before, -1) for a in arrays]
        return np.concatenate(flat, -1)[..., self.back if index is None else index]
