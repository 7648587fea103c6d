"""What frames are laid out as: rows of boxes and frames, in blocks one inside the other.

Here are the parts and what can be said of them alone: in which order things stand, and in which
row. How blocks are made is in `nested.py`; read that next.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

from .columns import Layout, Point

MARK = 20.0  # the height of a mark

Ref = tuple[str, int]  # "box", "frame"; of an edge "in", "out", "from", "to", with its source


class Around(NamedTuple):
    """A frame by its title and the frame around it."""

    parent: int
    title_width: float


class Mark(NamedTuple):
    """Where an edge goes on in a later row, or comes from an earlier one."""

    source: int  # the box whose edge it is
    at: Point  # the middle of its left edge
    width: float
    goes_on: bool


class Picture(NamedTuple):
    """Absolute places: of boxes their left edge and middle, of frames their corners.

    `routes` has for each edge its last piece, or all where it is in one row; `ends` the pieces
    up to the marks, each with the number of an edge that it belongs to.
    """

    boxes: list[Point]
    routes: list[list[Point]]
    frames: list[tuple[float, float, float, float]]
    marks: list[Mark]
    ends: list[tuple[int, list[Point]]]
    width: float
    height: float
    rows: int


class Row(NamedTuple):
    """One layout inside a block, and where in the block it stands."""

    at: Point
    found: Layout
    items: list[Ref]  # what the boxes of the layout are
    edges: list[tuple[Ref, Ref, int]]  # between which, and the number of an edge of the whole


class Block(NamedTuple):
    """A frame with all that is in it, in coordinates of its own."""

    frame: int
    width: float
    height: float
    rows: list[Row]
    children: dict[int, Block]
    entries: dict[int, float]  # of a source outside: how far down
    exits: dict[int, float]  # of a source inside
    row_of: dict[Ref, int]
    crossings: int  # of lines in it, also in the frames inside


def first_rows(links: list[tuple[Ref, Ref, int]], row_of: dict[Ref, int]) -> dict[int, int]:
    """By source outside of a frame the row in which its edges come in."""
    found: dict[int, int] = {}
    for a, b, _ in links:
        if a[0] == "in" and b in row_of:
            found[a[1]] = min(found.get(a[1], row_of[b]), row_of[b])
    return found


def sorted_items(items: list[Ref], links: list[tuple[Ref, Ref, int]]) -> list[Ref]:
    """The items of a frame in topological order, as near to the given one as that allows."""
    place = {ref: i for i, ref in enumerate(items)}
    users: dict[Ref, set[Ref]] = {ref: set() for ref in items}
    missing = dict.fromkeys(items, 0)
    for a, b, _ in links:
        if a in place and b in place and b not in users[a]:
            users[a].add(b)
            missing[b] += 1
    free = [place[ref] for ref in items if not missing[ref]]
    heapq.heapify(free)
    found: list[Ref] = []
    while free:
        ref = items[heapq.heappop(free)]
        found.append(ref)
        for user in users[ref]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(free, place[user])
    return found


def beside_users(row_of: dict[Ref, int], links: list[tuple[Ref, Ref, int]]) -> None:
    """Put what depends on nothing into the row of the first that uses it."""
    fixed = {b for _, b, _ in links}
    first: dict[Ref, int] = {}
    for a, b, _ in links:
        if a in row_of and b in row_of and a not in fixed:
            first[a] = min(first.get(a, row_of[b]), row_of[b])
    row_of.update(first)


def cuts(row: Row, room: float) -> list[int]:
    """The row of each column: as few rows as there is room for, and as even as they can be."""

    def packed(width: float) -> list[int]:
        parts: list[int] = []
        start, r = spans[0][0], 0
        for left, right in spans:
            if right - start > width and left > start:
                r += 1
                start = left
            parts.append(r)
        return parts

    spans = row.found.spans
    parts = packed(room)
    low, high = 0.0, room
    for _ in range(12):
        middle = (low + high) / 2
        if packed(middle)[-1] == parts[-1]:
            high = middle
        else:
            low = middle
    return packed(high)
