"""Finds what a graph was built of: neurons, layers, long sums, and the user's scopes.

Nothing of that is written in the graph. A neuron is a sum of products of leaves with
inputs, and the activation behind it; a layer is the neurons with the same inputs.
`fold.py` draws what is found as single boxes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...core.node import Node, is_leaf, op_name
from ...core.view import View
from ..diagram import label_of
from ..scope import scope_of

ACTIVATIONS = frozenset(
    ("relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh", "softplus", "sin", "clip")
)
SUMS = ("add", "weighted_sum")
LONG_SUM = 4  # from how many terms on a sum folds into one box


class Part(NamedTuple):
    """A step on the way from the whole graph down to a node."""

    kind: str  # "scope", "layer", "neuron" or "sum"
    key: object  # which one it is
    title: str


class Mesh:
    """The graph by numbers: nodes in topological order, the leaves first."""

    def __init__(self, view: View) -> None:
        leaves, inner = view.leaves, view.inner
        self.view = view
        self.nodes: list[Any] = view.nodes
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
        self.names: list[str] = [view.rule(v).name for v in self.nodes]
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
            return len(self.view.operands(self.nodes[i])) // 2 * 2
        return 1

    # Neurons ------------------------------------------------------------------------------

    def find_neurons(self) -> None:
        taken: set[int] = set()
        layers: dict[object, list[tuple[list[int], str]]] = {}
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
            members, key = found_here
            taken.update(members)
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

    def neuron(self, i: int) -> tuple[list[int], object] | None:
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
                (biases if j < self.first else others).append(j)
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
            if others and self.names[i] == "add":
                return None
        if not inputs or len(biases) > 2 or len(inputs) + len(biases) < 2:
            return None
        for w in weights:
            if isinstance(w, Node) and is_leaf(w):
                self.roles[self.place[w]].add("weight")
        for j in biases:
            self.roles[j].add("bias")
        for x in inputs:
            if isinstance(x, Node) and is_leaf(x):
                self.roles[self.place[x]].add("input")
        return members, (tuple(map(self.identity, inputs)), tuple(others))

    def belongs(self, j: int, i: int) -> bool:
        """Whether a node can be a part of what another one folds into."""
        return (
            j >= self.first
            and len(self.users[j]) == 1
            and self.scopes[j] == self.scopes[i]
            and not label_of(self.nodes[j])
        )

    def additions(self, i: int) -> list[int]:
        """The additions that make up a long sum."""
        members = [i]
        for j in members:  # which grows on the way
            members += [
                k for k in self.operands[j] if self.names[k] == "add" and self.belongs(k, i)
            ]
        return members

    def identity(self, x: Any) -> object:
        """What tells an operand from others: its number, or for a bare float its value.

        A leaf that nobody named or uses elsewhere may have been a bare float.
        """
        if not isinstance(x, Node):
            return x
        j = self.place[x]
        if j < self.first and len(self.users[j]) == 1 and not label_of(x):
            return x._data
        return (j,)

    def activation(self, i: int) -> int | None:
        """The one user of a sum, where it is an activation."""
        users = self.users[i]
        if len(users) != 1 or self.names[users[0]] not in ACTIVATIONS:
            return None
        if self.scopes[users[0]] != self.scopes[i]:
            return None
        return users[0]
