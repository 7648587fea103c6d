"""The columns of a layered layout: which boxes stand in each, and where long edges pass.

All that the steps of `layout.py` work on: `order.py` puts the boxes of a column in order,
`heights.py` chooses their heights. The columns themselves come from `ranks.py`; read that next.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import NamedTuple

from .channels import Net
from .ranks import Edge, ranks

THIN = 2.0  # the height of a passage


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
        self.edges: list[Edge] = list(edges)
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
        self.fewest = 0  # crossings, in the order that was found
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

    def own(self) -> None:
        """Change no edges of others with the same order and heights from now on."""
        self.edges = list(self.edges)
        self.left = list(self.left)
        self.right = [list(near) for near in self.right]

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
        self.edges = list(self.edges)
        for target, ks in into.items():
            if len(ks) > 1:
                ks.sort(key=lambda k: (position[self.last(self.edges[k])], self.edges[k].out))
                self.deal(target, ks)

    def deal(self, target: int, ks: list[int]) -> None:
        """Let these edges, all that enter a box, do so from above to below."""
        edges = self.edges
        ports = sorted(edges[k].port for k in ks)
        self.left[target] = []
        for k, port in zip(ks, ports, strict=True):
            last = self.last(edges[k])
            self.right[last].remove((target, self.drop(edges[k], last)))
            edges[k] = edges[k]._replace(port=port)
            drop = self.drop(edges[k], last)
            self.right[last].append((target, drop))
            out = edges[k].out if last == edges[k].source else 0.0
            self.left[target].append((last, drop, out))

    def positions(self) -> list[int]:
        position = [0] * len(self.column)
        for layer in self.layers:
            for place, i in enumerate(layer):
                position[i] = place
        return position

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
