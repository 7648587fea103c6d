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
