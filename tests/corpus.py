"""Functions as people write them, for every way of running one: eager, compiled, exported.

A case makes a function anew, with parameters of its own, and gives examples of its
arguments. The functions are plain code on numbers: nothing in them knows of the compiler.
"""

from __future__ import annotations

import random
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import micrograd as mg
from micrograd import Value, nn


class Case(NamedTuple):
    """A function, its parameters in order, and some examples of its arguments."""

    f: Callable[..., Any]
    parameters: list[Value]
    examples: list[tuple[Any, ...]]


CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], Case]) -> Callable[[], Case]:
    def seeded() -> Case:
        random.seed(make.__name__)
        return make()

    CASES[make.__name__] = seeded
    return seeded


def some(n: int, low: float = -2.0, high: float = 2.0) -> list[float]:
    return [random.uniform(low, high) for _ in range(n)]


def weights(n: int, low: float = -1.0, high: float = 1.0) -> list[Value]:
    return [Value(x) for x in some(n, low, high)]


def pairs(n: int = 5) -> list[tuple[Any, ...]]:
    return [tuple(some(2)) for _ in range(n)]


# Functions of numbers -------------------------------------------------------------------------


@case
def quotient():
    return Case(lambda x, y: (x + mg.sigmoid(y)) / (mg.sigmoid(x) + (x + y) ** 2), [], pairs())


@case
def readme():
    def f(a, b):
        c = a + b
        d = a * b + b**3
        c += c + 1
        c += 1 + c + (-a)
        d += d * 2 + (b + a).relu() if hasattr(b + a, "relu") else d * 2 + max(0.0, b + a)
        d += 3 * d + mg.relu(b - a)
        e = c - d
        g = e**2 / 2.0
        g += 10.0 / (e**2 + 1)
        return g

    return Case(f, [], [(-4.0, 2.0), *pairs()])


@case
def horner():
    c = weights(6)

    def f(x):
        y = c[-1]
        for k in reversed(c[:-1]):
            y = y * x + k
        return y

    return Case(f, c, [(x,) for x in some(5)])


@case
def powers():
    a, b = weights(2, 0.5, 2.0)
    return Case(
        lambda x, n: a * x**2 + b * mg.abs(x) ** 1.5 + a**n + x**-1 + mg.abs(x) ** b,
        [a, b],
        [(x, float(n)) for n, x in enumerate(some(4))],
    )


@case
def choices():
    p, q = weights(2)

    def f(x, y):
        z = mg.where(x * p > y, p * x, q * mg.sin(y))
        z = z + mg.maximum(p, x, q) - mg.minimum(q * y, 0.25)
        return mg.clip(z, -1.0, 1.0) + abs(z - p) + mg.leaky_relu(q - x)

    return Case(f, [p, q], [*pairs(), (0.0, 0.0), (1.0, -1.0)])


@case
def ties():
    p, q = Value(1.0), Value(1.0)
    return Case(
        lambda x: mg.maximum(p, q, x) * mg.relu(p - q) + mg.maximum(p * x, q) + abs(p - q),
        [p, q],
        [(1.0,), (0.5,), (2.0,), (-1.0,)],
    )


@case
def condition_of_a_later_node():
    p, q = weights(2)

    def f(x):
        u = mg.exp(p * x) - mg.sin(q)
        chosen = mg.where(u > mg.cos(p), mg.sin(p) * q, mg.exp(p * x))
        return chosen * 0.1 + p / 3 + u * q + mg.tanh(p * 0.7)

    return Case(f, [p, q], [(x,) for x in some(6)])


@case
def detached():
    p, q = weights(2)

    def f(x):
        y = p * x + q
        with mg.no_grad():
            size = abs(y) + p * p
        return (y - mg.tanh(y).detach() if isinstance(y, Value) else y) * size + y * y

    return Case(f, [p, q], [(x,) for x in some(4)])


@case
def equality():
    p, q = weights(2)
    return Case(
        lambda x, label: mg.where(label == 1.0, p * x, q * x) + mg.where(x >= 0.5, p, 0.0),
        [p, q],
        [(x, float(i % 2)) for i, x in enumerate(some(5))],
    )


@case
def remainders():
    p = weights(1)[0]
    return Case(
        lambda x: (p * 7 + x) % 1.5 + (x // 0.5) * p + mg.fmod(p * 9, 2.0) + round(p * 5) * p,
        [p],
        [(x,) for x in some(5)],
    )


@case
def special_functions():
    p, q = weights(2, 0.2, 0.9)
    return Case(
        lambda x: (
            mg.lgamma(p + 1) + mg.erf(q * x) + mg.atan2(p, q + x * x) + mg.hypot(p, q, x)
            + mg.logaddexp(p * x, q) + mg.log1p(p) * mg.expm1(q) + mg.gelu(x * p) + mg.silu(q - x)
            + mg.softplus(p * 3) + mg.sinc(q) + mg.cbrt(p) + mg.asinh(x * q) + mg.elu(x - p)
        ),
        [p, q],
        [(x,) for x in some(5)],
    )  # fmt: skip


@case
def sums():
    w = weights(5)

    def f(xs):
        plain = sum(a * b for a, b in zip(w, xs))
        return mg.fsum(w) * plain + mg.prod(w) + mg.mean(w) * mg.sum(xs) + mg.dot(w, xs)

    return Case(f, w, [(some(5),) for _ in range(4)])


# Structures -----------------------------------------------------------------------------------


@case
def several_results():
    p, q = weights(2)
    return Case(
        lambda x, y: [p * x, (q * y, p + q), {"sum": x + y, "constant": 2.5}], [p, q], pairs()
    )


@case
def nested_arguments():
    p = weights(1)[0]
    Point = namedtuple("Point", ["x", "y"])

    def f(pair, options, point):
        (a, b), c = pair
        return p * a + b * c * options["scale"] + point.x * point.y * p + options["more"][1]

    return Case(
        f,
        [p],
        [
            (((a, b), c), {"scale": d, "more": [a, b]}, Point(c, d))
            for a, b, c, d in [some(4) for _ in range(4)]
        ],
    )


@case
def static_arguments():
    p, q = weights(2)

    def f(x, mode, twice, extra):
        y = p * x if mode == "linear" else q * x * x
        y = y * 2 if twice else y
        return y if extra is None else y + extra

    return Case(
        f,
        [p, q],
        [(0.5, "linear", True, None), (0.5, "square", False, None), (1.5, "square", True, 3.0)],
    )


@case
def objects_with_matmul():
    import numpy as np

    w = weights(6)
    matrix = np.array(w, dtype=object).reshape(2, 3)

    def f(xs):
        hidden = matrix @ np.array(xs, dtype=object)
        return (np.tanh(hidden) ** 2).sum() + np.exp(hidden[0] * 0.1)

    return Case(f, w, [(some(3),) for _ in range(4)])


# Models ---------------------------------------------------------------------------------------


@case
def moons():
    model = nn.MLP(2, [4, 4, 1])
    return Case(
        lambda x, y: (1 + -y * model(x)).relu() if isinstance(model(x), Value) else 0.0,
        model.parameters(),
        [(some(2), random.choice([-1.0, 1.0])) for _ in range(6)],
    )


@case
def classes():
    model = nn.MLP(3, [5, 4])
    return Case(
        lambda x, label: mg.losses.cross_entropy(model(x), label),
        model.parameters(),
        [(some(3), label) for label in (0, 1, 2, 3, 2)],
    )


@case
def margins():
    model = nn.MLP(2, [3])
    return Case(
        lambda x, label: mg.losses.multiclass_hinge(model(x), label),
        model.parameters(),
        [(some(2), label) for label in (0, 1, 2)],
    )


@case
def regression():
    a, b = weights(2)
    return Case(lambda x, y: mg.losses.huber(a * x + b, y), [a, b], pairs())


@case
def probability():
    model = nn.MLP(2, [4, 1])
    return Case(
        lambda x, y: mg.losses.logistic(model(x), y),
        model.parameters(),
        [(some(2), float(i % 2)) for i in range(4)],
    )


@case
def whole_batch():
    model = nn.MLP(2, [3, 1])
    xs, ys = [some(2) for _ in range(7)], [random.choice([-1, 1]) for _ in range(7)]

    def f():
        losses = [(1 + -y * model(x)).relu() for x, y in zip(xs, ys)]
        alpha = 1e-4
        return sum(losses) * (1.0 / len(losses)) + alpha * sum(p * p for p in model.parameters())

    return Case(f, model.parameters(), [()])


@case
def recurrent():
    w, u, b, v = weights(4)

    def f(xs, y):
        h = 0.0
        for x in xs:
            h = mg.tanh(w * x + u * h + b)
        return (v * h - y) ** 2

    return Case(f, [w, u, b, v], [(some(6), random.random()) for _ in range(4)])


@case
def lstm():
    size = 2
    gates = [[weights(2 * size + 1, -0.7, 0.7) for _ in range(size)] for _ in range(4)]

    def f(xs):
        h, c = [0.0] * size, [0.0] * size
        for x in xs:
            given = [*x, *h, 1.0]
            i, o, g, forget = (
                [sum(a * b for a, b in zip(row, given)) for row in rows] for rows in gates
            )
            c = [
                mg.sigmoid(forget[k]) * c[k] + mg.sigmoid(i[k]) * mg.tanh(g[k]) for k in range(size)
            ]
            h = [mg.sigmoid(o[k]) * mg.tanh(c[k]) for k in range(size)]
        return h[0] * h[1] + mg.sum(c)

    flat = [p for rows in gates for row in rows for p in row]
    return Case(f, flat, [([some(2) for _ in range(3)],) for _ in range(3)])


@case
def attention():
    wq, wk, wv = ([weights(3) for _ in range(2)] for _ in range(3))

    def f(tokens):
        q, k, v = ([[mg.dot(row, token) for row in w] for token in tokens] for w in (wq, wk, wv))
        out = []
        for i in range(len(tokens)):
            scores = [mg.dot(q[i], k[j]) / 2**0.5 for j in range(i + 1)]
            shares = mg.softmax(scores)
            out.append([mg.sum([s * v[j][d] for j, s in enumerate(shares)]) for d in range(2)])
        return mg.sum([x * x for row in out for x in row])

    flat = [p for w in (wq, wk, wv) for row in w for p in row]
    return Case(f, flat, [([some(3) for _ in range(3)],) for _ in range(3)])


@case
def normalized():
    gain, shift = weights(4), weights(4)

    def f(xs):
        m = mg.mean(xs)
        var = mg.mean([(x - m) ** 2 for x in xs])
        return mg.logsumexp([g * (x - m) / mg.sqrt(var + 1e-5) + s
                             for g, s, x in zip(gain, shift, xs)])  # fmt: skip

    return Case(f, gain + shift, [(some(4),) for _ in range(3)])


@case
def edges():
    p, q = Value(0.0), Value(1.0)

    def f(x):
        safe = mg.where(x > 0, mg.log(x) * p, q / 3)
        return (
            safe + mg.sqrt(p) * 0 + mg.relu(-q) * mg.log(p) + mg.hypot(p, p) + mg.exp(800 * x) * q
        )

    return Case(f, [p, q], [(0.0,), (0.5,), (2.0,), (-1.0,)])
