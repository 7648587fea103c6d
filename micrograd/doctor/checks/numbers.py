"""Numbers that are none, and numbers that left the graph: nonfinite, stale, detached."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from ...autodiff.anomaly import expression
from ...core.lines import with_source
from ...core.node import is_leaf
from ..case import Case, flat
from ..names import layer_name
from ..report import Finding
from ..thresholds import limit

REMEDIES = {
    "log": "Keep the argument above 0: take losses from logits (cross_entropy, logistic), or add "
    "a small number before the logarithm.",
    "pow": "Keep the base above 0, or clip it before the power.",
    "sqrt": "Keep the argument above 0: its derivative is infinite at 0; add a small number.",
    "div": "Keep the divisor away from 0: add a small number to it.",
    "exp": "Subtract the largest number first (softmax and logsumexp do), or clip the argument.",
}


def nonfinite(case: Case) -> Iterator[Finding]:
    """The first nan or inf: in the data, in a parameter, in the forward or the backward pass."""
    graph = case.graph
    for letter, rows in (("X", case.xs), ("Y", case.ys)):
        for i, row in enumerate(rows):
            for x in flat(row):
                if isinstance(x, (int, float)) and not math.isfinite(x):
                    yield Finding(
                        "nonfinite", "error", f"the data: {letter}[{i}]",
                        f"{letter}[{i}] holds {x}.", x,
                        "Drop the example, or fill the gap with a mean, before training.",
                        "Whatever is computed from it is no number, and neither is the loss.",
                    )  # fmt: skip
                    return
    for p in case.parameters:
        if not math.isfinite(p._data):
            name = case.names.get(id(p), p.label or "a parameter")
            yield Finding(
                "nonfinite", "error", f"parameter {name}", f"{name} is {p._data}.", p._data,
                "Start again with fresh weights and a smaller learning rate; detect_anomaly() "
                "stops at the step that does it.",
                "An earlier step went too far or met a gradient that was no number.",
            )  # fmt: skip
            return
    root = graph.root._data
    bad = [g for g in case.gradient if not math.isfinite(g)]
    if math.isfinite(root) and not bad:
        return
    for i in range(graph.first, len(graph)):
        if not math.isfinite(graph.data[i]):
            v, rule = graph.nodes[i], graph.rule(i)
            yield Finding(
                "nonfinite", "error", place(case, i),
                f"{expression(v)} is {graph.data[i]}, the first number in the forward pass that "
                "is not finite.", graph.data[i],
                REMEDIES.get(rule, "Keep the operands of this operation in its domain."),
                f"{rule} has no finite value there, and all that follows inherits it.",
            )  # fmt: skip
            return
    for i in graph.order:
        for slope in graph.slopes[i]:
            if slope is not None and math.isfinite(graph.gradient[i]) and not math.isfinite(slope):
                v, rule = graph.nodes[i], graph.rule(i)
                yield Finding(
                    "nonfinite", "error", place(case, i),
                    f"The derivative of {expression(v)} is {slope}: the first number in the "
                    "backward pass that is not finite.", slope,
                    REMEDIES.get(rule, "Keep its operand away from the point of infinite slope."),
                    f"{rule} is steep without bound there, though its value is finite.",
                )  # fmt: skip
                return
    yield Finding(
        "nonfinite", "error", "the gradients", f"{len(bad)} gradients are not finite.", bad[0],
        "Scale the loss down: products of large gradients overflow.",
    )  # fmt: skip


def place(case: Case, i: int) -> str:
    """Where a node is: its layer, if it is in one, and the user's line."""
    graph = case.graph
    line = graph.line(i)
    for layer in case.anatomy.layers:
        for unit in layer.units:
            if i in unit.sums or i in unit.outputs:
                return f"{unit.name}, {graph.rule(i)}" + (f", {with_source(line)}" if line else "")
    part = "" if case.anatomy.inner[i] and case.outputs else "the loss, " if case.outputs else ""
    return f"{part}{graph.rule(i)}" + (f" at {with_source(line)}" if line else "")


# Numbers that left the graph --------------------------------------------------------------

ENOUGH = 1500  # operations of a graph alone that are compared with each other
SHIFTS = ("sub", "exp_diff", "exp_gap")  # a softmax takes off its largest number so
FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "tanh": math.tanh, "sin": math.sin,
    "cos": math.cos, "the square": lambda x: x * x, "abs": abs, "log1p": math.log1p,
    "the sigmoid": lambda x: 1 / (1 + math.exp(-x)), "1/x": lambda x: 1 / x,
}  # fmt: skip


def cut(case: Case) -> Iterator[Finding]:
    """Numbers read from `.data`, detached Values, and operations of an earlier pass."""
    if case.given or not case.can_run:
        if not case.compiled:  # which refuses bare numbers itself
            yield from cut_in_graph(case)
        return
    graph, recorder = case.graph, case.recorder
    made = set(recorder.lines) | set(recorder.births)
    for i in range(graph.first, len(graph)):
        if case.anatomy.depends[i] and id(graph.nodes[i]) not in made:
            under = [case.anatomy.name(x) for x in case.anatomy.parameters_under(i)[:1]]
            yield Finding(
                "stale", "error", f"{graph.rule(i)} of {under[0] if under else 'parameters'}",
                f"{expression(graph.nodes[i])} was computed before this forward pass and is used "
                "again: after a step it still holds the number of the old parameters.",
                graph.data[i], "Compute it anew in every forward pass, in __call__ and not in "
                "__init__.", "A graph belongs to the numbers it was built from.",
            )  # fmt: skip
            return
    known = set(map(id, case.parameters)) | set(recorder.lines)
    reads = [(v, what, line) for v, what, line in recorder.reads if id(v) in known]
    stopped = [(v, line) for v, line in recorder.detached if id(v) in known]
    stopped += [(v, recorder.lines[id(v)]) for v in recorder.nodes
                if id(v) in recorder.lines and is_leaf(v)]  # fmt: skip
    if not reads and not stopped:
        return
    slope, measured, layer = disagreement(case)
    if layer is None:
        return
    numbers = (
        f"moving {layer} changes the loss at the rate {measured:.3g}, its gradients say {slope:.3g}"
    )
    why = "What is computed from a bare number passes no gradient back to where it came from."
    if stopped:
        line = stopped[0][1]
        yield Finding(
            "detached", "error", with_source(line),
            f"A value is cut off from the graph: {numbers}.", measured,
            "Leave out detach() or no_grad() where the gradient is to pass.", why,
        )  # fmt: skip
    if reads:
        line = likeliest(case, [line for _, _, line in reads])
        yield Finding(
            "detached", "error", with_source(line),
            f"A bare number was read with .data and used in the formula: {numbers}.", measured,
            "Write the operation on the Value itself: v.exp() or micrograd.exp(v), not "
            "math.exp(v.data).", why,
        )  # fmt: skip
        if not stopped:
            yield Finding(
                "stale", "warning", with_source(line),
                "The number read with .data there stands in the graph as a constant: it stays as "
                "it is when the parameters move and the graph is replayed or compiled.", measured,
                "Write the operation on the Value itself.",
            )  # fmt: skip


def likeliest(case: Case, lines: list[str]) -> str:
    """Of the lines that read numbers, the one that also makes something of them."""
    made = set(case.recorder.births.values()) | set(case.recorder.lines.values())
    once = list(dict.fromkeys(lines))
    return min(once, key=lambda line: (line not in made, once.index(line)))


def disagreement(case: Case) -> tuple[float, float, str | None]:
    """The gradient and the measured slope along a direction in the layer where they differ most."""
    n = len(case.xs)
    examples = list(range(0, n, max(1, n // 16)))
    _, gradient = case.gradient_at(case.start, examples)
    rng = random.Random(0)
    groups: dict[str, list[int]] = {}
    for i, p in enumerate(case.parameters):
        groups.setdefault(layer_name(case.names.get(id(p), str(i))), []).append(i)
    worst: tuple[float, float, float, str | None] = (limit("stale"), 0.0, 0.0, None)
    whole = math.hypot(*gradient)
    for name, places in list(groups.items())[:24]:
        found = []
        for h in (1e-5, 1e-6):  # two, so that one kink in between does not count
            direction = {i: rng.choice((-1.0, 1.0)) for i in places}
            ahead, behind = list(case.start), list(case.start)
            for i, d in direction.items():
                ahead[i] += h * d
                behind[i] -= h * d
            rise = case.loss_at(ahead, examples) - case.loss_at(behind, examples)
            measured = rise / (2 * h)
            slope = math.fsum(gradient[i] * d for i, d in direction.items())
            noise = 1e-9 / h * 1e-4
            size = max(abs(measured), abs(slope), 1e-3 * whole, noise)
            found.append((abs(measured - slope) / size, slope, measured))
        off, slope, measured = min(found)
        if off > worst[0]:
            worst = (off, slope, measured, name)
    return worst[1], worst[2], worst[3]


def cut_in_graph(case: Case) -> Iterator[Finding]:
    """In a graph alone: a number that is a function of another node's number, to the last bit."""
    graph = case.graph
    table: dict[float, tuple[str, int]] = {}
    end = min(len(graph), graph.first + (ENOUGH if case.model is None else ENOUGH // 3))
    for i in range(end):
        x = graph.data[i]
        for name, f in FUNCTIONS.items():
            try:
                y = f(x)
            except (ValueError, OverflowError, ZeroDivisionError):
                continue
            if y != int_like(y) and y != x:
                table.setdefault(y, (name, i))
        if i >= graph.first and x != int_like(x):
            table.setdefault(x, ("the number", i))
    for i in range(graph.first, end):
        for x in graph.operands[i]:
            is_place = type(x) is not float and type(x) is not int
            if is_place and x >= graph.first:
                continue
            if is_place and (graph.nodes[x].label or id(graph.nodes[x]) in case.names):
                continue
            y = graph.data[x] if is_place else float(x)
            found = table.get(y)
            if found is None or (is_place and found[1] == x):
                continue
            name, k = found
            if name == "the number" and graph.rule(i) in SHIFTS:
                continue
            v = graph.nodes[k]
            yield Finding(
                "detached", "error", f"{graph.rule(i)}: {expression(graph.nodes[i])}",
                f"The operand {y:.6g} of {expression(graph.nodes[i])} is {name} of "
                f"{v.label or expression(v) if k >= graph.first else v.label or v._data} to the "
                "last bit, but no operation leads there.", y,
                "Write the operation on the Value itself: v.exp() or micrograd.exp(v), not "
                "math.exp(v.data).",
                "A number read with .data is a leaf: no gradient passes through it.",
            )  # fmt: skip
            yield Finding(
                "stale", "warning", f"{graph.rule(i)}: {expression(graph.nodes[i])}",
                f"{y:.6g} stands there as a constant: it stays when the rest is replayed.", y,
                "Write the operation on the Value itself.",
            )  # fmt: skip
            return


def int_like(x: float) -> float:
    """x rounded to a quarter, of numbers that come up by chance; x itself if it is huge."""
    return x if not math.isfinite(x) or abs(x) > 1e15 else round(x * 4) / 4
