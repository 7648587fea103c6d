"""Edges as paths: black, red on the way back, or as wide as their gradient is large."""

from __future__ import annotations

from ..diagram import Diagram
from ..flow import WIDE, legend, widths
from .boxes import Style, text
from .layout import Point
from .measure import text_width
from .nested import Picture as Places


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
        self.drawn: set[tuple[Point, Point]] = set()

    def path(self, route: list[Point]) -> str:
        found = []
        for i in range(len(route) - 1):
            a, b = route[i], route[i + 1]
            if (a, b) not in self.drawn:
                self.drawn.add((a, b))
                draw = falling if self.down else piece
                found.append(draw(a, b, bent=i % 2 == 0, below=self.below))
        return "".join(found)


def piece(a: Point, b: Point, bent: bool, below: float) -> str:
    """A part of an edge: straight through a column, or a curve between two of them."""
    start, end = a.y + below, b.y + below
    if not bent or abs(a.y - b.y) < 0.05:
        return f"M{a.x:.1f} {start:.1f}H{b.x:.1f}"
    half = (a.x + b.x) / 2
    return f"M{a.x:.1f} {start:.1f}C{half:.1f} {start:.1f} {half:.1f} {end:.1f} {b.x:.1f} {end:.1f}"


def falling(a: Point, b: Point, bent: bool, below: float) -> str:
    """The same from top to bottom, where "below" is to the right."""
    start, end = a.x + below, b.x + below
    if not bent or abs(a.x - b.x) < 0.05:
        return f"M{start:.1f} {a.y:.1f}V{b.y:.1f}"
    half = (a.y + b.y) / 2
    return f"M{start:.1f} {a.y:.1f}C{start:.1f} {half:.1f} {end:.1f} {half:.1f} {end:.1f} {b.y:.1f}"


def arrow(name: str, end: Point, down: bool) -> str:
    """The tip of an edge."""
    shape = "l-3 -7h6z" if down else "l-7 -3v6z"
    return f'<path class="{name}" d="M{end.x:.1f} {end.y:.1f}{shape}"/>'
