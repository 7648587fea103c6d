"""The learning rate, tried out on a copy: learning_rate_high, learning_rate_low; and stuck."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from ...optim import SGD, Optimizer
from ..anatomy import rms
from ..case import Case, flat, fresh_weights, number
from ..report import Finding
from ..thresholds import limit

TRIAL = 24  # steps
EXAMPLES = 32
HUGE = 1e200  # a loss from which no step can be tried


def rate(case: Case, broken: bool) -> Iterator[Finding]:
    """Whether some steps of a copy of the optimizer bring the loss down."""
    optimizer = case.optimizer
    if not isinstance(optimizer, Optimizer) or not case.can_run:
        return
    name = type(optimizer).__name__
    where = f"the optimizer, {name}(lr={optimizer.lr:g})"
    n = len(case.xs)
    examples = range(n) if n <= EXAMPLES else [i * n // EXAMPLES for i in range(EXAMPLES)]
    if broken:
        if optimizer.steps and diverges(case, examples, fresh_weights(case), fresh=True):
            yield high(where, optimizer.lr, "Fresh weights go the same way: with this rate the "
                       "loss grows from the first steps on.")  # fmt: skip
        return
    if not case.root._data < HUGE or not math.hypot(*case.gradient):
        return
    losses, _ = case.trial(TRIAL, examples, case.start)
    if grows(case, losses) or leaps(case, losses, examples):
        curved = curvature(case, examples) if type(optimizer) is SGD else 0.0
        bound = (
            f" By the curvature along the gradient the bound is {2 / curved:.2g}."
            if curved > 0
            else ""
        )
        number_ = max(losses[1:])
        yield high(
            where, optimizer.lr,
            f"In {len(losses)} trial steps the loss goes from {losses[0]:.3g} to "
            f"{statistics.median(losses[-7:]):.3g}, at most {number_:.3g}.{bound}",
        )  # fmt: skip
        return
    yield from low(case, where, examples)


def high(where: str, lr: float, words: str) -> Finding:
    return Finding(
        "learning_rate_high", "error", where, f"The learning rate {lr:g} is too high. {words}", lr,
        "Divide the learning rate by 10, until the loss falls steadily.",
        "A step longer than 2 / curvature ends higher up than it began.",
    )  # fmt: skip


def grows(case: Case, losses: Sequence[float]) -> bool:
    """Whether trial steps end higher, or threw the model to where it learns nothing."""
    if not all(map(math.isfinite, losses)):
        return True
    first, tail = losses[0], statistics.median(losses[-7:])
    ideal = case.ideal if case.ideal is not None else 0.0
    gain = case.guess - ideal if case.guess is not None else abs(first)
    gain = max(gain, 1e-12)
    if tail - first > max((limit("rate_growth") - 1) * abs(first), 0.1 * gain):
        return True
    height = max(first - ideal, gain)
    return max(losses) > ideal + limit("rate_peak") * height and tail > ideal + 0.85 * gain


def leaps(case: Case, losses: Sequence[float], examples: Sequence[int]) -> bool:
    """Whether the first step goes further than the parameters are long, and the loss goes up."""
    ideal = case.ideal if case.ideal is not None else 0.0
    gain = case.guess - ideal if case.guess is not None else abs(losses[0])
    if max(losses) <= ideal + 2 * max(losses[0] - ideal, gain):
        return False
    _, at = case.trial(1, examples, case.start)
    move = rms([b - a for a, b in zip(case.start, at)])
    return move > limit("rate_leap") * max(rms(case.start), 0.1)


def diverges(case: Case, examples: Sequence[int], start: Sequence[float], fresh: bool) -> bool:
    losses, _ = case.trial(TRIAL, examples, start, fresh)
    return grows(case, losses)


def curvature(case: Case, examples: Sequence[int]) -> float:
    """The second derivative of the loss along its gradient, from two gradients."""
    _, g = case.gradient_at(case.start, examples)
    size = math.hypot(*g)
    if not size:
        return 0.0
    h = 1e-5
    ahead = [x + h * d / size for x, d in zip(case.start, g)]
    _, other = case.gradient_at(ahead, examples)
    return math.fsum((b - a) * a / size for a, b in zip(g, other)) / h


def low(case: Case, where: str, examples: Sequence[int]) -> Iterator[Finding]:
    """A learning rate with which nothing would happen for thousands of steps."""
    if case.fitted:
        return
    _, at = case.trial(1, examples, case.start)
    _, g = case.gradient_at(case.start, examples)
    move = [b - a for a, b in zip(case.start, at)]
    fall = -math.fsum(a * b for a, b in zip(move, g))
    momentum = getattr(case.optimizer, "momentum", 0.0)
    fall /= 1 - momentum if 0 <= momentum < 1 else 1.0
    ideal = case.ideal if case.ideal is not None else 0.0
    to_gain = 0.5 * (case.root._data - ideal)
    share = rms(move) / max(rms(case.start), 1e-12)
    steps = to_gain / fall if fall > 0 else math.inf
    if steps > limit("rate_steps") and share < limit("rate_move"):
        words = f"{steps:.2g} steps" if math.isfinite(steps) else "no number of steps"
        yield Finding(
            "learning_rate_low", "warning", where,
            f"The learning rate {case.optimizer.lr:g} is too low: a step moves the parameters by "
            f"{share:.2g} of their size, and {words} would halve what there is to gain.", share,
            "Multiply the learning rate by 10, until the loss falls visibly; then once by 2 or 3.",
            "A step is the learning rate times the gradient; about 1/1000 of the parameters' size "
            "is usual.",
        )  # fmt: skip


# Stuck -------------------------------------------------------------------------------------


def stuck(case: Case, explained: bool) -> Iterator[Finding]:
    """A loss that no step can lower, where nothing else was found to be the reason."""
    if case.model is None or explained or case.loss is None:
        return
    loss, ideal = case.root._data, case.ideal if case.ideal is not None else 0.0
    gain = max(1e-12, (case.guess or abs(loss)) - ideal)
    size = math.hypot(*case.gradient) if case.gradient else 0.0
    if loss - ideal > 0.02 * gain and size <= limit("stuck") * gain:
        yield Finding(
            "stuck", "error", blame(case),
            f"The loss is {loss:.3g}, {ideal:.3g} is possible, and the gradient of all "
            f"{len(case.parameters)} parameters is {size:.2g}: no step lowers it.", size,
            "Look where the gradient is lost: a rounding, a comparison, a product with 0.",
            "Steps follow the gradient, and there is none.",
        )  # fmt: skip
        return
    if case.fitted or case.fit is None or len(case.outputs) < 8:
        return
    columns = list(zip(*[[number(v) for v in flat(out)] for out in case.outputs], strict=False))
    inputs = {tuple(flat(x)) if isinstance(x, (list, tuple)) else x for x in case.xs}
    if len(inputs) > 1 and columns and len({y for y in case.ys if isinstance(y, (int, float))}) > 1:
        spread = max(rms([v - sum(c) / len(c) for v in c]) / max(1.0, rms(c)) for c in columns)
        if spread < 1e-9 and still_alike(case):
            yield Finding(
                "stuck", "error", blame(case),
                f"The output is the same for all {len(case.outputs)} examples, whatever the input.",
                spread, "Look where the input is lost: a mean over the wrong axis, a product with "
                "0, a variable of the same name.",
                "A model that does not see its input can learn a constant and nothing else.",
            )  # fmt: skip
            return
    yield from without_bends(case)


def still_alike(case: Case) -> bool:
    """Whether a step down the gradient leaves the outputs of all examples the same."""
    size = math.hypot(*case.gradient)
    if not size:
        return True
    case.put([x - 0.01 * g / size for x, g in zip(case.start, case.gradient)])
    try:
        rows = [[number(v) for v in flat(out)] for out in case.out(case.xs)]
    finally:
        case.put(case.start)
    return all(abs(a - b) < 1e-9 for row in rows for a, b in zip(row, rows[0]))


def blame(case: Case) -> str:
    """The first layer whose outputs no longer tell the examples apart, or that gets no gradient."""
    graph = case.graph
    for layer in case.anatomy.layers:
        if all(
            rms([graph.data[i] - graph.data[u.sums[0]] for i in u.sums]) < 1e-12
            for u in layer.units
        ):
            return layer.title
    if not any(graph.gradient[i] for i in case.anatomy.outputs):
        for i in range(len(graph) - 1, graph.first - 1, -1):
            if not case.anatomy.inner[i] and None in graph.slopes[i]:
                line = graph.line(i)
                return f"the loss, {graph.rule(i)}" + (f" at {line}" if line else "")
        return "the loss"
    return case.anatomy.layers[-1].title if case.anatomy.layers else "the model"


def without_bends(case: Case) -> Iterator[Finding]:
    """Layers in a row with no activation between them: together one linear layer."""
    graph, anatomy = case.graph, case.anatomy
    if any(layer.activation != "linear" for layer in anatomy.layers) or (
        not case.optimizer and case.fit is None
    ):
        return
    depth: list[int] = [0] * len(graph)
    top = 0
    for i in range(graph.first, len(graph)):
        below = max((depth[x] for x in graph.under(i)), default=0)
        rule = graph.rule(i)
        if anatomy.inner[i] and rule not in (
            "weighted_sum",
            "mul",
            "add",
            "sub",
            "neg",
            "sum",
            "dot",
            "mean",
        ):
            return
        sums = rule in ("weighted_sum", "dot") or (
            rule == "mul" and any(x in anatomy.rank for x in graph.under(i))
        )
        depth[i] = below + (sums and anatomy.inner[i])
        if sums and anatomy.inner[i]:
            top = max(top, depth[i])
    biased = sum(anatomy.name(p).split(".")[-1] in ("b", "bias") for p in anatomy.places)
    if (
        top >= 2
        and biased >= 2
        and case.fit is not None
        and case.fit > 0.3
        and len(anatomy.places) > 6
    ):
        yield Finding(
            "stuck", "warning", "the hidden layers",
            f"{top} layers in a row have no activation between them: together they are one linear "
            "layer, and what a straight line leaves of the loss stays.", float(top),
            "Put an activation after each hidden layer: relu, tanh.",
            "A linear function of a linear function is linear.",
        )  # fmt: skip
