"""Costs whose expectation is written out here by hand, as a sum or an integral: branches, loops,
continuous draws, several costs. The gradient is that of the formula, by differences."""

from __future__ import annotations

import itertools
import math

import pytest

import micrograd as mg
from micrograd import Value
from micrograd import stochastic as st

pytestmark = pytest.mark.once

COSTS = {}
COINS, ENDLESS = ("exact", "score", "measure"), ("score", "measure")
SMOOTH = ("reparameterized", "score", "measure")


def cost(name, *params, methods):
    def keep(make):
        COSTS[name] = (make, params, methods)
        return make

    return keep


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def coin(p):
    return st.sample(st.Bernoulli(p))


def normal(mu, sigma):
    return st.sample(st.Normal(mu, sigma))


def over_normal(f, mu, sigma, n=2001, width=9.0):
    h = 2 * width / (n - 1)
    zs = [i * h - width for i in range(n)]
    return sum(f(mu + sigma * z) * math.exp(-z * z / 2) * h for z in zs) / math.sqrt(2 * math.pi)


@cost("a coin chooses the branch with another coin", 0.3, 0.6, 0.5, methods=COINS)
def branch(p, q, w):
    return (
        lambda: 3 * coin(q) + w if coin(p) > 0.5 else w**2 + q,
        lambda p, q, w: p * (3 * q + w) + (1 - p) * (w**2 + q),
    )


@cost("a walk with charges on the way", 0.2, -0.4, methods=COINS)
def walk(a, b):
    def run():
        s = 0.0
        for t in range(4):
            x = coin(mg.sigmoid(a + b * s))
            s = s + (2 * x.data - 1)
            st.cost(0.5 * x * t)
        return b * s * s

    def mean(a, b, t=0, s=0.0):
        if t == 4:
            return b * s * s
        q = sigmoid(a + b * s)
        return q * (0.5 * t + mean(a, b, t + 1, s + 1)) + (1 - q) * mean(a, b, t + 1, s - 1)

    return run, mean


@cost("until heads, five times at most", 0.4, 1.5, methods=COINS)
def until(p, w):
    def run():
        total, n = Value(0.0), 0
        while n < 5 and not coin(p):
            total, n = total + w**n, n + 1
        return total

    def mean(p, w, n=0, total=0.0):
        return total if n == 5 else p * total + (1 - p) * mean(p, w, n + 1, total + w**n)

    return run, mean


@cost("a coin that the index of another draw chooses", 0.1, 0.4, 0.7, methods=COINS)
def chosen(a, p, q):
    def run():
        k = int(st.sample(st.Categorical([a, 0.0, -a])).data)
        return (coin([p, q][k % 2]) - 0.2) ** 2 * (k + 1)

    def mean(a, p, q):
        e = [math.exp(a), 1.0, math.exp(-a)]
        parts = [(e[k], [p, q][k % 2], k + 1) for k in range(3)]
        return sum(w / sum(e) * n * (r * 0.64 + (1 - r) * 0.04) for w, r, n in parts)

    return run, mean


@cost("two costs of which one has both draws", 0.3, 0.6, methods=COINS)
def two(p, q):
    def run():
        x, y = coin(p), coin(q)
        return [3 * x, mg.exp(y) * x]

    return run, lambda p, q: 3 * p + p * (q * math.e + 1 - q)


@cost("exclusive or of three", 0.3, 0.6, 0.8, methods=COINS)
def odd(*ps):
    def run():
        a, b, c = map(coin, ps)
        return mg.abs(mg.abs(a - b) - c)

    def mean(*ps):
        ways = itertools.product((0, 1), repeat=3)
        return sum(
            math.prod(p if x else 1 - p for p, x in zip(ps, way)) * (sum(way) % 2) for way in ways
        )

    return run, mean


@cost("a belief network", 0.5, -1.0, 0.8, 0.3, methods=COINS)
def belief(a, b, c, d):
    def run():
        x, y = coin(mg.sigmoid(a)), coin(mg.sigmoid(b))
        return (coin(mg.sigmoid(c * x - d * y)) - 0.9) ** 2 + 0.1 * x * y

    def mean(a, b, c, d):
        total = 0.0
        for x, y in itertools.product((0, 1), repeat=2):
            chance = (sigmoid(a) if x else 1 - sigmoid(a)) * (sigmoid(b) if y else 1 - sigmoid(b))
            q = sigmoid(c * x - d * y)
            total += chance * (q * 0.01 + (1 - q) * 0.81 + 0.1 * x * y)
        return total

    return run, mean


@cost("a geometric draw", 0.4, methods=ENDLESS)
def geometric(p):
    return (
        lambda: mg.sqrt(st.sample(st.Geometric(p)) + 1.0),
        lambda p: sum(p * (1 - p) ** k * math.sqrt(k + 1) for k in range(300)),
    )


@cost("as many coins as a Poisson draw says", 1.5, 0.3, methods=ENDLESS)
def coins(rate, p):
    def run():
        n = int(st.sample(st.Poisson(rate)).data)
        return mg.sum([coin(p) for _ in range(n)] + [0.0 * p]) ** 2

    return run, lambda rate, p: rate * p + (rate * p) ** 2


@cost("a branch on a normal draw", 0.2, 0.7, 1.5, methods=ENDLESS)
def torn(mu, sigma, w):
    def run():
        x = normal(mu, sigma)
        return x * x if x > 0.5 else w * x

    def mean(mu, sigma, w):
        a = (0.5 - mu) / sigma
        below, here = 0.5 * (1 + math.erf(a / math.sqrt(2))), math.exp(-a * a / 2)
        here *= sigma / math.sqrt(2 * math.pi)
        above = (mu * mu + sigma * sigma) * (1 - below) + here * (mu + 0.5)
        return above + w * (mu * below - here)

    return run, mean


@cost("a coin whose chance a normal draw gives", 0.3, 0.5, methods=ENDLESS)
def then_coin(mu, sigma):
    def run():
        x = normal(mu, sigma)
        return 2 * coin(mg.sigmoid(x)) + 0.1 * x * x

    return run, lambda mu, s: over_normal(lambda x: 2 * sigmoid(x) + 0.1 * x * x, mu, s)


@cost("a loop of normal draws", 0.6, 0.4, methods=SMOOTH)
def drifting(a, sigma):
    def run():
        x = 1.0
        for _ in range(3):
            x = normal(a * x, sigma)
        return x * x

    return run, lambda a, s: a**6 + s * s * (1 + a**2 + a**4)


@cost("a uniform draw between parameters", -0.5, 1.5, methods=("reparameterized", "measure"))
def between(low, high):
    return (
        lambda: mg.exp(st.sample(st.Uniform(low, high))),
        lambda low, high: (math.exp(high) - math.exp(low)) / (high - low),
    )


def slopes(mean, params, h=1e-5):
    found = []
    for i in range(len(params)):
        ahead, behind = list(params), list(params)
        ahead[i] += h
        behind[i] -= h
        found.append((mean(*ahead) - mean(*behind)) / (2 * h))
    return found


@pytest.mark.parametrize("name", COSTS)
def test_estimates_agree_with_the_formula(name):
    make, params, methods = COSTS[name]
    leaves = [Value(x) for x in params]
    run, mean = make(*leaves)
    _, formula = make(*params)
    true = slopes(formula, params)
    for method in methods:
        if method == "exact":
            found = st.gradient(run, leaves, "exact")
            assert found.value == pytest.approx(mean(*params), abs=1e-12)
            assert found.gradient == pytest.approx(true, abs=1e-7)
            continue
        samples = 300
        for attempt in range(3):  # one in 16,000 right ones is outside; see the random graphs
            found = st.gradient(run, leaves, method, samples, seed=7 + attempt)
            parts = zip(found.gradient, true, found.errors)
            if all(abs(a - b) <= 4 * e + 1e-6 for a, b, e in parts):
                break
            samples *= 10
        else:
            raise AssertionError(f"{method}: {found} and not {true}")
