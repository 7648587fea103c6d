"""Edges as paths: black, red on the way back, or as wide as their gradient is large."""

from __future__ import annotations

from ..diagram import Diagram
from ..flow import WIDE, legend, widths
from .blocks import Picture as Places
from .boxes import Style, text
from .columns import Point
from .measure import text_width


def wires(look: Style, where: Places, apart: bool = False) -> list[str]:
    """The edges, each piece that several share drawn once, with an arrow at each end.

    With `apart` each is a group of its own, with its number, for scripts that light it.
    """
    if apart:
        return separate(look, where)
    parts = []
    line, tip = look.pen
    forward, back = Pen(0.0, look.down), Pen(look.back, look.down)
    ways = [(route, live, tip) for route, live in zip(where.routes, look.live, strict=True)]
    ways += [(route, look.live[k], f"{tip} mg-more") for k, route in where.ends]
    done: set[tuple[Point, Point]] = set()
    for route, live, tip in ways:
        if (route[0], route[-1]) in done:
            continue
        done.add((route[0], route[-1]))
        path = forward.path(route)
        end = route[-1]
        parts.append(f'<path class="{line}" d="{path}"/>' if path else "")
        parts[-1] += arrow(tip, end, look.down)
        if live and look.back:
            path = back.path(route)
            if path:
                parts[-1] += f'<path class="mg-back" d="{path}"/>'
    return parts


def separate(look: Style, where: Places) -> list[str]:
    """Every edge by itself, all that are one link in a group with its number."""
    line, tip = look.pen
    parts: dict[int, list[str]] = {}
    for k, route in [*enumerate(where.routes), *where.ends]:
        end = route[-1]
        mine = parts.setdefault(k, [])
        mine.append(f'<path class="{line}" d="{Pen(0.0, look.down).path(route)}"/>')
        mine.append(arrow(tip, end, look.down))
        if look.live[k] and look.back:
            mine.append(f'<path class="mg-back" d="{Pen(look.back, look.down).path(route)}"/>')
    return [f'<g data-link="{k}">{"".join(mine)}</g>' for k, mine in sorted(parts.items())]


def flows(shown: Diagram, look: Style, where: Places) -> list[str]:
    """The edges as wide as the gradient that goes back along them, and a legend."""
    broad = widths(shown)
    broad += [WIDE] * (len(look.edges) - len(broad))  # of what is between a box and its own

    def line(path: str, wide: float) -> str:
        if not wide:
            return f'<path class="mg-dead" d="{path}"/>'
        return f'<path class="mg-flow" style="stroke-width:{wide:.1f}px" d="{path}"/>'

    parts = []
    ways = [*enumerate(where.routes), *where.ends]
    for k, route in sorted(ways, key=lambda way: broad[way[0]]):
        parts.append(line(Pen(0.0, look.down).path(route), broad[k]))
        end = route[-1]
        parts[-1] += arrow(look.pen[1], end, look.down)
    x, y = 0.0, where.height + 24
    words = "gradient along an edge:"
    parts.append(text("mg-faint", x, y + 4, words))
    x += text_width(words, 12) + 14
    for words, wide in legend(shown):
        parts.append(line(f"M{x:.1f} {y:.1f}h34", wide))
        parts.append(text("mg-faint", x + 42, y + 4, words))
        x += 42 + text_width(words, 12) + 18
    return parts


class Pen:
    """Draws routes at some distance below the line, and no piece of them twice."""

    def __init__(self, below: float, down: bool = False) -> None:
        self.below = below
        self.down = down  # whether edges run from top to bottom
        self.drawn: set[str] = set()

    def path(self, route: list[Point]) -> str:
        found = []
        turned = [Point(p.y, p.x) for p in route] if self.down else route
        for i in range(len(route) - 1):
            if route[i] == route[i + 1]:
                continue
            drawn = piece(turned, i, self.below, self.down)
            if drawn not in self.drawn:
                self.drawn.add(drawn)
                found.append(drawn)
        return "".join(found)


def piece(route: list[Point], i: int, below: float, down: bool) -> str:
    """A part of an edge: straight through a column, a curve between two of them, or a trunk.

    With `down` all is turned: the route is one from left to right, the path one from top to
    bottom, where "below" is to the right.
    """
    a, b = route[i], route[i + 1]
    start, end = a.y + below, b.y + below

    def at(x: float, y: float) -> str:
        return f"{y:.1f} {x:.1f}" if down else f"{x:.1f} {y:.1f}"

    if i % 2 and is_trunk(a, b):  # with round corners, so that it is seen where it branches
        r = corner(a, b)
        s = r if end > start else -r
        return (
            f"M{at(a.x - r, start)}Q{at(a.x, start)} {at(a.x, start + s)}"
            f"L{at(a.x, end - s)}Q{at(a.x, end)} {at(a.x + r, end)}"
        )
    if i % 2 or abs(a.y - b.y) < 0.05:
        left, right = a.x, b.x
        if i % 2 == 0 and i + 2 < len(route) and is_trunk(b, route[i + 2]):
            right -= corner(b, route[i + 2])
        if i % 2 == 0 and i > 0 and is_trunk(route[i - 1], a):
            left += corner(route[i - 1], a)
        return f"M{at(left, start)}{'V' if down else 'H'}{right:.1f}"
    half = (a.x + b.x) / 2
    return f"M{at(a.x, start)}C{at(half, start)} {at(half, end)} {at(b.x, end)}"


def is_trunk(a: Point, b: Point) -> bool:
    """Whether a straight piece is one across the direction of edges."""
    return a.x == b.x and a.y != b.y


def corner(a: Point, b: Point) -> float:
    """How round a corner is."""
    return min(6.0, abs(a.y - b.y) / 2)


def arrow(name: str, end: Point, down: bool) -> str:
    """The tip of an edge."""
    shape = "l-3 -7h6z" if down else "l-7 -3v6z"
    return f'<path class="{name}" d="M{end.x:.1f} {end.y:.1f}{shape}"/>'
