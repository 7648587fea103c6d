"""Finds neurons and layers by their shape: sums of products with leaves, and what bends them.

A leaf that is added is a bias, unless it goes into other things, too: then it is an input, and
what it is added in is a skip connection around the neuron. `pattern.py` has the mesh that all of
this is found in; read that next.
"""

from __future__ import annotations

from typing import Any

from ...core.node import Node, is_leaf, op_name
from ...nn.naming import Place
from ..diagram import label_of, plural
from .parts import Part

ACTIVATIONS = frozenset(
    ("relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh", "softplus", "sin", "clip")
)
SUMS = ("add", "weighted_sum", "dot")
ADDED = ("add", "sum", "fsum", "mean")
PENALTY = ("mul", "dot", "pow", "abs")  # what is done to a bias to keep it small
LONG_SUM = 4  # from how many terms on a sum folds into one box


def find_neurons(mesh: Any) -> None:
    taken: set[int] = set()
    layers: dict[object, list[tuple[list[int], str, Place | None]]] = {}
    owner: dict[int, object] = {}  # of the members of neurons: their layer
    for i in range(len(mesh.nodes) - 1, mesh.first - 1, -1):
        if i in taken:
            continue
        if mesh.names[i] not in SUMS:
            continue
        found_here = neuron(mesh, i)
        if found_here is None:
            members = additions(mesh, i)
            if mesh.names[i] == "add" and len(members) >= LONG_SUM - 1:
                taken.update(members)
                part = Part("sum", i, "+")
                for j in members:
                    mesh.paths[j] += (part, part)  # opens together with neurons
            continue
        members, key, weights = found_here
        # Side by side stand neurons that see the same and are seen by the same, and whose
        # weights stand together where they have a place in a module.
        place = place_of(mesh, weights)
        if place is not None and len(weights) == 1 and row_kind(place.row) != "neuron":
            continue  # a scale, as normalization has, and no row of a matrix
        taken.update(members)
        bend = activation(mesh, i)
        if bend is not None:
            members.append(bend)
        kind = op_name(mesh.nodes[bend]) if bend is not None else "linear"
        above = frozenset(owner.get(j) for j in mesh.users[i if bend is None else bend])
        where = (place.holder, place.part, row_kind(place.row)) if place else None
        found = layers.setdefault((kind, key, mesh.scopes[i], above, where), [])
        found.append((members, kind, place))
        owner.update(dict.fromkeys(members, id(found)))
    for neurons in layers.values():
        add_layer(mesh, neurons)


def place_of(mesh: Any, weights: list[Any]) -> Place | None:
    """Where the weights of a neuron stand in a module, if they stand in one row."""
    rows = set()
    names = set()
    place: Place | None = None
    for w in weights:
        i = mesh.place.get(w) if isinstance(w, Node) else None
        place = mesh.places[i] if i is not None else None
        if place is None:
            return None
        rows.add((place.holder, place.row.partition(".")[2], place.part))
        names.add(place.name.partition("[")[0])
    if place is None or len(rows) > 1 or (len(names) > 1 and not (place.holder or place.part)):
        return None
    # Of several matrices, one for the input and one for the state say, the holder has the name.
    return place if len(names) == 1 else place._replace(name="")


def add_layer(mesh: Any, neurons: list[tuple[list[int], str, Place | None]]) -> None:
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
            mesh.plain |= {layer, neuron}
        added = [j for j in members if mesh.names[j] == "add"] if mesh.sums else []
        total = (Part("sum", added[0], "+"),) if len(added) >= LONG_SUM - 1 else ()
        for j in members:
            mesh.paths[j] += (layer, neuron, *(total if j in added else ()))


def neuron(mesh: Any, i: int) -> tuple[list[int], object, list[Any]] | None:
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
        name = mesh.names[j]
        xs = mesh.view.operands(mesh.nodes[j])
        if j != i and not belongs(mesh, j, i):
            (biases if j < mesh.first and mesh.biases[j] else others).append(j)
        elif name == "add":
            members.append(j)
            stack += reversed(mesh.operands[j])
        elif name == "weighted_sum":
            members.append(j)
            n = len(xs) // 2
            weights += xs[1 : n + 1]
            inputs += xs[n + 1 :]
            if isinstance(xs[0], Node):
                stack.append(mesh.place[xs[0]])
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
        if others and mesh.names[i] != "weighted_sum":
            return None
    if not is_neuron((len(inputs), len(biases))):
        return None
    for w in weights:
        if isinstance(w, Node) and is_leaf(w):
            mesh.roles[mesh.place[w]].add("weight")
    for j in biases:
        mesh.roles[j].add("bias")
    for x in inputs:
        if isinstance(x, Node) and is_leaf(x):
            mesh.roles[mesh.place[x]].add("input")
    return members, (tuple([identity(mesh, x) for x in inputs]), tuple(others)), weights


def biased(mesh: Any, i: int, j: int) -> bool:
    """Whether a node uses a leaf as a bias, or as a penalty does: never with another node.

    What is added to a neuron and goes into others, too, is an input: around it a residual.
    """
    name = mesh.names[j]
    if name == "weighted_sum":
        _, *factors = mesh.view.operands(mesh.nodes[j])
        return not any(x is mesh.nodes[i] for x in factors)
    if name in PENALTY and set(mesh.operands[j]) == {i}:
        return all(mesh.names[k] in ADDED for k in mesh.users[j])
    return name in ADDED


def fitting(mesh: Any) -> list[tuple[int, int] | None]:
    """Of each addition how many products and biases it adds, if it adds nothing else."""
    found: list[tuple[int, int] | None] = [None] * len(mesh.nodes)
    for i in range(mesh.first, len(mesh.nodes)):
        if mesh.names[i] != "add":
            continue
        products = biases = 0
        for j in mesh.operands[i]:
            inner, known = belongs(mesh, j, i), found[j]
            if j < mesh.first and mesh.biases[j]:
                biases += 1
            elif inner and known is not None:
                products, biases = products + known[0], biases + known[1]
            elif inner and is_product(mesh, j):
                products += 1
            else:
                break
        else:
            found[i] = products, biases
    return found


def is_product(mesh: Any, i: int) -> bool:
    """Whether a node multiplies weights by something else."""
    name, xs = mesh.names[i], mesh.view.operands(mesh.nodes[i])
    if name == "mul":
        return xs[0] is not xs[1] and any(isinstance(x, Node) and is_leaf(x) for x in xs)
    return name == "weighted_sum" or (name == "dot" and all_leaves(xs[: len(xs) // 2]))


def belongs(mesh: Any, j: int, i: int) -> bool:
    """Whether a node can be a part of what another one folds into."""
    return (
        j >= mesh.first
        and len(mesh.users[j]) == 1
        and mesh.scopes[j] == mesh.scopes[i]
        and not label_of(mesh.nodes[j])
        and j not in mesh.roots
    )


def additions(mesh: Any, i: int) -> list[int]:
    """The additions that make up a long sum, up to the neurons that are added."""
    members = [i]
    for j in members:  # which grows on the way
        members += [
            k for k in mesh.operands[j]
            if mesh.names[k] == "add" and belongs(mesh, k, i) and not is_neuron(mesh.terms[k])
        ]  # fmt: skip
    return members


def identity(mesh: Any, x: Any) -> object:
    """What tells an operand from others: its number, or for a bare float its value.

    A leaf that nobody named or uses elsewhere may have been a bare float.
    """
    if not isinstance(x, Node):
        return x
    j = mesh.place[x]
    if j < mesh.first and len(mesh.users[j]) == 1 and not mesh.labels[j]:
        return x._data
    return (j,)


def activation(mesh: Any, i: int) -> int | None:
    """The one user of a sum, where it is an activation."""
    users: list[int] = mesh.users[i]
    if i in mesh.roots or len(users) != 1 or mesh.names[users[0]] not in ACTIVATIONS:
        return None
    if mesh.scopes[users[0]] != mesh.scopes[i]:
        return None
    return users[0]


def is_neuron(terms: tuple[int, int] | None) -> bool:
    """Whether so many products and biases make one."""
    return terms is not None and terms[0] > 0 and terms[1] <= 2 and sum(terms) > 1


def row_kind(row: str) -> str:
    """What a row is one of: "neuron" of "neuron.3"."""
    return row.partition(".")[0]


def all_leaves(xs: tuple[Any, ...]) -> bool:
    return all(isinstance(x, Node) and is_leaf(x) for x in xs)
