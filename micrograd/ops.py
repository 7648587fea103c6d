"""The table of operations: every operation and its derivative, one row each.

A row gives a name, the value on floats, and one partial derivative for each operand, as
a function of the operands and of the result (the last argument, y). To add an operation,
add a row: its method, its NumPy name, its tests, its formula and its code in compiled
programs follow from it.

Where a partial would lose its digits written out, it is an operation with a row of its
own (`sech2` for 1 - tanh**2). Sources of the formulas: NIST's Digital Library of
Mathematical Functions, chapters 4 to 7; elementary calculus for the rest.

What a row is stands in `core/rule.py`; the numbers are computed in `numerics/ieee.py`, `numerics/tails.py`
and `numerics/special.py`. Read on in `nn/mlp.py`. (Past 300 lines because a table is read in one piece.)
"""

# Rows refer to rows below them, which the type checker does not follow.
# mypy: disable-error-code="has-type"

from __future__ import annotations

import builtins
import functools
import itertools
import math
from math import inf, nan
from typing import Any

from .core.rule import CHOICE, FLAT, TABLE, op, real
from .numerics import bessel, error, ieee, incomplete, psi, special, tails

aux = functools.partial(op, internal=True)  # rows that serve other rows, and are not methods

# fmt: off
# Intervals from which the tests draw operands; all reals where a row gives none.
POSITIVE = ((0.0, inf),)
UNIT     = ((-1.0, 1.0),)

# Arithmetic: what the operators do --------------------------------------------------------------

add      = op("add", ieee.add, lambda a, b, y: 1.0, lambda a, b, y: 1.0,
              symbol="+", latex="{0} + {1}", doc="The sum a + b.")
sub      = op("sub", ieee.sub, lambda a, b, y: 1.0, lambda a, b, y: -1.0,
              symbol="-", latex="{0} - {1}", doc="The difference a - b.")
mul      = op("mul", ieee.mul, lambda a, b, y: b, lambda a, b, y: a,
              symbol="*", latex=r"{0} \cdot {1}", doc="The product a * b.")
div      = op("div", ieee.div, lambda a, b, y: 1.0 / b, lambda a, b, y: -y / b,
              symbol="/", latex=r"\frac{{{0}}}{{{1}}}", doc="The quotient a / b; 1/0 is inf, 0/0 is nan.")
neg      = op("neg", ieee.neg, lambda x, y: -1.0, latex="-{0}", doc="The negative -x.")
abs      = op("abs", ieee.absolute, lambda x, y: sign(x), latex=r"\left|{0}\right|", aliases=("fabs", "absolute"),
              doc="The absolute value of x; its derivative at 0 is 0, the subgradient of least norm.")
mod      = op("mod", ieee.mod, lambda a, b, y: guard(1.0, y), lambda a, b, y: guard(-floordiv(a, b), y),
              symbol="%", latex=r"{0} \bmod {1}",
              doc="The remainder a % b with the sign of b, as in Python; nan where b is 0.")
floordiv = op("floordiv", ieee.floordiv, lambda d, a, b, y: guard(0.0, y), lambda d, a, b, y: guard(0.0, y), kind=CHOICE,
              symbol="//", latex=r"\left\lfloor {0} / {1} \right\rfloor", doc="The floor of a / b.")


def _power_by_base(x: Any, p: Any, y: Any) -> Any:
    if not isinstance(p, float):
        return power_partial(x, p, 1.0, 0.0)
    if p in (0.0, 1.0, 2.0):
        return 2.0 * x if p == 2.0 else p
    # The textbook's p x**(p - 1), wherever the subtraction is exact.
    return p * pow(x, p - 1.0) if (p - 1.0) + 1.0 == p else power_partial(x, p, 1.0, 0.0)


def _power_by_exponent(x: Any, p: Any, y: Any) -> Any:
    if isinstance(x, float) and 0.0 < x < inf:
        return y * math.log(x)
    return power_partial(x, p, 0.0, 1.0)


pow = op("pow", ieee.power, _power_by_base, _power_by_exponent, settings=(1,),
         symbol="**", latex="{0}^{{{1}}}", aliases=("float_power", "power"), domain=(*POSITIVE, (-20.0, 20.0)),
         doc="x to the power p, real or nan: (-8)**(1/3) is nan, as in IEEE 754.")
power_partial = aux("power_partial", tails.power_partial,
                   lambda x, p, n, k, y: power_partial(x, p, n + 1.0, k),
                   lambda x, p, n, k, y: power_partial(x, p, n, k + 1.0),
                   lambda x, p, n, k, y: nan,
                   lambda x, p, n, k, y: nan, settings=(2, 3), domain=(*POSITIVE, (-20.0, 20.0), (0, 0), (0, 0)),
                   latex=r"\partial_{{1}}^{{{2}}} \partial_{{2}}^{{{3}}} \operatorname{{pow}}({0}, {1})",
                   doc="The derivative of x**p, n times by x and k times by p.")

# Exponentials and logarithms --------------------------------------------------------------------

exp      = op("exp", ieee.exp, lambda x, y: y, latex=r"e^{{{0}}}", doc="e to the power x.")
exp2     = op("exp2", ieee.exp2, lambda x, y: y * ieee.LN2, latex=r"2^{{{0}}}", doc="2 to the power x.")
expm1    = op("expm1", ieee.expm1, lambda x, y: exp(x), latex=r"e^{{{0}}} - 1", doc="exp(x) - 1, accurate near 0.")
log_e    = op("log", ieee.log, lambda x, y: dlog(x), latex=r"\ln {0}", domain=POSITIVE,
              doc="The natural logarithm of x: -inf at 0, nan below.")
log2     = op("log2", ieee.log2, lambda x, y: dlog(x) * (1.0 / ieee.LN2), latex=r"\log_2 {0}", domain=POSITIVE,
              doc="The logarithm of x to base 2.")
log10    = op("log10", ieee.log10, lambda x, y: dlog(x) * (1.0 / ieee.LN10), latex=r"\log_{{10}} {0}", domain=POSITIVE,
              doc="The logarithm of x to base 10.")
log1p    = op("log1p", ieee.log1p, lambda x, y: dlog1p(x), latex=r"\ln(1 + {0})", domain=((-1.0, inf),),
              doc="log(1 + x), accurate near 0.")
dlog     = aux("dlog", tails.dlog, lambda x, y: -y * y, latex=r"{0}^{{-1}}", domain=POSITIVE,
              doc="The derivative of log: 1/x where the logarithm exists, nan below 0.")
dlog1p   = aux("dlog1p", tails.dlog1p, lambda x, y: -y * y, latex=r"(1 + {0})^{{-1}}", domain=((-1.0, inf),),
              doc="The derivative of log1p: 1/(1 + x) where log1p exists.")
xlogy    = op("xlogy", tails.xlogy, lambda a, b, y: guard(log(b), y), lambda a, b, y: guard(a * dlog(b), y),
              latex=r"{0} \ln {1}", domain=((-inf, inf), *POSITIVE), doc="a * log(b), and 0 where a is 0.")
weighed  = aux("weighed", tails.weighed, lambda a, b, y: guard(b, y), lambda a, b, y: guard(a, y),
              latex=r"{0} \cdot {1}", doc="a * b, and 0 where a is 0, also beside inf: a term of an expected value.")
logaddexp = op("logaddexp", tails.logaddexp, lambda a, b, y: share(a, b), lambda a, b, y: share(b, a),
               latex=r"\ln(e^{{{0}}} + e^{{{1}}})", doc="log(exp(a) + exp(b)) without overflow.")
share    = aux("share", tails.share, lambda a, b, y: dshare(a, b), lambda a, b, y: -dshare(a, b),
              latex=r"\frac{{e^{{{0}}}}}{{e^{{{0}}} + e^{{{1}}}}}",
              doc="exp(a) / (exp(a) + exp(b)): the derivative of logaddexp by a.")
dshare   = aux("dshare", tails.dshare, lambda a, b, y: -y * tanh(0.5 * (a - b)), lambda a, b, y: y * tanh(0.5 * (a - b)),
              latex=r"\sigma'({0} - {1})", doc="The derivative of share by a.")
portion  = aux("portion", tails.portion, lambda a, b, y: portion(b, a) / (a + b), lambda a, b, y: -y / (a + b),
              domain=(*POSITIVE, *POSITIVE), latex=r"\frac{{{0}}}{{{0} + {1}}}",
              doc="a / (a + b) for a and b from 0 on: 1 minus it is portion(b, a).")
exp_gap  = aux("exp_gap", tails.exp_gap, lambda a, b, y: y, lambda a, b, y: -y, latex=r"e^{{{0} - {1}}}",
              doc="exp(a - b) with the rounding of the difference made good; 1 where a is b, also at inf.")
exp_diff = aux("exp_diff", tails.exp_diff, lambda a, b, y: y, lambda a, b, y: -y, latex=r"e^{{{0} - {1}}}",
              doc="exp(a - b) with the rounding of the difference made good.")


def _sums_of_others(parts: list[Any]) -> list[Any]:
    """For each part the sum of all others, from the left and from the right: nothing is subtracted."""
    left = list(itertools.accumulate(parts[:-1]))
    rest = list(itertools.accumulate(parts[:0:-1]))[::-1]
    return [*rest[:1], *(a + b for a, b in zip(left, rest[1:])), *left[-1:]] or [0.0]


def _logsumexp_slopes(xs: Any, y: Any) -> Any:
    top = stop(maximum(*xs))  # moves numerator and denominator alike: no gradient through it
    parts = [exp_gap(x, top) for x in xs]
    return [portion(part, other) for part, other in zip(parts, _sums_of_others(parts), strict=True)]


logsumexp = op("logsumexp", tails.logsumexp, _logsumexp_slopes, many=True, latex=r"\operatorname{{logsumexp}}({args})",
               doc="log(exp(x1) + exp(x2) + ...) without overflow; its derivatives are softmax.")



def _nll_slopes(xs: Any, y: Any) -> Any:
    index, *logits = xs
    top = stop(maximum(*logits))
    parts = [exp_gap(x, top) for x in logits]
    # The probability of each class; at the right one it is minus that of all the others.
    others = _sums_of_others(parts)
    if isinstance(index, float):
        slopes = [portion(part, other) for part, other in zip(parts, others, strict=True)]
        right = int(index)
        slopes[right] = -portion(others[right], parts[right])
        return [None, *slopes]
    # The class is known only when the program runs: each may be the right one.
    return [
        None,
        *(_where(equal(index, float(j)), -portion(other, part), portion(part, other))
          for j, (part, other) in enumerate(zip(parts, others, strict=True))),
    ]


nll      = aux("nll", tails.nll, _nll_slopes, many=True, settings=(0,), latex=r"\operatorname{{nll}}({args})",
               doc="-log of the softmax, at the index that comes first, of the numbers after it.")

# Roots and lengths ------------------------------------------------------------------------------

sqrt     = op("sqrt", ieee.sqrt, lambda x, y: dsqrt(x), latex=r"\sqrt{{{0}}}", domain=POSITIVE,
              doc="The square root of x; nan below 0.")
dsqrt    = aux("dsqrt", tails.dsqrt, lambda x, y: -0.5 * y / x, latex=r"\frac{{1}}{{2\sqrt{{{0}}}}}", domain=POSITIVE,
              doc="The derivative of sqrt, 1 / (2 sqrt(x)): inf at both zeros.")
cbrt     = op("cbrt", ieee.cbrt, lambda x, y: dcbrt(x), latex=r"\sqrt[3]{{{0}}}", doc="The real cube root of x.")
dcbrt    = aux("dcbrt", tails.dcbrt, lambda x, y: y / x * (-2.0 / 3.0), latex=r"\tfrac{{1}}{{3}} {0}^{{-2/3}}",
              doc="The derivative of cbrt.")


def _hypot_slopes(xs: Any, y: Any) -> Any:
    if len(xs) == 2:
        return unit(xs[0], xs[1]), unit(xs[1], xs[0])
    return [ratio(x, y) for x in xs]


hypot    = op("hypot", ieee.hypot, _hypot_slopes, many=True, latex=r"\left\lVert {args} \right\rVert",
              doc="The square root of the sum of squares; its derivative at 0 is 0, the subgradient of least norm.")
unit     = aux("unit", tails.unit,
              lambda a, b, y: unit(b, a) * datan2(b, a), lambda a, b, y: -y * datan2(b, a), latex=r"\frac{{{0}}}{{\lVert {0}, {1} \rVert}}",
              doc="a / hypot(a, b), and 0 at the origin: the derivative of hypot by a.")
ratio    = aux("ratio", tails.ratio, lambda a, b, y: 1.0 / b, lambda a, b, y: -y / b, latex=r"\frac{{{0}}}{{{1}}}",
              doc="a / b, and 0 for 0/0.")

# Circular and hyperbolic functions --------------------------------------------------------------

sin      = op("sin", ieee.sin, lambda x, y: cos(x), latex=r"\sin {0}", doc="The sine of x, in radians.")
cos      = op("cos", ieee.cos, lambda x, y: -sin(x), latex=r"\cos {0}", doc="The cosine of x, in radians.")
tan      = op("tan", ieee.tan, lambda x, y: 1.0 + y * y, latex=r"\tan {0}", doc="The tangent of x, in radians.")
asin     = op("asin", ieee.asin, lambda x, y: dasin(x), latex=r"\arcsin {0}", aliases=("arcsin",), domain=UNIT,
              doc="The angle between -pi/2 and pi/2 whose sine is x; nan outside -1 to 1.")
acos     = op("acos", ieee.acos, lambda x, y: -dasin(x), latex=r"\arccos {0}", aliases=("arccos",), domain=UNIT,
              doc="The angle between 0 and pi whose cosine is x; nan outside -1 to 1.")
dasin    = aux("dasin", tails.dasin, lambda x, y: x * y / ((1.0 - x) * (1.0 + x)), domain=UNIT,
              latex=r"\frac{{1}}{{\sqrt{{1 - {0}^2}}}}", doc="The derivative of asin, 1 / sqrt(1 - x*x).")
atan     = op("atan", ieee.atan, lambda x, y: datan(x), latex=r"\arctan {0}", aliases=("arctan",),
              doc="The angle between -pi/2 and pi/2 whose tangent is x.")
datan    = aux("datan", tails.datan, lambda x, y: -2.0 * x * y * y, latex=r"\frac{{1}}{{1 + {0}^2}}",
              doc="The derivative of atan, 1 / (1 + x*x), also where x*x overflows.")
atan2    = op("atan2", ieee.atan2, lambda a, b, y: datan2(b, a), lambda a, b, y: -datan2(a, b),
              latex=r"\operatorname{{atan2}}({0}, {1})", aliases=("arctan2",),
              doc="The angle of the point (b, a), from -pi to pi, as math.atan2(a, b).")
datan2   = aux("datan2", tails.datan2,
              lambda a, b, y: ((b - a) * inv_r2(a, b)) * ((b + a) * inv_r2(a, b)),
              lambda a, b, y: (a * inv_r2(a, b)) * (b * inv_r2(a, b)) * -2.0, latex=r"\frac{{{0}}}{{{0}^2 + {1}^2}}",
              doc="a / (a*a + b*b): the derivative of atan2(b, a) by b.")
inv_r2   = aux("inv_r2", tails.inv_r2, lambda a, b, y: -2.0 * (a * y) * y, lambda a, b, y: -2.0 * (b * y) * y,
              latex=r"\frac{{1}}{{{0}^2 + {1}^2}}", doc="1 / (a*a + b*b).")
sinh     = op("sinh", ieee.sinh, lambda x, y: cosh(x), latex=r"\sinh {0}", doc="The hyperbolic sine of x.")
cosh     = op("cosh", ieee.cosh, lambda x, y: sinh(x), latex=r"\cosh {0}", doc="The hyperbolic cosine of x.")
tanh     = op("tanh", ieee.tanh, lambda x, y: sech2(x), latex=r"\tanh {0}", doc="The hyperbolic tangent of x.")
sech2    = aux("sech2", tails.sech2, lambda x, y: -2.0 * tanh(x) * y, latex=r"\operatorname{{sech}}^2 {0}",
              doc="The derivative of tanh, 1 - tanh(x)**2, also where tanh(x) rounds to 1.")
asinh    = op("asinh", ieee.asinh, lambda x, y: dasinh(x), latex=r"\operatorname{{arsinh}} {0}", aliases=("arcsinh",),
              doc="The number whose hyperbolic sine is x.")
dasinh   = aux("dasinh", tails.dasinh, lambda x, y: -x * y * datan(x), latex=r"\frac{{1}}{{\sqrt{{1 + {0}^2}}}}",
              doc="The derivative of asinh, 1 / sqrt(1 + x*x).")
acosh    = op("acosh", ieee.acosh, lambda x, y: dacosh(x), latex=r"\operatorname{{arcosh}} {0}", aliases=("arccosh",),
              domain=((1.0, inf),), doc="The positive number whose hyperbolic cosine is x; nan below 1.")
dacosh   = aux("dacosh", tails.dacosh, lambda x, y: -x * y / ((x - 1.0) * (x + 1.0)), domain=((1.0, inf),),
              latex=r"\frac{{1}}{{\sqrt{{{0}^2 - 1}}}}", doc="The derivative of acosh, 1 / sqrt(x*x - 1).")
atanh    = op("atanh", ieee.atanh, lambda x, y: datanh(x), latex=r"\operatorname{{artanh}} {0}", aliases=("arctanh",),
              domain=UNIT, doc="The number whose hyperbolic tangent is x; nan outside -1 to 1.")
datanh   = aux("datanh", tails.datanh, lambda x, y: 2.0 * x * y * y, latex=r"\frac{{1}}{{1 - {0}^2}}", domain=UNIT,
              doc="The derivative of atanh, 1 / (1 - x*x).")
degrees  = op("degrees", ieee.degrees, lambda x, y: ieee.DEGREES, latex=r"\tfrac{{180}}{{\pi}} {0}", aliases=("rad2deg",),
              doc="An angle from radians to degrees.")
radians  = op("radians", ieee.radians, lambda x, y: 1.0 / ieee.DEGREES, latex=r"\tfrac{{\pi}}{{180}} {0}",
              aliases=("deg2rad",), doc="An angle from degrees to radians.")

# The error function, the gamma function, sinc ---------------------------------------------------

erf      = op("erf", ieee.erf, lambda x, y: derf(x), latex=r"\operatorname{{erf}} {0}", doc="The error function.")
erfc     = op("erfc", ieee.erfc, lambda x, y: -derf(x), latex=r"\operatorname{{erfc}} {0}",
              doc="1 - erf(x), accurate where erf(x) rounds to 1.")
derf     = aux("derf", tails.derf, lambda x, y: -2.0 * x * y, latex=r"\tfrac{{2}}{{\sqrt\pi}} e^{{-{0}^2}}",
              doc="The derivative of erf, 2 / sqrt(pi) * exp(-x*x).")
gamma    = op("gamma", special.gamma, lambda x, y: y * digamma(x), latex=r"\Gamma({0})", domain=((-30.0, 170.0),),
              doc="The gamma function of x, (x - 1)! at whole numbers.")
lgamma   = op("lgamma", special.lgamma, lambda x, y: digamma(x), latex=r"\ln |\Gamma({0})|",
              doc="The logarithm of the absolute value of gamma(x).")
digamma  = op("digamma", psi.digamma, lambda x, y: polygamma(1.0, x), latex=r"\psi({0})",
              doc="The derivative of lgamma.")
polygamma = op("polygamma", psi.polygamma, lambda n, x, y: nan, lambda n, x, y: polygamma(n + 1.0, x),
               settings=(0,), domain=((1, 1), *POSITIVE), latex=r"\psi^{{({0})}}({1})",
               doc="The derivative of digamma of order n (a whole number) at x.")
sinc     = op("sinc", special.sinc, lambda x, y: dsinc(1.0, x), latex=r"\operatorname{{sinc}} {0}",
              doc="sin(pi x) / (pi x), and 1 at 0, as in NumPy.")
dsinc    = aux("dsinc", special.dsinc, lambda n, x, y: nan, lambda n, x, y: dsinc(n + 1.0, x),
              settings=(0,), domain=((1, 1), (-inf, inf)), latex=r"\operatorname{{sinc}}^{{({0})}} {1}",
              doc="The derivative of sinc of order n (a whole number) at x.")

erfinv   = op("erfinv", error.erfinv, lambda x, y: derfinv(x), latex=r"\operatorname{{erf}}^{{-1}} {0}", domain=UNIT,
              doc="The number whose erf is x: infinite at -1 and 1, nan outside.")
derfinv  = aux("derfinv", error.derfinv, lambda x, y: 2.0 * erfinv(x) * y * y, domain=UNIT,
              latex=r"\tfrac{{\sqrt\pi}}{{2}} e^{{(\operatorname{{erf}}^{{-1}} {0})^2}}", doc="The derivative of erfinv.")
erfcx    = op("erfcx", error.erfcx, lambda x, y: erfcx_by(1.0, x), latex=r"\operatorname{{erfcx}} {0}", domain=((-25.0, inf),),
              doc="exp(x*x) * erfc(x), also where erfc(x) underflows.")
erfcx_by = aux("erfcx_by", error.erfcx_by, lambda n, x, y: nan, lambda n, x, y: erfcx_by(n + 1.0, x), settings=(0,),
              domain=((1, 1), (-25.0, inf)), latex=r"\operatorname{{erfcx}}^{{({0})}} {1}",
              doc="The derivative of erfcx of order n (a whole number) at x.")

# Incomplete gamma and beta functions: by a parameter the derivative is a row that counts how often

gammainc = op("gammainc", incomplete.gammainc,
              lambda a, x, y: gammainc_by(1.0, a, x), lambda a, x, y: gamma_density(0.0, a, x),
              domain=((0.0, 50.0), (0.0, 100.0)), latex=r"P({0}, {1})",
              doc="The regularized lower incomplete gamma function P(a, x), as SciPy's gammainc.")
gammaincc = op("gammaincc", incomplete.gammaincc,
               lambda a, x, y: -gammainc_by(1.0, a, x), lambda a, x, y: -gamma_density(0.0, a, x),
               domain=((0.0, 50.0), (0.0, 100.0)), latex=r"Q({0}, {1})",
               doc="The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), accurate where it is small.")
gammainc_by = aux("gammainc_by", incomplete.gammainc_by,
                  lambda k, a, x, y: nan, lambda k, a, x, y: gammainc_by(k + 1.0, a, x),
                  lambda k, a, x, y: gamma_density(k, a, x), settings=(0,), domain=((1, 1), (0.0, 50.0), (0.0, 100.0)),
                  latex=r"\partial_1^{{{0}}} P({1}, {2})", doc="The k-th derivative of gammainc by a.")
gamma_density = aux("gamma_density", incomplete.gamma_density,
                    lambda k, a, x, y: nan, lambda k, a, x, y: gamma_density(k + 1.0, a, x),
                    lambda k, a, x, y: y * gamma_slope(a, x) + k * gamma_density(k - 1.0, a, x) / x,
                    settings=(0,), domain=((0, 0), (0.0, 50.0), (0.0, 100.0)),
                    latex=r"\partial_1^{{{0}}} \tfrac{{{2}^{{{1}-1}} e^{{-{2}}}}}{{\Gamma({1})}}",
                    doc="The k-th derivative by a of x**(a-1) exp(-x) / gamma(a): of order 0, the derivative of gammainc by x.")
gamma_slope = aux("gamma_slope", incomplete.gamma_slope, lambda a, x, y: 1.0 / x, lambda a, x, y: (1.0 - a) / x / x,
                  domain=((0.0, 50.0), (0.0, 100.0)), latex=r"\tfrac{{{0} - 1}}{{{1}}} - 1",
                  doc="(a - 1)/x - 1: the derivative by x of the logarithm of gamma_density.")
betainc  = op("betainc", incomplete.betainc,
              lambda a, b, x, y: betainc_by(1.0, 0.0, a, b, x), lambda a, b, x, y: betainc_by(0.0, 1.0, a, b, x),
              lambda a, b, x, y: beta_density(0.0, 0.0, a, b, x),
              domain=((0.0, 50.0), (0.0, 50.0), (0.0, 1.0)), latex=r"I_{{{2}}}({0}, {1})",
              doc="The regularized incomplete beta function I_x(a, b), as SciPy's betainc.")
betainc_by = aux("betainc_by", incomplete.betainc_by,
                 lambda j, k, a, b, x, y: nan, lambda j, k, a, b, x, y: nan,
                 lambda j, k, a, b, x, y: betainc_by(j + 1.0, k, a, b, x),
                 lambda j, k, a, b, x, y: betainc_by(j, k + 1.0, a, b, x),
                 lambda j, k, a, b, x, y: beta_density(j, k, a, b, x), settings=(0, 1),
                 domain=((1, 1), (0, 0), (0.0, 50.0), (0.0, 50.0), (0.0, 1.0)),
                 latex=r"\partial_1^{{{0}}} \partial_2^{{{1}}} I_{{{4}}}({2}, {3})",
                 doc="The derivative of betainc, j times by a and k times by b.")


def _beta_density_by_x(j: Any, k: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    by_a, by_b = beta_density(j - 1.0, k, a, b, x), beta_density(j, k - 1.0, a, b, x)
    return y * beta_slope(a, b, x) + j * by_a / x - k * by_b / (1.0 - x)


beta_density = aux("beta_density", incomplete.beta_density,
                   lambda j, k, a, b, x, y: nan, lambda j, k, a, b, x, y: nan,
                   lambda j, k, a, b, x, y: beta_density(j + 1.0, k, a, b, x),
                   lambda j, k, a, b, x, y: beta_density(j, k + 1.0, a, b, x), _beta_density_by_x, settings=(0, 1),
                   domain=((0, 0), (0, 0), (0.0, 50.0), (0.0, 50.0), (0.0, 1.0)),
                   latex=r"\partial_1^{{{0}}} \partial_2^{{{1}}} \tfrac{{{4}^{{{2}-1}} (1-{4})^{{{3}-1}}}}{{B({2}, {3})}}",
                   doc="The derivative of x**(a-1) (1-x)**(b-1) / beta(a, b), j times by a and k times by b.")
beta_slope = aux("beta_slope", incomplete.beta_slope,
                 lambda a, b, x, y: 1.0 / x, lambda a, b, x, y: -1.0 / (1.0 - x),
                 lambda a, b, x, y: (1.0 - a) / x / x - (b - 1.0) / (1.0 - x) / (1.0 - x),
                 domain=((0.0, 50.0), (0.0, 50.0), (0.0, 1.0)), latex=r"\tfrac{{{0} - 1}}{{{2}}} - \tfrac{{{1} - 1}}{{1 - {2}}}",
                 doc="(a - 1)/x - (b - 1)/(1 - x): the derivative by x of the logarithm of beta_density.")

# Bessel functions of orders 0 and 1 -------------------------------------------------------------

j0       = op("j0", bessel.j0, lambda x, y: -j1(x), latex="J_0({0})", doc="The Bessel function of the first kind of order 0.")
j1       = op("j1", bessel.j1, lambda x, y: bessel_j(1.0, 1.0, x), latex="J_1({0})", doc="The Bessel function of the first kind of order 1.")
y0       = op("y0", bessel.y0, lambda x, y: -y1(x), latex="Y_0({0})", domain=((0.0, 200.0),),
              doc="The Bessel function of the second kind of order 0: -inf at 0, nan below.")
y1       = op("y1", bessel.y1, lambda x, y: bessel_y(1.0, 1.0, x), latex="Y_1({0})", domain=((0.0, 200.0),),
              doc="The Bessel function of the second kind of order 1: -inf at 0, nan below.")
i0       = op("i0", bessel.i0, lambda x, y: i1(x), latex="I_0({0})", doc="The modified Bessel function of the first kind of order 0.")
i1       = op("i1", bessel.i1, lambda x, y: bessel_i(1.0, 1.0, x), latex="I_1({0})", doc="The modified Bessel function of the first kind of order 1.")
bessel_j = aux("bessel_j", bessel.bessel_j, lambda v, n, x, y: nan, lambda v, n, x, y: nan,
              lambda v, n, x, y: bessel_j(v, n + 1.0, x), settings=(0, 1), domain=((1, 1), (1, 1), (-inf, inf)),
              latex=r"J_{{{0}}}^{{({1})}}({2})", doc="The n-th derivative of J of order v, 0 or 1, at x.")
bessel_y = aux("bessel_y", bessel.bessel_y, lambda v, n, x, y: nan, lambda v, n, x, y: nan,
              lambda v, n, x, y: bessel_y(v, n + 1.0, x), settings=(0, 1), domain=((1, 1), (1, 1), (0.0, 200.0)),
              latex=r"Y_{{{0}}}^{{({1})}}({2})", doc="The n-th derivative of Y of order v, 0 or 1, at x.")
bessel_i = aux("bessel_i", bessel.bessel_i, lambda v, n, x, y: nan, lambda v, n, x, y: nan,
              lambda v, n, x, y: bessel_i(v, n + 1.0, x), settings=(0, 1), domain=((1, 1), (1, 1), (-inf, inf)),
              latex=r"I_{{{0}}}^{{({1})}}({2})", doc="The n-th derivative of I of order v, 0 or 1, at x.")

# Activations ------------------------------------------------------------------------------------

relu     = op("relu", tails.relu, lambda d, x, y: gate(d, x), kind=CHOICE, symbol="ReLU",
              latex=r"\operatorname{{relu}}({0})",
              doc="x where it is positive, else 0; its derivative at 0 is 0, the subgradient of least norm.")
gate     = aux("gate", tails.gate, lambda d, a, b, y: gate(d, b), lambda d, a, b, y: None, kind=CHOICE,
              latex=r"{0} \, [{1} > 0]", doc="a where b > 0, else 0; chosen, not multiplied.")
leaky_relu = op("leaky_relu", tails.leaky_relu, lambda x, s, y: leaky_step(x, s), lambda x, s, y: gate(x, -x),
                settings=(1,), defaults={"slope": 0.01}, domain=((-inf, inf), (0.0, 1.0)),
                latex=r"\operatorname{{leaky\_relu}}({0}, {1})",
                doc="x where it is positive, else slope * x; the slope is 0.01 unless given.")
leaky_step = aux("leaky_step", tails.leaky_step, lambda d, x, s, y: None, lambda d, x, s, y: gate(d, -x),
                kind=CHOICE, settings=(1,), domain=((-inf, inf), (0.0, 1.0)), latex=r"\operatorname{{leaky\_step}}({0}, {1})",
                doc="The derivative of leaky_relu by x: 1 where x is positive, else the slope.")
elu      = op("elu", tails.elu, lambda x, a, y: elu_step(x, a), lambda x, a, y: gate(expm1(x), -x),
              settings=(1,), defaults={"alpha": 1.0},
              domain=((-inf, inf), (0.0, 2.0)), latex=r"\operatorname{{elu}}({0}, {1})",
              doc="x where it is positive, else alpha * (exp(x) - 1); alpha is 1 unless given.")
elu_step = aux("elu_step", tails.elu_step, lambda x, a, y: gate(y, -x), lambda x, a, y: gate(exp(x), -x), settings=(1,),
              domain=((-inf, inf), (0.0, 2.0)), latex=r"\operatorname{{elu\_step}}({0}, {1})",
              doc="The derivative of elu by x: 1 where x is positive, else alpha * exp(x).")
softplus = op("softplus", tails.softplus, lambda x, y: sigmoid(x), latex=r"\ln(1 + e^{{{0}}})",
              doc="log(1 + exp(x)) without overflow.")
sigmoid  = op("sigmoid", tails.sigmoid, lambda x, y: dsigmoid(x), latex=r"\sigma({0})",
              doc="The logistic function 1 / (1 + exp(-x)).")
dsigmoid = aux("dsigmoid", tails.dsigmoid, lambda x, y: -y * tanh(0.5 * x), latex=r"\sigma'({0})",
              doc="The derivative of sigmoid, s * (1 - s), also where s rounds to 1.")
logsigmoid = op("logsigmoid", tails.logsigmoid, lambda x, y: sigmoid(-x), latex=r"\ln \sigma({0})",
                doc="log(sigmoid(x)), also where sigmoid(x) rounds to 0.")
silu     = op("silu", tails.silu, lambda x, y: dsilu(x), latex=r"\operatorname{{silu}}({0})", doc="x * sigmoid(x).")
dsilu    = aux("dsilu", tails.dsilu, lambda x, y: d2silu(x),
              latex=r"\operatorname{{silu}}'({0})", doc="The derivative of silu.")
d2silu   = aux("d2silu", tails.d2silu,
              lambda x, y: -tanh(0.5 * x) * y - dsigmoid(x) * (tanh(0.5 * x) + 0.5 * x * sech2(0.5 * x)),
              latex=r"\operatorname{{silu}}''({0})", doc="The second derivative of silu.")
gelu     = op("gelu", tails.gelu, lambda x, y: dgelu(x), latex=r"\operatorname{{gelu}}({0})",
              doc="x * ndtr(x), the exact Gaussian error linear unit.")
dgelu    = aux("dgelu", tails.dgelu, lambda x, y: d2gelu(x), latex=r"\operatorname{{gelu}}'({0})",
              doc="The derivative of gelu, ndtr(x) + x * normal(x).")
d2gelu   = aux("d2gelu", tails.d2gelu, lambda x, y: -x * (y + 2.0 * normal(x)), latex=r"\operatorname{{gelu}}''({0})",
              doc="The second derivative of gelu, (2 - x*x) * normal(x).")
ndtr     = op("ndtr", tails.ndtr, lambda x, y: normal(x), latex=r"\Phi({0})",
              doc="The normal distribution function: the part of a standard normal below x.")
normal   = aux("normal", tails.normal, lambda x, y: -x * y, latex=r"\varphi({0})",
              doc="The density of the standard normal at x.")

# Choosing: gradients are passed on, not multiplied ----------------------------------------------


def _tied_slopes(d: Any, xs: Any, y: Any) -> Any:
    shared = ties(y, *xs)
    return [route(d, x, y, shared) for x in xs]


maximum  = op("maximum", ieee.maximum, _tied_slopes, many=True, kind=CHOICE, latex=r"\max({args})",
              doc="The largest operand, nan if any is nan; those that tie for it share the gradient equally.")
minimum  = op("minimum", ieee.minimum, _tied_slopes, many=True, kind=CHOICE, latex=r"\min({args})",
              doc="The smallest operand, nan if any is nan; those that tie for it share the gradient equally.")
fmax     = op("fmax", ieee.fmax,
              lambda d, a, b, y: route(d, a, y, ties(y, a, b)), lambda d, a, b, y: route(d, b, y, ties(y, a, b)),
              kind=CHOICE, latex=r"\operatorname{{fmax}}({0}, {1})", doc="The larger operand; a number beats nan.")
fmin     = op("fmin", ieee.fmin,
              lambda d, a, b, y: route(d, a, y, ties(y, a, b)), lambda d, a, b, y: route(d, b, y, ties(y, a, b)),
              kind=CHOICE, latex=r"\operatorname{{fmin}}({0}, {1})", doc="The smaller operand; a number beats nan.")
ties     = aux("ties", tails.ties, many=True, kind=FLAT, latex=r"\#({args})", doc="How many further operands equal the first.")
route    = aux("route", tails.route,
              lambda d, a, x, top, n, y: route(d, x, top, n), lambda d, a, x, top, n, y: None,
              lambda d, a, x, top, n, y: None, lambda d, a, x, top, n, y: None, kind=CHOICE,
              latex=r"\operatorname{{route}}({args})", doc="a / n where x equals top, else 0; chosen, not multiplied.")
clip     = op("clip", ieee.clip,
              lambda d, x, low, high, y: inside(d, x, low, high),
              lambda d, x, low, high, y: guard(_where(less(x, low), d, 0.0), y),
              lambda d, x, low, high, y: guard(_where(greater(x, high), d, 0.0), y), kind=CHOICE,
              settings=(1, 2), defaults={"low": -inf, "high": inf}, domain=((-2.0, 2.0), (-1.0, -1.0), (1.0, 1.0)), latex=r"\operatorname{{clip}}({0}, {1}, {2})",
              doc="x brought between two bounds; a number on a bound keeps its gradient, as in PyTorch.")
inside   = aux("inside", tails.inside,
              lambda d, a, x, low, high, y: inside(d, x, low, high), lambda d, a, x, low, high, y: None,
              lambda d, a, x, low, high, y: None, lambda d, a, x, low, high, y: None, kind=CHOICE,
              latex=r"{0} \, [{2} \le {1} \le {3}]", doc="a where x lies between two bounds, else 0; chosen, not multiplied.")
_where   = op("where", ieee.where,
              lambda d, c, a, b, y: None, lambda d, c, a, b, y: _where(c, d, 0.0), lambda d, c, a, b, y: _where(c, 0.0, d),
              kind=CHOICE, domain=((0, 1), (-inf, inf), (-inf, inf)), latex=r"({1} \text{{ if }} {0} \text{{ else }} {2})",
              doc="a where the condition holds, else b; the other one gets no gradient at all, not 0 times one.")


def _take_parts(d: Any, xs: Any, y: Any) -> Any:
    index = xs[0]
    if isinstance(index, float):
        return [d if k == index else None for k in range(-1, len(xs) - 1)]
    # The index is known only when the program runs: each may be the one.
    return [None, *(_where(equal(index, float(k)), d, 0.0) for k in range(len(xs) - 1))]


_take    = aux("take", tails.take, _take_parts, many=True, kind=CHOICE, settings=(0,), latex=r"\operatorname{{take}}({args})",
              doc="The operand at the index that comes first, of those after it; the others get no gradient.")
guard    = aux("guard", tails.guard, lambda d, a, b, y: guard(d, b), lambda d, a, b, y: guard(0.0, b), kind=CHOICE,
              latex=r"{0}", doc="a, but nan where b is nan.")
copysign = op("copysign", ieee.copysign, lambda a, b, y: sign(a) * copysign(1.0, b), lambda a, b, y: guard(0.0, y),
              latex=r"\operatorname{{copysign}}({0}, {1})", doc="The size of a with the sign of b.")

# Sums and products of any number of operands, one node each -------------------------------------


def _prod_slopes(xs: Any, y: Any) -> Any:
    # Each product of all the others, from the left and from the right: no division by a 0.
    left: list[Any] = [1.0]
    right: list[Any] = [1.0]
    for x in xs[:-1]:
        left.append(left[-1] * x)
    for x in xs[:0:-1]:
        right.append(right[-1] * x)
    return [a * b for a, b in zip(left, reversed(right), strict=True)]


sum      = op("sum", ieee.total, lambda xs, y: [1.0] * len(xs), many=True, latex=r"\sum({args})",
              doc="The sum of the operands, from left to right.")
fsum     = op("fsum", ieee.fsum, lambda xs, y: [1.0] * len(xs), many=True, latex=r"\sum({args})",
              doc="The sum of the operands, rounded once.")
mean     = op("mean", ieee.mean, lambda xs, y: [1.0 / len(xs)] * len(xs), many=True, latex=r"\operatorname{{mean}}({args})",
              doc="The sum of the operands divided by how many there are.")
prod     = op("prod", ieee.prod, _prod_slopes, many=True, latex=r"\prod({args})", doc="The product of the operands.")
_dot     = op("dot", ieee.dot, lambda xs, y: [*xs[len(xs) // 2:], *xs[:len(xs) // 2]], many=True,
              latex=r"\langle {args} \rangle", doc="x1*y1 + x2*y2 + ... of x1, x2, ..., y1, y2, ...")
weighted_sum = aux("weighted_sum", ieee.weighted_sum,
                   lambda xs, y: [1.0, *xs[len(xs) // 2 + 1:], *xs[1:len(xs) // 2 + 1]], many=True, symbol="+", latex=r"\Sigma({args})",
                   doc="b + w1*x1 + w2*x2 + ... of b, w1, w2, ..., x1, x2, ...: a neuron before its activation.")
fma      = op("fma", ieee.fma, lambda a, b, c, y: b, lambda a, b, c, y: a, lambda a, b, c, y: 1.0,
              latex=r"{0} \cdot {1} + {2}", doc="a * b + c with one rounding.")
ldexp    = op("ldexp", ieee.ldexp, lambda x, n, y: ldexp(1.0, n), lambda x, n, y: y * ieee.LN2, settings=(1,),
              domain=((-inf, inf), (3, 3)), latex=r"{0} \cdot 2^{{{1}}}", doc="x * 2**n for a whole number n.")
fmod     = op("fmod", ieee.fmod, lambda a, b, y: guard(1.0, y), lambda a, b, y: guard(-truncdiv(a, b), y),
              latex=r"\operatorname{{fmod}}({0}, {1})", doc="The remainder of a / b with the sign of a, as math.fmod.")
remainder = op("remainder", ieee.remainder, lambda a, b, y: guard(1.0, y), lambda a, b, y: guard(-neardiv(a, b), y),
               latex=r"\operatorname{{remainder}}({0}, {1})", doc="a minus the nearest multiple of b, as math.remainder.")

# Locally constant: no gradient but nan where the value is nan ----------------------------------

truncdiv = aux("truncdiv", ieee.truncdiv, lambda d, a, b, y: guard(0.0, y), lambda d, a, b, y: guard(0.0, y), kind=CHOICE,
              doc="a / b rounded towards 0, in whole numbers.")
neardiv  = aux("neardiv", ieee.neardiv, lambda d, a, b, y: guard(0.0, y), lambda d, a, b, y: guard(0.0, y), kind=CHOICE,
              doc="a / b rounded to the nearest whole number.")
floor    = op("floor", ieee.floor, lambda d, x, y: guard(0.0, y), kind=CHOICE, latex=r"\lfloor {0} \rfloor", doc="The largest whole number up to x.")
ceil     = op("ceil", ieee.ceil, lambda d, x, y: guard(0.0, y), kind=CHOICE, latex=r"\lceil {0} \rceil", doc="The smallest whole number from x on.")
trunc    = op("trunc", ieee.trunc, lambda d, x, y: guard(0.0, y), kind=CHOICE, doc="x without its fraction.")
rint     = op("rint", ieee.rint, lambda d, x, y: guard(0.0, y), kind=CHOICE, doc="The nearest whole number, halves to the even one.")
round    = op("round", ieee.round_to, lambda d, x, n, y: guard(0.0, y), lambda d, x, n, y: None, kind=CHOICE,
              settings=(1,), defaults={"digits": 0.0}, domain=((-inf, inf), (2, 2)),
              doc="x rounded to that many decimals, to none by default.")
sign     = op("sign", ieee.sign, lambda d, x, y: guard(0.0, y), kind=CHOICE, latex=r"\operatorname{{sign}} {0}", doc="1, 0 or -1 with the sign of x.")
stop     = aux("stop", ieee.identity, operands=1, kind=FLAT, latex="{0}", doc="x itself, as a constant: no gradient passes.")
identity = aux("identity", ieee.identity, lambda x, y: 1.0, latex="{0}", doc="x itself, as a node of its own.")

# Comparisons and logic: 1 for true, 0 for false; no gradient -------------------------------------

equal         = op("equal", ieee.equal, operands=2, kind=FLAT, symbol="=", latex="{0} = {1}", doc="1 where a is b, else 0.")
not_equal     = op("not_equal", ieee.not_equal, operands=2, kind=FLAT, symbol="!=", latex=r"{0} \ne {1}", doc="1 where a is not b, else 0.")
less          = op("less", ieee.less, operands=2, kind=FLAT, symbol="<", latex="{0} < {1}", doc="1 where a < b, else 0.")
less_equal    = op("less_equal", ieee.less_equal, operands=2, kind=FLAT, symbol="<=", latex=r"{0} \le {1}", doc="1 where a <= b, else 0.")
greater       = op("greater", ieee.greater, operands=2, kind=FLAT, symbol=">", latex="{0} > {1}", doc="1 where a > b, else 0.")
greater_equal = op("greater_equal", ieee.greater_equal, operands=2, kind=FLAT, symbol=">=", latex=r"{0} \ge {1}", doc="1 where a >= b, else 0.")
logical_and   = op("logical_and", ieee.logical_and, operands=2, kind=FLAT, symbol="and", latex=r"{0} \land {1}", doc="1 where neither a nor b is 0, else 0.")
logical_or    = op("logical_or", ieee.logical_or, operands=2, kind=FLAT, symbol="or", latex=r"{0} \lor {1}", doc="1 where a or b is not 0, else 0.")
logical_not   = op("logical_not", ieee.logical_not, operands=1, kind=FLAT, symbol="not", latex=r"\lnot {0}", doc="1 where x is 0, else 0.")
isnan         = op("isnan", ieee.isnan, operands=1, kind=FLAT, latex=r"\operatorname{{isnan}}({0})", doc="1 where x is nan, else 0.")
isinf         = op("isinf", ieee.isinf, operands=1, kind=FLAT, latex=r"\operatorname{{isinf}}({0})", doc="1 where x is infinite, else 0.")
isfinite      = op("isfinite", ieee.isfinite, operands=1, kind=FLAT, latex=r"\operatorname{{isfinite}}({0})", doc="1 where x is neither infinite nor nan, else 0.")
# fmt: on

# Functions made of several operations -----------------------------------------------------------


def log(x: Any, base: Any = None) -> Any:
    """The logarithm of x, natural unless a base is given: -inf at 0, nan below.

    >>> log(8.0, 2.0)
    3.0
    """
    if base is None:
        return log_e(x)
    if not hasattr(base, "_apply"):
        if base == 2:
            return log2(x)
        if base == 10:
            return log10(x)
    return log_e(x) / log_e(base)


def dot(xs: Any, ys: Any) -> Any:
    """x1*y1 + x2*y2 + ..., one node, added from left to right.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    xs, ys = tuple(xs), tuple(ys)
    if len(xs) != len(ys):
        raise ValueError(f"dot: {len(xs)} numbers on the left, {len(ys)} on the right")
    return _dot(*xs, *ys)


def dist(p: Any, q: Any) -> Any:
    """The distance between two points, given by as many coordinates each.

    >>> dist([0.0, 0.0], [3.0, 4.0])
    5.0
    """
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError(f"dist: {len(p)} coordinates on the left, {len(q)} on the right")
    return hypot(*(a - b for a, b in zip(p, q)))


def softmax(xs: Any) -> list[Any]:
    """exp(x) / (exp(x1) + exp(x2) + ...) for each x, without overflow; a list.

    nan for all where every x is -inf: a row that is masked from end to end.

    >>> softmax([1.0, 1.0])
    [0.5, 0.5]
    """
    if not hasattr(xs, "__iter__") or isinstance(xs, (str, bytes)):
        raise TypeError(f"softmax: a list of numbers is needed, not {xs!r:.60}")
    xs = tuple(xs)
    if not xs:
        raise ValueError("softmax of no numbers")
    top = stop(maximum(*xs))
    parts = [exp_diff(x, top) for x in xs]
    whole = sum(*parts)
    return [div(part, whole) for part in parts]


def where(condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b; the other one gets no gradient at all, not 0 times one.

    The condition is a bool, 0 or 1, or a Value such as a comparison gives while a function is
    traced; something else is a TypeError, for ~True is -2.

    >>> where(True, 1.0, 2.0), where(0, 1.0, 2.0)
    (1.0, 2.0)
    """
    if not hasattr(condition, "_apply") and real(condition, "where: the condition") not in (0, 1):
        raise TypeError(
            f"where: the condition is {condition!r:.60}, which is neither a bool nor 0 or 1; write "
            "a comparison such as x > 0, and logical_not for its opposite"
        )
    return _where(condition, a, b)


def take(values: Any, index: Any) -> Any:
    """The element of `values` at `index`, counted from 0; of a list of lists the row.

    A list of indices gives a list. Unlike `values[index]` it takes an index that is a Value, such as
    an argument of a function that is compiled: what was not taken gets no gradient. ValueError for
    an index that is no whole number or out of range; `to_jax` and `to_torch` give nan there.

    >>> take([1.0, 3.0, 5.0], 1), take([[1.0, 2.0], [3.0, 4.0]], [1, 0])
    (3.0, [[3.0, 4.0], [1.0, 2.0]])
    """
    if not hasattr(values, "__len__") or isinstance(values, (str, bytes)):
        raise TypeError(f"take: a list of numbers or of rows is needed, not {values!r:.60}")
    several = hasattr(index, "__len__") and not isinstance(index, (str, bytes))
    if several and getattr(index, "shape", None) != ():
        return [take(values, i) for i in index]
    if not hasattr(index, "_apply"):
        at = real(index, "take: the index")
        if 0 <= at < len(values) and at == int(at):
            return values[int(at)]
        raise ValueError(f"take: index {at:g} of {len(values)} elements, counted from 0")
    if not len(values):
        raise ValueError("take: there are no elements to take one of")
    if all([hasattr(row, "__len__") for row in values]):
        sizes = {len(row) for row in values}
        if len(sizes) > 1:
            counts = " and ".join(map(str, builtins.sorted(sizes)))
            raise ValueError(f"take: the rows have {counts} elements; they need as many each")
        return [take(column, index) for column in zip(*values)]
    return _take(index, *values)


# What `from micrograd import *` gives: every row that is not for other rows alone, and the
# functions above.
__all__ = ["TABLE", *(name for name, row in TABLE.items() if not row.internal)]
__all__ += ["dist", "softmax", "take"]
