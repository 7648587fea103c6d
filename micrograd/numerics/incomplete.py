"""The incomplete gamma and beta functions, on floats.

Each is a series of whole numbers with so many bits (`fixed.py`) that the result is right
to the last place. A derivative by a parameter is a central difference: with a step of
2**-140 and four times the bits nothing is lost that a float would show. The formulas are
those of the Digital Library of Mathematical Functions, dlmf.nist.gov, chapter 8. Error functions
that are made in the same way are in `error.py`; above both: `ops.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, nan

from . import fixed
from .fixed import BITS

LARGE = 1e8  # from here on a series has too many terms: nan, where the result is no limit


# The incomplete gamma function ------------------------------------------------------------------


def gammainc(a: float, x: float) -> float:
    """The part of gamma(a) that the integral from 0 to x gives: rises from 0 to 1."""
    return gamma_part(0.0, a, x, False)


def gammaincc(a: float, x: float) -> float:
    """1 - gammainc(a, x), accurate where that rounds to 1."""
    return gamma_part(0.0, a, x, True)


def gammainc_by(nth: float, a: float, x: float) -> float:
    """The nth derivative of gammainc by a."""
    return gamma_part(nth, a, x, False)


def gamma_part(nth: float, a: float, x: float, upper: bool) -> float:
    """The nth derivative by a of the lower part, or of the upper one."""
    k = counted("gammainc", nth)
    if a != a or x != x:
        return nan
    if a < 0.0 or x < 0.0:
        return nan
    if a == 0.0 or x == inf or a == inf or x == 0.0:
        if (a == 0.0 and x == 0.0) or (a == inf and x == inf):
            return nan
        if k:
            return 0.0 if a != 0.0 else nan
        return 1.0 if (a == 0.0 or x == inf) is not upper else 0.0
    if max(a, x) > 100.0 and k == 0 and abs(x - a) > 60.0 * math.sqrt(max(a, x)) + 2000.0:
        return 1.0 if (x > a) is not upper else 0.0  # the other part is below 1e-308
    if x > a + 1.0 and a < LARGE:
        # The upper part is at most exp of this. A derivative by a has factors of about log(x)
        # beside it, and where a is small not the 1/gamma(a), which is about a.
        size = a * math.log(x) - x - math.lgamma(max(a, 1.0) if k else a)
        if size < (-1900.0 if k else -760.0):  # 1e-324 is exp(-745)
            return 0.0 if upper or k else 1.0
    if max(a, x) > LARGE:
        return nan
    # Bits for the upper part, which is about exp(a - x) (x/a)**a and 1 less the lower one.
    step = step_for(a)
    bits = BITS + (step + 20) * k + abs(math.frexp(min(a, x))[1])
    if x > a:
        bits += int(1.5 * (x - a)) + 64
    start = fixed.fixed(a, bits)
    # About the power of 2 of the lower part, which is near 1 above a.
    base = 0 if x > a else min(0, gamma_scale(start, x, bits)[1])
    if base < -4000:
        return 0.0 if k or not upper else 1.0
    n = difference(k, lambda da: lower(start + da, x, base, bits), step, bits)
    if upper:
        n = ((0 if k else 1 << bits) << -base) - n
    return fixed.to_float(n, bits - base)


def lower(a: int, x: float, base: int, bits: int) -> int:
    """gammainc over 2**base, in units of 2**-bits (DLMF 8.11.4)."""
    m, e = gamma_scale(a, x, bits)
    z = fixed.fixed(x, bits)
    one = 1 << bits
    term = total = one
    n = a
    while term:
        n += one
        term = term * z // n
        total += term
    value = (total * m) >> bits
    return value << (e - base) if e >= base else value >> (base - e)


def gamma_scale(a: int, x: float, bits: int) -> tuple[int, int]:
    """x**a exp(-x) / gamma(a + 1) as m * 2**e."""
    m, e = math.frexp(x)
    logarithm = fixed.log(fixed.fixed(m, bits), bits) + e * fixed.constant("log2", bits)
    exponent = (a * logarithm >> bits) - fixed.fixed(x, bits)
    return fixed.exp(exponent - fixed.lgamma(a + (1 << bits), bits), bits)


def gamma_density(nth: float, a: float, x: float) -> float:
    """The nth derivative by a of x**(a-1) exp(-x) / gamma(a), the derivative of gammainc by x."""
    if nth < 0.0:
        return 0.0  # what a formula that is k times the one before finds for k = 0
    k = counted("gammainc", nth)
    if a != a or x != x or a < 0.0 or x < 0.0 or a == inf:
        return nan
    if x == inf or a == 0.0:
        return 0.0
    if x == 0.0:
        if k:
            return nan
        return 0.0 if a > 1.0 else 1.0 if a == 1.0 else inf
    step = step_for(a)
    bits = BITS + (step + 20) * k + abs(math.frexp(a)[1]) + abs(math.frexp(x)[1])
    start = fixed.fixed(a, bits)
    base = gamma_scale(start, x, bits)[1]  # about which power of 2 the results have

    def at(da: int) -> int:
        m, e = gamma_scale(start + da, x, bits)
        shift = e - base
        value = m << shift if shift >= 0 else m >> -shift
        return value * (start + da) // fixed.fixed(x, bits)

    return fixed.to_float(difference(k, at, step, bits), bits - base)


def gamma_slope(a: float, x: float) -> float:
    """(a - 1)/x - 1, exactly where it cancels: how fast the logarithm of the density grows."""
    if a - a != 0.0 or x - x != 0.0 or x == 0.0:
        return nan
    bits = 1140
    z = fixed.fixed(x, bits)
    return ratio_of(fixed.fixed(a, bits) - z - (1 << bits), z)


def ratio_of(n: int, d: int) -> float:
    """n / d, rounded once; infinite where it is past the floats."""
    try:
        return n / d
    except OverflowError:
        return inf if (n > 0) == (d > 0) else -inf


def counted(name: str, nth: float) -> int:
    """How often to differentiate; ValueError for what is no number of times."""
    if not 0.0 <= nth <= 8.0 or nth != math.floor(nth):
        raise ValueError(f"{name}: a derivative by a parameter is one of order 0 to 8, not {nth!r}")
    return int(nth)


def step_for(*parameters: float) -> int:
    """A step of 2**-n far below all of them: n."""
    return 140 + max(0, -math.frexp(min(parameters))[1])


def difference(k: int, f: Callable[[int], int], step: int, bits: int) -> int:
    """The kth derivative of f at 0 by a central difference, in units of 2**-bits."""
    if k == 0:
        return f(0)
    h = 1 << (bits - step)
    total = 0
    for i in range(k + 1):
        # Points at -k, -k + 2, ..., k half steps.
        value = f((2 * i - k) * h // 2)
        total += (-1) ** (k - i) * math.comb(k, i) * value
    return total << (step * k)


# The incomplete beta function -------------------------------------------------------------------


def betainc(a: float, b: float, x: float) -> float:
    """The part of beta(a, b) that the integral from 0 to x gives: rises from 0 to 1."""
    return betainc_by(0.0, 0.0, a, b, x)


def betainc_by(by_a: float, by_b: float, a: float, b: float, x: float) -> float:
    """The derivative of betainc, so many times by a and by b."""
    j, k = counted("betainc", by_a), counted("betainc", by_b)
    if a != a or b != b or x != x or not (a > 0.0 and b > 0.0 and 0.0 <= x <= 1.0):
        return nan
    if a == inf or b == inf:
        return nan
    if x == 0.0 or x == 1.0:
        return 0.0 if j or k else x
    if max(a, b) > LARGE:
        return nan
    step = step_for(a, b)
    bits = BITS + (step + 20) * (j + k) + 2 * abs(math.frexp(min(a, b, x))[1])
    z = fixed.fixed(x, bits)
    p, q = fixed.fixed(a, bits), fixed.fixed(b, bits)
    swapped = x * (a + b + 2.0) > a + 1.0
    if swapped:
        p, q, z = q, p, (1 << bits) - z
        j, k = k, j
    base = beta_scale(p, q, z, bits)[1]

    def at(da: int, db: int) -> int:
        return beta_series(p + da, q + db, z, base, bits)

    n = difference(j, lambda da: difference(k, lambda db: at(da, db), step, bits), step, bits)
    if swapped:
        whole = (0 if j or k else 1) << bits
        n = (whole << -base if base < 0 else whole >> base) - n
    return fixed.to_float(n, bits - base)


def beta_series(a: int, b: int, x: int, base: int, bits: int) -> int:
    """betainc over 2**base (DLMF 8.17.8)."""
    m, e = beta_scale(a, b, x, bits)
    one = 1 << bits
    term = total = one
    up, down = a + b, a + one
    while term:
        term = (term * up // down) * x >> bits
        total += term
        up += one
        down += one
    shift = e - base
    value = (total * m) // a
    return value << shift if shift >= 0 else value >> -shift


def beta_scale(a: int, b: int, x: int, bits: int) -> tuple[int, int]:
    """x**a (1 - x)**b / beta(a, b) as m * 2**e."""
    exponent = (a * fixed.log(x, bits) + b * fixed.log((1 << bits) - x, bits)) >> bits
    exponent += fixed.lgamma(a + b, bits) - fixed.lgamma(a, bits) - fixed.lgamma(b, bits)
    return fixed.exp(exponent, bits)


def beta_density(by_a: float, by_b: float, a: float, b: float, x: float) -> float:
    """x**(a-1) (1-x)**(b-1) / beta(a, b), so many times differentiated by a and by b."""
    if by_a < 0.0 or by_b < 0.0:
        return 0.0  # as in gamma_density
    j, k = counted("betainc", by_a), counted("betainc", by_b)
    if not (0.0 < a < inf and 0.0 < b < inf and 0.0 <= x <= 1.0) or max(a, b) > LARGE:
        return nan
    if x == 0.0 or x == 1.0:
        p, q = (a, b) if x == 0.0 else (b, a)
        return nan if j or k else 0.0 if p > 1.0 else inf if p < 1.0 else q
    step = step_for(a, b)
    bits = BITS + (step + 20) * (j + k) + 2 * abs(math.frexp(min(a, b, x))[1])
    z = fixed.fixed(x, bits)
    p, q = fixed.fixed(a, bits), fixed.fixed(b, bits)
    base = beta_scale(p, q, z, bits)[1]
    inner = (z * ((1 << bits) - z)) >> bits

    def at(da: int, db: int) -> int:
        m, e = beta_scale(p + da, q + db, z, bits)
        shift = e - base
        return ((m << shift if shift >= 0 else m >> -shift) << bits) // inner

    n = difference(j, lambda da: difference(k, lambda db: at(da, db), step, bits), step, bits)
    return fixed.to_float(n, bits - base)


def beta_slope(a: float, b: float, x: float) -> float:
    """(a-1)/x - (b-1)/(1-x), exactly where it cancels."""
    if not (0.0 < a < inf and 0.0 < b < inf and 0.0 < x < 1.0):
        return nan
    bits = 1140
    one = 1 << bits
    z = fixed.fixed(x, bits)
    rest = one - z
    n = (fixed.fixed(a, bits) - one) * rest - (fixed.fixed(b, bits) - one) * z
    return ratio_of(n, z * rest)
