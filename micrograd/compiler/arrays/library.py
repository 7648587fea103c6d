"""What the operations mean on arrays, in words that NumPy, `jax.numpy` and PyTorch share.

This text is run with `np` bound to one of the three (`spaces.py`), and the functions that an
emitted source needs are copied into it (`source.py`): what is printed is what runs. They keep
the accuracy of the table in the tails to a few ulp, and follow its conventions at kinks.
Operations of any number of operands work along the last dimension. (Past 300 lines because it is
a list: a function for each operation that has no plain formula.)
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from math import inf, nan, pi
from typing import Any

np: Any = None  # NumPy, jax.numpy or torch

# Small parts of others -------------------------------------------------------------------------


def finite(x):
    return x - x == 0


def flag(condition):
    return np.where(condition, 1.0, 0.0)


def bell(e):
    """e / (1 + e)**2 with the rounding of 1 + e made good."""
    s = 1.0 + e
    q = e / (s * s)
    return q - 2.0 * q * (e - (s - 1.0))


def inverse(x, defined):
    """1 / x where that is defined: inf at both zeros, nan elsewhere."""
    return np.where(x == 0, inf, np.where(defined, 1.0 / x, nan))


def split(x):
    """x with half of its digits, so that its square is exact."""
    return x * 134217729.0 - (x * 134217729.0 - x)


def stop(x):
    """x itself; no gradient passes."""
    return x


# Comparisons and choices -----------------------------------------------------------------------


def equal(a, b):
    return flag(a == b)


def less(a, b):
    return flag(a < b)


def less_equal(a, b):
    return flag(a <= b)


def greater(a, b):
    return flag(a > b)


def greater_equal(a, b):
    return flag(a >= b)


def not_equal(a, b):
    return flag(a != b)


def logical_and(a, b):
    return flag((a != 0) & (b != 0))


def logical_or(a, b):
    return flag((a != 0) | (b != 0))


def logical_not(x):
    return flag(x == 0)


def isnan(x):
    return flag(x != x)


def isinf(x):
    return flag((x == inf) | (x == -inf))


def isfinite(x):
    return flag(x - x == 0)


def relu(x):
    return np.clip(x, 0.0, None)


def gate(d, x):
    """d where x is positive, else 0: the gradient through relu."""
    return np.where(x > 0, d, np.where(x == x, 0.0, nan))


def where(c, a, b):
    return np.where(c != 0, a, b)


def upper(a, b):
    """The larger, nan if one is; of the two zeros either."""
    return np.where((a >= b) | (a != a), a, b)


def lower(a, b):
    return np.where((a <= b) | (a != a), a, b)


def maximum(a, b):
    """The larger; of the two zeros 0.0, in either order; nan if one is nan."""
    return np.where((a == 0) & (b == 0), a + b, upper(a, b))


def minimum(a, b):
    return np.where((a == 0) & (b == 0), -(-a - b), lower(a, b))


def fmax(a, b):
    return np.where(a != a, b, np.where(b != b, a, maximum(a, b)))


def fmin(a, b):
    return np.where(a != a, b, np.where(b != b, a, minimum(a, b)))


def clip(x, low, high):
    clipped = np.where(x < low, low, np.where(x > high, high, x))
    return np.where((x == x) & (low == low) & (high == high), clipped, nan)


def inside(d, x, low, high):
    """d where x lies between the bounds, else 0: the gradient through clip."""
    outside = np.where((x == x) & (low == low) & (high == high), 0.0, nan)
    return np.where((x >= low) & (x <= high), d, outside)


def route(d, x, top, shared):
    """d / shared where x is the largest, else 0: the gradient through maximum."""
    return np.where(x == top, d * (1.0 / shared), np.where(top == top, 0.0, nan))


def ties(top, *xs):
    """How many of the others equal the first."""
    return sum(flag(x == top) for x in xs)


def guard(c, y):
    return np.where(y == y, c, nan)


def reached(d, slope):
    """d * slope, and 0 where nothing flows, also if the slope is inf or nan there."""
    return d * np.where((d == 0) & ~finite(slope), 0.0, slope)


def leaky_relu(x, s):
    return np.where(x > 0, x, s * x)


def at_kink(slope):
    """Of the numbers between the slope and 1 the one nearest to 0."""
    return np.where(slope > 0, lower(slope, 1.0), np.where(slope == slope, 0.0, nan))


def leaky_step(x, s):
    step = np.where(x > 0, 1.0, np.where(x == 0, at_kink(s), s))
    return np.where(x == x, step, nan)


def elu(x, a):
    return np.where(x > 0, x, a * np.expm1(np.where(x > 0, 0.0, x)))


def elu_step(x, a):
    below = np.where(x == 0, at_kink(a), a * np.exp(lower(x, 0.0)))
    return np.where(x > 0, 1.0, below)


# Exponentials and logarithms ---------------------------------------------------------------------


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x > 0, 1.0, e) / (1.0 + e)


def dsigmoid(x):
    """s * (1 - s) for s = sigmoid(x), also where s rounds to 1."""
    return bell(np.exp(-np.abs(x)))


def softplus(x):
    return upper(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def logsigmoid(x):
    return -softplus(-x)


def exp_times(x, factor):
    """factor * exp(x), x below 0, also where exp(x) by itself has lost its last digits."""
    half = np.exp(0.5 * lower(upper(x, -1e4), 0.0))
    return half * factor * half


def silu(x):
    return np.where(x == -inf, -0.0, np.where(x < -700.0, exp_times(x, x), x * sigmoid(x)))


def dsilu(x):
    s = sigmoid(x)
    value = np.where(x < -700.0, exp_times(x, 1.0 + x) + 0.0, s + x * dsigmoid(x))
    return np.where(finite(x), value, s)


def d2silu(x):
    a = np.abs(x)
    value = dsigmoid(x) * (2.0 - x * np.tanh(0.5 * x))
    value = np.where(a > 700.0, exp_times(-a, 2.0 - a), value)
    return np.where(finite(x), value, np.where(x == x, 0.0, nan))


def dlog(x):
    """1 / x where the logarithm exists: inf at both zeros, nan below."""
    return inverse(x, x > 0)


def dlog1p(x):
    return inverse(1.0 + x, x > -1)


def xlogy(a, b):
    return np.where((a == 0) & (b == b), 0.0, a * np.log(b))


def weighed(w, x):
    """w * x, and 0 where w is 0, also beside inf."""
    return np.where((w == 0) & (x == x), 0.0, w * x)


def portion(a, b):
    return a / (a + b)


def exp_diff(x, top):
    """exp(x - top) with the rounding of the difference made good."""
    gap = x - top
    back = gap - x
    lost = (x - (gap - back)) - (top + back)
    return np.exp(gap) * (1.0 + np.where(finite(gap) & (gap <= 710.0), lost, 0.0))


def exp_gap(x, top):
    return np.where(x == top, 1.0, exp_diff(x, top))


def share(x, y):
    e = exp_gap(lower(x, y), upper(x, y))
    return np.where(x >= y, 1.0, e) / (1.0 + e)


def dshare(x, y):
    return bell(exp_gap(lower(x, y), upper(x, y)))


def logaddexp(x, y):
    top = upper(x, y)
    return top + np.log1p(exp_gap(lower(x, y), top))


# Powers and roots --------------------------------------------------------------------------------


def dsqrt(x):
    return np.where(x == 0, inf, 0.5 / np.sqrt(x))


def cbrt(x):
    y = np.sign(x) * np.abs(x) ** (1.0 / 3.0)
    safe = np.where((y == 0) | ~finite(y), 1.0, y)
    return np.where(safe == y, y - (y * y * y - x) / (3.0 * safe * safe), y)


def dcbrt(x):
    return 1.0 / (3.0 * cbrt(x) * cbrt(x))


def power(x, p):
    return x**p


def power_partial(x, y, n, k):
    """The derivative of x**y, n times by x and k times by y: a polynomial in log(x)."""
    p = [0.0] * int(k) + [1.0]
    a = y
    for _ in range(int(n)):
        q = [a * c for c in p]
        for i in range(1, len(p)):
            q[i - 1] = q[i - 1] + i * p[i]
        p = q
        a = a - 1.0
    power = x ** (y - n)
    if k == 0:
        return np.where(p[0] * (x == x) == 0, 0.0, p[0] * power)
    factor = np.log(x)
    value = 0.0
    for c in reversed(p):
        value = value * factor + c
    at_zero = -inf if k % 2 else inf
    flat = (a + 0.0 * x > 0) | ((y + 0.0 * x == 0) & (n == 0))
    limit = np.where(flat, 0.0, np.where(p[-1] + 0.0 * x == 0, nan, power * at_zero))
    return np.where(x == 0, limit, power * value)


def ratio(a, b):
    return np.where((a == 0) & (b == 0), 0.0, a / b)


def unit(a, b):
    r = np.hypot(a, b)
    return np.where(r == 0, 0.0, a / r)


def inv_r2(a, b):
    return 1.0 / (a * a + b * b)


def datan2(a, b):
    return a / (a * a + b * b)


# Circular and hyperbolic functions ---------------------------------------------------------------


def sech2(x):
    """1 - tanh(x)**2, also where tanh(x) rounds to 1."""
    return 4.0 * bell(np.exp(-2.0 * np.abs(x)))


def dasin(x):
    return inverse(np.sqrt((1.0 - x) * (1.0 + x)), np.abs(x) <= 1)


def datan(x):
    return np.where(np.abs(x) < 1e8, 1.0 / (1.0 + x * x), (1.0 / x) * (1.0 / x))


def dasinh(x):
    return np.where(np.abs(x) < 1e150, 1.0 / np.sqrt(1.0 + x * x), 1.0 / np.abs(x))


def dacosh(x):
    near = inverse(np.sqrt((x - 1.0) * (x + 1.0)), x >= 1)
    return np.where(x > 1e150, 1.0 / x, np.where(x >= 1, near, nan))


def datanh(x):
    return inverse((1.0 - x) * (1.0 + x), np.abs(x) <= 1)


def degrees(x):
    return x * (180.0 / pi)


def radians(x):
    return x / (180.0 / pi)


# Error function and relatives; erf, erfc, ndtr, lgamma, digamma come from elsewhere ---------------


def gauss(x):
    """exp(-x*x) to the last digits."""
    x = lower(upper(x, -40.0), 40.0)
    head = split(x)
    return np.exp(-head * head) * np.exp(-(x - head) * (x + head))


def derf(x):
    return 1.1283791670955126 * np.where(np.abs(x) > 40.0, 0.0, gauss(x))


def normal(x):
    """The density of the standard normal."""
    return normal_times(x, 1.0)


def normal_times(x, factor):
    """factor * normal(x), also where normal(x) by itself has lost its last digits."""
    x = lower(upper(x, -40.0), 40.0)
    head = split(x)
    half = np.exp(-0.25 * head * head)
    value = half * (factor * 0.3989422804014327 * np.exp(-0.5 * (x - head) * (x + head))) * half
    return np.where(np.abs(x) == 40.0, 0.0 * factor, value)


ndtr: Any = None


def gelu(x):
    return x * ndtr(x)


def dgelu(x):
    return ndtr(x) + normal_times(x, x)


def d2gelu(x):
    """(2 - x*x) * normal(x), with sqrt(2) in two parts."""
    a = np.abs(x)
    near = ((1.4142135623730951 - a) + -9.667293313452913e-17) * (1.4142135623730951 + a)
    return np.where(a > 40.0, 0.0, normal_times(x, near))


def dsinc(n, x):
    if n != 1:
        raise TypeError("the derivatives of sinc beyond the first cannot be exported")
    safe = np.where(np.abs(x) < 1e-3, 1.0, x)
    far = (np.cos(pi * safe) - np.sinc(safe)) / safe
    t = (pi * x) * (pi * x)
    near = pi * (pi * x) * (-1.0 / 3.0 + t * (1.0 / 30.0 - t / 840.0))
    return np.where(np.abs(x) < 1e-3, near, far)


# Whole numbers -----------------------------------------------------------------------------------


def floordiv(a, b):
    q = a / b
    whole = np.where(finite(a * np.ones_like(q)), np.floor_divide(a, b), nan)
    return np.where(b * np.ones_like(q) == 0, q, whole)


def truncdiv(a, b):
    return np.trunc(a / b)


def neardiv(a, b):
    return np.round(a / b)


def mod(a, b):
    y = np.remainder(a, b)
    return np.where(finite(a * np.ones_like(y)), y, nan)


def remainder(a, b):
    return a - np.round(a / b) * b


def round(x, digits):
    scale = 10.0**digits
    return np.round(x * scale) / scale


def copysign(a, b):
    return np.copysign(a * np.ones_like(b), b)


def ldexp(x, n):
    return x * 2.0**n


def fma(a, b, c):
    return a * b + c


# Along the last dimension ------------------------------------------------------------------------


def largest(x):
    """The largest; of zeros 0.0, if one is that."""
    top = np.amax(x, -1)
    zeros = flag((x == 0) & ~np.signbit(x)).sum(-1)
    return np.where((top == 0) & (zeros > 0), 0.0, top)


def smallest(x):
    low = np.amin(x, -1)
    zeros = flag((x == 0) & np.signbit(x)).sum(-1)
    return np.where((low == 0) & (zeros > 0), -0.0, low)


def product(x):
    return np.prod(x, -1)


def dproduct(x):
    """Of each number the product of all the others, from the left and from the right."""
    one = np.ones_like(x[..., :1])
    left = np.cumprod(np.concatenate([one, x[..., :-1]], -1), -1)
    turned = np.flip(x[..., 1:], (-1,))
    right = np.flip(np.cumprod(np.concatenate([one, turned], -1), -1), (-1,))
    return left * right


def exactly(x):
    """The sum; here rounded as it goes."""
    return x.sum(-1)


def norm(x):
    size = np.where(flag(np.abs(x) == inf).sum(-1) > 0, inf, np.amax(np.abs(x), -1))
    safe = np.where((size == 0) | ~finite(size), 1.0, size)
    y = x / safe[..., None]
    return np.where(safe == size, size * np.sqrt((y * y).sum(-1)), size)


def dnorm(x):
    return ratio(x, norm(x)[..., None])


def others(x, top):
    """The sum of exp(x - top) but for one x that is the top."""
    tops = x == top
    return np.where(tops, 0.0, exp_diff(x, top)).sum(-1) + (flag(tops).sum(-1) - 1.0)


def logsumexp(x):
    top = np.amax(x, -1)
    return np.where(finite(top), top + np.log1p(others(x, top[..., None])), top)


def softmax(x):
    e = exp_gap(x, np.amax(x, -1)[..., None])
    return e / e.sum(-1)[..., None]


def chosen(index, x):
    """Where the number of the place along the last dimension is the index."""
    return np.cumsum(np.ones_like(x), -1) - 1.0 == index


def take(index, x):
    """The x at the index; nan where there is none."""
    right = chosen(index, x)
    return np.where(flag(right).sum(-1) == 1.0, np.where(right, x, 0.0).sum(-1), nan)


def nll(index, x):
    """-log of the softmax of x at the index."""
    top = np.amax(x, -1)
    right = np.where(chosen(index, x), x, 0.0).sum(-1)
    return (top - right) + np.where(finite(top), np.log1p(others(x, top[..., None])), 0.0)


def dnll(index, x):
    """softmax(x), less 1 at the index: there it is minus the sum of all the others."""
    e = exp_gap(x, np.amax(x, -1)[..., None])
    right = chosen(index, x)
    rest = np.where(right, 0.0, e).sum(-1)[..., None]
    return np.where(right, -rest, e) / e.sum(-1)[..., None]
