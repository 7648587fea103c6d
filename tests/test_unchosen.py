"""What was not chosen contributes nothing: under each transform, compiled and not.

The judge is the eager engine, whose graph has no edge to what was not chosen.
"""

from __future__ import annotations

import math

import pytest

import micrograd as mg
from micrograd import Value
from micrograd.compiler.native.backend import available

INF, NAN = math.inf, math.nan
PROGRAMS = {
    "minimum": (lambda x: mg.where(x > 0, mg.minimum(mg.log(x), x, 1.0), 0.0), (-1.0, 0.0, 2.0)),
    "maximum": (lambda x: mg.where(x > 0, mg.maximum(mg.log(x), -1.0), 0.0), (-1.0, 0.0, 2.0)),
    "fmax": (lambda x: mg.where(x > 0, mg.fmax(mg.log(x), x), 0.0), (NAN, -1.0, 2.0)),
    "relu": (lambda x: mg.where(mg.isnan(x), 0.0, mg.relu(x)), (NAN, 2.0, -2.0)),
    "clip": (lambda x: mg.where(mg.isnan(x), 0.0, mg.clip(x, -1.0, 1.0)), (NAN, 0.5)),
    "abs": (lambda x: mg.where(mg.isnan(x), 0.0, abs(x)), (NAN, -2.0)),
    "fmod": (lambda x: mg.where(x != 0, mg.fmod(3.0, x), x), (0.0, -0.0, 2.0)),
    "remainder": (lambda x: mg.where(x != 0, mg.remainder(3.0, x), x * x), (0.0, 2.0)),
    "%": (lambda x: mg.where(x != 0, 3.0 % x, x * x * x), (0.0, 2.0)),
    "times": (lambda x: mg.where(x > 0, mg.log(x), 0.0) * x, (-INF, NAN, 2.0)),
    "power": (lambda x: mg.where(x > 0, x**-0.5, 0.0) * x, (-INF, NAN, 2.0)),
    "product": (
        lambda x: mg.prod([mg.where(x > 0, mg.log(x), 1.0), x, mg.where(x > 0, 1 / x, 2.0)]),
        (-INF, NAN, 2.0),
    ),
    "floor": (lambda x: mg.where(x > 0, mg.floor(1 / x) * x, 0.0), (INF, -1.0, 0.4)),
    "sign": (lambda x: mg.where(x > 0, mg.sign(mg.log(x)) * x, x), (INF, 2.0, -1.0)),
    "nested": (
        lambda x: mg.where(x > 0, mg.where(x < 1, mg.log1p(-x), mg.log(x)), x) * x,
        (-INF, 0.5, 3.0, 1.0),
    ),
    "leaky": (lambda x: mg.leaky_relu(1 / x) + x, (0.0, -0.0, 2.0)),
    "abs of log": (lambda x: mg.where(x > 0, abs(mg.log(x)), 0.0), (1e-310, -1.0, 2.0)),
}
ASKED = {
    "grad": mg.grad,
    "grad of grad": lambda f: mg.grad(mg.grad(f)),
    "jvp": lambda f: lambda x: mg.jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: mg.vjp(f, x)[1](1.0),
    "hessian": mg.hessian,
}
POINTS = [(name, x) for name, (_, xs) in PROGRAMS.items() for x in xs]


def number(x):
    while isinstance(x, (list, tuple)):
        (x,) = x
    return float(x.data if isinstance(x, Value) else x)


def close(found, expected):
    found, expected = number(found), number(expected)
    return found == pytest.approx(expected, rel=1e-12, abs=0.0, nan_ok=True)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(("name", "x"), POINTS)
def test_compiled_as_eager(name, x, asked):
    f = PROGRAMS[name][0]
    transform = ASKED[asked]
    assert close(mg.jit(transform(f), backend="python")(x), transform(f)(x))


@pytest.mark.parametrize("asked", ["grad", "grad of grad"])
@pytest.mark.parametrize(("name", "x"), POINTS)
def test_of_the_compiled_function_as_eager(name, x, asked):
    f = PROGRAMS[name][0]
    transform = ASKED[asked]
    assert close(transform(mg.jit(f, backend="python"))(x), transform(f)(x))


def test_what_was_not_chosen_has_no_slope_in_eager_code():
    for name in ("minimum", "fmax", "relu", "clip", "abs"):
        f, (x, *_) = PROGRAMS[name]
        assert number(mg.grad(f)(x)) == 0.0


@pytest.mark.parametrize(("name", "x"), POINTS)
def test_the_hessian_is_the_gradient_of_the_gradient(name, x):
    f = PROGRAMS[name][0]
    expected = mg.grad(mg.grad(f))(x)
    assert close(mg.hessian(f)(x), expected)
    assert close(mg.hvp(f, (x,), (1.0,)), expected)


@pytest.mark.parametrize(("name", "x"), POINTS)
def test_array_source_as_eager(name, x):
    np = pytest.importorskip("numpy")
    f = PROGRAMS[name][0]
    fast = mg.jit(lambda xs: f(xs[0]) + f(xs[1]), backend="python")
    fast([0.3, 0.3])
    space: dict = {}
    exec(fast.array_program.source, space)
    with np.errstate(all="ignore"):
        (slopes,) = space["f"](np.array([x, x]))[1]
    assert close(float(slopes[0]), mg.grad(f)(x))


# Products behind a ReLU that is off, with factors that are infinite: machines leave out the
# conditions there, and do over what comes out as nan.
BACKENDS = ["python", "numpy", *(["native", "c"] if available() else [])]
P = [Value(0.5), Value(-2.0), Value(3.0)]


def one_off(x, y):
    return mg.relu(P[0] * (1 / x) + P[1]) + P[2] * y


def of_several(x, y):
    hs = [mg.relu(mg.dot(ps, [1 / x, y, x])) for ps in (P, P[::-1], [P[1], P[0], P[2]])]
    return mg.tanh(mg.dot(P, hs)) * P[0]


def after_a_norm(x, y):
    scale = (x * x + y * y) ** -0.5
    hs = [mg.relu(mg.dot(ps, [P[1] * scale, y, x])) for ps in (P, P[::-1], P)]
    return mg.dot(P, hs) * y


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("f", [one_off, of_several, after_a_norm])
@pytest.mark.parametrize("x", [-0.0, 0.0, 0.7])
def test_infinite_factors_behind_a_relu(f, x, backend):
    def expected(examples):
        for p in P:
            p.grad = 0.0
        y = mg.mean([f(*map(Value, xs)) for xs in examples])
        y.backward()
        return y.data, [p.grad for p in P]

    fast = mg.jit(f, parameters=P, backend=backend)
    for examples in ([(x, 0.0)], [(x, 0.0), (0.3, 2.0), (x, 1.5)], [(0.4, 0.25)] * 200):
        value, gradient = fast.value_and_grad(*map(list, zip(*examples)))
        y, slopes = expected(examples)
        assert value == pytest.approx(y, rel=1e-12, nan_ok=True)
        assert [*gradient] == pytest.approx(slopes, rel=1e-12, nan_ok=True)
