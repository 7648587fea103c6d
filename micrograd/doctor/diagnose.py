"""`diagnose`: one look at a model, its loss, its data and its optimizer.

It runs the model once over the data, backwards too, and asks every check in `checks/`, causes
first; a consequence of what was found is not reported again. All is as before afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..data import as_lists
from ..engine import Value
from .anatomy import RECTIFIERS, SQUASHERS, rms
from .case import Case, Refused, flat
from .checks import flow, held, losses, numbers, rate, scale, units
from .names import named_values, parameters_of
from .probe import probe
from .record import restored
from .report import Finding, Report, Strip
from .thresholds import limit


def diagnose(
    model: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    data: tuple[Any, Any] | None = None,
    optimizer: Any = None,
    root: Value | None = None,
) -> Report:
    """A `Report` of what is wrong with the gradients of a model: true when nothing is.

    `loss(output, target)` and `data`, a pair of examples and targets, are those of
    `train.fit`; `optimizer` lets the learning rate be tried, on a copy. With `root` alone a
    graph is looked at as it stands. At most 96 examples are taken, at even distances, and the
    report says so. Nothing changes: no parameter, gradient, mode, buffer or random state.

    >>> from micrograd import Value
    >>> x = Value(3.0)
    >>> diagnose(root=x * x)
    <Report: healthy>
    >>> import random
    >>> from micrograd import data, losses, nn
    >>> random.seed(1)
    >>> diagnose(nn.MLP(2, [8, 1], init="zeros"), losses.logistic, data.moons(40)).codes
    ['symmetric']
    """
    if root is not None and not isinstance(root, Value):
        raise TypeError(f"diagnose: root is a Value, the loss of a graph, not {root!r:.60}")
    if root is None and (model is None or loss is None or data is None):
        raise TypeError("diagnose: give a model with loss=... and data=(X, Y), or root=...")
    if data is not None and (not isinstance(data, (tuple, list)) or len(data) != 2):
        raise TypeError(f"diagnose: data is a pair, examples and targets, not {data!r:.60}")
    if loss is not None and not callable(loss):
        raise TypeError(f"diagnose: loss is a function of output and target, not {loss!r:.60}")
    if optimizer is not None and not hasattr(optimizer, "parameters"):
        raise TypeError(f"diagnose: optimizer is one of optim's, not {optimizer!r:.60}")
    xs, ys = (as_lists(data[0]), as_lists(data[1])) if data is not None else ([], [])
    if root is None and (not xs or len(xs) != len(ys)):
        raise ValueError(f"diagnose: {len(xs)} examples and {len(ys)} targets")
    n, most = len(xs), int(limit("sample"))
    chosen = list(range(n)) if n <= most else [i * n // most for i in range(most)]
    examined = f"{n} examples" if n <= most else f"{most} of {n} examples, at even distances"
    parameters, _ = parameters_of(model)
    leaves = {id(v): v for v in parameters}
    leaves.update({id(v): v for _, v in named_values(model)} if model is not None else {})
    leaves.update({id(v): v for v in flat([xs, ys]) if isinstance(v, Value)})
    if optimizer is not None:
        leaves.update({id(v): v for v in getattr(optimizer, "parameters", [])})
    with restored(model, leaves.values()):
        try:
            case = Case(
                model, loss, [xs[i] for i in chosen], [ys[i] for i in chosen], ys, optimizer, root
            )
        except Refused as refused:
            return Report([refused.finding], examined, title=title(model))
        found = list(examine(case))
        if not examined or root is not None:
            examined = f"{len(case.graph)} nodes"
        return Report(found, examined, strips(case), title(model))


def title(model: Any) -> str:
    return f"Diagnosis of {type(model).__name__}" if model is not None else "Diagnosis of a graph"


def examine(case: Case, loop: bool = True) -> Iterator[Finding]:
    """The findings, each kind unless one before explains it.

    Without `loop` nothing is concluded from the gradients that the parameters hold.
    """
    numbers_ = list(numbers.nonfinite(case))
    yield from numbers_
    yield from (in_loss := list(about_loss(case)))
    codes = {f.code for f in [*numbers_, *in_loss]}
    if numbers_:
        if any(f.where.startswith("parameter") for f in numbers_):
            yield from rate.rate(case, broken=True)
        factors = scale.Factors(case)
        yield from (inputs := list(scale.input_scale(case, factors)))
        if not inputs:
            yield from scale.init_scale(case, factors, ill=True)
        return
    cut = list(numbers.cut(case))
    yield from cut
    left = list(held.in_graph(case) if case.given else held.in_model(case)) if loop else []
    yield from left
    lost = list(flow.unreached(case))
    if not cut or all(f.where == "the optimizer" for f in lost):
        yield from lost
    factors = scale.Factors(case)
    inputs = list(scale.input_scale(case, factors))
    yield from inputs
    same = list(units.symmetric(case))
    yield from same
    off = [] if same else list(units.dead(case, factors))
    ends = [*units.saturated(case), *units.one_hot(case)]
    yield from off
    yield from ends
    ill = bool(ends)
    started = getattr(case.optimizer, "steps", 0)
    if not inputs and not same:
        yield from scale.init_scale(case, factors, ill)
    none = any(f.severity == "error" for f in off)
    flows = list(flow.flow(case, ill=bool(same) or none))
    yield from flows
    fatal = codes | {f.code for f in [*cut, *left, *same, *lost] if f.severity == "error"}
    if none or (case.root._data > limit("exploding_loss") and started):
        yield from rate.rate(case, broken=True)
    elif not fatal & {"detached", "symmetric", "unreached", "loss_mismatch"}:
        yield from (rates := list(rate.rate(case, broken=False)))
        fatal |= {f.code for f in rates}
    yield from rate.stuck(case, bool(fatal) or bool(off or ends or flows or inputs))


def about_loss(case: Case) -> Iterable[Finding]:
    """What the loss asks for; sets what the case knows about how good its model is."""
    if case.loss is None or not case.outputs:
        return
    span, bend = losses.last_range(case)
    outs = [flat(o) for o in case.outputs]
    first = case.outputs[0]
    learned = probe(case.loss, first, case.all_ys, span, bend == "softmax")
    if learned is not None and math.isfinite(learned.guess):
        case.ideal = rms_free_mean(learned.ideal)
        case.guess = learned.guess
        gain = case.guess - case.ideal
        if gain > 1e-9 and math.isfinite(case.root._data) and outs:
            case.fit = (case.root._data - case.ideal) / gain
            case.fitted = case.fit < limit("fitted")
        elif math.isfinite(case.root._data):
            case.fitted = False
    same = list(losses.constant(case, bend))
    yield from same
    if learned is not None and not same:
        yield from losses.mismatch(case, learned, span, bend)
    yield from losses.targets(case, learned, span, bend)
    if not same:
        yield from losses.clipped(case, learned)


def rms_free_mean(numbers_: list[float]) -> float:
    return math.fsum(numbers_) / len(numbers_)


def strips(case: Case) -> list[Strip]:
    """The layers as the pictures show them."""
    graph = case.graph
    n = max(1, len(case.xs))
    found = []
    for layer in case.anatomy.layers:
        outs = [graph.data[i] for u in layer.units for i in u.outputs]
        each = tuple(n * rms([graph.gradient[i] for i in u.sums]) for u in layer.units)
        silent = [units.silent(case, u) == 1.0 for u in layer.units]
        bends = layer.activation in SQUASHERS
        ends = [units.at_end(case, layer, u) for u in layer.units] if bends else [0.0]
        relu = layer.activation in RECTIFIERS
        found.append(
            Strip(
                layer.name, layer.activation, tuple(outs[:: max(1, len(outs) // 2000)]), each,
                sum(silent) / len(silent) if relu else 0.0, sum(ends) / len(ends),
                flow.reach(case, layer),
            )
        )  # fmt: skip
    return found
