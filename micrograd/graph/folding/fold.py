"""Large graphs made readable: layers, neurons, scopes and repetitions as one box each.

A folding gives each node a key; nodes with the same key become one box. `pattern.py`
finds what belongs together, `alike.py` what is there many times; this file chooses how
far to fold, and makes the boxes. (Past 300 lines because all steps work on one state, which
node has which key.)
"""

from __future__ import annotations

import re
from collections.abc import Hashable

from ...core.node import Node, is_leaf, op_name
from ...core.view import View
from ...engine import Value
from ..diagram import Box, Diagram, Link, Spread, check, diagram, label_of, plural
from ..picture.measure import clean
from .alike import classes
from .pattern import Mesh, Part
from .quotient import in_circles, ordered

LARGEST = 600  # how many boxes are drawn without folding
READABLE = 80  # how many boxes a graph that folds by itself may have
STACKED = 48  # how many kinds of boxes are told apart where like ones are stacked
BANDS = 16  # how many boxes are left where nothing is alike
UNFOLDED = 20_000  # up to how many nodes neurons are opened on request

Key = Hashable


def folded(
    root: Value, depth: int | None = None, constants: bool = True, most: int = LARGEST
) -> Diagram:
    """The diagram of a graph, folded to that depth, and further where it is too large."""
    check(root)
    if type(most) is not int or most < 1:
        raise ValueError(f"draw: most is a number of boxes from 1, not {most!r}")
    if depth is not None and (type(depth) is not int or depth < 1):
        raise ValueError(f"draw: depth is a whole number from 1, or None, not {depth!r}")
    mesh = Mesh(View(root, products=False))
    size = mesh.first + mesh.operations
    if depth is None and size <= most:
        return diagram(View(root), constants)
    if depth is not None and depth > 2 and size <= UNFOLDED and "weighted_sum" in mesh.names:
        mesh = Mesh(View(root))
    fold = Fold(mesh, constants)
    if depth is not None:
        fold.cut(depth)
        if fold.count() > most:
            fold.stack()
    else:
        deepest = max(len(names) for names in mesh.scopes)
        for level in range(1, max(deepest, 1) + 1):
            before = fold.state()
            fold.cut(level)
            if fold.count() > READABLE:
                fold.stack()
            if fold.count() > READABLE and level > 1:
                fold.restore(before)
                break
    if fold.count() > max(most, LARGEST):
        fold.band()
    return fold.assemble()


class Fold:
    """Which nodes share a box: `keys[i]` is that of node i."""

    def __init__(self, mesh: Mesh, constants: bool) -> None:
        self.mesh = mesh
        self.constants = constants
        self.keys: list[Key] = list(range(len(mesh.nodes)))
        self.units: list[Key] = self.keys  # before like ones were stacked

    def state(self) -> tuple[list[Key], list[Key]]:
        return self.keys, self.units

    def restore(self, state: tuple[list[Key], list[Key]]) -> None:
        self.keys, self.units = state

    def count(self) -> int:
        return len(set(self.keys))

    # Choosing keys ------------------------------------------------------------------------

    def cut(self, depth: int) -> None:
        """Fold whatever lies deeper than that inside scopes, layers and neurons."""
        mesh = self.mesh
        keys: list[Key] = [
            path[:depth] if len(path) >= depth else i for i, path in enumerate(mesh.paths)
        ]
        self.fold_leaves(keys)
        self.keys = self.units = self.acyclic(keys)

    def fold_leaves(self, keys: list[Key]) -> None:
        """Put leaves into the one neuron that uses them, or together with those used alike."""
        mesh = self.mesh
        groups: dict[Key, list[int]] = {}
        for i in range(mesh.first):
            users = dict.fromkeys(keys[j] for j in mesh.users[i])
            roles = mesh.roles[i]
            folds = [key for key in users if isinstance(key, tuple)]
            if not folds:
                continue
            if len(users) == 1 and roles and "input" not in roles:
                inside = folds[0][-1].kind in ("layer", "neuron")
                if inside or not label_of(mesh.nodes[i]):
                    keys[i] = folds[0]
                    continue
            role = "input" if "input" in roles else min(roles, default="")
            name = stem(label_of(mesh.nodes[i])), role
            groups.setdefault((frozenset(users), name), []).append(i)
        for leaves in groups.values():
            if len(leaves) > 1:
                for i in leaves:
                    keys[i] = ("leaves", leaves[0])

    def stack(self) -> None:
        """Draw boxes that are alike as one."""
        mesh = self.mesh
        kinds: dict[Key, object] = {}
        operands: dict[Key, list[Key]] = {}
        for i, key in enumerate(self.keys):
            if i < mesh.first and not isinstance(key, tuple):
                roles = tuple(sorted(mesh.roles[i]))
                kinds[key] = ("leaf", roles, stem(label_of(mesh.nodes[i])))
                operands[key] = []
                continue
            if key not in kinds:
                kinds[key] = self.kind(i, key)
                operands[key] = []
            operands[key] += [self.keys[j] for j in mesh.operands[i] if self.keys[j] != key]
        found = classes(kinds, operands, STACKED)
        self.units = self.keys
        self.keys = self.acyclic([("alike", found[key]) for key in self.keys])

    def kind(self, i: int, key: Key) -> object:
        """What a box is, so that only boxes of a kind are stacked."""
        if isinstance(key, tuple):
            last = key[-1]
            return (last.kind, last.title) if isinstance(last, Part) else key[0]
        name = self.mesh.names[i]
        return op_name(self.mesh.nodes[i]) if name == "pow" or not name else name

    def band(self) -> None:
        """Cut the graph across into a few pieces, by the distance from the leaves."""
        mesh = self.mesh
        depth = [0] * len(mesh.nodes)
        for i in range(mesh.first, len(depth)):
            depth[i] = 1 + max((depth[j] for j in mesh.operands[i]), default=0)
        size = max(depth) // BANDS + 1
        keys: list[Key] = [("band", (d - 1) // size) for d in depth]
        for i in range(mesh.first):
            keys[i] = min((keys[j] for j in mesh.users[i]), default=("band", 0))  # type: ignore[type-var]
        keys[-1] = len(keys) - 1
        self.keys = self.units = self.acyclic(keys)

    def acyclic(self, keys: list[Key]) -> list[Key]:
        """The keys, split up where boxes would depend on each other in a circle."""
        if not any(isinstance(key, tuple) for key in keys):
            return keys
        mesh = self.mesh
        edges = {
            (keys[j], key) for i, key in enumerate(keys) for j in mesh.operands[i] if keys[j] != key
        }
        tangled = in_circles(edges)
        if not tangled:
            return keys
        # How many times a way to the node has changed from box to box: along an edge
        # between two boxes it grows, so that boxes split by it are in no circle.
        turns = [0] * len(keys)
        for i in range(mesh.first, len(keys)):
            turns[i] = max((turns[j] + (keys[j] != keys[i]) for j in mesh.operands[i]), default=0)
        return [
            (key, turn) if key in tangled and isinstance(key, tuple) else key
            for key, turn in zip(keys, turns, strict=True)
        ]

    # Making boxes -------------------------------------------------------------------------

    def assemble(self) -> Diagram:
        """The diagram in which nodes with the same key are one box."""
        mesh = self.mesh
        members: dict[Key, list[int]] = {}
        for i, key in enumerate(self.keys):
            members.setdefault(key, []).append(i)
        below: dict[Key, dict[Key, bool]] = {key: {} for key in members}
        for i in range(mesh.first, len(mesh.nodes)):
            key = self.keys[i]
            mine = below[key]
            node = mesh.nodes[i]
            for j in mesh.operands[i]:
                other = self.keys[j]
                if other == key or mine.get(other):
                    continue
                x = mesh.nodes[j]
                live = any(y is x and p is not None for y, p in zip(*mesh.view.edges(node)))
                mine[other] = live
        boxes: list[Box] = []
        links: list[Link] = []
        places: dict[Key, int] = {}
        for key in ordered(self.keys[-1], below):
            numbers = self.numbers(members[key]) if self.constants else []
            sources = [(places[other], live) for other, live in below[key].items()]
            if numbers:
                sources.append((len(boxes), False))
                boxes.append(spread_number(numbers))
            places[key] = target = len(boxes)
            boxes.append(self.box(key, members[key]))
            for place, (source, live) in enumerate(sources):
                links.append(Link(source, target, place, len(sources), live))
        anything = any(box.kind == "fold" or box.times > 1 for box in boxes)
        return Diagram(boxes, links, mesh.operations, mesh.first, anything)

    def numbers(self, members: list[int]) -> list[float]:
        """The numbers written in a box's operation, if it is just one kind of operation."""
        mesh = self.mesh
        first = members[0]
        if isinstance(self.units[first], tuple) or first < mesh.first:
            return []
        found = []
        for i in members:
            node = mesh.nodes[i]
            settings = mesh.view.rule(node).settings
            for k, x in enumerate(mesh.view.operands(node)):
                if not isinstance(x, Node) and k not in settings:
                    found.append(x)
        return found

    def box(self, key: Key, members: list[int]) -> Box:
        mesh = self.mesh
        if len(members) == 1 and not isinstance(self.units[members[0]], tuple):
            v = mesh.nodes[members[0]]
            kind = "leaf" if is_leaf(v) else "op"
            label = label_of(v)
            if kind == "leaf" and not label and len(mesh.roles[members[0]]) == 1:
                label = min(mesh.roles[members[0]])
            return Box(clean(op_name(v)), label, v._data, v._grad, kind, v)
        inner = [i for i in members if i >= mesh.first]
        # What leaves the box: its results, or the leaves in it.
        out = [i for i in inner if any(self.keys[j] != key for j in mesh.users[i])]
        if len(mesh.nodes) - 1 in inner:
            out.append(len(mesh.nodes) - 1)
        out = sorted(set(out)) or members
        data = [mesh.nodes[i]._data for i in out]
        grads = [mesh.nodes[i]._grad for i in out]
        spread = Spread(*ends(data), *ends(grads)) if len(out) > 1 else None
        label = label_of(mesh.nodes[out[0]]) if len(out) == 1 else ""
        title, note, count, kind = self.title(key, members, inner)
        if kind == "leaf":
            title, label = "", title
        elif label == title:
            label = ""
        return Box(clean(title), label, data[0], grads[0], kind, None, count, spread, note)

    def title(self, key: Key, members: list[int], inner: list[int]) -> tuple[str, str, int, str]:
        """What stands on a folded box: title, note, how many it stands for, and its kind."""
        mesh = self.mesh
        if not inner:
            return self.title_of_leaves(members), "", len(members), "leaf"
        units = dict.fromkeys(self.units[i] for i in inner)
        unit = next(iter(units))
        if isinstance(unit, tuple) and unit[0] == "band":
            return self.band_title(inner), plural(len(inner), "operation"), 1, "fold"
        if not isinstance(unit, tuple):
            v = mesh.nodes[inner[0]]
            name = op_name(v) if self.kind(inner[0], unit) == op_name(v) else str(v._rule.symbol)
            return name, "", len(units), "op"
        while not isinstance(unit[-1], Part):
            unit = unit[0]
        part = unit[-1]
        if part.kind == "sum":
            terms = sum(1 for i in inner for j in mesh.operands[i] if self.keys[j] != key)
            return "+", f"{terms // len(units):,} terms", len(units), "fold"
        parameters = len(members) - len(inner)
        if parameters:
            note = plural(parameters, "parameter")
        else:
            note = plural(sum(map(mesh.weight, inner)) // len(units), "operation")
        return part.title, note, len(units), "fold"

    def title_of_leaves(self, leaves: list[int]) -> str:
        stems = {stem(label_of(self.mesh.nodes[i])) for i in leaves}
        name = stems.pop() if len(stems) == 1 else ""
        roles = set[str]().union(*(self.mesh.roles[i] for i in leaves))
        for role, words in (
            ("input", "inputs"), ("weight", "weights"), ("bias", "biases")
        ):  # fmt: skip
            if not name and role in roles:
                name = words if roles == {role} or role == "input" else "parameters"
        return name or "leaves"

    def band_title(self, inner: list[int]) -> str:
        """The operations that a piece has most of."""
        counts: dict[str, int] = {}
        for i in inner:
            symbol = str(self.mesh.nodes[i]._rule.symbol)
            counts[symbol] = counts.get(symbol, 0) + 1
        most = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return "  ".join(most[:3]) + (" \u2026" if len(most) > 3 else "")


def stem(label: str) -> str:
    """A label without its index: w of w[3], x of x0."""
    return re.sub(r"(\[[^\[\]]*\]|[\d_.])+$", "", label)


def ends(numbers: list[float]) -> tuple[float, float]:
    """The smallest and the largest number; nan if there is any."""
    if any(x != x for x in numbers):
        return float("nan"), float("nan")
    return min(numbers), max(numbers)


def spread_number(numbers: list[float]) -> Box:
    low, high = ends(numbers)
    spread = Spread(low, high, 0.0, 0.0) if low != high else None
    return Box("", "", low, 0.0, "number", None, 1, spread)
