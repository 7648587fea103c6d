"""Finds what a graph was built of: neurons, layers, long sums, and the user's scopes.

Nothing of that is written in the graph. A neuron is a sum of products of leaves with
inputs, and the activation behind it; a layer is the neurons with the same inputs.
`fold.py` draws what is found as single boxes.
(Past 300 lines because every pattern is read from the one mesh.)
"""

from __future__ import annotations

from typing import Any

from ...core.node import Node, attribute, is_leaf, op_name
from ...core.view import View, is_virtual
from ...nn.naming import Place
from ..diagram import label_of, plural
from ..names import Names, calls_in
from .parts import Part, Way, short_line, ways

ACTIVATIONS = frozenset(
    ("relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh", "softplus", "sin", "clip")
)
SUMS = ("add", "weighted_sum", "dot")
ADDED = ("add", "sum", "fsum", "mean")
PENALTY = ("mul", "dot", "pow", "abs")  # what is done to a bias to keep it small
LONG_SUM = 4  # from how many terms on a sum folds into one box


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
            self.biases[i] = self.biases[i] and all(self.biased(i, j) for j in self.users[i])
        self.terms = self.fitting()
        self.paths: list[Way] = list(self.scopes)
        self.roles: list[set[str]] = [set() for _ in range(self.first)]
        self.find_softmax()
        self.find_neurons()
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
                part = Part("softmax", i, "softmax", note, ("softmax",))
                for j in members:
                    if not self.is_leaf(j):
                        self.paths[j] += (part,)

    def is_leaf(self, i: int) -> bool:
        return i < self.first

    # Neurons ------------------------------------------------------------------------------

    def find_neurons(self) -> None:
        taken: set[int] = set()
        layers: dict[object, list[tuple[list[int], str, Place | None]]] = {}
        owner: dict[int, object] = {}  # of the members of neurons: their layer
        for i in range(len(self.nodes) - 1, self.first - 1, -1):
            if i in taken:
                continue
            if self.names[i] not in SUMS:
                continue
            found_here = self.neuron(i)
            if found_here is None:
                members = self.additions(i)
                if self.names[i] == "add" and len(members) >= LONG_SUM - 1:
                    taken.update(members)
                    part = Part("sum", i, "+")
                    for j in members:
                        self.paths[j] += (part, part)  # opens together with neurons
                continue
            members, key, weights = found_here
            # Side by side stand neurons that see the same and are seen by the same, and whose
            # weights stand together where they have a place in a module.
            place = self.place_of(weights)
            if place is not None and len(weights) == 1 and row_kind(place.row) != "neuron":
                continue  # a scale, as normalization has, and no row of a matrix
            taken.update(members)
            bend = self.activation(i)
            if bend is not None:
                members.append(bend)
            kind = op_name(self.nodes[bend]) if bend is not None else "linear"
            above = frozenset(owner.get(j) for j in self.users[i if bend is None else bend])
            where = (place.holder, place.part, row_kind(place.row)) if place else None
            found = layers.setdefault((kind, key, self.scopes[i], above, where), [])
            found.append((members, kind, place))
            owner.update(dict.fromkeys(members, id(found)))
        for neurons in layers.values():
            self.add_layer(neurons)

    def place_of(self, weights: list[Any]) -> Place | None:
        """Where the weights of a neuron stand in a module, if they stand in one row."""
        rows = set()
        names = set()
        place = None
        for w in weights:
            i = self.place.get(w) if isinstance(w, Node) else None
            place = self.places[i] if i is not None else None
            if place is None:
                return None
            rows.add((place.holder, place.row.partition(".")[2], place.part))
            names.add(place.name.partition("[")[0])
        if place is None or len(rows) > 1 or (len(names) > 1 and not (place.holder or place.part)):
            return None
        # Of several matrices, one for the input and one for the state say, the holder has the name.
        return place if len(names) == 1 else place._replace(name="")

    def add_layer(self, neurons: list[tuple[list[int], str, Place | None]]) -> None:
        """Neurons side by side as parts: the layer, and in it each neuron."""
        (first, *_), kind, place = neurons[0]
        unit = f"{kind} neuron"
        count = plural(len(neurons), unit)
        title, note, own = count, "", True
        if place is not None:
            name = place.name.partition("[")[0]
            own = row_kind(place.row) == "neuron" or bool(place.part) or not name
            title, note = (place.title if own else name) or count, count
        path = place.holder if place is not None and own else ""
        note = note if note != title else ""
        layer = Part("layer", first, title, note, ("layer", title, kind), "", path)
        rows = [int(p.row.partition(".")[2] or 0) if p else 0 for _, _, p in neurons]
        first_row = min(rows) if place is not None and place.part else 0
        for (members, _, where), row in zip(neurons, rows, strict=True):
            named = unit if where is None else f"neuron {row - first_row}"
            likeness = ("neuron", kind, title if place else "")
            bent = "" if kind == "linear" or where is None else kind
            held = row_kind(where.row) == "neuron" if where is not None else False
            there = f"{path}.neurons.{row}".lstrip(".") if held else ""
            neuron = Part("neuron", members[0], named, bent, likeness, "", there)
            if len(neurons) == 1 and place is None:
                self.plain |= {layer, neuron}
            added = [j for j in members if self.names[j] == "add"] if self.sums else []
            total = (Part("sum", added[0], "+"),) if len(added) >= LONG_SUM - 1 else ()
            for j in members:
                self.paths[j] += (layer, neuron, *(total if j in added else ()))

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

    def neuron(self, i: int) -> tuple[list[int], object, list[Any]] | None:
        """The nodes of the neuron whose sum this is, and its inputs; None where it is none.

        A sum of products of a leaf with something, and of one leaf or two for the bias.
        """
        members: list[int] = []
        biases: list[int] = []
        weights: list[Any] = []
        inputs: list[Any] = []
        others: list[int] = []
        stack = [i]
        while stack:
            j = stack.pop()
            name = self.names[j]
            xs = self.view.operands(self.nodes[j])
            if j != i and not self.belongs(j, i):
                (biases if j < self.first and self.biases[j] else others).append(j)
            elif name == "add":
                members.append(j)
                stack += reversed(self.operands[j])
            elif name == "weighted_sum":
                members.append(j)
                n = len(xs) // 2
                weights += xs[1 : n + 1]
                inputs += xs[n + 1 :]
                if isinstance(xs[0], Node):
                    stack.append(self.place[xs[0]])
            elif name == "dot" and xs and all_leaves(xs[: len(xs) // 2]):
                members.append(j)
                weights += xs[: len(xs) // 2]
                inputs += xs[len(xs) // 2 :]
            elif name == "mul" and j != i:
                w, x = xs
                if not (isinstance(w, Node) and is_leaf(w)):
                    w, x = x, w
                if w is x or not (isinstance(w, Node) and is_leaf(w)):
                    return None
                members.append(j)
                weights.append(w)
                inputs.append(x)
            else:
                others.append(j)
            if others and self.names[i] != "weighted_sum":
                return None
        if not is_neuron((len(inputs), len(biases))):
            return None
        for w in weights:
            if isinstance(w, Node) and is_leaf(w):
                self.roles[self.place[w]].add("weight")
        for j in biases:
            self.roles[j].add("bias")
        for x in inputs:
            if isinstance(x, Node) and is_leaf(x):
                self.roles[self.place[x]].add("input")
        return members, (tuple(map(self.identity, inputs)), tuple(others)), weights

    def biased(self, i: int, j: int) -> bool:
        """Whether a node uses a leaf as a bias, or as a penalty does: never with another node.

        What is added to a neuron and goes into others, too, is an input: around it a residual.
        """
        name = self.names[j]
        if name == "weighted_sum":
            _, *factors = self.view.operands(self.nodes[j])
            return not any(x is self.nodes[i] for x in factors)
        if name in PENALTY and set(self.operands[j]) == {i}:
            return all(self.names[k] in ADDED for k in self.users[j])
        return name in ADDED

    def fitting(self) -> list[tuple[int, int] | None]:
        """Of each addition how many products and biases it adds, if it adds nothing else."""
        found: list[tuple[int, int] | None] = [None] * len(self.nodes)
        for i in range(self.first, len(self.nodes)):
            if self.names[i] != "add":
                continue
            products = biases = 0
            for j in self.operands[i]:
                inner, known = self.belongs(j, i), found[j]
                if j < self.first and self.biases[j]:
                    biases += 1
                elif inner and known is not None:
                    products, biases = products + known[0], biases + known[1]
                elif inner and self.is_product(j):
                    products += 1
                else:
                    break
            else:
                found[i] = products, biases
        return found

    def is_product(self, i: int) -> bool:
        """Whether a node multiplies weights by something else."""
        name, xs = self.names[i], self.view.operands(self.nodes[i])
        if name == "mul":
            return xs[0] is not xs[1] and any(isinstance(x, Node) and is_leaf(x) for x in xs)
        return name == "weighted_sum" or (name == "dot" and all_leaves(xs[: len(xs) // 2]))

    def belongs(self, j: int, i: int) -> bool:
        """Whether a node can be a part of what another one folds into."""
        return (
            j >= self.first
            and len(self.users[j]) == 1
            and self.scopes[j] == self.scopes[i]
            and not label_of(self.nodes[j])
            and j not in self.roots
        )

    def additions(self, i: int) -> list[int]:
        """The additions that make up a long sum, up to the neurons that are added."""
        members = [i]
        for j in members:  # which grows on the way
            members += [
                k for k in self.operands[j]
                if self.names[k] == "add" and self.belongs(k, i) and not is_neuron(self.terms[k])
            ]  # fmt: skip
        return members

    def identity(self, x: Any) -> object:
        """What tells an operand from others: its number, or for a bare float its value.

        A leaf that nobody named or uses elsewhere may have been a bare float.
        """
        if not isinstance(x, Node):
            return x
        j = self.place[x]
        if j < self.first and len(self.users[j]) == 1 and not self.labels[j]:
            return x._data
        return (j,)

    def activation(self, i: int) -> int | None:
        """The one user of a sum, where it is an activation."""
        users = self.users[i]
        if i in self.roots or len(users) != 1 or self.names[users[0]] not in ACTIVATIONS:
            return None
        if self.scopes[users[0]] != self.scopes[i]:
            return None
        return users[0]


def weight(view: View, v: Any) -> int:
    """How many operations a node stands for."""
    return len(view.operands(v)) // 2 * 2 if view.rule(v).name == "weighted_sum" else 1


def is_neuron(terms: tuple[int, int] | None) -> bool:
    """Whether so many products and biases make one."""
    return terms is not None and terms[0] > 0 and terms[1] <= 2 and sum(terms) > 1


def row_kind(row: str) -> str:
    """What a row is one of: "neuron" of "neuron.3"."""
    return row.partition(".")[0]


def all_leaves(xs: tuple[Any, ...]) -> bool:
    return all(isinstance(x, Node) and is_leaf(x) for x in xs)
