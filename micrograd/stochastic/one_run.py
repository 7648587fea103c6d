"""`one_run`: a single run of a cost as a graph to look at, to draw and to step through.

Its `backward()` is one sample of the score function, so the picture shows both what backprop
carries and what stands in for it where there is no derivative. `score.py` has the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.node import BLANK, Node, by_hand, made
from ..engine import Value
from .distributions import Distribution, plain
from .influence import Influence
from .pull import pull
from .sample import Draw, Noise, Run


class Shown(Run):
    """A run whose draws are nodes over their parameters, with a step of their own."""

    def __init__(self, noise: Callable[..., Any]) -> None:
        super().__init__(noise)
        self.signals: dict[int, Signal] = {}  # by the place of a draw that has parameters

    def draw(self, d: Distribution, name: str, context: Any) -> Any:
        node = super().draw(d, name, context)
        node.label = name  # where none was given, there is none in the picture
        return node

    def make(self, draw: Draw) -> Any:
        d = draw.distribution
        draw.value = self.outcome(draw)
        parents = tuple(p for p in d.parameters if isinstance(p, Value))
        if parents:
            self.signals[draw.place] = Signal(draw)
            step = self.signals[draw.place]
            node: Any = made(by_hand(Value(BLANK), parents, draw.value, f"~{d.name}", step))
        else:
            node = Value(draw.value)
        setattr(node, "_draw", d)
        return node


class Signal:
    """The step at a draw: what it cost, times the slopes of its log-probability."""

    def __init__(self, draw: Draw) -> None:
        self.parents = [p for p in draw.distribution.parameters if isinstance(p, Value)]
        self.slopes = pull([(draw.distribution.log_density(draw.value), 1.0)], self.parents)
        self.weight = 0.0

    def __call__(self, node: Node) -> None:
        for p, slope in zip(self.parents, self.slopes, strict=True):
            p._grad += self.weight * slope


class Total:
    """The step at the cost: 1 to each of its parts, and to each draw its signal."""

    def __init__(self, parts: list[Any], signals: list[tuple[Signal, float]]) -> None:
        self.parts, self.signals = parts, signals

    def __call__(self, node: Node) -> None:
        for part in self.parts:
            part._grad += node._grad
        for step, signal in self.signals:
            step.weight = signal * node._grad


def one_run(cost: Callable[[], Any], *, seed: int = 0, baseline: float = 0.0) -> Any:
    """The cost of one run, a Value; its `backward()` is one sample of the score function.

    Under it every draw is a node over the parameters of its distribution, drawn with round
    ends; in red stands its signal, what it cost less `baseline`, which goes on to the
    parameters times the slope of the log-probability. `.grad` of a draw is what backprop
    brings there, and where it ends.

    >>> from micrograd.stochastic import Bernoulli, sample
    >>> p = Value(0.25)
    >>> root = one_run(lambda: 3.0 * sample(Bernoulli(p)), seed=4)
    >>> root.backward()
    >>> root.data, p.grad                         # 3 and 3 / 0.25
    (3.0, 12.0)
    """
    run = Shown(Noise(seed, 0)).of(cost)
    masks = Influence(run).costs
    parts = [part for part, _ in run.costs if isinstance(part, Value)]
    signals = []
    for place, step in run.signals.items():
        charged = -baseline
        for (part, _), mask in zip(run.costs, masks, strict=True):
            charged += plain(part) if mask >> place & 1 else 0.0
        setattr(run.draws[place].node, "_signal", charged)
        signals.append((step, charged))
    operands = tuple(dict.fromkeys([*parts, *(draw.node for draw in run.draws)]))
    return made(by_hand(Value(BLANK), operands, run.total, "cost", Total(parts, signals)))
