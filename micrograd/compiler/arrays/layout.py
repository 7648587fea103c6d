"""Positions of numbers in arrays: which of them lie at constant differences, and so are a view.

A `Nest` says where the elements of an array of some dimensions are read: at a base, and so far
apart along each dimension. `nest` finds one in a list of positions, in one pass. Read `group.py`
next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from operator import sub
from typing import NamedTuple


class Nest(NamedTuple):
    """Element (i, j, ...) lies at base + i * strides[0] + j * strides[1] + ..."""

    base: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    def positions(self) -> list[int]:
        """All positions, the last index running first."""
        found = [self.base]
        for n, stride in zip(self.dims, self.strides):
            steps = range(0, n * stride, stride) if stride else [0] * n
            found = [p + s for p in found for s in steps]
        return found


def collapsed(p: Sequence[int]) -> tuple[list[int], int, int]:
    """Where the equal runs of p start, how long they are and the difference within them.

    Of length 1 where p does not begin with a run that goes on in the same way.
    """
    n = len(p)
    if n < 2:
        return list(p), 1, 0
    steps = list(map(sub, p[1:], p))
    s = steps[0]
    length = 2
    while length < n and steps[length - 1] == s:
        length += 1
    if n % length:
        return list(p), 1, 0
    run = [s] * (length - 1)
    for b in range(0, n, length):
        if steps[b : b + length - 1] != run:
            return list(p), 1, 0
    return list(p[::length]), length, s


def nest(p: Sequence[int]) -> Nest | None:
    """The nest with these positions, or None."""
    dims: list[int] = []
    strides: list[int] = []
    rest = list(p)
    while len(rest) > 1:
        rest, length, s = collapsed(rest)
        if length == 1:
            return None
        dims.append(length)
        strides.append(s)
    return Nest(rest[0], tuple(dims[::-1]), tuple(strides[::-1])) if rest else None


def nest_of_rows(p: Sequence[int], width: int) -> Nest | None:
    """The nest of rows of this width, whatever runs on over their ends; or None."""
    if width == 1 or len(p) == width:
        return nest(p)
    s = p[1] - p[0]
    run = list(range(0, width * s, s)) if s else [0] * width
    for b in range(0, len(p), width):
        first = p[b]
        if [x - first for x in p[b : b + width]] != run:
            return nest(p)
    starts = nest(p[::width])
    if starts is None:
        return nest(p)
    return Nest(starts.base, (*starts.dims, width), (*starts.strides, s))


def cuts(dims: Sequence[int]) -> set[int]:
    """How many elements the innermost dimensions hold, taken together one by one."""
    found: set[int] = set()
    size = 1
    for n in reversed(dims):
        size *= n
        found.add(size)
    return found


def refined(wanted: Iterable[int], total: int) -> tuple[int, ...] | None:
    """The dimensions that have all these cuts; None where they contradict each other."""
    dims: list[int] = []
    size = 1
    for cut in sorted({*wanted, total}):
        if cut == 1:
            continue
        if cut % size or cut > total:
            return None
        if cut > size:
            dims.append(cut // size)
        size = cut
    return tuple(dims[::-1])


def strides_over(found: Nest, dims: Sequence[int]) -> tuple[int, ...]:
    """The strides of a nest over finer dimensions, which have all its cuts."""
    strides: list[int] = []
    own = list(zip(found.dims, found.strides))
    left, s = own.pop() if own else (1, 0)
    for n in reversed(dims):
        while left == 1 and own:
            left, s = own.pop()
        strides.append(s if n > 1 else 0)
        s *= n
        left //= n
    return tuple(strides[::-1])


def row_major(dims: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array of these dimensions that lies in order."""
    return tuple(prod(dims[k + 1 :]) for k in range(len(dims)))
