"""digamma and its derivatives, on floats.

Right to about 1 unit in the last place: the sums are kept as the unevaluated sum of two floats,
high + low, so that a product of several, as the second derivative of gamma, keeps 4. Beside the
zeros of digamma on the negative axis the sum is taken with more digits (`fixed.py`).

The formulas are those of the Digital Library of Mathematical Functions, dlmf.nist.gov, chapters 4
and 5; a test computes the constants anew. The gamma function itself is in `special.py`; above both:
`ops.py`.
"""

from __future__ import annotations

import math
from math import inf, nan
from typing import Final

from . import fixed
from .ieee import ldexp, power, product_plus
from .special import (
    BERNOULLI,
    DIGAMMA,
    DIGAMMA_SLOPE,
    DIGAMMA_SLOPE_LOW,
    DIGAMMA_ZERO,
    DIGAMMA_ZERO_LOW,
    horner,
    logarithm,
    two_sum,
)

# pi cot(pi r) is 1/r - 2 r/(1 - r*r) less r times this series in r*r: 2 (zeta(2k) - 1), by the
# poles further out (DLMF 4.22.3).
COTANGENT: Final[tuple[float, ...]] = (
    1.2898681336964528,
    0.16464646742227637,
    0.03468612396889828,
    0.00815471239588868,
    0.0019891502556361705,
    0.0004921731066160966,
    0.00012249627011740966,
    3.056451881730374e-05,
    7.63458652999968e-06,
    1.9079240677455924e-06,
    4.76901005455466e-07,
    1.1921637810251896e-07,
    2.9803109656730085e-08,
)
# pi tan(pi d) is 4 e (1/(1 - e*e) and this series in e*e), e = 2 d: the sums over the odd numbers
# from 3 on of their powers -2, -4, ...
TANGENT: Final[tuple[float, ...]] = (
    0.23370055013616983,
    0.014678031604192055,
    0.001447076640942122,
    0.0001551790252961193,
    1.704136304482549e-05,
    1.8858485831195758e-06,
    2.092405192115001e-07,
    2.3237157379156708e-08,
    2.5814375566597727e-09,
    2.86807697455582e-10,
    3.1866775140443605e-11,
    3.5407229439205076e-12,
)
# The derivatives of both series, term by term.
COTANGENT_SLOPE: Final[tuple[float, ...]] = tuple((2 * k + 1) * c for k, c in enumerate(COTANGENT))
TANGENT_SLOPE: Final[tuple[float, ...]] = tuple((2 * k + 1) * c for k, c in enumerate(TANGENT))


def digamma(x: float) -> float:
    """The derivative of lgamma: -inf at 0 (inf at -0.0), nan at the other poles and at -inf."""
    if x == 0.0:
        return math.copysign(inf, -x)
    if x != x or x == inf:
        return x
    if x > 0.0:
        high, low = positive_digamma(x)
        return high + low
    if x == -inf or x == math.floor(x):
        return nan
    if x > -1e-150:
        return -1.0 / x
    # DLMF 5.5.4: digamma(1 - x) - pi cot(pi x), where 1 - x is rounded and its rest counts too.
    y = 1.0 - x
    other, other_low = positive_digamma(y)
    rest = (1.0 - y) - x
    other_low += rest * (1.0 + (0.5 + 1.0 / (6.0 * y)) / y) / y
    cotangent, cotangent_low = pi_cotangent(x - math.floor(x + 0.5))
    high, low = two_sum(other, -cotangent)
    result = high + (low + (other_low - cotangent_low))
    return result if abs(result) > 0.5 * other else exact_polygamma(0, x)


def positive_digamma(x: float) -> tuple[float, float]:
    """digamma(x) for x > 0, as high + low."""
    if x >= 10.0:
        w = 1.0 / (x * x)
        total = 0.0
        for k in range(9, 0, -1):
            total = total * w + BERNOULLI[k - 1] / (2 * k)
        high, low = logarithm(x)
        return high, low - (0.5 / x + total * w)
    if x < 1e-150:
        return -1.0 / x, 0.0
    # From 1 <= y <= 2 upwards, or one step down: digamma(y + 1) = digamma(y) + 1/y.
    total = 0.0
    low = 0.0
    if x < 1.0:
        total = -1.0 / x
        low = -product_plus(total, x, 1.0) / x
        zero = DIGAMMA_ZERO - 1.0
        t, t_low = two_sum(x, -zero)
        t_low -= DIGAMMA_ZERO_LOW
    else:
        y = x
        while y > 2.0:
            y -= 1.0
            q = 1.0 / y
            total, lost = two_sum(total, q)
            low += lost + product_plus(-q, y, 1.0) / y
        t = y - DIGAMMA_ZERO
        t_low = -DIGAMMA_ZERO_LOW
    step = t * horner(DIGAMMA, t)
    slope = DIGAMMA_SLOPE + step
    slope_low = ((DIGAMMA_SLOPE - slope) + step) + DIGAMMA_SLOPE_LOW
    p = t * slope
    low += product_plus(t, slope, -p) + (t * slope_low + t_low * slope)
    high, lost = two_sum(total, p)
    return high, lost + low


def pi_cotangent(r: float) -> tuple[float, float]:
    """pi cot(pi r) for |r| <= 1/2, as high + low."""
    if abs(r) <= 0.25:
        w = r * r
        high = 1.0 / r
        low = product_plus(-high, r, 1.0) / r
        return high, low - r * (2.0 / (1.0 - w) + horner(COTANGENT, w))
    e = 1.0 - 2.0 * abs(r)
    u, u_low, w = one_less_square(e)
    q = 1.0 / u
    q_low = (product_plus(-q, u, 1.0) - q * u_low) / u
    series = horner(TANGENT, w)
    total = q + series
    total_low = ((q - total) + series) + q_low
    scale = math.copysign(4.0 * e, r)
    p = scale * total
    return p, product_plus(scale, total, -p) + scale * total_low


def pi_cotangent_slope(r: float) -> tuple[float, float]:
    """(pi / sin(pi r))**2 for |r| <= 1/2, as high + low."""
    if abs(r) <= 0.25:
        w = r * r
        w_low = product_plus(r, r, -w)
        high = 1.0 / w
        low = (product_plus(-high, w, 1.0) - high * w_low) / w
        u = 1.0 - w
        return high, low + (2.0 * (1.0 + w) / (u * u) + horner(COTANGENT_SLOPE, w))
    u, u_low, w = one_less_square(1.0 - 2.0 * abs(r))
    v = u * u
    v_low = product_plus(u, u, -v) + 2.0 * u * u_low
    above = 2.0 - u
    above_low = ((2.0 - above) - u) - u_low
    q = above / v
    q_low = (product_plus(-q, v, above) + (above_low - q * v_low)) / v
    series = horner(TANGENT_SLOPE, w)
    total = q + series
    return 8.0 * total, 8.0 * (((q - total) + series) + q_low)


def one_less_square(e: float) -> tuple[float, float, float]:
    """1 - e*e for |e| <= 1/2 as high + low, and e*e."""
    w = e * e
    u = 1.0 - w
    return u, ((1.0 - u) - w) - product_plus(e, e, -w), w


def positive_trigamma(x: float) -> tuple[float, float]:
    """The derivative of digamma for x > 0, as high + low."""
    if x < 1e-70:
        return power(x, -2.0), 0.0
    if x > 1e150:
        return 1.0 / x, 0.0
    steps = max(0, math.ceil(10.0 - x))
    y = x + steps
    y_low = steps - (y - x)
    # The asymptotic series (DLMF 5.15.8), then downwards: the largest terms are added last.
    high = 1.0 / y
    low = (product_plus(-high, y, 1.0) - high * y_low) / y
    w = 1.0 / (y * y)
    series = 0.0
    for k in range(11, 0, -1):
        series = series * w + BERNOULLI[k - 1]
    low += w * (0.5 + series / y)
    for k in range(steps - 1, -1, -1):
        s = x + k
        s_low = k - (s - x)
        v = s * s
        v_low = product_plus(s, s, -v) + 2.0 * s * s_low
        q = 1.0 / v
        high, lost = two_sum(high, q)
        low += lost + (product_plus(-q, v, 1.0) - q * v_low) / v
    return high, low


def trigamma(x: float) -> float:
    """The derivative of digamma; inf at 0 and the negative whole numbers."""
    if x > 0.0:
        high, low = positive_trigamma(x)
        return high + low
    r = x - math.floor(x + 0.5)
    if abs(r) < 1e-70:
        return power(r, -2.0)
    # DLMF 5.15.6: the two do not cancel, as the first is above pi**2, the second below pi**2/6.
    square, square_low = pi_cotangent_slope(r)
    other, other_low = positive_trigamma(1.0 - x)
    high, low = two_sum(square, -other)
    return high + (low + (square_low - other_low))


def polygamma(order: float, x: float) -> float:
    """The derivative of digamma of that order: the sum of -order! / (-x - k)**(order + 1).

    At 0 and the negative whole numbers it is inf where both sides agree (an odd order),
    else nan. An order past 170, whose factorial is no float, is a ValueError.
    """
    n = int(order)
    if n != order or n < 0:
        raise ValueError(f"polygamma: the order is a whole number from 0 on, not {order!r}")
    if n > 170:
        raise ValueError(f"polygamma: the order is at most 170, not {n}: 171! is past the floats")
    if n == 0:
        return digamma(x)
    if x != x:
        return x
    if x == inf:
        return 0.0
    if x <= 0.0:
        if x == -inf:
            return nan
        if x == math.floor(x):
            return inf if n % 2 else nan
        if n == 1:
            return trigamma(x)
        r = x - math.floor(x + 0.5)
        if abs(r) > 1e-30:
            return exact_polygamma(n, x)
        # The pole alone: what is beside it is below one part in 10**90.
        pole = power(r, -(n + 1.0)) * float(math.factorial(n))
        return pole if n % 2 else -pole
    if n == 1:
        return trigamma(x)
    # The asymptotic series (DLMF 5.15.8) far out, then downwards by the recurrence: so
    # the terms are added from the smallest on. All in units of x rounded to a power of 2, as
    # x**-n may be no float where n! times it is one.
    steps = max(0, math.ceil(15.0 + n - x))
    exponent = max(-500, min(500, math.frexp(x)[1]))
    y = x + steps
    w = 1.0 / (y * y)
    # The term of B_2k is B_2k (2k + n - 1)! / ((2k)! y**(2k)), in units of (n - 1)!.
    ratio = 1.0
    series = 0.0
    for k in range(1, 12):
        ratio *= (2 * k + n - 1) * (2 * k + n - 2) / ((2 * k) * (2 * k - 1)) * w
        series += BERNOULLI[k - 1] * ratio
    scale = math.ldexp(1.0, -exponent)
    total = power(y * scale, -float(n)) * (1.0 / n + (0.5 / y + series / n))
    total = ldexp(total * (1.0 - n * (steps - (y - x)) / y), float(exponent))
    for k in range(steps - 1, -1, -1):
        s = x + k
        total += power(s * scale, -(n + 1.0)) * (1.0 - (n + 1) * (k - (s - x)) / s)
    m, e = math.frexp(float(math.factorial(n)))
    return ldexp(total * m if n % 2 else -total * m, float(e - exponent * (n + 1)))


def exact_polygamma(n: int, x: float) -> float:
    """polygamma below zero by the reflection formula, with 256 bits and more."""
    bits = 256 + 32 * n
    sine, cosine = fixed.sin_cos_pi(x, bits)
    c = (cosine << bits) // sine
    # DLMF 5.15.6: (-1)**n psi(1 - x) - psi(x) = pi * the n-th derivative of cot(pi x),
    # which is a polynomial in the cotangent: d/dx p(c) = -pi (1 + c*c) p'(c).
    p = [0, 1]
    for _ in range(n):
        slope = [k * p[k] for k in range(1, len(p))]
        p = [0] * (len(slope) + 2)
        for k in range(len(slope)):
            p[k] -= slope[k]
            p[k + 2] -= slope[k]
    value = 0
    for whole in reversed(p):
        value = ((value * c) >> bits) + (whole << bits)
    for _ in range(n + 1):
        value = (value * fixed.constant("pi", bits)) >> bits
    other = fixed.polygamma(n, (1 << bits) - fixed.fixed(x, bits), bits)
    return fixed.to_float((-other if n % 2 else other) - value, bits)
