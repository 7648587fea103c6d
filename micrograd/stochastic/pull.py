"""`pull`: gradients of a weighted sum of Values by parameters, as numbers or in a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..autodiff.tape import Tape
from ..autodiff.transforms import pull_on_tape
from ..core.chain import adjoints
from ..core.watch import WATCH
from ..engine import Value


def pull(seeds: Iterable[tuple[Any, Any]], params: list[Value]) -> list[Any]:
    """For each parameter the gradient of the sum of weight * Value; weights are constants."""
    if WATCH.symbolic():
        total: Any = 0.0
        for root, weight in seeds:
            if isinstance(root, Value):
                held = weight.detach() if isinstance(weight, Value) else weight
                total = total + root * held
        rates = adjoints(total, Value(1.0), list(params)) if isinstance(total, Value) else {}
        return [rates.get(p, 0.0) for p in params]
    starts: dict[Any, float] = {}
    for root, weight in seeds:
        if isinstance(root, Value) and weight != 0.0:
            starts[root] = starts.get(root, 0.0) + weight
    if not starts:
        return [0.0] * len(params)
    tape = Tape(list(starts), tuple(params))
    gradient = pull_on_tape(tape, starts)
    return [gradient[tape.place[p]] for p in params]
