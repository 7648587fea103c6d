"""Numbers with as many digits as are asked for: whole numbers that count units of 2**-bits.

Where digits cancel, as beside the zeros of a Bessel function, no formula in floats keeps
any. Python's whole numbers have no end, so the same series is summed with 200 or 1000
bits after the point, and rounded once at the end (Ziv's strategy). Each function takes
and gives such numbers with their `bits`. What is made of them is in `special.py`,
`bessel.py`, `incomplete.py` and `error.py`.
"""

from __future__ import annotations

import math
from math import inf
from typing import Final

BITS: Final = 256  # after the point, where a result is wanted to the last place of a float
GUARD: Final = 32  # bits that a series may lose
_constants: Final[dict[str, tuple[int, int]]] = {}


def fixed(x: float, bits: int) -> int:
    """x in units of 2**-bits, exactly but for what is below one unit."""
    n, d = x.as_integer_ratio()
    return (n << bits) // d


def to_float(n: int, bits: int) -> float:
    """The nearest float, also where it is denormal or infinite."""
    size = n.bit_length() - bits
    if size > 1100:
        return inf if n > 0 else -inf
    if size < -1100:
        return 0.0 if n >= 0 else -0.0
    try:
        return n / (1 << bits) if bits >= 0 else float(n << -bits)
    except OverflowError:
        return inf if n > 0 else -inf


def times(a: int, b: int, bits: int) -> int:
    return (a * b) >> bits


def over(a: int, b: int, bits: int) -> int:
    return (a << bits) // b


def constant(name: str, bits: int) -> int:
    """pi or log(2), computed once for the most bits that were asked for."""
    kept, known = _constants.get(name, (0, 0))
    if known < bits:
        known = bits + 64
        one = 1 << (known + GUARD)
        if name == "pi":  # Machin: pi/4 = 4 atan(1/5) - atan(1/239)
            kept = 4 * (4 * _atan_inverse(5, one) - _atan_inverse(239, one)) >> GUARD
        else:  # log(2) = 2 atanh(1/3)
            kept = 2 * _atan_inverse(3, one, 1) >> GUARD
        _constants[name] = (kept, known)
    return kept >> (known - bits)


def _atan_inverse(k: int, one: int, sign: int = -1) -> int:
    """atan(1/k), or with sign 1 atanh(1/k): 1/k -+ 1/(3 k**3) + ..."""
    power = one // k
    total = power
    n = 3
    square = sign * k * k
    while power:
        power //= square
        if power < 0 and -power < n:
            break
        total += power // n
        n += 2
    return total


def exp(x: int, bits: int) -> tuple[int, int]:
    """exp(x) as m * 2**n: m, between 0.7 and 1.42 in units of 2**-bits, and n."""
    ln2 = constant("log2", bits + GUARD)
    x <<= GUARD
    n = (2 * x + ln2) // (2 * ln2)
    wide = bits + GUARD
    r = (x - n * ln2) >> 8
    total = term = 1 << wide
    k = 1
    while term > 1 or term < -1:
        term = ((term * r) >> wide) // k
        total += term
        k += 1
    for _ in range(8):
        total = (total * total) >> wide
    return total >> GUARD, n


def exp_value(x: int, bits: int) -> int:
    """exp(x) in the same units, for an x that is not large."""
    m, n = exp(x, bits)
    return m << n if n >= 0 else m >> -n


def log(x: int, bits: int) -> int:
    """The logarithm of a positive number."""
    shift = x.bit_length() - 1 - bits
    m = x << -shift if shift < 0 else x >> shift
    # What the logarithm of a float is off by is a short series in t.
    near = fixed(math.log(to_float(m, bits)), bits)
    e = exp_value(-near, bits)
    z = (m * e) >> bits
    one = 1 << bits
    t = ((z - one) << bits) // (z + one)
    square = (t * t) >> bits
    total = term = t
    k = 3
    while term > 1 or term < -1:
        term = (term * square) >> bits
        total += term // k
        k += 2
    return near + 2 * total + shift * constant("log2", bits)


def sin_cos(x: int, bits: int) -> tuple[int, int]:
    """The sine and cosine of x."""
    half = constant("pi", bits + max(0, x.bit_length() - bits) + 8)
    extra = max(0, x.bit_length() - bits) + 8
    wide = bits + extra
    quarter = half >> 1  # pi/2
    turns = ((x << extra) * 2 + quarter) // (2 * quarter)
    r = ((x << extra) - turns * quarter) >> extra
    del wide
    square = (r * r) >> bits
    sine = term = r
    k = 2
    while term > 1 or term < -1:
        term = -((term * square) >> bits) // (k * (k + 1))
        sine += term
        k += 2
    cosine = term = 1 << bits
    k = 1
    while term > 1 or term < -1:
        term = -((term * square) >> bits) // (k * (k + 1))
        cosine += term
        k += 2
    place = turns % 4
    if place == 0:
        return sine, cosine
    if place == 1:
        return cosine, -sine
    if place == 2:
        return -sine, -cosine
    return -cosine, sine


def sin_cos_pi(x: float, bits: int) -> tuple[int, int]:
    """The sine and cosine of pi x, for a float; zeros are exact."""
    r = math.fmod(x, 2.0)
    return sin_cos((constant("pi", bits + 8) * fixed(r, bits + 8)) >> (bits + 16), bits)


def bernoulli(k: int) -> tuple[int, int]:
    """B_2k as a fraction."""
    if not _bernoulli:
        # B_2k = (-1)**(k + 1) 2k T_k / (4**k (4**k - 1)), T_k the tangent numbers.
        n = 160
        tangent = [0, 1] + [0] * (n - 1)
        for i in range(2, n + 1):
            tangent[i] = (i - 1) * tangent[i - 1]
        for i in range(2, n + 1):
            for j in range(i, n + 1):
                tangent[j] = (j - i) * tangent[j - 1] + (j - i + 2) * tangent[j]
        _bernoulli.append((1, 1))
        for i in range(1, n + 1):
            sign = 1 if i % 2 else -1
            _bernoulli.append((sign * 2 * i * tangent[i], 4**i * (4**i - 1)))
    return _bernoulli[k]


_bernoulli: Final[list[tuple[int, int]]] = []


def far(x: int, bits: int, least: int = 0) -> tuple[int, int]:
    """For x > 0 the steps that bring it to where the asymptotic series has that many bits."""
    steps = max(0, max(64, bits // 3) + least - (x >> bits))
    return steps, x + (steps << bits)


def lgamma(x: int, bits: int) -> int:
    """log(gamma(x)) for x > 0 (DLMF 5.11.1, by the recurrence from x + n)."""
    steps, y = far(x, bits)
    product = 1 << bits
    scale = 0
    for k in range(steps):
        product = (product * (x + (k << bits))) >> bits
        over_bits = product.bit_length() - bits - 64
        if over_bits > 0:
            product >>= over_bits
            scale += over_bits
    total = (y - (1 << (bits - 1))) * log(y, bits) >> bits
    total += (log(2 * constant("pi", bits), bits) >> 1) - y
    # Bernoulli's numbers grow: the powers beside them need twice the bits.
    inverse = (1 << (3 * bits)) // y
    square = (inverse * inverse) >> (2 * bits)
    power = inverse
    for k in range(1, 160):
        n, d = bernoulli(k)
        term = (power * n // (d * 2 * k * (2 * k - 1))) >> bits
        if term in (0, -1):
            break
        total += term
        power = (power * square) >> (2 * bits)
    if steps:
        total -= log(product, bits) + scale * constant("log2", bits)
    return total


def polygamma(order: int, x: int, bits: int) -> int:
    """The derivative of digamma of that order at x > 0 (DLMF 5.15.8 and 5.11.2)."""
    steps, y = far(x, bits, 2 * order)
    inverse = (1 << (2 * bits)) // y
    square = (1 << (6 * bits)) // (y * y) >> (2 * bits)
    power = square
    if order == 0:
        total = log(y, bits) - (inverse >> 1)
        for k in range(1, 160):
            n, d = bernoulli(k)
            term = (power * n // (d * 2 * k)) >> bits
            if term in (0, -1):
                break
            total -= term
            power = (power * square) >> (2 * bits)
        for k in range(steps):
            total -= (1 << (2 * bits)) // (x + (k << bits))
        return total
    # In units of (order - 1)!: 1/y**n (1 + n/(2 y) + sum B_2k (2k+n-1)!/((2k)! (n-1)! y**2k)).
    inside = (1 << bits) + order * inverse // 2
    ratio_n, ratio_d = 1, 1
    for k in range(1, 160):
        ratio_n *= (2 * k + order - 1) * (2 * k + order - 2)
        ratio_d *= 2 * k * (2 * k - 1)
        n, d = bernoulli(k)
        term = (power * n * ratio_n // (d * ratio_d)) >> bits
        if term in (0, -1):
            break
        inside += term
        power = (power * square) >> (2 * bits)
    total = inside
    for _ in range(order):
        total = (total * inverse) >> bits
    for k in range(steps):
        base = (1 << (2 * bits)) // (x + (k << bits))
        term = order << bits
        for _ in range(order + 1):
            term = (term * base) >> bits
        total += term
    return total * math.factorial(order - 1) * (1 if order % 2 else -1)


def sqrt(x: int, bits: int) -> int:
    """The square root."""
    return math.isqrt(x << bits)


def euler(bits: int) -> int:
    """Euler's constant (Brent and McMillan, Mathematics of Computation 34, 1980)."""
    kept, known = _constants.get("euler", (0, 0))
    if known < bits:
        known = bits + 256
        n = known // 5 + 8  # the error is about exp(-4 n)
        wide = known + 3 * n + GUARD
        term = 1 << wide
        harmonic_term = 0
        whole, weighted = term, 0
        k = 0
        while term:
            k += 1
            term = term * (n * n) // (k * k)
            harmonic_term = (harmonic_term * (n * n) // k + term) // k
            whole += term
            weighted += harmonic_term
        kept = ((weighted << wide) // whole - log(n << wide, wide)) >> (wide - known)
        _constants["euler"] = (kept, known)
    return kept >> (known - bits)
