"""Units that are off, stuck at an end, or all alike: dead, saturated, symmetric."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...core.lines import with_source
from ..anatomy import RECTIFIERS, SQUASHERS, Layer, Unit
from ..case import Case
from ..names import repeated
from ..probe import is_softmax
from ..report import Finding
from ..thresholds import limit
from .scale import Factors


def silent(case: Case, unit: Unit) -> float:
    """The share of a rectifier's outputs that are 0."""
    data = case.graph.data
    return sum(data[i] == 0.0 for i in unit.outputs) / len(unit.outputs)


def margin(case: Case, factors: Factors, unit: Unit) -> float:
    """A unit's negative bias, by the most that its weights can make of inputs of the sizes seen."""
    data = case.graph.data
    bias = sum(data[p] for p in unit.parameters if p not in factors.weights)
    most = sum(abs(data[p]) * factors.largest[p] for p in unit.parameters if p in factors.weights)
    return -bias / max(most, 1e-9)


def at_end(case: Case, layer: Layer, unit: Unit) -> float:
    """The share of a unit's outputs that lie where its activation is flat."""
    graph = case.graph
    if layer.activation == "clip":
        cut: list[bool] = [graph.slopes[i][0] is None for i in unit.outputs]
        return float(sum(cut) / len(cut))
    bound = limit("saturated_sum")
    return sum(abs(graph.data[i]) >= bound for i in unit.sums) / len(unit.sums)


def slope_left(case: Case, layer: Layer) -> float:
    """The mean slope of the layer's activations, by the steepest there is."""
    graph = case.graph
    slopes: list[float] = [
        abs(s) for u in layer.units for i in u.outputs for s in graph.slopes[i] if s is not None
    ]
    return sum(slopes) / max(1, len(slopes)) / SQUASHERS.get(layer.activation, 1.0)


def listed(names: list[str], most: int) -> str:
    """Some of the names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def dead(case: Case, factors: Factors) -> Iterator[Finding]:
    """Rectifiers that are 0 on all examples, or nearly all of a layer on nearly all."""
    for layer in case.anatomy.layers:
        if layer.activation not in RECTIFIERS:
            continue
        shares = [silent(case, u) for u in layer.units]
        off = [u for u, s in zip(layer.units, shares) if s == 1.0]
        outputs = sum(shares) / len(shares)
        part = len(off) / len(layer.units)
        many = 0.5 + limit("dead_units") * 0.5 / math.sqrt(len(layer.units))
        names = listed([u.name for u in off], 6)
        why = "Where relu gives 0 its derivative is 0: the weights of such a unit get no gradient."
        whole = part == 1.0
        if not case.fitted and (
            whole or part >= many
            or (outputs >= limit("dead_outputs") and len(layer.units) > 2)
        ):  # fmt: skip
            yield Finding(
                "dead", "error" if whole else "warning", layer.title,
                f"{len(off)} of {len(layer.units)} units in {layer.name} are 0 on every example, "
                f"{outputs:.0%} of all its outputs are 0" + (f": {names}." if off else "."),
                outputs, "Start biases at 0 or a little above, lower the learning rate, use "
                "init='he', or leaky_relu.", why,
            )  # fmt: skip
            if whole:
                return  # what lies above sees only zeros
            continue
        far = [(margin(case, factors, u), u) for u in off]
        far = [(m, u) for m, u in far if m > limit("dead_margin")]
        if far and not case.fitted:
            m, u = max(far, key=lambda pair: pair[0])
            names = ", ".join(unit.name for _, unit in far[:6])
            yield Finding(
                "dead", "warning", names,
                f"{u.name} in {layer.name} is 0 on every example: its bias is negative, {m:.3g} "
                "times as large as all its inputs together can make good.", m,
                "Start its bias near 0, and lower the learning rate.", why,
            )  # fmt: skip


def saturated(case: Case) -> Iterator[Finding]:
    """Layers of sigmoids or tanhs with most sums out where they are flat."""
    if case.fitted:
        return
    for layer in case.anatomy.layers:
        if layer.activation not in SQUASHERS and layer.activation != "clip":
            continue
        if case.given and (layer.is_output or layer.activation == "clip"):
            continue  # of a graph alone nobody knows where the loss begins, nor what was right
        shares = [at_end(case, layer, u) for u in layer.units]
        whole = sum(shares) / len(shares)
        if whole <= limit("saturated_share"):
            continue
        most = [u.name for u, s in zip(layer.units, shares) if s > 0.9]
        left = slope_left(case, layer)
        yield Finding(
            "saturated", "error" if whole > 0.9 else "warning", layer.title,
            f"{whole:.0%} of the outputs of {layer.name} are saturated; {left:.2g} of the steepest "
            f"slope is left" + (f" ({listed(most, 4)})." if most else "."),
            whole, "Make the weights smaller (init='xavier') or standardize the inputs.",
            f"Where its sum is {limit('saturated_sum'):g} or more, {layer.activation} is flat: "
            "what comes back is multiplied by nearly 0.",
        )  # fmt: skip


def one_hot(case: Case) -> Iterator[Finding]:
    """Softmaxes inside the model, as attention has, most of which give all to one operand."""
    if case.fitted or case.given:  # of a graph alone nobody knows which softmax is the loss's
        return
    graph, anatomy = case.graph, case.anatomy
    sums: dict[int, list[int]] = {}  # by the sum in the denominator, the shares
    for i in range(graph.first, len(graph)):
        inside = anatomy.depends[i] and anatomy.inner[i] and i not in anatomy.final
        if inside and graph.rule(i) == "div" and is_softmax(anatomy, i):
            sums.setdefault(graph.operands[i][1], []).append(i)
    groups = [shares for shares in sums.values() if len(shares) > 1]
    full = [g for g in groups if max(graph.data[i] for i in g) >= limit("saturated_softmax")]
    if len(groups) < 4 or len(full) <= limit("saturated_share") * len(groups):
        return
    line = graph.line(full[0][0])
    yield Finding(
        "saturated", "warning", f"softmax at {with_source(line)}" if line else "a softmax inside",
        f"{len(full) / len(groups):.0%} of the {len(groups)} softmaxes over {len(full[0])} numbers "
        f"give more than {limit('saturated_softmax'):g} to one of them: hardly any gradient gets "
        "back to the scores.", len(full) / len(groups),
        "Divide scores by the root of the number of products in them, as attention does, or draw "
        "smaller weights.",
        "The slope of a softmax is p (1 - p), which is nearly 0 where one share is nearly 1.",
    )  # fmt: skip


def symmetric(case: Case) -> Iterator[Finding]:
    """Units with the same weights and gradients, which stay the same for ever."""
    for path, place, times in repeated(case.model) if case.model is not None else []:
        yield Finding(
            "symmetric", "error", place,
            f"{place} stands {times} times in {path}: they are one and the same object and share "
            "their parameters.", float(times),
            "Make each one anew: [f() for _ in range(n)], not [f()] * n.",
            "What is one object has one set of numbers: all copies compute and learn the same.",
        )  # fmt: skip
        return
    graph = case.graph
    for layer in case.anatomy.layers:
        if len(layer.units) < 2:
            continue
        groups: dict[tuple[float, ...], list[Unit]] = {}
        for u in layer.units:
            numbers = tuple(graph.data[p] for p in u.parameters)
            gradients = tuple(float(f"{graph.gradient[p]:.9e}") for p in u.parameters)
            groups.setdefault((*numbers, *gradients), []).append(u)
        same = max(groups.values(), key=len)
        if len(same) > 1 and len(same[0].parameters) > 1 and len(same) >= len(layer.units) / 2:
            values = {graph.data[p] for p in same[0].parameters}
            what = f", all {values.pop():g}" if len(values) == 1 else ""
            yield Finding(
                "symmetric", "error", layer.title,
                f"{len(same)} of {len(layer.units)} units in {layer.name} have the same "
                f"weights{what} and get the same gradients: they stay one unit.", float(len(same)),
                "Start weights at random: init='torch', 'xavier' or 'he'; biases may start at 0.",
                "Units that start alike and are used alike are moved alike by every step.",
            )  # fmt: skip
            continue
        alike: dict[tuple[float, ...], list[Unit]] = {}
        for u in layer.units:
            alike.setdefault(tuple(graph.data[p] for p in u.parameters), []).append(u)
        same = max(alike.values(), key=len)
        own = {graph.data[p] for p in same[0].parameters}
        if len(same) > 2 and len(same) >= len(layer.units) / 2 and len(own) > 2:
            yield Finding(
                "symmetric", "warning", layer.title,
                f"{len(same)} of {len(layer.units)} units in {layer.name} have the same weights, "
                "drawn alike: only what is made of them tells them apart.", float(len(same)),
                "Draw the weights of each unit anew: set the seed once, and not in each unit.",
                "Units that start alike bend in the same place, and part slowly.",
            )  # fmt: skip
