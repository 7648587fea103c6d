"""The order of boxes in each column, so that few edges cross.

Sweeps to the right and to the left by the median of neighbours, and exchanges of neighbours in a
column, from one order to begin with or several. Heights come next, in `heights.py`.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from .columns import Columns

SMALL = 40  # up to how many boxes and passages other orders are tried to begin with
STARTS = 3  # how many
TINY = 0.0001  # in terms of a place in a column, what a pixel up or down on a box is


def order(columns: Columns) -> int:
    """Choose the order within each column; how many crossings are left.

    Few, and found in no more time than needed.
    """
    first_order(columns)
    begun = crossings(columns, columns.positions())
    fewest = improve(columns) if begun else 0
    size = len(columns.column)
    starts = 0 if size > SMALL else STARTS
    for seed in range(starts):
        if fewest == 0:
            break
        kept = [list(layer) for layer in columns.layers]
        source = random.Random(seed)
        for c in columns.loose:
            source.shuffle(columns.layers[c])
        found = improve(columns, patience=2)
        if found >= fewest:
            columns.layers = kept
        if seed and found == fewest == begun:  # no order seems to matter, as where all go to all
            break
        fewest = min(found, fewest)
    return fewest


def improve(columns: Columns, patience: int = 5) -> int:
    """Make crossings fewer than in the order as it is; how many are left."""
    position = columns.positions()
    best = crossings(columns, position)
    kept = [list(layer) for layer in columns.layers]
    size = len(columns.column)
    rounds = 24 if size < 500 else 10 if size < 2500 else 4
    fruitless = 0
    for i in range(rounds):
        if best == 0 or fruitless > patience:
            break
        sweep(columns, position, rightwards=i % 2 == 0, turned=i % 4 < 2)
        if size < 1200:
            exchange(columns, position)
        found = crossings(columns, position)
        if found < best:
            best, fruitless = found, 0
            kept = [list(layer) for layer in columns.layers]
        else:
            fruitless += 1
    columns.layers = kept
    return best


def first_order(columns: Columns) -> None:
    """Depth first from the results to the left: trees come out without crossings."""
    seen = [False] * len(columns.column)
    for start in [*columns.ends, *range(len(columns.column) - 1, -1, -1)]:
        if columns.right[start] or seen[start]:
            continue
        stack = [start]
        while stack:
            i = stack.pop()
            if seen[i]:
                continue
            seen[i] = True
            columns.layers[columns.column[i]].append(i)
            stack.extend(near[0] for near in reversed(columns.left[i]))
    if columns.fixed and columns.begins:
        columns.layers[0] = columns.begins
    if columns.fixed and columns.ends:
        columns.layers[-1] = columns.ends


def sweep(columns: Columns, position: list[int], rightwards: bool, turned: bool) -> None:
    """Order each column by the median place of the neighbours in the column before.

    The weighted median of Gansner and others; what has no neighbour keeps its place,
    and every other time what has the same median is turned around.
    """
    neighbours = columns.left if rightwards else columns.right
    turns = columns.loose if rightwards else reversed(columns.loose)
    middle = [0.0] * len(position)
    for c in turns:
        layer = columns.layers[c]
        movable, fixed = [], []
        for place, i in enumerate(layer):
            if not neighbours[i]:
                fixed.append((place, i))
                continue
            places = before(columns, i, position) if rightwards else behind(columns, i, position)
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


def before(columns: Columns, i: int, position: list[int]) -> list[float]:
    """From where edges come: what leaves a box further up, comes from further up."""
    return sorted([position[j] + TINY * out for j, _, out in columns.left[i]])


def behind(columns: Columns, i: int, position: list[int]) -> list[float]:
    """Where edges go: what enters a box further up, goes further up."""
    free = columns.free
    return sorted([
        float(position[j]) if j in free else position[j] + TINY * port
        for j, port in columns.right[i]
    ])  # fmt: skip


def exchange(columns: Columns, position: list[int]) -> None:
    """Swap neighbours in a column wherever that undoes crossings."""
    for c in columns.loose:
        layer = columns.layers[c]
        # Where the neighbours in other columns are does not change meanwhile.
        ends = [(before(columns, i, position), behind(columns, i, position)) for i in layer]
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


def crossings(columns: Columns, position: list[int]) -> int:
    """How many pairs of edges cross, between all columns."""
    total = 0
    free = columns.free
    for layer in columns.layers[1:]:
        ends: list[float] = []
        for i in layer:
            near = columns.left[i]
            if i not in free and len(near) > 1:
                near = sorted(near, key=port_of)
                starts = [position[j] + TINY * out for j, _, out in near]
            else:
                starts = before(columns, i, position)
            # An edge crosses those that were met before it and start further down.
            for p in starts:
                total += len(ends) - bisect_right(ends, p)
                insort(ends, p)
    return total


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
