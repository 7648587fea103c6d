"""What the tests of drawings share: graphs to draw, and SVG read back from its text."""

from __future__ import annotations

import random
from typing import NamedTuple
from xml.etree import ElementTree

import micrograd as mg
from micrograd import Value
from micrograd.graph import scope
from micrograd.nn import MLP

SVG = "{http://www.w3.org/2000/svg}"


class Shape(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other, slack=0.0):
        return (
            self.left - slack <= other.left
            and self.top - slack <= other.top
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    def touches(self, other):
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def read(svg):
    return ElementTree.fromstring(svg)


def shape(rect):
    x, y = float(rect.get("x")), float(rect.get("y"))
    return Shape(x, y, x + float(rect.get("width")), y + float(rect.get("height")))


def classes(element):
    return (element.get("class") or "").split()


def the_example():
    """L = (a*b + c) * f of micrograd's lecture, with gradients."""
    a, b, c, f = (Value(x, label=n) for x, n in ((2.0, "a"), (-3.0, "b"), (10.0, "c"), (-2.0, "f")))
    e = a * b
    d = e + c
    loss = d * f
    for v, name in ((e, "e"), (d, "d"), (loss, "L")):
        v.label = name
    loss.backward()
    return loss


def neuron():
    """tanh(x1*w1 + x2*w2 + b)"""
    x1, x2, w1, w2, b = (
        Value(x, label=n)
        for x, n in ((2.0, "x1"), (0.0, "x2"), (-3.0, "w1"), (1.0, "w2"), (6.8813735870195432, "b"))
    )
    o = (x1 * w1 + x2 * w2 + b).tanh()
    o.label = "o"
    o.backward()
    return o


def mlp_loss(sizes=(3, 2, 1), examples=1, seed=1, penalty=False, by_hand=False):
    """The loss of a small network on random points."""
    source = random.Random(seed)
    random.seed(seed)
    nin, *nouts = sizes
    model = MLP(nin, nouts)

    def call(x):
        if not by_hand:
            return model(x)
        for layer in model.layers:
            sums = [sum((w * xi for w, xi in zip(n.w, x, strict=True)), n.b) for n in layer.neurons]
            x = [s.relu() if n.nonlin else s for s, n in zip(sums, layer.neurons, strict=True)]
        return x[0]

    xs = [[Value(source.gauss(0, 1)) for _ in range(nin)] for _ in range(examples)]
    losses = [(1 + -source.choice((-1, 1)) * call(x)).relu() for x in xs]
    loss = sum(losses) * (1.0 / examples)
    if penalty:
        loss = loss + 1e-4 * sum(p * p for p in model.parameters())
    loss.label = "loss"
    loss.backward()
    return loss


def batch_norm(xs, gamma, beta, epsilon=1e-5):
    """The normalized batch, each stage of the course picture in a scope of its own."""
    n = len(xs)
    with scope("mean"):
        mean = mg.sum(xs) * (1 / n)
    with scope("center"):
        centered = [x - mean for x in xs]
    with scope("variance"):
        variance = mg.sum([c**2 for c in centered]) * (1 / n)
    with scope("1 / deviation"):
        inverse = 1 / (variance + epsilon).sqrt()
    with scope("normalize"):
        normal = [c * inverse for c in centered]
    with scope("scale and shift"):
        return [gamma * x + beta for x in normal]


def batch_norm_loss(numbers=(1.0, -2.0, 0.5), targets=(1.0, 0.0, -1.0)):
    """The squared error of a normalized batch, with gradients."""
    xs = [Value(x, label=f"x{i}") for i, x in enumerate(numbers)]
    ys = batch_norm(xs, Value(1.5, label="gamma"), Value(0.1, label="beta"))
    with scope("loss"):
        loss = mg.sum([(y - t) ** 2 for y, t in zip(ys, targets, strict=True)])
    loss.label = "loss"
    loss.backward()
    return loss
