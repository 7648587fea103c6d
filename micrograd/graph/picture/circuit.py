"""The style "circuit": gates, and on each wire its value above and its gradient below.

As on the boards of courses: values in green, gradients in red; the forward pass is black
and runs to the right, the backward pass is red and runs back below it.
"""

from __future__ import annotations

from ..diagram import Box, Diagram
from .boxes import Style, number_box, number_size, rect, stack, text
from .columns import Point
from .measure import text_width

GATE = 30.0  # the diameter of a gate
BACK = 4.0  # how far the way back lies below the way there


class CircuitStyle(Style):
    gap = (40.0, 12.0)
    pen = ("mg-wire", "mg-head")

    def __init__(self, shown: Diagram, marks: bool, down: bool = False) -> None:
        self.back = BACK if shown.has_gradients or marks else 0.0
        super().__init__(shown, marks, down)

    def size(self, box: Box) -> tuple[float, float]:
        if box.kind == "number":
            return number_size(box)
        return self.head(box) + self.wire(box), self.height(box)

    def head(self, box: Box) -> float:
        """The width of the gate, of the name of a leaf, or of a fold."""
        if box.kind == "leaf":
            name = self.name(box)
            return text_width(name, 14, bold=True) + 10 if name else 4.0
        wide = text_width(box.op if box.kind == "op" else box.title, 13) + 14
        if box.note:
            wide = max(wide, text_width(box.note, 11) + 14)
        return max(GATE, wide)

    def height(self, box: Box) -> float:
        return 48.0 if box.note else 40.0

    def wire(self, box: Box) -> float:
        """The length of the wire that leaves a gate, with the numbers on it."""
        label = box.label if box.kind == "op" else ""
        data, grad = self.numbers(box)
        above = f"{label} = {data}" if label else data
        return max(text_width(above, 12), text_width(grad, 12) + 12) + 10

    def numbers(self, box: Box) -> tuple[str, str]:
        (_, data), (_, grad) = box.rows
        return data, grad if self.back else ""

    def name(self, box: Box) -> str:
        return "" if box.title == "leaf" else box.title

    def draw(self, i: int, at: Point) -> str:
        box = self.shown.boxes[i]
        width, height = self.sizes[i]
        if box.kind == "number":
            return self.group(i, box, number_box(box, at, width, height))
        x, y, head = at.x, at.y, self.head(box)
        lines = []
        if box.kind == "leaf":
            name = self.name(box)
            if name:
                lines.append(text("mg-text mg-title", x + head - 8, y + 5, name, "end"))
        else:
            tall = height - 4 if box.note else GATE
            top = y - tall / 2
            radius = 4 if box.kind == "fold" else 15
            if box.times > 1:
                lines.append(stack(x, top, head, tall, radius).replace("mg-box", "mg-gate"))
            lines.append(rect("mg-gate", x, top, head, tall, radius))
            title = box.op if box.kind == "op" else box.title
            raised = y - 2 if box.note else y + 4
            lines.append(text("mg-text", x + head / 2, raised, title, "middle"))
            if box.note:
                lines.append(text("mg-faint mg-small", x + head / 2, y + 13, box.note, "middle"))
        start, end = x + head, x + width
        lines.append(f'<path class="mg-wire" d="M{start:.1f} {y:.1f}H{end:.1f}"/>')
        data, grad = self.numbers(box)
        middle = (start + end) / 2
        if box.kind == "op" and box.label:
            data = f"{box.label} = {data}"
        hooks = (" mg-data", " mg-grad") if self.marks else ("", "")
        lines.append(text("mg-value" + hooks[0], middle, y - 5, data, "middle"))
        if self.back:
            low = y + BACK
            lines.append(f'<path class="mg-back" d="M{start + 1:.1f} {low:.1f}H{end:.1f}"/>')
            lines.append(f'<path class="mg-barb" d="M{start + 1:.1f} {low:.1f}l7 -3v6z"/>')
            lines.append(text("mg-slope" + hooks[1], middle, y + BACK + 13, grad, "middle"))
        return self.group(i, box, "".join(lines))
