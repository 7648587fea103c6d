"""The functions of `math` on floats as IEEE 754 means them.

Python's `math` raises where the standard has an answer: here log(0) is -inf, log(-1) is
nan, exp(1000) is inf, and a forward pass never stops over a number. Everything takes
floats and returns one, within 4 units in the last place; nothing here knows of
gradients. The accurate derivatives are in `tails.py`, the gamma function in
`special.py`; the table that uses all three is `ops.py`. (Past 300 lines because it is a list:
one short function after the other.)
"""

from __future__ import annotations

import math
from math import inf, nan
from typing import Final

SPLIT: Final = 134217729.0  # 2**27 + 1: cuts a double into two halves of 26 bits
WHOLE: Final = 4503599627370496.0  # 2**52: from here on every double is a whole number
DEGREES: Final = 57.29577951308232  # 180 / pi
LN2: Final = 0.6931471805599453
LN10: Final = 2.302585092994046


# Arithmetic -------------------------------------------------------------------------------------


def add(x: float, y: float) -> float:
    return x + y


def sub(x: float, y: float) -> float:
    return x - y


def mul(x: float, y: float) -> float:
    return x * y


def div(x: float, y: float) -> float:
    """x / y, with 1/0 = inf and 0/0 = nan."""
    if y != 0.0:
        return x / y
    if x == 0.0 or x != x:
        return nan
    return math.copysign(inf, x) * math.copysign(1.0, y)


def neg(x: float) -> float:
    return -x


def absolute(x: float) -> float:
    return abs(x)


def identity(x: float) -> float:
    return x


def power(x: float, y: float) -> float:
    """x ** y as C99's pow: never complex, never an exception."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0.0 and math.fmod(y, 2.0) != 0.0 else inf
    except ValueError:
        if x != 0.0:
            return nan  # a negative base has no real root
        if y - y != 0.0:
            return inf  # Python 3.10 raises here too
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


def fma(x: float, y: float, z: float) -> float:
    """x*y + z with one rounding."""
    rounded = x * y + z
    if x - x != 0.0 or y - y != 0.0:
        return rounded
    if z - z != 0.0:
        return z  # also where x*y, which is not rounded, would overflow
    from fractions import Fraction  # here alone: slow to import, and exact

    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return rounded  # a zero, with the sign that IEEE gives it
    try:
        return float(exact)
    except OverflowError:
        return inf if exact > 0 else -inf


def ldexp(x: float, exponent: float) -> float:
    """x * 2**exponent."""
    if exponent != exponent:
        return nan
    n = int(max(-10000.0, min(10000.0, exponent)))
    try:
        return math.ldexp(x, n)
    except OverflowError:
        return math.copysign(inf, x)


# Rounding ---------------------------------------------------------------------------------------


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
    if x - x != 0.0 or digits != digits:
        return x if x != x else digits if digits != digits else x
    if digits > 400.0:
        return x  # no float has that many
    if digits < -400.0:
        return math.copysign(0.0, x)
    try:
        return round(x, int(digits))
    except OverflowError:
        return math.copysign(inf, x)  # 1.7e308 to the next multiple of 1e308


def sign(x: float) -> float:
    """1, 0 or -1 with the sign of x; nan for nan."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x if x != x else 0.0


def copysign(x: float, y: float) -> float:
    return math.copysign(x, y)


# Exponentials and logarithms --------------------------------------------------------------------


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


# Roots and lengths ------------------------------------------------------------------------------


def sqrt(x: float) -> float:
    return math.sqrt(x) if x >= 0.0 else nan


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
    lost = 0.0
    for x in xs:
        scaled = math.ldexp(x, -exponent)
        square = scaled * scaled
        lost += product_plus(scaled, scaled, -square)
        new = total + square
        lost += (total - new) + square if total > square else (square - new) + total
        total = new
    root = math.sqrt(total)
    excess = product_plus(-root, root, total) + lost
    return ldexp(root + excess / (2.0 * root), exponent)


def product_plus(x: float, y: float, z: float) -> float:
    """x * y + z, where the product is exact and z nearly cancels it (Dekker)."""
    p = x * y
    x1 = x * SPLIT - (x * SPLIT - x)
    y1 = y * SPLIT - (y * SPLIT - y)
    x2 = x - x1
    y2 = y - y1
    low = ((x1 * y1 - p) + x1 * y2 + x2 * y1) + x2 * y2
    return (p + z) + low


# Circular and hyperbolic functions --------------------------------------------------------------


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


def asinh(x: float) -> float:
    return math.asinh(x)


def acosh(x: float) -> float:
    return math.acosh(x) if x >= 1.0 else nan


def atanh(x: float) -> float:
    if -1.0 < x < 1.0:
        return math.atanh(x)
    return math.copysign(inf, x) if abs(x) == 1.0 else nan


def erf(x: float) -> float:
    return math.erf(x)


def erfc(x: float) -> float:
    return math.erfc(x)


# Choosing ---------------------------------------------------------------------------------------


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


def clip(x: float, low: float, high: float) -> float:
    """x brought into the interval from low to high; nan if one of the three is nan."""
    if low > high:
        raise ValueError(f"clip: the lower bound {low} is above the upper bound {high}")
    if x != x or low != low or high != high:
        return nan
    return low if x < low else high if x > high else x


def where(condition: float, x: float, y: float) -> float:
    return x if condition else y


def equal(x: float, y: float) -> float:
    return 1.0 if x == y else 0.0


def less(x: float, y: float) -> float:
    return 1.0 if x < y else 0.0


def less_equal(x: float, y: float) -> float:
    return 1.0 if x <= y else 0.0


def greater(x: float, y: float) -> float:
    return 1.0 if x > y else 0.0


def greater_equal(x: float, y: float) -> float:
    return 1.0 if x >= y else 0.0


# Sums and products ------------------------------------------------------------------------------


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


def not_equal(x: float, y: float) -> float:
    return 1.0 if x != y else 0.0


def logical_and(x: float, y: float) -> float:
    return 1.0 if x != 0.0 and y != 0.0 else 0.0


def logical_or(x: float, y: float) -> float:
    return 1.0 if x != 0.0 or y != 0.0 else 0.0


def logical_not(x: float) -> float:
    return 1.0 if x == 0.0 else 0.0


def isnan(x: float) -> float:
    return 1.0 if x != x else 0.0


def isinf(x: float) -> float:
    return 1.0 if x == inf or x == -inf else 0.0


def isfinite(x: float) -> float:
    return 1.0 if x - x == 0.0 else 0.0
