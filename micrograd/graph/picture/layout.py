"""Where boxes go: a layered layout of an acyclic graph, in plain Python.

Four steps, after Sugiyama, Tagawa and Toda (1981): give every box a column, so that all
edges run to the right; cut long edges into pieces that each cross one column; order the
boxes of each column so that few edges cross; and choose heights that keep edges straight
without letting boxes touch. Everything is deterministic, and close to linear in time.

It knows nothing of Values: boxes are sizes, edges are pairs of numbers. What makes
boxes is in `diagram.py`, what draws them in `svg.py`. Here are the steps in a row and the routes
of edges at the end; read `columns.py`, `order.py` and `heights.py` next.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .channels import WORTH, curved, room, trunks
from .columns import Columns, Layout, Point
from .heights import clear, place
from .order import order
from .ranks import Edge


def layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    gap: tuple[float, float] = (34.0, 14.0),
    free: Collection[int] = (),
    first: Sequence[int] = (),
    last: Sequence[int] = (),
    upright: bool = False,
    fixed: bool = False,
    known: dict[Any, Columns] | None = None,
) -> Layout:
    """The positions of boxes of these widths and heights, given in topological order.

    `gap` is the least distance between columns and between the boxes of a column. The
    boxes in `free` may be entered in any order: their ports are dealt out anew. Those in
    `first` have a column to the left of all others, those in `last` one to the right.
    With `upright` edges from one place share an upright line where many would cross. With
    `fixed` the boxes of `first` and `last` keep their order. In `known` is kept what does not
    depend on widths, for boxes that differ in nothing else.
    """
    if not sizes:
        return Layout([], [], 0.0, 0.0)
    heights = tuple([h for _, h in sizes])
    sign = heights, tuple(edges), gap, frozenset(free), tuple(first), tuple(last), fixed
    columns = None if known is None else known.get(sign)
    if columns is None:
        columns = Columns(sizes, edges, gap, free, first, last, fixed)
        columns.fewest = order(columns)
        columns.untwist()
        place(columns)
        if known is not None:
            known[sign] = columns
    return finish(columns.of_widths(sizes), upright)


def finish(columns: Columns, upright: bool) -> Layout:
    boxes = len(columns.sizes)
    if upright and columns.fewest >= WORTH:
        clear(columns)
        turn_inwards(columns)
    top = min(columns.y[i] - columns.height[i] / 2 for i in range(len(columns.y)))
    y = columns.y = [v - top for v in columns.y]
    bottom = max(y[i] + columns.height[i] / 2 for i in range(len(y)))
    width = [0.0] * len(columns.layers)
    for i in range(boxes):
        width[columns.column[i]] = max(width[columns.column[i]], columns.sizes[i][0])
    start = [0.0] * len(columns.layers)
    crossings = 0
    # By column and source, how far from it the trunk of what goes there stands.
    tracks: dict[tuple[int, int, float], float] = {}
    for c in range(1, len(start)):
        space, offsets, crossed = channel(columns, columns.layers[c], upright)
        crossings += crossed
        start[c] = start[c - 1] + width[c - 1] + space
        tracks.update(((c, *way), start[c] - x) for way, x in offsets.items())
    points = []
    for i in range(boxes):
        c = columns.column[i]
        spare = width[c] - columns.sizes[i][0]
        beside = not columns.left[i] and spare > columns.sizes[i][0]  # near to what uses it
        points.append(Point(start[c] + (spare if beside else spare / 2), y[i]))
    routes = []
    for source, target, port, out in columns.edges:
        route = [Point(points[source].x + columns.sizes[source][0], y[source] + out)]

        def bend(way: tuple[int, int, float], end: Point, route: list[Point] = route) -> None:
            x, begin, c = tracks.get(way), route[-1], way[0]
            if abs(end.y - begin.y) < 0.05:
                route.append(end)
                return
            if x is not None:
                route += [Point(x, begin.y), Point(x, end.y), end]
                return
            # Straight past what is wider in a column, and bent in the channel alone.
            right = start[c - 1] + width[c - 1]
            if begin.x < right and is_in_the_way(columns, c - 1, begin, end, points):
                route += [Point(right, begin.y)] * 2
            if end.x > start[c] and is_in_the_way(columns, c, end, begin, points):
                route += [Point(start[c], end.y)] * 2
            route.append(end)

        steps = columns.column[target] - columns.column[source] - 1
        before = source
        for passage in columns.passages[source, out][:steps]:
            c = columns.column[passage]
            bend((c, before, out if before == source else 0.0), Point(start[c], y[passage]))
            route.append(Point(start[c] + width[c], y[passage]))
            before = passage
        leave = out if before == source else 0.0
        end = Point(points[target].x, y[target] + port)
        bend((columns.column[target], before, leave), end)
        routes.append(route)
    spans = [(x, x + w) for x, w in zip(start, width, strict=True)]
    return Layout(
        points, routes, start[-1] + width[-1], bottom, columns.column[:boxes], spans, crossings
    )


def is_in_the_way(columns: Columns, c: int, near: Point, far: Point, points: list[Point]) -> bool:
    """Whether a box of a column stands where a curve to a point in it or from it would run."""
    low, high = sorted((near.y, far.y))
    for i in columns.layers[c]:
        if i < len(points):
            left, right = points[i].x, points[i].x + columns.sizes[i][0]
            beside = left < near.x - 0.5 if far.x < near.x else right > near.x + 0.5
            half = columns.height[i] / 2
            if beside and low < columns.y[i] + half and columns.y[i] - half < high:
                return True
    return False


def turn_inwards(columns: Columns) -> None:
    """Let edges of a bundle enter the boxes above it the other way round, if fewer lines cross.

    So what turns off first is the outermost, above and below.
    """
    into: dict[int, list[int]] = {}
    for layer in columns.layers[1:]:
        nets = [*columns.nets(layer).values()]
        if curved(nets) < WORTH:
            continue
        if not into:
            columns.own()
            for k, edge in enumerate(columns.edges):
                into.setdefault(edge.target, []).append(k)
        highest = min(net.start for net in nets)
        above = [i for i in layer if i in columns.free and columns.y[i] < highest and i in into]
        if not above:
            continue
        _, before = trunks(nets, wanted=True)
        for _ in range(2):  # and back, where that is no better
            for i in above:
                ks = sorted(into[i], key=lambda k: -columns.edges[k].port)
                columns.deal(i, ks)
            found, after = trunks([*columns.nets(layer).values()], wanted=True)
            if found is not None and after < before:
                break


def channel(
    columns: Columns, layer: list[int], upright: bool
) -> tuple[float, dict[tuple[int, float], float], int]:
    """How far a column is from the one before; for each source with a trunk how far that is
    from the column; and how many lines cross."""
    y = columns.y
    climb = 0.0  # of the steepest edge
    for i in layer:
        for j, drop, _ in columns.left[i]:
            climb = max(climb, abs(y[i] + drop - y[j]))
    ways = columns.nets(layer)
    found, crossings = trunks([*ways.values()], upright)
    if found is None:
        return columns.gap[0] + min(90.0, 0.12 * climb), {}, crossings
    wide, pitch = room(found)
    space = max(columns.gap[0], wide)
    last = (space + wide - 28.0) / 2  # in the middle of the channel
    offsets = {
        way: last - pitch * track
        for way, track in zip(ways, found, strict=True) if track is not None
    }  # fmt: skip
    return space, offsets, crossings
