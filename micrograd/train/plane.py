"""Where in the plane a classifier says what, as an SVG picture that needs nothing installed.

For plots with axes to read numbers from, there is `plots.py` with matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

# Fill of the region, fill and shape of the points: told apart without colour too.
REGIONS = ("#cfe3f5", "#fbdfc4", "#d7ecd3", "#e6d9f0", "#f3e9b8")
POINTS = ("#1f5fa0", "#b35806", "#2f7d32", "#6a3d9a", "#8a6d00")
CELLS = 80
SIZE = 400.0


def boundary(
    classify: Callable[[list[list[float]]], Sequence[int]],
    X: Sequence[Sequence[float]],  # noqa: N803
    y: Sequence[int],
    title: str,
    axes: tuple[str, str] = ("x1", "x2"),
    names: Sequence[str] = (),
) -> str:
    """The text of an SVG: the regions of each class, and the examples on them.

    `classify` gives a class, counted from 0, for each of a list of points; `train.predict`
    with a model does. X and y are the examples, points in the plane and their classes;
    `names` are those of the classes, for the legend. The same arguments give the same text.

    >>> picture = boundary(lambda ps: [int(p[0] > 0) for p in ps], [[-1, 0], [1, 1]], [0, 1], "x")
    >>> picture[:4], picture.count("<circle")
    ('<svg', 1)
    """
    if not len(X) or len(X) != len(y) or any(len(x) != 2 for x in X):
        raise ValueError(
            f"boundary: {len(X)} examples and {len(y)} classes; each example is two numbers"
        )
    lows = [min(x[i] for x in X) for i in (0, 1)]
    highs = [max(x[i] for x in X) for i in (0, 1)]
    pads = [0.12 * (b - a) or 1.0 for a, b in zip(lows, highs)]
    lows = [a - p for a, p in zip(lows, pads)]
    spans = [b + p - a for a, b, p in zip(lows, highs, pads)]
    step = SIZE / CELLS
    grid = [
        [
            lows[0] + (column + 0.5) / CELLS * spans[0],
            lows[1] + (CELLS - row - 0.5) / CELLS * spans[1],
        ]
        for row in range(CELLS)
        for column in range(CELLS)
    ]
    classes = list(classify(grid))
    parts = []
    for row in range(CELLS):
        start = 0
        line = classes[row * CELLS : (row + 1) * CELLS]
        for column in range(1, CELLS + 1):
            if column == CELLS or line[column] != line[start]:
                parts.append(
                    f'<rect x="{start * step:g}" y="{row * step:g}" '
                    f'width="{(column - start) * step:g}" height="{step + 0.2:g}" '
                    f'fill="{REGIONS[line[start] % len(REGIONS)]}"/>'
                )
                start = column
    for x, k in zip(X, y):
        across = (x[0] - lows[0]) / spans[0] * SIZE
        down = SIZE - (x[1] - lows[1]) / spans[1] * SIZE
        parts.append(marker(k, across, down))
    for i, name in enumerate(names):
        parts.append(marker(i, 12 + 110 * i, SIZE + 44))
        parts.append(f'<text x="{22 + 110 * i}" y="{SIZE + 48:g}">{escape(name)}</text>')
    height = SIZE + 30 + (26 if names else 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{SIZE + 40:g}" '
        f'height="{height + 34:g}" viewBox="-30 -30 {SIZE + 40:g} {height + 34:g}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1f2328">'
        f"<title>{escape(title)}</title>"
        f'<rect x="-30" y="-30" width="{SIZE + 40:g}" height="{height + 34:g}" fill="#ffffff"/>'
        f'<text x="0" y="-10" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}"
        f'<text x="{SIZE / 2:g}" y="{SIZE + 20:g}" text-anchor="middle">{escape(axes[0])}</text>'
        f'<text transform="translate(-10 {SIZE / 2:g}) rotate(-90)" text-anchor="middle">'
        f"{escape(axes[1])}</text></svg>\n"
    )


def marker(k: int, x: float, y: float) -> str:
    """A point of class k: a circle, a square, a triangle and so on."""
    look = f'fill="{POINTS[k % len(POINTS)]}" stroke="#ffffff" stroke-width="0.8"'
    if k % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {look}/>'
    if k % 3 == 1:
        return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2" {look}/>'
    return f'<path d="M{x:.1f} {y - 4.8:.1f}l4.6 8h-9.2z" {look}/>'
