"""`fastmath`: quick functions within the 4 units in the last place that jit's docstring states."""

from __future__ import annotations

import math

import pytest

import micrograd as mg
from micrograd.compiler.native import backend as native
from micrograd.core.rule import TABLE

np = pytest.importorskip("numpy")
mp = pytest.importorskip("mpmath").mp
pytestmark = pytest.mark.skipif(not native.available(), reason="the machine was not built")


def logistic(x):
    return 1 / (1 + mp.exp(-x))


EXACT = {
    "exp": (mp.exp, 700.0),
    "tanh": (mp.tanh, 25.0),
    "log": (lambda x: mp.log(x) if x > 0 else mp.nan, 700.0),
    "sigmoid": (logistic, 700.0),
    "dsigmoid": (lambda x: logistic(x) * logistic(-x), 300.0),
    "sech2": (lambda x: mp.sech(x) ** 2, 300.0),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), 40.0),
    "logsigmoid": (lambda x: -mp.log1p(mp.exp(-x)), 40.0),
    "silu": (lambda x: x * logistic(x), 40.0),
}
EDGES = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e308, -1e308, 800.0, -800.0]


def quick(name):
    return mg.jit(lambda x: TABLE[name].function(x), backend="native", fastmath=True)


@pytest.mark.parametrize("name", EXACT)
def test_error(name):
    exact, limit = EXACT[name]
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], 2000)
    x = np.concatenate(
        [rng.uniform(-limit, limit, 2000), signs * 10.0 ** rng.uniform(-12, 0, 2000)]
    )
    if name == "log":
        x = np.concatenate([10.0 ** rng.uniform(-307, 307, 2000), 1 + x[2000:] / 2])
    y = quick(name).map(x)
    with mp.workprec(200):
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            right = exact(mp.mpf(a))
            assert abs(right - mp.mpf(b)) <= 4 * math.ulp(float(right)), a


SEVERAL = {
    "exp_diff": lambda a, b: mp.exp(a - b),
    "exp_gap": lambda a, b: mp.exp(a - b),
    "share": lambda a, b: logistic(a - b),
    "dshare": lambda a, b: logistic(a - b) * logistic(b - a),
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_error_of_two(name):
    """Also where the difference of the operands is rounded, far from 0."""
    rng = np.random.default_rng(1)
    a, b = rng.uniform(1.0, 300.0, 3000), rng.uniform(-300.0, 300.0, 3000)
    b[:1500] = a[:1500] - 10.0 ** rng.uniform(-9, 1.5, 1500)
    fast = mg.jit(lambda x, y: TABLE[name].function(x, y), backend="native", fastmath=True)
    with mp.workprec(300):
        for x, y, found in zip(a.tolist(), b.tolist(), fast.map(a, b).tolist(), strict=True):
            right = SEVERAL[name](mp.mpf(x), mp.mpf(y))
            if right > 1e-300:
                assert abs(right - mp.mpf(found)) <= 4 * math.ulp(float(right)), (x, y)


def test_softmax_far_apart():
    fast = mg.jit(lambda a, b: mg.softmax([a, b]), backend="native", fastmath=True)
    a, b = 71.64750605501581, -3.2763702807110553
    found = fast.map(np.full(64, a), np.full(64, b))
    with mp.workprec(200):
        right = logistic(mp.mpf(b) - mp.mpf(a))
        assert abs(right - mp.mpf(float(found[5][1]))) <= 4 * math.ulp(float(right))


@pytest.mark.parametrize("name", EXACT)
def test_edges(name):
    found = quick(name).map(np.array(EDGES)).tolist()
    for x, y in zip(EDGES, found, strict=True):
        right = TABLE[name].forward(x)
        assert y == right or (y != y and right != right), x


def test_training_goes_the_same_way():
    xs, ys = mg.data.moons(64, seed=3)
    losses = []
    for fastmath in (False, True):
        import random

        random.seed(5)
        model = mg.nn.MLP(2, [8, 1], activation="tanh")
        step = mg.jit(
            lambda x, t, model=model: mg.losses.logistic(model(x), t),
            parameters=model.parameters(),
            fastmath=fastmath,
        )
        opt = mg.optim.Adam(model.parameters(), lr=0.02)
        losses.append(step.fit(xs, ys, opt, steps=200, progress=False).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
