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

from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import NamedTuple

from .ranks import Edge, ranks


class Point(NamedTuple):
    x: float
    y: float


class Layout(NamedTuple):
    """Where things are: the left edge and the middle of each box, the points of each edge.

    The edges out of one box share their way as far as it is the same: their routes then
    begin with the same points. A route bends between its even points and the odd ones
    after them, and runs straight through the column from an odd point to the next even.
    """

    boxes: list[Point]
    routes: list[list[Point]]
    width: float
    height: float
    columns: Sequence[int] = ()  # the column of each box
    spans: Sequence[tuple[float, float]] = ()  # where each column begins and ends


def layout(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    gap: tuple[float, float] = (34.0, 14.0),
    free: Collection[int] = (),
    first: Collection[int] = (),
    last: Collection[int] = (),
) -> Layout:
    """The positions of boxes of these widths and heights, given in topological order.

    `gap` is the least distance between columns and between the boxes of a column. The
    boxes in `free` may be entered in any order: their ports are dealt out anew. Those in
    `first` have a column to the left of all others, those in `last` one to the right.
    """
    if not sizes:
        return Layout([], [], 0.0, 0.0)
    columns = Columns(sizes, edges, gap, free, first, last)
    columns.order()
    columns.untwist()
    columns.place()
    return columns.finish()


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
        first: Collection[int] = (),
        last: Collection[int] = (),
    ) -> None:
        self.free = free
        self.ends = sorted(last)
        self.sizes = sizes
        self.edges = edges
        self.gap = gap
        self.column = pinned(ranks(len(sizes), edges), first, last)
        self.height = [h for _, h in sizes]
        # For each box or passage: what lies to its left and to its right, with ports.
        self.left: list[list[tuple[int, float]]] = [[] for _ in sizes]
        self.right: list[list[tuple[int, float]]] = [[] for _ in sizes]
        self.passages: dict[tuple[int, float], list[int]] = {}
        # Where edges leave a box elsewhere than in its middle: how far below, by both ends.
        self.outs: dict[tuple[int, int], float] = {}
        self.cut_long_edges()
        self.layers: list[list[int]] = [[] for _ in range(max(self.column) + 1)]
        self.y = [0.0] * len(self.column)

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
                self.height.append(2.0)
                drop = -out if before == source else 0.0
                self.left.append([(before, drop)])
                self.right.append([])
                self.right[before].append((passage, drop))
                if drop:
                    self.outs[before, passage] = out
                passages.append(passage)
                before = passage
        for edge in self.edges:
            last = self.last(edge)
            drop = self.drop(edge, last)
            self.left[edge.target].append((last, drop))
            self.right[last].append((edge.target, drop))
            if last == edge.source and edge.out:
                self.outs[last, edge.target] = edge.out

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
                self.right[last].append((target, self.drop(edges[k], last)))
                self.left[target].append((last, self.drop(edges[k], last)))
        self.edges = edges

    # Order ----------------------------------------------------------------------------

    def order(self) -> None:
        """Choose the order within each column: few crossings, and no more time than needed."""
        self.first_order()
        position = self.positions()
        best = self.crossings(position)
        kept = [list(layer) for layer in self.layers]
        size = len(self.column)
        rounds = 24 if size < 500 else 10 if size < 2500 else 4
        fruitless = 0
        for i in range(rounds):
            if best == 0 or fruitless > 5:
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
                stack.extend(j for j, _ in reversed(self.left[i]))

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
        layers = self.layers[1:] if rightwards else self.layers[-2::-1]
        middle = [0.0] * len(position)
        for layer in layers:
            movable, fixed = [], []
            for place, i in enumerate(layer):
                near = neighbours[i]
                if not near:
                    fixed.append((place, i))
                    continue
                if rightwards and self.outs:  # what leaves a box further up stands further up
                    outs = self.outs
                    places: list[float] = [
                        position[j] + 0.001 * outs.get((j, i), 0.0) for j, _ in near
                    ]
                elif rightwards:
                    places = [position[j] for j, _ in near]
                else:  # what enters a box further up stands further up
                    places = [
                        position[j] if j in self.free else position[j] + 0.001 * port
                        for j, port in near
                    ]
                places.sort()
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

    def exchange(self, position: list[int]) -> None:
        """Swap neighbours in a column wherever that undoes crossings."""
        for layer in self.layers:
            # Where the neighbours in other columns are does not change meanwhile.
            ends = [
                (sorted([position[k] for k, _ in self.left[i]]),
                 sorted([position[k] for k, _ in self.right[i]]))
                for i in layer
            ]  # fmt: skip
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
        for layer in self.layers[1:]:
            ends: list[int] = []
            for i in layer:
                # An edge crosses those that were met before it and start further down.
                starts = sorted([position[j] for j, _ in self.left[i]])
                for p in starts:
                    total += len(ends) - bisect_right(ends, p)
                if starts:
                    ends += starts
                    ends.sort()
        return total

    # Heights --------------------------------------------------------------------------

    def place(self) -> None:
        """Choose heights: each as near to its neighbours as the order in its column allows."""
        for layer in self.layers:
            y = 0.0
            for i in layer:
                self.y[i] = y + self.height[i] / 2
                y += self.height[i] + self.gap[1]
        rounds = 12 if len(self.column) < 1500 else 6
        for turn in range(rounds):
            both = turn >= rounds - 3
            rightwards = turn % 2 == 1
            layers = self.layers if rightwards else self.layers[::-1]
            for layer in layers:
                self.settle(layer, both or rightwards, both or not rightwards)

    def settle(self, layer: list[int], look_left: bool, look_right: bool) -> None:
        """The heights of one column: the least squares fit that keeps order and distance."""
        y, height, boxes, gap = self.y, self.height, len(self.sizes), self.gap[1]
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
            if look_left:
                for j, port in self.left[i]:
                    w = 4.0 if i >= boxes or j >= boxes else 1.0
                    wish += w * (y[j] - port)
                    weight += w
            if look_right:
                for j, port in self.right[i]:
                    w = 4.0 if i >= boxes or j >= boxes else 1.0
                    wish += w * (y[j] + port)
                    weight += w
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
        for total, weight, count in pools:
            z = total / weight
            for _ in range(int(count)):
                y[layer[place]] = z + offsets[place]
                place += 1

    # The result -----------------------------------------------------------------------

    def finish(self) -> Layout:
        boxes = len(self.sizes)
        top = min(self.y[i] - self.height[i] / 2 for i in range(len(self.y)))
        y = [v - top for v in self.y]
        bottom = max(y[i] + self.height[i] / 2 for i in range(len(y)))
        width = [0.0] * len(self.layers)
        climb = [0.0] * len(self.layers)  # the steepest edge into each column
        for i in range(boxes):
            width[self.column[i]] = max(width[self.column[i]], self.sizes[i][0])
        for i in range(len(y)):
            for j, port in self.left[i]:
                c = self.column[i]
                climb[c] = max(climb[c], abs(y[i] + port - y[j]))
        start = [0.0] * len(self.layers)
        for c in range(1, len(start)):
            space = self.gap[0] + min(90.0, 0.12 * climb[c])
            start[c] = start[c - 1] + width[c - 1] + space
        points = []
        for i in range(boxes):
            c = self.column[i]
            room = width[c] - self.sizes[i][0]
            beside = not self.left[i] and room > self.sizes[i][0]  # near to what uses it
            points.append(Point(start[c] + (room if beside else room / 2), y[i]))
        routes = []
        for source, target, port, out in self.edges:
            route = [Point(points[source].x + self.sizes[source][0], y[source] + out)]
            steps = self.column[target] - self.column[source] - 1
            for passage in self.passages[source, out][:steps]:
                c = self.column[passage]
                route.append(Point(start[c], y[passage]))
                route.append(Point(start[c] + width[c], y[passage]))
            route.append(Point(points[target].x, y[target] + port))
            routes.append(route)
        spans = [(x, x + w) for x, w in zip(start, width, strict=True)]
        return Layout(points, routes, start[-1] + width[-1], bottom, self.column[:boxes], spans)


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


def gain(above: list[int], below: list[int]) -> int:
    """How many crossings are undone when what ends in these sorted places changes places."""
    if not above or not below:
        return 0
    if above[-1] < below[0]:
        return -len(above) * len(below)
    return sum([(p > q) - (p < q) for p in above for q in below])


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
