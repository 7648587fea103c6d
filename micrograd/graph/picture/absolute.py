"""Absolute places: of all boxes, frames and marks, and the routes of edges across borders.

An edge through the borders of frames is put together from its pieces in each of them. What is in a
frame is laid out in `nested.py`, what this gives is drawn by `svg.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import MARK, Block, Mark, Picture, Ref
from .columns import Point
from .nested import Whole

# By frame: the pieces of edges in it, by both ends and a tag.
Pieces = dict[int, dict[tuple[Ref, Ref, tuple[int, int]], list[Point]]]


def places(whole: Whole, limit: float = float("inf")) -> Picture:
    """No row is wider than the limit if it can be cut."""
    if not whole.outside and whole.frames:
        whole.refine()
    found = absolute(whole, whole.block(-1, limit))
    return upright(found, whole.upright) if whole.down else found


def absolute(whole: Whole, top: Block) -> Picture:
    """Everything in the coordinates of the page."""
    boxes = [Point(0.0, 0.0)] * len(whole.sizes)
    frames = [(0.0, 0.0, 0.0, 0.0)] * len(whole.frames)
    marks: list[Mark] = []
    pieces: Pieces = {}
    blocks: dict[int, Block] = {}

    def put(block: Block, x: float, y: float) -> None:
        blocks[block.frame] = block
        if block.frame >= 0:
            frames[block.frame] = (x, y, x + block.width, y + block.height)
        mine = pieces[block.frame] = {}
        for row in block.rows:
            left, up = x + row.at.x, y + row.at.y
            for ref, point in zip(row.items, row.found.boxes, strict=True):
                kind, i = ref
                if kind == "box":
                    boxes[i] = Point(left + point.x, up + point.y)
                elif kind == "frame":
                    child = block.children[i]
                    put(child, left + point.x, up + point.y - child.height / 2)
                elif kind in ("from", "to"):
                    at = Point(left + point.x, up + point.y)
                    wide = whole.size(ref, {})[1 if whole.down else 0]
                    marks.append(Mark(i, at, wide, kind == "to"))
            for (a, b, k), route in zip(row.edges, row.found.routes, strict=True):
                way = [Point(left + p.x, up + p.y) for p in route]
                if a[0] == "in":  # from the border itself
                    way[0] = way[0]._replace(x=x)
                if b[0] == "out":
                    way[-1] = way[-1]._replace(x=x + block.width)
                mine[a, b, sign(whole, k, b)] = way

    put(top, 0.0, 0.0)
    ends: list[tuple[int, list[Point]]] = []
    routes = [route(whole, k, blocks, pieces, ends) for k in range(len(whole.edges))]
    return Picture(boxes, routes, frames, marks, ends, top.width, top.height, whole.rows)


def sign(whole: Whole, k: int, b: Ref) -> tuple[int, int]:
    """What tells the pieces of edges between the same two things apart."""
    return (-1, k) if b[0] == "box" else (whole.edges[k].source, -1)


def route(
    whole: Whole,
    k: int,
    blocks: dict[int, Block],
    pieces: Pieces,
    ends: list[tuple[int, list[Point]]],
) -> list[Point]:
    """The way of an edge from its box, or from its last mark, to its target.

    What comes before a mark is put into `ends`.
    """
    edge = whole.edges[k]
    up, down = whole.chain[whole.owner[edge.source]], whole.chain[whole.owner[edge.target]]
    shared = 0
    while shared < min(len(up), len(down)) and up[shared] == down[shared]:
        shared += 1
    found: list[Point] = []

    def join(g: int, a: Ref, b: Ref) -> None:
        nonlocal found
        mine = pieces[g]
        mark = sign(whole, k, b)
        piece = mine.get((a, b, mark))
        if piece is None:  # it begins anew at a mark
            end = mine[a, ("to", edge.source), (edge.source, -1)]
            ends.append((k, [*found, *end]))
            found, piece = [], mine[("from", edge.source), b, mark]
        found = [*found, *piece]

    for g in reversed(up[shared:]):
        join(g, whole.held(edge.source, g), ("out", edge.source))
    g = down[shared - 1] if shared else -1
    join(g, whole.held(edge.source, g), whole.held(edge.target, g))
    for g in down[shared:]:
        join(g, ("in", edge.source), whole.held(edge.target, g))
    return found


def upright(found: Picture, sizes: Sequence[tuple[float, float]]) -> Picture:
    """A picture that was laid out on its side."""

    def turn(route: list[Point]) -> list[Point]:
        return [Point(p.y, p.x) for p in route]

    boxes = [Point(p.y - w / 2, p.x + h / 2) for p, (w, h) in zip(found.boxes, sizes, strict=True)]
    frames = [(top, left, bottom, right) for left, top, right, bottom in found.frames]
    marks = [
        mark._replace(at=Point(mark.at.y - mark.width / 2, mark.at.x + MARK / 2))
        for mark in found.marks
    ]
    ends = [(k, turn(route)) for k, route in found.ends]
    return Picture(
        boxes, [turn(route) for route in found.routes], frames, marks, ends,
        found.height, found.width, found.rows,
    )  # fmt: skip
