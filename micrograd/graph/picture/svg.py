"""A diagram as SVG, written here and by nothing else: no program, no font, no script.

The picture is described in words for those who cannot see it, and never tells by colour
alone: a gradient has its sign, and a bar of its size to the left or right. It uses no
ids, so any number of pictures can stand on a page.

Where everything is comes from `arrange.py`. What a box looks like is in `boxes.py` and, for wires
with values on them, `circuit.py`; colours are in `theme.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil
from typing import Any, NamedTuple

from ..diagram import Diagram, plural, summary
from .arrange import MARGIN, WIDEST, arranged, mark_names
from .arrays import ArrayStyle
from .blocks import Picture as Places
from .boxes import NodeStyle, RecordStyle, Style, text
from .circuit import CircuitStyle
from .key import key
from .key import size as key_size
from .measure import text_width
from .theme import style_sheet
from .wires import Pen, flows, wires

STYLES: dict[str, type[Style]] = {
    "node": NodeStyle,
    "record": RecordStyle,
    "circuit": CircuitStyle,
    "arrays": ArrayStyle,  # of array programs alone
}
LEGEND = 740.0  # how wide the legend of gradients is at most


def check_style(style: object) -> None:
    if style not in ("node", "record", "circuit"):
        raise ValueError(f'draw: the style is "node", "record" or "circuit", not {style!r}')


class Paper(NamedTuple):
    """The part of the plane that a picture takes: left, top, width and height."""

    x: float
    y: float
    width: float
    height: float


class Picture:
    """Places for the boxes of a diagram, into which any numbers can be written.

    With `marks` each box carries its number as `data-box`, and what can change in it has
    a class of its own (`mg-data`, `mg-grad`, `mg-bar`), for scripts that change the picture.
    """

    def __init__(
        self,
        shown: Diagram,
        theme: str = "auto",
        style: str = "node",
        marks: bool = False,
        down: bool = False,
        least: Sequence[tuple[float, float]] = (),
    ) -> None:
        """`least` has sizes that the boxes are to have at least."""
        self.theme = theme
        self.flow = False
        self.apart = False  # whether each edge is drawn by itself, and frames have covers
        self.look = STYLES[style](shown, marks, down)
        if least:
            pairs = zip(self.look.sizes, least, strict=True)
            self.look.sizes = [(max(a, c), max(b, d)) for (a, b), (c, d) in pairs]
        self.where = arranged(self.look, shown)

    def svg(
        self, shown: Diagram, classes: dict[int, str] | None = None, hot: int | None = None
    ) -> str:
        """The text of the picture with the numbers of this diagram, which has the same boxes.

        `classes` has names for boxes that are to stand out; `hot` is the number of a link
        along which something moves.
        """
        parts = self.parts(shown, classes, hot)
        title = summary(shown) + in_rows(self.where)
        return document(self.paper(shown), parts, self.theme, title, describe(shown))

    def paper(self, shown: Diagram) -> Paper:
        """Where on the plane the picture is."""
        wide, high = key_size(self.look, self.where, shown)
        width = max(self.where.width, wide) + 2 * MARGIN
        height = self.where.height + high + 2 * MARGIN
        if self.flow:
            width, height = max(width, LEGEND), height + 34
        least = ceil(width / WIDEST)  # never so wide that it is a strip
        top = -MARGIN - max(0.0, least - height) / 2
        return Paper(-MARGIN, top, width, max(height, least))

    def parts(
        self, shown: Diagram, classes: dict[int, str] | None = None, hot: int | None = None
    ) -> list[str]:
        """What stands on the paper: each has its place in the list, whatever the numbers are."""
        look = self.look
        look.show(shown, classes or {})
        moving = [f'<path class="mg-hot" d="{"" if hot is None else self.route(hot)}"/>']
        boxes = [look.draw(i, point) for i, point in enumerate(self.where.boxes)]
        above = covers(shown, self.where) if self.apart else []
        return [*self.ground(shown), *(moving if look.marks else ()), *boxes, *above]

    def ground(self, shown: Diagram) -> list[str]:
        """What the boxes stand on."""
        look, where = self.look, self.where
        return [
            *frames(shown, where),
            *(flows(shown, look, where) if self.flow else wires(look, where, self.apart)),
            *marks(look, where),
            *key(look, where, shown, where.height + (34 if self.flow else 0)),
        ]

    def film(self, looks: Iterable[tuple[Diagram, dict[int, str], int | None]]) -> list[list[str]]:
        """The parts of several pictures, in which only the gradients of boxes differ."""
        found: list[list[str]] = []
        known: dict[tuple[Any, ...], str] = {}
        ground: list[str] | None = None
        for shown, classes, hot in looks:
            self.look.show(shown, classes)
            ground = self.ground(shown) if ground is None else ground
            boxes = []
            for i, point in enumerate(self.where.boxes):
                owner = self.look.owner(i)
                sign = i, shown.boxes[owner].grad, classes.get(owner), self.look.largest
                if sign not in known:
                    known[sign] = self.look.draw(i, point)
                boxes.append(known[sign])
            route = "" if hot is None else self.route(hot)
            found.append([*ground, f'<path class="mg-hot" d="{route}"/>', *boxes])
        return found

    def route(self, link: int) -> str:
        """The way of a link, as the data of a path."""
        return Pen(self.look.back, self.look.down).path(self.where.routes[link])


def document(
    paper: Paper,
    parts: list[str],
    theme: str,
    title: str,
    words: str,
    style: str = "",
    name: str = "",
) -> str:
    """The text of an SVG file. `style` are rules beside the theme's, for the class `name`."""
    x, y, width, height = paper
    names = f"mg mg-{theme} {name}".rstrip()
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{names}" role="img" '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{x:g} {y:g} {width:.0f} {height:.0f}">',
        f"<title>{escape(title)}</title><desc>{escape(words)}</desc>",
        f"<style>{style_sheet(theme)}{style}</style>",
        f'<rect class="mg-paper" x="{x:g}" y="{y:g}" width="{width:.0f}" height="{height:.0f}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(found) + "\n"


def in_rows(where: Places) -> str:
    """What is said where edges go on in other rows."""
    if not where.marks:
        return ""
    return " Where a row is full, edges go on in a later one, at the mark of the same name."


def describe(shown: Diagram) -> str:
    """Every box in words, the result first; the first hundred of them."""
    if shown.sentence:
        lines = [f"{box.label} = {box.op}" if box.op else box.label for box in shown.boxes]
    else:
        lines = [box.words for box in reversed(shown.boxes) if box.kind != "number"]
    more = f" And {len(lines) - 100} more." if len(lines) > 100 else ""
    return ". ".join(lines[:100]) + "." + more


def frames(shown: Diagram, where: Places) -> list[str]:
    """The frames with their titles, the outer ones first."""
    parts = []
    for k, frame in enumerate(shown.frames):
        left, top, right, bottom = where.frames[k]
        words = f"{frame.head} [{frame.line}]" if frame.line else frame.head
        name = "mg-frame mg-found" if frame.found else "mg-frame"
        parts.append(
            f'<rect data-frame="{k}" class="{name}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{right - left:.1f}" height="{bottom - top:.1f}" rx="8">'
            f"<title>{escape(words)}</title></rect>"
            + text("mg-caption", left + 10, top + 16, frame.head)
        )
    return parts


def covers(shown: Diagram, where: Places) -> list[str]:
    """What a script shows in the place of a frame that is folded: the outer ones on top."""
    parts = []
    for g in range(len(shown.frames) - 1, -1, -1):
        frame, (left, top, right, bottom) = shown.frames[g], where.frames[g]
        x, y = (left + right) / 2, (top + bottom) / 2
        inner = sum(1 for box in shown.boxes if lies_in(shown, box.frame, g))
        words = f"{plural(inner, 'box')} inside"
        parts.append(
            f'<g class="mg-cover" data-cover="{g}"><rect class="mg-lid" x="{left:.1f}" '
            f'y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" rx="8"/>'
            + text("mg-text mg-title", x, y, frame.head, "middle")
            + text("mg-faint", x, y + 18, words, "middle") + "</g>"
        )  # fmt: skip
    return parts


def lies_in(shown: Diagram, g: int, around: int) -> bool:
    """Whether a frame is another one or inside of it."""
    while g > around:
        g = shown.frames[g].parent
    return g == around


def marks(look: Style, where: Places) -> list[str]:
    """The places where edges go on in another row, and on boxes the numbers that tell them."""
    names = mark_names(look.shown) if where.marks else []
    found = [
        f'<rect class="mg-mark" x="{mark.at.x:.1f}" y="{mark.at.y - 10:.1f}" '
        f'width="{mark.width:.1f}" height="20" rx="10"/>'
        + text(
            "mg-faint", mark.at.x + mark.width / 2, mark.at.y + 4,
            names[look.owner(mark.source)], "middle",
        )
        for mark in where.marks
    ]  # fmt: skip
    for j in dict.fromkeys(mark.source for mark in where.marks if look.bars):
        _, sign, which = names[look.owner(j)].rpartition(" #")
        (width, height), title = look.sizes[j], look.shown.boxes[look.owner(j)].title
        room = (width - text_width(title, 14, bold=True)) / 2 - 6
        if sign and text_width(f"#{which}", 11) <= room:
            at = where.boxes[j]
            found.append(text("mg-faint mg-small", at.x + 5, at.y - height / 2 + 13, f"#{which}"))
    return found
