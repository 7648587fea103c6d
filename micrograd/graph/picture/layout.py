"""Where boxes go: a layered layout of an acyclic graph, in plain Python.

Four steps, after Sugiyama, Tagawa and Toda (1981): give every box a column, so that all
edges run to the right; cut long edges into pieces that each cross one column; order the
boxes of each column so that few edges cross; and choose heights that keep edges straight
without letting boxes touch. Everything is deterministic, and close to linear in time.

It knows nothing of Values: boxes are sizes, edges are pairs of numbers. What makes
boxes is in `diagram.py`, what draws them in `svg.py`; the columns come from `ranks.py`.
(Past 300 lines because its steps share what they know of each column.)
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Sequence
from copy import copy
from typing import Any, NamedTuple

from .channels import CLOSE, WORTH, Net, curved, room, trunks
from .ranks import Edge, ranks

SMALL = 40  # up to how many boxes and passages other orders are tried to begin with
STARTS = 3  # how many
STILL = 0.05  # what moves less, stands
TINY = 0.0001  # in terms of a place in a column, what a pixel up or down on a box is


FIRM = 4.0  # how much more passages pull than boxes do
THIN = 2.0  # the height of a passage
SHIFTS = (0.0, *(sign * k for k in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0) for sign in (1, -1)))


class Point(NamedTuple):
    x: float
    y: float


class Layout(NamedTuple):
    """Where things are: the left edge and the middle of each box, the points of each edge.

    The edges out of one box share their way as far as it is the same: their routes then
    begin with the same points. A route bends between its even points and the odd ones
    after them, and runs straight through the column from an odd point to the next even,
    or upright where it shares a trunk with others (`channels.py`).
    """

    boxes: list[Point]
    routes: list[list[Point]]
    width: float
    height: float
    columns: Sequence[int] = ()  # the column of each box
    spans: Sequence[tuple[float, float]] = ()  # where each column begins and ends
    crossings: int = 0  # of lines


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
        columns.order()
        columns.untwist()
        columns.place()
        if known is not None:
            known[sign] = columns
    return columns.of_widths(sizes).finish(upright)


class Pull(NamedTuple):
    """What something would be level with: boxes, passages or from passages; ports; the weight."""

    boxes: list[int]
    passages: list[int]
    ports: float
    weight: float


class Columns:
    """The boxes and the passages of long edges, column by column.

    Passages are numbered on from the boxes: `column[i]` and `height[i]` hold for both.
    All edges out of a box share one row of passages, and leave it where they are needed.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        edges: Sequence[Edge],
        gap: tuple[float, float],
        free: Collection[int],
        first: Sequence[int] = (),
        last: Sequence[int] = (),
        fixed: bool = False,
    ) -> None:
        self.free = free
        self.ends = list(last)
        self.begins = list(first)
        self.sizes = sizes
        self.edges = edges
        self.gap = gap
        self.column = pinned(ranks(len(sizes), edges), first, last)
        self.height = [h for _, h in sizes]
        # For each box or passage: what lies to its left and to its right, with ports.
        # Of what lies to the left also how far below its middle the edge leaves it.
        self.left: list[list[tuple[int, float, float]]] = [[] for _ in sizes]
        self.right: list[list[tuple[int, float]]] = [[] for _ in sizes]
        self.passages: dict[tuple[int, float], list[int]] = {}
        self.cut_long_edges()
        self.layers: list[list[int]] = [[] for _ in range(max(self.column) + 1)]
        self.y = [0.0] * len(self.column)
        # The layers in which boxes may change places.
        self.fixed = fixed
        low, high = int(fixed and bool(first)), len(self.layers) - int(fixed and bool(last))
        self.loose = range(low, high)

    def of_widths(self, sizes: Sequence[tuple[float, float]]) -> Columns:
        """The same with boxes of other widths."""
        found = copy(self)
        found.sizes = sizes
        found.y = list(self.y)
        return found

    def cut_long_edges(self) -> None:
        column = self.column
        reach: dict[tuple[int, float], int] = {}
        for source, target, _, out in self.edges:
            way = source, out
            reach[way] = max(reach.get(way, 0), column[target])
        for source, out in sorted(reach):
            before = source
            passages = self.passages[source, out] = []
            for c in range(column[source] + 1, reach[source, out]):
                passage = len(column)
                column.append(c)
                self.height.append(THIN)
                leave = out if before == source else 0.0
                self.left.append([(before, -leave, leave)])
                self.right.append([])
                self.right[before].append((passage, -leave))
                passages.append(passage)
                before = passage
        for edge in self.edges:
            last = self.last(edge)
            drop = self.drop(edge, last)
            self.left[edge.target].append((last, drop, edge.out if last == edge.source else 0.0))
            self.right[last].append((edge.target, drop))

    def last(self, edge: Edge) -> int:
        """From where an edge goes into its target: a passage, or the source itself."""
        steps = self.column[edge.target] - self.column[edge.source] - 1
        return self.passages[edge.source, edge.out][steps - 1] if steps else edge.source

    def drop(self, edge: Edge, last: int) -> float:
        """How much higher its target must be than what is before it, to keep it straight."""
        return edge.port - edge.out if last == edge.source else edge.port

    def untwist(self) -> None:
        """Let edges enter those boxes in the order in which they come from above."""
        position = self.positions()
        into: dict[int, list[int]] = {}
        for k, edge in enumerate(self.edges):
            if edge.target in self.free:
                into.setdefault(edge.target, []).append(k)
        edges = list(self.edges)
        for target, ks in into.items():
            if len(ks) < 2:
                continue
            ports = sorted(edges[k].port for k in ks)
            ks.sort(key=lambda k: (position[self.last(edges[k])], edges[k].out))
            self.left[target] = []
            for k, port in zip(ks, ports, strict=True):
                last = self.last(edges[k])
                self.right[last].remove((target, self.drop(edges[k], last)))
                edges[k] = edges[k]._replace(port=port)
                drop = self.drop(edges[k], last)
                self.right[last].append((target, drop))
                out = edges[k].out if last == edges[k].source else 0.0
                self.left[target].append((last, drop, out))
        self.edges = edges

    # Order ----------------------------------------------------------------------------

    def order(self) -> None:
        """Choose the order within each column: few crossings, and no more time than needed."""
        self.first_order()
        begun = self.crossings(self.positions())
        fewest = self.improve() if begun else 0
        size = len(self.column)
        starts = 0 if size > SMALL else STARTS
        for seed in range(starts):
            if fewest == 0:
                return
            kept = [list(layer) for layer in self.layers]
            source = random.Random(seed)
            for c in self.loose:
                source.shuffle(self.layers[c])
            found = self.improve(patience=2)
            if found >= fewest:
                self.layers = kept
            if (
                seed and found == fewest == begun
            ):  # no order seems to matter, as where all go to all
                return
            fewest = min(found, fewest)

    def improve(self, patience: int = 5) -> int:
        """Make crossings fewer than in the order as it is; how many are left."""
        position = self.positions()
        best = self.crossings(position)
        kept = [list(layer) for layer in self.layers]
        size = len(self.column)
        rounds = 24 if size < 500 else 10 if size < 2500 else 4
        fruitless = 0
        for i in range(rounds):
            if best == 0 or fruitless > patience:
                break
            self.sweep(position, rightwards=i % 2 == 0, turned=i % 4 < 2)
            if size < 1200:
                self.exchange(position)
            found = self.crossings(position)
            if found < best:
                best, fruitless = found, 0
                kept = [list(layer) for layer in self.layers]
            else:
                fruitless += 1
        self.layers = kept
        return best

    def first_order(self) -> None:
        """Depth first from the results to the left: trees come out without crossings."""
        seen = [False] * len(self.column)
        for start in [*self.ends, *range(len(self.column) - 1, -1, -1)]:
            if self.right[start] or seen[start]:
                continue
            stack = [start]
            while stack:
                i = stack.pop()
                if seen[i]:
                    continue
                seen[i] = True
                self.layers[self.column[i]].append(i)
                stack.extend(near[0] for near in reversed(self.left[i]))
        if self.fixed and self.begins:
            self.layers[0] = self.begins
        if self.fixed and self.ends:
            self.layers[-1] = self.ends

    def positions(self) -> list[int]:
        position = [0] * len(self.column)
        for layer in self.layers:
            for place, i in enumerate(layer):
                position[i] = place
        return position

    def sweep(self, position: list[int], rightwards: bool, turned: bool) -> None:
        """Order each column by the median place of the neighbours in the column before.

        The weighted median of Gansner and others; what has no neighbour keeps its place,
        and every other time what has the same median is turned around.
        """
        neighbours = self.left if rightwards else self.right
        columns = self.loose if rightwards else reversed(self.loose)
        middle = [0.0] * len(position)
        for c in columns:
            layer = self.layers[c]
            movable, fixed = [], []
            for place, i in enumerate(layer):
                if not neighbours[i]:
                    fixed.append((place, i))
                    continue
                places = self.before(i, position) if rightwards else self.behind(i, position)
                middle[i] = median(places)
                movable.append(i)
            if turned:
                movable.reverse()
            movable.sort(key=middle.__getitem__)
            for place, i in fixed:
                movable.insert(place, i)
            layer[:] = movable
            for place, i in enumerate(layer):
                position[i] = place

    def before(self, i: int, position: list[int]) -> list[float]:
        """From where edges come: what leaves a box further up, comes from further up."""
        return sorted([position[j] + TINY * out for j, _, out in self.left[i]])

    def behind(self, i: int, position: list[int]) -> list[float]:
        """Where edges go: what enters a box further up, goes further up."""
        free = self.free
        return sorted([
            float(position[j]) if j in free else position[j] + TINY * port
            for j, port in self.right[i]
        ])  # fmt: skip

    def exchange(self, position: list[int]) -> None:
        """Swap neighbours in a column wherever that undoes crossings."""
        for c in self.loose:
            layer = self.layers[c]
            # Where the neighbours in other columns are does not change meanwhile.
            ends = [(self.before(i, position), self.behind(i, position)) for i in layer]
            again = list(range(len(layer) - 2, -1, -1))
            while again:
                place = again.pop()
                first, second = ends[place], ends[place + 1]
                if gain(first[0], second[0]) + gain(first[1], second[1]) > 0:
                    layer[place], layer[place + 1] = layer[place + 1], layer[place]
                    ends[place], ends[place + 1] = second, first
                    if place + 2 < len(layer):
                        again.append(place + 1)
                    if place > 0:
                        again.append(place - 1)
            for place, i in enumerate(layer):
                position[i] = place

    def crossings(self, position: list[int]) -> int:
        """How many pairs of edges cross, between all columns."""
        total = 0
        free = self.free
        for layer in self.layers[1:]:
            ends: list[float] = []
            for i in layer:
                near = self.left[i]
                if i not in free and len(near) > 1:
                    near = sorted(near, key=port_of)
                    starts = [position[j] + TINY * out for j, _, out in near]
                else:
                    starts = self.before(i, position)
                # An edge crosses those that were met before it and start further down.
                for p in starts:
                    total += len(ends) - bisect_right(ends, p)
                    insort(ends, p)
        return total

    # Heights --------------------------------------------------------------------------

    def place(self) -> None:
        """Choose heights: each as near to its neighbours as the order in its column allows."""
        for layer in self.layers:
            y = 0.0
            for i in layer:
                self.y[i] = y + self.height[i] / 2
                y += self.height[i] + self.gap[1]
        self.pulls = [self.pulls_on(i) for i in range(len(self.column))]
        rounds = 12 if len(self.column) < 1500 else 6
        moved = [float("inf")] * 2  # in the last turns to the left and to the right
        for turn in range(rounds):
            both = turn >= rounds - 3
            rightwards = turn % 2 == 1
            if not both and max(moved) < STILL:
                continue
            layers = self.layers if rightwards else self.layers[::-1]
            moved[rightwards] = max(
                [self.settle(layer, both or rightwards, both or not rightwards) for layer in layers]
            )
            if both and moved[rightwards] < STILL:
                break

    def pulls_on(self, i: int) -> tuple[Pull, Pull]:
        """What pulls at something from the left and from the right."""
        left = [(j, -drop) for j, drop, _ in self.left[i]]
        return self.pull(i, left), self.pull(i, self.right[i])

    def pull(self, i: int, near: list[tuple[int, float]]) -> Pull:
        boxes = len(self.sizes)
        firm = [(j, drop) for j, drop in near if i >= boxes or j >= boxes]
        loose = [(j, drop) for j, drop in near if i < boxes and j < boxes]
        ports = FIRM * sum([drop for _, drop in firm]) + sum([drop for _, drop in loose])
        weight = FIRM * len(firm) + len(loose)
        return Pull([j for j, _ in loose], [j for j, _ in firm], ports, weight)

    def settle(self, layer: list[int], look_left: bool, look_right: bool) -> float:
        """The heights of one column: the least squares fit that keeps order and distance.

        How far something has moved.
        """
        y, height, boxes, gap = self.y, self.height, len(self.sizes), self.gap[1]
        pulls = self.pulls
        # In terms of z = y - (what must lie above), keeping distance means not decreasing:
        # an isotonic regression, solved by pooling neighbours that violate it.
        pools: list[list[float]] = []  # of z: the weighted sum, the weight, how many
        above = -height[layer[0]] / 2
        offsets = []
        for i in layer:
            half = height[i] / 2
            above += half
            offsets.append(above)
            wish = weight = 0.0
            from_left, from_right = pulls[i]
            if look_left:
                wish, weight = from_left.ports, from_left.weight
                for j in from_left.boxes:
                    wish += y[j]
                for j in from_left.passages:
                    wish += FIRM * y[j]
            if look_right:
                wish += from_right.ports
                weight += from_right.weight
                for j in from_right.boxes:
                    wish += y[j]
                for j in from_right.passages:
                    wish += FIRM * y[j]
            if weight == 0.0:
                wish, weight = 0.05 * y[i], 0.05
            pools.append([wish - weight * above, weight, 1])
            while len(pools) > 1 and pools[-2][0] * pools[-1][1] > pools[-1][0] * pools[-2][1]:
                last = pools.pop()
                before = pools[-1]
                before[0] += last[0]
                before[1] += last[1]
                before[2] += last[2]
            above += half + (gap if i < boxes else gap * 0.7)
        place = 0
        moved = 0.0
        for total, weight, count in pools:
            z = total / weight
            for _ in range(int(count)):
                i, height_now = layer[place], z + offsets[place]
                moved = max(moved, abs(height_now - y[i]))
                y[i] = height_now
                place += 1
        return moved

    # The result -----------------------------------------------------------------------

    def finish(self, upright: bool) -> Layout:
        boxes = len(self.sizes)
        if upright:
            self.clear()
        top = min(self.y[i] - self.height[i] / 2 for i in range(len(self.y)))
        y = self.y = [v - top for v in self.y]
        bottom = max(y[i] + self.height[i] / 2 for i in range(len(y)))
        width = [0.0] * len(self.layers)
        for i in range(boxes):
            width[self.column[i]] = max(width[self.column[i]], self.sizes[i][0])
        start = [0.0] * len(self.layers)
        crossings = 0
        # By column and source, how far from it the trunk of what goes there stands.
        tracks: dict[tuple[int, int, float], float] = {}
        for c in range(1, len(start)):
            space, offsets, crossed = self.channel(self.layers[c], upright)
            crossings += crossed
            start[c] = start[c - 1] + width[c - 1] + space
            tracks.update(((c, *way), start[c] - x) for way, x in offsets.items())
        points = []
        for i in range(boxes):
            c = self.column[i]
            spare = width[c] - self.sizes[i][0]
            beside = not self.left[i] and spare > self.sizes[i][0]  # near to what uses it
            points.append(Point(start[c] + (spare if beside else spare / 2), y[i]))
        routes = []
        for source, target, port, out in self.edges:
            route = [Point(points[source].x + self.sizes[source][0], y[source] + out)]

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
                if begin.x < right and self.is_in_the_way(c - 1, begin, end, points):
                    route += [Point(right, begin.y)] * 2
                if end.x > start[c] and self.is_in_the_way(c, end, begin, points):
                    route += [Point(start[c], end.y)] * 2
                route.append(end)

            steps = self.column[target] - self.column[source] - 1
            before = source
            for passage in self.passages[source, out][:steps]:
                c = self.column[passage]
                bend((c, before, out if before == source else 0.0), Point(start[c], y[passage]))
                route.append(Point(start[c] + width[c], y[passage]))
                before = passage
            leave = out if before == source else 0.0
            end = Point(points[target].x, y[target] + port)
            bend((self.column[target], before, leave), end)
            routes.append(route)
        spans = [(x, x + w) for x, w in zip(start, width, strict=True)]
        return Layout(
            points, routes, start[-1] + width[-1], bottom, self.column[:boxes], spans, crossings
        )

    def is_in_the_way(self, c: int, near: Point, far: Point, points: list[Point]) -> bool:
        """Whether a box of a column stands where a curve to a point in it or from it would run."""
        low, high = sorted((near.y, far.y))
        for i in self.layers[c]:
            if i < len(points):
                left, right = points[i].x, points[i].x + self.sizes[i][0]
                beside = left < near.x - 0.5 if far.x < near.x else right > near.x + 0.5
                half = self.height[i] / 2
                if beside and low < self.y[i] + half and self.y[i] - half < high:
                    return True
        return False

    def nets(self, layer: list[int]) -> dict[tuple[int, float], Net]:
        """What goes into a column, by the places that it comes from."""
        y = self.y
        ways: dict[tuple[int, float], list[float]] = {}
        for i in layer:
            for j, drop, out in self.left[i]:
                ways.setdefault((j, out), []).append(y[i] + drop + out)
        return {
            (j, out): Net(y[j] + out, tuple(sorted(taps))) for (j, out), taps in ways.items()
        }  # fmt: skip

    def clear(self) -> None:
        """Move passages a little where their line would come to lie on that of another edge."""
        for layer, after in zip(self.layers[-2::-1], self.layers[:0:-1], strict=True):
            nets = self.nets(after)
            if curved([*nets.values()]) < WORTH:
                continue
            for place, i in enumerate(layer):
                net = nets.get((i, 0.0))
                if self.height[i] > THIN or net is None or net.straight:
                    continue
                lines = [t for way, other in nets.items() if way[0] != i for t in other.taps]
                beside = [
                    self.y[j]
                    for j in (*layer[max(0, place - 1) : place], *layer[place + 1 : place + 2])
                ]
                for shift in SHIFTS:
                    y = net.start + shift
                    if all(abs(y - line) > CLOSE for line in lines) and all(
                        abs(y - near) > 2 * CLOSE and (y > near) == (net.start > near)
                        for near in beside
                    ):
                        self.y[i] = y
                        break

    def channel(
        self, layer: list[int], upright: bool
    ) -> tuple[float, dict[tuple[int, float], float], int]:
        """How far a column is from the one before; for each source with a trunk how far that is
        from the column; and how many lines cross."""
        y = self.y
        climb = 0.0  # of the steepest edge
        for i in layer:
            for j, drop, _ in self.left[i]:
                climb = max(climb, abs(y[i] + drop - y[j]))
        ways = self.nets(layer)
        found, crossings = trunks([*ways.values()], upright)
        if found is None:
            return self.gap[0] + min(90.0, 0.12 * climb), {}, crossings
        wide, pitch = room(found)
        space = max(self.gap[0], wide)
        last = (space + wide - 28.0) / 2  # in the middle of the channel
        offsets = {
            way: last - pitch * track
            for way, track in zip(ways, found, strict=True) if track is not None
        }  # fmt: skip
        return space, offsets, crossings


def pinned(column: list[int], first: Collection[int], last: Collection[int]) -> list[int]:
    """The columns, with a column before the others for some boxes, and one behind for others."""
    fixed = {*first, *last}
    if not fixed:
        return column
    others = [c for i, c in enumerate(column) if i not in fixed]
    low, high = min(others, default=0), max(others, default=0)
    before = bool(first)
    found = [c - low + before for c in column]
    for i in first:
        found[i] = 0
    for i in last:
        found[i] = high - low + before + 1
    return found


def port_of(near: tuple[int, float, float]) -> float:
    """How far down an edge enters."""
    return near[1] + near[2]


def gain(above: list[float], below: list[float]) -> int:
    """How many crossings are undone when what ends in these sorted places changes places."""
    if not above or not below:
        return 0
    if above[-1] < below[0]:
        return -len(above) * len(below)
    n = len(below)
    return sum([bisect_left(below, p) + bisect_right(below, p) for p in above]) - n * len(above)


def median(places: Sequence[float]) -> float:
    """The middle of these places; between two of them, nearer to where the others are close."""
    half = len(places) // 2
    if len(places) % 2:
        return places[half]
    low, high = places[half - 1], places[half]
    left, right = low - places[0], places[-1] - high
    if left + right == 0:
        return (low + high) / 2
    return (low * right + high * left) / (left + right)
