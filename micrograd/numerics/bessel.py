"""The Bessel functions J, Y and I of orders 0 and 1, and all their derivatives, on floats.

Each is a power series, and beyond x = 100 an asymptotic one, summed with so many bits
(`fixed.py`) that the digits that cancel beside its zeros are there. So each result is
right to the last place, at the price of some hundred microseconds in Python. The formulas
are those of the Digital Library of Mathematical Functions, dlmf.nist.gov, chapter 10.
Above this file: `ops.py`.
"""

from __future__ import annotations

import math
from math import inf, nan

from . import fixed
from .fixed import BITS


def j0(x: float) -> float:
    """The Bessel function of the first kind of order 0."""
    return bessel_j(0.0, 0.0, x)


def j1(x: float) -> float:
    """The Bessel function of the first kind of order 1."""
    return bessel_j(1.0, 0.0, x)


def y0(x: float) -> float:
    """The Bessel function of the second kind of order 0: -inf at 0, nan below."""
    return bessel_y(0.0, 0.0, x)


def y1(x: float) -> float:
    """The Bessel function of the second kind of order 1: -inf at 0, nan below."""
    return bessel_y(1.0, 0.0, x)


def i0(x: float) -> float:
    """The modified Bessel function of the first kind of order 0."""
    return bessel_i(0.0, 0.0, x)


def i1(x: float) -> float:
    """The modified Bessel function of the first kind of order 1."""
    return bessel_i(1.0, 0.0, x)


def whole(name: str, order: float, nth: float) -> tuple[int, int]:
    """Both as whole numbers; ValueError for what they cannot be."""
    if order not in (0.0, 1.0) or nth < 0.0 or nth != math.floor(nth) or nth > 100.0:
        raise ValueError(
            f"{name}: the order is 0 or 1 and the derivative a whole number up to 100, "
            f"not {order!r} and {nth!r}"
        )
    return int(order), int(nth)


def bits_for(x: float, k: int) -> int:
    """Bits after the point that leave more than enough of x and of a k-th derivative."""
    return BITS + (k + 3) * abs(math.frexp(x)[1]) + 8 * k


def bessel_j(order: float, nth: float, x: float) -> float:
    """The nth derivative of J of that order at x."""
    v, k = whole("bessel_j", order, nth)
    if x - x != 0.0:
        return x if x != x else 0.0
    if (x == 0.0 and (v + k) % 2 == 0) or abs(x) <= 100.0:
        value, bits = series(v, k, x, -1)
        y = fixed.to_float(value, bits)
        return math.copysign(y, x) if y == 0.0 and (v + k) % 2 else y
    bits = bits_for(x, k)
    low, high = waves(abs(x), bits)[:2]
    y = fixed.to_float(mixed(v, k, low, high, fixed.fixed(abs(x), bits), -1, bits), bits)
    return -y if x < 0.0 and (v + k) % 2 else y


def bessel_y(order: float, nth: float, x: float) -> float:
    """The nth derivative of Y of that order at x > 0; infinite at 0, nan below."""
    v, k = whole("bessel_y", order, nth)
    if x <= 0.0 or x - x != 0.0:
        return x if x != x else 0.0 if x == inf else nan if x else inf if k % 2 else -inf
    if x < 1e-290:
        return fixed.to_float(*tiny_y(v, k, x))
    bits = bits_for(x, k)
    z = fixed.fixed(x, bits)
    if x <= 100.0:
        low, high, bits = second_series(x, bits + int(5.8 * x))
        z = fixed.fixed(x, bits)
    else:
        low, high = waves(x, bits)[2:]
    return fixed.to_float(mixed(v, k, low, high, z, -1, bits), bits)


def bessel_i(order: float, nth: float, x: float) -> float:
    """The nth derivative of I of that order at x."""
    v, k = whole("bessel_i", order, nth)
    even = (v + k) % 2 == 0
    if x - x != 0.0:
        return x if x != x or not even else inf
    if abs(x) <= 100.0:
        value, bits = series(v, k, x, 1)
        y = fixed.to_float(value, bits)
        return math.copysign(y, x) if y == 0.0 and not even else y
    if abs(x) > 720.0:
        return inf if even or x > 0.0 else -inf
    bits = BITS + 32 * (k + 1)
    z = fixed.fixed(abs(x), bits)
    low, high = (hankel(n, z, bits) for n in (0, 1))
    # DLMF 10.40.1, apart from exp(x) / sqrt(2 pi x).
    parts = [sum(t * (-1) ** j for j, t in enumerate(terms)) for terms in (low, high)]
    value = mixed(v, k, parts[0], parts[1], z, 1, bits)
    m, n = fixed.exp(z, bits)
    root = fixed.sqrt((2 * fixed.constant("pi", bits) * z) >> bits, bits)
    y = fixed.to_float((value * m) // root, bits - n)
    return y if even or x > 0.0 else -y


def series(v: int, k: int, x: float, sign: int) -> tuple[int, int]:
    """The kth derivative of J (sign -1) or I (sign 1), term by term (DLMF 10.2.2, 10.25.2)."""
    bits = BITS + int(3.0 * abs(x)) + 8 * k
    small = abs(math.frexp(x)[1]) if x and abs(x) < 1.0 else 0
    bits += small * (2 if (v + k) % 2 else 1) if small else 0
    z = fixed.fixed(x, bits)
    square = (z * z) >> bits
    # (x/2)**(2m+v) / (m! (m+v)!), k times differentiated; the first that is not 0.
    m = max(0, (k - v + 1) // 2)
    power = 2 * m + v - k
    term = 1 << bits
    for _ in range(power):
        term = (term * z) >> bits
    for j in range(k):
        term *= 2 * m + v - j
    term //= (1 << (2 * m + v)) * math.factorial(m) * math.factorial(m + v)
    if m % 2 and sign < 0:
        term = -term
    total = 0
    while term > 1 or term < -1:
        total += term
        m += 1
        n = 2 * m + v
        # From the degree n - 2 to n, before and after k derivatives.
        term = ((term * square) >> bits) * sign * n * (n - 1)
        term //= (n - k) * (n - k - 1) * 4 * m * (m + v)
    return total, bits


def hankel(v: int, z: int, bits: int) -> list[int]:
    """The terms a_k(v) / z**k of DLMF 10.17.1, as far as they fall."""
    terms = [1 << bits]
    k = 1
    while terms[-1] not in (0, -1) and len(terms) < 200:
        terms.append((terms[-1] * (4 * v * v - (2 * k - 1) ** 2) << bits) // (8 * k * z))
        k += 1
    return terms


def waves(x: float, bits: int) -> tuple[int, int, int, int]:
    """J of orders 0 and 1 and Y of orders 0 and 1 at x > 100 (DLMF 10.17.3 and 4)."""
    z = fixed.fixed(x, bits)
    sine, cosine = fixed.sin_cos(z, bits)
    root = fixed.sqrt((fixed.constant("pi", bits) * z) >> bits, bits)
    found = []
    for v in (0, 1):
        terms = hankel(v, z, bits)
        p = sum(t * (-1) ** j for j, t in enumerate(terms[0::2]))
        q = sum(t * (-1) ** j for j, t in enumerate(terms[1::2]))
        # sqrt(2) times the cosine and sine of x - pi/4, or of x - 3 pi/4.
        c, s = (cosine + sine, sine - cosine) if v == 0 else (sine - cosine, -sine - cosine)
        found.append(((p * c - q * s) // root, (p * s + q * c) // root))
    return found[0][0], found[1][0], found[0][1], found[1][1]


def second_series(x: float, bits: int) -> tuple[int, int, int]:
    """Y of orders 0 and 1 for 0 < x <= 100, and the bits they have (DLMF 10.8.1 and 2)."""
    z = fixed.fixed(x, bits)
    quarter = (z * z) >> (bits + 2)
    logarithm = fixed.log(z >> 1, bits) + fixed.euler(bits)
    term = 1 << bits
    harmonic = 0
    zero = one = zero_h = one_h = 0
    m = 0
    while term > 1 or term < -1:
        zero += term
        zero_h += (term * harmonic) >> bits
        next_harmonic = harmonic + (1 << bits) // (m + 1)
        one += term // (m + 1)
        one_h += (term * (harmonic + next_harmonic) >> bits) // (m + 1)
        m += 1
        harmonic = next_harmonic
        term = -((term * quarter) >> bits) // (m * m)
    pi = fixed.constant("pi", bits)
    low = 2 * ((logarithm * zero) >> bits) - 2 * zero_h
    half = z >> 1
    high = (2 * ((logarithm * one) >> bits) - one_h) * half >> bits
    high -= (2 << (2 * bits)) // z
    return (low << bits) // pi, (high << bits) // pi, bits


def tiny_y(v: int, k: int, x: float) -> tuple[int, int]:
    """The first term of Y at a denormal x, which is all of it."""
    bits = 4000
    z = fixed.fixed(x, bits)
    pi = fixed.constant("pi", bits)
    if v == 0 and k == 0:
        return ((fixed.log(z >> 1, bits) + fixed.euler(bits)) << (bits + 1)) // pi, bits
    value = (2 << bits) * (1 << bits) // pi
    n = k - 1 if v == 0 else k
    for j in range(n):
        value = value * -(j + 1)
    for _ in range(n + 1):
        value = (value << bits) // z
    return (value if v == 0 else -value), bits


def mixed(v: int, k: int, low: int, high: int, z: int, sign: int, bits: int) -> int:
    """The kth derivative from the functions of orders 0 and 1 (DLMF 10.6.7, 10.29.5).

    It is a sum over the neighbours of orders v - k to v + k; those above 1 come by
    recurrence, those below 0 by symmetry.
    """
    functions = [low, high]
    for n in range(1, v + k):
        functions.append(sign * (functions[n - 1] - (2 * n * functions[n] << bits) // z))
    total = 0
    for i in range(k + 1):
        n = v - k + 2 * i
        f = functions[abs(n)]
        if n < 0 and n % 2 and sign < 0:
            f = -f
        weight = math.comb(k, i)
        total += (weight if sign > 0 or i % 2 == 0 else -weight) * f
    return total >> k
