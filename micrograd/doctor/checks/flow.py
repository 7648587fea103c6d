"""How far gradients come: unreached, vanishing, exploding, by layer and by time step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...nn.layers import Embedding
from ...nn.module import Module
from ..anatomy import Layer, rms
from ..case import Case, flat
from ..names import layer_name, named_values
from ..report import Finding
from ..thresholds import limit


def unreached(case: Case) -> Iterator[Finding]:
    """Parameters that the loss does not reach, or that nobody moves."""
    graph = case.graph
    if case.model is None:
        return
    mine = {id(p) for p in case.parameters}
    if case.optimizer is not None and case.parameters:
        moved = {id(p) for p in case.optimizer.parameters}
        if not moved & mine:
            yield Finding(
                "unreached", "error", "the optimizer",
                f"The optimizer holds {len(moved)} parameters, and none of them is one of the "
                f"{len(mine)} of this model.", float(len(mine)),
                "Make the optimizer after the model, from model.parameters().",
                "A model that is made anew has new parameters; the optimizer still moves the old.",
            )  # fmt: skip
    lost = [p for p in case.parameters if id(p) not in graph.index]
    lost = [p for p in lost if not looked_up(case, p)]
    if lost:
        names = [case.names.get(id(p), "a parameter") for p in lost]
        layers = list(dict.fromkeys(map(layer_name, names)))
        yield Finding(
            "unreached", "error" if len(lost) == len(mine) else "warning", ", ".join(layers[:4]),
            f"{len(lost)} of {len(mine)} parameters are not in the graph of the loss: "
            f"{', '.join(names[:4])}{' ...' if len(names) > 4 else ''}.", float(len(lost)),
            "Use them in the forward pass, or take them out of the model.",
            "The loss was computed without them, so that their gradient is 0 for ever.",
        )  # fmt: skip
        return
    inputs = {id(v) for v in flat([list(case.xs), list(case.ys)])}
    left = [
        (path, p) for path, p in named_values(case.model)
        if id(p) not in mine and id(p) in graph.index and id(p) not in inputs
    ]  # fmt: skip
    if left and mine:
        path = left[0][0]
        yield Finding(
            "unreached", "warning", layer_name(path),
            f"{len(left)} Values of the model that the loss depends on are not among its "
            f"parameters(): {', '.join(n for n, _ in left[:4])}.", float(len(left)),
            "Have parameters() return them all; without a method of your own it finds them itself.",
            "What parameters() leaves out no optimizer moves.",
        )  # fmt: skip


def looked_up(case: Case, p: object) -> bool:
    """Whether a parameter is a row of a table of which these examples need other rows."""
    name = case.names.get(id(p), "")
    if isinstance(case.model, Module):
        for module in case.model.modules():
            if isinstance(module, Embedding) and any(p is v for row in module.weight for v in row):
                return any(
                    id(v) in case.graph.index for row in module.weight for v in row
                ) if case.graph else False  # fmt: skip
    whole = all(isinstance(x, int) for x in flat(list(case.xs)))
    if not whole or case.graph is None:
        return False
    group = layer_name(name)
    return any(
        id(q) in case.graph.index and layer_name(case.names.get(id(q), "")) == group
        for q in case.parameters
    )


def reach(case: Case, layer: Layer) -> float:
    """The gradient that comes to a layer's sums, in root mean square, an example."""
    n = len(case.xs) or max((len(u.sums) for u in layer.units), default=1)
    return n * rms([case.graph.gradient[i] for u in layer.units for i in u.sums])


def flow(case: Case, ill: bool) -> Iterator[Finding]:
    """Gradients that shrink or grow on their way from the last layer to the first."""
    if case.fitted:
        return
    yield from through_time(case)
    chain = by_level(case)
    if len(chain) < 2:
        return
    (first, low), (last, high) = chain[0], chain[-1]
    if not (math.isfinite(low) and math.isfinite(high)) or high == 0.0:
        return
    ratio = low / high
    path = ", ".join(f"{layer.name} {g:.2g}" for layer, g in chain)
    factor = ratio ** (1 / (len(chain) - 1))
    if ratio < limit("vanishing_ratio") and low < limit("vanishing_size") and not ill and low > 0.0:
        yield Finding(
            "vanishing", "error", first.title,
            f"The gradient that reaches {first.name} is {ratio:.2g} of that of {last.name}: each "
            f"layer passes {factor:.2g} of it on ({path}).", ratio,
            "Use relu with init='he' or tanh with init='xavier', fewer layers, or normalization.",
            "Going back, the gradient is multiplied at each layer by weights and by the slope of "
            "the activation, at most 1/4 for sigmoid.",
        )  # fmt: skip
    elif ratio > limit("exploding_ratio"):
        yield Finding(
            "exploding", "error", first.title,
            f"The gradient that reaches {first.name} is {ratio:.3g} times that of {last.name}: "
            f"each layer makes it {factor:.2g} times as large ({path}).", ratio,
            "Draw smaller weights (init='he' or 'xavier'), or clip gradients (clip_grad_norm).",
            "Going back, the gradient is multiplied at each layer by its weights.",
        )  # fmt: skip


def by_level(case: Case) -> list[tuple[Layer, float]]:
    """The layers one above the other with the gradient at each; not those that come up again."""
    found: dict[int, tuple[Layer, float]] = {}
    for layer in case.anatomy.layers:
        if case.xs and any(len(u.sums) > len(case.xs) for u in layer.units):
            continue
        size = reach(case, layer)
        if layer.level not in found or size > found[layer.level][1]:
            found[layer.level] = (layer, size)
    return [found[level] for level in sorted(found)]


# Time --------------------------------------------------------------------------------------


def through_time(case: Case) -> Iterator[Finding]:
    """The same from the last time step to the first, where units come up again and again."""
    graph, n = case.graph, len(case.xs)
    again = case.anatomy.recurring(n) if n else []
    for layer in [*case.anatomy.layers, *again]:
        counts = {len(u.sums) for u in layer.units}
        if n == 0 or len(counts) != 1:
            continue
        turns, rest = divmod(counts.pop(), n)
        if rest or turns < 4:
            continue
        order = creation(case)
        steps = [0.0] * turns
        for t in range(turns):
            gradients = []
            for u in layer.units:
                sums = sorted(u.sums, key=lambda i: order.get(i, i))
                gradients += [graph.gradient[sums[e * turns + t]] for e in range(n)]
            steps[t] = n * rms(gradients)
        late = steps[-1] or max(steps)
        if not late or not math.isfinite(late):
            continue
        ratio, growth = steps[0] / late, (steps[0] / late) ** (1 / (turns - 1)) if steps[0] else 0.0
        radius = spectral_radius(recurrent(case, layer, n, turns))
        if layer in again and not radius:
            continue
        beside = (
            f"; the largest eigenvalue of its recurrent weights is {radius:.2g}" if radius else ""
        )
        where = f"{layer.name}, time step 1 of {turns}"
        if ratio < limit("vanishing_time") and steps[0] < limit("vanishing_size") and ratio > 0:
            yield Finding(
                "vanishing", "error", where,
                f"The gradient that reaches time step 1 is {ratio:.2g} of that of step {turns}: "
                f"each step back multiplies it by {growth:.2g}{beside}.", ratio,
                "Start the bias of the forget gate at 1 or 2, or use shorter sequences."
                if layer.activation == "sigmoid" else
                "Use an LSTMCell, start recurrent weights near the identity, or shorter sequences.",
                "Through T steps a gradient changes as the largest eigenvalue, times the slope of "
                "the activation, to the power T.",
            )  # fmt: skip
        elif ratio > limit("exploding_ratio"):
            yield Finding(
                "exploding", "error", where,
                f"The gradient that reaches time step 1 is {ratio:.3g} times that of step {turns}: "
                f"each step back multiplies it by {growth:.2g}{beside}.", ratio,
                "Clip gradients (clip_grad_norm), and start with smaller recurrent weights.",
                "Through T steps a gradient changes as the largest eigenvalue to the power T.",
            )  # fmt: skip


def creation(case: Case) -> dict[int, int]:
    """When each node was made, by its place in the graph."""
    index = case.graph.index
    return {index[id(v)]: k for k, v in enumerate(case.recorder.nodes) if id(v) in index}


def recurrent(case: Case, layer: Layer, n: int, turns: int) -> list[list[float]]:
    """The weights from a layer's outputs at one step to its sums at the next."""
    graph = case.graph
    order = creation(case)
    first = {}
    for k, u in enumerate(layer.units):
        outs = sorted(u.outputs, key=lambda i: order.get(i, i))
        first[outs[0]] = k
    size = len(layer.units)
    matrix = [[0.0] * size for _ in range(size)]
    for r, u in enumerate(layer.units):
        stack = [sorted(u.sums, key=lambda i: order.get(i, i))[1]]
        while stack:
            i = stack.pop()
            rule, xs = graph.rule(i), graph.operands[i]
            if rule == "weighted_sum":
                m = len(xs) // 2
                pairs = list(zip(xs[1 : m + 1], xs[m + 1 :]))
            elif rule == "dot":
                m = len(xs) // 2
                pairs = [*zip(xs[:m], xs[m:]), *zip(xs[m:], xs[:m])]
            elif rule == "mul":
                pairs = [(xs[0], xs[1]), (xs[1], xs[0])]
            elif rule in ("add", "sum"):
                stack += graph.under(i)
                continue
            else:
                continue
            for w, x in pairs:
                if type(x) is not float and x in first and type(w) is not float:
                    matrix[r][first[x]] = graph.data[w]
    return matrix


def spectral_radius(matrix: list[list[float]], turns: int = 60) -> float:
    """The size of the largest eigenvalue, also where it is complex: growth over many products."""
    if not any(map(any, matrix)):
        return 0.0
    v = [1.0 + 0.1 * i for i in range(len(matrix))]
    grown = 0.0
    for k in range(turns):
        v = [math.fsum(a * x for a, x in zip(row, v)) for row in matrix]
        size = math.hypot(*v)
        if size == 0.0:
            return 0.0
        v = [x / size for x in v]
        if k >= turns // 3:
            grown += math.log(size)
    return math.exp(grown / (turns - turns // 3))
