"""What the page asks about the lines in its editor, and the answers, as JSON both ways.

"draw": the value, the picture, the gradients; "explain": one node, its local gradients, its
paths to the result; "order": the backward pass step by step, in the right order or in a wrong
one; "notebook": the lines as a notebook. Those about training are in `training.py`. `answer` is
all that the page calls.
"""

from __future__ import annotations

import json
from typing import Any

from ..core.view import View
from ..doctor.orders import ORDERS, Pushed, Tape
from ..doctor.record import Graph as Record
from ..graph.diagram import Box, Diagram, name_values, number
from ..graph.draw import draw
from ..graph.explain import explain
from ..graph.picture.svg import STYLES, Picture
from ..graph.steps import formula_of, names_of, steps
from ..graph.text import tree
from .lines import LinesError, Ran, parsed, run
from .training import Training

MOST = 600  # boxes, before a graph is folded
STEPS = 2_000  # steps that are told
PATHS = 6
SPARE = 16.0  # room for two digits


class Page:
    """What one page has open: the graph in its editor, and the network that it trains."""

    def __init__(self) -> None:
        self.ran: Ran | None = None
        self.diagram: Diagram | None = None
        self.training: Training | None = None
        self.placed: tuple[Any, Picture] | None = None  # the places of the boxes, and for what

    def draw(self, text: str, style: str = "node", theme: str = "light") -> dict[str, Any]:
        """Run the lines, forward and backward, and draw what they built."""
        ran = run(text)
        self.close()
        self.ran = ran
        name_values(ran.names)
        ran.root.backward()
        graph = draw(ran.root, style=style, theme=theme, most=MOST)
        shown = graph.diagram
        self.diagram = shown
        return {
            "value": f"{ran.root.data:.12g}",
            "name": ran.root.label,
            "svg": self.picture(shown, style, theme),
            "tree": tree(shown),
            "boxes": [told(box) for box in shown.boxes],
            "leaves": [
                {
                    "name": leaf.name, "value": leaf.value.data, "grad": number(leaf.value.grad),
                    "line": leaf.line, "start": leaf.start, "end": leaf.end,
                }
                for leaf in ran.leaves
            ],
        }  # fmt: skip

    def picture(self, shown: Diagram, style: str, theme: str) -> str:
        """The picture. Where only numbers are others than before, and fit into their boxes, the
        boxes stay where they are: finding places takes most of the time. Where they do not fit,
        all boxes get room to spare and keep it, so that soon all numbers do."""
        boxes = [box._replace(data=0.0, grad=0.0, node=None) for box in shown.boxes]
        links = [link._replace(flow=0.0) for link in shown.links]
        key = (style, theme, boxes, links, shown.frames)
        needed = STYLES[style](shown, True).sizes
        least: list[tuple[float, float]] = []
        if self.placed is not None and self.placed[0] == key:
            look = self.placed[1].look
            if all(a[0] <= b[0] and a[1] <= b[1] for a, b in zip(needed, look.sizes)):
                return self.placed[1].svg(shown)
            least = [(max(a + SPARE, c), d) for (a, _), (c, d) in zip(needed, look.sizes)]
        picture = Picture(shown, theme, style, marks=True, least=least)
        self.placed = key, picture
        return picture.svg(shown)

    def close(self) -> None:
        """Let go of the graph that was drawn before."""
        ran, self.ran, self.diagram = self.ran, None, None
        if self.placed is not None:  # its boxes hold nodes
            look = self.placed[1].look
            look.show(
                look.shown._replace(boxes=[b._replace(node=None) for b in look.shown.boxes]), {}
            )
        if ran is not None:
            ran.free()

    def explain(self, box: int) -> dict[str, Any]:
        """One box of the picture: what it does to its operands, and its paths to the result."""
        ran, node = self.ran, None
        if ran is not None and self.diagram is not None and 0 <= box < len(self.diagram.boxes):
            node = self.diagram.boxes[box].node
        if ran is None or node is None:
            return {"lines": ["This box stands for several nodes, or for a number that is fixed."]}
        view = View(ran.root)
        names = names_of(view)
        lines = []
        operands, partials = view.edges(node) if view.operands(node) else ((), ())
        if operands:
            lines.append(f"{names[node]} = {formula_of(view, node, names)} = {number(node.data)}")
        for x, partial in zip(operands, partials):
            if x in names and partial is not None:
                lines.append(f"d {names[node]} / d {names[x]} = {number(partial)}")
        return {"lines": [*lines, *explain(ran.root, node, PATHS).text.splitlines()]}

    def order(self, name: str = "") -> dict[str, Any]:
        """Each step of the backward pass, or of one of `ORDERS` beside it, and where that ends."""
        if self.ran is None or self.diagram is None:
            raise LinesError("there is no graph yet")
        root = self.ran.root
        place = {id(b.node): i for i, b in enumerate(self.diagram.boxes) if b.node is not None}
        right = [
            {
                "text": s.text, "words": s.words, "node": place.get(id(s.node), -1),
                "operand": place.get(id(s.operand), -1), "grad": number(s.after),
            }
            for _, s in zip(range(STEPS), steps(root))
        ]  # fmt: skip
        found: dict[str, Any] = {"right": right, "orders": list(ORDERS)}
        if name not in ORDERS:
            return found
        record = Record(View(root))
        names = names_of(record.view)
        tape = Tape(record)
        walk, why = ORDERS[name]
        told_so = ""
        try:
            walk(tape)
        except Pushed:
            told_so = "It was stopped: it comes by the same nodes again and again. "
        wrong = [
            {
                "text": f"{names[record.nodes[x]]}.grad is {number(after)}, after a share "
                f"from {names[record.nodes[i]]}",
                "words": "", "node": place.get(id(record.nodes[i]), -1),
                "operand": place.get(id(record.nodes[x]), -1), "grad": number(after),
            }
            for i, x, after in tape.steps[:STEPS]
        ]  # fmt: skip
        differing = [
            f"{names[v]}: {number(a)} in the place of {number(b)}"
            for v, a, b in zip(record.nodes, tape.gradient, record.gradient)
            if a != b and not (a != a and b != b)
        ]
        verdict = (
            f"{told_so}Wrong at {len(differing)} of {len(record)}: {'; '.join(differing[:4])}. "
            f"{why[:1].upper()}{why[1:]}{'.' if why else ''}"
            if differing
            else "On this graph it comes to the same gradients: no node is used more than once "
            "in a way that shows it."
        )
        return {**found, "wrong": wrong, "verdict": verdict.strip()}

    def notebook(self, text: str) -> dict[str, Any]:
        """The lines as a notebook that runs wherever micrograd is installed."""
        ran = run(text)
        lines = text.splitlines()
        for leaf in reversed(ran.leaves):
            line = lines[leaf.line - 1].encode("utf-16-le")
            before, after = line[: 2 * leaf.start], line[2 * leaf.end :]
            written = line[2 * leaf.start : 2 * leaf.end].decode("utf-16-le")
            made = f'Value({written}, label="{leaf.name}")'
            lines[leaf.line - 1] = (before + made.encode("utf-16-le") + after).decode("utf-16-le")
        last = list(ran.names)[-1:] or ["result"]
        end = parsed(text).body[-1]
        if type(end).__name__ == "Expr":
            lines[end.lineno - 1] = f"result = {lines[end.lineno - 1]}"
            last = ["result"]
        cells = [
            "import micrograd as mg\nfrom micrograd import *\nfrom micrograd import Value",
            "\n".join(lines),
            f"{last[0]}.backward()\nmg.draw({last[0]})",
        ]
        ran.free()
        return {
            "notebook": {
                "nbformat": 4, "nbformat_minor": 5,
                "metadata": {"kernelspec": {
                    "name": "python3", "display_name": "Python 3", "language": "python",
                }},
                "cells": [
                    {
                        "cell_type": "code", "id": f"cell{i}", "metadata": {}, "source": cell,
                        "outputs": [], "execution_count": None,
                    }
                    for i, cell in enumerate(cells)
                ],
            }
        }  # fmt: skip

    def train(self, **settings: Any) -> dict[str, Any]:
        """A new network, not trained yet."""
        self.training = Training(**settings)
        return self.training.state()

    def step(self, count: int = 1) -> dict[str, Any]:
        """The network after so many steps more."""
        return self.network.advance(count)

    def back(self) -> dict[str, Any]:
        """The network one step before."""
        return self.network.back()

    @property
    def network(self) -> Training:
        if self.training is None:
            self.training = Training()
        return self.training


def told(box: Box) -> dict[str, Any]:
    """A box in words, for the list under the picture and for a screen reader."""
    return {"words": box.words, "kind": box.kind, "name": box.title}


PAGE = Page()
ASKED = ("draw", "explain", "order", "notebook", "train", "step", "back")


def answer(question: str, page: Page = PAGE) -> str:
    """The answer to a question, both as JSON: what is asked for, and its settings.

    >>> found = json.loads(answer('{"ask": "draw", "text": "a = 3\\\\na * a"}', Page()))
    >>> found["value"], found["leaves"][0]["grad"]
    ('9', '6.0')
    >>> json.loads(answer('{"ask": "draw", "text": "a *"}', Page()))["error"]
    'this is no Python: invalid syntax'
    """
    try:
        settings = json.loads(question)
        ask = settings.pop("ask", "")
        if ask not in ASKED:
            raise LinesError(f"the page asks for {ask!r}, which is unknown")
        return json.dumps(getattr(page, ask)(**settings))
    except LinesError as error:
        return json.dumps({"error": str(error), "line": error.line, "column": error.column})
    except (ValueError, TypeError) as error:
        return json.dumps({"error": str(error), "line": 0, "column": 0})
