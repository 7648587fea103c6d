"""The heights of boxes in their columns: edges as straight as the order allows, and no box touches.

A least squares fit for each column in turn, with its neighbours as they are. What bends where is
in `layout.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from .channels import CLOSE, WORTH, curved
from .columns import THIN, Columns

STILL = 0.05  # what moves less, stands
FIRM = 4.0  # how much more passages pull than boxes do
SHIFTS = (0.0, *(sign * k for k in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0) for sign in (1, -1)))


class Pull(NamedTuple):
    """What something would be level with: boxes, passages or from passages; ports; the weight."""

    boxes: list[int]
    passages: list[int]
    ports: float
    weight: float


def place(columns: Columns) -> None:
    """Choose heights: each as near to its neighbours as the order in its column allows."""
    for layer in columns.layers:
        y = 0.0
        for i in layer:
            columns.y[i] = y + columns.height[i] / 2
            y += columns.height[i] + columns.gap[1]
    pulls = [pulls_on(columns, i) for i in range(len(columns.column))]
    rounds = 12 if len(columns.column) < 1500 else 6
    moved = [float("inf")] * 2  # in the last turns to the left and to the right
    for turn in range(rounds):
        both = turn >= rounds - 3
        rightwards = turn % 2 == 1
        if not both and max(moved) < STILL:
            continue
        layers = columns.layers if rightwards else columns.layers[::-1]
        moved[rightwards] = max(
            [
                settle(columns, pulls, layer, both or rightwards, both or not rightwards)
                for layer in layers
            ]
        )
        if both and moved[rightwards] < STILL:
            break


def pulls_on(columns: Columns, i: int) -> tuple[Pull, Pull]:
    """What pulls at something from the left and from the right."""
    left = [(j, -drop) for j, drop, _ in columns.left[i]]
    return pull(columns, i, left), pull(columns, i, columns.right[i])


def pull(columns: Columns, i: int, near: list[tuple[int, float]]) -> Pull:
    boxes = len(columns.sizes)
    firm = [(j, drop) for j, drop in near if i >= boxes or j >= boxes]
    loose = [(j, drop) for j, drop in near if i < boxes and j < boxes]
    ports = FIRM * sum([drop for _, drop in firm]) + sum([drop for _, drop in loose])
    weight = FIRM * len(firm) + len(loose)
    return Pull([j for j, _ in loose], [j for j, _ in firm], ports, weight)


def settle(
    columns: Columns,
    pulls: list[tuple[Pull, Pull]],
    layer: list[int],
    look_left: bool,
    look_right: bool,
) -> float:
    """The heights of one column: the least squares fit that keeps order and distance.

    How far something has moved.
    """
    y, height, boxes, gap = columns.y, columns.height, len(columns.sizes), columns.gap[1]
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


def clear(columns: Columns) -> None:
    """Move passages a little where their line would come to lie on that of another edge."""
    for layer, after in zip(columns.layers[-2::-1], columns.layers[:0:-1], strict=True):
        nets = columns.nets(after)
        if curved([*nets.values()]) < WORTH:
            continue
        for place, i in enumerate(layer):
            net = nets.get((i, 0.0))
            if columns.height[i] > THIN or net is None or net.straight:
                continue
            lines = [t for way, other in nets.items() if way[0] != i for t in other.taps]
            beside = [
                columns.y[j]
                for j in (*layer[max(0, place - 1) : place], *layer[place + 1 : place + 2])
            ]
            for shift in SHIFTS:
                y = net.start + shift
                if all(abs(y - line) > CLOSE for line in lines) and all(
                    abs(y - near) > 2 * CLOSE and (y > near) == (net.start > near)
                    for near in beside
                ):
                    columns.y[i] = y
                    break
