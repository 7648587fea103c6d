"""What the gradients that a model holds tell of its loop: never_backward, not_zeroed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

from ...optim import SGD, Adam
from ..case import Case
from ..report import Finding
from ..thresholds import limit

UNROLLED = 40  # steps that are taken back, at most


def never(where: str, steps: int) -> Finding:
    return Finding(
        "never_backward", "error", where,
        f"{steps} steps were taken, and no gradient ever came: backward() was not called.",
        float(steps), "Call loss.backward() after zero_grad() and before step().",
        "A step with gradients of 0 leaves the parameters where they are.",
    )  # fmt: skip


def accumulated(where: str, times: float, words: str) -> Finding:
    return Finding(
        "not_zeroed", "error", where, words, times,
        "Call optimizer.zero_grad() or model.zero_grad() before each backward().",
        "backward() adds to .grad, so that several losses can share it; what is not set to 0 "
        "stays in every later step.",
    )  # fmt: skip


def in_graph(case: Case) -> Iterator[Finding]:
    """A graph alone: the gradients its leaves hold against those it gives."""
    graph = case.graph
    if graph.root.grad == 0.0:
        return
    pairs = [
        (case.anatomy.name(i), float(graph.nodes[i]._grad), graph.gradient[i])
        for i in range(graph.first)
        if graph.gradient[i] and math.isfinite(graph.gradient[i])
    ]
    more = [(name, held, g) for name, held, g in pairs if abs(held) > 1.5 * abs(g)]
    if pairs and len(more) > len(pairs) / 2:
        name, held, g = more[0]
        yield accumulated(
            name, held / g,
            f"{name} holds the gradient {held:.6g}, and this graph gives {g:.6g}: "
            f"{held / g:.3g} times as much, with what earlier calls of backward() left.",
        )  # fmt: skip


def in_model(case: Case) -> Iterator[Finding]:
    """After some steps of an optimizer: is what is held the gradient of one step?"""
    optimizer = case.optimizer
    steps = int(getattr(optimizer, "steps", 0) or 0)
    if steps < 1 or not case.can_run:
        return
    held, start = case.held, case.start
    size = math.hypot(*held)
    where = f"the training loop, {type(optimizer).__name__} after {steps} steps"
    if size == 0.0 or not math.isfinite(size):
        if size == 0.0 and untouched(case, steps):
            yield never(where, steps)
        return
    before = undone(case, held)
    points = [p for p in (before, start) if p is not None]
    whole = len(case.xs) == len(case.all_ys)
    now = [case.gradient_at(p)[1] for p in points]
    for g in now:
        length = math.hypot(*g)
        along = math.fsum(a * b for a, b in zip(g, held)) / (length * size) if length else 0.0
        times = size / length if length else math.inf
        if whole and along > 0.99999 and abs(times - 1) < 0.01:
            return  # the gradient of one step, exactly
        if along > 0.999 and abs(times / len(case.all_ys) - 1) < 0.02:
            return  # that of a sum over all examples
    if case.draws:
        return  # each pass is another: what is held cannot be compared
    singles = case.example_gradients(points[0])
    bound = max([math.hypot(*g) for g in [*singles, *now]], default=0.0)
    if whole and steps <= UNROLLED and before is not None and repeats(case, held, steps):
        yield accumulated(
            where, size / max(math.hypot(*now[0]), 1e-300),
            f"The gradients held are the sum of those of all {steps} steps: they were never set "
            "to 0.",
        )  # fmt: skip
    elif steps >= 3 and bound and size > limit("held") * bound:
        yield accumulated(
            where, size / bound,
            f"The gradient held is {size / bound:.3g} times as large as that of any one example: "
            f"after {steps} steps it holds those of earlier ones too.",
        )  # fmt: skip

    elif steps >= 3 and whole and before is not None and singles:
        off = distance(held, singles) / size
        if off > limit("hull"):
            yield accumulated(
                where, off,
                "The gradient held is no mean of those of the examples, whichever are taken: it is "
                f"off by {off:.0%} of its size, and holds those of earlier steps.",
            )  # fmt: skip


def distance(point: Sequence[float], corners: Sequence[Sequence[float]]) -> float:
    """A lower bound of the distance from a point to all weighted means of the corners.

    In some of the coordinates, which makes it smaller if anything.
    """
    chosen = random.Random(0).sample(range(len(point)), min(48, len(point)))
    goal = [point[i] for i in chosen]
    rows = [[c[i] for i in chosen] for c in corners]
    at, best = list(rows[0]), 0.0
    for _ in range(150):
        slope = [a - g for a, g in zip(at, goal)]
        corner = min(rows, key=lambda r: math.fsum(s * x for s, x in zip(slope, r)))
        step = [c - a for a, c in zip(at, corner)]
        gap = -math.fsum(s * d for s, d in zip(slope, step))
        best = max(best, math.fsum(s * s for s in slope) - 2 * gap)
        length = math.fsum(d * d for d in step)
        if gap <= 0.0 or length == 0.0:
            break
        part = min(1.0, gap / length)
        at = [a + part * d for a, d in zip(at, step)]
    return math.sqrt(best)


def untouched(case: Case, steps: int) -> bool:
    """Whether the optimizer's memory, or the loss itself, says that no step had a gradient."""
    state = getattr(case.optimizer, "state", [])
    if any(state):
        return bool(all(x == 0.0 for row in state for x in row))
    gradients = zip(case.start, case.gradient)
    if any(x == 0.0 and g != 0.0 for x, g in gradients):
        return True  # a bias that starts at 0, and that any step would have moved
    # SGD keeps nothing: then a step as it is taken now would have brought more than is seen.
    if steps < 10 or case.fit is None or case.fit < 0.9 or not math.hypot(*case.gradient):
        return False
    losses, _ = case.trial(min(steps, 10), range(len(case.xs)), case.start)
    fall = losses[0] - losses[-1]
    to_gain = max(1e-12, float(case.root._data) - (case.ideal or 0.0))
    return fall * steps / len(losses) > 2 * to_gain


def undone(case: Case, held: Sequence[float]) -> list[float] | None:
    """The parameters before the last step, where the optimizer's rule can be taken back."""
    chosen = case.optimizer
    moves: dict[int, float] = {}
    if not hasattr(chosen, "state"):
        return None
    grads = {id(p): g for p, g in zip(case.parameters, held)}
    for p, state in zip(chosen.parameters, chosen.state):
        g = grads.get(id(p))
        if g is None:
            continue
        if type(chosen) is SGD and not chosen.weight_decay and not chosen.nesterov:
            moves[id(p)] = chosen.lr * (state[0] if state else g)
        elif isinstance(chosen, Adam) and not chosen.weight_decay:
            _, lr, correction = chosen.coefficients()
            mean, square = state
            moves[id(p)] = lr * mean / (math.sqrt(square) / correction + chosen.eps)
        else:
            return None
    return [x + moves.get(id(p), 0.0) for p, x in zip(case.parameters, case.start)]


def repeats(case: Case, held: Sequence[float], steps: int) -> bool:
    """Whether plain descent without zeroing, taken back step by step, leads to a gradient of 0."""
    chosen = case.optimizer
    if type(chosen) is not SGD or chosen.momentum or chosen.weight_decay:
        return False
    at, total = list(case.start), list(held)
    size = math.hypot(*held)
    for done in range(1, steps + 1):
        at = [x + chosen.lr * g for x, g in zip(at, total)]
        _, gradient = case.gradient_at(at)
        total = [t - g for t, g in zip(total, gradient)]
        rest = math.hypot(*total)
        if not math.isfinite(rest) or rest > 1e3 * size:
            return False
        if rest < 1e-4 * size:
            return done > 1
    return False
