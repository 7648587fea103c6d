"""Where a field of numbers is at least so large: regions with smooth edges, as paths of an SVG.

The numbers stand on a grid; between its lines they are taken to change evenly (marching
squares, Lorensen and Cline 1987, in two dimensions). Read on in `plane.py`, which fills the
regions of a classifier.
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
OUTSIDE = float("-inf")
CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))  # clockwise, as row and column


def region(field: Sequence[Sequence[float]], level: float) -> list[list[Point]]:
    """The closed lines around where a field is at least `level`, each as (column, row) points.

    Outside the grid there is nothing, so that a region that reaches its edge ends there. With
    the even-odd rule the lines fill the region, holes and all.

    >>> region([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], 0.5)
    [[(0.5, 1.0), (1.0, 0.5), (1.5, 1.0), (1.0, 1.5)]]
    >>> region([[1.0, 1.0], [1.0, 1.0]], 0.5)
    [[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]]
    """
    width = len(field[0])
    empty = [OUTSIDE] * (width + 2)
    grid = [empty, *([OUTSIDE, *row, OUTSIDE] for row in field), empty]
    following: dict[Point, list[Point]] = {}
    for r in range(len(grid) - 1):
        for c in range(width + 1):
            for start, end in segments(grid, r, c, level):
                if start != end:
                    following.setdefault(start, []).append(end)
    lines = []
    while following:
        first = next(iter(following))
        line, at = [], first
        while at in following:
            line.append(at)
            after = following[at].pop()
            if not following[at]:
                del following[at]
            at = after
        lines.append([(x - 1, y - 1) for x, y in line])
    return [line for line in lines if len(line) > 2]


def segments(
    grid: Sequence[Sequence[float]], r: int, c: int, level: float
) -> list[tuple[Point, Point]]:
    """The parts of the lines inside one cell: from where one leaves the region along the
    cell's edge, clockwise, to where one comes into it."""
    values = [grid[r + i][c + j] for i, j in CORNERS]
    inside = [v >= level for v in values]
    if all(inside) or not any(inside):
        return []
    enters: list[Point] = []
    leaves: list[Point] = []
    for k in range(4):
        after = (k + 1) % 4
        if inside[k] == inside[after]:
            continue
        (i, j), (m, n) = CORNERS[k], CORNERS[after]
        inner, outer = (k, after) if inside[k] else (after, k)
        part = (level - values[inner]) / (values[outer] - values[inner])
        if outer == k:
            (i, j), (m, n) = (m, n), (i, j)
        point = (c + j + part * (n - j) + 0.0, r + i + part * (m - i) + 0.0)
        (leaves if inside[k] else enters).append(point)
    if not inside[0]:  # the walk began outside: who leaves comes after who enters
        pairs = list(zip(leaves, enters))
    else:  # it began inside, so the last to enter belongs to the first to leave
        pairs = list(zip(leaves, [enters[-1], *enters[:-1]]))
    if len(pairs) == 2 and sum(values) / 4 >= level:  # a saddle: the two corners are joined
        pairs = [(pairs[0][0], pairs[1][1]), (pairs[1][0], pairs[0][1])]
    return pairs


def path(lines: Sequence[Sequence[Point]], scale: float) -> str:
    """The lines as the `d` of an SVG path, with so many units from one line of the grid to the
    next.

    >>> path([[(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)]], 10.0)
    'M0 0L10 0L5 10Z'
    """
    return "".join(
        "M" + "L".join(f"{round(x * scale, 1):g} {round(y * scale, 1):g}" for x, y in line) + "Z"
        for line in lines
    )
