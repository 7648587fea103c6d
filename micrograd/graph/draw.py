"""`draw`: a graph that shows itself."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

from ..engine import Value
from ..files import write_text
from . import svg
from .diagram import Diagram, diagram, summary


class Graph:
    """A drawing of a graph. In Jupyter it shows itself; elsewhere ask for `.svg` or `.save()`."""

    def __init__(self, root: Value, constants: bool = True, theme: str = "auto") -> None:
        self.root = root
        self.theme = theme
        svg.style(theme)
        self.diagram: Diagram = diagram(root, constants)

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return svg.write(self.diagram, self.theme)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the picture was written to it; the name ends in .svg."""
        target = Path(path)
        if target.suffix != ".svg":
            raise ValueError(f"save: the name should end in .svg: {target}")
        return write_text(target, self.svg)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Graph: {summary(self.diagram)}>"


def draw(root: Value, constants: bool = True, theme: str = "auto") -> Graph:
    """A `Graph` of everything under root: boxes with values and gradients, from left to right.

    Without `constants` the numbers in expressions are left out. The theme is "light",
    "dark", or "auto" to follow whatever shows the picture.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b + 1)
    <Graph: Computation graph of 2 operations on 2 leaves; the result is -5.0.>
    """
    return Graph(root, constants, theme)
