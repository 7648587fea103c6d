"""`compare_backward`: the wrong orders of a backward pass beside the right one.

What each order makes of the gradients is compared node by node with what `backward()` gives: a
table, a sentence, the first wrong node, pictures. The orders are in `orders.py`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from ..core.node import is_leaf, op_name
from ..core.view import View
from ..engine import Value
from ..files import write_text
from ..graph.diagram import Diagram, diagram, number, plural
from ..graph.picture.svg import Picture
from ..graph.picture.theme import FONT, check_theme
from .orders import ONE_PASS, ORDERS, Pushed, Tape, right
from .record import Graph


class Outcome(NamedTuple):
    """What one order makes of the gradients."""

    name: str
    gradients: list[float]  # of each node, leaves first
    wrong: list[int]  # the places of those that are not right
    first: int | None  # the first whose gradient was passed on, or left, wrong
    products: int  # multiplications that it took
    finished: bool
    sentence: str

    @property
    def right(self) -> bool:
        return not self.wrong


class Comparison:
    """The right gradients and those of each wrong order; prints as a table.

    first_wrong: of the nodes that go wrong in one pass the one nearest to the root; None if all
                 orders are right on this graph
    outcomes:    an `Outcome` for each order, by name
    """

    def __init__(self, root: Value) -> None:
        if not isinstance(root, Value):
            raise TypeError(f"compare_backward takes a Value, not {root!r:.60}")
        view = View(root)
        self.diagram: Diagram = diagram(view, constants=False)
        self.graph = Graph(view)
        self.nodes: list[Any] = self.graph.nodes
        self.names = names(self.graph)
        tape = Tape(self.graph)
        right(tape)
        self.right = tape.gradient
        self.tape = tape
        self.tapes: dict[str, Tape] = {}
        self.outcomes = {name: self.run(name) for name in ORDERS}

    def run(self, name: str) -> Outcome:
        order, why = ORDERS[name]
        tape = self.tapes[name] = Tape(self.graph)
        finished = True
        try:
            order(tape)
        except Pushed:
            finished = False
        wrong = [i for i, (a, b) in enumerate(zip(tape.gradient, self.right)) if not same(a, b)]
        first = self.first_of(tape, wrong)
        if not wrong:
            luck = "by luck: no node of it shows the difference" if why else "and on every one"
            words = f"{name}: right on this graph, {luck}."
        else:
            got, expected = number(tape.gradient[first]), number(self.right[first])  # type: ignore[index]
            words = (
                f"{name}: {plural(len(wrong), 'node')} wrong, first {self.names[first]}, "  # type: ignore[index]
                f"{got} and not {expected}: {why}."
            )
        return Outcome(name, tape.gradient, wrong, first, len(tape.steps), finished, words)

    def first_of(self, tape: Tape, wrong: list[int]) -> int | None:
        """The wrong node nearest to the root: in the right order the first that goes wrong."""
        bad = set(wrong)
        for i in self.graph.order:
            if i in bad:
                return i
        leaves = [x for i in self.graph.order for x in self.graph.under(i) if x in bad]
        return leaves[0] if leaves else (wrong[0] if wrong else None)

    @property
    def first_wrong(self) -> Any:
        """The first node that goes wrong, a Value; None where every order is right."""
        return self.first_wrong_of(self.worst) if self.worst else None

    @property
    def worst(self) -> str | None:
        """The order that goes wrong nearest to the root; of those of one pass, if any does."""
        place = {i: k for k, i in enumerate(self.graph.order)}
        found = [o for o in self.outcomes.values() if o.first is not None]
        one_pass = [o for o in found if o.name in ONE_PASS] or found
        if not one_pass:
            return None
        end = len(place)
        return min(one_pass, key=lambda o: place.get(o.first, end)).name  # type: ignore[arg-type]

    def first_wrong_of(self, order: str) -> Any:
        """The first node that goes wrong in the order of that name, or None."""
        if order not in self.outcomes:
            raise ValueError(f"compare_backward: the orders are {', '.join(ORDERS)}, not {order!r}")
        first = self.outcomes[order].first
        return None if first is None else self.nodes[first]

    @property
    def sentences(self) -> list[str]:
        return [outcome.sentence for outcome in self.outcomes.values()]

    @property
    def text(self) -> str:
        """The table, and a sentence for each order."""
        return "\n".join([self.table, "", *self.sentences])

    @property
    def table(self) -> str:
        """A row for each node, a column for each order, * at what is wrong."""
        rows = [("node", "right", *self.outcomes)]
        shown = list(reversed(range(len(self.nodes))))[:40]
        for i in shown:
            cells = [
                f"{number(o.gradients[i])}{'*' if i in set(o.wrong) else ' '}"
                for o in self.outcomes.values()
            ]
            rows.append((self.names[i], f"{number(self.right[i])} ", *cells))
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [
            "  ".join(
                c.ljust(w) if k == 0 else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths))
            )
            for row in rows
        ]
        if more := len(self.nodes) - len(shown):
            lines.append(f"... and {plural(more, 'more node')}")
        return "\n".join(line.rstrip() for line in lines)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        bad = sum(not o.right for o in self.outcomes.values())
        return f"<Comparison: {bad} of {len(self.outcomes)} wrong orders show on this graph>"

    # Pictures ------------------------------------------------------------------------------

    def svg(self, order: str = "", theme: str = "auto") -> str:
        """The graph with the gradients of an order, its first wrong node marked.

        Without a name it is the order that goes wrong nearest to the root.
        """
        check_theme(theme)
        if not order:
            order = self.worst or next(iter(ORDERS))
        self.first_wrong_of(order)
        outcome = self.outcomes[order]
        marks = {}
        for k, box in enumerate(self.diagram.boxes):
            if box.node is not None:
                i = self.graph.index[id(box.node)]
                if i == outcome.first:
                    marks[k] = "mg-now"
                elif i in set(outcome.wrong):
                    marks[k] = "mg-to"
        return self.painted(outcome.gradients, marks, theme)

    def painted(self, gradients: list[float], marks: dict[int, str], theme: str) -> str:
        boxes = [
            box
            if box.node is None
            else box._replace(grad=gradients[self.graph.index[id(box.node)]])
            for box in self.diagram.boxes
        ]
        shown = self.diagram._replace(boxes=boxes)
        return Picture(shown, theme, "node", marks=True).svg(shown, marks)

    def frames(self, order: str, most: int = 24) -> Iterator[tuple[str, str]]:
        """Pairs of pictures, the right order and this one after the same number of products."""
        wrong = self.tapes.get(order)
        if wrong is None:
            raise ValueError(f"compare_backward: the orders are {', '.join(ORDERS)}, not {order!r}")
        n = max(len(self.tape.steps), len(wrong.steps))
        at = sorted({round(k * n / min(n, most)) for k in range(min(n, most) + 1)}) if n else [0]
        for k in at:
            yield self.after(self.tape, k), self.after(wrong, k)

    def after(self, tape: Tape, k: int) -> str:
        """The picture after k products of an order."""
        gradients = [0.0] * len(self.nodes)
        gradients[tape.top] = 1.0
        for _, x, g in tape.steps[:k]:
            gradients[x] = g
        marks = {}
        if 0 < k <= len(tape.steps):
            node, operand, _ = tape.steps[k - 1]
            for b, box in enumerate(self.diagram.boxes):
                if box.node is not None and self.graph.index[id(box.node)] in (node, operand):
                    now = self.graph.index[id(box.node)] == node
                    marks[b] = "mg-now" if now else "mg-to"
        return self.painted(gradients, marks, "auto")

    @cached_property
    def html(self) -> str:
        """A page: the table, a sentence for each order, the frames of wrong ones beside right."""
        parts = [f"<h2>Orders of the backward pass</h2><pre>{escape(self.table)}</pre>"]
        for outcome in self.outcomes.values():
            parts.append(f"<h3>{escape(outcome.name)}</h3><p>{escape(outcome.sentence)}</p>")
            if outcome.right:
                continue
            parts.append(self.svg(outcome.name))
            if len(self.nodes) <= 24:
                pairs = "".join(
                    f"<tr><td>{a}</td><td>{b}</td></tr>" for a, b in self.frames(outcome.name, 8)
                )
                parts.append(
                    "<details><summary>step by step</summary><table><thead><tr><th>the right order"
                    f"</th><th>{escape(outcome.name)}</th></tr></thead><tbody>{pairs}</tbody></table>"
                    "</details>"
                )
        # In a notebook it is no page of its own: nothing here may touch what is around it.
        style = (
            f".mg-orders{{font:14px/1.45 {FONT}}}"
            ":root:has(>body>.mg-orders:only-child){color-scheme:light dark}"
        )
        return (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Orders of the '
            f'backward pass</title><style>{style}</style></head><body><div class="mg-orders">'
            f"{''.join(parts)}</div></body></html>\n"
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path, after the page (.html) or the marked picture (.svg) was written to it."""
        target = Path(path)
        ending = target.suffix.lower()
        if ending == ".svg":
            return write_text(target, self.svg())
        if ending in (".html", ".htm"):
            return write_text(target, self.html)
        raise ValueError(f"save: the name ends in .html or .svg, not as {target}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def same(a: float, b: float) -> bool:
    if a != a or b != b:
        return a != a and b != b
    return a == b or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)


def names(graph: Graph) -> list[str]:
    """A name for each node: its label, or a number and what it does."""
    found = []
    count = 0
    for v in graph.nodes:
        if v.label:
            found.append(str(v.label))
            continue
        count += 1
        found.append(f"v{count} ({op_name(v)})" if not is_leaf(v) else f"v{count}")
    return found


def compare_backward(root: Value) -> Comparison:
    """A `Comparison` of five wrong orders of the backward pass of root with the right one.

    recursion:     without a sort, once for each path
    breadth first: from the root outwards
    = for +=:      the last share replaces the others
    no reset:      two calls, and gradients kept in between
    not reversed:  from the leaves up

    Beside them stands the reverse order of making, which is right.
    Nobody's `.grad` changes. A wrong order that would take more than 200,000 products, as
    recursion does on a deep graph with forks, is cut short there.

    >>> a = Value(3.0, label="a")
    >>> b = a * 2.0
    >>> b.label = "b"
    >>> c = b * b + b
    >>> found = compare_backward(c)
    >>> found.first_wrong.label, found.first_wrong_of("recursion").label
    ('b', 'a')
    >>> found.outcomes["= for +="].gradients
    [12.0, 6.0, 1.0, 1.0]
    """
    return Comparison(root)
