"""Where in the plane a classifier says what, as an SVG picture that needs nothing installed.

Regions have smooth edges and are darker where the classifier is surer; beside them stand a
scale of probability, ticks and a legend. The edges are found in `contours.py`; plots through
matplotlib are in `plots.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from .contours import path, region

# Shades of the regions from unsure to sure, fill and shape of the points: told apart without
# colour too.
SHADES = (
    ("#e6f0fa", "#cfe3f5", "#b3d2ee", "#93bee4", "#6fa6d7"),
    ("#fdeee0", "#fbdfc4", "#f7cba1", "#f0b37a", "#e59853"),
    ("#e9f5e6", "#d7ecd3", "#bfdfb9", "#a2cf9a", "#82bb79"),
    ("#f1eaf6", "#e6d9f0", "#d6c2e6", "#c2a6d9", "#ab88ca"),
    ("#faf4d9", "#f3e9b8", "#ead98e", "#dec665", "#cfb03f"),
)
POINTS = ("#1f5fa0", "#b35806", "#2f7d32", "#6a3d9a", "#8a6d00")
LEVELS = (0.6, 0.7, 0.8, 0.9)  # where a region becomes a shade darker
CELLS = 60
SIZE = 400.0
ROOM = (60.0, 40.0, 20.0, 60.0)  # left, above, right, below
WIDTH = ROOM[0] + SIZE + ROOM[2]


def boundary(
    probabilities: Callable[[list[list[float]]], Sequence[Sequence[float]]],
    X: Sequence[Sequence[float]],  # noqa: N803
    y: Sequence[int],
    title: str,
    axes: tuple[str, str] = ("x1", "x2"),
    names: Sequence[str] = (),
) -> str:
    """The text of an SVG: how sure a classifier is of which class, and the examples on it.

    `probabilities` gives, for each of a list of points, the probability of each class. X and y
    are the examples, points in the plane and their classes; `names` are those of the classes,
    for the legend. The same arguments give the same text.

    >>> picture = boundary(
    ...     lambda points: [[float(p[0] < 0), float(p[0] >= 0)] for p in points],
    ...     [[-1, 0], [1, 1]], [0, 1], "x",
    ... )
    >>> picture[:4], picture.count('class="point"')
    ('<svg', 4)
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
    grid = [
        [lows[0] + c / CELLS * spans[0], lows[1] + (CELLS - r) / CELLS * spans[1]]
        for r in range(CELLS + 1)
        for c in range(CELLS + 1)
    ]
    found = [list(p) for p in probabilities(grid)]
    count = max(len(found[0]), max(y) + 1)
    parts = [f'<rect width="{SIZE:g}" height="{SIZE:g}" fill="#f3f4f6"/>']
    parts += [regions(found, k) for k in range(len(found[0]))]
    parts += [ticks(lows[0], spans[0], upright=False), ticks(lows[1], spans[1], upright=True)]
    for x, k in zip(X, y):
        across = (x[0] - lows[0]) / spans[0] * SIZE
        down = SIZE - (x[1] - lows[1]) / spans[1] * SIZE
        parts.append(marker(k, across, down))
    below = SIZE + ROOM[3]
    parts.append(legend([*names, *(f"class {k}" for k in range(len(names), count))], below))
    height = ROOM[1] + below + 26 * count + 28
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{WIDTH:g}" '
        f'height="{height:g}" viewBox="{-ROOM[0]:g} {-ROOM[1]:g} {WIDTH:g} {height:g}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1f2328">'
        f"<title>{escape(title)}</title>"
        f'<rect x="{-ROOM[0]:g}" y="{-ROOM[1]:g}" width="{WIDTH:g}" height="{height:g}" '
        'fill="#ffffff"/>'
        f'<text x="0" y="-14" font-size="15" font-weight="bold">{escape(title)}</text>'
        f"{''.join(parts)}"
        f'<text x="{SIZE / 2:g}" y="{SIZE + 40:g}" text-anchor="middle">{escape(axes[0])}</text>'
        f'<text transform="translate(-42 {SIZE / 2:g}) rotate(-90)" text-anchor="middle">'
        f"{escape(axes[1])}</text></svg>\n"
    )


def regions(found: Sequence[Sequence[float]], k: int) -> str:
    """Where class k is the likeliest, and where it is at least as likely as each level says."""
    sure = [p[k] for p in found]
    ahead = [p[k] - max([q for j, q in enumerate(p) if j != k], default=-1.0) for p in found]
    shades = SHADES[k % len(SHADES)]
    drawn = []
    for field, level, fill in [
        (ahead, 0.0, shades[0]),
        *((sure, a, b) for a, b in zip(LEVELS, shades[1:])),
    ]:
        rows = [field[i : i + CELLS + 1] for i in range(0, len(field), CELLS + 1)]
        lines = region(rows, level)
        if lines:
            drawn.append(
                f'<path class="region" fill="{fill}" fill-rule="evenodd" '
                f'd="{path(lines, SIZE / CELLS)}"/>'
            )
    return "".join(drawn)


def even(low: float, span: float) -> list[float]:
    """About five numbers that are easily read, at even distances, between two others.

    >>> even(-1.3, 2.9), even(0.0, 7.0)
    ([-1.0, -0.5, 0.0, 0.5, 1.0, 1.5], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    """
    unit = 10.0 ** math.floor(math.log10(span / 4))
    step = next(unit * s for s in (1, 2, 5, 10) if span / (unit * s) <= 7)
    first = math.ceil(low / step - 1e-9)
    last = math.floor((low + span) / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)]


def ticks(low: float, span: float, upright: bool) -> str:
    """Numbers along an axis, and the line that they stand on."""
    parts = [
        f'<path d="M0 0V{SIZE:g}" stroke="#818b98"/>'
        if upright
        else f'<path d="M0 {SIZE:g}H{SIZE:g}" stroke="#818b98"/>'
    ]
    for number in even(low, span):
        at = (number - low) / span * SIZE
        if upright:
            y = SIZE - at
            parts.append(f'<path d="M-5 {y:.1f}H0" stroke="#818b98"/>')
            parts.append(f'<text x="-9" y="{y + 4:.1f}" text-anchor="end">{number:g}</text>')
        else:
            parts.append(f'<path d="M{at:.1f} {SIZE:g}v5" stroke="#818b98"/>')
            parts.append(
                f'<text x="{at:.1f}" y="{SIZE + 19:g}" text-anchor="middle">{number:g}</text>'
            )
    return "".join(parts)


def legend(names: Sequence[str], top: float) -> str:
    """A line for each class: its mark, its name, and its shades from unsure to sure."""
    left, wide = 150.0, 50.0
    parts = []
    for k, name in enumerate(names):
        y = top + 26 * k
        parts.append(marker(k, 8, y + 9))
        parts.append(f'<text x="22" y="{y + 13:g}">{escape(name)}</text>')
        for i, shade in enumerate(SHADES[k % len(SHADES)]):
            parts.append(
                f'<rect x="{left + wide * i:g}" y="{y:g}" width="{wide:g}" height="18" '
                f'fill="{shade}"/>'
            )
    y = top + 26 * len(names) + 8
    parts.append(f'<text x="22" y="{y:g}">probability</text>')
    for i, level in enumerate(LEVELS):
        parts.append(
            f'<text x="{left + wide * (i + 1):g}" y="{y:g}" text-anchor="middle">{level:g}</text>'
        )
    return "".join(parts)


def marker(k: int, x: float, y: float) -> str:
    """A point of class k: a circle, a square, a triangle and so on."""
    look = f'class="point" fill="{POINTS[k % len(POINTS)]}" stroke="#ffffff" stroke-width="0.8"'
    if k % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {look}/>'
    if k % 3 == 1:
        return f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2" {look}/>'
    return f'<path d="M{x:.1f} {y - 4.8:.1f}l4.6 8h-9.2z" {look}/>'
