"""`draw`: a graph that shows itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import Value
from ..files import write_bytes, write_text
from ..nn.module import Module
from . import text
from .arrays import array_diagram, lines_of
from .diagram import Diagram, summary
from .dot import digraph, render
from .explore import in_a_notebook, page
from .flow import with_findings
from .folding.fold import folded
from .names import caller
from .picture import svg
from .picture.arrange import LIMIT
from .picture.theme import check_theme
from .roots import called, roots_of
from .show import show

if TYPE_CHECKING:
    import graphviz


class Graph:
    """A drawing of a graph. In Jupyter it shows itself; elsewhere ask for `.svg` or `.save()`.

    The numbers in it are those of the moment when it was made.
    """

    def __init__(
        self,
        root: Any,
        style: str = "node",
        engine: str = "auto",
        depth: int | None = None,
        constants: bool = True,
        theme: str = "auto",
        most: int | None = None,
        zeros: bool = False,
        flow: bool = False,
        findings: Any = None,
        rankdir: str = "LR",
        inputs: Any = None,
    ) -> None:
        check_theme(theme)
        if isinstance(root, Module) and not isinstance(style, str):
            raise TypeError("draw: inputs of a module have a name: draw(model, inputs=[1.0, 2.0])")
        svg.check_style(style)
        if engine not in ("auto", "builtin", "dot"):
            raise ValueError(f'draw: the engine is "auto", "builtin" or "dot", not {engine!r}')
        if rankdir not in ("LR", "TB"):
            raise ValueError(f'draw: rankdir is "LR" or "TB", not {rankdir!r}')
        if rankdir == "TB" and style == "circuit":
            raise ValueError('draw: wires run from left to right; for rankdir="TB" take "node"')
        self.rankdir = rankdir
        self.root = root
        self.style = style
        self.engine = engine
        self.theme = theme
        self.fold: Any = None
        is_module = isinstance(root, Module)
        if inputs is not None and not is_module:
            raise ValueError("draw: inputs are those of a module, and this is none")
        program = array_program(root)
        if program is not None:
            self.style = "arrays"
            self.diagram = array_diagram(program.outline())
        else:
            frame = caller()
            roots, remark = called(root, inputs) if is_module else (roots_of(root), "")
            few = most
            if is_module and depth is None and most is None:
                depth = by_layers(roots)
                few = depth and FEW
            self.diagram, self.fold = folded(roots, depth, constants, few, zeros, frame)
            if most is None and engine != "dot":
                self.fit(lambda limit: folded(roots, None, constants, limit, zeros, frame))
            if remark:
                self.say(remark)
        if findings is not None:
            self.diagram = with_findings(self.diagram, findings)
            self.__dict__.pop("picture", None)  # some boxes are wider now
        self.flow = flow
        if engine == "dot":
            _ = self.svg  # where the program is missing, say so here

    def fit(self, again: Callable[[int], tuple[Diagram, Any]]) -> None:
        """Fold further, and say so, where the picture would be too wide for a page."""
        for limit in (40, 20, 10, 5):
            if self.picture.where.width <= LIMIT:
                return
            shown, fold = again(limit)
            if len(shown.boxes) < len(self.diagram.boxes):
                self.diagram, self.fold = shown, fold
                self.say("It is folded further than asked, to fit a page.")
                del self.picture

    def say(self, words: str) -> None:
        """Put a remark on the picture."""
        remarks = [remark for remark in self.diagram.remarks if remark != words]
        self.diagram = self.diagram._replace(remarks=(*remarks, words))

    @cached_property
    def picture(self) -> svg.Picture:
        """The places of everything."""
        found = svg.Picture(self.diagram, self.theme, self.style, down=self.rankdir == "TB")
        if self.rankdir == "TB" and found.where.width > LIMIT:
            self.rankdir = "LR"
            self.say("From top to bottom it is too wide: it runs from left to right.")
            found = svg.Picture(self.diagram, self.theme, self.style)
        return found

    @cached_property
    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        if self.engine == "dot":
            return render(self.diagram, "svg", self.rankdir).decode()
        picture = self.picture
        picture.flow = self.flow
        return picture.svg(self.diagram)

    @cached_property
    def text(self) -> str:
        """The graph as a tree of lines, for a terminal; an array program as formulas."""
        if self.style == "arrays":
            return lines_of(self.diagram)
        return text.tree(self.diagram)

    @cached_property
    def html(self) -> str:
        """A page of the picture, in one file, in which one can search, fold and look inside."""
        return page(self)

    def to_dot(self) -> graphviz.Digraph:
        """The same boxes and edges as a `graphviz.Digraph`."""
        return digraph(self.diagram, self.rankdir)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the picture was written to it, in the format that its name ends in.

        .svg, .html and .txt need nothing, .dot the package graphviz, .png and .pdf also
        Graphviz's program.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending == ".svg":
            return write_text(target, self.svg)
        if ending in (".html", ".htm"):
            return write_text(target, self.html)
        if ending == ".txt":
            return write_text(target, self.text + "\n")
        if ending in (".dot", ".gv"):
            return write_text(target, self.to_dot().source)
        if ending in (".png", ".pdf"):
            return write_bytes(target, render(self.diagram, ending[1:], self.rankdir))
        raise ValueError(
            f"save: the name ends in .svg, .html, .txt, .dot, .png or .pdf, not as {target}"
        )

    def show(self) -> None:
        """Nothing; shows the picture: in a notebook below the cell, elsewhere in the browser."""
        if self.engine == "dot":
            show(self, lambda: self.svg, ".svg")
        else:
            show(self, lambda: self.html)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        found = {"image/svg+xml": self.svg, "text/plain": repr(self)}
        if self.engine != "dot" and (self.diagram.frames or self.diagram.folded):
            found["text/html"] = in_a_notebook(self)  # where there is something to fold
        return found

    def __repr__(self) -> str:
        return f"<Graph: {summary(self.diagram)}>"


FEW = 16  # from how many boxes on those of a module that are alike are one


def array_program(x: Any) -> Any:
    """The array program of a compiled function, or x itself if it is one; None for a Value."""
    if isinstance(x, (Value, list, tuple, Module)):
        return None
    if callable(getattr(x, "outline", None)):
        return x
    return x.array_program if hasattr(type(x), "array_program") else None


def by_layers(roots: tuple[Value, ...]) -> int | None:
    """How far a module is unfolded: to the first depth at which it is more than one box."""
    for depth in (1, 2):
        shown, _ = folded(roots, depth)
        if sum(box.kind in ("op", "fold") for box in shown.boxes) > 1:
            return depth
    return None


def draw(
    root: Any,
    style: str = "node",
    engine: str = "auto",
    depth: int | None = None,
    constants: bool = True,
    theme: str = "auto",
    most: int | None = None,
    zeros: bool = False,
    flow: bool = False,
    findings: Any = None,
    rankdir: str = "LR",
    inputs: Any = None,
) -> Graph:
    """A `Graph` of everything under root: boxes with values and gradients, from left to right.

    root is a Value; a list of them, nested or not, in one picture, where what they share is drawn
    once; a module, folded by layers; or a function that `jit` compiled, or its `array_program`,
    whose boxes are steps on whole arrays.

    style:     "node", one box for each operation; "record", as in micrograd's notebook;
               "circuit", wires with values above and gradients below
    engine:    "builtin" needs no program, "dot" is Graphviz's; "auto" is "builtin"
    depth:     how far layers, neurons and scopes are unfolded: 1 shows each layer and each
               outermost scope as one box, 2 what is in those, and so on; None shows all,
               but folds by itself what would be too large to read
    constants: whether numbers written in expressions are shown
    theme:     "light", "dark", or "auto" to follow whatever shows the picture
    most:      how many boxes are drawn before it folds by itself: 60, or 600 with a depth
    zeros:     whether products with a written 0 are drawn, which change nothing
    flow:      whether edges are as wide as the gradient that goes back along them is large, in
               powers of ten: vanishing and dead paths are seen at once
    rankdir:   "LR" from left to right, "TB" from top to bottom
    findings:  a report of `diagnose`, whose findings are marked at their places
    inputs:    what a module is called on, [1.0, 2.0] say; a tuple is several arguments. Without,
               it is called on a list of 1.0, as long as its weights tell: numbers and gradients
               in its picture are those of that call, of which no trace is left in the module

    What has no label is called by its place in the module that was called with it, or by your
    variable: `w[1,2]` in the frame "layer 0". Modules, layers and scopes are frames.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> draw(a * b + 1)
    <Graph: Computation graph of 2 operations on 2 leaves; the result is -5.0.>
    >>> draw([a * b, a + b])
    <Graph: Computation graph of 2 operations on 2 leaves; the results are -6.0 and -1.0.>
    """
    return Graph(
        root, style, engine, depth, constants, theme, most, zeros, flow, findings, rankdir, inputs
    )  # fmt: skip
