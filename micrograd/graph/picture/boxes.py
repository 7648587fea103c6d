"""What boxes look like: the styles "node" and "record".

"node" has the operation, its value and its gradient in one box, leaves with round
corners. "record" is the look of micrograd's notebook: a row of cells for each value, and
a round node of its own for each operation. The third style is in `circuit.py`.
"""

from __future__ import annotations

from html import escape
from math import sqrt

from ..diagram import Box, Diagram, interval, number
from .columns import Point
from .measure import text_width
from .ranks import Edge

LINE = 16.0


class Style:
    """How the boxes of a diagram are drawn, and which edges join them.

    `sizes` and `edges` go to the layout, the links of the diagram first; there may be more
    boxes than in the diagram. `pen` has the classes of an edge's line and tip; `live` tells
    of each edge whether a gradient flows back along it, and `back` how far below the line
    that is drawn, 0 for not at all.
    """

    gap = (34.0, 14.0)
    pen = ("mg-edge", "mg-tip")
    back = 0.0
    down = False  # whether edges run from top to bottom
    bars = False  # whether there is one under each gradient

    def __init__(self, shown: Diagram, marks: bool, down: bool = False) -> None:
        self.marks = marks
        self.down = down
        self.sizes: list[tuple[float, float]] = []
        self.edges: list[Edge] = []
        self.show(shown, {})
        self.prepare()
        self.free = {self.entry(i) for i, box in enumerate(shown.boxes) if not box.ordered}
        self.live = [link.live for link in shown.links]
        self.live += [True] * (len(self.edges) - len(self.live))

    def show(self, shown: Diagram, classes: dict[int, str]) -> None:
        """Draw the numbers of this diagram from now on, some boxes with further classes."""
        self.shown = shown
        self.classes = classes
        finite = [abs(box.grad) for box in shown.boxes if box.grad - box.grad == 0]
        self.largest = max(finite, default=0.0)

    def owner(self, i: int) -> int:
        """The box of the diagram that the i-th box of the layout belongs to."""
        return i

    def prepare(self) -> None:
        """Fill `sizes` and `edges`, the links of the diagram first."""
        self.sizes = [self.size(box) for box in self.shown.boxes]
        widths = [w for (w, _), box in zip(self.sizes, self.shown.boxes) if box.kind != "number"]
        self.longest = min(widths, default=16.0) / 2 - 8  # the longest bar, on every box
        self.edges = [
            Edge(a, b, port(place, of, self.sizes[b][not self.down]))
            for a, b, place, of, *_ in self.shown.links
        ]

    def length(self, box: Box) -> float:
        """The length of the bar of a box; 0 where it could not be seen."""
        known = box.grad and box.grad == box.grad and not box.spread and box.kind != "number"
        if not known or not self.largest:
            return 0.0
        length = self.longest * min(1.0, sqrt(abs(box.grad) / self.largest))
        return length if length >= 0.5 else 0.0

    def entry(self, i: int) -> int:
        """The layout's number for where edges go into the i-th box."""
        return i

    def size(self, box: Box) -> tuple[float, float]:
        """The width and height that the text of a box needs."""
        raise NotImplementedError

    def draw(self, i: int, at: Point) -> str:
        """The i-th box; the middle of its left edge is given."""
        raise NotImplementedError

    def group(self, i: int, box: Box, inner: str) -> str:
        mark = f' data-box="{i}"' if self.marks else ""
        names = " ".join(filter(None, (self.classes.get(i), "mg-found" if box.found else "")))
        if names:
            mark += f' class="{names}"'
        return f"<g{mark}><title>{escape(box.words)}</title>{inner}</g>"


class NodeStyle(Style):
    bars = True

    def size(self, box: Box) -> tuple[float, float]:
        if box.kind == "number":
            return number_size(box)
        widest = max(
            text_width(box.title, 14, bold=True),
            text_width(box.note, 11) if box.note else 0.0,
            *[text_width(text, 12) + 34 for _, text in box.rows],
        )
        lines = 3 + bool(box.note) + (box.signal is not None)
        return widest + (34 if box.chance else 18), lines * LINE + 10

    def draw(self, i: int, at: Point) -> str:
        box = self.shown.boxes[i]
        width, height = self.sizes[i]
        if box.kind == "number":
            return self.group(i, box, number_box(box, at, width, height))
        x, top, middle = at.x, at.y - height / 2, at.x + width / 2
        radius = height / 2 if box.chance else 12 if box.kind == "leaf" else 3
        indent = 16 if box.chance else 8
        lines = [stack(x, top, width, height, radius) if box.times > 1 else ""]
        lines.append(rect("mg-box", x, top, width, height, radius))
        y = top + 16
        lines.append(text("mg-text mg-title", middle, y, box.title, "middle"))
        if box.note:
            y += LINE
            lines.append(text("mg-faint mg-small", middle, y, box.note, "middle"))
        for caption, value in box.rows:
            y += LINE
            lines.append(text("mg-faint mg-small", x + indent, y, caption))
            hook = f"mg-text mg-{caption}" if self.marks else "mg-text"
            lines.append(text(hook, x + width - indent, y, value, "end"))
        if box.signal is not None:  # red, and named: what stands in for a gradient
            y += LINE
            lines.append(text("mg-slope mg-small", x + indent, y, "signal"))
            lines.append(text("mg-slope", x + width - indent, y, number(box.signal), "end"))
        lines.append(self.bar(box, x, top + height - 6, width))
        return self.group(i, box, "".join(lines))

    def bar(self, box: Box, x: float, y: float, width: float) -> str:
        """The size of a gradient, to the right where it is positive, else to the left."""
        middle = x + width / 2
        length = self.length(box)
        if not length and not self.marks:
            return ""
        start = middle if box.grad > 0 else middle - length
        name = "mg-plus" if box.grad > 0 else "mg-minus"
        return rect(f"mg-bar {name}" if self.marks else name, start, y, length, 3, 0)


class RecordStyle(Style):
    def prepare(self) -> None:
        boxes = self.shown.boxes
        self.sizes = [self.size(box) for box in boxes]
        # The round nodes of operations come after the boxes, in the layout's numbers
        # before them: it wants operands first.
        self.round_of = {i: 0 for i, box in enumerate(boxes) if box.kind == "op"}
        order: list[tuple[float, float]] = []
        self.order: list[tuple[int, bool]] = []
        self.place: dict[int, int] = {}
        for i, box in enumerate(boxes):
            if box.kind == "op":
                self.round_of[i] = len(order)
                order.append((max(30.0, text_width(box.op, 13) + 16), 30.0))
                self.order.append((i, True))
            self.place[i] = len(order)
            order.append(self.sizes[i])
            self.order.append((i, False))
        self.sizes = order
        links = self.shown.links
        self.edges = []
        for a, b, place, of, *_ in links:
            target = self.entry(b)
            height = self.sizes[target][not self.down]
            self.edges.append(Edge(self.place[a], target, port(place, of, height)))
        self.edges += [Edge(j, self.place[i], 0.0) for i, j in self.round_of.items()]

    def size(self, box: Box) -> tuple[float, float]:
        if box.kind == "number":
            return number_size(box)
        return sum(self.cells(box)), 36.0 if box.note else 28.0

    def entry(self, i: int) -> int:
        return self.round_of.get(i, self.place[i])

    def owner(self, i: int) -> int:
        return self.order[i][0]

    def texts(self, box: Box) -> list[str]:
        label = box.title if box.kind == "fold" or box.kind == "leaf" else box.label
        label = "" if label == "leaf" else label
        texts = [label] if label else []
        return texts + [" ".join(row) for row in box.rows]

    def cells(self, box: Box) -> list[float]:
        """The width of each cell."""
        widths = [text_width(words, 12) + 16 for words in self.texts(box)]
        if box.note:
            widths[0] = max(widths[0], text_width(box.note, 11) + 16)
        return widths

    def draw(self, i: int, at: Point) -> str:
        index, is_round = self.order[i]
        box = self.shown.boxes[index]
        width, height = self.sizes[i]
        x, top = at.x, at.y - height / 2
        if is_round:
            middle = x + width / 2
            return self.group(
                index,
                box,
                rect("mg-box", x, top, width, height, 15)
                + text("mg-text", middle, at.y + 4, box.op, "middle"),
            )
        if box.kind == "number":
            return self.group(index, box, number_box(box, at, width, height))
        lines = [stack(x, top, width, height, 0) if box.times > 1 else ""]
        lines.append(rect("mg-box", x, top, width, height, 0))
        start = x
        baseline = at.y - 3 if box.note else at.y + 4
        for k, (words, cell) in enumerate(zip(self.texts(box), self.cells(box), strict=True)):
            if k:
                lines.append(f'<path class="mg-edge" d="M{start:.1f} {top:.1f}v{height:g}"/>')
            raised = baseline if k == 0 else at.y + 4
            hook = ""
            if self.marks and words.startswith(("data ", "grad ")):
                hook = f" mg-{words[:4]}"
            lines.append(text("mg-text" + hook, start + cell / 2, raised, words, "middle"))
            if box.note and k == 0:
                note = text("mg-faint mg-small", start + cell / 2, at.y + 12, box.note, "middle")
                lines.append(note)
            start += cell
        return self.group(index, box, "".join(lines))


def number_size(box: Box) -> tuple[float, float]:
    return max(26.0, text_width(number_text(box), 12) + 12), 22.0


def number_text(box: Box) -> str:
    if box.label:
        return box.label
    return interval(box.spread.low, box.spread.high) if box.spread else number(box.data)


def number_box(box: Box, at: Point, width: float, height: float) -> str:
    return rect("mg-number", at.x, at.y - height / 2, width, height, 5) + text(
        "mg-text", at.x + width / 2, at.y + 4, number_text(box), "middle"
    )


def rect(name: str, x: float, y: float, width: float, height: float, radius: float) -> str:
    corner = f' rx="{radius:g}"' if radius else ""
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:g}"{corner}/>'
    )


def stack(x: float, top: float, width: float, height: float, radius: float) -> str:
    """A second box that looks out from behind the first: there are more like it."""
    return rect("mg-box", x + 4, top - 4, width, height, radius)


def text(name: str, x: float, y: float, words: str, anchor: str = "") -> str:
    where = f' text-anchor="{anchor}"' if anchor else ""
    space = ' xml:space="preserve"' if "  " in words else ""
    return f'<text class="{name}" x="{x:.1f}" y="{y:.1f}"{where}{space}>{escape(words)}</text>'


def port(place: int, of: int, height: float) -> float:
    """How far below the middle of a box its operand enters: in order from top to bottom."""
    if of < 2:
        return 0.0
    room = min(height * 0.5, 12.0 * (of - 1))
    return (place / (of - 1) - 0.5) * room
