"""Large graphs made readable: calls, layers, neurons, scopes and repetitions as one box each.

A folding gives each node a key; nodes with the same key become one box. `parts.py` and
`pattern.py` find what belongs together, `alike.py` what is there many times; this file chooses
how far to fold, `assemble.py` makes the boxes, `nest.py` the frames around those that stay open.
(Past 300 lines because all ways to fold work on one state, which node has which key.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...core.node import op_name
from ...core.view import View
from ...engine import Value
from ..diagram import Diagram, diagram
from ..names import Names
from ..written import is_ordered, literals
from .alike import classes
from .assemble import assemble
from .labels import stem
from .nest import framed
from .parts import EARLIER, Part, inside_of, last_part
from .pattern import Mesh, weight
from .quotient import Key, in_circles

READABLE = 60  # how many boxes a picture has at most before it folds by itself
LARGEST = 600  # and one that was asked for with all its operations
STACKED = 48  # how many kinds of boxes are told apart where like ones are stacked
BANDS = 16  # how many boxes are left where nothing is alike
UNFOLDED = 20_000  # up to how many nodes neurons are opened on request
REPEATED = 3  # from how many calls one after the other on the last alone is open

GATHERED = "Each long sum is one box."

NEURONS = ("neuron", "sum", "softmax")
LAYERS = ("neuron", "sum", "softmax", "layer")


def folded(
    roots: tuple[Value, ...],
    depth: int | None = None,
    constants: bool = True,
    most: int | None = None,
    zeros: bool = False,
    frame: Any = None,
) -> tuple[Diagram, Fold | None]:
    """The diagram of what lies under the roots, folded to that depth, or further where too large.

    With it the folding, or None where every operation is a box. `frame` is that of the function
    among whose variables names are looked for.
    """
    if most is not None and (type(most) is not int or most < 1):
        raise ValueError(f"draw: most is a number of boxes from 1, not {most!r}")
    if depth is not None and (type(depth) is not int or depth < 1):
        raise ValueError(f"draw: depth is a whole number from 1, or None, not {depth!r}")
    limit = most or (READABLE if depth is None else LARGEST)
    view = View(roots, products=False, zeros=zeros)
    size = len(view.leaves) + sum(weight(view, v) for v in view.inner)
    if depth is None and size <= limit:
        if size > READABLE:
            return gathered(roots, constants, zeros, frame)
        return whole(roots, constants, zeros, frame), None
    mesh = Mesh(view, Names(view, frame))
    if depth is not None:
        fold = Fold(mesh, constants)
        fold.cut(depth)
        if size <= UNFOLDED and any(mesh.names[i] == "weighted_sum" for i in fold.singles()):
            mesh = Mesh(view := View(roots, zeros=zeros), Names(view, frame))
            fold = Fold(mesh, constants)
            fold.cut(depth)
        if fold.count() > limit:
            fold.stack()
    else:
        fold = best(mesh, constants, limit)
    if fold.count() > max(limit, LARGEST):
        fold.band()
    return fold.assemble(), fold


def whole(roots: tuple[Value, ...], constants: bool, zeros: bool, frame: Any) -> Diagram:
    """Every operation as a box, in frames."""
    view = View(roots, zeros=zeros)
    mesh = Mesh(view, Names(view, frame))
    labels = dict(zip(mesh.nodes, mesh.labels, strict=True))
    places = {v: mesh.where(i) for i, v in enumerate(mesh.nodes)}
    given = {v for i, v in enumerate(mesh.nodes) if mesh.takes_data(i)}
    shown = diagram(view, constants, labels, places, given)
    ways = [
        None if box.kind != "op" else mesh.paths[mesh.place[box.node]] for box in shown.boxes
    ]  # fmt: skip
    inner = [box.node is None or mesh.is_inner(mesh.place[box.node]) for box in shown.boxes]
    return framed(shown._replace(remarks=mesh.remarks()), ways, inner, {}, mesh.is_bare)


def gathered(
    roots: tuple[Value, ...], constants: bool, zeros: bool, frame: Any
) -> tuple[Diagram, Fold | None]:
    """Every operation as a box, but a long sum as one, whose additions would be a strip."""
    view = View(roots, zeros=zeros)
    fold = Fold(Mesh(view, Names(view, frame), sums=True), constants)
    fold.cut(lambda part: part.kind == "sum")
    if fold.count() == len(fold.keys):
        return whole(roots, constants, zeros, frame), None
    shown = fold.assemble()
    return shown._replace(remarks=(*shown.remarks, GATHERED)), fold


def best(mesh: Mesh, constants: bool, limit: int) -> Fold:
    """The folding that shows most among those that have few enough boxes."""
    for choose in levels(mesh):
        fold = Fold(mesh, constants)
        choose(fold)
        if fold.count() <= limit:
            return fold
    return fold


def levels(mesh: Mesh) -> Iterator[Callable[[Fold], None]]:
    """Ways to fold, each further than the one before."""

    def level(kinds: tuple[str, ...], height: int, stack: bool, repeat: bool) -> Any:
        def choose(fold: Fold) -> None:
            heights = fold.mesh.heights()
            fold.cut(lambda part: part.kind in kinds or heights.get(part, height) < height, repeat)
            if stack:
                fold.stack()

        return choose

    linked, apart = repetitions(mesh)
    repeated = bool(linked)
    if not repeated and not apart:
        yield level(NEURONS, 0, False, False)
    if not apart:
        yield level(LAYERS, 0, False, False)
    if repeated and not apart:
        yield level(LAYERS, 0, False, True)
    yield level(LAYERS, 0, True, False)
    if repeated:
        yield level(LAYERS, 0, True, True)
    highest = max(mesh.heights().values(), default=-1)
    for height in range(1, highest + 2):
        yield level(LAYERS, height, True, repeated)


def at_depth(mesh: Mesh, depth: int) -> Callable[[Part], bool]:
    """Whether a part is that many steps down, calls that do nothing by themselves not counted."""
    busy = {way[-1] for way in mesh.paths if way}
    level: dict[Part, int] = {}
    for way in mesh.paths:
        count = 0
        for part in way:
            count += part.kind != "call" or part in busy
            level[part] = count
    return lambda part: level.get(part, 0) >= depth


def repetitions(mesh: Mesh) -> tuple[dict[Part, Part], bool]:
    """Calls of one module after each other, for each but the last the first of them; and whether
    there are calls of one module beside each other, as of examples.
    """
    alike: dict[object, dict[Part, None]] = {}
    for way in mesh.paths:
        for k, part in enumerate(way):
            if part.kind in ("call", "layer") and isinstance(part.key, int) and part.likeness:
                above = way[k - 1].key if k else None
                alike.setdefault((above, part.likeness), {})[part] = None
    groups = [list(same) for same in alike.values() if len(same) >= REPEATED]
    if not groups:
        return {}, False
    number = {part: g for g, same in enumerate(groups) for part in same}
    linked: set[int] = set()
    # Which parts of each group a node depends on: it is enough to know of one.
    known: list[dict[int, Part]] = []
    for i, way in enumerate(mesh.paths):
        seen: dict[int, Part] = {}
        for j in mesh.operands[i]:
            seen.update(known[j])
        for part in way:
            g = number.get(part)
            if g is not None:
                if g in seen and seen[g] != part:
                    linked.add(g)
                seen[g] = part
        known.append(seen)
    found: dict[Part, Part] = {}
    for g in linked:
        *before, _ = sorted(groups[g], key=lambda part: part.key)  # type: ignore[arg-type,return-value]
        found.update(dict.fromkeys(before, before[0]))
    return found, len(linked) < len(groups)


class Fold:
    """Which nodes share a box: `keys[i]` is that of node i."""

    def __init__(self, mesh: Mesh, constants: bool) -> None:
        self.mesh = mesh
        self.constants = constants
        self.keys: list[Key] = list(range(len(mesh.nodes)))
        self.units: list[Key] = self.keys  # before like ones were stacked
        self.depths: list[int] = [len(way) for way in mesh.paths]  # how far each way is open

    def count(self) -> int:
        return len(set(self.keys))

    def singles(self) -> list[int]:
        """The interior nodes that are boxes of their own."""
        return [i for i in range(self.mesh.first, len(self.keys)) if self.keys[i] == i]

    def assemble(self) -> Diagram:
        """The diagram in which nodes with the same key are one box."""
        return assemble(self)

    # Choosing keys ------------------------------------------------------------------------

    def cut(self, shut: Callable[[Part], bool] | int, repeat: bool = False) -> None:
        """Fold whatever lies inside a part that is shut, the outermost; or deeper than a number.

        With `repeat` the calls of a module before the last are one box.
        """
        mesh = self.mesh
        if isinstance(shut, int):
            shut = at_depth(mesh, shut)
        earlier = repetitions(mesh)[0] if repeat else {}
        keys: list[Key] = []
        for i, way in enumerate(mesh.paths):
            key: Key = i
            for k, part in enumerate(way):
                if part in earlier:
                    key, self.depths[i] = (*way[:k], earlier[part], EARLIER), k
                    break
                if shut(part):
                    while k and mesh.is_all_of(part, way[k - 1]):  # the only neuron of a layer
                        k -= 1
                        part = way[k]
                    key, self.depths[i] = way[: k + 1], k
                    break
            keys.append(key)
        self.fold_leaves(keys)
        self.keys = self.units = self.acyclic(keys)

    def fold_leaves(self, keys: list[Key]) -> None:
        """Put leaves into the one box that uses them, or together with those used alike."""
        mesh = self.mesh
        groups: dict[Key, list[int]] = {}
        for i in range(mesh.first):
            if i in mesh.roots:  # who asked for a leaf is to see it
                continue
            users = dict.fromkeys(keys[j] for j in mesh.users[i])
            roles = mesh.roles[i]
            folds = [key for key in users if isinstance(key, tuple)]
            if not folds or (mesh.sums and {inside_of(key) for key in folds} == {"sum"}):
                continue
            place = mesh.places[i]
            mine = roles != {"input"} and (place is not None or (roles and "input" not in roles))
            if len(users) == 1 and mine:
                known = place is not None or not mesh.labels[i] or mesh.labels[i] in roles
                if known or inside_of(folds[0]) in LAYERS:
                    keys[i] = folds[0]
                    continue
            if place is not None:  # with the others of its layers
                layers = frozenset([self.layer_of(j, keys[j]) for j in mesh.users[i]])
                groups.setdefault((layers, place.holder, place.part), []).append(i)
                continue
            role = "input" if "input" in roles else min(roles, default="")
            name = stem(mesh.labels[i]), role
            groups.setdefault((frozenset(users), name), []).append(i)
        for leaves in groups.values():
            if len(leaves) > 1:
                for i in leaves:
                    keys[i] = ("leaves", leaves[0])

    def layer_of(self, i: int, key: Key) -> Key:
        """The layer that a node lies in, or else its box."""
        way = self.mesh.paths[i]
        layer = next((part for part in reversed(way) if part.kind == "layer"), None)
        if layer is not None:
            return tuple(part.likeness or part.title for part in way[: way.index(layer) + 1])
        return key if isinstance(key, tuple) else self.mesh.names[i]

    def stack(self) -> None:
        """Draw boxes that are alike as one."""
        mesh = self.mesh
        kinds: dict[Key, object] = {}
        operands: dict[Key, list[Key]] = {}
        ordered: set[Key] = set()
        calls: dict[Key, object] = {}
        for i, key in enumerate(self.keys):
            if i < mesh.first and (not isinstance(key, tuple) or key[0] == "leaves"):
                roles = tuple(sorted(mesh.roles[i]))
                place = mesh.places[i]
                if place is not None:
                    kinds[key] = ("parameter", place.holder, place.part)
                else:
                    kinds[key] = ("leaf", roles, stem(mesh.labels[i]))
                operands[key] = []
                continue
            if key not in kinds:
                kinds[key] = self.kind(i, key)
                operands[key] = []
                call = next((p.key for p in mesh.paths[i] if p.kind == "call"), None)
                if call is not None:
                    calls[key] = call
                if key == i and is_ordered(mesh.view.rule(mesh.nodes[i])):
                    ordered.add(key)
            operands[key] += [self.keys[j] for j in mesh.operands[i] if self.keys[j] != key]
        found = classes(kinds, operands, STACKED, ordered, calls)
        self.units = self.keys
        self.keys = self.acyclic([("alike", found[key]) for key in self.keys])

    def kind(self, i: int, key: Key) -> object:
        """What a box is, so that only boxes of a kind are stacked."""
        around = tuple(part.likeness or part.title for part in self.open_around(i))
        if isinstance(key, tuple):
            last = last_part(key)
            if last is not None:
                return around, last.kind, last.likeness or last.title, EARLIER in key
            return around, key[0]
        mesh = self.mesh
        name, v = mesh.names[i], mesh.nodes[i]
        places = tuple(literals(mesh.view, v))  # 1 - x is not x - 1
        return around, op_name(v) if name == "pow" or not name else name, places

    def open_around(self, i: int) -> tuple[Part, ...]:
        """The parts around the box of a node."""
        return self.mesh.paths[i][: self.depths[i]]

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
        if len(mesh.roots) <= BANDS:
            keys = [i if i in mesh.roots else key for i, key in enumerate(keys)]
        self.depths = [0] * len(keys)
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
