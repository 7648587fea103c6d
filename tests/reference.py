"""Every operation of the table once more, in mpmath at 200 bits: the judge of the numbers.

Each entry takes and gives mpmath numbers and is written from the definition, not from
our formulas. Derivatives are taken numerically, with the working precision doubled, so
that no rule of ours takes part in its own trial.
"""

from __future__ import annotations

import functools

import mpmath as mp
from mpmath import mpf

from micrograd.ops import TABLE

PRECISION = 200


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def sinc(x):
    return mp.mpf(1) if x == 0 else mp.sinpi(x) / (mp.pi * x)


def cbrt(x):
    return mp.sign(x) * mp.cbrt(abs(x))


def lgamma(x):
    return mp.log(abs(mp.gamma(x))) if abs(x) < 1e5 else mp.loggamma(x)


def real_power(x, y):
    return mp.power(x, y)


def sinc_derivative(n, x):
    n = int(n)
    if abs(x) > 0.5:
        return mp.diff(sinc, x, n)
    terms = []
    for m in range((n + 1) // 2, 40):
        k = 2 * m - n
        terms.append(
            mpf(-1) ** m * mp.pi ** (2 * m) * mp.rf(k + 1, n) * x**k / mp.factorial(2 * m + 1)
        )
    return mp.fsum(terms)


def regular_gamma(a, x, upper=False):
    """P(a, x) or Q(a, x), the smaller one from its own series or fraction."""
    p = mp.gammainc(a, 0, x, regularized=True)
    return mp.gammainc(a, x, mp.inf, regularized=True) if upper else p


def gamma_density(a, x):
    return x ** (a - 1) * mp.exp(-x) / mp.gamma(a)


def beta_density(a, b, x):
    return x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)


def regular_beta(a, b, x):
    if x * (a + b + 2) > a + 1:
        return 1 - mp.betainc(b, a, 0, 1 - x, regularized=True)
    return mp.betainc(a, b, 0, x, regularized=True)


def gamma_but_one(a, x, upper=False):
    """The same, but for a constant, without a 1 that hides how small a tail's derivatives are."""
    if (x > a) is upper:
        return regular_gamma(a, x, upper)
    return -regular_gamma(a, x, not upper)


def beta_but_one(a, b, x):
    """As `gamma_but_one`."""
    if x * (a + b + 2) > a + 1:
        return -mp.betainc(b, a, 0, 1 - x, regularized=True)
    return mp.betainc(a, b, 0, x, regularized=True)


def erfcx(x):
    return mp.exp(x * x) * mp.erfc(x)


SMOOTH = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "abs": abs,
    "pow": real_power,
    "power_partial": lambda x, p, n, k: real_power(x, p),
    "exp": mp.exp,
    "exp2": lambda x: mpf(2) ** x,
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "log1p": mp.log1p,
    "dlog": lambda x: 1 / x,
    "dlog1p": lambda x: 1 / (1 + x),
    "xlogy": lambda a, b: a * mp.log(b),
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "share": lambda a, b: 1 / (1 + mp.exp(b - a)),
    "dshare": lambda a, b: sigmoid(a - b) * sigmoid(b - a),
    "weighed": lambda a, b: a * b,
    "portion": lambda a, b: a / (a + b),
    "d2silu": lambda x: sigmoid(x) * sigmoid(-x) * (2 - x * mp.tanh(x / 2)),
    "d2gelu": lambda x: (2 - x * x) * mp.npdf(x),
    "exp_gap": lambda a, b: mp.exp(a - b),
    "exp_diff": lambda a, b: mp.exp(a - b),
    "logsumexp": lambda *xs: mp.log(mp.fsum(mp.exp(x) for x in xs)),
    "take": lambda i, *xs: xs[int(i)],
    "nll": lambda i, *xs: mp.log(mp.fsum(mp.exp(x - xs[int(i)]) for x in xs)),
    "sqrt": mp.sqrt,
    "dsqrt": lambda x: 1 / (2 * mp.sqrt(x)),
    "cbrt": cbrt,
    "dcbrt": lambda x: 1 / (3 * cbrt(x) ** 2),
    "hypot": lambda *xs: mp.sqrt(mp.fsum(x * x for x in xs)),
    "unit": lambda a, b: a / mp.hypot(a, b),
    "ratio": lambda a, b: a / b,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "dasin": lambda x: 1 / mp.sqrt(1 - x * x),
    "atan": mp.atan,
    "datan": lambda x: 1 / (1 + x * x),
    "atan2": mp.atan2,
    "datan2": lambda a, b: a / (a * a + b * b),
    "inv_r2": lambda a, b: 1 / (a * a + b * b),
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "sech2": lambda x: mp.sech(x) ** 2,
    "asinh": mp.asinh,
    "dasinh": lambda x: 1 / mp.sqrt(1 + x * x),
    "acosh": mp.acosh,
    "dacosh": lambda x: 1 / mp.sqrt(x * x - 1),
    "atanh": mp.atanh,
    "datanh": lambda x: 1 / (1 - x * x),
    "degrees": mp.degrees,
    "radians": mp.radians,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "derf": lambda x: 2 / mp.sqrt(mp.pi) * mp.exp(-x * x),
    "gamma": mp.gamma,
    "lgamma": lgamma,
    "digamma": mp.digamma,
    "polygamma": lambda n, x: mp.polygamma(int(n), x),
    "sinc": sinc,
    "dsinc": sinc_derivative,
    "erfinv": mp.erfinv,
    "derfinv": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
    "erfcx": erfcx,
    "erfcx_by": lambda n, x: 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi),
    "gammainc": regular_gamma,
    "gammaincc": lambda a, x: regular_gamma(a, x, True),
    "gammainc_by": lambda k, a, x: partial(regular_gamma, [a, x], 0, 1),
    "gamma_density": lambda k, a, x: gamma_density(a, x),
    "gamma_slope": lambda a, x: (a - 1) / x - 1,
    "betainc": regular_beta,
    "betainc_by": lambda j, k, a, b, x: partial(regular_beta, [a, b, x], 0, 1),
    "beta_density": lambda j, k, a, b, x: beta_density(a, b, x),
    "beta_slope": lambda a, b, x: (a - 1) / x - (b - 1) / (1 - x),
    "j0": lambda x: mp.besselj(0, x),
    "j1": lambda x: mp.besselj(1, x),
    "y0": lambda x: mp.bessely(0, x),
    "y1": lambda x: mp.bessely(1, x),
    "i0": lambda x: mp.besseli(0, x),
    "i1": lambda x: mp.besseli(1, x),
    "bessel_j": lambda v, n, x: mp.besselj(v, x, derivative=int(n)),
    "bessel_y": lambda v, n, x: mp.bessely(v, x, derivative=int(n)),
    "bessel_i": lambda v, n, x: mp.besseli(v, x, derivative=int(n)),
    "leaky_relu": lambda x, s: x if x > 0 else s * x,
    "elu": lambda x, a: x if x > 0 else a * mp.expm1(x),
    "elu_step": lambda x, a: mpf(1) if x > 0 else a * mp.exp(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "sigmoid": sigmoid,
    "dsigmoid": lambda x: sigmoid(x) * sigmoid(-x),
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "silu": lambda x: x * sigmoid(x),
    "dsilu": lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
    "gelu": lambda x: x * mp.ncdf(x),
    "dgelu": lambda x: mp.ncdf(x) + x * mp.npdf(x),
    "ndtr": mp.ncdf,
    "normal": mp.npdf,
    "sum": lambda *xs: mp.fsum(xs),
    "fsum": lambda *xs: mp.fsum(xs),
    "mean": lambda *xs: mp.fsum(xs) / len(xs),
    "prod": lambda *xs: mp.fprod(xs),
    "dot": lambda *xs: mp.fdot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
    "weighted_sum": lambda b, *xs: b + mp.fdot(xs[: len(xs) // 2], xs[len(xs) // 2 :]),
    "fma": lambda a, b, c: a * b + c,
    "ldexp": lambda x, n: x * mpf(2) ** n,
    "copysign": lambda a, b: abs(a) * (1 if b >= 0 else -1),
    "identity": lambda x: x,
}

# What is differentiated instead: the same function but for a constant.
DIFFERENTIATED = {
    "gammainc": gamma_but_one,
    "gammaincc": lambda a, x: gamma_but_one(a, x, True),
    "betainc": beta_but_one,
}

# Piecewise: compared with Python's own definitions, exactly.
PIECEWISE = {
    "mod", "floordiv", "fmod", "remainder", "truncdiv", "neardiv", "relu", "gate", "leaky_step",
    "maximum", "minimum", "fmax", "fmin", "ties", "route", "clip", "inside", "where", "guard",
    "floor", "ceil", "trunc", "rint", "round", "sign", "stop",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "logical_and", "logical_or", "logical_not", "isnan", "isinf", "isfinite",
}  # fmt: skip


# A row that nobody has listed: mpmath's function of that name, or what the row itself states.
for _name, _rule in TABLE.items():
    if _name not in SMOOTH and _name not in PIECEWISE:
        stated = _rule.forward.__name__ == "<lambda>"
        SMOOTH[_name] = getattr(mp, _name, None) or (_rule.forward if stated else None)


@functools.lru_cache(maxsize=64)
def around(f, xs, i, h, extra):
    """f below, at and above its i-th argument; kept, as the next order asks for the same."""
    return [mp.re(f(*xs[:i], xs[i] + t, *xs[i + 1 :])) for t in (-h, 0, h)]


def partial(f, xs, i, order, extra=0, step=None):
    """The derivative of f by its i-th argument, of that order, at mpmath numbers.

    0 where nothing but the noise of the difference is left. `extra` bits are for
    functions that are flat to hundreds of digits. Without a `step` it is far below the
    scale of x, so that no point leaves the domain.
    """

    with mp.workprec(4 * PRECISION + extra):
        h = step or max(abs(xs[i]), mpf(2) ** -1000) * mpf(2) ** -(PRECISION // 2)
        below, here, above = around(f, tuple(xs), i, h, extra)
        if order == 1:
            found = (above - below) / (2 * h)
        else:
            found = (above - 2 * here + below) / (h * h)
        noise = max(abs(here), mpf(2) ** -1000) * mpf(2) ** -(4 * PRECISION + extra - 40)
        return mpf(0) if abs(found) * h**order < noise else found


def derivative(f, xs, place, extra=0):
    """The derivative of f by the arguments whose places are listed: (0,), (1, 1), (0, 1)."""
    if len(set(place)) == 1:
        return partial(f, xs, place[0], len(place), extra)
    i, j = place
    with mp.workprec(4 * PRECISION + extra):
        steps = [max(abs(x), mpf(2) ** -1000) * mpf(2) ** -(PRECISION // 2) for x in xs]
        corners = {}
        for s, t in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            moved = list(xs)
            moved[i] += s * steps[i]
            moved[j] += t * steps[j]
            corners[s, t] = mp.re(f(*moved))
        found = corners[1, 1] - corners[1, -1] - corners[-1, 1] + corners[-1, -1]
        noise = max(abs(corners[1, 1]), mpf(2) ** -1000) * mpf(2) ** -(4 * PRECISION + extra - 40)
        return mpf(0) if abs(found) < noise else found / (4 * steps[i] * steps[j])
