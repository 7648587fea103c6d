"""Finds what a graph was built of: neurons, layers, long sums, and the user's scopes.

Nothing of that is written in the graph. A neuron is a sum of products of leaves with
inputs, and the activation behind it; a layer is the neurons with the same inputs.
`fold.py` draws what is found as single boxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..engine import Value
from ..nodes import is_leaf, op_name, operands_of
from ..toposort import Node, toposort
from .diagram import label_of
from .scope import scope_of

ACTIVATIONS = frozenset(
    ("relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh", "softplus", "sin", "clip")
)
LONG_SUM = 4  # from how many terms on a sum folds into one box


class Part(NamedTuple):
    """A step on the way from the whole graph down to a node."""

    kind: str  # "scope", "layer", "neuron" or "sum"
    key: object  # which one it is
    title: str


class Mesh:
    """The graph by numbers: nodes in topological order, the leaves first."""

    def __init__(self, root: Value) -> None:
        leaves, inner = toposort(root)
        self.nodes: list[Any] = leaves + inner
        self.first = len(leaves)  # the number of the first interior node
        place = {v: i for i, v in enumerate(self.nodes)}
        self.operands: list[list[int]] = [[] for _ in leaves]
        self.users: list[list[int]] = [[] for _ in self.nodes]
        for i, v in enumerate(inner, self.first):
            below = [place[x] for x in operands_of(v) if isinstance(x, Node)]
            self.operands.append(below)
            for j in below:
                self.users[j].append(i)
        self.place = place
        self.names: list[str] = [v._rule.name for v in self.nodes]
        self.scopes = [scope_of(v) for v in self.nodes]
        # The way to each interior node, and whether a leaf is a weight, a bias or neither.
        self.paths: list[tuple[Part, ...]] = [
            tuple(Part("scope", names[: k + 1], name) for k, name in enumerate(names))
            for names in self.scopes
        ]
        self.roles: list[set[str]] = [set() for _ in range(self.first)]
        self.find_neurons()

    @property
    def operations(self) -> int:
        return sum(self.weight(i) for i in range(self.first, len(self.nodes)))

    def weight(self, i: int) -> int:
        """How many operations a node stands for."""
        if self.names[i] == "weighted_sum":
            return len(operands_of(self.nodes[i])) // 2 * 2
        return 1

    # Neurons ------------------------------------------------------------------------------

    def find_neurons(self) -> None:
        taken: set[int] = set()
        layers: dict[object, list[tuple[list[int], str]]] = {}
        owner: dict[int, object] = {}  # of the members of neurons: their layer
        for i in range(len(self.nodes) - 1, self.first - 1, -1):
            if i in taken:
                continue
            name = self.names[i]
            if name == "weighted_sum":
                members, key = self.weighted_sum(i)
            elif name == "add":
                members, terms = self.terms(i)
                taken.update(members)
                key = self.products(terms, members)
                if key is None:
                    if len(terms) >= LONG_SUM:
                        part = Part("sum", i, "+")
                        for j in members:
                            self.paths[j] += (part, part)  # opens together with neurons
                    continue
            else:
                continue
            bend = self.activation(i)
            if bend is not None:
                members.append(bend)
            kind = op_name(self.nodes[bend]) if bend is not None else "linear"
            # Side by side stand neurons that see the same and are seen by the same.
            above = frozenset(owner.get(j) for j in self.users[i if bend is None else bend])
            found = layers.setdefault((kind, key, self.scopes[i], above), [])
            found.append((members, kind))
            owner.update(dict.fromkeys(members, id(found)))
        for neurons in layers.values():
            first = neurons[0][0][0]
            kind = neurons[0][1]
            plural = "s" if len(neurons) > 1 else ""
            layer = Part("layer", first, f"{len(neurons)} {kind} neuron{plural}")
            for members, _ in neurons:
                neuron = Part("neuron", members[0], f"{kind} neuron")
                for j in members:
                    self.paths[j] += (layer, neuron)

    def weighted_sum(self, i: int) -> tuple[list[int], object]:
        """The node of a neuron that is still in one piece, and its inputs."""
        xs = operands_of(self.nodes[i])
        n = len(xs) // 2
        for k, x in enumerate(xs[: n + 1]):
            if isinstance(x, Node) and is_leaf(x):
                self.roles[self.place[x]].add("weight" if k else "bias")
        self.mark_inputs(xs[n + 1 :])
        return [i], tuple(map(self.identity, xs[n + 1 :]))

    def mark_inputs(self, xs: Iterable[Any]) -> None:
        for x in xs:
            if isinstance(x, Node) and is_leaf(x):
                self.roles[self.place[x]].add("input")

    def identity(self, x: Any) -> object:
        """What tells an operand from others: its number, or for a bare float its value."""
        return self.place[x] if isinstance(x, Node) else x

    def terms(self, i: int) -> tuple[list[int], list[int]]:
        """The additions that make up a sum, and what is added, numbers left out."""
        members, terms, stack = [i], [], [i]
        while stack:
            j = stack.pop()
            for k in reversed(self.operands[j]):
                if (
                    self.names[k] == "add"
                    and len(self.users[k]) == 1
                    and self.scopes[k] == self.scopes[i]
                    and not label_of(self.nodes[k])
                ):
                    members.append(k)
                    stack.append(k)
                else:
                    terms.append(k)
        return members, terms

    def products(self, terms: list[int], members: list[int]) -> object | None:
        """The inputs of a neuron with these terms, or None where it is none.

        The products are added to the members.
        """
        found: list[int] = []
        weights: list[Any] = []
        inputs: list[Any] = []
        biases = [k for k in terms if k < self.first]
        for k in terms:
            if k < self.first:
                continue
            if self.names[k] != "mul" or len(self.users[k]) != 1:
                return None
            if self.scopes[k] != self.scopes[members[0]] or label_of(self.nodes[k]):
                return None
            w, x = operands_of(self.nodes[k])
            if not (isinstance(w, Node) and is_leaf(w)):
                w, x = x, w
            if w is x or not (isinstance(w, Node) and is_leaf(w)):
                return None
            found.append(k)
            weights.append(w)
            inputs.append(x)
        if not found or len(biases) > 1 or len(terms) < 2:
            return None
        members += found
        for w in weights:
            self.roles[self.place[w]].add("weight")
        for j in biases:
            self.roles[j].add("bias")
        self.mark_inputs(inputs)
        return tuple(map(self.identity, inputs))

    def activation(self, i: int) -> int | None:
        """The one user of a sum, where it is an activation."""
        users = self.users[i]
        if len(users) != 1 or self.names[users[0]] not in ACTIVATIONS:
            return None
        if self.scopes[users[0]] != self.scopes[i]:
            return None
        return users[0]
