"""The incomplete gamma and beta functions, the inverse and scaled error functions, on floats.

Each is a series of whole numbers with so many bits (`fixed.py`) that the result is right
to the last place. A derivative by a parameter is a central difference: with a step of
2**-140 and four times the bits nothing is lost that a float would show. The formulas are
those of the Digital Library of Mathematical Functions, dlmf.nist.gov, chapters 7 and 8.
Above this file: `ops.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf, nan

from . import fixed

BITS = 256
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
    if max(a, x) > LARGE:
        return nan
    # Bits for the upper part, which is about exp(a - x) (x/a)**a and 1 less the lower one.
    step = step_for(a)
    bits = BITS + (step + 20) * k + abs(math.frexp(min(a, x))[1])
    if x > a:
        bits += int(1.5 * (x - a)) + 64
    start = fixed.fixed(a, bits)
    base = min(0, gamma_scale(start, x, bits)[1])  # about the power of 2 of the lower part
    if base < -4000:
        return 0.0 if k or not upper else 1.0
    if x > a:
        base = 0
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


# Error functions --------------------------------------------------------------------------------


def erfinv(x: float) -> float:
    """The number whose erf is x: infinite at -1 and 1, nan outside."""
    if not -1.0 < x < 1.0 or x == 0.0:
        return math.copysign(inf, x) if abs(x) == 1.0 else x if x == 0.0 else nan
    y, bits = exact_erfinv(abs(x))
    return math.copysign(fixed.to_float(y, bits), x)


def derfinv(x: float) -> float:
    """The derivative of erfinv, sqrt(pi)/2 exp(erfinv(x)**2)."""
    if not -1.0 < x < 1.0:
        return inf if abs(x) == 1.0 else nan
    y, bits = exact_erfinv(abs(x)) if x else (0, BITS)
    m, e = fixed.exp((y * y) >> bits, bits)
    half_root = fixed.sqrt(fixed.constant("pi", bits), bits) >> 1
    return fixed.to_float((m * half_root) >> bits, bits - e)


def exact_erfinv(x: float) -> tuple[int, int]:
    """erfinv of 0 < x < 1 by Newton's method, from a start that is right to two digits."""
    bits = BITS + 2 * max(0, -math.frexp(x)[1])
    target = fixed.fixed(x, bits)
    # Winitzki (2008): erf(y)**2 is about 1 - exp(-y*y (4/pi + c y*y) / (1 + c y*y)).
    if x < 1e-4:
        y = (target * fixed.sqrt(fixed.constant("pi", bits), bits)) >> (bits + 1)
    else:
        logarithm = math.log1p(-x) + math.log1p(x)
        first = 4.330746750799873 + logarithm / 2.0  # 2 / (pi 0.147)
        square = math.sqrt(first * first - logarithm / 0.147) - first
        y = fixed.fixed(math.sqrt(square), bits)
    half_root = fixed.sqrt(fixed.constant("pi", bits), bits) >> 1
    for _ in range(20):
        off = exact_erf(y, bits) - target
        m, e = fixed.exp((y * y) >> bits, bits)
        step = off * half_root >> bits
        step = (step * m >> bits) << e if e >= 0 else (step * m >> bits) >> -e
        # Halley's correction: the second derivative of erf is -2 y times the first.
        step = (step << bits) // ((1 << bits) + ((y * step) >> bits))
        y -= step
        if abs(step) < max(1, abs(y) >> (bits // 2)):
            break
    return y, bits


def exact_erf(y: int, bits: int) -> int:
    """erf in units of 2**-bits (DLMF 7.6.2)."""
    square = (y * y) >> bits
    term = total = y
    n = 1
    while term > 1 or term < -1:
        term = 2 * (term * square >> bits) // (2 * n + 1)
        total += term
        n += 1
    m, e = fixed.exp(-square, bits)
    scale = m >> -e if e < 0 else m << e
    root = fixed.sqrt(fixed.constant("pi", bits), bits)
    return 2 * (total * scale) // root


def erfcx(x: float) -> float:
    """exp(x*x) erfc(x), also where erfc(x) underflows."""
    return erfcx_by(0.0, x)


def erfcx_by(nth: float, x: float) -> float:
    """The nth derivative of erfcx."""
    if nth < 0.0 or nth != math.floor(nth) or nth > 100.0:
        raise ValueError(f"erfcx: a derivative is one of a whole order up to 100, not {nth!r}")
    k = int(nth)
    if x != x or x == inf:
        return x if x != x else 0.0
    if x < -27.0 - 0.1 * k:
        return inf if k % 2 == 0 else -inf
    exponent = math.frexp(x)[1]
    if x > 13.0:
        # The asymptotic series (DLMF 7.12.1), differentiated term by term.
        bits = BITS + (k + 2) * exponent
        z = fixed.fixed(x, bits)
        square = (z * z) >> bits
        term = (1 << (2 * bits)) // z
        for j in range(k):
            term = -(term * (j + 1) << bits) // z
        total = 0
        n = 0
        while abs(term) > 1 and n < 140:
            total += term
            n += 1
            # From x**-(2n-1) to x**-(2n+1), before and after k derivatives.
            up, down = 1, 1
            for j in (0, 1):
                up *= 2 * n - 1 + k + j
                down *= 2 * n - 1 + j
            term = -((term * (2 * n - 1)) << (bits - 1)) * up // (down * square)
        root = fixed.sqrt(fixed.constant("pi", bits), bits)
        return fixed.to_float((total << bits) // root, bits)
    # Far below zero erfc(x) is 2, to 1 part in 10**36, and nothing cancels.
    far = x < -9.0
    bits = BITS if far else BITS + int(6.0 * x * x) + 12 * k + max(0, -exponent)
    z = fixed.fixed(x, bits)
    root = fixed.sqrt(fixed.constant("pi", bits), bits)
    growth = fixed.exp_value((z * z) >> bits, bits)
    erfc = 2 << bits if far else (1 << bits) - exact_erf(z, bits)
    before, now = 0, (growth * erfc) >> bits
    for j in range(k):
        # f' = 2 x f - 2/sqrt(pi), and f(j+1) = 2 x f(j) + 2 j f(j-1).
        after = 2 * (z * now >> bits) + 2 * j * before
        if j == 0 and not far:
            after -= (2 << (2 * bits)) // root
        before, now = now, after
    return fixed.to_float(now, bits)
