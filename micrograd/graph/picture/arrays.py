"""The boxes of an array program: a formula in a gate, and its array on the wire that leaves it."""

from __future__ import annotations

from html import escape

from ..diagram import Box, Diagram
from .boxes import LINE, rect, text
from .circuit import BACK, CircuitStyle
from .columns import Point
from .measure import clipped, text_width

LONGEST = 38  # characters in a line of a formula
MOST = 4  # lines


class ArrayStyle(CircuitStyle):
    """Formulas in gates; arrays by name and shape above the wires, their gradients below."""

    gap = (40.0, 14.0)

    def __init__(self, shown: Diagram, marks: bool, down: bool = False) -> None:
        super().__init__(shown, marks, down)
        self.back = BACK

    def prepare(self) -> None:
        self.back = BACK
        super().prepare()

    def size(self, box: Box) -> tuple[float, float]:
        return self.head(box) + self.wire(box), self.height(box)

    def head(self, box: Box) -> float:
        if box.kind == "leaf":
            return 6.0
        return max(30.0, *[text_width(line, 12) + 18 for line in formula_lines(box.op)])

    def height(self, box: Box) -> float:
        lines = len(formula_lines(box.op)) if box.kind == "op" else 1
        return max(40.0, lines * LINE + 14)

    def wire(self, box: Box) -> float:
        bold = box.kind == "leaf"
        return max(text_width(box.label, 12, bold), text_width(box.note, 12) + 12) + 12

    def draw(self, i: int, at: Point) -> str:
        box = self.shown.boxes[i]
        width, _ = self.sizes[i]
        x, y, head = at.x, at.y, self.head(box)
        parts = []
        if box.kind == "op":
            lines = formula_lines(box.op)
            tall = max(30.0, len(lines) * LINE + 12)
            parts.append(rect("mg-gate", x, y - tall / 2, head, tall, 8))
            first = y + 4 - (len(lines) - 1) * LINE / 2
            parts += [
                text("mg-text", x + head / 2, first + k * LINE, line, "middle")
                for k, line in enumerate(lines)
            ]
        start, end = x + head, x + width
        if box.kind == "leaf":
            start = x
        parts.append(f'<path class="mg-wire" d="M{start:.1f} {y:.1f}H{end:.1f}"/>')
        middle = (start + end) / 2
        bold = " mg-strong" if box.kind == "leaf" else ""
        parts.append(text(f"mg-text{bold}", middle, y - 5, box.label, "middle"))
        if box.note:
            low = y + BACK
            parts.append(f'<path class="mg-back" d="M{start + 1:.1f} {low:.1f}H{end:.1f}"/>')
            parts.append(f'<path class="mg-barb" d="M{start + 1:.1f} {low:.1f}l7 -3v6z"/>')
            parts.append(text("mg-slope", middle, low + 13, box.note, "middle"))
        inner = "".join(parts)
        words = f"{box.label} = {box.op}" if box.op else f"{box.label}, {box.place}"
        mark = f' data-box="{i}"' if self.marks else ""
        return f"<g{mark}><title>{escape(words)}</title>{inner}</g>"


def formula_lines(formula: str) -> list[str]:
    """A formula in lines that are not too long, broken at blanks."""
    lines = [""]
    for word in formula.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= LONGEST:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > MOST:
        lines = [*lines[: MOST - 1], "\u2026"]
    return [clipped(line, LONGEST + 12) for line in lines]
