"""The size of inputs and of fresh weights: input_scale, init_scale."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..anatomy import Layer, rms
from ..case import Case
from ..names import layer_name
from ..report import Finding
from ..thresholds import limit


class Factors:
    """For each parameter that is multiplied by something: how large that something is."""

    def __init__(self, case: Case) -> None:
        graph, data = case.graph, case.graph.data
        rank, depends = case.anatomy.rank, case.anatomy.depends
        self.inputs: dict[int, list[float]] = {}  # by plain inputs, which no parameter moves
        self.largest: dict[int, float] = {}  # by anything
        for i in range(graph.first, len(graph)):
            rule, xs = graph.rule(i), graph.operands[i]
            if rule == "mul":
                pairs = [(xs[0], xs[1]), (xs[1], xs[0])]
            elif rule == "weighted_sum":
                n = len(xs) // 2
                pairs = list(zip(xs[1 : n + 1], xs[n + 1 :]))
                pairs += [(b, a) for a, b in pairs]
            elif rule == "dot":
                n = len(xs) // 2
                pairs = list(zip(xs[:n], xs[n:]))
                pairs += [(b, a) for a, b in pairs]
            else:
                continue
            for p, x in pairs:
                if type(p) is float or p not in rank:
                    continue
                size = abs(x if type(x) is float else data[x])
                if not size <= self.largest.get(p, -1.0):  # nan is kept, too
                    self.largest[p] = size
                if type(x) is float or not depends[x]:
                    self.inputs.setdefault(p, []).append(size)
        self.weights = {*self.largest}


def input_scale(case: Case, factors: Factors) -> Iterator[Finding]:
    """Inputs so large or so small, or so unlike each other, that weights cannot suit."""
    if case.fitted or (not case.xs and case.model is None):
        return
    sizes = {p: max(xs) for p, xs in factors.inputs.items() if len(xs) > 1 and max(xs) > 0}
    if not sizes:
        return
    by_layer: dict[str, list[int]] = {}
    for p in sizes:
        by_layer.setdefault(layer_name(case.anatomy.name(p)), []).append(p)
    for layer, places in by_layer.items():
        means = {p: rms(factors.inputs[p]) for p in places}
        p = max(means, key=means.__getitem__)
        if means[p] > limit("input_size"):
            yield Finding(
                "input_scale", "error" if means[p] > 10 * limit("input_size") else "warning",
                f"the input of {layer}: {column(case, p)}",
                f"{column(case, p)} is {means[p]:.3g} in root mean square (largest "
                f"{sizes[p]:.3g}), where about 1 is wanted.", means[p],
                "Standardize: take off the mean of each input and divide by its deviation "
                "(data.standardize).",
                "The gradient of a weight is proportional to its input: so large inputs make steps "
                "too long, and saturate what follows.",
            )  # fmt: skip
            return
        top = max(sizes[q] for q in places)
        if top < limit("input_small"):
            yield Finding(
                "input_scale", "warning", f"the input of {layer}",
                f"No input is larger than {top:.3g}, where about 1 is wanted.", top,
                "Standardize: divide each input by its deviation (data.standardize).",
                "The gradient of a weight is proportional to its input: with tiny ones the first "
                "layer hardly moves.",
            )  # fmt: skip
            return
        small = min(places, key=sizes.__getitem__)
        if top / sizes[small] > limit("input_ratio") and top > 1.0:
            yield Finding(
                "input_scale", "warning", f"the input of {layer}: {column(case, small)}",
                f"{column(case, small)} is at most {sizes[small]:.3g}, another is {top:.3g}: "
                f"{top / sizes[small]:.3g} times as large.", top / sizes[small],
                "Standardize each input by itself (data.standardize).",
                "In a weighted sum the larger input takes the larger share of the gradient.",
            )  # fmt: skip
            return


def column(case: Case, p: int) -> str:
    """The input that a weight multiplies, by the index of the weight."""
    steps = case.anatomy.name(p).split(".")
    return f"input {steps[-1]}" if steps[-1].isdigit() else f"the input of {case.anatomy.name(p)}"


def gain(case: Case, factors: Factors, layer: Layer) -> float:
    """How a layer scales its inputs: the rms of its weights times the root of their number."""
    data = case.graph.data
    rows = [[data[p] for p in u.parameters if p in factors.weights] for u in layer.units]
    rows = [row for row in rows if row]
    if not rows:
        return math.nan
    return rms([w for row in rows for w in row]) * math.sqrt(max(map(len, rows)))


def init_scale(case: Case, factors: Factors, ill: bool) -> Iterator[Finding]:
    """Weights that make signals grow or shrink from layer to layer."""
    if case.fitted or (case.fit is None and not ill):
        return
    gains = [(gain(case, factors, layer), layer) for layer in case.anatomy.layers]
    gains = [(g, layer) for g, layer in gains if g == g]
    if not gains:
        return
    excess = case.root._data / case.guess if case.guess else 0.0
    wild = ill or excess > limit("init_loss")
    g, layer = max(gains, key=lambda pair: pair[0])
    if g > limit("init_large") and (wild or excess > limit("init_sure")):
        yield Finding(
            "init_scale", "warning", layer.title,
            f"The weights of {layer.name} make its input {g:.3g} times as large"
            + (f"; the loss is {excess:.3g} times a constant guess's." if excess > 2 else "."),
            g, "Draw smaller weights: init='torch', 'xavier' for tanh, 'he' for relu.",
            "A sum of n inputs grows with the root of n times the size of the weights.",
        )  # fmt: skip
        return
    data = case.graph.data
    first, last = case.anatomy.layers[0], case.anatomy.layers[-1]
    sums = [rms([data[i] for u in ends.units for i in u.sums]) for ends in (first, last)]
    growth = sums[1] / sums[0] if sums[0] else 0.0
    if growth > limit("init_growth") and excess > limit("init_loss"):
        yield Finding(
            "init_scale", "warning", f"all layers, {first.name} to {last.name}",
            f"Signals grow {growth:.3g} times from {first.name} to {last.name}, and the loss is "
            f"{excess:.3g} times that of a constant guess.", growth,
            "Draw smaller weights: init='torch', 'xavier' for tanh, 'he' for relu.",
            "A growth in each layer, small as it may be, is multiplied over the layers.",
        )  # fmt: skip
        return
    hidden = [(g, x) for g, x in gains if not x.is_output and varied(case, factors, x)]
    if not hidden:
        return
    g, layer = min(hidden, key=lambda pair: pair[0])
    if g < limit("init_small") and (case.fit is None or case.fit > 0.8):
        yield Finding(
            "init_scale", "warning", layer.title,
            f"The weights of {layer.name} shrink its input to {g:.3g} of its size.", g,
            "Draw larger weights: init='torch', 'xavier' for tanh, 'he' for relu.",
            "Each such layer makes signals, and the gradients that come back, that much smaller.",
        )  # fmt: skip


def varied(case: Case, factors: Factors, layer: Layer) -> bool:
    """Whether a layer's weights are not all one number, which is another illness."""
    data = case.graph.data
    return len({data[p] for u in layer.units for p in u.parameters if p in factors.weights}) > 1
