"""The column of each box in a layered drawing: all edges to the right, and few long ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Edge(NamedTuple):
    """From a box to another: at which heights it enters and leaves, relative to their middles."""

    source: int
    target: int
    port: float = 0.0
    out: float = 0.0


def ranks(boxes: int, edges: Sequence[Edge]) -> list[int]:
    """The column of each box: right before the first that uses it, then shorter edges.

    As late as possible, what is used once stands beside its user, and what is used often
    has passages to the later users alone. Then trees that hang on others by a single edge
    are moved to the left where that makes more edges shorter than longer: an inexpensive
    part of the network simplex method of Gansner, Koutsofios, North and Vo (1993).
    """
    users: list[list[int]] = [[] for _ in range(boxes)]
    operands: list[list[int]] = [[] for _ in range(boxes)]
    for source, target, *_ in edges:
        users[source].append(target)
        operands[target].append(source)
    column = [0] * boxes
    for box in range(boxes - 1, -1, -1):
        if users[box]:
            column[box] = min([column[user] for user in users[box]]) - 1
    for _ in range(4):
        moved = False
        for box in range(boxes):
            if operands[box] and users[box] and pull(box, column, users, operands):
                moved = True
        if not moved:
            break
    first = min(column)
    return [c - first for c in column]


def pull(box: int, column: list[int], users: list[list[int]], operands: list[list[int]]) -> bool:
    """Move a box to the left, with all that must move with it, if that shortens edges."""
    moved = False
    while True:
        together = {box}
        stack = [box]
        gain = 0
        slack = 1 << 30
        while stack:
            i = stack.pop()
            left = column[i] - 1
            for j in operands[i]:
                if j in together:
                    continue
                if column[j] == left:
                    together.add(j)
                    stack.append(j)
                elif left - column[j] < slack:
                    slack = left - column[j]
            if len(together) > 300:
                return moved
        for i in together:
            for j in operands[i]:
                gain += j not in together
            for j in users[i]:
                gain -= j not in together
        if gain <= 0 or slack == 1 << 30:
            return moved
        for i in together:
            column[i] -= slack
        moved = True
