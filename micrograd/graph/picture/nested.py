"""Where frames go: each is laid out by itself and then is one box in the frame around it.

So frames nest and never cross, whatever the graph. An edge through a frame's border passes it at
a place of its own, the same inside and outside. What is too wide is cut into rows, one below the
other: an edge from one row to a later one ends at a mark, and begins again at a mark of the same
name. Read `layout.py` first, which knows nothing of frames, and `absolute.py` next, where all is
put together.
(Past 300 lines because laying out and cutting share what they know of a frame.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .blocks import MARK, Around, Block, Ref, Row, beside_users, cuts, first_rows, sorted_items
from .columns import Layout, Point
from .layout import layout
from .measure import text_width
from .ranks import Edge

HEAD = 24.0  # the height of the line with the title of a frame
SIDE = 12.0  # the room between a frame and what is in it
BETWEEN = 30.0  # the room between two rows
LARGE = 300  # from how many boxes on frames that fit are not made narrower for what is beside them
REFINED = 2  # how often frames are laid out again, knowing what is outside
MARKED = 200.0  # how much of a row its marks take, about


class Whole:
    """Places for boxes in frames, for one limit of width or another.

    `owner` has the frame of each box, -1 for none; `names` what the marks of edges out of each
    box are called. With `down` edges run from top to bottom: it is laid out on its side.
    """

    def __init__(
        self,
        sizes: Sequence[tuple[float, float]],
        edges: Sequence[Edge],
        gap: tuple[float, float],
        free: Collection[int],
        owner: Sequence[int],
        frames: Sequence[Around],
        names: Sequence[str],
        down: bool = False,
        upright: bool = False,
    ) -> None:
        self.down = down
        self.with_trunks = upright
        self.upright = sizes
        self.sizes = [(h, w) for w, h in sizes] if down else sizes
        self.edges, self.gap = edges, gap[::-1] if down else gap
        self.free = set(free)
        self.owner, self.frames, self.names = owner, frames, names
        self.boxes_of: dict[int, list[int]] = {g: [] for g in range(-1, len(frames))}
        for i, g in enumerate(owner):
            self.boxes_of[g].append(i)
        self.frames_of: dict[int, list[int]] = {g: [] for g in range(-1, len(frames))}
        for g, frame in enumerate(frames):
            self.frames_of[frame.parent].append(g)
        self.chain: dict[int, list[int]] = {-1: []}  # of each frame those around it and itself
        for g, frame in enumerate(frames):
            self.chain[g] = [*self.chain[frame.parent], g]
        # Of each frame by the frames around it what holds it there.
        self.within: dict[int, dict[int, Ref]] = {-1: {}}
        for g, frame in enumerate(frames):
            self.within[g] = {**self.within[frame.parent], frame.parent: ("frame", g)}
        # By frame the edges that are inside it or cross its border.
        self.touching: dict[int, list[int]] = {g: [] for g in range(-1, len(frames))}
        for k, edge in enumerate(edges):
            self.touching[-1].append(k)
            for g in {*self.chain[owner[edge.source]], *self.chain[owner[edge.target]]}:
                self.touching[g].append(k)
        self.layouts: dict[Any, Layout] = {}  # by all that they are made of
        self.shapes: dict[Any, Any] = {}  # and by that without widths
        self.rows = 1
        self.large = len(sizes) > LARGE
        self.naturals: dict[int, Block] = {}
        # By frame: how far down what enters comes from, and how far down it goes, by source.
        self.outside: dict[int, tuple[dict[int, float], dict[int, float]]] = {}
        self.held_in: dict[int, tuple[list[Ref], list[tuple[Ref, Ref, int]]]] = {}

    def item(self, box: int, g: int) -> Ref | None:
        """What holds a box directly inside of frame g: itself or a frame; None if it is outside."""
        owner = self.owner[box]
        return ("box", box) if owner == g else self.within[owner].get(g)

    def held(self, box: int, g: int) -> Ref:
        found = self.item(box, g)
        assert found is not None
        return found

    def natural(self, g: int) -> Block:
        """The layout of what is in a frame in one row, however wide; it is made once."""
        known = self.naturals.get(g)
        if known is None:
            children = {child: self.natural(child) for child in self.frames_of[g]}
            order, links = self.contents(g)
            row_of = dict.fromkeys(order, 0)
            row = self.row(g, order, links, row_of, 0, children)
            known = self.naturals[g] = self.stacked(g, [row], row_of, children)
        return known

    def refine(self) -> None:
        """Lay out frames again, with edges through their borders in the order of what is outside.

        That stays if fewer lines cross.
        """
        for _ in range(REFINED):
            before, known, outside = self.natural(-1), self.naturals, self.outside
            self.naturals, self.outside = dict(known), {-1: ({}, {})}
            self.refined(-1)
            if self.natural(-1).crossings >= before.crossings:
                self.naturals, self.outside = known, outside or {-1: ({}, {})}
                return

    def refined(self, g: int) -> None:
        """Lay out a frame whose `outside` is known, and what is in it."""
        children = {child: self.naturals[child] for child in self.frames_of[g]}
        if not children and self.in_order(self.naturals[g]):
            return
        order, links = self.contents(g)
        row_of = dict.fromkeys(order, 0)
        row = self.row(g, order, links, row_of, 0, children)
        if children:
            enter: dict[int, dict[int, list[float]]] = {child: {} for child in children}
            leave: dict[int, dict[int, list[float]]] = {child: {} for child in children}
            for (a, b, k), route in zip(row.edges, row.found.routes, strict=True):
                source = self.edges[k].source
                if b[0] == "frame":
                    enter[b[1]].setdefault(source, []).append(comes_from(route))
                if a[0] == "frame":
                    leave[a[1]].setdefault(source, []).append(comes_from(route[::-1]))
            for child in children:
                self.outside[child] = means(enter[child]), means(leave[child])
                self.refined(child)
            children = {child: self.naturals[child] for child in children}
            row = self.row(g, order, links, row_of, 0, children)
        self.naturals[g] = self.stacked(g, [row], row_of, children)

    def in_order(self, block: Block) -> bool:
        """Whether edges pass the border in the order of what is outside."""
        enters, leaves = self.outside[block.frame]
        return all(
            sorted(known, key=known.__getitem__) == sorted(known, key=lambda i: (outer[i], i))
            for known, outer in ((block.entries, enters), (block.exits, leaves))
        )

    def block(self, g: int, limit: float) -> Block:
        """The layout of what is in a frame, in one row or in several."""
        known = self.natural(g)
        if known.width <= limit:
            return known
        room = limit - 2 * SIDE if g >= 0 else limit
        taken = 0.0  # by what stands beside a frame in its row
        for _ in range(3):
            children = {child: self.block(child, room - taken) for child in self.frames_of[g]}
            rows, row_of = self.in_rows(g, room, children)
            excess = max(row.found.width for row in rows) - room
            if excess <= 0 or room - taken - excess < 300 or self.large:
                break
            if all(child is self.natural(i) for i, child in children.items()):
                break  # nothing in it can be narrower
            taken += excess + 4
        return self.stacked(g, rows, row_of, children)

    def contents(self, g: int) -> tuple[list[Ref], list[tuple[Ref, Ref, int]]]:
        """What is in a frame, operands first, and the edges in it and across its border."""
        known = self.held_in.get(g)
        if known is None:
            items: list[Ref] = [("box", i) for i in self.boxes_of[g]]
            items += [("frame", child) for child in self.frames_of[g]]
            links: list[tuple[Ref, Ref, int]] = []
            for k in self.touching[g]:
                edge = self.edges[k]
                a, b = self.item(edge.source, g), self.item(edge.target, g)
                if a != b and (a or b):
                    links.append((a or ("in", edge.source), b or ("out", edge.source), k))
            known = self.held_in[g] = sorted_items(items, links), links
        return known

    def in_rows(
        self, g: int, room: float, children: dict[int, Block]
    ) -> tuple[list[Row], dict[Ref, int]]:
        """As few rows as there is room for."""
        order, links = self.contents(g)
        row_of = dict.fromkeys(order, 0)
        if all(child is self.natural(i) for i, child in children.items()):
            rows = self.natural(g).rows
        else:
            rows = [self.row(g, order, links, row_of, 0, children)]
        first = rows[0]
        if first.found.width <= room or len(first.found.spans) < 2:
            return rows, row_of
        best: tuple[float, int] | None = None
        for more in range(6):
            parts = cuts(first, max(room - MARKED - 60.0 * more, 40.0))
            tried = {
                ref: parts[first.found.columns[k]]
                for k, ref in enumerate(first.items) if ref in row_of
            }  # fmt: skip
            beside_users(tried, links)
            used = sorted(set(tried.values()))
            tried = {ref: used.index(r) for ref, r in tried.items()}
            if best is not None and len(used) == best[1]:
                continue
            found = [self.row(g, order, links, tried, r, children) for r in range(len(used))]
            width = max(row.found.width for row in found)
            if best is None or width < 0.97 * best[0]:
                best, rows, row_of = (width, len(used)), found, tried
            if width <= room:
                break
        return rows, row_of

    def row(
        self,
        g: int,
        order: list[Ref],
        links: list[tuple[Ref, Ref, int]],
        row_of: dict[Ref, int],
        r: int,
        children: dict[int, Block],
    ) -> Row:
        """The layout of one row: its boxes and frames, the border, and marks."""
        held = [ref for ref in order if row_of[ref] == r]
        inside = set(held)
        before: dict[Ref, None] = {}
        after: dict[Ref, None] = {}
        local: list[tuple[Ref, Ref, int]] = []
        first = first_rows(links, row_of)
        for a, b, k in links:
            source = self.edges[k].source
            if a[0] == "in" and b in row_of and b not in inside and first[source] == r:
                before[a] = after["to", source] = None  # and from there to later rows
                b = "to", source
            elif b in inside and a not in inside:
                a = a if a[0] == "in" and first[source] == r else ("from", source)
                before[a] = None
            elif a in inside and b not in inside:
                b = b if b[0] == "out" else ("to", source)
                after[b] = None
            elif a not in inside:
                continue
            local.append((a, b, k))
        known = self.outside.get(g)
        fixed = known is not None and all(ref[0] in ("in", "out") for ref in (*before, *after))
        enters, leaves = known if known is not None else ({}, {})
        before = dict.fromkeys(sorted(before, key=lambda ref: (enters.get(ref[1], 0.0), ref[1])))
        after = dict.fromkeys(sorted(after, key=lambda ref: (leaves.get(ref[1], 0.0), ref[1])))
        items = [*before, *held, *after]
        number = {ref: i for i, ref in enumerate(items)}
        sizes = [self.size(ref, children) for ref in items]
        edges: list[Edge] = []
        kept: list[tuple[Ref, Ref, int]] = []
        seen: set[tuple[Ref, Ref, float, float]] = set()
        for a, b, k in local:
            edge = self.edges[k]
            outs = [0.0]
            if a[0] == "frame":
                child = children[a[1]]
                outs = [child.exits[edge.source] - child.height / 2]
            ports = [edge.port if b[0] == "box" else 0.0]
            if b[0] == "frame":
                child = children[b[1]]
                ports = [child.entries[edge.source] - child.height / 2]
            mark = (a, b, ports[0], outs[0] if b[0] != "box" else float(k))
            if mark in seen:
                continue
            seen.add(mark)
            edges.append(Edge(number[a], number[b], ports[0], outs[0]))
            kept.append((a, b, k))
        free = {i for i, ref in enumerate(items) if ref[0] == "box" and ref[1] in self.free}
        key = (tuple(sizes), tuple(edges), frozenset(free), len(before), len(after), fixed)
        found = self.layouts.get(key)
        if found is None:
            found = self.layouts[key] = layout(
                sizes, edges, self.gap, free,
                [number[ref] for ref in before], [number[ref] for ref in after],
                self.with_trunks, fixed, self.shapes,
            )  # fmt: skip
        return Row(Point(0.0, 0.0), found, items, kept)

    def size(self, ref: Ref, children: dict[int, Block]) -> tuple[float, float]:
        kind, i = ref
        if kind == "box":
            return self.sizes[i]
        if kind == "frame":
            return children[i].width, children[i].height
        if kind in ("from", "to"):
            wide = text_width(self.names[i], 12) + 16
            return (MARK, wide) if self.down else (wide, MARK)
        return 0.0, 2.0

    def stacked(
        self, g: int, rows: list[Row], row_of: dict[Ref, int], children: dict[int, Block]
    ) -> Block:
        """The rows one below the other, with a border around them."""
        side, head = (SIDE, HEAD) if g >= 0 else (0.0, 0.0)
        inner = max(row.found.width for row in rows)
        least = self.frames[g].title_width + 2 * SIDE if g >= 0 else 0.0
        if self.down:  # the title stands where the first column is
            high = sum([row.found.height for row in rows]) + BETWEEN * (len(rows) - 1)
            space = max(0.0, least - high - 2 * side) / 2
            width, top = inner + head + side, side + space
        else:
            space = 0.0
            width, top = max(inner + 2 * side, least), head
        placed: list[Row] = []
        entries: dict[int, float] = {}
        exits: dict[int, float] = {}
        for row in rows:
            middle = (width - row.found.width) / 2
            at = Point(head if self.down else middle if len(rows) == 1 else side, top)
            placed.append(row._replace(at=at))
            for ref, point in zip(row.items, row.found.boxes, strict=True):
                if ref[0] == "in":
                    entries[ref[1]] = top + point.y
                elif ref[0] == "out":
                    exits[ref[1]] = top + point.y
            top += row.found.height + BETWEEN
        height = top - BETWEEN + side + space
        self.rows = max(self.rows, len(rows))
        crossings = sum([row.found.crossings for row in rows])
        crossings += sum([child.crossings for child in children.values()])
        return Block(g, width, height, placed, children, entries, exits, row_of, crossings)


def comes_from(route: list[Point]) -> float:
    """How far down the last bend of a route begins."""
    if len(route) > 3 and route[-2] == route[-3]:  # it ends straight
        route = route[:-2]
    trunk = len(route) > 3 and route[-2].x == route[-3].x
    return route[-3].y if trunk else route[-2].y


def means(heights: dict[int, list[float]]) -> dict[int, float]:
    return {source: sum(ys) / len(ys) for source, ys in heights.items()}
