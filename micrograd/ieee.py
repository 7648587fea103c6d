"""The functions of `math` on floats as IEEE 754 means them, and the accurate tails.

Python's `math` raises where the standard has an answer: here log(0) is -inf, log(-1) is
nan, exp(1000) is inf. The second half holds what `math` lacks: the activations and the
derivatives that lose their digits when written out (1 - tanh(x)**2 is 0 at x = 20; the
derivative is 1.7e-17). Everything takes floats and returns one, within 4 units in the
last place; nothing here knows of gradients. That is `ops.py`, to be read next.

The gamma function and its relatives are in `special.py`.
"""

from __future__ import annotations

import math
from math import inf, nan
from typing import Final

SPLIT: Final = 134217729.0  # 2**27 + 1: cuts a double into two halves of 26 bits
WHOLE: Final = 4503599627370496.0  # 2**52: from here on every double is a whole number
LN2: Final = 0.6931471805599453
LN10: Final = 2.302585092994046
TWO_OVER_SQRT_PI: Final = 1.1283791670955126
INV_SQRT_2: Final = 0.7071067811865476
INV_SQRT_2_LOW: Final = -4.833646656726457e-17  # what 1/sqrt(2) has beyond the double above
DEGREES: Final = 57.29577951308232  # 180 / pi
INV_SQRT_2PI: Final = 0.3989422804014327


# Arithmetic ---------------------------------------------------------------------------


def div(x: float, y: float) -> float:
    """x / y, with 1/0 = inf and 0/0 = nan."""
    if y != 0.0:
        return x / y
    if x == 0.0 or x != x:
        return nan
    return math.copysign(inf, x) * math.copysign(1.0, y)


def power(x: float, y: float) -> float:
    """x ** y as C99's pow: never complex, never an exception."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and math.fmod(y, 2.0) != 0.0 else inf
    except ValueError:
        if x != 0.0:
            return nan  # a negative base has no real root
        odd = math.fmod(y, 2.0) == 1.0 or math.fmod(y, 2.0) == -1.0
        return math.copysign(inf, x) if odd else inf


def mod(x: float, y: float) -> float:
    """x % y with the sign of y, as Python's remainder; nan where y is 0."""
    if y == 0.0 or x - x != 0.0:
        return nan
    return x % y


def floordiv(x: float, y: float) -> float:
    """The floor of x / y, consistent with `mod`: x == y * (x // y) + x % y up to rounding."""
    if y == 0.0:
        return div(x, y)
    return x // y if x - x == 0.0 else nan


def fmod(x: float, y: float) -> float:
    """The remainder of x / y with the sign of x, as C's fmod."""
    if y == 0.0 or x - x != 0.0 or y != y:
        return nan
    return math.fmod(x, y)


def truncdiv(x: float, y: float) -> float:
    """The whole number of times that y goes into x, rounded towards zero."""
    return rint(div(x - fmod(x, y), y))


def remainder(x: float, y: float) -> float:
    """x minus the multiple of y that is nearest to x, as IEEE's remainder."""
    if y == 0.0 or x - x != 0.0 or y != y:
        return nan
    return math.remainder(x, y)


def neardiv(x: float, y: float) -> float:
    """The whole number nearest to x / y, as `remainder` takes it."""
    return rint(div(x - remainder(x, y), y))


def hypot(*xs: float) -> float:
    """The square root of the sum of squares, without overflow on the way."""
    largest = 0.0
    unknown = False
    for x in xs:
        if x - x != 0.0:
            if x == x:
                return inf
            unknown = True
        elif abs(x) > largest:
            largest = abs(x)
    if unknown:
        return nan
    if largest == 0.0:
        return 0.0
    exponent = math.frexp(largest)[1]
    total = 0.0
    for x in xs:
        scaled = math.ldexp(x, -exponent)
        total += scaled * scaled
    return ldexp(math.sqrt(total), exponent)


def unit(u: float, v: float) -> float:
    """u / hypot(u, v), and 0 at the origin: the derivative of hypot by u."""
    r = hypot(u, v)
    return 0.0 if r == 0.0 else u / r


def ratio(x: float, r: float) -> float:
    """x / r, and 0 for 0 / 0."""
    return 0.0 if x == 0.0 and r == 0.0 else div(x, r)


def ldexp(x: float, exponent: float) -> float:
    """x * 2**exponent."""
    if exponent != exponent:
        return nan
    n = int(max(-10000.0, min(10000.0, exponent)))
    try:
        return math.ldexp(x, n)
    except OverflowError:
        return math.copysign(inf, x)


def add(x: float, y: float) -> float:
    return x + y


def sub(x: float, y: float) -> float:
    return x - y


def mul(x: float, y: float) -> float:
    return x * y


def neg(x: float) -> float:
    return -x


def absolute(x: float) -> float:
    return abs(x)


def identity(x: float) -> float:
    return x


# Rounding -----------------------------------------------------------------------------


def floor(x: float) -> float:
    return math.copysign(math.floor(x), x) if abs(x) < WHOLE else x


def ceil(x: float) -> float:
    return math.copysign(math.ceil(x), x) if abs(x) < WHOLE else x


def trunc(x: float) -> float:
    return math.copysign(math.floor(abs(x)), x) if abs(x) < WHOLE else x


def rint(x: float) -> float:
    """The nearest whole number, halves to the even one."""
    # Adding 2**52 leaves no bits for the fraction, and rounds as the processor does.
    return math.copysign(abs(x) + WHOLE - WHOLE, x) if abs(x) < WHOLE else x


def round_to(x: float, digits: float) -> float:
    """x to that many decimals, halves to the even digit, as Python's round."""
    return round(x, int(digits)) if x - x == 0.0 else x


def sign(x: float) -> float:
    """1, 0 or -1 with the sign of x; nan for nan."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x if x != x else 0.0


def copysign(x: float, y: float) -> float:
    return math.copysign(x, y)


# Exponentials and logarithms ----------------------------------------------------------


def exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return inf


def exp2(x: float) -> float:
    return power(2.0, x)


def expm1(x: float) -> float:
    try:
        return math.expm1(x)
    except OverflowError:
        return inf


def log(x: float) -> float:
    if x > 0.0:
        return math.log(x)
    return -inf if x == 0.0 else nan


def log2(x: float) -> float:
    if x > 0.0:
        return math.log2(x)
    return -inf if x == 0.0 else nan


def log10(x: float) -> float:
    if x > 0.0:
        return math.log10(x)
    return -inf if x == 0.0 else nan


def log1p(x: float) -> float:
    if x > -1.0:
        return math.log1p(x)
    return -inf if x == -1.0 else nan


def dlog(x: float) -> float:
    """1 / x where the logarithm exists: inf at both zeros, nan below."""
    if x > 0.0:
        return 1.0 / x
    return inf if x == 0.0 else nan


def dlog1p(x: float) -> float:
    """1 / (1 + x) where log1p exists."""
    return dlog(1.0 + x)


def xlogy(x: float, y: float) -> float:
    """x * log(y), and 0 where x is 0 and y is a number."""
    if x == 0.0 and y == y:
        return 0.0
    return x * log(y)


def gauss(x: float) -> float:
    """exp(-x*x). The rounding of x*x alone would cost x*x/2 units in the last place."""
    if x - x != 0.0 or abs(x) > 40.0:
        return x if x != x else 0.0
    head = x * SPLIT - (x * SPLIT - x)  # 26 bits, whose square is exact
    return math.exp(-head * head) * math.exp(-(x - head) * (x + head))


def exp_gap(x: float, top: float) -> float:
    """exp(x - top), and 1 where both are the same infinity."""
    return 1.0 if x == top else exp_diff(x, top)


def exp_diff(x: float, top: float) -> float:
    """exp(x - top), with the rounding of the difference made good."""
    gap = x - top
    if gap - gap != 0.0:
        return exp(gap)
    # What the subtraction lost, exactly (Knuth's two-sum).
    back = gap - x
    lost = (x - (gap - back)) - (top + back)
    return exp(gap) * (1.0 + lost)


def share(x: float, y: float) -> float:
    """exp(x) / (exp(x) + exp(y)): the part of x in logaddexp(x, y); a half at a tie."""
    if x == y:
        return 0.5
    if x > y:
        return 1.0 / (1.0 + exp_gap(y, x))
    e = exp_gap(x, y)
    return e / (1.0 + e)


def dshare(x: float, y: float) -> float:
    """The derivative of `share` by x: share(x, y) * share(y, x)."""
    return bell(exp_gap(y, x) if x > y else exp_gap(x, y))


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)) without overflow."""
    if x == y:
        return x + LN2
    if x > y:
        return x + math.log1p(exp_gap(y, x))
    if x < y:
        return y + math.log1p(exp_gap(x, y))
    return nan


def logsumexp(*xs: float) -> float:
    """log(exp(x1) + exp(x2) + ...) without overflow; -inf of nothing."""
    top = -inf
    for x in xs:
        if x != x:
            return nan
        top = max(top, x)
    if top - top != 0.0:
        # All are -inf, or one is inf: the logarithm of how many share it changes nothing.
        return top
    total = 0.0
    for x in xs:
        total += exp_gap(x, top)
    return top + math.log(total)


def power_partial(x: float, y: float, n: float, k: float) -> float:
    """The n-th derivative by x of the k-th derivative by y of x**y.

    It is x**(y - n) times a polynomial in log(x): start with log(x)**k; each derivative
    by x turns x**a p(log x) into x**(a - 1) (a p + p')(log x).
    """
    if n == 0.0 and k == 0.0:
        return power(x, y)
    p = [0.0] * int(k) + [1.0]
    a = y
    for _ in range(int(n)):
        q = [a * c for c in p]
        for i in range(1, len(p)):
            q[i - 1] += i * p[i]
        p = q
        a -= 1.0
    if k == 0.0:
        if p[0] == 0.0:
            return 0.0  # a whole power that has been used up, whatever x is
        if n == 1.0 and x > 0.0 and (y - 1.0) + 1.0 != y and x < inf:
            whole = power(x, y)  # y - 1 is not exact here, and the power would show it
            if 0.0 < whole < inf:
                return whole / x * y
        return p[0] * power(x, a)
    if x == 0.0:
        # The logarithm is -inf, and loses against any power but the 0th.
        if a > 0.0 or (y == 0.0 and n == 0.0):
            return 0.0
        return power(0.0, a) * p[-1] * (-inf if k % 2.0 else inf) if p[-1] != 0.0 else nan
    factor = log(x)
    value = 0.0
    for c in reversed(p):
        value = value * factor + c
    return power(x, a) * value


# Roots --------------------------------------------------------------------------------


def sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0.0 else nan


def dsqrt(x: float) -> float:
    """1 / (2 sqrt(x)): inf at both zeros."""
    return 0.5 / math.sqrt(x) if x > 0.0 else inf if x == 0.0 else nan


def cbrt(x: float) -> float:
    """The real cube root, correctly rounded but for rare ties (one Newton step)."""
    if x == 0.0 or x - x != 0.0:
        return x
    exponent = math.frexp(x)[1] // 3
    m = math.ldexp(abs(x), -3 * exponent)  # in [1/2, 4)
    y = math.pow(m, 1.0 / 3.0)
    head = y * SPLIT - (y * SPLIT - y)
    tail = y - head
    square = y * y
    square_low = ((head * head - square) + 2.0 * head * tail) + tail * tail
    excess = product_plus(square, y, -m) + square_low * y
    return math.copysign(math.ldexp(y - excess / (3.0 * square), exponent), x)


def product_plus(x: float, y: float, z: float) -> float:
    """x * y + z, where the product is exact and z nearly cancels it (Dekker)."""
    p = x * y
    x1 = x * SPLIT - (x * SPLIT - x)
    y1 = y * SPLIT - (y * SPLIT - y)
    x2 = x - x1
    y2 = y - y1
    low = ((x1 * y1 - p) + x1 * y2 + x2 * y1) + x2 * y2
    return (p + z) + low


def dcbrt(x: float) -> float:
    """1 / (3 cbrt(x)**2)."""
    y = cbrt(x)
    return div(1.0 / 3.0, y * y)


# Circular and hyperbolic functions ----------------------------------------------------


def sin(x: float) -> float:
    return math.sin(x) if x - x == 0.0 else nan


def cos(x: float) -> float:
    return math.cos(x) if x - x == 0.0 else nan


def tan(x: float) -> float:
    return math.tan(x) if x - x == 0.0 else nan


def asin(x: float) -> float:
    return math.asin(x) if -1.0 <= x <= 1.0 else nan


def acos(x: float) -> float:
    return math.acos(x) if -1.0 <= x <= 1.0 else nan


def atan(x: float) -> float:
    return math.atan(x)


def atan2(y: float, x: float) -> float:
    return math.atan2(y, x)


def dasin(x: float) -> float:
    """1 / sqrt(1 - x*x), where 1 - x*x would cancel."""
    return div(1.0, math.sqrt((1.0 - x) * (1.0 + x))) if -1.0 <= x <= 1.0 else nan


def datan(x: float) -> float:
    """1 / (1 + x*x), also where x*x overflows."""
    return 1.0 / (1.0 + x * x) if abs(x) < 1e8 else (1.0 / x) * (1.0 / x)


def inv_r2(u: float, v: float) -> float:
    """1 / (u*u + v*v)."""
    if max(abs(u), abs(v)) < 1e-150 or max(abs(u), abs(v)) > 1e150:
        r = hypot(u, v)
        return div(div(1.0, r), r)
    return 1.0 / (u * u + v * v)


def datan2(u: float, v: float) -> float:
    """u / (u*u + v*v), also where the squares overflow or vanish; nan at the origin."""
    r = hypot(u, v)
    if r == 0.0 or r != r:
        return nan
    if r == inf:
        return nan if u - u != 0.0 and v - v != 0.0 else 0.0 * math.copysign(1.0, u)
    exponent = math.frexp(r)[1]
    u1 = math.ldexp(u, -exponent)
    v1 = math.ldexp(v, -exponent)
    return ldexp(u1 / (u1 * u1 + v1 * v1), -exponent)


def degrees(x: float) -> float:
    return x * DEGREES


def radians(x: float) -> float:
    return x / DEGREES


def sinh(x: float) -> float:
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(inf, x)


def cosh(x: float) -> float:
    try:
        return math.cosh(x)
    except OverflowError:
        return inf


def tanh(x: float) -> float:
    return math.tanh(x)


def sech2(x: float) -> float:
    """1 - tanh(x)**2, also where tanh(x) rounds to 1."""
    return 4.0 * bell(math.exp(-2.0 * abs(x)))


def asinh(x: float) -> float:
    return math.asinh(x)


def acosh(x: float) -> float:
    return math.acosh(x) if x >= 1.0 else nan


def atanh(x: float) -> float:
    if -1.0 < x < 1.0:
        return math.atanh(x)
    return math.copysign(inf, x) if abs(x) == 1.0 else nan


def dasinh(x: float) -> float:
    """1 / sqrt(1 + x*x)."""
    return 1.0 / math.sqrt(1.0 + x * x) if abs(x) < 1e150 else 1.0 / abs(x)


def dacosh(x: float) -> float:
    """1 / sqrt(x*x - 1)."""
    if x > 1e150:
        return 1.0 / x
    return div(1.0, math.sqrt((x - 1.0) * (x + 1.0))) if x >= 1.0 else nan


def datanh(x: float) -> float:
    """1 / (1 - x*x)."""
    if -1.0 <= x <= 1.0:
        return div(1.0, (1.0 - x) * (1.0 + x))
    return nan


# Activations --------------------------------------------------------------------------


def relu(x: float) -> float:
    return x if x > 0.0 or x != x else 0.0


def gate(d: float, x: float) -> float:
    """d where x > 0 and 0 elsewhere, chosen and not multiplied: 0 also for d = inf."""
    return d if x > 0.0 else x if x != x else 0.0


def nearest_zero(x: float, y: float) -> float:
    """Of the numbers between x and y the one nearest to 0: the subgradient at a kink."""
    if x != x or y != y:
        return nan
    low = min(x, y)
    high = max(x, y)
    return low if low > 0.0 else high if high < 0.0 else 0.0


def leaky_relu(x: float, slope: float) -> float:
    return x if x > 0.0 else slope * x


def leaky_step(x: float, slope: float) -> float:
    """The derivative of leaky_relu by x."""
    if x == 0.0:
        return nearest_zero(slope, 1.0)
    return 1.0 if x > 0.0 else slope if x < 0.0 else x


def elu(x: float, alpha: float) -> float:
    return x if x > 0.0 else alpha * math.expm1(x)


def elu_step(x: float, alpha: float) -> float:
    """The derivative of elu by x."""
    if x == 0.0:
        return nearest_zero(alpha, 1.0)
    return 1.0 if x > 0.0 else alpha * math.exp(x)


def softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow."""
    return x + math.log1p(math.exp(-x)) if x > 0.0 else math.log1p(math.exp(x))


def logsigmoid(x: float) -> float:
    return -softplus(-x)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), down to the denormals."""
    if x > 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def dsigmoid(x: float) -> float:
    """sigmoid(x) * (1 - sigmoid(x)), also where sigmoid(x) rounds to 1."""
    return bell(math.exp(-abs(x)))


def bell(e: float) -> float:
    """e / (1 + e)**2 for 0 <= e <= 1, making good what 1 + e rounds away."""
    s = 1.0 + e
    lost = e - (s - 1.0)
    q = e / (s * s)
    return q - 2.0 * q * lost


def silu(x: float) -> float:
    """x * sigmoid(x); -0.0 at -inf, the limit."""
    return x * sigmoid(x) if x != -inf else -0.0


def dsilu(x: float) -> float:
    """The derivative of silu: s + x s (1 - s), for s = sigmoid(x)."""
    if x - x != 0.0:
        return sigmoid(x)
    return sigmoid(x) + x * dsigmoid(x)


def ndtr(x: float) -> float:
    """The normal distribution function: the part of a standard normal below x."""
    if x < -30.0:
        return normal(x) * mills(x) / -x
    z = -x * INV_SQRT_2
    if x - x != 0.0:
        return 0.5 * math.erfc(z)
    # erfc falls so steeply that the rounding of z shows: take it along to first order.
    lost = product_plus(x, INV_SQRT_2, z) + x * INV_SQRT_2_LOW
    return 0.5 * (math.erfc(z) + TWO_OVER_SQRT_PI * gauss(z) * lost)


def gelu(x: float) -> float:
    """x * ndtr(x), the exact Gaussian error linear unit; -0.0 at -inf, the limit."""
    return x * ndtr(x) if x >= -30.0 or x != x else -normal(x) * mills(x)


def mills(x: float) -> float:
    """-x * ndtr(x) / normal(x) far below zero, 1 - 1/x**2 + 3/x**4 ... (DLMF 7.12.1)."""
    w = 1.0 / (x * x)
    series = 1.0
    for odd in (13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = 1.0 - odd * w * series
    return series


def normal(x: float) -> float:
    """The density of the standard normal, exp(-x*x/2) / sqrt(2 pi)."""
    if x - x != 0.0 or abs(x) > 40.0:
        return x if x != x else 0.0
    head = x * SPLIT - (x * SPLIT - x)
    return INV_SQRT_2PI * (
        math.exp(-0.5 * head * head) * math.exp(-0.5 * (x - head) * (x + head))
    )


def dgelu(x: float) -> float:
    """The derivative of gelu: ndtr(x) + x normal(x)."""
    return ndtr(x) if x - x != 0.0 else ndtr(x) + x * normal(x)


def erf(x: float) -> float:
    return math.erf(x)


def erfc(x: float) -> float:
    return math.erfc(x)


def derf(x: float) -> float:
    """2 / sqrt(pi) * exp(-x*x)."""
    return TWO_OVER_SQRT_PI * gauss(x)


# Choosing -----------------------------------------------------------------------------


def maximum(*xs: float) -> float:
    """The largest; nan if any is nan, whatever the order."""
    top = -inf
    for x in xs:
        if x != x:
            return x
        if x > top or (x == top and top == 0.0 and math.copysign(1.0, top) < 0.0):
            top = x
    return top


def minimum(*xs: float) -> float:
    """The smallest; nan if any is nan, whatever the order."""
    low = inf
    for x in xs:
        if x != x:
            return x
        if x < low or (x == low and low == 0.0 and math.copysign(1.0, low) > 0.0):
            low = x
    return low


def fmax(x: float, y: float) -> float:
    """The larger; a number beats nan."""
    return x if y != y else y if x != x else maximum(x, y)


def fmin(x: float, y: float) -> float:
    """The smaller; a number beats nan."""
    return x if y != y else y if x != x else minimum(x, y)


def ties(top: float, *xs: float) -> float:
    """How many of the xs equal the first number."""
    return float(sum([x == top for x in xs]))


def route(d: float, x: float, top: float, shared: float) -> float:
    """The part of d that goes to x, one of `shared` that equal the largest or smallest."""
    return d / shared if x == top else top if top != top else 0.0


def clip(x: float, low: float, high: float) -> float:
    """x brought into the interval from low to high."""
    if low > high:
        raise ValueError(f"clip: the lower bound {low} is above the upper bound {high}")
    return x if x != x else low if x < low else high if x > high else x


def inside(d: float, x: float, low: float, high: float) -> float:
    """d where x lies in the closed interval from low to high, 0 outside."""
    return d if low <= x <= high else x if x != x else 0.0


def guard(c: float, y: float) -> float:
    """c, but nan where y is nan."""
    return c if y == y else y


def where(condition: float, x: float, y: float) -> float:
    return x if condition else y


# Comparisons: 1 or 0 -------------------------------------------------------------------


def less(x: float, y: float) -> float:
    return 1.0 if x < y else 0.0


def less_equal(x: float, y: float) -> float:
    return 1.0 if x <= y else 0.0


def greater(x: float, y: float) -> float:
    return 1.0 if x > y else 0.0


def greater_equal(x: float, y: float) -> float:
    return 1.0 if x >= y else 0.0


# Sums and products --------------------------------------------------------------------


def total(*xs: float) -> float:
    """The sum from left to right; Python's own sum rounds differently from 3.12 on."""
    result = 0.0
    for x in xs:
        result += x
    return result


def fsum(*xs: float) -> float:
    """The sum with one rounding at the end."""
    try:
        return math.fsum(xs)
    except OverflowError:
        return total(*xs)  # the exact sum may still be finite, but no float sums it
    except ValueError:
        return nan  # inf - inf


def prod(*xs: float) -> float:
    result = 1.0
    for x in xs:
        result *= x
    return result


def dot(*xs: float) -> float:
    """x1*y1 + x2*y2 + ... of x1, x2, ..., y1, y2, ..., from left to right."""
    half = len(xs) // 2
    result = 0.0
    for i in range(half):
        result += xs[i] * xs[half + i]
    return result


def weighted_sum(*xs: float) -> float:
    """b + w1*x1 + w2*x2 + ... of b, w1, w2, ..., x1, x2, ..., from left to right."""
    n = len(xs) // 2
    result = xs[0]
    for i in range(1, n + 1):
        result += xs[i] * xs[n + i]
    return result


def mean(*xs: float) -> float:
    """The sum from left to right, divided by how many there are."""
    return total(*xs) / len(xs) if xs else nan


def fma(x: float, y: float, z: float) -> float:
    """x*y + z with one rounding."""
    rounded = x * y + z
    if x - x != 0.0 or y - y != 0.0 or z - z != 0.0:
        return rounded
    from fractions import Fraction  # here alone: slow to import, and exact

    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return rounded  # a zero, with the sign that IEEE gives it
    try:
        return float(exact)
    except OverflowError:
        return inf if exact > 0 else -inf
