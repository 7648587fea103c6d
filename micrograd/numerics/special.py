"""The gamma function and its logarithm, sinc and its derivatives, on floats.

`math.gamma` is off by up to 6 units in the last place and `math.lgamma` by thousands
near its zeros at 1 and 2. Everything here is right to 4 units, beside zeros by more digits
than floats have (`fixed.py`). The derivatives of lgamma are in `psi.py`.

The formulas are those of the Digital Library of Mathematical Functions, dlmf.nist.gov,
chapter 5; a test computes the constants anew. Above both files: `ops.py`. (Past 300 lines
because a fifth of it is tables of coefficients.)
"""

from __future__ import annotations

import math
from math import inf, nan
from typing import Final

from . import fixed
from .ieee import cos, power, product_plus, sin

PI: Final = 3.141592653589793
HALF_LOG_2PI: Final = 0.9189385332046728
# log(2) in two parts, the first with 21 zeros at its end.
LN2_HIGH: Final = 0.6931471803691238
LN2_LOW: Final = 1.9082149292705877e-10

# Taylor coefficients of 1/gamma(3/2 + t): the first in two parts, then those of t, t**2...
RGAMMA_0: Final = 1.1283791670955126
RGAMMA_0_LOW: Final = 1.533545961316588e-17
RGAMMA: Final[tuple[float, ...]] = (
    -0.0411745264452831,
    -0.5266544355255445,
    0.17510202604393457,
    0.050966860247706074,
    -0.042155169368535604,
    0.006612897826824127,
    0.002120731442572938,
    -0.0011107302545948906,
    0.00015235762076747688,
    2.5355204923814165e-05,
    -1.3896805717913756e-05,
    2.1562032905141724e-06,
    5.7942640540526726e-08,
    -8.913551118311116e-08,
    1.7103469415915374e-08,
    -9.313686445241901e-10,
    -2.6804741033496623e-10,
    7.458932233316326e-11,
    -8.012807061414718e-12,
    -8.382343033451855e-14,
    1.6946340904320522e-13,
)
# lgamma(2 + t) / t: 1 - Euler's constant, then (zeta(k) - 1) (-1)**k / k (DLMF 5.7.3).
LGAMMA_2: Final[tuple[float, ...]] = (
    0.42278433509846713,
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
    2.4836745438024785e-09,
    -1.1921401405860912e-09,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
    1.330476437424449e-10,
    -6.4229645638381e-11,
    3.1044247747322276e-11,
    -1.5021384080754142e-11,
)
# The positive zero of digamma in two parts, and the same of digamma(zero + t) / t: the first
# coefficient in two parts, then those of t, t**2...
DIGAMMA_ZERO: Final = 1.4616321449683622
DIGAMMA_ZERO_LOW: Final = 9.549995429965697e-17
DIGAMMA_SLOPE: Final = 0.9676722454476212
DIGAMMA_SLOPE_LOW: Final = -3.387874303038943e-17
DIGAMMA: Final[tuple[float, ...]] = (
    -0.4427631689835921,
    0.258499760955651,
    -0.16394270544240652,
    0.10782405069126237,
    -0.07219956125645471,
    0.04880428816414311,
    -0.03316112647484736,
    0.022597648232218104,
    -0.01542476590494896,
    0.010538791616612175,
    -0.007204534386356869,
    0.004926781395729853,
    -0.003369801655439328,
    0.002305126326734928,
    -0.0015769367714301972,
    0.0010788252019162967,
    -0.0007380709389960052,
    0.000504953265834602,
    -0.0003454680251063077,
    0.00023635601564027053,
    -0.00016170622091974803,
    0.0001106337276874741,
    -7.569179582195066e-05,
    5.178575795222081e-05,
    -3.5430070947659604e-05,
    2.424006611860132e-05,
    -1.6584242271854135e-05,
    1.134638458466385e-05,
    -7.762817668462094e-06,
    5.3110609208898636e-06,
    -3.6336507898010456e-06,
    2.486022733129538e-06,
    -1.7008538854332607e-06,
    1.1636675363548843e-06,
    -7.96142543124197e-07,
    5.446941930669446e-07,
    -3.7266161283438227e-07,
    2.549626552021554e-07,
    -1.7443695117727745e-07,
    1.1934394829830244e-07,
)
# lgamma(zero + t), its minimum: the value in two parts, then the coefficients of t**2, t**3...
LGAMMA_LEAST: Final = -0.12148629053584961
LGAMMA_LEAST_LOW: Final = 3.364991468473138e-18
LGAMMA_RISE: Final[tuple[float, ...]] = (
    DIGAMMA_SLOPE / 2.0,
    *[c / (k + 3) for k, c in enumerate(DIGAMMA)],
)
# The Bernoulli numbers B2, B4, ... of the asymptotic series.
BERNOULLI: Final[tuple[float, ...]] = (
    0.16666666666666666,
    -0.03333333333333333,
    0.023809523809523808,
    -0.03333333333333333,
    0.07575757575757576,
    -0.2531135531135531,
    1.1666666666666667,
    -7.092156862745098,
    54.971177944862156,
    -529.1242424242424,
    6192.123188405797,
    -86580.25311355312,
    1425517.1666666667,
)


def horner(coefficients: tuple[float, ...], t: float) -> float:
    """The polynomial c0 + c1 t + c2 t**2 + ..."""
    result = 0.0
    for c in reversed(coefficients):
        result = result * t + c
    return result


def two_sum(x: float, y: float) -> tuple[float, float]:
    """x + y rounded, and what the rounding lost (Knuth)."""
    high = x + y
    back = high - x
    return high, (x - (high - back)) + (y - back)


def logarithm(x: float) -> tuple[float, float]:
    """log(x) for an ordinary x > 0, as high + low."""
    # For x = m 2**n with 0.7 < m < 1.42 n log(2), whose first part is exact, and a small log(m).
    m, n = math.frexp(x)
    if m < 0.7071067811865476:
        m, n = 2.0 * m, n - 1
    high, low = two_sum(n * LN2_HIGH, math.log(m))
    return high, low + n * LN2_LOW


def stirling(x: float) -> float:
    """What log(gamma(x)) has beyond (x - 1/2) log(x) - x + log(2 pi)/2, for x > 9."""
    w = 1.0 / (x * x)
    total = 0.0
    for k in range(8, 0, -1):
        total = total * w + BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    return total / x


def gamma(x: float) -> float:
    """The gamma function: inf with the sign of x at 0, nan at the other poles and at -inf."""
    if x == 0.0:
        return math.copysign(inf, x)
    if x != x or x == inf:
        return x
    if x == -inf or (x < 0.0 and x == math.floor(x)):
        return nan
    if x > 172.0:
        return inf
    if x < -185.0:
        return -0.0 if math.fmod(math.floor(x), 2.0) != 0.0 else 0.0
    if abs(x) < 1e-8:
        return 1.0 / x - 0.5772156649015329
    # By gamma(y + 1) = y gamma(y) into 1 <= y <= 2. The factors are multiplied as the
    # unevaluated sum of two floats, high + low, so that one rounding is left at the end.
    high = 1.0
    low = 0.0
    exponent = 0
    y = x
    while y > 2.0:
        y -= 1.0
        p = high * y
        low = low * y + product_plus(high, y, -p)
        high = p
        if high > 1e200:
            high = math.ldexp(high, -600)
            low = math.ldexp(low, -600)
            exponent += 600
    t = y - 1.5
    while y < 1.0:
        p = high * y
        low = low * y + product_plus(high, y, -p)
        high = p
        if abs(high) > 1e200:
            high = math.ldexp(high, -600)
            low = math.ldexp(low, -600)
            exponent += 600
        t = y - 0.5  # of the y before the step: in y + 1 its last bits may be lost
        y += 1.0
    if y == 1.0 or y == 2.0:
        r = 1.0
        r_low = 0.0
    else:
        step = t * horner(RGAMMA, t)
        r = RGAMMA_0 + step
        r_low = ((RGAMMA_0 - r) + step) + RGAMMA_0_LOW
    if x > 1.0:
        quotient = high / r
        quotient += (product_plus(-quotient, r, high) + (low - quotient * r_low)) / r
        return math.ldexp(quotient, exponent) if x < 171.6243769563027 else inf
    product = high * r
    product_low = product_plus(high, r, -product) + (high * r_low + low * r)
    quotient = 1.0 / product
    excess = product_plus(-quotient, product, 1.0) - quotient * product_low
    return math.ldexp(quotient + quotient * excess, -exponent)


def sin_pi(x: float) -> float:
    """sin(pi x), exact at whole and half numbers."""
    r = math.fmod(x, 2.0)
    if r != r:
        return nan
    a = abs(r)
    if a > 1.0:
        a -= 2.0
    if abs(a) <= 0.25:
        y = sin(PI * a)
    elif abs(a) < 0.75:
        y = math.copysign(cos(PI * (abs(a) - 0.5)), a)
    else:
        y = math.copysign(sin(PI * (1.0 - abs(a))), a)
    return math.copysign(y, r) if y == 0.0 else y if r > 0.0 else -y


def cos_pi(x: float) -> float:
    """cos(pi x), exact at whole and half numbers."""
    a = math.fmod(abs(x), 2.0)
    if a != a:
        return nan
    if a > 1.0:
        a = 2.0 - a
    return cos(PI * a) if a < 0.25 else sin(PI * (0.5 - a)) if a < 0.75 else -cos(PI * (1.0 - a))


def lgamma(x: float) -> float:
    """The logarithm of the absolute value of gamma(x); inf at the poles."""
    if x - x != 0.0:
        return x if x != x else inf
    if x <= 0.0:
        if x == math.floor(x):
            return inf
        if x > -0.5:
            return (x * horner(LGAMMA_2, x) - math.log1p(x)) - math.log(-x)
        # DLMF 5.5.3, the reflection formula; with more digits beside a zero.
        # What 1 - x is rounded by counts, times a slope of about log(1/2 - x).
        y = 1.0 - x
        other = lgamma(y) + ((1.0 - y) - x) * math.log(y - 0.5)
        high, low = logarithm(PI / abs(sin_pi(x)))
        result = (high - other) + low
        return result if abs(result) > 0.75 * abs(other) or x < -1e8 else exact_lgamma(x)
    if x > 9.0:
        if x > 1e17:
            return x * (math.log(x) - 1.0)
        high, low = logarithm(x)
        growth, lost = two_sum(high, -1.0)
        p = (x - 0.5) * growth
        low = product_plus(x - 0.5, growth, -p) + (x - 0.5) * (lost + low)
        return p + (low + ((HALF_LOG_2PI - 0.5) + stirling(x)))
    if x > 4.0:
        return math.log(gamma(x))
    if x >= 2.6:
        return math.log(x - 1.0) + lgamma(x - 1.0)
    if x >= 1.75:
        return (x - 2.0) * horner(LGAMMA_2, x - 2.0)
    if x > 1.15:
        t = (x - DIGAMMA_ZERO) - DIGAMMA_ZERO_LOW
        return LGAMMA_LEAST + (LGAMMA_LEAST_LOW + t * t * horner(LGAMMA_RISE, t))
    if x > 1.0:
        t = x - 1.0
        # t h - log(1 + t), without what cancels in it.
        return t * (horner(LGAMMA_2, t) - 1.0) + (t - math.log1p(t))
    if x >= 0.5:
        t = x - 1.0
        return t * horner(LGAMMA_2, t) - math.log1p(t)
    return (x * horner(LGAMMA_2, x) - math.log1p(x)) - math.log(x)


def exact_lgamma(x: float) -> float:
    """lgamma below zero, beside its zeros, by the reflection formula with 256 bits."""
    bits = 256
    sine = abs(fixed.sin_cos_pi(x, bits)[0])
    one = 1 << bits
    result = fixed.log(fixed.constant("pi", bits), bits) - fixed.log(sine, bits)
    return fixed.to_float(result - fixed.lgamma(one - fixed.fixed(x, bits), bits), bits)


def exact_dsinc(n: int, x: float) -> float:
    """dsinc beside its zeros, with 256 bits and more."""
    bits = 256 + 2 * max(0, math.frexp(x)[1]) + 8 * n
    pi = fixed.constant("pi", bits)
    z = (pi * fixed.fixed(x, bits)) >> bits
    if abs(x) < 16.0 + n:
        bits += 2 * int(5.0 * abs(x)) + 64
        z = (fixed.constant("pi", bits) * fixed.fixed(x, bits)) >> bits
        square = (z * z) >> bits
        j = n % 2
        term = z if j else 1 << bits
        if (n + 1) // 2 % 2:
            term = -term
        value = 0
        while term > 1 or term < -1:
            value += term // (n + j + 1)
            j += 2
            term = -((term * square) >> bits) // (j * (j - 1))
    else:
        sine, cosine = fixed.sin_cos_pi(x, bits)
        value = (sine << bits) // z
        for k in range(1, n + 1):
            wave = (sine, cosine, -sine, -cosine)[k % 4]
            value = ((wave - k * value) << bits) // z
    for _ in range(n):
        value = (value * fixed.constant("pi", bits)) >> bits
    return fixed.to_float(value, bits)


def sinc(x: float) -> float:
    """sin(pi x) / (pi x), and 1 at 0."""
    return dsinc(0.0, x)


def dsinc(order: float, x: float) -> float:
    """The derivative of sinc of that order, a whole number from 0 on."""
    n = int(order)
    if n != order or n < 0:
        raise ValueError(f"dsinc: the order is a whole number from 0 on, not {order!r}")
    if x - x != 0.0:
        return x if x != x else 0.0
    z = PI * x
    if abs(z) < 2.0 + 0.5 * n:
        # The series of the integral of (pi t)**n cos(pi x t + n pi/2) over 0 <= t <= 1:
        # term by term (-1)**m z**j / (j! (n + j + 1)) for j = 2m - n >= 0.
        term = 1.0
        series = 0.0
        largest = 0.0
        if n % 2:
            term = z
        sign = -1.0 if (n + 1) // 2 % 2 else 1.0
        j = n % 2
        while True:
            series += sign * term / (n + j + 1)
            largest = max(largest, abs(term) / (n + j + 1))
            if abs(term) < 1e-18 * largest or j > 200:
                break
            j += 2
            term *= z * z / (j * (j - 1))
            sign = -sign
        if abs(series) < 0.7 * largest:
            return exact_dsinc(n, x)
        return power(PI, n) * series
    # z f(n) + n f(n - 1) = the n-th derivative of sin(z), in units of pi.
    value = sin_pi(x) / z
    lost = abs(value)  # how far it may be off, in units of 2**-53
    for k in range(1, n + 1):
        phase = k % 4
        if phase == 0:
            wave = sin_pi(x)
        elif phase == 1:
            wave = cos_pi(x)
        elif phase == 2:
            wave = -sin_pi(x)
        else:
            wave = -cos_pi(x)
        lost = (abs(wave) + k * (lost + abs(value))) / abs(z)
        value = (wave - k * value) / z
    if lost > 1.5 * abs(value) and abs(x) < 1e300:
        return exact_dsinc(n, x)
    return power(PI, n) * value
