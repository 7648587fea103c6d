"""The inverse and the scaled error function with their derivatives, on floats.

Each is a series of whole numbers with so many bits (`fixed.py`) that the result is right to the
last place. The formulas are those of the Digital Library of Mathematical Functions, dlmf.nist.gov,
chapter 7. Above this file: `ops.py`.
"""

from __future__ import annotations

import math
from math import inf, nan

from . import fixed
from .fixed import BITS


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
