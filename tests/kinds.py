"""Healthy runs of forty kinds: losses, layers, targets and optimizers that people use.

`run(name)` gives the arguments of `diagnose` and those of `train.fit`. The runs that go through
data sets, sizes and starts are in `patients.py`.
"""

# ruff: noqa: N806
from __future__ import annotations

import math
import random

from patients import irises, moons
from trainings import Reader

import micrograd as mg
from micrograd import data, losses, nn, ops, optim

KINDS = {}


def kind(name, make, loss, rows, optimizer, **fit):
    KINDS[name] = make, loss, rows, optimizer, {"epochs": 12, **fit}


def run(name):
    """The arguments of diagnose, and those of fit beside them."""
    make, loss, rows, optimizer, fit = KINDS[name]
    model = make()
    case = {"model": model, "loss": loss, "data": rows()}
    return {**case, "optimizer": optimizer(model.parameters())}, fit


def adam(lr):
    return lambda p: optim.Adam(p, lr=lr)


def sgd(lr, momentum=0.0):
    return lambda p: optim.SGD(p, lr=lr, momentum=momentum)


def mlp(*sizes, activation="tanh", init="xavier"):
    return lambda: nn.MLP(sizes[0], list(sizes[1:]), activation=activation, init=init)


# Data ------------------------------------------------------------------------------------------


def points(n=60):
    return lambda: moons(n)


def rings():
    return data.circles(60, seed=2)


def signs():
    X, y = moons(60)
    return X, [2 * t - 1 for t in y]


def flowers():
    X, y = irises()
    return X[::2], y[::2]


def plane():
    rng = random.Random(0)
    w = [rng.gauss(0, 1) for _ in range(4)]
    X = [[rng.gauss(0, 1) for _ in w] for _ in range(50)]
    return X, [mg.dot(w, x) + 0.1 * rng.gauss(0, 1) for x in X]


def wave():
    X = [[-3 + 0.12 * i] for i in range(50)]
    return X, [math.sin(x) for [x] in X]


def sequences(turns=6, n=24):
    rng = random.Random(0)
    X = [[rng.gauss(0, 1) for _ in range(turns)] for _ in range(n)]
    return X, [int(sum(x) > 0) for x in X]


def pairs():
    rng = random.Random(0)
    X = [[[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(5)] for _ in range(24)]
    return X, [int(x[0][0] + x[-1][1] > 0) for x in X]


def words():
    rng = random.Random(1)
    X = [[rng.randrange(12) for _ in range(4)] for _ in range(40)]
    return X, [int(sum(i < 6 for i in x) > 2) for x in X]


# Models ----------------------------------------------------------------------------------------


class Normed(nn.Module):
    whole_batch = True

    def __init__(self):
        self.a, self.norm, self.b = nn.Linear(2, 8), nn.BatchNorm(8), nn.Linear(8, 1)

    def __call__(self, xs):
        return [self.b([mg.relu(v) for v in h]) for h in self.norm([self.a(x) for x in xs])]


class Residual(nn.Module):
    def __init__(self):
        self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 1)
        self.blocks = [
            nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
            for _ in range(3)
        ]

    def __call__(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = [u + v for u, v in zip(h, block(h))]
        return self.last(h)


class Attending(nn.Module):
    def __init__(self, n=6):
        self.first, self.last = nn.Linear(2, n), nn.Linear(n, 1)
        self.q, self.k, self.v = (nn.Linear(n, n) for _ in range(3))

    def __call__(self, xs):
        hs = [self.first(x) for x in xs]
        q, vs = self.q(hs[-1]), [self.v(h) for h in hs]
        shares = mg.softmax([mg.dot(q, self.k(h)) / math.sqrt(len(q)) for h in hs])
        seen = [mg.dot(shares, list(column)) for column in zip(*vs)]
        return self.last([a + b for a, b in zip(hs[-1], seen)])


class Bag(nn.Module):
    def __init__(self):
        self.table, self.last = nn.Embedding(12, 6), nn.Linear(6, 1)

    def __call__(self, ids):
        return self.last([mg.mean(list(column)) for column in zip(*self.table(ids))])


def last_from_zero():
    model = nn.MLP(2, [12, 1], activation="tanh", init="xavier")
    for w in model.layers[1].neurons[0].w:
        w.data = 0.0
    return model


# Losses ----------------------------------------------------------------------------------------


def shifted(scores, t):
    """Cross-entropy by hand; the largest is taken off as a bare number, which changes nothing."""
    top = max(s.data for s in scores)
    parts = [mg.exp(s - top) for s in scores]
    return -mg.log(parts[t] / mg.sum(parts))


def smoothed(scores, t):
    return losses.cross_entropy(scores, [0.9 if k == t else 0.05 for k in range(3)])


def entropy(p, t):
    return -(t * mg.log(p + 1e-7) + (1 - t) * mg.log(1 - p + 1e-7))


def quantile(out, t):
    return mg.maximum(0.9 * (t - out), -0.1 * (t - out))


def gaussian(out, t):
    return 0.5 * (t - out[0]) ** 2 * mg.exp(-out[1]) + 0.5 * out[1]


LOGISTIC, MSE, CROSS = losses.logistic, losses.mse, losses.cross_entropy


def row(*modules):
    return lambda: nn.Sequential(*[m() for m in modules])


def linear(*sizes):
    return lambda: nn.Linear(*sizes)


kind("linear regression", linear(4, 1), MSE, plane, sgd(0.05))
kind("logistic regression", linear(2, 1), LOGISTIC, points(), sgd(0.5))
kind("poisson regression", linear(4, 1), lambda o, t: mg.exp(o) - t * o,
     lambda: (plane()[0], [max(0, round(math.exp(t / 2))) for t in plane()[1]]), adam(0.02))  # fmt: skip
kind("a wave", mlp(1, 12, 1), MSE, wave, adam(0.02))
kind("huber", mlp(1, 12, 12, 1, activation="silu", init="he"), losses.huber, wave, adam(0.02))
kind(
    "absolute error", mlp(1, 10, 1, activation="elu"), lambda o, t: mg.abs(o - t), wave, adam(0.01)
)
kind("a quantile", mlp(4, 8, 1, activation="gelu"), quantile, plane, adam(0.02))
kind("mean and variance", mlp(4, 8, 2), gaussian, plane, adam(0.01))
kind("two outputs", mlp(4, 10, 2), MSE,
     lambda: (plane()[0], [[t, 1 - t / 2] for t in plane()[1]]), adam(0.02))  # fmt: skip
kind("autoencoder", row(linear(4, 2), nn.Tanh, linear(2, 4)), MSE,
     lambda: (flowers()[0], flowers()[0]), adam(0.02))  # fmt: skip
kind("one-hot inputs", mlp(8, 8, 1, activation="relu", init="he"), MSE,
     lambda: ([[float(j == i % 8) for j in range(8)] for i in range(40)],
              [math.sin(i % 8) for i in range(40)]), adam(0.02))  # fmt: skip
kind("leaky relu", mlp(2, 12, 1, activation="leaky_relu", init="he"), LOGISTIC, rings, adam(0.03))
kind("hinge", mlp(2, 10, 1, activation="relu", init="he"), losses.hinge, signs, sgd(0.1, 0.9))
kind("as in the lecture", lambda: nn.MLP(2, [16, 16, 1]), losses.hinge, signs, sgd(0.1))
kind("hinge of classes", mlp(4, 8, 3), losses.multiclass_hinge, flowers, adam(0.02))
kind("cross-entropy", mlp(4, 8, 3), CROSS, flowers, adam(0.02))
kind("softmax at the end", row(linear(4, 8), nn.ReLU, linear(8, 3), lambda: ops.softmax),
     lambda p, t: -mg.log(p[t]), flowers, adam(0.02))  # fmt: skip
kind("softmax by hand", mlp(4, 8, 3), shifted, flowers, adam(0.02))
kind("smoothed labels", mlp(4, 8, 3), smoothed, flowers, adam(0.02))
kind("soft targets", mlp(2, 8, 1), LOGISTIC,
     lambda: (moons(60)[0], [0.9 if t else 0.1 for t in moons(60)[1]]), adam(0.02))  # fmt: skip
kind("sigmoid and entropy", row(linear(2, 8), nn.Tanh, linear(8, 1), nn.Sigmoid), entropy,
     points(), adam(0.02))  # fmt: skip
kind("sigmoid and squares", row(linear(2, 8), nn.Tanh, linear(8, 1), nn.Sigmoid), MSE, points(),
     adam(0.05))  # fmt: skip
kind("tanh and squares", row(linear(2, 8), nn.Tanh, linear(8, 1), nn.Tanh), MSE, signs, adam(0.03))
kind("a rare class", mlp(2, 8, 1), LOGISTIC,
     lambda: tuple(zip(*[(x, t) for x, t in zip(*moons(100)) if not t or x[0] > 1.4])),
     adam(0.02))  # fmt: skip
kind("maxout", row(lambda: nn.Maxout(2, 8), linear(8, 1)), LOGISTIC, rings, adam(0.02))
kind("prelu, dropout", row(linear(2, 12), nn.PReLU, lambda: nn.Dropout(0.2), linear(12, 1)),
     LOGISTIC, points(), adam(0.02))  # fmt: skip
kind("half dropped out", row(linear(4, 16), nn.ReLU, lambda: nn.Dropout(0.5), linear(16, 3)), CROSS,
     flowers, adam(0.02))  # fmt: skip
kind("layer norm", row(linear(2, 10), lambda: nn.LayerNorm(10), nn.ReLU, linear(10, 1)), LOGISTIC,
     rings, adam(0.02))  # fmt: skip
kind("batch norm", Normed, LOGISTIC, points(), adam(0.02))
kind("residual", Residual, LOGISTIC, points(24), adam(0.005), epochs=6)
kind("rnn", lambda: Reader(nn.RNNCell(1, 6), 6), LOGISTIC, sequences, adam(0.02), epochs=8)
kind("lstm", lambda: Reader(nn.LSTMCell(1, 5), 5), LOGISTIC, sequences, adam(0.02), epochs=6)
kind("lstm over twelve", lambda: Reader(nn.LSTMCell(1, 4), 4), LOGISTIC, lambda: sequences(12, 12),
     sgd(0.5), epochs=4)  # fmt: skip
kind("attention", Attending, LOGISTIC, pairs, adam(0.01), epochs=8)
kind("bag of words", Bag, LOGISTIC, words, adam(0.05))
kind("last layer from 0", last_from_zero, LOGISTIC, rings, adam(0.02))
kind("adamw", mlp(2, 10, 1, activation="relu", init="torch"), LOGISTIC, rings,
     lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.01))  # fmt: skip
kind("rmsprop", mlp(2, 10, 1), LOGISTIC, points(), lambda p: optim.RMSprop(p, lr=0.01))
kind("adagrad", mlp(2, 10, 1), LOGISTIC, points(), lambda p: optim.Adagrad(p, lr=0.1))
kind("small batches", mlp(2, 10, 1), LOGISTIC, points(), sgd(0.3), batch_size=8)
