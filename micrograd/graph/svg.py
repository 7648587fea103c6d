"""A diagram as SVG, written here and by nothing else: no program, no font, no script.

The picture follows the light or dark theme of whatever shows it, is described in words
for those who cannot see it, and never tells by colour alone: a gradient has its sign and
a bar of its size to the left or right. It uses no ids, so any number of pictures can
stand on a page.
"""

from __future__ import annotations

import unicodedata
from html import escape
from math import sqrt

from .diagram import Box, Diagram, number, summary
from .layout import Edge, Layout, Point, layout

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
# Light and dark: paper, ink, faint ink, box, border, and the two signs of a gradient.
LIGHT = ("#ffffff", "#1f2328", "#6a737d", "#f6f8fa", "#8c959f", "#b35806", "#2b5ba8")
DARK = ("#0d1117", "#e6edf3", "#9198a1", "#161b22", "#656c76", "#f0a35e", "#79b0ff")
NAMES = ("paper", "ink", "faint", "box", "border", "plus", "minus")
STYLE = (
    "svg.mg{{{variables};color-scheme:light dark}}{dark}"
    ".mg text{{font-family:" + FONT + ";font-size:12px;fill:var(--mg-ink)}}"
    ".mg .mg-t{{font-weight:bold;font-size:14px}}.mg .mg-c{{fill:var(--mg-faint);font-size:11px}}"
    ".mg .mg-e{{fill:none;stroke:var(--mg-border);stroke-width:1.2}}"
    ".mg .mg-a{{fill:var(--mg-border)}}"
    ".mg .mg-b{{fill:var(--mg-box);stroke:var(--mg-border);stroke-width:1.2}}"
    ".mg .mg-k{{fill:none;stroke:var(--mg-border);stroke-dasharray:3 2}}"
    ".mg .mg-p{{fill:var(--mg-plus)}}.mg .mg-m{{fill:var(--mg-minus)}}"
)
MARGIN = 10.0
LINE = 16.0


def write(shown: Diagram, theme: str = "auto") -> str:
    """The SVG text of a diagram; the theme is "light", "dark" or "auto"."""
    sizes = [size(box) for box in shown.boxes]
    edges = [
        Edge(link.source, link.target, port(link.place, link.of, sizes[link.target][1]))
        for link in shown.links
    ]
    where = layout(sizes, edges)
    largest = max((abs(box.grad) for box in shown.boxes if box.grad - box.grad == 0), default=0.0)
    width, height = where.width + 2 * MARGIN, where.height + 2 * MARGIN
    words = escape(summary(shown))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mg" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}">',
        f"<title>{words}</title><desc>{escape(describe(shown))}</desc>",
        f"<style>{style(theme)}</style>",
        *wires(where, edges),
    ]
    for box, point, extent in zip(shown.boxes, where.boxes, sizes):
        parts.append(draw_box(box, point, extent, largest))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def style(theme: str) -> str:
    """The style sheet; its names begin with mg, so that it leaves a page alone."""
    if theme not in ("light", "dark", "auto"):
        raise ValueError(f'draw: the theme is "light", "dark" or "auto", not {theme!r}')

    def variables(colours: tuple[str, ...]) -> str:
        return ";".join(f"--mg-{n}:{c}" for n, c in zip(NAMES, colours, strict=True))

    dark = ""
    if theme == "auto":
        dark = f"@media (prefers-color-scheme:dark){{svg.mg{{{variables(DARK)}}}}}"
    return STYLE.format(variables=variables(DARK if theme == "dark" else LIGHT), dark=dark)


def size(box: Box) -> tuple[float, float]:
    """The width and height that the text of a box needs."""
    if box.kind == "number":
        return max(26.0, text_width(number(box.data), 12) + 12), 22.0
    widest = max(
        text_width(title(box), 14, bold=True),
        text_width(number(box.data), 12) + 34,
        text_width(number(box.grad), 12) + 34,
    )
    return widest + 18, 3 * LINE + 10


def title(box: Box) -> str:
    if box.kind == "leaf":
        return box.label or "leaf"
    return f"{box.op}  {box.label}" if box.label else box.op


def draw_box(box: Box, at: Point, extent: tuple[float, float], largest: float) -> str:
    """One box with its text; the middle of its left edge is given."""
    width, height = extent
    x, top = at.x, at.y - height / 2
    if box.kind == "number":
        return (
            f'<rect class="mg-k" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:g}" '
            f'rx="5"/><text x="{x + width / 2:.1f}" y="{at.y + 4:.1f}" text-anchor="middle">'
            f"{number(box.data)}</text>"
        )
    radius = 12 if box.kind == "leaf" else 3
    lines = [
        f'<g><title>{escape(hover(box))}</title><rect class="mg-b" x="{x:.1f}" y="{top:.1f}" '
        f'width="{width:.1f}" height="{height:g}" rx="{radius}"/>',
        f'<text class="mg-t" x="{x + width / 2:.1f}" y="{top + 16:.1f}" text-anchor="middle" '
        f'xml:space="preserve">{escape(title(box))}</text>',
    ]
    for i, (caption, value) in enumerate((("data", box.data), ("grad", box.grad)), 1):
        y = top + 16 + i * LINE
        lines.append(
            f'<text class="mg-c" x="{x + 8:.1f}" y="{y:.1f}">{caption}</text>'
            f'<text x="{x + width - 8:.1f}" y="{y:.1f}" text-anchor="end">{number(value)}</text>'
        )
    if box.grad and largest and box.grad == box.grad:
        length = (width / 2 - 8) * min(1.0, sqrt(abs(box.grad) / largest))
        middle = x + width / 2
        start = middle if box.grad > 0 else middle - length
        lines.append(
            f'<rect class="mg-{"p" if box.grad > 0 else "m"}" x="{start:.1f}" '
            f'y="{top + height - 6:.1f}" width="{length:.1f}" height="3"/>'
        )
    return "".join(lines) + "</g>"


def hover(box: Box) -> str:
    name = title(box).replace("  ", " ")
    return f"{name}: data {box.data!r}, grad {box.grad!r}"


def describe(shown: Diagram) -> str:
    """Every box in words, the result first; the first hundred of them."""
    lines = [hover(box) for box in reversed(shown.boxes) if box.kind != "number"]
    more = f" And {len(lines) - 100} more." if len(lines) > 100 else ""
    return ". ".join(lines[:100]) + "." + more


def port(place: int, of: int, height: float) -> float:
    """How far below the middle of a box its operand enters: in order from top to bottom."""
    if of < 2:
        return 0.0
    room = min(height * 0.5, 12.0 * (of - 1))
    return (place / (of - 1) - 0.5) * room


def wires(where: Layout, edges: list[Edge]) -> list[str]:
    """The edges, each piece that several share drawn once, with an arrow at each end."""
    drawn: set[tuple[Point, Point]] = set()
    parts = []
    for edge, route in zip(edges, where.routes):
        path = []
        for i in range(len(route) - 1):
            a, b = route[i], route[i + 1]
            if (a, b) in drawn:
                continue
            drawn.add((a, b))
            path.append(piece(a, b, bent=i % 2 == 0))
        end = route[-1]
        parts.append(
            f'<path class="mg-e" d="{"".join(path)}"/><path class="mg-a" '
            f'd="M{end.x:.1f} {end.y:.1f}l-7 -3v6z"/>'
        )
        _ = edge
    return parts


def piece(a: Point, b: Point, bent: bool) -> str:
    """A part of an edge: straight through a column, or a curve between two of them."""
    if not bent or abs(a.y - b.y) < 0.05:
        return f"M{a.x:.1f} {a.y:.1f}H{b.x:.1f}"
    half = (a.x + b.x) / 2
    return f"M{a.x:.1f} {a.y:.1f}C{half:.1f} {a.y:.1f} {half:.1f} {b.y:.1f} {b.x:.1f} {b.y:.1f}"


# Advance widths in parts of the font size, those of the widest of the fonts named above.
NARROW = dict.fromkeys("iIjl.,:;|!'()[] ", 0.40)
WIDE = dict.fromkeys("mwMWQO@%", 0.98)


def text_width(text: str, font_size: float, bold: bool = False) -> float:
    """How wide a line of text is at most, in pixels."""
    total = 0.0
    for c in text:
        if c in NARROW:
            total += NARROW[c]
        elif c in WIDE:
            total += WIDE[c]
        elif ord(c) < 0x250:
            total += 0.64 if c.islower() or c.isdigit() else 0.72
        elif unicodedata.combining(c):
            continue
        else:
            total += 1.02 if unicodedata.east_asian_width(c) in "WF" else 0.85
    return total * font_size * (1.09 if bold else 1.0)
