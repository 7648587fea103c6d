"""A film as one SVG file that moves by itself, by CSS and no script: it runs in slides too.

Whatever changes is drawn once for each look that it has, and shown from one picture of the film up
to another. Where animations are switched off, or not known, the last picture is seen. As GIF it is
made in `raster.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

from .arrange import MARGIN
from .boxes import LINE, text
from .measure import text_width
from .svg import Paper, document

HOLD = 2  # for how many more pictures the last one stands
LEAST = 520.0  # pixels that a caption has at least
COUNT = 90.0  # and those for the number of the picture


class Still(NamedTuple):
    """A picture of the film: what stands on the paper, and the caption below."""

    parts: list[str]
    text: str
    words: str


class Reel:
    """Pictures of the same size with captions, to be put together as a film."""

    def __init__(self, paper: Paper, stills: Sequence[Still], theme: str) -> None:
        width = max(paper.width, LEAST)
        left = paper.x - (width - paper.width) / 2
        captions = [caption(still, width) for still in stills]
        height = paper.height + LINE * max(map(len, captions)) + MARGIN
        self.paper = Paper(left, paper.y, width, height)
        self.theme = theme
        first = paper.y + paper.height + LINE
        self.pictures = [
            [*still.parts, self.caption(lines, i, first, len(stills) - 1)]
            for i, (still, lines) in enumerate(zip(stills, captions, strict=True))
        ]

    def caption(self, lines: list[str], i: int, y: float, last: int) -> str:
        """The caption of the i-th picture, whose first line is bold."""
        x = self.paper.x + MARGIN
        end = self.paper.x + self.paper.width - MARGIN
        found = [text("mg-faint", end, y, f"{i} / {last}", "end")]
        for k, line in enumerate(lines):
            found.append(text("mg-faint" if k else "mg-text mg-title", x, y + k * LINE, line))
        return f"<g>{''.join(found)}</g>"

    def still(self, i: int, theme: str) -> str:
        """The i-th picture as the text of an SVG file, to be looked at alone."""
        return document(self.paper, self.pictures[i], theme, "", "")

    def animated(self, title: str, words: str, seconds: float) -> str:
        """All of them as the text of an SVG file in which each stands for so many seconds."""
        n = len(self.pictures)
        spans: set[tuple[int, int]] = set()
        parts: list[str] = []
        for looks in zip(*self.pictures, strict=True):
            start = 0
            for look, same in groupby(looks):
                end = start + len(list(same))
                if end - start == n:
                    parts.append(look)
                else:
                    spans.add((start, end))
                    last = " mg-last" if end == n else ""
                    parts.append(f'<g class="mg-still mg-{start}-{end}{last}">{look}</g>')
                start = end
        name = "mg-film-" + sha256("".join(parts).encode()).hexdigest()[:10]
        style = rules(name, sorted(spans), n, seconds)
        return document(self.paper, parts, self.theme, title, words, style, name)


def rules(name: str, spans: list[tuple[int, int]], n: int, seconds: float) -> str:
    """The style sheet that shows what has a span, from its first picture up to its last."""
    whole = n + HOLD

    def at(i: int) -> str:
        return f"{100 * i / whole:.4f}".rstrip("0").rstrip(".") + "%"

    found = [
        f".{name} .mg-still{{visibility:hidden;animation:{seconds * whole:g}s step-end infinite}}"
        f".{name} .mg-last{{visibility:visible}}"
    ]
    for start, end in spans:
        steps = "0%{visibility:hidden}" if start else ""
        steps += f"{at(start)}{{visibility:visible}}"
        steps += f"{at(end)}{{visibility:hidden}}" if end < n else ""
        film = f"{name}-{start}-{end}"
        found.append(
            f".{name} .mg-{start}-{end}{{animation-name:{film}}}@keyframes {film}{{{steps}}}"
        )
    found.append(f"@media (prefers-reduced-motion:reduce){{.{name} .mg-still{{animation:none}}}}")
    return "".join(found)


def caption(still: Still, width: float) -> list[str]:
    """The lines of a caption, none longer than there is room."""
    room = width - 2 * MARGIN
    first = wrapped(still.text or still.words, room - COUNT, 14, bold=True)
    return [*first, *(wrapped(still.words, room, 12) if still.text else ())]


def wrapped(words: str, room: float, size: float, bold: bool = False) -> list[str]:
    """Text in lines that are no wider than the room, as far as its words allow."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, bold) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
