"""Fifteen broken models for the clinic: what is wrong with each, and why it matters.

Each is made anew by a function, so that nobody's look at it changes it for the next. What the
learner sees of them is in `clinic.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from .. import data, losses, nn, ops, optim
from ..engine import Value


class Sick(NamedTuple):
    """A model, the loss it is trained with, its data, and the optimizer."""

    model: Net
    loss: Callable[[Any, Any], Any]
    data: tuple[Any, Any]
    optimizer: Any


class Patient(NamedTuple):
    """How a model is made, the codes that name what is wrong (the first is best), and why."""

    make: Callable[[], Sick]
    codes: tuple[str, ...]
    why: str
    cure: str


class Net(nn.Module):
    """An MLP with something after it, and perhaps a parameter beside it."""

    def __init__(
        self, net: nn.MLP, end: Callable[[Any], Any] | None = None, gate: Value | None = None
    ) -> None:
        self.net = net
        self.end = end
        self.gate = gate

    def __call__(self, x: Any) -> Any:
        out = self.net(x)
        return self.end(out) if self.end else out


def sick(
    net: nn.MLP, loss: Callable[[Any, Any], Any], rows: tuple[Any, Any], lr: float = 0.1,
    end: Callable[[Any], Any] | None = None,
) -> Sick:  # fmt: skip
    model = Net(net, end)
    return Sick(model, loss, rows, optim.SGD(model.parameters(), lr=lr))


def moons() -> tuple[Any, Any]:
    return data.moons(40, noise=0.1, seed=3)


def line(scale: float = 1.0, start: float = 0.0) -> tuple[Any, Any]:
    """Targets near a plane over two inputs."""
    rng = random.Random(5)
    rows = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(40)]
    return rows, [start + scale * (0.8 * a - 0.5 * b + 0.1 * rng.gauss(0, 1)) for a, b in rows]


def irises() -> tuple[Any, Any]:
    rows, species = data.iris()
    return data.standardize(rows)[::4], species[::4]


def grown(net: nn.MLP, factor: float) -> nn.MLP:
    for p in net.parameters():
        p.data *= factor
    return net


def shifted(net: nn.MLP, layer: int, bias: float) -> nn.MLP:
    for neuron in net.layers[layer].neurons:
        neuron.b.data = bias
    return net


def saturated() -> Sick:
    net = nn.MLP(2, [16, 16, 1], activation="tanh")
    return sick(grown(net, 30.0), losses.logistic, moons())


def dead() -> Sick:
    return sick(shifted(nn.MLP(2, [12, 12, 1]), 1, -40.0), losses.logistic, moons())


def vanishing() -> Sick:
    net = nn.MLP(2, [8] * 9 + [1], activation="sigmoid", init="xavier")
    return sick(net, losses.logistic, moons())


def exploding() -> Sick:
    return sick(grown(nn.MLP(2, [12] * 6 + [1]), 3.0), losses.squared_error, line(), 1e-9)


def clipped(p: Any, y: float) -> Any:
    return ops.clip(p - y, -1.0, 1.0) ** 2


def clipped_error() -> Sick:
    return sick(nn.MLP(2, [8, 1], activation="tanh"), clipped, line(0.3, 20.0))


def input_scale() -> Sick:
    rows, labels = moons()
    large = [[1000.0 * v for v in row] for row in rows]
    return sick(nn.MLP(2, [16, 1]), losses.logistic, (large, labels))


def symmetric() -> Sick:
    net = nn.MLP(2, [8, 1], activation="tanh")
    for p in net.parameters():
        p.data = 0.5
    return sick(net, losses.logistic, moons())


def unreached() -> Sick:
    model = Net(nn.MLP(2, [8, 1], activation="tanh"), gate=Value(1.0))
    return Sick(model, losses.logistic, moons(), optim.SGD(model.parameters(), lr=0.1))


def cut(out: Any) -> Any:
    return Value(out.data) * 1.0


def detached() -> Sick:
    return sick(nn.MLP(2, [8, 1], activation="tanh"), losses.logistic, moons(), end=cut)


def logarithm(out: Any) -> Any:
    return ops.log(out.relu())


def nonfinite() -> Sick:
    return sick(nn.MLP(2, [8, 1], activation="tanh"), losses.squared_error, line(), end=logarithm)


def rate_high() -> Sick:
    return sick(nn.MLP(2, [16, 1], activation="tanh"), losses.logistic, moons(), 50.0)


def rate_low() -> Sick:
    return sick(nn.MLP(2, [16, 1], activation="tanh"), losses.logistic, moons(), 1e-8)


def rectified(out: Any) -> Any:
    return [v.relu() for v in out]


def loss_mismatch() -> Sick:
    net = nn.MLP(4, [8, 3], activation="tanh", init="xavier")
    return sick(net, losses.cross_entropy, irises(), end=rectified)


def softmax_twice() -> Sick:
    net = nn.MLP(4, [8, 3], activation="tanh", init="xavier")
    return sick(net, losses.cross_entropy, irises(), end=ops.softmax)


def hinge(score: Any, y: int) -> Any:
    return (1 - y * score).relu()


def target_range() -> Sick:
    net = nn.MLP(2, [16, 1], activation="tanh")
    return sick(net, hinge, moons())


def seeded(make: Callable[[], Sick], seed: int) -> Sick:
    """The same model each time."""
    state = random.getstate()
    random.seed(seed)
    try:
        return make()
    finally:
        random.setstate(state)


PATIENTS: Final = tuple(
    Patient(partial(seeded, make, seed), codes, why, cure)
    for seed, (make, codes, why, cure) in enumerate(
        (
            (
                vanishing, ("vanishing",),
                "Each sigmoid multiplies the gradient by a quarter at most; nine leave nothing.",
                "Fewer layers, tanh or ReLU, a residual path, a start made for the activation.",
            ),
            (
                dead, ("dead",),
                "A whole layer of ReLUs is below zero on all examples: no gradient gets through.",
                "Start the biases at 0; lower the rate that drove them there; leaky ReLU.",
            ),
            (
                rate_high, ("learning_rate_high",),
                "The step is longer than the curvature allows, and the loss goes up.",
                "Divide the rate by ten until the loss falls.",
            ),
            (
                input_scale, ("input_scale",),
                "Inputs in the thousands make gradients that no ordinary rate survives.",
                "Standardize the inputs.",
            ),
            (
                symmetric, ("symmetric",),
                "All neurons of the layer are equal, get equal gradients, and stay equal.",
                "Draw the weights at random.",
            ),
            (
                saturated, ("saturated", "init_scale"),
                "The weights are so large that tanh is flat at nearly every example.",
                "A smaller start, as Xavier's.",
            ),
            (
                loss_mismatch, ("loss_mismatch",),
                "A ReLU before the cross entropy: scores cannot fall below zero.",
                "Leave the last layer linear.",
            ),
            (
                detached, ("detached",),
                "The number was taken out of the output for a new Value: the graph ends there.",
                "Go on computing with the Value itself.",
            ),
            (
                rate_low, ("learning_rate_low",),
                "The gradients are fine, and the steps so short that nothing moves.",
                "Multiply the rate by ten until the loss falls.",
            ),
            (
                clipped_error, ("clipped_error",),
                "The error is clipped, and where it is, its gradient is 0: no example counts.",
                "Clip the gradient and not the error, as Huber's loss does.",
            ),
            (
                exploding, ("exploding", "init_scale"),
                "Each layer multiplies the gradient by more than one; after seven it is enormous.",
                "A smaller start, as He's; clip the norm of the gradient.",
            ),
            (
                target_range, ("target_range",),
                "The hinge loss asks for labels -1 and 1, and gets 0 and 1: half teach nothing.",
                "Make the labels -1 and 1.",
            ),
            (
                unreached, ("unreached",),
                "A parameter is in the optimizer's list, and the loss does not depend on it.",
                "Use it in the call, or take it out.",
            ),
            (
                nonfinite, ("nonfinite",),
                "A logarithm of 0 is -inf, and its gradient no number; it gets everywhere.",
                "Take logarithms of what cannot be 0: log-sum-exp, softplus, a small term added.",
            ),
            (
                softmax_twice, ("loss_mismatch",),
                "The loss has a softmax of its own, and gets probabilities: it can never be sure.",
                "Hand the loss the scores.",
            ),
        ),
        start=11,
    )
)  # fmt: skip
