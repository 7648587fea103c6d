"""Units and layers, found in the graph and not in the classes of whoever built it.

A unit is an activation on a sum that has parameters of its own; the same parameters in another
example, or at another time step, are the same unit. So a network written as loops over lists
has layers as `nn.MLP` has. Read on in `checks/`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .names import layer_name, shape_of
from .record import Graph

RECTIFIERS = ("relu",)
SQUASHERS = {"sigmoid": 0.25, "tanh": 1.0}  # and their steepest slope
BENDS = {
    *RECTIFIERS, *SQUASHERS, "leaky_relu", "elu", "silu", "gelu", "softplus", "maximum", "minimum",
    "where", "clip", "exp", "abs", "sin", "cos", "erf",
}  # fmt: skip
LINEAR = ("add", "sub", "neg", "sum", "mean", "div")
NOBODY = -1


class Unit(NamedTuple):
    """One neuron: its parameters, and where it comes up in the graph."""

    name: str
    parameters: list[int]  # places in the graph
    sums: list[int]  # before the activation, in the order of making
    outputs: list[int]


class Layer(NamedTuple):
    """Units side by side."""

    name: str
    activation: str
    level: int  # how many activations lie below its inputs
    units: list[Unit]
    is_output: bool

    @property
    def title(self) -> str:
        return (
            f"{self.name} ({self.activation}, {len(self.units)} unit{'s' * (len(self.units) > 1)})"
        )


class Anatomy:
    """What the checks ask about the graph: who depends on parameters, units, layers."""

    def __init__(
        self, graph: Graph, parameters: Sequence[Any], names: dict[int, str], outputs: Sequence[Any]
    ) -> None:
        self.graph = graph
        self.names = names
        self.places = [graph.index[id(p)] for p in parameters if id(p) in graph.index]
        self.rank = {place: i for i, place in enumerate(self.places)}
        self.outputs = [graph.index[id(v)] for v in outputs if id(v) in graph.index]
        self.final = set(self.outputs)
        self.depends = self.dependence()
        self.inner = self.model_part()
        self.own, self.levels = self.owners()
        self.layers = self.found()

    def name(self, place: int) -> str:
        v = self.graph.nodes[place]
        return self.names.get(id(v)) or v.label or f"the leaf {v._data:g}"

    def dependence(self) -> list[bool]:
        """Whether each node depends on a parameter."""
        depends = [False] * len(self.graph)
        for place in self.places:
            depends[place] = True
        for i in range(self.graph.first, len(self.graph)):
            depends[i] = any(depends[x] for x in self.graph.under(i))
        return depends

    def model_part(self) -> list[bool]:
        """Whether each node lies under an output of the model; all where none is known."""
        if not self.outputs:
            return [True] * len(self.graph)
        part = [False] * len(self.graph)
        for place in self.outputs:
            part[place] = True
        for i in range(len(self.graph) - 1, self.graph.first - 1, -1):
            if part[i]:
                for x in self.graph.under(i):
                    part[x] = True
        return part

    def owners(self) -> tuple[list[tuple[int, int]], list[int]]:
        """For each node the first and last of the parameters that make its sum, and its level.

        A sum of products owns the parameters that stand in it as factors or terms; what an
        activation gives owns nothing.
        """
        graph, rank = self.graph, self.rank
        none = (NOBODY, NOBODY)
        own = [none] * len(graph)
        level = [0] * len(graph)
        for place, i in rank.items():
            own[place] = (i, i)
        for i in range(graph.first, len(graph)):
            rule = graph.rule(i)
            below = graph.under(i)
            level[i] = max((level[x] for x in below), default=0)
            if rule in BENDS:
                level[i] += 1
                continue
            if rule in ("weighted_sum", "dot", "fma"):
                direct = [x for x in below if x in rank]
                if graph.first <= (below[0] if below else 0) and rule == "weighted_sum":
                    direct += [below[0]]
            elif rule == "mul":
                direct = [x for x in below if x in rank] or below
            elif rule in LINEAR:
                direct = below
            else:
                continue
            owned = [own[x] for x in direct if own[x] != none]
            if owned:
                own[i] = min(o[0] for o in owned), max(o[1] for o in owned)
        return own, level

    def parameters_under(self, i: int) -> list[int]:
        """The parameters of the sum at a node, by the rule of `owners`."""
        graph, rank = self.graph, self.rank
        found: dict[int, None] = {}
        stack, seen = [i], set()
        while stack:
            k = stack.pop()
            if k in seen:
                continue
            seen.add(k)
            if k in rank:
                found[k] = None
                continue
            rule, below = graph.rule(k), graph.under(k)
            direct = [x for x in below if x in rank]
            if rule in ("weighted_sum", "dot", "fma"):
                found.update(dict.fromkeys(direct))
                if rule == "weighted_sum" and below and below[0] not in rank:
                    stack.append(below[0])
            elif rule == "mul" and direct:
                found.update(dict.fromkeys(direct))
            elif rule in LINEAR or rule == "mul":
                stack += below
        return sorted(found, key=rank.__getitem__)

    def activation(self, i: int) -> tuple[str, int] | None:
        """The bend at a node and the sum that it bends, or None."""
        graph = self.graph
        rule = graph.rule(i)
        below = [x for x in graph.under(i) if self.depends[x]]
        if rule in ("relu", "leaky_relu", "elu", "silu", "gelu", "sigmoid", "tanh"):
            return (rule, below[0]) if below else None
        if rule in ("maximum", "minimum") and len(set(below)) == 1:
            numbers = [x for x in graph.operands[i] if x not in below]
            zero = all((x if type(x) is float else graph.data[x]) == 0.0 for x in numbers)
            return ("relu" if rule == "maximum" and zero else "clip", below[0])
        if rule == "clip" and below:
            return "clip", below[0]
        if rule == "div" and len(below) == 1:  # 1 / (1 + exp(-z)), as people write it
            z = self.logistic(i)
            return ("sigmoid", z) if z is not None else None
        return None

    def logistic(self, i: int) -> int | None:
        """The z of 1 / (1 + exp(-z)) written out, or None."""
        graph = self.graph
        top, low = graph.operands[i]
        if (top if type(top) is float else graph.data[top]) != 1.0 or type(low) is float:
            return None
        if graph.rule(low) != "add":
            return None
        for x in graph.under(low):
            if graph.rule(x) == "exp":
                z = graph.under(x)[0]
                if graph.rule(z) in ("neg", "mul"):
                    below = [y for y in graph.under(z) if self.depends[y]]
                    return below[0] if below else None
        return None

    def found(self) -> list[Layer]:
        """The layers, from the inputs up."""
        seen: dict[tuple[int, int], tuple[str, int, list[int], list[int]]] = {}
        none = (NOBODY, NOBODY)
        bent: set[int] = set()
        for i in range(self.graph.first, len(self.graph)):
            if not (self.depends[i] and self.inner[i]):
                continue
            act = self.activation(i)
            if act is None or self.own[act[1]] == none:
                continue
            kind, z = act
            bent.add(z)
            bent.add(i)
            _, _, sums, outs = seen.setdefault((*self.own[z],), (kind, self.levels[z], [], []))
            sums.append(z)
            outs.append(i)
        for i in self.last_sums():
            if i not in bent:
                _, _, sums, outs = seen.setdefault(self.own[i], ("linear", self.levels[i], [], []))
                sums.append(i)
                outs.append(i)
        groups: dict[tuple[str, str, int], list[tuple[list[int], list[int], list[int]]]] = {}
        for kind, level, sums, outs in seen.values():
            parameters = self.parameters_under(sums[0])
            pattern = shape_of(self.name(parameters[0])) if parameters else ""
            groups.setdefault((pattern, kind, level), []).append((parameters, sums, outs))
        layers = []
        ends = self.final | set(self.last_sums())
        for (_, kind, level), members in groups.items():
            members.sort(key=lambda m: self.rank[m[0][0]] if m[0] else 0)
            paths = [self.name(m[0][0]) for m in members if m[0]]
            title = common(paths) if paths else kind
            units = [
                Unit(self.unit_name(title, k, m[0]), m[0], m[1], m[2])
                for k, m in enumerate(members)
            ]
            final = any(o in ends for m in members for o in (*m[1], *m[2]))
            layers.append(Layer(title or "the layer", kind, level, units, final))
        return sorted(layers, key=lambda layer: (layer.level, layer.units[0].parameters[:1]))

    def recurring(self, examples: int) -> list[Layer]:
        """Sums without an activation that come up again and again, as a linear recurrence has."""
        none = (NOBODY, NOBODY)
        taken = {i for layer in self.layers for u in layer.units for i in (*u.sums, *u.outputs)}
        users: set[Any] = set()  # what is a term of a larger sum
        found: dict[tuple[int, int], list[int]] = {}
        for i in range(self.graph.first, len(self.graph)):
            own = self.own[i]
            if own == none or i in taken or not self.inner[i]:
                continue
            rule, terms = self.graph.rule(i), self.graph.operands[i]
            if rule in ("add", "sub", "sum", "weighted_sum"):  # of that one the bias
                users.update(terms[:1] if rule == "weighted_sum" else terms)
            found.setdefault(own, []).append(i)
        groups: dict[str, list[Unit]] = {}
        for sums in found.values():
            sums = [i for i in sums if i not in users]
            parameters = self.parameters_under(sums[-1]) if sums else []
            if len(parameters) > 1 and len(sums) >= 4 * examples and len(sums) % examples == 0:
                pattern = shape_of(self.name(parameters[0]))
                groups.setdefault(pattern, []).append(
                    Unit(self.name(parameters[0]), parameters, sums, sums)
                )
        return [
            Layer(common([u.name for u in units]), "linear", 0, units, False)
            for units in groups.values()
        ]

    def last_sums(self) -> list[int]:
        """The sums nearest to the outputs: the outputs themselves, or what a softmax is made of."""
        none = (NOBODY, NOBODY)
        found: dict[int, None] = {}
        seen: set[int] = set()
        known = bool(self.outputs)
        stack = list(reversed(self.outputs)) or [self.graph.index[id(self.graph.root)]]
        while stack:
            i = stack.pop()
            if i in seen or not self.depends[i]:
                continue
            seen.add(i)
            if self.own[i] != none:
                if known or self.levels[i]:  # without outputs it may be a penalty on weights
                    found[i] = None
            elif self.activation(i) is None:
                stack += self.graph.under(i)
        return sorted(found)

    def unit_name(self, layer: str, k: int, parameters: list[int]) -> str:
        if parameters:
            steps = self.name(parameters[0]).split(".")
            if "neurons" in steps:
                return ".".join(steps[: steps.index("neurons") + 2])
        return f"{layer}, unit {k}"


def common(paths: list[str]) -> str:
    """The place that all of these have in common: layers.0 of layers.0.w.0 and layers.0.w.1."""
    if len(paths) == 1:
        return layer_name(paths[0])
    steps: list[str] = []
    for step in zip(*[path.split(".") for path in paths]):
        if len({*step}) > 1:
            break
        steps.append(step[0])
    return ".".join(steps).removesuffix(".neurons") or layer_name(paths[0])


def rms(numbers: Sequence[float]) -> float:
    """The root mean square of those that are finite; 0 of none."""
    return math.hypot(*filter(math.isfinite, numbers)) / math.sqrt(max(1, len(numbers)))
