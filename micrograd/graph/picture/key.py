"""The key: what bars, dots and dashed boxes mean, in small print at the foot of a picture.

It names only what the picture has, in as many lines as its width asks for. What is drawn of a box
is in `boxes.py`; where the key is put, in `svg.py`.
"""

from __future__ import annotations

from collections import Counter

from ..diagram import Diagram
from ..written import COMES_IN
from .blocks import Picture as Places
from .boxes import Style, rect, text
from .measure import text_width

SAMPLE = 26.0  # the width of what is explained
APART = 14.0  # between two entries
LINE = 17.0
ABOVE = 12.0  # between the picture and its key
NARROW = 330.0  # no line is broken before

Entry = tuple[str, str]  # what is explained, and what it means


def entries(look: Style, where: Places, shown: Diagram) -> list[Entry]:
    """What is to be said about a picture."""
    boxes = shown.boxes
    found: list[Entry] = []
    if look.bars and (look.marks or any(map(look.length, boxes))):
        found.append(("bar", "gradient: \u2212 left, + right, length as \u221a|grad|"))
    if look.back and any(box.kind == "op" for box in boxes) and not shown.sentence:
        found.append(("wire", "value above, gradient below"))
    if not shown.sentence and any(box.kind == "op" and COMES_IN in box.op for box in boxes):
        found.append((COMES_IN, "what comes in"))
    into = Counter(link.target for link in shown.links)
    if not shown.sentence and any(box.ordered and into[i] > 1 for i, box in enumerate(boxes)):
        found.append(
            ("order", f"the {'left' if look.down else 'upper'} arrow is the first operand")
        )
    if any(box.kind == "number" for box in boxes):
        found.append(("number", "data: numbers without a gradient"))
    if where.marks:
        found.append(("mark", "goes on in another row"))
    return found


def rows(found: list[Entry], width: float) -> list[list[Entry]]:
    """The entries in lines that are not wider than the picture, if they can be broken."""
    lines: list[list[Entry]] = []
    left = 0.0
    for entry in found:
        wide = extent(entry)
        if not lines or left + wide > max(width, NARROW):
            lines.append([])
            left = 0.0
        lines[-1].append(entry)
        left += wide + APART
    return lines


def extent(entry: Entry) -> float:
    return SAMPLE + 8 + text_width(entry[1], 11)


def size(look: Style, where: Places, shown: Diagram) -> tuple[float, float]:
    """The width and height that the key takes."""
    lines = rows(entries(look, where, shown), where.width)
    if not lines:
        return 0.0, 0.0
    widest = max(sum(map(extent, line)) + APART * (len(line) - 1) for line in lines)
    return widest, ABOVE + LINE * len(lines)


def key(look: Style, where: Places, shown: Diagram, top: float) -> list[str]:
    """The key as SVG, below a height."""
    parts = []
    y = top + ABOVE + LINE / 2
    for line in rows(entries(look, where, shown), where.width):
        x = 0.0
        for entry in line:
            parts.append(sample(entry[0], x, y))
            parts.append(text("mg-faint mg-small", x + SAMPLE + 8, y + 4, entry[1]))
            x += extent(entry) + APART
        y += LINE
    return parts


def sample(what: str, x: float, y: float) -> str:
    """A small picture of what is explained."""
    middle = x + SAMPLE / 2
    if what == "bar":
        return (
            rect("mg-minus", middle - 11, y - 1.5, 10, 3, 0)
            + rect("mg-plus", middle + 1, y - 1.5, 10, 3, 0)
            + f'<path class="mg-edge" d="M{middle:.1f} {y - 4:.1f}v8"/>'
        )
    if what == "wire":
        return (
            f'<path class="mg-wire" d="M{x + 2:.1f} {y - 2:.1f}H{x + SAMPLE - 2:.1f}"/>'
            f'<path class="mg-back" d="M{x + 2:.1f} {y + 2:.1f}H{x + SAMPLE - 2:.1f}"/>'
        )
    if what == "order":
        return (
            f'<path class="mg-edge" d="M{x + 4:.1f} {y - 3:.1f}h14M{x + 4:.1f} {y + 3:.1f}h14"/>'
            f'<path class="mg-edge" d="M{x + 20:.1f} {y - 7:.1f}v14"/>'
        )
    if what == "number":
        return rect("mg-number", x + 2, y - 6, SAMPLE - 4, 12, 4)
    if what == "mark":
        return rect("mg-mark", x + 2, y - 6, SAMPLE - 4, 12, 6)
    return text("mg-text mg-title", middle, y + 5, what, "middle")
