"""The boxes of a folding: what stands on each, and which leads to which."""

from __future__ import annotations

import re
from typing import Any

from ...core.node import Node, op_name, operands_of
from ..diagram import Box, Diagram, Link, Spread, flow, plural
from ..picture.measure import clean
from ..written import is_ordered, literals, written
from .labels import ends, number_list, shared_name, spread_number, stem
from .nest import framed
from .parts import Part, Way, inside_of, is_earlier, last_part
from .quotient import Key, ordered

LAST = 1 << 30  # the place of what comes behind all operands


def assemble(fold: Any) -> Diagram:
    """The diagram in which nodes with the same key are one box."""
    return Assembly(fold).diagram()


class Assembly:
    def __init__(self, fold: Any) -> None:
        self.fold = fold
        self.mesh = fold.mesh
        self.keys: list[Key] = fold.keys
        self.members: dict[Key, list[int]] = {}
        self.places: dict[Key, int] = {}  # the box of each key
        for i, key in enumerate(self.keys):
            self.members.setdefault(key, []).append(i)

    def diagram(self) -> Diagram:
        mesh, members = self.mesh, self.members
        # From which other boxes each is computed, and how much gradient goes back to them; None
        # where none can.
        below: dict[Key, dict[Key, float | None]] = {key: {} for key in members}
        for i in range(mesh.first, len(mesh.nodes)):
            key = self.keys[i]
            mine = below[key]
            node = mesh.nodes[i]
            for x, partial in zip(*mesh.view.edges(node)):
                if not isinstance(x, Node):
                    continue
                other = self.keys[mesh.place[x]]
                if other == key:
                    continue
                known = mine.get(other)
                if partial is None:
                    mine.setdefault(other, None)
                else:
                    mine[other] = max(flow(node, partial), known or 0.0)
        self.share(below)
        boxes: list[Box] = []
        links: list[Link] = []
        ways: list[Way | None] = []
        inner: list[bool] = []
        places = self.places
        given_boxes: dict[tuple[tuple[float, ...], ...], int] = {}
        for key in ordered([self.keys[i] for i in mesh.roots], below):
            sources = [(places[other], flows) for other, flows in below[key].items()]
            in_it, beside = self.numbers(members[key]) if self.fold.constants else ({}, {})
            before = self.operands(members[key][0], below[key]) if beside else []
            given = self.inputs(members[key]) if self.fold.constants else ()
            if given:
                if given not in given_boxes:
                    given_boxes[given] = len(boxes)
                    boxes.append(number_list(given))
                    ways.append(None)
                    inner.append(False)
                sources.append((given_boxes[given], None))
            for place, numbers in sorted(beside.items()):
                there = sum(k < place for k in before)
                before.insert(there, place)
                sources.insert(there, (len(boxes), None))
                boxes.append(spread_number(numbers))
                ways.append(None)
                inner.append(True)
            places[key] = target = len(boxes)
            boxes.append(self.box(key, members[key], in_it))
            first = next((i for i in members[key] if i >= mesh.first), None)
            ways.append(None if first is None else self.fold.open_around(first))
            inner.append(all(map(mesh.is_inner, members[key])) if first is None else True)
            for place, (source, flows) in enumerate(sources):
                live = flows is not None
                links.append(Link(source, target, place, len(sources), live, flows or 0.0))
        anything = any(box.kind == "fold" or box.times > 1 for box in boxes)
        results = dict.fromkeys([places[self.keys[i]] for i in mesh.roots])
        shown = Diagram(boxes, links, mesh.operations, mesh.first, anything)
        return framed(
            shown._replace(remarks=mesh.remarks(), results=tuple(results)),
            ways,
            inner,
            self.counts(),
            mesh.is_bare,
        )

    def share(self, below: dict[Key, dict[Key, float | None]]) -> None:
        """Leave out the edges of parameters into earlier calls where the last uses them too."""
        units = self.fold.units
        earlier = [key for key in below if is_earlier(units[self.members[key][-1]])]
        if not earlier:
            return
        used: set[Key] = set()
        for key, mine in below.items():
            if key not in earlier:
                used.update(mine)
        for key in earlier:
            for other in list(below[key]):
                leaves = self.members[other]
                if other in used and all(
                    i < self.mesh.first and self.mesh.places[i] is not None for i in leaves
                ):
                    del below[key][other]

    def counts(self) -> dict[Part, int]:
        """How many parts an open part stands for, where boxes in it were stacked."""
        found: dict[Part, int] = {}
        for members in self.members.values():
            inner = [i for i in members if i >= self.mesh.first]
            if len(inner) < 2:
                continue
            ways = {self.fold.open_around(i): None for i in inner}
            first = next(iter(ways))
            for k, part in enumerate(first):
                n = len({way[k] for way in ways if len(way) > k})
                found[part] = max(found.get(part, 1), n)
        return found

    def operands(self, i: int, sources: dict[Key, float | None]) -> list[int]:
        """The places at which boxes are operands of a node; LAST of those that are of another."""
        mesh = self.mesh
        found = dict.fromkeys(sources, LAST - 1)
        for k, x in reversed([*enumerate(mesh.view.operands(mesh.nodes[i]))]):
            if isinstance(x, Node) and self.keys[mesh.place[x]] in found:
                found[self.keys[mesh.place[x]]] = k
        return list(found.values())

    def numbers(self, members: list[int]) -> tuple[dict[int, float], dict[int, list[float]]]:
        """By place the numbers that a box's operation takes, if it is one kind of operation.

        First those that stand in it, the same in all that are drawn as the one; then data: what
        differs between them, or goes into a sum, which has one place for all, the last.
        """
        mesh = self.mesh
        first = members[0]
        if isinstance(self.fold.units[first], tuple) or first < mesh.first:
            return {}, {}
        found: dict[int, list[float]] = {}
        elementary = False
        for i in members:
            node = mesh.nodes[i]
            settings = mesh.view.rule(node).settings
            here = {} if mesh.takes_data(i) else literals(mesh.view, node)
            elementary = elementary or bool(here)
            for k, x in enumerate(mesh.view.operands(node)):
                if not isinstance(x, Node) and k not in settings:
                    found.setdefault(k if here else LAST, []).append(x)
        alike = {k: xs[0] for k, xs in found.items() if elementary and len(set(map(repr, xs))) == 1}
        return alike, {k: xs for k, xs in found.items() if k not in alike}

    def inputs(self, members: list[int]) -> tuple[tuple[float, ...], ...]:
        """The numbers that go into folded neurons: one input, or the inputs of several examples."""
        mesh, units = self.mesh, self.fold.units
        inner = [i for i in members if i >= mesh.first]
        if not inner or inside_of(units[inner[0]]) not in ("layer", "neuron"):
            return ()
        by_neuron: dict[object, list[float]] = {}
        for i in inner:
            xs = operands_of(mesh.nodes[i])
            if mesh.names[i] == "weighted_sum":
                xs = xs[len(xs) // 2 + 1 :]
            elif mesh.names[i] not in ("dot", "mul"):
                continue
            neuron = mesh.paths[i][-1].key if mesh.paths[i] else i
            found = [x for x in xs if not isinstance(x, Node)]
            if any(found):  # and not a state that is still 0
                by_neuron.setdefault(neuron, []).extend(found)
        inputs = dict.fromkeys(map(tuple, by_neuron.values()))
        examples = len({units[i] for i in inner})
        return tuple(inputs) if len(inputs) <= examples else ()

    def box(self, key: Key, members: list[int], numbers: dict[int, float]) -> Box:
        mesh = self.mesh
        if len(members) == 1:
            i = members[0]
            node = mesh.nodes[i]
            if not isinstance(self.fold.units[i], tuple):
                kind = "leaf" if i < mesh.first else "op"
                return Box(
                    clean(written(mesh.view, node, numbers)), mesh.labels[i], node._data,
                    node._grad, kind, node, place=mesh.where(i),
                    ordered=kind == "op" and is_ordered(mesh.view.rule(node)),
                )  # fmt: skip
        inner = [i for i in members if i >= mesh.first]
        # What leaves the box: its results, or the leaves in it.
        out = [i for i in inner if any(self.keys[j] != key for j in mesh.users[i])]
        out += [i for i in mesh.roots if self.keys[i] == key and i >= mesh.first]
        out = sorted(set(out)) or members
        data = [mesh.nodes[i]._data for i in out]
        grads = [mesh.nodes[i]._grad for i in out]
        spread = Spread(*ends(data), *ends(grads)) if len(out) > 1 else None
        label = mesh.labels[out[0]] if len(out) == 1 else ""
        title, note, count, kind, part = self.title(key, members, inner)
        if kind == "leaf":
            title, label = "", title
        elif label == title:
            label = ""
        ordered = False
        if kind == "op":
            node = mesh.nodes[inner[0]]
            ordered = is_ordered(mesh.view.rule(node))
            title = written(mesh.view, node, numbers) if numbers else title
        place = ", ".join(filter(None, (part.path, part.line))) if part else ""
        path = part.path if part else ""
        return Box(clean(title), label, data[0], grads[0], kind, None, count, spread, note, place,
                   path=path, ordered=ordered)  # fmt: skip

    def title(
        self, key: Key, members: list[int], inner: list[int]
    ) -> tuple[str, str, int, str, Part | None]:
        """What stands on a folded box: title, note, how many, its kind, and its part."""
        mesh = self.mesh
        units = self.fold.units
        if not inner:
            return (*self.title_of_leaves(members), len(members), "leaf", None)
        mine = dict.fromkeys(units[i] for i in inner)
        unit = next(iter(mine))
        if isinstance(unit, tuple) and unit[0] == "band":
            return self.band_title(inner), plural(len(inner), "operation"), 1, "fold", None
        if not isinstance(unit, tuple):
            v = mesh.nodes[inner[0]]
            name = mesh.names[inner[0]]
            shown = op_name(v) if name == "pow" or not name else str(v._rule.symbol)
            return shown, "", len(mine), "op", None
        part = last_part(unit)
        assert part is not None
        if part.kind == "sum":
            terms = sum(1 for i in inner for j in mesh.operands[i] if self.keys[j] != key)
            return "+", f"{terms // len(mine):,} terms", len(mine), "fold", None
        if part.kind == "softmax":
            return part.title, part.note if len(mine) == 1 else "", len(mine), "fold", None
        parameters = len(members) - len(inner)
        if is_earlier(unit):
            there = {p for i in inner for p in mesh.paths[i] if p.likeness == part.likeness}
            note = f"{plural(len(there), 'earlier call')}, the same parameters"
            return part.title, note, len(there), "fold", None
        known = part.note
        if len(mine) > 1:  # which of several it is does not matter any more
            known = re.sub(r"(, )?\d+ of \d+$", "", known)
        if parameters:
            note = plural(parameters // len(mine) or parameters, "parameter")
        elif part.kind in ("layer", "neuron"):
            note = ""
        else:
            note = plural(sum(map(mesh.weight, inner)) // len(mine), "operation")
        note = ", ".join(filter(None, (known, note)))
        return part.title, note, len(mine), "fold", part

    def title_of_leaves(self, leaves: list[int]) -> tuple[str, str]:
        """The name that these leaves share, and whose they are."""
        stems = {stem(self.mesh.labels[i]) for i in leaves}
        name = shared_name([self.mesh.labels[i] for i in leaves]) if len(stems) == 1 else ""
        places = [self.mesh.places[i] for i in leaves]
        holders = {place.title if place is not None else "" for place in places}
        holder = holders.pop() if len(holders) == 1 else ""
        roles = set[str]().union(*(self.mesh.roles[i] for i in leaves))
        if not name and all(place is not None for place in places):
            name = "parameters"
        for role, words in (
            ("input", "inputs"), ("weight", "weights"), ("bias", "biases")
        ):  # fmt: skip
            if not name and role in roles:
                name = words if roles == {role} or role == "input" else "parameters"
        return name or "numbers", holder

    def band_title(self, inner: list[int]) -> str:
        """The operations that a piece has most of."""
        counts: dict[str, int] = {}
        for i in inner:
            symbol = str(self.mesh.nodes[i]._rule.symbol)
            counts[symbol] = counts.get(symbol, 0) + 1
        most = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return "  ".join(most[:3]) + (" \u2026" if len(most) > 3 else "")
