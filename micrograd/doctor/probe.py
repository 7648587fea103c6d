"""What a loss asks for, found by asking it: the loss is called with made-up outputs.

For each kind of target: which output it likes best (`ideal`), what the best output in reach of
the model's last activation would cost (`reach`), whether it looks at the output at all, whether
it has a bottom. So a loss that someone wrote is judged as one of `losses.py` is.
Read on in `checks/losses.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ..core.no_grad import no_grad
from ..engine import Value
from .anatomy import Anatomy

INF = math.inf
GRID = (
    0.0,
    1e-9,
    0.02,
    0.1,
    0.25,
    0.5,
    0.75,
    0.9,
    0.98,
    1.0 - 1e-9,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
    30.0,
    100.0,
)
FAR = 1000.0
PROBABILITIES = 0.2  # share of plain outputs without a loss, from which it wants probabilities
KINDS = 12  # targets that are tried
Interval = tuple[float, float]


class Probe(NamedTuple):
    """What was learned about a loss; each list has a number for each target tried."""

    targets: list[Any]
    ideal: list[float]  # the least loss of any output
    best: list[Any]  # and that output
    reach: list[float]  # the least loss within the range of the last activation
    near: list[float]  # the least loss of outputs between -1 and 1
    near_reach: list[float]  # and of those of them within that range
    guess: float  # the mean loss of the best constant output
    flat: list[bool]  # whether no output makes a difference
    bottomless: list[bool]
    undefined: list[float]  # share of plain outputs (-2 to 2) where the loss is no number
    width: int  # how many outputs, 0 for one that is no list


def is_number(x: Any) -> bool:
    return isinstance(x, (int, float))


def listed(target: Any) -> bool:
    """Whether a target is a flat list of numbers."""
    return isinstance(target, (list, tuple)) and all(map(is_number, target))


def key(target: Any) -> Any:
    return tuple(target) if isinstance(target, (list, tuple)) else target


def probe(
    loss: Callable[[Any, Any], Any],
    output: Any,
    targets: Sequence[Any],
    span: Interval,
    simplex: bool,
) -> Probe | None:
    """A `Probe`, or None where outputs are not a number or a flat list of numbers."""
    width = len(output) if isinstance(output, (list, tuple)) else 0
    if isinstance(output, (list, tuple)) and any(isinstance(v, (list, tuple)) for v in output):
        return None
    kinds = chosen(targets)
    if not kinds:
        return None

    def cost(out: list[float], target: Any) -> float:
        try:
            with no_grad():
                given = [Value(x) for x in out] if width else Value(out[0])
                y = loss(given, target)
        except (ValueError, TypeError, ArithmeticError, IndexError, KeyError):
            return math.nan
        return y._data if isinstance(y, Value) else float(y)

    n = max(width, 1)
    numbers = [abs(float(x)) for t in kinds for x in (t if listed(t) else [t]) if is_number(x)]
    far = FAR * max([1.0, *numbers])
    free = list(candidates(n, targets, (-INF, INF), far))
    bound = list(candidates(n, targets, span, far))
    if simplex:
        bound = [c for c in bound if sum(c) <= 1.0 + 1e-9]
    tables = [[cost(out, t) for out in free] for t in kinds]
    bounds = [[cost(out, t) for out in bound] for t in kinds]
    ideal, best, flat, bottomless = [], [], [], []
    plain = [i for i, out in enumerate(free) if all(abs(x) <= 2.0 for x in out)]
    wild = [sum(not math.isfinite(row[i]) for i in plain) / max(1, len(plain)) for row in tables]
    shares = max(wild) > PROBABILITIES  # then it is a loss of probabilities, and asks for no more
    for row in tables:
        known = [(c, i) for i, c in enumerate(row) if math.isfinite(c)]
        if not known:
            return None
        low, at = min(known)
        tame = [(c, i) for c, i in known if max(map(abs, free[i])) < far] or known
        if shares:
            tame = [(c, i) for c, i in tame if is_probability(free[i])] or tame
        ideal.append(min(tame)[0])
        best.append(free[min(tame)[1]])
        flat.append(max(known)[0] - low <= 1e-12 * (1.0 + abs(low)))
        bottomless.append(
            -INF in row
            or (low < -5.0 and max(map(abs, free[at])) >= far and low < min(tame)[0] - 50)
        )
    reach = [finite_min(row) for row in bounds]
    small = [i for i, out in enumerate(free) if all(abs(x) <= 1.0 for x in out)]
    near = [finite_min([row[i] for i in small]) for row in tables]
    small = [i for i, out in enumerate(bound) if all(abs(x) <= 1.0 for x in out)]
    near_reach = [finite_min([row[i] for i in small]) for row in bounds]
    shared = zip(*(bounds if simplex else tables), strict=True)
    means = [
        math.fsum(column) / len(column)
        for out, column in zip(bound if simplex else free, shared, strict=True)
        if all(map(math.isfinite, column)) and max(map(abs, out)) < far
    ]
    guess = min(means, default=INF)
    return Probe(kinds, ideal, best, reach, near, near_reach, guess, flat, bottomless, wild, width)


def is_probability(out: Sequence[float]) -> bool:
    """Whether an output is one probability, or some that share 1."""
    return all(0.0 <= x <= 1.0 for x in out) and (len(out) == 1 or sum(out) <= 1.0 + 1e-6)


def finite_min(numbers: Sequence[float]) -> float:
    return min((x for x in numbers if math.isfinite(x)), default=INF)


def chosen(targets: Sequence[Any]) -> list[Any]:
    """Some of the targets, each once; of many numbers those at even distances by size."""
    once = list({key(t): t for t in targets if not isinstance(t, Value)}.values())
    if len(once) > KINDS:
        if all(isinstance(t, (int, float)) for t in once):
            once.sort()
        once = [once[round(i * (len(once) - 1) / (KINDS - 1))] for i in range(KINDS)]
    return once


def candidates(n: int, targets: Sequence[Any], span: Interval, far: float) -> Iterator[list[float]]:
    """Outputs to try, inside the span: one for all, one against the rest, and the targets."""
    signed = sorted({s * x for x in (*GRID, far) for s in (1.0, -1.0)})
    low, high = span
    inside = [x for x in signed if low <= x <= high]
    inside += [x for x in (low, high) if math.isfinite(x) and x not in inside]
    if n == 1:
        numbers = [float(t) for t in chosen(targets) if is_number(t)]
        numbers += [sum(numbers) / len(numbers)] if numbers else []
        for x in [*inside, *(min(max(t, low), high) for t in numbers)]:
            yield [x]
        return
    wide = inside[:: max(1, len(inside) // 12)]
    ends = sorted({*wide, inside[0], inside[-1]})
    for x in [*ends, 1.0 / n]:
        yield [x] * n
    for j in range(min(n, KINDS)):
        for b in ends:
            for a in ends:
                if a != b:
                    yield [b if i == j else a for i in range(n)]
    rows = [[float(x) for x in t] for t in chosen(targets) if listed(t) and len(t) == n]
    rows += [[sum(c) / len(c) for c in zip(*rows)]] if rows else []
    for t in rows:
        yield [min(max(x, low), high) for x in t]


# The range of the last activation ---------------------------------------------------------

RANGES: dict[str, Interval] = {
    "relu": (0.0, INF), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softplus": (0.0, INF),
    "exp": (0.0, INF), "abs": (0.0, INF), "sqrt": (0.0, INF), "elu": (-1.0, INF),
    "sin": (-1.0, 1.0), "cos": (-1.0, 1.0), "logsigmoid": (-INF, 0.0), "erf": (-1.0, 1.0),
}  # fmt: skip


def image(anatomy: Anatomy, i: int, depth: int = 0) -> tuple[Interval, str]:
    """The interval that a node can lie in whatever the parameters, and the bend that binds it."""
    graph = anatomy.graph
    free = (-INF, INF)
    rule = graph.rule(i)
    if not anatomy.depends[i] or depth > 8:
        return (free, "") if anatomy.depends[i] else ((graph.data[i], graph.data[i]), "")
    act = anatomy.activation(i)
    if act is not None and act[0] in RANGES:
        return RANGES[act[0]], act[0]
    if rule in RANGES:
        return RANGES[rule], rule
    if is_softmax(anatomy, i):
        return (0.0, 1.0), "softmax"
    if rule == "pow" and graph.operands[i][1] == 2.0:
        return (0.0, INF), "**2"
    if rule == "clip":
        numbers = [x if type(x) is float else graph.data[x] for x in graph.operands[i][1:]]
        return (numbers[0], numbers[1]), "clip"
    if rule == "neg":
        (low, high), bend = image(anatomy, graph.under(i)[0], depth + 1)
        return (-high, -low), bend
    if rule in ("add", "sub", "mul", "div"):
        a, b = (
            image(anatomy, x, depth + 1) if type(x) is not float else ((x, x), "")
            for x in graph.operands[i]
        )
        fixed = [type(x) is float or not anatomy.depends[x] for x in graph.operands[i]]
        if any(fixed):
            return combined(rule, a[0], b[0]), a[1] or b[1]
    return free, ""


def combined(rule: str, a: Interval, b: Interval) -> Interval:
    """The sum, difference, product or quotient of two intervals, one of them a number."""
    if rule == "div" and (b[0] <= 0.0 <= b[1]):
        return -INF, INF
    found = []
    for x in a:
        for y in b:
            if rule == "add":
                found.append(x + y)
            elif rule == "sub":
                found.append(x - y)
            elif rule == "mul":
                found.append(x * y if x and y else 0.0)
            else:
                found.append(x / y)
    return min(found), max(found)


def is_softmax(anatomy: Anatomy, i: int) -> bool:
    """Whether a node is e / (e + others): one of the probabilities of a softmax."""
    graph = anatomy.graph
    if graph.rule(i) != "div":
        return False
    top, low = graph.operands[i]
    if type(top) is float or type(low) is float or graph.rule(top) not in ("exp", "exp_diff"):
        return False
    stack = [low]
    for _ in range(64):
        if not stack:
            return False
        k = stack.pop()
        if k == top:
            return True
        if graph.rule(k) in ("add", "sum"):
            stack += graph.under(k)
    return False
