"""The derivatives and activations that lose their digits when written out.

1 - tanh(x)**2 is 0 at x = 20, where the derivative of tanh is 1.7e-17; x / (x*x + y*y)
overflows where its value is harmless. Each function here is the accurate form of such
an expression, on floats, within 4 units in the last place: it takes its exponentials of
negative numbers, keeps what an addition rounds away, or factors a difference.

The plain functions are in `ieee.py`; what uses all of them is the table in `ops.py`. (Past 300
lines because it is a list: one short function after the other.)
"""

from __future__ import annotations

import math
from math import inf, nan
from typing import Final

from . import fixed
from .ieee import (
    LN2,
    SPLIT,
    cbrt,
    div,
    exp,
    hypot,
    ldexp,
    log,
    maximum,
    power,
    product_plus,
    rint,
)

TWO_OVER_SQRT_PI: Final = 1.1283791670955126
INV_SQRT_2: Final = 0.7071067811865476
INV_SQRT_2_LOW: Final = -4.833646656726457e-17  # what 1/sqrt(2) has beyond the double above
INV_SQRT_2PI: Final = 0.3989422804014327
SQRT_2: Final = 1.4142135623730951
SQRT_2_LOW: Final = -9.667293313452913e-17
# log(2) in three parts; any whole number up to 2**20 times the first or second is exact.
LN2_HIGH: Final = 0.6931471803691238
LN2_MIDDLE: Final = 1.9082149288430703e-10
LN2_LOW: Final = 4.275175589747649e-20
FAR: Final = -700.0  # where exp(x) comes near the end of the normal floats
# Where derivatives of activations are 0, each in two parts.
DSILU_ZERO: Final = -1.2784645427610737
DSILU_ZERO_LOW: Final = -1.0946994183093437e-16
D2SILU_ZERO: Final = 2.3993572805154675
D2SILU_ZERO_LOW: Final = 1.8464872855353363e-16
DGELU_ZERO: Final = -0.7517915246935645
DGELU_ZERO_LOW: Final = 1.4956759177009883e-17


# Logarithms, and differences of exponentials ----------------------------------------------------


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


def weighed(w: float, x: float) -> float:
    """w * x, and 0 where w is 0 and x is a number, inf included."""
    return 0.0 if w == 0.0 and x == x else w * x


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
    if gap - gap != 0.0 or gap > 710.0:
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
    if x != x or y != y:
        return nan
    top = max(x, y)
    if x == y and top - top != 0.0:
        return top
    result = top + math.log1p(exp_gap(min(x, y), top))
    return result if abs(result) >= 0.5 * -top else math.log1p(exps_less_one(x, y))


def logsumexp(*xs: float) -> float:
    """log(exp(x1) + exp(x2) + ...) without overflow; -inf of nothing."""
    top = maximum(*xs)
    if top - top != 0.0:
        # All are -inf, or one is inf: the logarithm of how many share it changes nothing.
        return top
    result = top + math.log1p(rest_of_exps(top, *xs))
    return result if abs(result) >= 0.5 * -top else math.log1p(exps_less_one(*xs))


def exps_less_one(*xs: float) -> float:
    """exp(x1) + exp(x2) + ... - 1, for a sum so near to 1 that its digits cancel.

    Each exponential is 2**n (1 + p) with p to 100 bits, as the unevaluated sum of two
    floats: p = r (1 + r/2 (1 + r/3 (...))) for r = x - n log(2), |r| < 0.35. So is the sum.
    """
    ones = -1.0  # the whole powers of 2, which are exact, apart from the rest
    high = 0.0
    low = 0.0
    for x in xs:
        y = max(x, -800.0)  # from where on it counts for nothing
        n = rint(y / LN2)
        a = y - n * LN2_HIGH
        b = n * LN2_MIDDLE
        r = a - b
        back = r - a
        r_low = ((a - (r - back)) - (b + back)) - n * LN2_LOW
        q = 1.0
        for k in (27.0, 26.0, 25.0, 24.0, 23.0, 22.0, 21.0, 20.0, 19.0, 18.0, 17.0, 16.0, 15.0):
            q = 1.0 + r * q / k
        q_low = 0.0
        for k in (14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0):
            p = r * q
            p_low = product_plus(r, q, -p) + (r * q_low + r_low * q)
            d = p / k
            d_low = (product_plus(-d, k, p) + p_low) / k
            q = 1.0 + d
            q_low = (d - (q - 1.0)) + d_low
        p = r * q
        p_low = product_plus(r, q, -p) + (r * q_low + r_low * q)
        one = ldexp(1.0, n)
        total = ones + one
        back = total - ones
        low += (ones - (total - back)) + (one - back)
        ones = total
        p = ldexp(p, n)
        low += ldexp(p_low, n)
        total = high + p
        back = total - high
        low += (high - (total - back)) + (p - back)
        high = total
    total = ones + high
    back = total - ones
    low += (ones - (total - back)) + (high - back)
    return total + low


def portion(x: float, y: float) -> float:
    """x / (x + y) for x and y from 0 on."""
    return div(x, x + y)


def rest_of_exps(top: float, *xs: float) -> float:
    """The sum of exp(x - top), less the 1 that the largest gives."""
    rest = 0.0
    seen = False
    for x in xs:
        if x == top and not seen:
            seen = True
        else:
            rest += exp_gap(x, top)
    return rest


def nll(index: float, *xs: float) -> float:
    """log(sum(exp(x - x[index]))): -log of the softmax of the x with that index, from 0."""
    if not 0 <= index < len(xs) or index != int(index):
        raise ValueError(f"cross_entropy: class {index:g} of {len(xs)} classes, counted from 0")
    right = xs[int(index)]
    top = maximum(*xs)
    if top - top != 0.0:
        return top - right  # nan, or inf where another one is
    return (top - right) + math.log1p(rest_of_exps(top, *xs))


def take(index: float, *xs: float) -> float:
    """The x with that index, counted from 0."""
    if not 0 <= index < len(xs) or index != int(index):
        raise ValueError(f"take: index {index:g} of {len(xs)} elements, counted from 0")
    return xs[int(index)]


# Powers, roots and lengths ----------------------------------------------------------------------


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
        return p[0] * lowered_power(x, y, n)
    if x == 0.0:
        # The logarithm is -inf, and loses against any power but the 0th.
        if a > 0.0 or (y == 0.0 and n == 0.0):
            return 0.0
        return power(0.0, a) * p[-1] * (-inf if k % 2.0 else inf) if p[-1] != 0.0 else nan
    factor = log(x)
    value = 0.0
    size = 0.0
    for c in reversed(p):
        value = value * factor + c
        size = size * abs(factor) + abs(c)
    if abs(value) < 0.5 * size and x - x == 0.0 and x > 0.0:
        value = exact_polynomial(x, y, int(n), int(k))
    return lowered_power(x, y, n) * value


def exact_polynomial(x: float, y: float, n: int, k: int) -> float:
    """The polynomial in log(x) of `power_partial`, beside its zeros, with 256 bits."""
    bits = 256
    m, e = math.frexp(x)
    factor = fixed.log(fixed.fixed(m, bits), bits) + e * fixed.constant("log2", bits)
    p = [0] * k + [1 << bits]
    a = fixed.fixed(y, bits)
    for _ in range(n):
        q = [(a * c) >> bits for c in p]
        for i in range(1, len(p)):
            q[i - 1] += i * p[i]
        p = q
        a -= 1 << bits
    value = 0
    for c in reversed(p):
        value = ((value * factor) >> bits) + c
    return fixed.to_float(value, bits)


def lowered_power(x: float, y: float, n: float) -> float:
    """x**(y - n), where the rounding of y - n would show in the power."""
    if (y - n) + n == y or not 0.0 < x < inf:
        return power(x, y - n)
    result = power(x, y)
    if not 1e-300 < result < 1e300:
        return power(x, y - n)
    for _ in range(int(n)):
        result /= x
    return result


def dsqrt(x: float) -> float:
    """1 / (2 sqrt(x)): inf at both zeros."""
    return 0.5 / math.sqrt(x) if x > 0.0 else inf if x == 0.0 else nan


def dcbrt(x: float) -> float:
    """1 / (3 cbrt(x)**2)."""
    if x == 0.0:
        return inf
    return cbrt(x) / (3.0 * x) if abs(x) < 1e300 else cbrt(x) / x / 3.0


def unit(u: float, v: float) -> float:
    """u / hypot(u, v), and 0 at the origin: the derivative of hypot by u."""
    r = hypot(u, v)
    return 0.0 if r == 0.0 else u / r


def ratio(x: float, r: float) -> float:
    """x / r, and 0 for 0 / 0."""
    return 0.0 if x == 0.0 and r == 0.0 else div(x, r)


# Circular and hyperbolic functions --------------------------------------------------------------


def one_less_square(x: float) -> float:
    """1 - x*x as (1 - x)(1 + x), rounded about once: its square is within 4 units, too."""
    a = abs(x)
    t = 1.0 - a
    back = t - 1.0
    t_low = (1.0 - (t - back)) - (a + back)
    s = 1.0 + a
    back = s - 1.0
    s_low = (1.0 - (s - back)) + (a - back)
    p = t * s
    return p + (product_plus(t, s, -p) + (t * s_low + t_low * s))


def dasin(x: float) -> float:
    """1 / sqrt(1 - x*x), where 1 - x*x would cancel."""
    return div(1.0, math.sqrt(one_less_square(x))) if -1.0 <= x <= 1.0 else nan


def datan(x: float) -> float:
    """1 / (1 + x*x), also where x*x overflows."""
    if not abs(x) < 1e8:
        return (1.0 / x) * (1.0 / x)
    q = x * x
    s = 1.0 + q
    back = s - 1.0
    low = ((1.0 - (s - back)) + (q - back)) + product_plus(x, x, -q)
    r = 1.0 / s
    return r + r * (product_plus(-r, s, 1.0) - r * low)


def inv_r2(u: float, v: float) -> float:
    """1 / (u*u + v*v)."""
    a = max(abs(u), abs(v))
    b = min(abs(u), abs(v))
    if not 1e-140 < a < 1e140:
        r = hypot(u, v)
        return div(div(1.0, r), r)
    high = a * a
    low = b * b
    total = high + low
    lost = ((high - total) + low) + product_plus(a, a, -high) + product_plus(b, b, -low)
    q = 1.0 / total
    return q - q * q * lost


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


def sech2(x: float) -> float:
    """1 - tanh(x)**2, also where tanh(x) rounds to 1."""
    return 4.0 * bell(math.exp(-2.0 * abs(x)))


def bell(e: float) -> float:
    """e / (1 + e)**2 for 0 <= e <= 1, making good what 1 + e rounds away."""
    s = 1.0 + e
    lost = e - (s - 1.0)
    q = e / (s * s)
    return q - 2.0 * q * lost


def dasinh(x: float) -> float:
    """1 / sqrt(1 + x*x)."""
    return 1.0 / math.sqrt(1.0 + x * x) if abs(x) < 1e150 else 1.0 / abs(x)


def dacosh(x: float) -> float:
    """1 / sqrt(x*x - 1)."""
    if x > 1e150:
        return 1.0 / x
    return div(1.0, math.sqrt(0.0 - one_less_square(x))) if x >= 1.0 else nan


def datanh(x: float) -> float:
    """1 / (1 - x*x)."""
    if -1.0 <= x <= 1.0:
        d = one_less_square(x)
        r = div(1.0, d)
        return r + r * product_plus(-r, d, 1.0) if r < 1e100 else r
    return nan


def derf(x: float) -> float:
    """2 / sqrt(pi) * exp(-x*x)."""
    return TWO_OVER_SQRT_PI * gauss(x)


# Activations ------------------------------------------------------------------------------------


def relu(x: float) -> float:
    return x if x > 0.0 or x != x else 0.0


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


def nearest_zero(x: float, y: float) -> float:
    """Of the numbers between x and y the one nearest to 0: the subgradient at a kink."""
    if x != x or y != y:
        return nan
    low = min(x, y)
    high = max(x, y)
    return low if low > 0.0 else high if high < 0.0 else 0.0


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


def silu(x: float) -> float:
    """x * sigmoid(x); -0.0 at -inf, the limit."""
    if x < FAR:
        return exp_times(x, x) if x != -inf else -0.0
    return x * sigmoid(x)


def exp_times(x: float, factor: float) -> float:
    """factor * exp(x) where exp(x) by itself falls below the normal floats, and loses digits."""
    half = math.exp(0.5 * x)
    return half * factor * half


def dsilu(x: float) -> float:
    """The derivative of silu: s + x s (1 - s), for s = sigmoid(x)."""
    if x - x != 0.0:
        return sigmoid(x)
    t = (x - DSILU_ZERO) - DSILU_ZERO_LOW
    if t > 0.85:
        return sigmoid(x) + x * dsigmoid(x)
    if x < FAR:
        return exp_times(x, 1.0 + x) + 0.0
    if t < -0.85:  # where the two cancel in part: e (1 + x + e) / (1 + e)**2
        e = math.exp(x)
        return bell(e) * ((1.0 + x) + e) + 0.0  # no -0.0
    result = 0.0  # beside its zero the Taylor series from there
    for c in (
        -4.0908332256286805e-16,
        5.662235988802348e-15,
        1.8397842645887054e-14,
        -1.5376365106809265e-14,
        -2.3496573817834053e-13,
        -4.1428341124873365e-13,
        1.4842855116792256e-12,
        8.04274075537398e-12,
        3.998547874723996e-12,
        -7.50344609385287e-11,
        -2.251366201881081e-10,
        2.3648315053103244e-10,
        2.9177603026903803e-09,
        4.619379769031606e-09,
        -1.8877622907727957e-08,
        -9.266646309267441e-08,
        -3.051244750055421e-08,
        8.599695028268575e-07,
        2.346029682463866e-06,
        -2.942631888842464e-06,
        -2.9733542213263917e-05,
        -4.090534237428612e-05,
        0.00018570724361186496,
        0.0007985218818397998,
        0.000126627410081122,
        -0.006606589138356696,
        -0.015222655223188032,
        0.018874814223782312,
        0.1466487969969469,
        0.2178117057198001,
    ):
        result = result * t + c
    return t * result


def d2silu(x: float) -> float:
    """The second derivative of silu: sigmoid'(x) (2 - x tanh(x/2)); 0 at both infinities."""
    if x - x != 0.0:
        return x if x != x else 0.0
    t = (abs(x) - D2SILU_ZERO) - D2SILU_ZERO_LOW
    if abs(t) > 0.7:
        # 2 - x tanh(x/2) by e = exp(-|x|), so that less of it cancels.
        a = abs(x)
        if -a < FAR:
            return exp_times(-a, 2.0 - a)
        e = math.exp(-a)
        s = 1.0 + e
        square = s * s
        low = product_plus(s, s, -square) + 2.0 * s * (e - (s - 1.0))
        r = e / square
        r += (product_plus(-r, square, e) - r * low) / square
        return r * ((2.0 - a) + (2.0 + a) * e) / s
    result = 0.0  # of the second factor, beside its zeros
    for c in (
        -1.2392855034268616e-14,
        3.216473631319573e-15,
        1.7822225463781192e-13,
        -9.055000154714944e-13,
        1.5602425735240266e-12,
        6.662654735126906e-12,
        -5.63533423643315e-11,
        1.663095487085917e-10,
        8.253457692188269e-11,
        -2.994904113211425e-09,
        1.3081983663033934e-08,
        -1.5976429579810104e-08,
        -1.277632964329009e-07,
        8.627407780510399e-07,
        -2.1431242875903015e-06,
        -3.19807505440145e-06,
        4.8798917544170514e-05,
        -0.0001839436560395359,
        0.00012244467631752294,
        0.002248725923422533,
        -0.012715977581091808,
        0.030510173388064096,
        0.0,
        -1.1996786402577337,
    ):
        result = result * t + c
    return dsigmoid(x) * (t * result)


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


def dgelu(x: float) -> float:
    """The derivative of gelu: ndtr(x) + x normal(x)."""
    if x - x != 0.0:
        return ndtr(x)
    t = (x - DGELU_ZERO) - DGELU_ZERO_LOW
    if abs(t) > 0.8:
        return ndtr(x) + normal_times(x, x)
    result = 0.0  # beside its zero the Taylor series from there
    for c in (
        -2.5871508475507507e-14,
        -1.3820118240601056e-13,
        5.482292964742324e-13,
        3.725967039270119e-12,
        -9.950340824808053e-12,
        -8.950037692726255e-11,
        1.4506418938779426e-10,
        1.90319840501314e-09,
        -1.396942086426202e-09,
        -3.5459866461783865e-08,
        -1.6044265494246427e-09,
        5.702764979242107e-07,
        4.3284506257392273e-07,
        -7.74846130700372e-06,
        -1.121438018842664e-05,
        8.615947861116571e-05,
        0.00018633974623233514,
        -0.0007448268386746817,
        -0.002239538068073497,
        0.004539228379125415,
        0.019421679838189067,
        -0.014771522148244337,
        -0.1140082332972217,
        -0.018199676398671087,
        0.388284982990552,
        0.4314939923140469,
    ):
        result = result * t + c
    return t * result


def d2gelu(x: float) -> float:
    """The second derivative of gelu: (2 - x*x) normal(x), factored at its zeros."""
    if x - x != 0.0 or abs(x) > 40.0:
        return x if x != x else 0.0
    return normal_times(x, ((SQRT_2 - abs(x)) + SQRT_2_LOW) * (SQRT_2 + abs(x)))


def normal(x: float) -> float:
    """The density of the standard normal, exp(-x*x/2) / sqrt(2 pi)."""
    if x - x != 0.0 or abs(x) > 40.0:
        return x if x != x else 0.0
    head = x * SPLIT - (x * SPLIT - x)
    return INV_SQRT_2PI * (math.exp(-0.5 * head * head) * math.exp(-0.5 * (x - head) * (x + head)))


def normal_times(x: float, factor: float) -> float:
    """factor * normal(x), also where normal(x) by itself falls below the normal floats."""
    if abs(x) < 37.0:
        return factor * normal(x)
    if abs(x) > 40.0:
        return 0.0 * factor
    head = x * SPLIT - (x * SPLIT - x)
    half = math.exp(-0.25 * head * head)
    return half * (factor * INV_SQRT_2PI * math.exp(-0.5 * (x - head) * (x + head))) * half


def mills(x: float) -> float:
    """-x * ndtr(x) / normal(x) far below zero, 1 - 1/x**2 + 3/x**4 ... (DLMF 7.12.1)."""
    w = 1.0 / (x * x)
    series = 1.0
    for odd in (13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        series = 1.0 - odd * w * series
    return series


# What a choice passes on ------------------------------------------------------------------------


def gate(d: float, x: float) -> float:
    """d where x > 0 and 0 elsewhere, chosen and not multiplied: 0 also for d = inf."""
    return d if x > 0.0 else x if x != x else 0.0


def ties(top: float, *xs: float) -> float:
    """How many of the xs equal the first number."""
    count = 0.0
    for x in xs:
        if x == top:
            count += 1.0
    return count


def route(d: float, x: float, top: float, shared: float) -> float:
    """The part of d that goes to x, one of `shared` that equal the largest or smallest."""
    return d * (1.0 / shared) if x == top else top if top != top else 0.0


def inside(d: float, x: float, low: float, high: float) -> float:
    """d where x lies in the closed interval from low to high, 0 outside, nan beside a nan."""
    if low <= x <= high:
        return d
    return 0.0 if x == x and low == low and high == high else nan


def guard(c: float, y: float) -> float:
    """c, but nan where y is nan."""
    return c if y == y else y
