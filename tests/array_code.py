"""Code written number by number whose arrays are to be found again; and exact numbers to run it on."""

from __future__ import annotations

import random
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import micrograd as mg
from micrograd import Value, losses, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "microgpt"))


class Exact:
    """A rational number with the operations of the table that are exact on such."""

    def __init__(self, x) -> None:
        self.x = x.x if isinstance(x, Exact) else Fraction(x)

    def _apply(self, rule, operands):
        return Exact(EXACT[rule.name](*[Exact(x).x for x in operands]))

    def __mul__(self, other):
        return Exact(self.x * Exact(other).x)

    def __add__(self, other):
        return Exact(self.x + Exact(other).x)

    __rmul__, __radd__ = __mul__, __add__

    def __eq__(self, other):
        return self.x == Exact(other).x

    __hash__ = None

    def __repr__(self) -> str:
        return f"Exact({self.x})"


def weighted(b, *rest):
    n = len(rest) // 2
    return b + sum(w * x for w, x in zip(rest[:n], rest[n:]))


EXACT = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, p: a ** int(p),
    "abs": abs,
    "sign": lambda a: (a > 0) - (a < 0),
    "not_equal": lambda a, b: a != b,
    "guard": lambda c, y: c,
    "relu": lambda a: max(a, 0),
    "gate": lambda d, x: d if x > 0 else 0,
    "maximum": max,
    "minimum": min,
    "equal": lambda a, b: a == b,
    "less": lambda a, b: a < b,
    "greater": lambda a, b: a > b,
    "ties": lambda top, *xs: sum(x == top for x in xs),
    "route": lambda d, x, top, n: d / n if x == top else 0,
    "where": lambda c, a, b: a if c else b,
    "sum": lambda *xs: sum(xs),
    "mean": lambda *xs: sum(xs) / len(xs),
    "dot": lambda *xs: weighted(0, *xs),
    "weighted_sum": weighted,
    "identity": lambda a: a,
    "stop": lambda a: a,
    "reached": lambda d, slope: d * slope,
}


def integers(rng, n):
    return [Value(float(rng.randint(-4, 4))) for _ in range(n)]


# Layers as people write them ------------------------------------------------------------------


def rows(w, x, b):
    return [sum((wi * xi for wi, xi in zip(row, x)), bi) for row, bi in zip(w, b)]


def bias_last(w, x, b):
    return [sum(wi * xi for wi, xi in zip(row, x)) + bi for row, bi in zip(w, b)]


def accumulated(w, x, b):
    out = []
    for j in range(len(w)):
        s = 0.0
        for i in range(len(x)):
            s = s + x[i] * w[j][i]
        out.append(s + b[j])
    return out


def by_input(w, x, b):
    """All outputs grow together, input by input."""
    out = list(b)
    for i, xi in enumerate(x):
        for j in range(len(out)):
            out[j] = out[j] + w[j][i] * xi
    return out


def dots(w, x, b):
    return [mg.dot(row, x) + bi for row, bi in zip(w, b)]


def summed(w, x, b):
    return [mg.sum([wi * xi for wi, xi in zip(row, x)]) + bi for row, bi in zip(w, b)]


def library(w, x, b):
    from micrograd.core.weighted_sum import weighted_sum

    return [weighted_sum(row, x, bi) for row, bi in zip(w, b)]


STYLES = (rows, bias_last, accumulated, by_input, dots, summed, library)
BENDS = (
    mg.relu,
    abs,
    lambda v: v,
    lambda v: mg.maximum(v, 1.0),
    lambda v: mg.where(v > 0, v, v * 0.5),
    lambda v: v * v,
    lambda v: 2 - v,
)


def mixed(rng, h):
    """Something done to a vector that is no layer."""
    kind = rng.randrange(9)
    n = len(h)
    if kind == 0:
        return h[::-1]
    if kind == 1:
        return [a - b for a, b in pairwise(h)] or h
    if kind == 2:
        # By 3 or 5 it would be rounded, and 0 under `abs` be 1e-15 in another order of addition.
        m = mg.mean(h) if n in (1, 2, 4) else mg.sum(h) * 0.25
        return [v - m for v in h]
    if kind == 3:
        return [*h[n // 2 :], *h[: n // 2]]
    if kind == 4:
        return [mg.maximum(*h[i : i + 3]) for i in range(max(1, n - 2))]
    if kind == 5:
        total = mg.sum(h)
        return [v + total for v in h]
    if kind == 6:
        return [h[rng.randrange(n)] * 2 for _ in range(n)]
    if kind == 7 and n > 2:
        return [h[i] + h[i + 1] * h[i + 2] for i in range(n - 2)]
    return [*h, h[0] * 3]


def random_model(seed):
    """A loss of x and y written in some mixture of styles, and its parameters."""
    rng = random.Random(seed)
    sizes = [rng.randint(1, 5) for _ in range(rng.randint(2, 4))]
    plans, parameters = [], []
    nin = sizes[0]
    examples = rng.choice([None, None, 2, 3])
    for _ in sizes[1:]:
        plans.append(
            (rng.choice(STYLES), rng.choice(BENDS), rng.random() < 0.5, rng.randrange(10**9))
        )
    made = {}

    def weights(k, n, m):
        if k not in made:
            w, b = [integers(rng, n) for _ in range(m)], integers(rng, m)
            made[k] = w, b
            parameters.extend([p for row in w for p in row] + b)
        return made[k]

    def model(x):
        h = list(x)
        for k, (style, bend, mix, inner) in enumerate(plans):
            w, b = weights(k, len(h), sizes[k + 1])
            h = [bend(v) for v in style(w, h, b)]
            if mix:
                h = mixed(random.Random(inner), h)
        return h

    data = [[float(rng.randint(-2, 2)) for _ in range(nin)] for _ in range(examples or 0)]

    def loss(x, y):
        if examples is None:
            out = model(x)
        else:
            out = [v for row in data for v in model([a + b for a, b in zip(row, x)])]
        return mg.sum([(v - y) * (v - y) for v in out]) + sum(p * p for p in parameters[:3])

    loss([1.0] * nin, 1.0)  # makes the parameters
    x = [float(rng.randint(-3, 3)) for _ in range(nin)]
    return loss, parameters, (x, float(rng.randint(-3, 3)))


# Whole models for golden files -------------------------------------------------------------------


def values(rng, n):
    return [Value(rng.uniform(-1, 1)) for _ in range(n)]


def with_nn():
    random.seed(0)
    model = nn.MLP(8, [16, 3], activation="tanh")
    return (
        lambda x, y: losses.squared_error(model(x), y),
        model.parameters(),
        ([0.5] * 8, [1.0, 0.0, 0.0]),
    )


def with_loops():
    rng = random.Random(0)
    w1, b1 = [values(rng, 8) for _ in range(16)], values(rng, 16)
    w2, b2 = [values(rng, 16) for _ in range(3)], values(rng, 3)

    def f(x, y):
        hidden = []
        for j in range(16):
            total = 0.0
            for i in range(8):
                total = total + w1[j][i] * x[i]
            hidden.append(mg.tanh(total + b1[j]))
        loss = 0.0
        for k in range(3):
            out = b2[k]
            for j in range(16):
                out = out + hidden[j] * w2[k][j]
            error = out - y[k]
            loss = loss + error * error
        return loss / 3

    return f, None, ([0.5] * 8, [1.0, 0.0, 0.0])


def classes():
    random.seed(0)
    model = nn.MLP(4, [6, 3])
    return (
        lambda x, label: losses.cross_entropy(model(x), label),
        model.parameters(),
        ([0.5] * 4, 2.0),
    )


def with_its_data():
    random.seed(0)
    model = nn.MLP(2, [4, 1])
    xs = [[1.0, 2.0], [0.5, -1.0], [-1.0, 1.5]]
    ys = [1, -1, 1]

    def f():
        scores = [model(x) for x in xs]
        data = sum((1 + -y * s).relu() for y, s in zip(ys, scores)) * (1.0 / len(ys))
        return data + 1e-4 * sum(p * p for p in model.parameters())

    return f, model.parameters(), ()


def batch_norm():
    rng = random.Random(0)
    weight, bias = values(rng, 3), values(rng, 3)

    def f(batch):
        loss = 0.0
        for i in range(3):
            xs = [x[i] for x in batch]
            m = mg.mean(xs)
            variance = mg.mean([(x - m) * (x - m) for x in xs])
            for x in xs:
                y = (x - m) / mg.sqrt(variance + 1e-5) * weight[i] + bias[i]
                loss = loss + y * y * y
        return loss

    return f, None, ([[1.0, 2.0, 0.5], [0.0, 1.0, 1.0], [2.0, -1.0, 0.0], [1.5, 0.5, 3.0]],)


def recurrent():
    rng = random.Random(0)
    w, u = [values(rng, 2) for _ in range(3)], [values(rng, 3) for _ in range(3)]
    b = values(rng, 3)

    def f(xs, y):
        h = [0.0] * 3
        for x in xs:
            h = [mg.tanh(mg.dot(w[j], x) + mg.dot(u[j], h) + b[j]) for j in range(3)]
        return (h[0] - y) ** 2

    return f, None, ([[0.1, 0.2], [0.3, -0.1], [0.5, 0.0]], 1.0)


def microgpt_word():
    import microgpt

    random.seed(0)
    model = microgpt.GPT(5, 4, width=4, heads=2)
    return lambda: microgpt.loss_of(model, [0, 1, 3, 0]), model.parameters(), ()


def irregular():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")

    def f(x):
        c = a * x + b
        d = mg.exp(-c) / (mg.abs(c) + 1)
        return mg.where(d > x, mg.sin(d) * b, mg.log(c * c + 1)) + d**3

    return f, [a, b], (0.5,)


GOLDEN = {f.__name__: f for f in (with_nn, with_loops, classes, with_its_data, batch_norm,
                                  recurrent, microgpt_word, irregular)}  # fmt: skip
