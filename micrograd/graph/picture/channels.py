"""Edges between two columns as trunks: each source has one upright line, and each target a tap.

Where many edges run from a column to the next, curves cross wherever two of them change places.
If what leaves one source shares an upright line, in a track of its own in the channel between the
columns, far fewer lines cross, all at right angles. That is channel routing, as for circuits, with
the tracks in the order that Sander (2004) uses for layered drawings of hypergraphs: for each two
it is counted how often they cross one way around and the other. Used by `layout.py`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from typing import NamedTuple

WORTH = 8  # from how many crossings of curves on trunks are tried
BETTER = 0.75  # and up to which part of them trunks are taken
STRAIGHT = 0.05  # what differs less in height is a straight line
CLOSE = 4.0  # how near two lines in different directions may come
OVERLAP = 50  # how many crossings are better than two lines on top of each other
SIFTED = 80  # up to how many tracks each is tried at all places
PITCH = 10.0  # between two tracks
BROADEST = 130.0  # how much room all tracks of a channel take, where they can be nearer


class Net(NamedTuple):
    """What leaves one place: the height there, and those where it arrives, sorted."""

    start: float
    taps: tuple[float, ...]

    @property
    def low(self) -> float:
        return min(self.start, self.taps[0])

    @property
    def high(self) -> float:
        return max(self.start, self.taps[-1])

    @property
    def straight(self) -> bool:
        return self.high - self.low < STRAIGHT


def curved(nets: Sequence[Net]) -> int:
    """How often curves from starts to taps cross."""
    total = 0
    ends: list[float] = []
    for net in sorted(nets):
        for tap in net.taps:
            total += len(ends) - bisect_right(ends, tap)
        for tap in net.taps:
            insort(ends, tap)
    return total


def within(net: Net, low: float, high: float) -> int:
    """How many taps lie between two heights."""
    return max(0, bisect_left(net.taps, high - STRAIGHT) - bisect_right(net.taps, low + STRAIGHT))


def against(a: Net, b: Net) -> int:
    """How often two nets cross where the trunk of the first stands to the left."""
    found = within(a, b.low, b.high) + (a.low + STRAIGHT < b.start < a.high - STRAIGHT)
    close = bisect_left(a.taps, b.start + CLOSE) - bisect_right(a.taps, b.start - CLOSE)
    return found + OVERLAP * max(0, close)


def trunks(nets: Sequence[Net], wanted: bool) -> tuple[list[int | None] | None, int]:
    """The track of each net, from left to right, None for straight ones; and how many lines cross.

    Instead of tracks None, for curves, where these are as good because they cross seldom.
    """
    before = curved(nets)
    if before < WORTH or not wanted:
        return None, before
    bent = [k for k, net in enumerate(nets) if not net.straight]
    n = len(bent)
    cost = [[against(nets[a], nets[b]) for b in bent] for a in bent]
    order = sorted(range(n), key=lambda k: -nets[bent[k]].start)
    order = sifted(order, cost)
    total = sum(cost[order[i]][order[j]] for i in range(n) for j in range(i + 1, n))
    for net in nets:
        if net.straight:
            total += sum(1 for k in bent if nets[k].low < net.start < nets[k].high)
    if total > BETTER * before:
        return None, before
    found: list[int | None] = [None] * len(nets)
    track, here = 0, list[Net]()
    for k in order:
        net = nets[bent[k]]
        if any(net.low < other.high + PITCH and other.low < net.high + PITCH for other in here):
            track, here = track + 1, []
        here.append(net)
        found[bent[k]] = track
    return found, total


def sifted(order: list[int], cost: list[list[int]]) -> list[int]:
    """The order with each in the best place among the others, again and again."""
    n = len(order)
    if n > SIFTED:
        return order
    for _ in range(4):
        moved = False
        for k in range(n):
            at = order.index(k)
            rest = order[:at] + order[at + 1 :]
            price = sum(cost[k][other] for other in rest)  # at the left end
            best, place = price, 0
            prices = [price]
            for i, other in enumerate(rest, 1):
                price += cost[other][k] - cost[k][other]
                prices.append(price)
                if price < best:
                    best, place = price, i
            if best < prices[at]:
                rest.insert(place, k)
                order = rest
                moved = True
        if not moved:
            break
    return order


def room(tracks: Sequence[int | None]) -> tuple[float, float]:
    """How wide a channel with these tracks is, and how far each is from the next."""
    count = max((t for t in tracks if t is not None), default=-1) + 1
    pitch = min(PITCH, BROADEST / max(1, count))
    return pitch * (count - 1) + 28.0, pitch
