"""`frames`: the backward pass as a film, one step of the chain rule in each picture.

The page is one file with everything in it; what runs in it is in `picture/page.py`. `strip.py` has
the same without a script, `picture/film.py` and `picture/raster.py` what moves by itself. The steps
come from `steps.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..core.rule import real
from ..core.view import View
from ..engine import Value
from ..files import write_bytes, write_text
from .diagram import Diagram, check, diagram, number, plural
from .folding.fold import LARGEST
from .mathml import chain_rule
from .picture import page
from .picture.film import HOLD, Reel, Still
from .picture.measure import text_width
from .picture.raster import gif
from .picture.svg import Picture, check_style, describe
from .picture.theme import check_theme
from .show import show
from .steps import Step, names_of, walk
from .strip import Strip

PIXELS = 2e6  # of a GIF at most, unless more are asked for
BEGINNING = "The forward pass is done. No gradient is known yet."


class Frame(NamedTuple):
    """One picture of the film: the graph with the gradients known so far."""

    step: Step | None  # None before the first
    gradients: list[float]  # of each box
    node: int | None  # the box whose chain rule it is
    operand: int | None  # the box whose gradient grows
    link: int | None  # the link between them

    @property
    def text(self) -> str:
        return self.step.text if self.step else ""

    @property
    def result(self) -> float:
        """What the operand's gradient is now."""
        return self.step.after if self.step else 0.0

    @property
    def words(self) -> str:
        return self.step.words if self.step else BEGINNING

    @property
    def formula(self) -> str:
        return chain_rule(self.step) if self.step else ""


class Frames:
    """The film of a backward pass. In Jupyter it shows itself; elsewhere `.save()` it.

    len() is the number of pictures: one before the backward pass, and one for each step.
    """

    def __init__(
        self,
        root: Value,
        seed: object = 1.0,
        style: str = "node",
        constants: bool = True,
        theme: str = "auto",
    ) -> None:
        check(root, "frames")
        check_style(style)
        check_theme(theme)
        start = real(seed, "frames: the seed")
        self.theme = theme
        view = View(root)
        taken = list(walk(view, start))
        names = names_of(view)
        shown = diagram(view, constants, names)
        if len(shown.boxes) > LARGEST:
            raise ValueError(
                f"frames: {plural(len(shown.boxes), 'node')} are too many to follow one by one "
                f"(up to {LARGEST} are drawn); take a smaller part of the graph, or steps(root)"
            )
        self.diagram = with_gradients(shown, [0.0] * len(shown.boxes))
        self.frames: list[Frame] = list(make(self.diagram, taken))
        self.picture = Picture(widest(self.diagram, self.frames), theme, style, marks=True)
        self.title = f"The backward pass of {names[root]}"

    def __len__(self) -> int:
        return len(self.frames)

    def svg(self, i: int) -> str:
        """The i-th picture as the text of an SVG file."""
        return self.picture.svg(*self.look(i))

    def look(self, i: int) -> tuple[Diagram, dict[int, str], int | None]:
        """The numbers of the i-th picture, what stands out in it, and where something moves."""
        frame = self.frames[i]
        classes = {}
        if frame.operand is not None:
            classes[frame.operand] = "mg-to"
        if frame.node is not None:
            classes[frame.node] = "mg-now"
        return with_gradients(self.diagram, frame.gradients), classes, frame.link

    @cached_property
    def html(self) -> str:
        """The page: one HTML file with everything in it, which loads nothing."""
        film = {
            "texts": [frame.text for frame in self.frames],
            "words": [frame.words for frame in self.frames],
            "formulas": [frame.formula for frame in self.frames],
            "node": [frame.node for frame in self.frames],
            "operand": [frame.operand for frame in self.frames],
            "grad": [finite(frame.result) for frame in self.frames],
            "shown": [number(frame.result) for frame in self.frames],
            "routes": [
                "" if frame.link is None else self.picture.route(frame.link)
                for frame in self.frames
            ],
        }
        # Nothing in a label can end the script element that this stands in.
        data = json.dumps(film).replace("<", "\\u003c")
        return page.html(self.title, self.svg(0), data, len(self) - 1, self.theme)

    @cached_property
    def reel(self) -> Reel:
        """The pictures with their captions, for films that move by themselves."""
        parts = self.picture.film(map(self.look, range(len(self))))
        stills = [
            Still(part, frame.text, frame.words)
            for part, frame in zip(parts, self.frames, strict=True)
        ]
        return Reel(self.picture.paper(self.diagram), stills, self.theme)

    def animation(self, seconds: float = 1.2) -> str:
        """The film as the text of an SVG file that moves by itself: for slides, without a script.

        Each picture stands for so many seconds, the last for three times as long. Where the reader
        has switched animations off, the last picture is seen.
        """
        end = describe(with_gradients(self.diagram, self.frames[-1].gradients))
        return self.reel.animated(self.title, end, positive(seconds, "seconds"))

    def gif(self, seconds: float = 1.2, scale: float | None = None) -> bytes:
        """The film as GIF, light unless the theme is dark, `scale` times as large as the picture.

        Without a scale it is twice as large, or as large as 2 million pixels allow. Needs Pillow
        and resvg_py: `pip install "micrograd[gif]"`. A film of many boxes takes its time, up to a
        second for each of its pictures, and much room: `.animation()` takes neither.
        """
        stands = [positive(seconds, "seconds")] * (len(self) - 1) + [(1 + HOLD) * seconds]
        theme = "dark" if self.theme == "dark" else "light"
        pictures = [self.reel.still(i, theme) for i in range(len(self))]
        paper = self.reel.paper
        room = min(2.0, (PIXELS / (paper.width * paper.height)) ** 0.5)
        return gif(pictures, stands, positive(room if scale is None else scale, "scale"))

    def save(self, path: str | os.PathLike[str], seconds: float = 1.2) -> Path:
        """The path, after the film was written to it, in the format that its name ends in.

        .html is the page with buttons; .svg and .gif move by themselves, each picture for so many
        seconds. What .gif needs is installed by `pip install "micrograd[gif]"`.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending == ".svg":
            return write_text(target, self.animation(seconds))
        if ending == ".gif":
            return write_bytes(target, self.gif(seconds))
        if ending in (".html", ".htm"):
            return write_text(target, self.html)
        raise ValueError(f"save: the name of a film ends in .html, .svg or .gif, not as {target}")

    def show(self) -> None:
        """Nothing; shows the film: in a notebook below the cell, elsewhere in the browser."""
        show(self, lambda: self.html)

    def strip(self) -> Strip:
        """The same as pictures one below the other, without a script."""
        return Strip(self)

    def _repr_html_(self) -> str:
        return page.embedded(self.html, self.title, min(900, self.picture.where.height + 300))

    def __repr__(self) -> str:
        return f"<Frames: {self.title}, {plural(len(self) - 1, 'step')}>"


def frames(
    root: Value,
    seed: object = 1.0,
    style: str = "node",
    constants: bool = True,
    theme: str = "auto",
) -> Frames:
    """The backward pass of root as `Frames`: a page with buttons, a slider and keys.

    Each picture is one step of the chain rule, with its arithmetic in words and as a
    formula. Nobody's `.grad` changes. `style`, `constants` and `theme` are those of `draw`.

    >>> x = Value(3.0, label="x")
    >>> frames(x * x)
    <Frames: The backward pass of v1, 3 steps>
    """
    return Frames(root, seed, style, constants, theme)


def make(shown: Diagram, taken: list[Step]) -> Iterator[Frame]:
    """The frames of these steps."""
    place = {box.node: i for i, box in enumerate(shown.boxes) if box.node is not None}
    links: dict[tuple[int, int], list[int]] = {}
    for k, link in enumerate(shown.links):
        links.setdefault((link.source, link.target), []).append(k)
    gradients = [0.0] * len(shown.boxes)
    yield Frame(None, gradients, None, None, None)
    seen: dict[tuple[Any, int, int], int] = {}
    for step in taken:
        operand = place[step.operand]
        gradients = [*gradients]
        gradients[operand] = step.after
        if step.node is None:
            yield Frame(step, gradients, None, operand, None)
            continue
        node = place[step.node]
        # Of several links between the same two boxes, each step takes the next.
        ways = links[operand, node]
        count = seen.setdefault((step.node, operand, node), 0)
        seen[step.node, operand, node] += 1
        yield Frame(step, gradients, node, operand, ways[min(count, len(ways) - 1)])


def with_gradients(shown: Diagram, gradients: list[float]) -> Diagram:
    boxes = [box._replace(grad=g) for box, g in zip(shown.boxes, gradients, strict=True)]
    return shown._replace(boxes=boxes)


def widest(shown: Diagram, film: list[Frame]) -> Diagram:
    """The diagram in which each gradient is the one that takes most room in the film."""
    best = list(film[0].gradients)
    for frame in film[1:]:
        i = frame.operand
        if i is not None and room(frame.gradients[i]) > room(best[i]):
            best[i] = frame.gradients[i]
    return with_gradients(shown, best)


def room(x: float) -> float:
    return text_width(number(x), 12)


def finite(x: float) -> float | None:
    """The number if it can be written in JSON."""
    return x if x - x == 0 else None


def positive(x: object, what: str) -> float:
    """x as a float, if it is more than 0."""
    found = real(x, f"frames: {what}")
    if not 0.0 < found < float("inf"):
        raise ValueError(f"frames: {what} is a number above 0, not {x!r}")
    return found
