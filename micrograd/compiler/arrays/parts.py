"""Contributions to an adjoint: whether they fill an array in order, and how it is read then."""

from __future__ import annotations

from math import prod

from .layout import Nest, cuts, row_major, strides_over
from .program import Part, Read, Shape


def in_order(part: Part, shape: Shape) -> tuple[int, ...] | None:
    """The part's dimensions by place in the array that it fills; None if it fills none in order."""
    target, value = part.target, part.value
    if target.table is not None or value.table is not None or target.base:
        return None
    if prod(part.dims) != prod(shape) or any(s < 0 for s in target.strides):
        return None
    kept = [k for k, n in enumerate(part.dims) if n > 1]
    order = tuple(sorted(kept, key=lambda k: -target.strides[k]))
    dims = tuple(part.dims[k] for k in order)
    return order if tuple(target.strides[k] for k in order) == row_major(dims) else None


def as_whole(part: Part, shape: Shape) -> Read | None:
    """A part that fills an array of this shape, read in the order of the array; or None."""
    order = in_order(part, shape)
    if order is None:
        return None
    value = part.value
    dims = tuple(part.dims[k] for k in order)
    strides = tuple(value.strides[k] for k in order)
    merged = merged_dims(Nest(value.base, dims, strides))
    if not cuts(merged.dims) <= cuts(shape) | {1}:
        return None
    return Read(value.array, value.base, strides_over(merged, shape))


def merged_dims(found: Nest) -> Nest:
    """With dimensions that run on into each other made one."""
    dims: list[int] = []
    strides: list[int] = []
    for n, s in zip(reversed(found.dims), reversed(found.strides)):
        if dims and s == strides[-1] * dims[-1]:
            dims[-1] *= n
        else:
            dims.append(n)
            strides.append(s)
    return Nest(found.base, tuple(dims[::-1]), tuple(strides[::-1]))
