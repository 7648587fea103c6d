"""The shape of the page: in how many rows a picture is, so that it can be read on a slide.

Never a strip, and never so wide that its small print is lost. What is put in places are the boxes
of a style, `boxes.py`, by `nested.py`; read that next.
"""

from __future__ import annotations

from collections import Counter

from ..diagram import Box, Diagram, number
from .absolute import places
from .blocks import Around
from .blocks import Picture as Places
from .boxes import Style
from .measure import clipped, text_width
from .nested import Whole

MARGIN = 10.0
WIDEST = 4.0  # how many times as wide as high a picture is at most
PADDED = 5.5  # up to what a margin makes it so
# As wide that the smallest text, of 11 pixels, still has 9 where the page is 1400 wide.
LIMIT = 1400 * 11 / 9 - 2 * MARGIN
SMALL = 1400.0  # as wide as the page: up to here a margin is better than a second row


def arranged(look: Style, shown: Diagram) -> Places:
    """Places for everything, in rows where it would be too wide."""
    boxes = shown.boxes
    owner = [boxes[look.owner(i)].frame for i in range(len(look.sizes))]
    around = [
        Around(frame.parent, text_width(frame.head, 12, bold=True)) for frame in shown.frames
    ]  # fmt: skip
    marked = mark_names(shown)
    names = [marked[look.owner(i)] for i in range(len(look.sizes))]
    whole = Whole(
        look.sizes, look.edges, look.gap, look.free, owner, around, names, look.down, not look.back
    )  # fmt: skip
    if look.down:  # as high as it is, and as wide as its widest row
        return places(whole)
    if whole.large and whole.natural(-1).width > LIMIT:
        return places(whole, 0.8 * LIMIT)
    found = places(whole, LIMIT)
    for part in (0.92, 0.84, 0.76, 0.68, 0.6, 0.5, 0.4):  # what stands beside frames takes room
        if found.width <= LIMIT:
            break
        again = places(whole, part * LIMIT)
        if again.width < found.width:
            found = again
    for rows in range(2, 12):
        width, height = found.width + 2 * MARGIN, found.height + 2 * MARGIN
        if width <= max(PADDED * height, SMALL):
            break
        # Twice as many rows are twice as high and half as wide.
        limit = width / (width / (WIDEST * height)) ** 0.5 * (1.05 - 0.05 * rows)
        again = places(whole, limit)
        if again.width < found.width:
            found = again
        elif rows > 4:
            break
    return found


def mark_names(shown: Diagram) -> list[str]:
    """What the edges of each box are called where they go on in another row: no two alike."""
    labels = Counter(box.label for box in shown.boxes)
    noted = Counter((box.label, box.note) for box in shown.boxes)
    return [mark_name(box, i, labels, noted) for i, box in enumerate(shown.boxes)]


def mark_name(box: Box, i: int, labels: Counter[str], noted: Counter[tuple[str, str]]) -> str:
    """The label of a box, with what it belongs to or its number where others have it too."""
    if box.label and labels[box.label] == 1:
        return clipped(box.label, 24)
    if box.label and box.note and noted[box.label, box.note] == 1:
        return clipped(f"{box.label}, {box.note}", 32)
    return f"{clipped(box.label or box.op or number(box.data), 24)} #{i}"
