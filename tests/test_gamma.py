"""The gamma function and its kin: their constants computed anew, and where digits were lost."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
from helpers import LONG, ulps
from ulp_search import climb

import micrograd as mg
from micrograd.core.rule import TABLE
from micrograd.numerics import psi, special


def rows():
    """Each table of coefficients, and what it should be."""
    with mp.workprec(300):
        zero = mp.findroot(mp.digamma, mp.mpf("1.4616321449683623412626595423257"))
        slopes = [mp.polygamma(k, zero) / mp.factorial(k) for k in range(1, 42)]
        least = mp.loggamma(zero)
        r = mp.taylor(mp.rgamma, mp.mpf(1.5), 21)
        yield "zero", [special.DIGAMMA_ZERO], [zero]
        yield "zero, low", [special.DIGAMMA_ZERO_LOW], [zero - special.DIGAMMA_ZERO]
        yield "slope", [special.DIGAMMA_SLOPE], [slopes[0]]
        yield "slope, low", [special.DIGAMMA_SLOPE_LOW], [slopes[0] - special.DIGAMMA_SLOPE]
        yield "digamma", special.DIGAMMA, slopes[1:]
        yield "least", [special.LGAMMA_LEAST], [least]
        yield "least, low", [special.LGAMMA_LEAST_LOW], [least - special.LGAMMA_LEAST]
        yield "rise", special.LGAMMA_RISE, [c / (k + 2) for k, c in enumerate(slopes)]
        yield (
            "lgamma",
            special.LGAMMA_2,
            [1 - mp.euler] + [(mp.zeta(k) - 1) * (-1) ** k / k for k in range(2, 32)],
        )
        yield "1/gamma", [special.RGAMMA_0, *special.RGAMMA], r[: len(special.RGAMMA) + 1]
        yield "Bernoulli", special.BERNOULLI, [mp.bernoulli(2 * k) for k in range(1, 14)]
        yield "cotangent", psi.COTANGENT, [2 * (mp.zeta(2 * k) - 1) for k in range(1, 14)]
        yield (
            "tangent",
            psi.TANGENT,
            [(1 - mp.mpf(2) ** (-2 * k)) * mp.zeta(2 * k) - 1 for k in range(1, 13)],
        )


@pytest.mark.parametrize(("ours", "exact"), [pytest.param(a, b, id=n) for n, a, b in rows()])
def test_constants_are_right_to_the_last_place(ours, exact):
    assert len(ours) == len(exact)
    for a, b in zip(ours, exact):
        assert abs(a - b) <= 1e-15 * abs(b)


@pytest.mark.parametrize(
    "x", [-4.83, -4.110444609922733, -22.999999965723926, -10.9399, 100.960857]
)
def test_the_second_derivative_of_gamma_keeps_its_digits(x):
    with mp.workprec(200):
        t = mp.mpf(x)
        exact = mp.gamma(t) * (mp.digamma(t) ** 2 + mp.polygamma(1, t))
    v = mg.Value(x)
    mg.gamma(v).backward(create_graph=True)
    first = v.grad
    v.grad = 0.0
    first.backward()
    assert ulps(v.grad, exact) <= 4


@pytest.mark.parametrize("order", [1, 2, 3, 8, 30, 120, 170])
@pytest.mark.parametrize("x", [0.3, 2.5, 15.9, 700.25, 7398.9424154017115])
def test_polygamma_of_any_order(order, x):
    with mp.workprec(300):
        exact = mp.polygamma(order, mp.mpf(x))
    if 1e-300 < abs(exact) < 1e308:
        assert ulps(mg.polygamma(order, x), exact) <= 4


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("x", [-1e-49, -1e-320, -3.0 + 1e-12, -20.5, -0.2])
def test_polygamma_below_zero_and_beside_poles(order, x):
    if x > -1e-40:  # the pole alone
        exact = mp.mpf(-1) ** (order + 1) * mp.factorial(order) / mp.mpf(x) ** (order + 1)
    else:
        with mp.workprec(400):
            exact = mp.polygamma(order, mp.mpf(x))
    if abs(exact) > 1.7e308:
        assert mg.polygamma(order, x) == math.copysign(math.inf, exact)
    else:
        assert ulps(mg.polygamma(order, x), exact) <= 4


@pytest.mark.parametrize("a", [1e-4, 1.0, 100.0])
@pytest.mark.parametrize("x", [2900.0, 3000.0, 5000.0])
def test_all_of_gamma_lies_below_a_large_x(a, x):
    assert mg.gammainc(a, x) == 1.0
    v = mg.Value(x)
    assert mg.gammaincc(a, v).data == 0.0


@pytest.mark.skipif(not LONG, reason="only with MICROGRAD_LONG=1")
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize(
    "name",
    ["gamma", "lgamma", "digamma", "polygamma", "gammainc", "gammaincc", "betainc", "erfinv",
     "erfcx"],
)  # fmt: skip
def test_a_walk_from_bad_to_worse_ends_below_4_ulp(name, order):
    largest, where, tried = climb(TABLE[name], order, 10.0)
    assert tried and largest <= 4, f"{largest:.1f} ulp {where}"
