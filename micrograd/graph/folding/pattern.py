"""Finds what a graph was built of: neurons, layers, long sums, and the user's scopes.

Nothing of that is written in the graph. A neuron is a sum of products of leaves with
inputs, and the activation behind it; a layer is the neurons with the same inputs.
`fold.py` draws what is found as single boxes; how neurons are found is in `neurons.py`.
"""

from __future__ import annotations

from typing import Any

from ...core.node import Node, attribute
from ...core.view import View, is_virtual
from ..diagram import plural
from ..names import Names, calls_in
from .neurons import biased, find_neurons, fitting
from .parts import Part, Way, short_line, ways


class Mesh:
    """The graph by numbers: nodes in topological order, the leaves first."""

    def __init__(self, view: View, names: Names | None = None, sums: bool = False) -> None:
        """With `sums` the long sum in a neuron is a part of its own."""
        names = names or Names(view)
        leaves, inner = view.leaves, view.inner
        self.view = view
        self.named = names
        self.sizes: dict[Part, int] = {}
        self.plain: set[Part] = set()  # what an expression may be by chance: it gets no frame
        self.known_heights: dict[Part, int] | None = None
        self.nodes: list[Any] = view.nodes
        self.sums = sums
        self.first = len(leaves)  # the number of the first interior node
        place = {v: i for i, v in enumerate(self.nodes)}
        self.operands: list[list[int]] = [[] for _ in leaves]
        self.users: list[list[int]] = [[] for _ in self.nodes]
        for i, v in enumerate(inner, self.first):
            below = [place[x] for x in view.operands(v) if isinstance(x, Node)]
            self.operands.append(below)
            for j in below:
                self.users[j].append(i)
        self.place = place
        self.roots = {place[root]: None for root in view.roots}  # in their order
        self.names: list[str] = [view.rule(v).name for v in self.nodes]
        self.labels: list[str] = [names.labels.get(v, "") for v in self.nodes]
        self.places = [names.places.get(v) for v in self.nodes]
        # The way to each interior node, and whether a leaf is a weight, a bias or neither.
        calls = calls_in(self.nodes)
        self.scopes: list[Way] = [*((),) * self.first, *ways(self, calls)]
        self.biases = [
            self.places[i] is not None or not any(id(v) in call.inputs for call in calls)
            for i, v in enumerate(leaves)
        ]
        for i in range(self.first):  # of all leaves those that can be a bias
            self.biases[i] = self.biases[i] and all(biased(self, i, j) for j in self.users[i])
        self.terms = fitting(self)
        self.paths: list[Way] = list(self.scopes)
        self.roles: list[set[str]] = [set() for _ in range(self.first)]
        self.find_softmax()
        find_neurons(self)
        self.merge()
        for i in range(self.first):  # what else is known of a leaf without a name
            if not self.labels[i] and len(self.roles[i]) == 1:
                (self.labels[i],) = self.roles[i]

    def is_inner(self, i: int) -> bool:
        """Whether a leaf is drawn inside what uses it: a parameter, or a number."""
        return i < self.first and (
            self.places[i] is not None
            or is_virtual(self.nodes[i])
            or (bool(self.roles[i]) and "input" not in self.roles[i])
        )

    def takes_data(self, i: int) -> bool:
        """Whether a node multiplies a weight of a neuron by what may be a number: an input."""
        last = self.paths[i][-1] if self.paths[i] else None
        return (
            last is not None
            and last.kind == "neuron"
            and last not in self.plain
            and self.names[i] == "mul"
        )

    def is_all_of(self, part: Part, around: Part) -> bool:
        """Whether a neuron is the only one of the layer around it."""
        alone = part.kind == "neuron" and around.kind == "layer"
        return alone and self.sizes[part] == self.sizes[around]

    def where(self, i: int) -> str:
        """Where a node stands and which line made it, for who looks closer."""
        place = self.places[i]
        if place is not None:
            return place.path
        way = self.paths[i]
        path = next((part.path for part in reversed(way) if part.path), "")
        line = short_line(attribute(self.nodes[i], "_line") or "")
        if not line:
            line = next((part.line for part in reversed(way) if part.line), "")
            line = line and f"called at {line}"
        return ", ".join(filter(None, (path, line)))

    def is_bare(self, part: Part, around: Part | None) -> bool:
        """Whether a part gets no frame: by chance, or because the one around it says it."""
        return (
            part.kind == "sum"
            or part in self.plain
            or (around is not None and self.is_all_of(part, around))
        )

    def heights(self) -> dict[Part, int]:
        """Of calls and scopes: how many are nested in each at most."""
        if self.known_heights is None:
            found: dict[Part, int] = {}
            self.known_heights = found
            for way in dict.fromkeys(self.paths):
                held = [part for part in way if part.kind in ("call", "scope")]
                for k, part in enumerate(reversed(held)):
                    found[part] = max(found.get(part, 0), k)
        return self.known_heights

    def remarks(self) -> tuple[str, ...]:
        """What is not shown, in words."""
        n = self.view.hidden
        if not n:
            return ()
        verb = "is" if n == 1 else "are"
        return (f"{plural(n, 'product')} with 0 {verb} not drawn (zeros=True shows them).",)

    @property
    def operations(self) -> int:
        return sum(self.weight(i) for i in range(self.first, len(self.nodes)))

    def weight(self, i: int) -> int:
        return weight(self.view, self.nodes[i])

    def find_softmax(self) -> None:
        """The parts of a softmax: exponentials, their sum, and the quotients by it."""
        for i in range(self.first, len(self.nodes)):
            if self.names[i] not in ("sum", "fsum"):
                continue
            powers = list(dict.fromkeys(self.operands[i]))
            kinds = {self.names[j] for j in powers}
            if kinds not in ({"exp"}, {"exp_diff"}):
                continue
            quotients = [j for j in self.users[i] if self.names[j] == "div"]
            if len(quotients) != len(self.users[i]) or not quotients:
                continue
            members = [*powers, i, *quotients]
            for j in dict.fromkeys(k for p in powers for k in self.operands[p]):
                if self.names[j] == "stop" and set(self.users[j]) <= set(powers):
                    members.append(j)
                    members += [k for k in self.operands[j] if set(self.users[k]) == {j}]
            if len({self.scopes[j] for j in members}) == 1:
                note = f"of {plural(len(powers), 'number')}"
                title = "softmax"
                if len(quotients) == 1 < len(powers):  # one of its numbers alone is used
                    title = f"softmax[{powers.index(self.operands[quotients[0]][0])}]"
                part = Part("softmax", i, title, note, (title,))
                for j in members:
                    if not self.is_leaf(j):
                        self.paths[j] += (part,)

    def is_leaf(self, i: int) -> bool:
        return i < self.first

    def merge(self) -> None:
        """Leave out a layer that is all there is of the call or the scope around it."""
        sizes = self.sizes
        for way in self.paths[self.first :]:
            for part in way:
                sizes[part] = sizes.get(part, 0) + 1
        told: dict[Way, Way] = {}
        for i in range(self.first, len(self.paths)):
            way = self.paths[i]
            short = told.get(way)
            if short is None:
                kept: list[Part] = []
                size = 0
                for part in way:
                    around = kept[-1] if kept and size == sizes[part] else None
                    size = sizes[part]
                    if around is not None and around.kind == "call" and part.kind == "layer":
                        number = around.note
                        kept[-1] = around = around._replace(
                            kind="layer",
                            note=", ".join(filter(None, (part.note or part.title, number))),
                            likeness=(around.likeness, part.likeness),
                        )
                        sizes[around] = size
                        continue
                    kept.append(part)
                short = told[way] = tuple(kept)
            self.paths[i] = short


def weight(view: View, v: Any) -> int:
    """How many operations a node stands for."""
    return len(view.operands(v)) // 2 * 2 if view.rule(v).name == "weighted_sum" else 1
