"""`frames`: the backward pass as a film, one step of the chain rule in each picture.

The page is one file with everything in it; what runs in it is in `picture/page.py`. `strip` is
the same without a script. The steps come from `steps.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from ..core.rule import real
from ..core.view import View
from ..engine import Value
from ..files import write_text
from .diagram import Diagram, check, diagram, number, plural
from .folding.fold import LARGEST
from .mathml import chain_rule
from .picture import page
from .picture.measure import text_width
from .picture.svg import Picture, check_style
from .picture.theme import check_theme
from .show import show
from .steps import Step, names_of, walk

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
        check(root)
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
        frame = self.frames[i]
        classes = {}
        if frame.operand is not None:
            classes[frame.operand] = "mg-to"
        if frame.node is not None:
            classes[frame.node] = "mg-now"
        return self.picture.svg(with_gradients(self.diagram, frame.gradients), classes, frame.link)

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

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the page was written to it; the name ends in .html."""
        return save_html(path, self.html)

    def show(self) -> None:
        """Nothing; shows the film: in a notebook below the cell, elsewhere in the browser."""
        show(self, lambda: self.html)

    def strip(self) -> Strip:
        """The same as pictures one below the other, without a script."""
        return Strip(self)

    def _repr_html_(self) -> str:
        # A frame of its own keeps the page's names and keys from those of the notebook.
        height = min(900, round(self.picture.where.height) + 260)
        return (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(self.title)}" '
            f'style="width:100%;height:{height}px;border:0"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<Frames: {self.title}, {plural(len(self) - 1, 'step')}>"


class Strip:
    """A film strip: `.svgs` has each picture, `.html` all of them with their arithmetic."""

    def __init__(self, film: Frames) -> None:
        self.film = film

    @cached_property
    def svgs(self) -> list[str]:
        return [self.film.svg(i) for i in range(len(self.film))]

    @cached_property
    def html(self) -> str:
        """A page of all pictures, without a script."""
        return page.strip(self.film.title, self.body, self.film.theme)

    @property
    def body(self) -> str:
        return "".join(
            page.figure(i, svg, frame.text, frame.words, frame.formula)
            for i, (svg, frame) in enumerate(zip(self.svgs, self.film.frames, strict=True))
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the page was written to it; the name ends in .html."""
        return save_html(path, self.html)

    def _repr_html_(self) -> str:
        return self.body

    def __repr__(self) -> str:
        return f"<Strip of {plural(len(self.film), 'picture')}>"


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


def save_html(path: str | os.PathLike[str], text: str) -> Path:
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"save: the name ends in .html, not as {target}")
    return write_text(target, text)
